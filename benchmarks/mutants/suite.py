"""Applies the operators at sampled sites, and counts what the comparison reports."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from smx2vertex.compare import Comparison, compare
from smx2vertex.kubeflow import spec

# the operators put themselves into the catalogue
from . import commands, flow, resources, values  # noqa: F401
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
    """

    operator: Operator
    sites: int = 0
    applied: int = 0
    missed: list[Site] = field(default_factory=list)

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


@dataclass(frozen=True)
class Suite:
    """What came of the operators, on which pairs; `unusable` are those that are not equivalent by themselves."""

    outcomes: list[Outcome]
    used: list[str]
    unusable: list[str]
    most: int | None
    seed: int

    @property
    def summary(self) -> str:
        """Caught and applied, in words."""
        words = []
        for severity, what in (("error", "that change behaviour"), ("warning", "of lower rank")):
            found = [outcome for outcome in self.outcomes if outcome.operator.severity == severity]
            caught, applied = (sum(each) for each in zip(*((o.caught, o.applied) for o in found), (0, 0), strict=True))
            words.append(f"{caught} of {applied} faults {what} caught ({len(found)} operators)")
        return ", ".join(words)


def run(pairs: Iterable[Pair], most: int | None, seed: int = 0, names: Iterable[str] = ()) -> Suite:
    """Apply the operators of these names, or all, at `most` sites each (None: at all of them)."""
    judge = Judge()
    used: list[Pair] = []
    unusable: list[Pair] = []
    for pair in pairs:
        (used if judge.is_usable(pair) else unusable).append(pair)
    chosen = [CATALOGUE[name] for name in names] or list(CATALOGUE.values())
    outcomes = [_applied(operator, used, judge, most, seed) for operator in chosen]
    return Suite(outcomes, [pair.name for pair in used], [pair.name for pair in unusable], most, seed)


def sites_of(operator: Operator, pairs: Iterable[Pair]) -> list[Site]:
    """Where an operator applies."""
    return [Site(pair, edits) for pair in pairs for edits in operator.sites(view(pair))]


def view(pair: Pair) -> View:
    """A pair's pipeline as operators see it."""
    return View(pair.document, json.dumps(pair.definition.raw))


def _applied(operator: Operator, pairs: list[Pair], judge: Judge, most: int | None, seed: int) -> Outcome:
    sites = sites_of(operator, pairs)
    outcome = Outcome(operator, len(sites))
    if most is not None and len(sites) > most:
        sites = random.Random(f"{seed} {operator.name}").sample(sites, most)
    for site in sites:
        outcome.applied += 1
        severity = judge.severity(site)
        if severity not in ("error", operator.severity):
            outcome.missed.append(site)
    return outcome
