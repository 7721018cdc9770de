"""Any definition converts to what means the same, and a fault in what it became is found.

`make test-all` tries 2,000 definitions, always the same ones; the variable SMX2VERTEX_SEED, a number, gives others.
A definition takes 0.4 s of a processor, most of it in kfp's compiler: a quarter of an hour for all. What a failure
shrinks to belongs into `found/`.
"""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from differential.conversion import Conversion, convert
from differential.definitions import definitions
from differential.texts import PIPELINE_NAMES
from hypothesis import HealthCheck, event, given, seed, settings
from hypothesis import strategies as st

from benchmarks.mutants.operator import CATALOGUE
from benchmarks.mutants.pairs import Pair
from benchmarks.mutants.suite import Judge, Site, view
from benchmarks.mutants.view import changed
from smx2vertex.compare import compare
from smx2vertex.kubeflow import spec

FOLDER = Path(__file__).parent / "found"
FOUND = sorted(file.stem for file in FOLDER.glob("*.json"))
SEED = os.environ.get("SMX2VERTEX_SEED")
# Enough for every branch and threshold of a dozen steps; `validate` itself runs up to 256.
SCENARIOS = 48
FAULTS = [operator for operator in CATALOGUE.values() if operator.severity == "error"]


def means_the_same(conversion: Conversion) -> None:
    """Nothing of the definition is unaccounted for, and no difference is reported for any target."""
    assert conversion.mapped.unaccounted == []
    for pair in conversion.pairs.values():
        target = spec.loads(json.dumps(pair.document))
        comparison = compare(pair.definition, target, machines=pair.machines, scenarios=SCENARIOS)
        assert [str(finding) for finding in comparison.findings if finding.severity == "error"] == []


def a_fault_is_found(pair: Pair, choice: int) -> None:
    """One of the faults that change behaviour, put into a compiled pipeline, is reported as an error."""
    chance = random.Random(choice)
    for operator in chance.sample(FAULTS, len(FAULTS)):
        sites = list(operator.sites(view(pair)))
        if sites:
            event(operator.name)
            site = Site(pair, chance.choice(sites))
            comparison = Judge().compared(pair, changed(pair.document, site.edits))
            assert not comparison.equivalent, f"{operator.name}: {site}"
            return


def any_definition(document: dict[str, Any], name: str, choice: int) -> None:
    """Convert a definition, compare, put a fault in; one of five for both targets."""
    targets = ("vertex", "kubeflow") if choice % 5 == 4 else ("vertex",)
    conversion = convert(document, targets, name)
    means_the_same(conversion)
    for pair in conversion.pairs.values():
        a_fault_is_found(pair, choice)


def examples(number: int) -> Callable[[Callable[..., None]], Callable[[], None]]:
    """Try so many definitions."""

    def decorate(test: Callable[..., None]) -> Callable[[], None]:
        chosen = settings(
            max_examples=number,
            deadline=None,
            database=None,
            derandomize=SEED is None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
        )
        decorated = chosen(given(definitions(), PIPELINE_NAMES, st.integers(0, 2**32 - 1))(test))
        return decorated if SEED is None else seed(int(SEED))(decorated)

    return decorate


@examples(25)
def test_some_definitions(document: dict[str, Any], name: str, choice: int) -> None:
    any_definition(document, name, choice)


@pytest.mark.slow
@examples(2000)
def test_many_definitions(document: dict[str, Any], name: str, choice: int) -> None:
    any_definition(document, name, choice)


@pytest.mark.parametrize("name", FOUND)
def test_what_was_found_once(name: str) -> None:
    means_the_same(convert(_found(name), ("vertex", "kubeflow")))


@pytest.mark.parametrize("name", ["pipeline", "data", "dsl", "out", "Kubeflow", "code", "1", "-"])
def test_any_name_of_a_pipeline(name: str) -> None:
    means_the_same(convert(_found("or_of_one"), ("vertex",), name))


def test_a_step_that_waits_for_branches_of_two_conditions_fails_and_says_so() -> None:
    conversion = convert(_found("branches_of_two_conditions"), ("vertex",))
    assert {step: finding.code for step, finding in conversion.planned.excluded.items()} == {
        "Two": "SMX332",
        "After": "SMX332",
    }


def _found(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return found
