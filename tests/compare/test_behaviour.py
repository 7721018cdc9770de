"""Simulated executions: faults show in one of them, what means the same does not, the smallest one is told."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import combinations, product
from pathlib import Path
from typing import Any

import pytest
import yaml
from support import Outcome
from test_compare import FIXTURES, MUTATIONS, compared, mutated, text_of

from smx2vertex.compare.neutral import All, Compare, Const, Node, Param, Parameter, Pipeline, Product
from smx2vertex.compare.scenarios import Scenario, Scenarios, covering_rows
from smx2vertex.compare.shrink import shrink
from smx2vertex.compare.source import SourceReader
from smx2vertex.sagemaker import reader

# What changes no execution as the simulators see it: structure and parameters report it all the same.
NOT_SIMULATED = {
    "a bucket split in two": "both buckets stand for the same one",
    "a condition added": "1 == 1 always holds",
    "a doubled task": "it does the same twice",
    "a new required parameter": "it is given some value, and reaches nothing",
    "a registered model that is not published": "nothing in the pipeline reads it",
    "an output that is not published": "nothing in the pipeline reads it",
    "an option that the contract lacks": "the contract would refuse it, and the task is a Fail step anyway",
    "code that is not put in its place": "code is compared as files",
    "hand-written: the approval no longer reaches the registration": "the program cannot be looked into",
    "other names: two inputs swapped": "the program cannot be looked into",
    "other names: a changed hyperparameter": "the program cannot be looked into",
}


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation["name"])
def test_a_fault_shows_in_an_execution(mutation: dict[str, Any]) -> None:
    comparison = compared(mutation["spec"], mutated(mutation))
    if comparison.behaviour is None:  # no engine would start it
        assert any(code.startswith("SMX51") for code in mutation["errors"])
        return
    assert bool(comparison.behaviour.differing) is (mutation["name"] not in NOT_SIMULATED)
    assert len(comparison.behaviour.stories) == len([f for f in comparison.behaviour.findings if f.severity == "error"])


def branches(document: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    tasks = document["components"]["comp-condition-branches-1"]["dag"]["tasks"]
    return tasks["condition-2"]["triggerPolicy"], tasks["condition-3"]["triggerPolicy"]


ACCURACY, LEAST = (f"inputs.parameter_values['pipelinechannel--{n}']" for n in ("evaluate-accuracy", "MinAccuracy"))
EQUAL = [
    (f"{LEAST} <= {ACCURACY}", f"{ACCURACY} < {LEAST}"),
    (f"!({ACCURACY} < {LEAST})", f"!({ACCURACY} >= {LEAST})"),
]
DIFFERENT = [
    (f"{ACCURACY} < {LEAST}", f"{ACCURACY} >= {LEAST}", "branches swapped"),
    (f"{ACCURACY} > {LEAST}", f"{ACCURACY} <= {LEAST}", "another operator"),
    (f"{ACCURACY} >= 0.8", f"{ACCURACY} < 0.8", "the default in place of the parameter"),
    ("true == true", "true == false", "a constant"),
]


@pytest.mark.parametrize(("then", "otherwise"), EQUAL)
def test_the_opposite_comparison_with_swapped_branches_is_the_same(then: str, otherwise: str) -> None:
    document = yaml.safe_load(text_of("exemplar_kubeflow"))
    first, second = branches(document)
    first["condition"], second["condition"] = then, otherwise
    behaviour = compared("exemplar_kubeflow", json.dumps(document)).behaviour
    assert behaviour is not None
    assert (behaviour.run, behaviour.differing) == (15, 0)


@pytest.mark.parametrize(("then", "otherwise", "fault"), DIFFERENT)
def test_another_decision_is_found(then: str, otherwise: str, fault: str) -> None:
    document = yaml.safe_load(text_of("exemplar_kubeflow"))
    first, second = branches(document)
    first["condition"], second["condition"] = then, otherwise
    behaviour = compared("exemplar_kubeflow", json.dumps(document)).behaviour
    assert behaviour is not None
    assert behaviour.differing, fault
    assert {finding.code for finding in behaviour.findings} == {"SMX490"}


def test_a_small_pipeline_tells_the_smallest_execution(smx2vertex: Callable[..., Outcome], tmp_path: Path) -> None:
    document = yaml.safe_load(text_of("exemplar_kubeflow"))
    first, second = branches(document)
    first["condition"], second["condition"] = f"{ACCURACY} > {LEAST}", f"{ACCURACY} <= {LEAST}"
    (tmp_path / "edited.yaml").write_text(json.dumps(document))
    done = smx2vertex("validate", FIXTURES / "exemplar.json", tmp_path / "edited.yaml")
    assert done.code == 1
    story = done.out[done.out.index("the smallest execution") :]
    assert story.splitlines() == [
        "the smallest execution in which the two differ:",
        "  parameters  all have their defaults",
        "  outcomes    {binary_classification_metrics.accuracy.value in evaluation.json of Evaluate} is 0.8",
        "  SageMaker   CheckAccuracy is true",
        "              Churn-RegisterModel runs",
        f"  translation condition-2 does not hold: {ACCURACY} > {LEAST}",
        f"              package-churn does not run: {ACCURACY} > {LEAST} is false",
        "  in          /Steps/3/Arguments/Conditions/0",
        f"              components.comp-condition-2.dag.tasks.package-churn, condition-2 ({ACCURACY} > {LEAST})",
    ]


def test_the_number_of_scenarios_is_bounded_and_the_choice_repeatable(smx2vertex: Callable[..., Outcome]) -> None:
    files = (FIXTURES / "gates.json", FIXTURES / "gates_vertex.yaml")
    done = smx2vertex("validate", *files, "--scenarios", 7, "--seed", 3, "--format", "json")
    assert json.loads(done.out)["scenarios"] == {"run": 7, "differing": 0}
    scenarios = Scenarios(SourceReader(reader.load(files[0])).pipeline(), (), ())
    assert scenarios.chosen(7, 3) == scenarios.chosen(7, 3)
    assert scenarios.chosen(7, 3) != scenarios.chosen(7, 4)
    assert "in 31 simulated executions too" in smx2vertex("validate", *files).out


# --- how scenarios are chosen ---

SCORE = Product("Evaluate", ("value", "/opt/ml/processing/report/report.json", "score"))


def small(*tests: Compare, least: float = 0.5) -> Pipeline:
    parameters = {
        "Least": Parameter("Least", "float", least, False, ""),
        "Verbose": Parameter("Verbose", "bool", False, False, ""),
    }
    nodes = {"Evaluate": Node("Evaluate", "processing", "")}
    nodes["Check"] = Node("Check", "condition", "", test=All(tests) if len(tests) > 1 else tests[0])
    nodes["Deploy"] = Node("Deploy", "register", "", branches=frozenset({("Check", True)}))
    return Pipeline("small", parameters, nodes)


def test_thresholds_are_just_missed_met_and_just_passed() -> None:
    chosen, left = Scenarios(small(Compare(">=", SCORE, Const("number", 0.7))), (), ()).chosen()
    assert left == 0
    assert {scenario.readings[SCORE] for scenario in chosen if SCORE in scenario.readings} >= {0.699, 0.701}
    assert any(SCORE not in scenario.readings for scenario in chosen)  # as usual: met exactly
    assert {scenario.failing for scenario in chosen} == {None, "Evaluate", "Deploy"}


def test_a_reading_follows_the_parameter_that_it_is_compared_with() -> None:
    chosen, _ = Scenarios(small(Compare(">=", SCORE, Param("Least"))), (), ()).chosen()
    pairs = {(scenario.values.get("Least", 0.5), scenario.readings.get(SCORE, 0.5)) for scenario in chosen}
    assert {(1001.25, 1001.25), (0.5, 0.499), (0.5, 0.501), (0.499, 0.5)} <= pairs


def test_a_type_with_few_values_changes_one_parameter_at_a_time() -> None:
    chosen, _ = Scenarios(small(Compare(">=", SCORE, Const("number", 0.7))), (), ()).chosen()
    assert [scenario.values["Verbose"] for scenario in chosen if "Verbose" in scenario.values] == [True]


def test_two_comparisons_of_one_value_are_both_made_true() -> None:
    between = (Compare(">", SCORE, Const("number", 0.2)), Compare("<", SCORE, Const("number", 0.3)))
    chosen, _ = Scenarios(small(*between), (), ()).chosen()
    assert any(0.2 < scenario.readings.get(SCORE, 0.2) < 0.3 for scenario in chosen)


@pytest.mark.parametrize("columns", [1, 2, 3, 4, 10, 11, 50])
def test_rows_cover_all_pairs(columns: int) -> None:
    rows = covering_rows(columns)
    assert len(rows) <= 10
    for first, second in combinations(range(columns), 2):
        assert {(row[first], row[second]) for row in rows} == set(product((True, False), repeat=2))


def test_a_scenario_shrinks_to_what_the_difference_needs() -> None:
    scenario = Scenario("", {"A": 1, "B": 2, "C": 3, "D": 4}, {SCORE: 0.9}, "Train")
    smallest = shrink(scenario, lambda s: s.values.get("B") == 2 and SCORE in s.readings, ["D"])
    assert smallest == Scenario("", {"B": 2, "D": 4}, {SCORE: 0.9})
    both = shrink(scenario, lambda s: ("A" in s.values) == (SCORE in s.readings))
    assert (both.values, both.readings, both.failing) == ({}, {}, None)
