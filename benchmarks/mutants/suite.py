"""Applies the operators at sampled sites, and counts what the comparison reports."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from smx2vertex.compare import Comparison, compare
from smx2vertex.kubeflow import spec

from . import commands, flow, resources, values  # noqa: F401: they fill the catalogue
from .operator import CATALOGUE, Operator
from .pairs import Pair
from .view import Document, Dropped, Edits, View, changed

# Enough to tell two pipelines apart; what is told structurally needs none.
SCENARIOS = 24


@dataclass(frozen=True)
class Site:
    """A place where an operator applies."""

    pair: Pair
    edits: Edits

    def __str__(self) -> str:
        path, value = self.edits[0]
        new = "is taken out" if isinstance(value, Dropped) else f"becomes {json.dumps(value)[:100]}"
        return f"{self.pair.name}: {'.'.join(map(str, path))} {new}"


@dataclass
class Outcome:
    """What came of one operator.

    Attributes:
        sites: how many places there are.
        applied: at how many of them it was applied.
        missed: those where the comparison reported too little.
        lower: how many of them were reported as warnings, though they change behaviour.
    """

    operator: Operator
    sites: int = 0
    applied: int = 0
    missed: list[Site] = field(default_factory=list)
    lower: int = 0

    @property
    def caught(self) -> int:
        return self.applied - len(self.missed)


class Judge:
    """Compares mutants; the faithful translation of each pair is compared once."""

    def __init__(self) -> None:
        self.known: dict[str, set[tuple[str, ...]]] = {}

    def is_usable(self, pair: Pair) -> bool:
        """Whether the translation without a fault is equivalent: else nothing can be learned from it."""
        comparison = self.compared(pair, pair.document)
        self.known[pair.name] = set(_told(comparison, "warning", "error"))
        return comparison.equivalent

    def severity(self, site: Site) -> str:
        """What a mutant is caught with: `error`, `warning`, or nothing."""
        comparison = self.compared(site.pair, changed(site.pair.document, site.edits))
        if not comparison.equivalent:
            return "error"
        new = set(_told(comparison, "warning")) - self.known[site.pair.name]
        return "warning" if new else ""

    def compared(self, pair: Pair, document: Document) -> Comparison:
        target = spec.loads(json.dumps(document))
        return compare(pair.definition, target, machines=pair.machines, scenarios=SCENARIOS)


def _told(comparison: Comparison, *severities: str) -> Iterator[tuple[str, ...]]:
    for finding in comparison.findings:
        if finding.severity in severities:
            yield finding.code, finding.step or "", finding.message


def run(
    pairs: Iterable[Pair], most: int | None, seed: int = 0, names: Iterable[str] = ()
) -> tuple[list[Outcome], list[str], list[str]]:
    """Apply the operators of these names, or all, at `most` sites each (None: at all of them).

    Returns:
        What came of each operator; the names of the pairs used, and of those that are not equivalent by themselves.
    """
    judge = Judge()
    used, unusable = [], []
    for pair in pairs:
        (used if judge.is_usable(pair) else unusable).append(pair)
    chosen = [CATALOGUE[name] for name in names] or list(CATALOGUE.values())
    outcomes = [_applied(operator, used, judge, most, seed) for operator in chosen]
    return outcomes, [pair.name for pair in used], [pair.name for pair in unusable]


def _applied(operator: Operator, pairs: list[Pair], judge: Judge, most: int | None, seed: int) -> Outcome:
    sites = [Site(pair, edits) for pair in pairs for edits in operator.sites(View(pair.document))]
    outcome = Outcome(operator, len(sites))
    if most is not None and len(sites) > most:
        sites = random.Random(f"{seed} {operator.name}").sample(sites, most)
    for site in sites:
        outcome.applied += 1
        severity = judge.severity(site)
        if severity == "warning" and operator.severity == "error":
            outcome.lower += 1
        if severity != "error" and severity != operator.severity:
            outcome.missed.append(site)
    return outcome
