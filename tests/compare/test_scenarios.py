"""Scenarios: what is tried, and that both sides do the same in it."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

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
    document = copy.deepcopy(CHURN)
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
