"""The inventory: what it finds in code, notebooks and documents, whole and broken."""

from __future__ import annotations

import ast
import csv
import importlib.util
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from support import REPOSITORY, Outcome

from smx2vertex.scan import scan, scan_text
from smx2vertex.scan.tables import sdk_classes, step_classes

FIXTURES = Path(__file__).parent / "fixtures"
EXPECTED = yaml.safe_load((FIXTURES / "expected.yaml").read_text(encoding="utf-8"))
PIPELINE = (FIXTURES / "workshop" / "pipeline_dev.py").read_text(encoding="utf-8")


def place(item: dict[str, Any]) -> str:
    """`12`, or `cell 3: 12`."""
    return str(item["line"]) if item["cell"] is None else f"cell {item['cell']}: {item['line']}"


def summary(file: dict[str, Any]) -> dict[str, Any]:
    """What a file holds, as `expected.yaml` writes it: one line an item, empty lists left out."""
    kubeflow = file["kubeflow"]
    items = {
        "pipelines": [f"{each['name']} @ {place(each)}" for each in (*file["pipelines"], *kubeflow["pipelines"])],
        "steps": [f"{each['class']} {each['name'] or each['text']} @ {place(each)}" for each in file["steps"]],
        "depends_on": [
            f"{each['name']} <- {', '.join(each['depends_on'])}" for each in file["steps"] if each["depends_on"]
        ],
        "references": [
            f"{each['producer']}.{each['path']} -> {each['consumer']} @ {place(each)}" for each in file["references"]
        ],
        "parameters": [
            f"{each['class']} {each['name']} = {each['text'] or each['default']} @ {place(each)}"
            for each in file["parameters"]
        ],
        "conditions": [
            f"{each['class']} {' | '.join(each['operands'])} @ {place(each)}" for each in file["conditions"]
        ],
        "components": [
            f"{each['name']} {each['origin']} @ {place(each)}, used {list(each['uses'])}"
            for each in kubeflow["components"]
        ],
        "calls": [
            f"{each['call']} {each['subject']} ({each['arguments']}) @ {place(each)}"
            for about in ("control_flow", "order", "resources", "caching", "retries", "compilations", "submissions")
            for each in kubeflow[about]
        ],
        "findings": [f"{each['code']} {each['source']['pointer']}" for each in file["findings"]],
    }
    return {"kind": file["kind"]} | {name: found for name, found in items.items() if found}


@pytest.mark.parametrize("folder", ["workshop", "broken", "styles", "kubeflow"])
def test_the_inventory_of_a_folder(smx2vertex: Callable[..., Outcome], folder: str) -> None:
    done = smx2vertex("scan", FIXTURES / folder, "--format", "json")
    assert done.code == 0, done.err
    files = json.loads(done.out)["files"]
    assert {str(Path(file["path"]).relative_to(FIXTURES)): summary(file) for file in files} == EXPECTED[folder]


def test_every_known_class_is_counted_also_where_it_is_not_used(smx2vertex: Callable[..., Outcome]) -> None:
    found = json.loads(smx2vertex("scan", FIXTURES / "workshop", "--format", "json").out)
    assert list(found["classes"]) == step_classes()
    used = {name: count for name, count in found["classes"].items() if count}
    assert used == {"ProcessingStep": 2, "TrainingStep": 1, "ModelStep": 1, "ConditionStep": 1, "FailStep": 1}
    by_file = {Path(file["path"]).name: sum(file["classes"].values()) for file in found["files"]}
    assert by_file == dict.fromkeys(by_file, 0) | {"pipeline_dev.py": 6}
    assert found["totals"]["steps"] == 6


def test_the_text_answers_the_lab(smx2vertex: Callable[..., Outcome]) -> None:
    out = smx2vertex("scan", FIXTURES / "workshop").out
    lines = {
        Path(line.split()[0]).name: line.split() for line in out.splitlines() if ".py " in line and "what" not in line
    }
    assert "defines a pipeline" in " ".join(lines["pipeline_dev.py"])
    assert lines["train.py"][1:4] == ["container", "script", "0"]
    assert any(line.split() == ["CallbackStep", "Callback", "0"] for line in out.splitlines())
    assert "hunter2" not in out


def test_the_same_in_csv_and_markdown(smx2vertex: Callable[..., Outcome], tmp_path: Path) -> None:
    file = tmp_path / "formula.py"
    file.write_text(
        "from sagemaker.workflow.steps import TrainingStep\nstep = TrainingStep(name='=HYPERLINK(1)|<b>\\x1b[2J')\n"
    )
    rows = list(csv.DictReader(io.StringIO(smx2vertex("scan", file, "--format", "csv").out)))
    step = next(row for row in rows if row["item"] == "step")
    assert (step["class"], step["line"], step["name"]) == ("TrainingStep", "2", "'=HYPERLINK(1)|<b>·[2J")
    counts = {row["class"]: row["detail"] for row in rows if row["item"] == "count"}
    assert (counts["TrainingStep"], counts["CallbackStep"]) == ("1", "0")
    markdown = smx2vertex("scan", file, "--format", "md").out
    assert "| =HYPERLINK(1)\\|&lt;b&gt;·\\[2J | TrainingStep |" in markdown
    assert "\x1b" not in smx2vertex("scan", file).out


def test_definitions_and_pipeline_specs_are_listed(smx2vertex: Callable[..., Outcome], tmp_path: Path) -> None:
    definition = json.loads((REPOSITORY / "tests" / "fixtures" / "churn_mini" / "definition.json").read_text())
    (tmp_path / "a.json").write_text(json.dumps(definition))
    (tmp_path / "b.yaml").write_text(yaml.safe_dump(definition))
    (tmp_path / "c.yaml").write_text((REPOSITORY / "tests" / "kubeflow" / "specs" / "flow.yaml").read_text())
    (tmp_path / "d.json").write_text('{"Steps": 3}')
    (tmp_path / "e.json").write_text('{"Steps": [')
    (tmp_path / "f.yaml").write_text("Steps: &a [*a]\nVersion: 2020-12-01\n")
    (tmp_path / "g.yaml").write_text("steps: {{ .Values.steps }}\n")
    found = scan([tmp_path])
    kinds = [file.kind for file in found.files]
    assert kinds == ["definition", "definition", "pipeline spec", "plain", "unreadable", "unreadable", "plain"]
    steps = [(step.name, step.type) for step in found.files[0].steps]
    assert steps == [(step.name, step.type) for step in found.files[1].steps]
    assert ("Train", "Training") in steps
    assert found.files[2].kubeflow.tasks
    assert [each.code for each in found.files[4].findings] == ["SMX102"]


def test_folders_are_walked_in_order_without_what_is_not_the_users(tmp_path: Path) -> None:
    for name in ("b.py", "a/z.py", "a.py", ".git/hook.py", "node_modules/x.py", "env/lib/y.py", "B.PY", "notes.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x = 1\n")
    (tmp_path / "env" / "pyvenv.cfg").write_text("")
    (tmp_path / "a" / "loop").symlink_to(tmp_path)
    (tmp_path / "gone.py").symlink_to(tmp_path / "nowhere.py")
    found = scan([tmp_path, tmp_path / "a.py"])
    assert [str(Path(file.path).relative_to(tmp_path)) for file in found.files] == ["B.PY", "a.py", "b.py", "a/z.py"]


def test_what_cannot_be_scanned(smx2vertex: Callable[..., Outcome], tmp_path: Path) -> None:
    missing = smx2vertex("scan", tmp_path / "none", FIXTURES)
    assert (missing.code, "SMX151" in missing.err, missing.out) == (2, True, "")
    assert smx2vertex("scan", tmp_path).code == 2
    bad = tmp_path / "bad.ipynb"
    bad.write_text("[1")
    alone = smx2vertex("scan", bad)
    assert (alone.code, "SMX145" in alone.out) == (2, True)
    (tmp_path / "fine.py").write_text("x = 1\n")
    assert smx2vertex("scan", tmp_path).code == 0


def test_text_that_is_no_text_can_be_printed(smx2vertex: Callable[..., Outcome], tmp_path: Path) -> None:
    cell = {"cell_type": "code", "source": "%%writefile \ud800.py\nx = 1"}
    (tmp_path / "half.ipynb").write_text(json.dumps({"cells": [cell], "metadata": {}}))
    (tmp_path / "default.py").write_text(
        "from sagemaker.workflow.parameters import *\nParameterString('\\ud800', '\\udfff')\n"
    )
    for format in ("text", "json", "csv", "md"):
        assert smx2vertex("scan", tmp_path, "--format", format).code == 0


def test_the_table_of_classes_agrees_with_the_sdk() -> None:
    """The SDK's sources hold each class in the module that the table names; they are read, not imported."""
    package = importlib.util.find_spec("sagemaker")
    if package is None or package.origin is None:
        pytest.skip("the SageMaker SDK is not installed")
    folder = Path(package.origin).parent
    for known in sdk_classes().values():
        if known.v2 is None:
            continue
        module = folder.joinpath(*known.v2.split(".")[1:]).with_suffix(".py")
        tree = ast.parse(module.read_text(encoding="utf-8"))
        names = {node.name for node in tree.body if isinstance(node, (ast.ClassDef, ast.FunctionDef))}
        names |= {
            node.targets[0].id
            for node in tree.body
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
        }
        assert known.name.removeprefix("@") in names, known
    in_sdk = {
        node.name
        for module in (folder / "workflow").glob("*.py")
        for node in ast.parse(module.read_text(encoding="utf-8")).body
        if isinstance(node, ast.ClassDef) and node.name.endswith("Step") and not node.name.startswith("_")
    }
    assert in_sdk - {"Step", "ConfigurableRetryStep", "CompiledStep"} <= set(step_classes())


@given(st.integers(0, PIPELINE.count("\n")))
@settings(max_examples=60, deadline=None)
def test_a_file_that_is_cut_off_keeps_what_stands_before(line: int) -> None:
    whole = {step.name: step for step in scan_text(PIPELINE).steps}
    ends = {
        node.lineno: node.end_lineno or 0
        for node in ast.walk(ast.parse(PIPELINE))
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call)
    }
    cut = "\n".join(PIPELINE.split("\n")[:line])
    found = {step.name: step.line for step in scan_text(cut).steps}
    before = {name: step.line for name, step in whole.items() if step.line and ends[step.line] <= line}
    assert before.items() <= found.items()
    assert set(found) <= {*whole, None}  # a call that is cut before its name has none


PARTS = ["a", "b", "=", "(", ")", ":", ",", ".", "\n", " ", '"', "'", "\\", "#", "@", "[", "]", "é", "\0"]


@given(st.lists(st.sampled_from([*PARTS, '"""', "def ", "    ", "TrainingStep(", "class "])))
@settings(max_examples=300, deadline=None)
def test_no_text_is_too_broken(parts: list[str]) -> None:
    found = scan_text("".join(parts))
    json.dumps(found.to_dict())


@pytest.mark.parametrize(
    "text",
    [
        "(" * 100_000,
        "-" * 100_000 + "1",
        "a" + ".b" * 50_000,
        "if a:\n pass\n" + "elif b:\n pass\n" * 3000,
        '"""\n' * 3001,
    ],
    ids=["brackets", "signs", "attributes", "elif", "quotes"],
)
def test_hostile_code_is_refused_or_read_but_never_fatal(text: str) -> None:
    found = scan_text(text)
    assert [finding.code for finding in found.findings] == ["SMX140"]


def test_the_work_on_a_file_is_bounded() -> None:
    lines = [f"s = TrainingStep(name='s{n}', step_args=known)\nknown.append(s)" for n in range(1500)]
    found = scan_text("\n".join(["from sagemaker.workflow.steps import TrainingStep", "known = []", *lines]))
    assert len(found.steps) == 1500
    assert [finding.code for finding in found.findings] == ["SMX153"]
