"""Each exercise with answers that are right, right in another way, partial and wrong: files, and what the check says.

`answers/ID.yaml` names the cases. A case takes the solution (or, with `from: start`, what a participant begins with),
changes texts in it or writes files anew, and lists what is said of everything that is not right. A case without
`says` passes. A message of another part of the product is given by its beginning, which ends with `…`.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from support import Outcome

from smx2vertex.workshop.exercise import exercises

ANSWERS = Path(__file__).parent / "answers"


def cases() -> list[Any]:
    found = []
    for file in sorted(ANSWERS.glob("*.yaml")):
        for name, case in yaml.safe_load(file.read_text()).items():
            found.append(pytest.param(file.stem, case or {}, id=f"{file.stem}-{name}"))
    return found


def test_each_exercise_has_its_answers() -> None:
    for exercise in exercises():
        names = set(yaml.safe_load((ANSWERS / f"{exercise}.yaml").read_text()))
        assert {"solution", "partial", "wrong"} <= names
        assert any(name.startswith("another way") for name in names)


def test_the_entries_of_a_sheet_are_as_the_grader_reads_them() -> None:
    """A comma in a text without quotes makes YAML read a further key."""
    for exercise in exercises().values():
        for check in exercise.checks:
            for entry in check.settings.get("items", {}).values():
                if isinstance(entry, dict):
                    assert set(entry) <= {"accept", "why", "look", "slips"}
                    assert all(isinstance(text, str) for text in entry.get("slips", {}).values())


@pytest.mark.parametrize(("exercise", "case"), cases())
def test_the_check_says_what_is_right_missing_and_wrong(
    exercise: str, case: dict[str, Any], tmp_path: Path, smx2vertex: Callable[..., Outcome]
) -> None:
    smx2vertex("workshop", "start", exercise, "--folder", tmp_path)
    place = tmp_path / exercise
    if case.get("from") != "start":
        shutil.copytree(exercises()[exercise].solution, place, dirs_exist_ok=True)
    for change in case.get("change", []):
        text = (place / change["in"]).read_text()
        assert change["this"] in text
        (place / change["in"]).write_text(text.replace(change["this"], change["to"]))
    for name, text in case.get("write", {}).items():
        (place / name).write_text(text)
    done = smx2vertex("workshop", "check", exercise, "--folder", tmp_path, "--format", "json")
    answers = json.loads(done.out)["answers"]
    said = [f"{each['status']}: {each['message']}" for each in answers if each["status"] != "right"]
    assert len(said) == len(case.get("says", []))
    for message, expected in zip(said, case.get("says", []), strict=True):
        assert message.startswith(expected[:-1]) if expected.endswith("…") else message == expected
    assert done.code == (1 if said else 0)
    assert all(each["next"] for each in answers if each["status"] != "right")
    assert json.loads((tmp_path / "progress.json").read_text())["exercises"][exercise]["attempts"] == 1
