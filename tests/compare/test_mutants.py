"""Faults in compiled pipelines: each kind that the catalogue knows applies to a fixture, and is caught there."""

from __future__ import annotations

from functools import cache

import pytest

from benchmarks.mutants.operator import CATALOGUE
from benchmarks.mutants.page import page
from benchmarks.mutants.pairs import ROOT, Pair, pairs
from benchmarks.mutants.suite import Judge, Suite, run, sites_of
from benchmarks.mutants.view import DROPPED, changed

# Few, and enough for every operator.
FIXTURES = ("churn_mini", "checks", "batch", "fixed_address", "tuning")
# What the comparison does not look at; docs/mutants.md lists it as missed.
UNSEEN = {"disk of another type"}


@cache
def translations() -> list[Pair]:
    files = [ROOT / "tests" / "fixtures" / name / "definition.json" for name in FIXTURES]
    files.append(ROOT / "tests" / "vertex" / "fixtures" / "loop" / "definition.json")
    return list(pairs(files))


@cache
def judge() -> Judge:
    judge = Judge()
    assert all(judge.is_usable(pair) for pair in translations())
    return judge


@pytest.mark.parametrize("name", CATALOGUE)
def test_a_fault_of_each_kind_is_caught(name: str) -> None:
    operator = CATALOGUE[name]
    sites = sites_of(operator, translations())
    assert sites
    for site in sites[:: max(1, len(sites) // 2)][:2]:
        caught = judge().severity(site)
        assert (caught in ("error", operator.severity)) != (name in UNSEEN), str(site)


def test_edits_leave_the_document_as_it_is() -> None:
    document = {"a": {"b": [1, 2]}, "c": 3}
    assert changed(document, [(("a", "b", 0), DROPPED), (("c",), 4), (("d", "e"), 5)]) == {
        "a": {"b": [2]},
        "c": 4,
        "d": {"e": 5},
    }
    assert document == {"a": {"b": [1, 2]}, "c": 3}


def test_the_same_seed_takes_the_same_sites_and_what_is_missed_stands_on_the_page() -> None:
    fixed = [pair for pair in translations() if pair.name.startswith("fixtures/fixed_address")]
    first, again = (run(fixed, 1, 7, ["task missing", "disk of another type"]) for _ in range(2))
    assert [list(map(str, o.missed)) for o in first.outcomes] == [list(map(str, o.missed)) for o in again.outcomes]
    assert first.summary == (
        "1 of 1 faults that change behaviour caught (1 operators), 0 of 1 faults of lower rank caught (1 operators)"
    )
    text = page(first)
    assert "| task missing |" in text and "| 1 / 1 |" in text
    assert "- **disk of another type**: 1 of 1, such as" in text


def test_a_pair_that_differs_by_itself_teaches_nothing() -> None:
    pair = next(pair for pair in translations() if pair.name == "fixtures/fixed_address (vertex)")
    site = sites_of(CATALOGUE["task missing"], [pair])[0]
    broken = Pair(pair.name, pair.definition, changed(pair.document, site.edits), pair.machines)
    suite = run([broken], 1, 0, ["cycle"])
    assert suite == Suite(suite.outcomes, [], [pair.name], 1, 0)
    assert suite.outcomes[0].applied == 0
