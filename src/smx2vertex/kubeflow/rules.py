"""Which tasks run: the rules that the local executor and the simulator share."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Literal, NamedTuple

from ..findings import Finding, InputError
from .flattening import loop_part
from .graph import Graph

ALWAYS = "ALL_UPSTREAM_TASKS_COMPLETED"
# Findings of the graph that no run can survive; the rest fails the task concerned, if it is ever reached.
BROKEN = frozenset({"SMX510", "SMX511", "SMX512", "SMX513", "SMX516", "SMX517", "SMX519"})

Fate = Literal["skipped", "cancelled"]
GroupState = Literal["failed", "cancelled", "succeeded"]


class Upstream(NamedTuple):
    """A task or group that must end first, and how it ended."""

    id: str
    state: str


def refuse_broken(graph: Graph) -> None:
    """Refuse a pipeline that no engine would start.

    Raises:
        InputError: it is broken (SMX609).
    """
    broken = [finding for finding in graph.findings if finding.code in BROKEN]
    if broken:
        faults = "; ".join(f"{finding.message} ({finding.pointer})" for finding in broken[:5])
        raise InputError(Finding("SMX609", faults, pointer=broken[0].pointer, file=broken[0].file))


def fate(
    strategy: str | None, always: bool, upstream: Iterable[Upstream], failure: str | None
) -> tuple[Fate, str] | None:
    """What becomes of a task or group whose upstream ended, and why; None if it starts.

    Args:
        strategy: its own trigger strategy.
        always: whether it, or a group around it, starts whatever its upstream did.
        upstream: what it waited for.
        failure: the task that failed before: nothing new starts then (failure policy `fast`).
    """
    if failure is not None and not always:
        return "cancelled", f"not started: {failure} failed"
    missing = next((each for each in upstream if each.state != "succeeded"), None)
    if missing is None or strategy == ALWAYS:
        return None
    return "skipped", f"{missing.id} failed" if missing.state == "failed" else f"{missing.id} was {missing.state}"


def group_state(states: Iterable[str]) -> GroupState:
    """How a group ends whose tasks ended so. What was skipped inside does not count."""
    found = set(states)
    return "failed" if "failed" in found else "cancelled" if "cancelled" in found else "succeeded"


def loop_items(items: Any) -> list[Any]:
    """The items of a loop: a list, or its JSON text.

    Raises:
        ValueError: they are none.
    """
    try:
        found = json.loads(items) if isinstance(items, str) else items
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, list):
        raise ValueError(f"a loop runs over a list, not over {items!r:.200}")
    return found


def item_part(item: Any, expression: Any) -> Any:
    """One entry of a loop's item, by `parseJson(string_value)["key"]`; None if it has no such entry.

    Raises:
        ValueError: the expression is another, or the item no mapping.
    """
    key = loop_part(expression)
    if key is not None:
        return item_entry(item, key)
    raise ValueError(f"{expression} selects nothing from {item!r:.200}")


def item_entry(item: Any, key: str) -> Any:
    """One entry of a loop's item, by its key; None if it has no such entry.

    Raises:
        ValueError: the item is no mapping.
    """
    found = json.loads(item) if isinstance(item, str) else item
    if not isinstance(found, Mapping):
        raise ValueError(f"{key} is no part of {item!r:.200}")
    return found.get(key)
