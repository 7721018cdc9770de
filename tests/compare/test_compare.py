"""The comparison of definitions with pipeline specs: what is equal passes, every fault is found under its code."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from smx2vertex.compare import Comparison, compare
from smx2vertex.findings import InputError
from smx2vertex.kubeflow import spec
from smx2vertex.sagemaker import reader

HERE = Path(__file__).parent
FIXTURES = HERE / "fixtures"
MUTATIONS = yaml.safe_load((HERE / "mutations.yaml").read_text())
# What simulations show has tests of its own.
BEHAVIOUR = "SMX49"
PAIRS = ["exemplar_vertex", "exemplar_kubeflow", "gates_vertex", "gates_kubeflow"]


@cache
def text_of(name: str) -> str:
    return (FIXTURES / f"{name}.yaml").read_text()


def compared(name: str, text: str | None = None, **options: Any) -> Comparison:
    """Compare a compiled fixture, or a changed text of it, with its definition."""
    definition = reader.load(FIXTURES / f"{name.partition('_')[0]}.json")
    return compare(definition, spec.loads(text_of(name) if text is None else text), **options)


def found(comparison: Comparison, *severities: str) -> set[str]:
    return {finding.code for finding in comparison.findings if finding.severity in severities}


def at(document: Any, path: list[str]) -> Any:
    for key in path:
        document = document[key]
    return document


def mutated(mutation: dict[str, Any]) -> str:
    """The text of a fixture with the edits of one entry of mutations.yaml."""
    text = text_of(mutation["spec"])
    if "text" in mutation:
        old, new = mutation["text"]
        assert old in text
        return text.replace(old, new)
    document = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    match mutation:
        case {"swap": [[*first, a], [*second, b]]}:
            one, two = at(document, first), at(document, second)
            one[a], two[b] = two[b], one[a]
        case {"set": [*path, key], "to": value}:
            at(document, path)[key] = value
        case {"drop": [*path, key]}:
            del at(document, path)[key]
        case {"copy": [path, [*other, key]]}:
            at(document, other)[key] = json.loads(json.dumps(at(document, path)))
        case {"append": [path, value]}:
            at(document, path).append(value)
    return json.dumps(document)


@pytest.mark.parametrize("name", PAIRS)
def test_a_faithful_translation_is_equivalent(name: str) -> None:
    comparison = compared(name)
    assert comparison.equivalent
    # The hand-written one gives the model's fixed destination no copy.
    assert found(comparison, "error", "warning") == ({"SMX454"} if name.startswith("exemplar") else set())


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation["name"])
def test_a_fault_is_found(mutation: dict[str, Any]) -> None:
    comparison = compared(mutation["spec"], mutated(mutation))
    assert not comparison.equivalent
    assert {code for code in found(comparison, "error") if not code.startswith(BEHAVIOUR)} == set(mutation["errors"])
    assert all(finding.pointer for finding in comparison.findings if finding.severity == "error")


WARNINGS = [
    ("image: us-east4-docker.pkg.dev/my-project/gates/xgboost:1.7-1", "image: x/other:1", set()),
    ("scikit-learn:1.2-1\n        resources", "scikit-learn:1.3-1\n        resources", set()),
    ("maxRetryCount: 3", "maxRetryCount: 4", {"SMX466"}),
    (
        "      announce:\n        cachingOptions: {}",
        "      announce:\n        cachingOptions: {enableCache: true}",
        {"SMX465"},
    ),
    ("      gate:\n        cachingOptions: {}", "      gate:\n        cachingOptions: {enableCache: true}", set()),
    ("gs://acme-public/reports", "gs://acme-ml/reports", {"SMX468"}),
    ("report:{report_destination:str}", "report", {"SMX454"}),
    ("- importer-11\n", "- importer-11\n        - train\n", {"SMX409"}),
]


@pytest.mark.parametrize(("old", "new", "warnings"), WARNINGS)
def test_what_matters_less_is_a_warning(old: str, new: str, warnings: set[str]) -> None:
    text = text_of("gates_kubeflow")
    assert old in text
    comparison = compared("gates_kubeflow", text.replace(old, new))
    assert comparison.equivalent
    assert found(comparison, "warning") == warnings


MACHINES = [
    ("boot_disk_size_gb: 200.0", "boot_disk_size_gb: 100.0", "SMX463"),
    ("3600s", "7200s", "SMX464"),
    ("replica_count: 1.0", "replica_count: 2.0", "SMX462"),
]


@pytest.mark.parametrize(("old", "new", "warning"), MACHINES)
def test_another_machine_is_a_warning(old: str, new: str, warning: str) -> None:
    text = text_of("gates_vertex")
    assert old in text
    comparison = compared("gates_vertex", text.replace(old, new))
    assert comparison.equivalent
    assert found(comparison, "warning") == {warning}


def test_a_comparison_turned_around_is_the_same() -> None:
    document = yaml.safe_load(text_of("exemplar_kubeflow"))
    branches = document["components"]["comp-condition-branches-1"]["dag"]["tasks"]
    accuracy, least = (f"inputs.parameter_values['pipelinechannel--{n}']" for n in ("evaluate-accuracy", "MinAccuracy"))
    branches["condition-2"]["triggerPolicy"]["condition"] = f"{least} <= {accuracy}"
    branches["condition-3"]["triggerPolicy"]["condition"] = f"{accuracy} < {least}"
    assert compared("exemplar_kubeflow", json.dumps(document)).equivalent


def test_the_alignment_names_the_tasks_of_every_step() -> None:
    entries = {entry.step: entry for entry in compared("exemplar_vertex").alignment}
    assert entries["Train"].tasks == ("train", "importer-3")
    assert set(entries["Churn-RegisterModel"].tasks) == {"package-churn", "model-upload", "importer-5"}
    assert entries["CheckAccuracy"].tasks == ()
    assert {entry.how for entry in compared("gates_vertex").alignment} == {
        "its --step", "the conditions of its branches", "it never starts"
    }  # fmt: skip


def test_a_person_can_say_which_task_stands_for_a_step() -> None:
    document = yaml.safe_load(text_of("exemplar_kubeflow"))
    renamed = json.dumps(document).replace('"evaluate"', '"zzz"').replace("comp-evaluate", "comp-zzz")
    comparison = compared("exemplar_kubeflow", renamed, match={"Evaluate": ["zzz"]})
    assert comparison.equivalent
    assert {e.step: e.how for e in comparison.alignment}["Evaluate"] == "--match"


def test_a_translation_by_names_of_its_own_is_aligned() -> None:
    comparison = compared("exemplar_by_hand")
    assert {entry.step: entry.tasks for entry in comparison.alignment} == {
        "Prepare": ("prepare-data",),
        "Train": ("train-xgb",),
        "Evaluate": ("evaluate-model",),
        "CheckAccuracy": (),
        "Churn-RegisterModel": ("register",),
        "TooInaccurate": ("fail",),
    }
    # Its machine parameter has another name, and is not used; its registration may be skipped by the cache.
    assert found(comparison, "error") == {"SMX430", "SMX474"}


def test_a_match_of_something_unknown_is_refused() -> None:
    with pytest.raises(InputError) as error:
        compared("gates_kubeflow", match={"Train": ["nothing"]})
    assert error.value.finding.code == "SMX403"


def test_steps_without_counterpart_are_left_out_and_listed() -> None:
    excluded = {excluded.step: excluded.code for excluded in compared("gates_vertex").excluded}
    assert excluded == {"Never": "SMX418", "Call": "SMX330"}


def test_known_differences_are_listed() -> None:
    pairs = {(p["kind"], p["source"], p["target"]) for p in compared("gates_vertex").correspondences}
    assert ("bucket", "s3://acme-ml", "gs://acme-ml") in pairs
    assert ("parameter", "Input Data", "Input_Data") in pairs
    assert ("machine", "ml.m5.large", "n2-standard-4") in pairs


def test_the_result_has_the_documented_form() -> None:
    document = json.loads(json.dumps(compared("gates_kubeflow").to_dict()))
    assert document["equivalent"] is True
    assert [(check["name"], check["status"]) for check in document["checks"]] == [
        ("structure", "pass"), ("parameters", "pass"), ("behaviour", "pass")
    ]  # fmt: skip
    assert document["scenarios"] == {"run": 31, "differing": 0}
    assert document["alignment"][0].keys() == {"step", "tasks", "how", "confidence"}
    assert document["excluded"][0].keys() == {"step", "code"}
    finding = document["checks"][0]["findings"][0]
    assert finding.keys() == {"code", "severity", "message", "source", "step", "help"}
