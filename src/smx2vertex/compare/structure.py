"""The first question: same steps, same edges, same branches, nothing dangling."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from ..findings import Finding
from .alignment import Alignment
from .facts import FactComparison
from .kinds import KINDS
from .matching import NEGATED, Matcher
from .neutral import (
    TURNED,
    All,
    AnyOf,
    Compare,
    Const,
    Guard,
    Node,
    Not,
    Part,
    Pipeline,
    Product,
    Template,
    Test,
    operands,
    show,
    show_test,
)
from .opaque import OpaqueComparison
from .source import never_starts

# Codes from here on are about parameters and values.
FIRST_OF_PARAMETERS = "SMX430"
CONTRACT_KINDS = frozenset(kind.name for kind in KINDS)


class Structure:
    """Compares the graphs; `findings` gives what differs."""

    def __init__(self, source: Pipeline, target: Pipeline, matcher: Matcher, alignment: Alignment) -> None:
        """Keep both sides; the target has a node for each step that has tasks."""
        self.source = source
        self.target = target
        self.matcher = matcher
        self.alignment = alignment

    def findings(self, faults: Iterable[Finding]) -> Iterator[Finding]:
        """All findings; `faults` are those that the reader of the pipeline spec found."""
        yield from faults
        yield from self.alignment.findings
        for step in self.source.nodes.values():
            node = self.target.nodes.get(step.name)
            if node is not None:
                yield from self.step(step, node)
        yield from self.order()
        yield from self.branches()

    def step(self, step: Node, node: Node) -> Iterator[Finding]:
        if never_starts(step):
            message = f"step {step.name!r} never starts, but {node.at} does"
            yield Finding("SMX417", message, step.at, step.name, self.source.file, node.at)
        elif node.kind == "not translated":
            return
        elif decides_unseen(step, node):
            yield from self.decider(step, node)
        elif self.differs_in_kind(step, node):
            message = f"a step of kind {step.kind} became a task of kind {node.kind} ({node.at})"
            yield Finding("SMX419", message, step.at, step.name, self.source.file, node.at)
        if ("whatever happened",) in node.facts and node.kind != "not translated":
            message = f"the task also runs when one that it waits for has failed ({node.at})"
            yield Finding("SMX424", message, step.at, step.name, self.source.file, node.at)
        yield from self.loops(step, node)

    def decider(self, step: Node, node: Node) -> Iterator[Finding]:
        """A program decides: what the condition compares must reach it."""
        message = f"{step.name} is decided by a program that is no plain comparison ({node.at})"
        yield Finding("SMX425", message, step.at, step.name, self.source.file, node.at)
        arriving = [part for fact in node.facts.values() for part in fact.value]
        for part in dict.fromkeys(operands(step.test) if step.test else ()):
            if not isinstance(part, Const) and not any(self.matcher.operand(part, found) for found in arriving):
                code = "SMX404" if isinstance(part, Product) else "SMX438"
                message = f"{show((part,))} does not reach what decides ({node.at})"
                yield Finding(code, message, step.at, step.name, self.source.file, node.at)

    def loops(self, step: Node, node: Node) -> Iterator[Finding]:
        """Whether a task is repeated as its step is: for the same items, as many copies at once."""
        message, at = "", step.at
        if len(step.loops) != len(node.loops):
            message = "the task is in no loop" if step.loops else "the task is repeated by a loop"
        for wanted, found in zip(step.loops, node.loops, strict=False):
            if not self.matcher.same(wanted.items, found.items, wanted.at):
                message, at = f"it runs for {show(found.items)} instead of {show(wanted.items)}", wanted.at
            elif wanted.at_once not in ("", found.at_once):  # a definition need not say how many
                message, at = f"{found.at_once} copies run at once instead of {wanted.at_once}", wanted.at
        if message:
            yield Finding("SMX423", f"{message} ({node.at})", at, step.name, self.source.file, node.at)

    def differs_in_kind(self, step: Node, node: Node) -> bool:
        same = step.kind == node.kind or {step.kind, node.kind} == {"model", "register"}
        return not same and step.kind in CONTRACT_KINDS and node.kind in CONTRACT_KINDS

    # --- order ---

    def order(self) -> Iterator[Finding]:
        inside: dict[str | None, list[Node]] = defaultdict(list)
        for step in self.source.nodes.values():
            if step.name in self.target.nodes:
                for condition in dict.fromkeys(guard.condition for guard in step.guards):
                    inside[condition].append(self.target.nodes[step.name])
        for step in self.source.nodes.values():
            node = self.target.nodes.get(step.name)
            bound = [node] if node is not None else inside[step.name] if step.kind == "condition" else []
            bound = [each for each in bound if not has_no_place(each)]
            for name, at in step.after.items():
                for waiting in bound:
                    yield from self.lost(step, name, at, waiting)
        yield from self.added()

    def lost(self, step: Node, name: str, at: str, waiting: Node) -> Iterator[Finding]:
        """Waiting for a condition is waiting for what it reads, for a loop that is waiting for what it repeats."""
        other = self.source.nodes.get(name)
        before = {name} if other is None or other.kind != "condition" else other.waits
        if other is not None and other.kind == "loop":
            before = {n.name for n in self.source.nodes.values() if n.loops and n.loops[-1].items == items_of(name)}
        for needed in sorted(before & self.target.nodes.keys() - waiting.waits - {waiting.name}):
            message = f"{waiting.name} does not wait for {needed} ({waiting.at})"
            yield Finding("SMX408", message, at, step.name, self.source.file, waiting.at)

    def added(self) -> Iterator[Finding]:
        for name, node in self.target.nodes.items():
            for other in sorted(self.not_before(name, set(node.after))):
                message = f"waits for {other}, as the step does not ({node.after[other]})"
                yield Finding("SMX409", message, self.source.nodes[name].at, name, self.source.file, node.after[other])

    def not_before(self, name: str, others: set[str]) -> set[str]:
        """Those of the others for which a step does not wait, neither itself nor through a step that it waits for.

        The nearest steps are looked at first and the search ends with the last of the others, so that it stays short
        in a long row of steps that wait for their neighbours.
        """
        seen, near = {name}, {name}
        while near and others:
            near = {other for each in near for other in self.directly_before(each)} - seen
            seen |= near
            others = others - near
        return others

    def directly_before(self, name: str) -> set[str]:
        node = self.source.nodes[name]
        return (node.waits | node.after.keys()) & self.source.nodes.keys()

    # --- branches ---

    def branches(self) -> Iterator[Finding]:
        """One finding for each difference of a condition, with all the steps that it concerns."""
        found: dict[tuple[str, str], list[str]] = defaultdict(list)
        messages: dict[tuple[str, str], str] = {}
        for step in self.source.nodes.values():
            node = self.target.nodes.get(step.name)
            if node is None or never_starts(step) or has_no_place(node):
                continue
            around = dict.fromkeys((node.guards, *node.guards_of_others))
            differences = (found for guards in around for found in self.guards(step, node, guards))
            for code, message, at in differences:
                messages.setdefault((code, at), message)
                found[code, at].append(step.name)
        for (code, at), steps in found.items():
            message = f"{messages[code, at]}; it decides about {', '.join(dict.fromkeys(steps))}"
            yield Finding(code, message, at, steps[0], self.source.file, self.target.nodes[steps[0]].at)

    def guards(self, step: Node, node: Node, guards: tuple[Guard, ...]) -> Iterator[tuple[str, str, str]]:
        wanted, got = list(step.guards), list(guards)
        for guard in list(wanted):
            same = next((g for g in got if self.same(guard, g)), None)
            if same is not None:
                wanted.remove(guard)
                got.remove(same)
        untranslated = {guard.condition for guard in step.guards if self.is_excluded(guard)}
        wanted = [guard for guard in wanted if guard.condition not in untranslated]
        got = [guard for guard in got if not any(self.matcher.stands_for(w, guard) for w in step.guards)]
        got = [guard for guard in got if not any(map(self.is_of_decider, operands(guard.test)))]
        for guard in wanted:
            other = max(got, key=lambda g: self.closeness(guard, g), default=None)
            if other is None:
                yield "SMX415", f"{_show(guard)} is no longer asked ({node.at})", guard.at
                continue
            got.remove(other)
            for code in self.differences(guard, other):
                yield code, f"{_LEADS[code]}: {_show(guard)} became {_show(other)} ({other.at})", guard.at
        for guard in got:
            yield "SMX416", f"{_show(guard)} is asked as well ({guard.at})", step.at

    def is_excluded(self, guard: Guard) -> bool:
        node = self.target.nodes.get(guard.condition or "")
        return node is not None and (node.kind == "not translated" or self.is_decider(guard.condition))

    def is_decider(self, condition: str | None) -> bool:
        node = self.target.nodes.get(condition or "")
        return node is not None and decides_unseen(self.source.nodes[node.name], node)

    def is_of_decider(self, part: Part) -> bool:
        return isinstance(part, Product) and self.is_decider(part.owner)

    def same(self, source: Guard, target: Guard) -> bool:
        stands = self.matcher.stands_for(source, target) and source.outcome == target.outcome
        return stands or self.matcher.guard(source, target)

    def differences(self, source: Guard, target: Guard) -> list[str]:
        """What differs between two conditions, as codes, the one that says most first."""
        if self.matcher.test(source.test, target.test, note=False):
            return ["SMX410"]
        outcomes_differ = source.outcome != target.outcome
        found = self.test_difference(source.test, target.test, outcomes_differ)
        return [found, *self.further(found, source, target)]

    def further(self, code: str, source: Guard, target: Guard) -> Iterator[str]:
        """Of two comparisons that differ in one thing, whether direction and sharpness differ as well."""
        match source.test, target.test:
            case Compare(operator, left), Compare(other, first) if code in ("SMX410", "SMX412", "SMX413"):
                straight = type(left) is type(first) and _maker(left) == _maker(first)
                other = other if straight else TURNED[other]
                wanted = operator if source.outcome else NEGATED[operator]
                found = other if target.outcome else NEGATED[other]
                is_opposite = _is_opposite(wanted, found)
                if is_opposite and code != "SMX410":
                    yield "SMX410"
                if (NEGATED[wanted] if is_opposite else wanted) != found:
                    yield "SMX411"

    def test_difference(self, source: Test, target: Test, turned: bool = False) -> str:
        """As `difference`; `turned` if the target wants the opposite outcome."""
        match source, target:
            case (All(tests), All(others)) | (AnyOf(tests), AnyOf(others)) if len(tests) == len(others):
                pairs = zip(tests, others, strict=True)
                differing = [pair for pair in pairs if not self.matcher.test(*pair, note=False)]
                return self.test_difference(*differing[0]) if differing else "SMX414"
            case Not(inner), Not(other_inner):
                return self.test_difference(inner, other_inner)
            case Compare(operator, left, right), Compare(other, first, second):
                if not self.matcher.both(left, first, right, second, note=False):
                    if not self.matcher.both(left, second, right, first, note=False):
                        return self.operand_difference((left, right), (first, second))
                    other = TURNED[other]
                return "SMX410" if _is_opposite(operator, NEGATED[other] if turned else other) else "SMX411"
        return "SMX414"

    def operand_difference(self, wanted: tuple[Part, Part], got: tuple[Part, Part]) -> str:
        for first, second in ((got[0], got[1]), (got[1], got[0])):
            for part, found, rest, other in (
                (wanted[0], first, wanted[1], second),
                (wanted[1], second, wanted[0], first),
            ):
                if self.matcher.operand(rest, other):
                    return _operand_code(part, found)
        return "SMX414"

    def closeness(self, source: Guard, target: Guard) -> int:
        order = ("SMX410", "SMX411", "SMX412", "SMX413", "SMX414")
        return -order.index(self.differences(source, target)[0])


def decides_unseen(step: Node, node: Node) -> bool:
    """Whether a task stands for a condition, and what it compares cannot be read."""
    return step.kind == "condition" and not node.visible and node.test is None


def has_no_place(node: Node) -> bool:
    """Whether a task fails because its step waits for groups of which none stands in the other."""
    return node.kind == "not translated" and node.code == "SMX332"


def items_of(loop: str) -> Template:
    """The items of a loop, as a value."""
    return (Product(loop, ("items",)),)


# What differs between two conditions, before both are shown.
_LEADS = {
    "SMX410": "the branches are swapped",
    "SMX411": "another operator",
    "SMX412": "another threshold",
    "SMX413": "another value of the file",
    "SMX414": "another condition",
}


def _operand_code(wanted: Part, found: Part) -> str:
    match wanted, found:
        case Const(), Const():
            return "SMX412"
        case Product(owner, ("value", file, _)), Product(other, ("value", same, _)) if (owner, file) == (other, same):
            return "SMX413"
        case Product(owner, ("value", _, _)), Product(other, ("named", _)) if owner == other:
            return "SMX413"
    return "SMX414"


def _is_opposite(wanted: str, found: str) -> bool:
    """Whether a comparison holds in the cases in which another does not, one exact hit apart."""
    return found == NEGATED[wanted] or {wanted[0], found[0]} == {"<", ">"}


def _maker(part: Part) -> str | None:
    return part.owner if isinstance(part, Product) else None


def _show(guard: Guard) -> str:
    return show_test(guard.test) if guard.outcome else f"not ({show_test(guard.test)})"


def fact_findings(
    source: Pipeline, target: Pipeline, matcher: Matcher, excluded: Mapping[str, str]
) -> tuple[list[Finding], list[Finding]]:
    """The differences in what reaches the steps: those of edges, and those of values."""
    edges: list[Finding] = []
    values: list[Finding] = []
    for step in source.nodes.values():
        node = target.nodes.get(step.name)
        if node is None or step.name in excluded:
            continue
        seen = step.visible and node.visible
        comparison = (FactComparison if seen else OpaqueComparison)(matcher, step, node, excluded, source.file)
        # What a condition compares is compared with the branches.
        for finding in comparison.refused() if step.kind == "condition" else comparison.findings():
            (edges if finding.code < FIRST_OF_PARAMETERS else values).append(finding)
    return edges, values
