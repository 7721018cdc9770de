"""What is true of a pipeline that a participant built, of either kind: each fact is a question to the neutral form.

A step or task is known by its role: by what it is and what its program reads and writes, never by its name alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from ..compare.neutral import Const, Guard, Node, Param, Part, Pipeline, Product, operands, show
from ..compare.truth import holds
from ..sagemaker.definition import MISSING
from .answer import Status, plain
from .exercise import Settings

Roles: TypeAlias = Mapping[str, Mapping[str, str]]

NOBODY = "nothing does this"
# What flows into a node, beside its settings.
_FLOWS = ("input", "channel", "data", "model data", "model", "value")
_GB = {"": 1.0, "K": 1e-6, "M": 1e-3, "G": 1.0, "T": 1e3}


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen: whether it is as wanted, and what is there instead."""

    status: Status
    found: str = ""


class Facts:
    """The facts of one pipeline."""

    def __init__(self, pipeline: Pipeline, roles: Roles) -> None:
        """Keep the pipeline, and how its nodes are known."""
        self.pipeline = pipeline
        self.roles = roles

    def node(self, role: str) -> Node | None:
        """The step or task of a role; None if there is none."""
        wanted = self.roles[role]
        return next((node for node in self.pipeline.nodes.values() if _fits(node, wanted)), None)

    def present(self, settings: Settings) -> Seen:
        """Whether the role `node` is played."""
        return Seen("missing" if self.node(settings["node"]) is None else "right")

    def comes_from(self, settings: Settings) -> Seen:
        """Whether the input `input` of `node` is the output `output` of `from`; any of them where none is named."""
        node, producer = self.node(settings["node"]), self.node(settings["from"])
        if node is None or producer is None:
            return Seen("missing", "nothing")
        wanted = settings.get("input")
        values = [fact.value for key, fact in node.facts.items() if key[0] in _FLOWS and wanted in (key[-1], None)]
        products = [part for value in values for part in value if isinstance(part, Product)]
        if not products:
            return Seen("missing", show(values[0]) if values else "nothing")
        for product in products:
            if product.owner == producer.name and settings.get("output") in (product.what[-1], None):
                return Seen("right", show([product]))
        return Seen("wrong", show(products))

    def waits(self, settings: Settings) -> Seen:
        """Whether `node` begins after the end of `for`."""
        node, other = self.node(settings["node"]), self.node(settings["for"])
        if node is None or other is None:
            return Seen("missing", "nothing")
        if other.name in self._before(node):
            return Seen("right", other.name)
        if node.name in self._before(other):
            return Seen("wrong", f"{other.name} waits for {node.name}")
        return Seen("missing", "nothing")

    def decided_by(self, settings: Settings) -> Seen:
        """Whether conditions around `node` read `metric` (the end of what tells it) of `from`, and no other value."""
        node, producer = self.node(settings["node"]), self.node(settings["from"])
        products = self._deciding(node)
        if node is None or producer is None or not products:
            return Seen("missing", "nothing")
        wanted = tuple(settings["metric"])
        for product in products:
            if product.owner != producer.name or product.what[-len(wanted) :] != wanted:
                return Seen("wrong", show([product]))
        return Seen("right", show(products))

    def runs(self, settings: Settings) -> Seen:
        """Whether `node` runs exactly for the values of the metric for which `when` says so."""
        node = self.node(settings["node"])
        if node is None:
            return Seen("missing", NOBODY)
        if not node.guards:
            return Seen("missing", f"{node.name} runs whatever the metric is")
        differing = []
        for metric, wanted in settings["when"].items():
            runs = all(self._decides(guard, float(metric)) for guard in node.guards)
            if runs is not wanted:
                differing.append(f"with {metric} {node.name} {'runs' if runs else 'does not run'}")
        return Seen("wrong", "; ".join(differing)) if differing else Seen("right", node.name)

    def one_threshold(self, settings: Settings) -> Seen:
        """Whether the conditions around `node` compare with parameters, and with no number that is typed in."""
        node = self.node(settings["node"])
        if node is None or not node.guards:
            return Seen("missing", "nothing")
        parts = [part for guard in node.guards for part in operands(guard.test)]
        typed = [part for part in parts if isinstance(part, Const) and part.kind == "number"]
        if typed:
            return Seen("wrong", show(typed))
        return Seen("right" if any(isinstance(part, Param) for part in parts) else "missing", show(parts))

    def says_threshold(self, settings: Settings) -> Seen:
        """Whether the text of `node` names the parameter that its conditions compare with."""
        node = self.node(settings["node"])
        if node is None:
            return Seen("missing", NOBODY)
        text = [part for key, fact in node.facts.items() if _is_text(key) for part in fact.value]
        compared = {part.name for guard in node.guards for part in operands(guard.test) if isinstance(part, Param)}
        if any(isinstance(part, Param) and part.name in compared for part in text):
            return Seen("right", show(text))
        typed = [part for part in text if isinstance(part, str) and any(letter.isdigit() for letter in part)]
        return Seen("wrong" if typed else "missing", show(typed or text))

    def setting(self, settings: Settings) -> Seen:
        """Whether the setting `key` of `node` is `is`, at least `least` or at most `most`."""
        node = self.node(settings["node"])
        fact = node and node.facts.get((settings["key"],))
        if not fact or not fact.value:
            return Seen("missing", "nothing")
        found = show(fact.value)
        if "is" in settings:
            return Seen("right" if plain(found) == plain(settings["is"]) else "wrong", found)
        number = _number(found)
        fits = number is not None and settings.get("least", number) <= number <= settings.get("most", number)
        return Seen("right" if fits else "wrong", found)

    def without(self, settings: Settings) -> Seen:
        """Whether `node` has no setting `key`."""
        node = self.node(settings["node"])
        if node is None:
            return Seen("missing", NOBODY)
        fact = node.facts.get((settings["key"],))
        return Seen("wrong", show(fact.value)) if fact and fact.value else Seen("right")

    def parallel(self, settings: Settings) -> Seen:
        """Whether neither `node` nor `other` waits for the other."""
        node, other = self.node(settings["node"]), self.node(settings["other"])
        if node is None or other is None:
            return Seen("missing", NOBODY)
        for later, earlier in ((node, other), (other, node)):
            if earlier.name in self._before(later):
                return Seen("wrong", f"{later.name} waits for {earlier.name}")
        return Seen("right")

    def from_parameter(self, settings: Settings) -> Seen:
        """Whether `input` of `node` (the end of what tells it) is a pipeline parameter."""
        node = self.node(settings["node"])
        values = [] if node is None else [f.value for key, f in node.facts.items() if key[-1] == settings["input"]]
        if not any(values):
            return Seen("missing", "nothing")
        if any(isinstance(part, Param) for value in values for part in value):
            return Seen("right", show(values[0]))
        return Seen("wrong", show(values[0]))

    def _before(self, node: Node) -> set[str]:
        """All that must have ended before a node begins."""
        found: set[str] = set()
        open_ = [node.name]
        while open_:
            name = open_.pop()
            more = self.pipeline.nodes[name].waits - found if name in self.pipeline.nodes else set()
            found |= more
            open_.extend(more)
        return found

    def _deciding(self, node: Node | None) -> list[Product]:
        guards = node.guards if node else ()
        return [part for guard in guards for part in operands(guard.test) if isinstance(part, Product)]

    def _decides(self, guard: Guard, metric: float) -> bool:
        """Whether a guard lets its node run where every value that a step makes is the metric."""
        return holds(guard.test, lambda part: self._value(part, metric)) is guard.outcome

    def _value(self, part: Part, metric: float) -> Any:
        if isinstance(part, Product):
            return metric
        if isinstance(part, Param) and part.name in self.pipeline.parameters:
            return self.pipeline.parameters[part.name].default
        return MISSING


def _fits(node: Node, wanted: Mapping[str, str]) -> bool:
    """Whether a node plays a role: its `kind`, an input or output that it `has` or `lacks`, a type that it `makes`."""
    kinds = (node.kind, node.guess)
    if "kind" in wanted and wanted["kind"] not in kinds:
        return False
    if "makes" in wanted and wanted["makes"].removeprefix("value") not in node.makes.values():
        return False
    ends = set(_ends(node))
    return wanted.get("has", "") in {*ends, ""} and not ("lacks" in wanted and wanted["lacks"] in ends)


def _ends(node: Node) -> Iterator[str]:
    yield from (key[-1] for key in node.facts)
    yield from node.makes


def _is_text(key: tuple[str, ...]) -> bool:
    return key[0] in ("message", "value") and not key[-1].startswith("word ")


def _number(text: str) -> float | None:
    """The number of a setting; memory in GB, whichever unit it is written in."""
    found = re.fullmatch(r"([0-9.]+)([KMGT]?i?)", text.strip())
    return float(found[1]) * _GB[found[2].rstrip("i")] if found else None


FACTS: dict[str, Callable[[Facts, Settings], Seen]] = {
    "present": Facts.present,
    "comes from": Facts.comes_from,
    "waits": Facts.waits,
    "decided by": Facts.decided_by,
    "runs": Facts.runs,
    "one threshold": Facts.one_threshold,
    "says threshold": Facts.says_threshold,
    "setting": Facts.setting,
    "without": Facts.without,
    "parallel": Facts.parallel,
    "from parameter": Facts.from_parameter,
}
