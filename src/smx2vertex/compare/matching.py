"""Whether values of the two sides say the same, once the known differences are undone."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping
from itertools import zip_longest
from typing import TypeAlias

from .correspondences import Correspondences
from .names import likeness
from .neutral import (
    BY_ENGINE,
    TURNED,
    All,
    AnyOf,
    Bucket,
    Compare,
    Const,
    Guard,
    In,
    Node,
    Not,
    Opaque,
    Param,
    Part,
    Pipeline,
    Product,
    Template,
    Test,
)

NEGATED = {"==": "!=", "!=": "==", ">": "<=", "<=": ">", "<": ">=", ">=": "<"}
Pairs = list[tuple[str, str, str]]
What: TypeAlias = tuple[str, ...]
# Names of outputs that are less alike are no reason to take one for the other.
LEAST_LIKENESS = 0.5


class Matcher:
    """Compares values; what it had to take as corresponding is noted once a match is settled.

    Attributes:
        parameters: the target's names of parameters by the source's.
    """

    def __init__(
        self,
        source: Pipeline,
        parameters: Mapping[str, str],
        correspondences: Correspondences,
        target: Pipeline,
    ) -> None:
        """Find which output of a task is which of its step, where only names tell."""
        self.parameters = parameters
        self.correspondences = correspondences
        parts = (part for node in source.nodes.values() for part in node.parts())
        read = dict.fromkeys(part for part in parts if isinstance(part, Product))
        self.outputs = {name: _outputs(source.nodes[name], node, read) for name, node in target.nodes.items()}

    def same(self, source: Template, target: Template, at: str = "", lax: bool = False) -> bool:
        """Whether two values are the same.

        Args:
            source: the source's value.
            target: the target's value.
            at: the place in the source, for the correspondences.
            lax: nothing is known of how the target writes numbers.
        """
        pairs = self.pairs(source, target, lax)
        for kind, first, second in pairs or ():
            self.correspondences.add(kind, first, second, at)
        return pairs is not None

    def alike(self, source: Template, target: Template) -> bool:
        """As `same`, noting nothing."""
        return self.pairs(source, target, False) is not None

    def pairs(self, source: Template, target: Template, lax: bool) -> Pairs | None:
        """The correspondences without which two values differ; None if they differ anyway."""
        found: Pairs = []
        for first, second in zip_longest(source, target):
            if first is None or second is None:
                return None
            needed = self.part(first, second, lax)
            if needed is None:
                return None
            found += needed
        return found

    def part(self, source: Part, target: Part, lax: bool = False) -> Pairs | None:
        """As `pairs`, for one part."""
        match source, target:
            case Param(name, format), Param(other, written):
                return [] if self.parameters.get(name) == other and (lax or written in (format, BY_ENGINE)) else None
            case Product(owner, what), Product(producer, made) if owner == producer:
                return self.product(owner, what, made)
            case Bucket("s3", name), Bucket("gs", other):
                return [("bucket", f"s3://{name}", f"gs://{other}")] if name or not other else None
            case Bucket("s3", name), Bucket("s3", other) if name == other:
                return [("still in S3", f"s3://{name}", f"s3://{name}")]
            case str(), str() if lax:
                return [] if source == target or _number(source) == _number(target) is not None else None
        return [] if source == target else None

    def product(self, owner: str, what: What, made: What) -> Pairs | None:
        if what == made:
            return []
        if "named" not in (what[0], made[0]):
            return None
        known = self.outputs.get(owner, {})
        if known.get(made[-1], what) != what or (made[-1] not in known and what in known.values()):
            return None
        return [("output", f"{owner}: {' '.join(what)}", f"{owner}: {' '.join(made)}")]

    # --- conditions ---

    def test(self, source: Test, target: Test, note: bool = True) -> bool:
        """Whether two conditions always have the same outcome, as far as their shape tells."""
        match source, target:
            case Compare(operator, left, right), Compare(other, first, second):
                straight = operator == other and self.both(left, first, right, second, note)
                return straight or (TURNED[operator] == other and self.both(left, second, right, first, note))
            case In(query, values), In(other_query, others):
                pairs = list(zip_longest(values, others))
                found = all(a is not None and b is not None and self.operand(a, b, note) for a, b in pairs)
                return found and self.operand(query, other_query, note)
            case Not(inner), Not(other_inner):
                return self.test(inner, other_inner, note)
            case (All(tests), All(others_)) | (AnyOf(tests), AnyOf(others_)):
                return self.unordered(tests, others_, note)
        return False

    def unordered(self, tests: tuple[Test, ...], others: tuple[Test, ...], note: bool) -> bool:
        left = list(others)
        for test in tests:
            found = next((other for other in left if self.test(test, other, note=False)), None)
            if found is None:
                return False
            self.test(test, found, note)
            left.remove(found)
        return not left

    def both(self, left: Part, first: Part, right: Part, second: Part, note: bool) -> bool:
        return self.operand(left, first, note) and self.operand(right, second, note)

    def operand(self, source: Part, target: Part, note: bool = False) -> bool:
        """Whether two operands are the same; how a parameter would be written as text is no matter."""
        if isinstance(source, Const) or isinstance(target, Const):
            return source == target
        return self.same((source,), (target,), lax=True) if note else self.part(source, target, lax=True) is not None

    def guard(self, source: Guard, target: Guard) -> bool:
        """Whether two guards hold in the same cases."""
        if source.outcome == target.outcome:
            return self.test(source.test, target.test)
        match source.test, target.test:
            case Compare(operator), Compare(other, first, second) if NEGATED[operator] == other:
                return self.test(source.test, Compare(operator, first, second))
            case Compare(operator), Compare(other, first, second) if NEGATED[TURNED[operator]] == other:
                return self.test(source.test, Compare(TURNED[operator], first, second))
        return False

    def stands_for(self, source: Guard, target: Guard) -> bool:
        """Whether the target's condition is a task in the place of a condition that is not translated."""
        is_it = isinstance(target.test, Opaque) and target.test.step == source.condition
        return is_it and source.condition is not None


def _outputs(step: Node, node: Node, read: Iterable[Product]) -> dict[str, What]:
    """Which output of its tasks is which of a step: the names that are most alike, then what is left of both."""
    wanted: dict[What, tuple[str, ...]] = {}
    for key, fact in step.facts.items():
        if key[0] == "output":
            what = key if key[1].startswith("/") else key[1:]
            wanted[what] = (posixpath.basename(key[1]), *(part for part in fact.value if isinstance(part, str)))
    for part in read:
        if part.owner == step.name and part.what[0] in ("value", "metric"):
            wanted[part.what] = tuple(part.what[-1].split("."))
    found: dict[str, What] = {}
    for is_value in (True, False):
        names = {name: title for name, title in node.makes.items() if is_value != bool(title)}
        whats = {what: names for what, names in wanted.items() if is_value == (what[0] in ("value", "metric"))}
        found |= _assigned(whats, names)
    return found


def _assigned(wanted: Mapping[What, tuple[str, ...]], made: Mapping[str, str]) -> dict[str, What]:
    """By name of an output, what it is; `made` has their schema titles."""

    def closeness(name: str, what: What) -> float:
        if what == ("model",) and made[name].endswith("Model"):
            return 1.0
        return max(likeness(each, part) for each in wanted[what] for part in name.split(" of "))

    pairs = [(closeness(name, what), name, what) for what in wanted for name in made]
    found: dict[str, What] = {}
    for score, name, what in sorted(pairs, key=lambda pair: -pair[0]):
        if score >= LEAST_LIKENESS and name not in found and what not in found.values():
            found[name] = what
    left = [name for name in made if name not in found], [what for what in wanted if what not in found.values()]
    if len(left[0]) == len(left[1]) == 1:
        found[left[0][0]] = left[1][0]
    return found


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
