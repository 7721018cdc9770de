"""The Outcome of a condition, read by a step in one of its own branches."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from support import Outcome

Command = Callable[..., Outcome]
DEFINITION = Path(__file__).parent / "fixtures" / "outcome" / "definition.json"


@pytest.fixture
def project(smx2vertex: Command, tmp_path: Path) -> Path:
    """The converted project."""
    done = smx2vertex("convert", DEFINITION, "--out", tmp_path / "project")
    assert done.code == 0, done.out + done.err
    return tmp_path / "project"


@pytest.mark.parametrize(("value", "message"), [("0.4", "Stop: the check said False"), ("0.6", "Good: never")])
def test_the_outcome_of_a_condition_reaches_other_steps(
    smx2vertex: Command, project: Path, tmp_path: Path, value: str, message: str
) -> None:
    done = smx2vertex("run", project, "-p", f"Value={value}", "--out", tmp_path / "run", "--format", "json")
    assert done.code == 1
    failed = [task["message"] for task in json.loads(done.out)["tasks"] if task["state"] == "failed"]
    assert failed == [message]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("outputParameterKey: outcome", "outputParameterKey: result"),
        ("--outcome=outcome", "--outcome=result"),
        ("value > limit", "limit > value"),
    ],
)
def test_a_wrong_outcome_is_found(smx2vertex: Command, project: Path, tmp_path: Path, old: str, new: str) -> None:
    edited = tmp_path / "edited.yaml"
    shutil.copy(project / "compiled" / "vertex.yaml", edited)
    text = edited.read_text()
    assert old in text
    edited.write_text(text.replace(old, new))
    assert smx2vertex("validate", DEFINITION, project / "compiled" / "vertex.yaml").code == 0
    assert smx2vertex("validate", DEFINITION, edited).code == 1


def test_a_parameter_may_be_called_as_the_result_is(smx2vertex: Command, tmp_path: Path) -> None:
    document = json.loads(DEFINITION.read_text())
    document["Parameters"].append({"Name": "result", "Type": "String", "DefaultValue": "a"})
    comparison = {"Type": "Equals", "LeftValue": {"Get": "Parameters.result"}, "RightValue": "b"}
    document["Steps"][0]["Arguments"]["Conditions"].append(comparison)
    source = tmp_path / "definition.json"
    source.write_text(json.dumps(document))
    done = smx2vertex("convert", source, "--out", tmp_path / "project")
    assert done.code == 0, done.out + done.err
