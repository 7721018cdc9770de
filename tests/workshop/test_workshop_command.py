"""The commands of the workshop: what a participant and an instructor see."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

from support import Outcome

from smx2vertex.workshop.exercise import exercises

Command = Callable[..., Outcome]


def test_each_lab_has_its_exercises_in_order(tmp_path: Path, smx2vertex: Command) -> None:
    done = smx2vertex("workshop", "list", "--folder", tmp_path, "--format", "json")
    listed = json.loads(done.out)
    assert [each["id"] for each in listed] == sorted(each["id"] for each in listed)
    labs = [each["lab"] for each in listed]
    assert all(labs.count(f"5.{lab}") >= 2 for lab in range(1, 9))
    assert {each["state"] for each in listed} == {"not started"}


def test_a_start_shows_the_way_and_never_overwrites(tmp_path: Path, smx2vertex: Command) -> None:
    done = smx2vertex("workshop", "start", "5.1.2", "--folder", tmp_path)
    assert done.code == 0
    assert "You can say what each core step is for" in done.out
    assert "1. Open purposes.yaml." in done.out
    sheet = tmp_path / "5.1.2-purposes" / "purposes.yaml"
    sheet.write_text("purpose: {ProcessingStep: train}\n")
    again = smx2vertex("workshop", "start", "5.1.2", "--folder", tmp_path)
    assert "purposes.yaml (yours, kept as it is)" in again.out
    assert sheet.read_text() == "purpose: {ProcessingStep: train}\n"


def test_a_check_prints_what_is_right_missing_and_wrong(tmp_path: Path, smx2vertex: Command) -> None:
    smx2vertex("workshop", "start", "5.5.2", "--folder", tmp_path)
    (tmp_path / "5.5.2-layers" / "layers.yaml").write_text(
        "terraform/buckets.tf: infrastructure\npolicies/allowed_regions.yaml: infrastructure\n"
    )
    done = smx2vertex("workshop", "check", "5.5.2", "--folder", tmp_path)
    assert done.code == 1
    lines = done.out.splitlines()
    assert lines[0] == "  right    terraform/buckets.tf: infrastructure. The bucket is there before any pipeline."
    assert lines[1] == "  missing  terraform/service_account.tf: no answer yet."
    assert lines[2] == "           next: Who changes this file, and how often?"
    assert (
        "  wrong    policies/allowed_regions.yaml: infrastructure is not right. It creates nothing. It says where "
        "anything may be created." in lines
    )
    assert lines[-1] == "1 of 10 right"
    listed = smx2vertex("workshop", "list", "--folder", tmp_path)
    assert "5.5.2-layers" in listed.out
    assert "1 of 10 right" in listed.out


def test_a_file_that_is_gone_is_missed(tmp_path: Path, smx2vertex: Command) -> None:
    smx2vertex("workshop", "start", "5.4.3", "--folder", tmp_path)
    (tmp_path / "5.4.3-vertex-wire" / "pipeline.py").unlink()
    done = smx2vertex("workshop", "check", "5.4.3", "--folder", tmp_path)
    assert (done.code, done.out.splitlines()[0]) == (1, "  missing  pipeline.py is not there")


def test_hints_come_one_by_one_and_are_counted(tmp_path: Path, smx2vertex: Command) -> None:
    smx2vertex("workshop", "start", "5.1.1", "--folder", tmp_path)
    shown = [smx2vertex("workshop", "hint", "5.1.1", "--folder", tmp_path).out for _ in range(4)]
    assert [text.split(":")[0] for text in shown[:3]] == ["Hint 1 of 3", "Hint 2 of 3", "Hint 3 of 3"]
    assert shown[3].startswith("There are no more hints.")
    assert json.loads((tmp_path / "progress.json").read_text())["exercises"]["5.1.1-components"]["hints"] == 3


def test_a_solution_passes_and_is_noted(tmp_path: Path, smx2vertex: Command) -> None:
    smx2vertex("workshop", "start", "5.1.1", "--folder", tmp_path)
    shown = smx2vertex("workshop", "solution", "5.1.1", "--folder", tmp_path)
    assert "A step class is used where the program calls it" in shown.out
    assert "not in the SDK: [EvaluationStep, RegisterModelStep]" in shown.out
    place = tmp_path / "5.1.1-components"
    refused = smx2vertex("workshop", "solution", "5.1.1", "--folder", tmp_path, "--out", place)
    assert (refused.code, "is there already" in refused.err) == (2, True)
    (place / "components.yaml").unlink()
    smx2vertex("workshop", "solution", "5.1.1", "--folder", tmp_path, "--out", place)
    done = smx2vertex("workshop", "check", "5.1.1", "--folder", tmp_path)
    assert done.code == 0
    assert "5.1.1-components is passed." in done.out
    assert "passed after the solution" in smx2vertex("workshop", "list", "--folder", tmp_path).out


def test_what_cannot_be_used_is_said(tmp_path: Path, smx2vertex: Command) -> None:
    unknown = smx2vertex("workshop", "start", "9.9.9", "--folder", tmp_path)
    assert unknown.code == 2
    assert "5.1.1-components" in unknown.err
    not_begun = smx2vertex("workshop", "check", "5.1.1", "--folder", tmp_path)
    assert (not_begun.code, "SMX701" in not_begun.err) == (2, True)
    (tmp_path / "progress.json").write_text('{"exercises": {"5.1.1-components": {"attempts": "many"}}}')
    broken = smx2vertex("workshop", "list", "--folder", tmp_path)
    assert (broken.code, "SMX700" in broken.err) == (2, True)
    nobody = smx2vertex("workshop", "class", tmp_path / "nobody")
    assert (nobody.code, "SMX705" in nobody.err) == (2, True)


def test_an_instructor_sees_the_class(tmp_path: Path, smx2vertex: Command) -> None:
    solution = (exercises()["5.5.2-layers"].solution / "layers.yaml").read_text()
    for name, sheet in (
        ("ana", solution),
        ("ben", solution.replace("regions.yaml: governance", "regions.yaml: infrastructure")),
        ("=cy", solution.replace("regions.yaml: governance", "regions.yaml: pipeline")),
    ):
        smx2vertex("workshop", "start", "5.5.2", "--folder", tmp_path / name)
        (tmp_path / name / "5.5.2-layers" / "layers.yaml").write_text(sheet)
        smx2vertex("workshop", "check", "5.5.2", "--folder", tmp_path / name)
    smx2vertex("workshop", "hint", "5.5.2", "--folder", tmp_path / "ben")
    (tmp_path / "dora").mkdir()
    (tmp_path / "dora" / "progress.json").write_text("lost")
    text = smx2vertex("workshop", "class", tmp_path)
    assert text.code == 0
    assert "SMX700" in text.err
    rows = {line.split()[0]: line.split()[1:] for line in text.out.splitlines() if line}
    assert rows["participant"] == ["5.5.2"]
    assert rows["ana"] == ["passed", "1a", "0h"]
    assert rows["ben"] == ["9/10", "1a", "1h"]
    assert "  2 participants  5.5.2-layers: policies/allowed_regions.yaml" in text.out.splitlines()
    table = list(csv.DictReader(io.StringIO(smx2vertex("workshop", "class", tmp_path, "--format", "csv").out)))
    assert [(row["participant"], row["state"]) for row in table] == [
        ("'=cy", "9 of 10 right"),
        ("ana", "passed"),
        ("ben", "9 of 10 right"),
    ]
    document = json.loads(smx2vertex("workshop", "class", tmp_path, "--format", "json").out)
    assert document["slips"] == [
        {"exercise": "5.5.2-layers", "check": "policies/allowed_regions.yaml", "participants": 2}
    ]
    assert {each["name"]: each["passed"] for each in document["participants"]} == {"=cy": 0, "ana": 1, "ben": 0}
