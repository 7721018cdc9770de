"""Faults that few pipelines can have: mutants of them were once missed."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from benchmarks.mutants.pairs import ROOT, Pair, pairs
from smx2vertex.compare import compare
from smx2vertex.kubeflow import spec

Document = dict[str, Any]
FIXTURES = {
    "automl": "tests/fixtures",
    "datasets": "tests/vertex/fixtures",
    "gate": "tests/inspect",
    "tuning": "tests/fixtures",
}


def pair(name: str) -> Pair:
    return list(pairs([ROOT / FIXTURES[name] / name / "definition.json"]))[-1]


def without_model(document: Document) -> None:
    document["deploymentSpec"]["executors"]["exec-search"]["container"]["args"].remove("--model=model")


def query_twice(document: Document) -> None:
    tasks = document["root"]["dag"]["tasks"]
    tasks["join-clicks-again"] = json.loads(json.dumps(tasks["join-clicks"]))
    tasks["join-clicks-again"]["taskInfo"]["name"] = "join-clicks-again"


def unknown_option(document: Document) -> None:
    document["deploymentSpec"]["executors"]["exec-gate"]["container"]["args"].insert(2, "--more=1")


def without_label(document: Document) -> None:
    document["deploymentSpec"]["executors"]["exec-tune"]["container"]["args"].remove("--label=team:risk")


@pytest.mark.parametrize(
    ("name", "fault", "code"),
    [
        pytest.param("automl", without_model, "SMX4", id="the model of a search is not published"),
        pytest.param("datasets", query_twice, "SMX401", id="a query whose rows nobody takes"),
        pytest.param("gate", unknown_option, "SMX422", id="an option of a condition that the contract lacks"),
        pytest.param("tuning", without_label, "SMX450", id="a search without its label"),
    ],
)
def test_a_seldom_fault_is_an_error(name: str, fault: Callable[[Document], None], code: str) -> None:
    right = pair(name)
    assert compare(right.definition, spec.loads(json.dumps(right.document)), machines=right.machines).equivalent
    wrong = json.loads(json.dumps(right.document))
    fault(wrong)
    found = compare(right.definition, spec.loads(json.dumps(wrong)), machines=right.machines).findings
    assert [each.code for each in found if each.severity == "error" and each.code.startswith(code)]
