"""Makes a scenario smaller as long as it still shows what it showed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import combinations

from .neutral import Product
from .scenarios import Scenario

# More entries than this are not left out two at a time: their pairs are too many.
MAX_FOR_PAIRS = 12


def shrink(scenario: Scenario, shows: Callable[[Scenario], bool], needed: Iterable[str] = ()) -> Scenario:
    """A smaller scenario, found by putting parameters and outcomes back to what is usual.

    Args:
        scenario: one that shows the difference.
        shows: whether a scenario still does.
        needed: the parameters that every execution must give.

    Returns:
        A scenario of which nothing can be left out by itself; if it is small, no two things either.
    """
    kept = set(needed)
    while True:
        smaller = next((each for each in _smaller(scenario, kept) if shows(each)), None)
        if smaller is None:
            return scenario
        scenario = smaller


def _smaller(scenario: Scenario, needed: set[str]) -> Iterator[Scenario]:
    """The scenario without its failing step, without all entries, halves of them, single ones, pairs."""
    if scenario.failing is not None:
        yield replace(scenario, failing=None)
    entries: list[str | Product] = [*(name for name in scenario.values if name not in needed), *scenario.readings]
    size = len(entries)
    while size:
        for start in range(0, len(entries), size):
            yield _without(scenario, entries[start : start + size])
        size //= 2
    if len(entries) <= MAX_FOR_PAIRS:
        for pair in combinations(entries, 2):
            yield _without(scenario, pair)


def _without(scenario: Scenario, entries: Iterable[str | Product]) -> Scenario:
    dropped = set(entries)
    return replace(
        scenario,
        values={name: value for name, value in scenario.values.items() if name not in dropped},
        readings={part: value for part, value in scenario.readings.items() if part not in dropped},
    )
