"""Scenarios: what is tried, and that both sides do the same in it."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support import REPOSITORY, Outcome

from smx2vertex.compare.scenarios import Scenarios
from smx2vertex.compare.source import SourceReader
from smx2vertex.sagemaker import reader

Smx2vertex = Callable[..., Outcome]
CHURN = json.loads((REPOSITORY / "tests" / "fixtures" / "churn_mini" / "definition.json").read_text())
RECALL = {
    "Std:JsonGet": {
        "PropertyFile": {"Get": "Steps.Evaluate.PropertyFiles.EvaluationReport"},
        "Path": "binary_classification_metrics.recall.value",
    }
}


def told() -> dict[str, Any]:
    """A pipeline in which a step gets a value of a file as a variable of its environment."""
    document: dict[str, Any] = copy.deepcopy(CHURN)
    evaluate = next(step for step in document["Steps"] if step["Name"] == "Evaluate")
    tell = {**copy.deepcopy(evaluate), "Name": "Tell"}
    del tell["PropertyFiles"]
    tell["Arguments"]["Environment"] = {"RECALL": RECALL}
    document["Steps"].append(tell)
    return document


def test_a_path_that_is_missing_in_an_argument_is_tried(smx2vertex: Smx2vertex, tmp_path: Path) -> None:
    file = tmp_path / "definition.json"
    file.write_text(json.dumps(told()))
    chosen, _ = Scenarios(SourceReader(reader.load(file)).pipeline(), (), ()).chosen()
    assert [scenario.why for scenario in chosen if "missing" in scenario.why] == [
        "binary_classification_metrics.accuracy.value is missing in what Evaluate leaves",
        "binary_classification_metrics.recall.value is missing in what Evaluate leaves",
    ]
    done = smx2vertex("convert", file, "--out", tmp_path / "project")
    assert "equivalent in structure and parameters, in 17 simulated executions too" in done.out


# --- loops ---

LOOP = REPOSITORY / "tests" / "vertex" / "fixtures" / "loop" / "definition.json"
SELECTED = "TryDepths.Selected.FinalMetricDataList['rmse'].Value"
SECOND = "TryDepths.ChildOutputs[1].FinalMetricDataList['rmse'].Value"


def asking(compared: str, threshold: float, folder: Path) -> Path:
    """The definition of a loop over three depths with a condition on what it leaves."""
    document = json.loads(LOOP.read_text())
    steps = {step["Type"]: step for step in document["Steps"]}
    steps["ForEach"]["Arguments"]["IterableItems"] = json.dumps([{"depth": n, "name": f"d{n}"} for n in (2, 4, 6)])
    (condition,) = steps["Condition"]["Arguments"]["Conditions"]
    condition |= {"LeftValue": {"Get": f"Steps.{compared}"}, "RightValue": threshold}
    file = folder / "definition.json"
    file.write_text(json.dumps(document))
    return file


@pytest.mark.parametrize(
    ("compared", "threshold", "scenarios"),
    [(SELECTED, 2.5, 8), (SECOND, 2.5, 8), ("TryDepths.InputItemCount", 3, 6), ("TryDepths.InputItemCount", 2, 5)],
)
def test_a_condition_on_what_a_loop_leaves_is_simulated(
    smx2vertex: Smx2vertex, tmp_path: Path, compared: str, threshold: float, scenarios: int
) -> None:
    file = asking(compared, threshold, tmp_path)
    assert smx2vertex("convert", file, "--out", tmp_path / "project").code == 0
    done = smx2vertex("validate", file, tmp_path / "project" / "compiled" / "kubeflow.yaml")
    assert f"behaviour   pass  {scenarios} scenarios" in done.out
    assert "SMX495" not in done.out


@pytest.mark.parametrize(
    ("compared", "old", "new"),
    [
        (SELECTED, "--pick=MinBy", "--pick=MaxBy"),
        (SELECTED, "--output=rmse_selected:selected:", "--output=rmse_selected:0:"),
        (SECOND, "--output=rmse_1:1:", "--output=rmse_1:2:"),
        ("TryDepths.InputItemCount", ":InputItemCount", ":FailedStepCount"),
    ],
)
def test_another_copy_takes_another_branch(
    smx2vertex: Smx2vertex, tmp_path: Path, compared: str, old: str, new: str
) -> None:
    file = asking(compared, 2.5, tmp_path)
    smx2vertex("convert", file, "--out", tmp_path / "project")
    text = (tmp_path / "project" / "compiled" / "kubeflow.yaml").read_text()
    assert old in text
    edited = tmp_path / "edited.yaml"
    edited.write_text(text.replace(old, new))
    done = smx2vertex("validate", file, edited, "--format", "json")
    stories = json.loads(done.out)["scenarios"]["stories"]
    assert {story["code"] for story in stories} == {"SMX490"}, stories
