"""Which tasks stand for which step."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from difflib import SequenceMatcher
from functools import cache

from ..findings import Finding, InputError
from .neutral import (
    All,
    AnyOf,
    Compare,
    Fact,
    Guard,
    In,
    Node,
    Not,
    Opaque,
    Part,
    Pipeline,
    Product,
    Template,
    Test,
)
from .source import never_starts

LEAST_SCORE = 0.5
LEAST_SCORE_OF_LAST = 0.3
LEAST_LEAD = 0.02
BY_STEP = "its --step"
BY_MATCH = "--match"


@dataclass(frozen=True, slots=True)
class Entry:
    """The tasks that stand for a step, its importers last, and how that was found out."""

    step: str
    tasks: tuple[str, ...]
    how: str

    def to_dict(self) -> dict[str, object]:
        """The entry as `validate --format json` prints it."""
        return {"step": self.step, "tasks": list(self.tasks), "how": self.how}


@dataclass(slots=True)
class Alignment:
    """The whole alignment.

    Attributes:
        entries: by step, one for each step of the source.
        owner: the step of each task that stands for one.
        extra: the tasks that stand for none.
    """

    entries: dict[str, Entry]
    owner: dict[str, str]
    extra: list[str]
    findings: list[Finding] = field(default_factory=list)


def align(source: Pipeline, target: Pipeline, match: Mapping[str, Iterable[str]] | None = None) -> Alignment:
    """Find the tasks of each step.

    Args:
        source: the definition.
        target: the pipeline spec, a node for each task.
        match: tasks by step, given by a person: these win.

    Raises:
        InputError: `match` names a step or task that is not there (SMX403).
    """
    aligner = _Aligner(source, target)
    aligner.given(match or {})
    aligner.by_step()
    aligner.by_name()
    aligner.by_resemblance()
    aligner.helpers()
    aligner.last_pair()
    return aligner.alignment()


class _Aligner:
    def __init__(self, source: Pipeline, target: Pipeline) -> None:
        self.source = source
        self.target = target
        self.owner: dict[str, str] = {}
        self.how: dict[str, str] = {}
        self.findings: list[Finding] = []
        self.reads = {name: _producers(node) for name, node in target.nodes.items()}
        self.readers: dict[str, set[str]] = defaultdict(set)
        for name, owners in self.reads.items():
            for owner in owners:
                self.readers[owner].add(name)

    def take(self, step: str, task: str, how: str) -> None:
        self.owner[task] = step
        self.how.setdefault(step, how)

    def note(self, code: str, message: str, at: str, step: str | None = None) -> None:
        self.findings.append(Finding(code, message, at, step, self.source.file))

    def free_tasks(self) -> list[Node]:
        return [node for node in self.target.nodes.values() if node.kind != "importer" and node.name not in self.owner]

    def free_steps(self) -> list[Node]:
        taken = set(self.owner.values())
        return [
            node
            for node in self.source.nodes.values()
            if node.name not in taken and node.kind != "condition" and not never_starts(node)
        ]

    def given(self, match: Mapping[str, Iterable[str]]) -> None:
        for step, tasks in match.items():
            for wanted in tasks:
                found = [node.name for node in self.target.nodes.values() if wanted in (node.name, *node.names)]
                if step not in self.source.nodes or not found:
                    what = f"no task {wanted!r}" if step in self.source.nodes else f"no step {step!r}"
                    raise InputError(Finding("SMX403", f"--match {step}={wanted}: there is {what}"))
                self.take(step, wanted if wanted in found else found[0], BY_MATCH)

    def by_step(self) -> None:
        claimed: dict[tuple[str, str], str] = {}
        for node in self.free_tasks():
            if node.step not in self.source.nodes:
                continue
            several = node.kind == "rows"  # a step may make several queries
            other = claimed.setdefault((node.step, node.name if several else node.kind), node.name)
            if other != node.name:
                message = f"the tasks {other} and {node.name} both say that they are step {node.step!r}"
                self.note("SMX402", message, self.source.nodes[node.step].at, node.step)
            self.take(node.step, node.name, BY_STEP)

    def by_name(self) -> None:
        """Steps and tasks of one name, where both are alone in having it."""
        steps: dict[str, set[str]] = defaultdict(set)
        tasks: dict[str, set[str]] = defaultdict(set)
        for step in self.free_steps():
            steps[_plain(step.name)].add(step.name)
        for task in self.free_tasks():
            for name in task.names if task.step is None else ():
                tasks[_plain(name)].add(task.name)
        for name, found in steps.items():
            if len(found) == len(tasks[name]) == 1:
                self.take(min(found), min(tasks[name]), "name")

    def by_resemblance(self) -> None:
        """The best pair first, as long as it is good enough; each pair tells more about its neighbours."""
        while True:
            tasks = [node for node in self.free_tasks() if node.step is None]
            scores = [(self.score(step, task), step, task) for step in self.free_steps() for task in tasks]
            scores = sorted((s for s in scores if s[0] >= LEAST_SCORE), key=lambda score: -score[0])
            if not scores:
                return
            best, step, task = scores[0]
            rivals = [s for s in scores[1:] if (s[1] is step) != (s[2] is task) and best - s[0] < LEAST_LEAD]
            if rivals:
                names = ", ".join(dict.fromkeys([task.name, *(rival.name for _, _, rival in rivals)]))
                self.note("SMX402", f"step {step.name!r} could be any of these tasks: {names}", step.at, step.name)
            self.take(step.name, task.name, f"name, kind, data flow and position ({best:.2f})")

    def score(self, step: Node, task: Node) -> float:
        """How much a task resembles a step, from 0 to 1: name, kind, neighbours, depth in branches."""
        name = max((_similarity(step.name, name) for name in task.names), default=0.0)
        kind = 1.0 if step.kind == task.kind else 0.5 if task.kind == "container" else 0.0
        kind = 1.0 if {step.kind, task.kind} == {"model", "register"} else kind
        before = {self.owner[other] for other in self.reads[task.name] if other in self.owner}
        wanted = _producers(step)
        flow = 1.0 if before == wanted else len(before & wanted) / len(before | wanted)
        depth = 1.0 if bool(step.guards) == bool(task.guards) else 0.0
        return 0.6 * name + 0.15 * kind + 0.15 * flow + 0.1 * depth

    def helpers(self) -> None:
        """Tasks that only work for those of one step: what they make goes nowhere else, or they end its work."""
        changed = True
        while changed:
            changed = False
            for node in [node for node in self.free_tasks() if node.step is None]:
                consumers = {self.owner.get(name) for name in self.readers[node.name]}
                producers = {self.owner.get(name) for name in self.reads[node.name]}
                ends = node.kind == "register" and len(producers) == 1
                found = consumers if len(consumers) == 1 else producers if ends else set()
                step = next(iter(found), None)
                if step is not None:
                    self.take(step, node.name, "")
                    changed = True

    def last_pair(self) -> None:
        """Where one step and one task are left, as deep in branches, they are taken for each other."""
        steps = self.free_steps()
        tasks = [node for node in self.free_tasks() if node.step is None]
        if len(steps) == len(tasks) == 1:
            step, task = steps[0], tasks[0]
            if len(step.guards) == len(task.guards) and self.score(step, task) >= LEAST_SCORE_OF_LAST:
                self.take(step.name, task.name, "the only ones left")

    def alignment(self) -> Alignment:
        importers: dict[str, list[str]] = defaultdict(list)
        mains: dict[str, list[str]] = defaultdict(list)
        for task, step in self.owner.items():
            mains[step].append(task)
            importers[step].extend(sorted(self.target.nodes[task].imports))
        entries = {}
        for name, node in self.source.nodes.items():
            tasks = tuple(dict.fromkeys((*mains[name], *importers[name])))
            entries[name] = Entry(name, tasks, self.how.get(name) or self.without_task(node))
        extra = [node.name for node in self.free_tasks()]
        for node in self.free_tasks():
            says = f", which says that it is step {node.step!r}" if node.step else ""
            message = f"task {node.name} stands for no step{says}"
            self.findings.append(Finding("SMX401", message, node.at, file=self.target.file))
        return Alignment(entries, self.owner, extra, self.findings)

    def without_task(self, step: Node) -> str:
        if never_starts(step):
            self.note("SMX418", f"step {step.name!r} waits for both branches of a condition: it never starts", step.at)
            return "it never starts"
        if step.kind == "condition":
            return "the conditions of its branches"
        if step.kind == "loop":
            return "the loop around what it repeats"
        self.note("SMX400", f"no task stands for step {step.name!r}", step.at, step.name)
        return "not found"


def merge(target: Pipeline, alignment: Alignment) -> Pipeline:
    """The target with a node for each step that has tasks, and steps for tasks in all references."""
    before = _ancestors(target)
    nodes = {}
    for entry in alignment.entries.values():
        parts = [target.nodes[name] for name in entry.tasks if target.nodes[name].kind != "importer"]
        if parts:
            nodes[entry.step] = _merged(entry.step, parts, alignment.owner, before)
    return Pipeline(target.name, target.parameters, nodes, target.file)


def main_task(tasks: Iterable[Node]) -> Node:
    """Of the tasks that stand for one step, the one that runs its program.

    It is the one that shows most: of a package and an upload the one that runs the contract.
    """
    return max(tasks, key=lambda node: (node.visible, node.kind not in ("container", "rows")))


def _merged(step: str, parts: list[Node], owner: Mapping[str, str], before: Mapping[str, set[str]]) -> Node:
    first = main_task(parts)
    node = replace(first, name=step, facts={}, visible=all(part.visible for part in parts))
    for part in sorted(parts, key=lambda part: part is not first):
        for key, fact in part.facts.items():
            if not node.visible and part.visible:
                key = ("value", part.name, *(key[1:] or key))
            node.facts.setdefault(key, Fact(_translated(fact.value, owner), fact.at))
    if first.words is not None:
        node.words = tuple(Fact(_translated(word.value, owner), word.at) for word in first.words)
    node.guards = _translated_guards(first, owner)
    node.guards_of_others = tuple(_translated_guards(part, owner) for part in parts if part is not first)
    node.loops = tuple(replace(loop, items=_translated(loop.items, owner)) for loop in first.loops)
    node.test = None if first.test is None else _translated_test(first.test, owner)
    node.waits = {owner[name] for part in parts for name in before[part.name] if name in owner} - {step}
    after = {owner[name]: at for part in parts for name, at in part.after.items() if name in owner}
    node.after = {name: at for name, at in after.items() if name != step}
    return node


def _translated(value: Template, owner: Mapping[str, str]) -> Template:
    return tuple(_translated_part(part, owner) for part in value)


def _translated_guards(node: Node, owner: Mapping[str, str]) -> tuple[Guard, ...]:
    return tuple(replace(guard, test=_translated_test(guard.test, owner)) for guard in node.guards)


def _translated_part(part: Part, owner: Mapping[str, str]) -> Part:
    return replace(part, owner=owner.get(part.owner, part.owner)) if isinstance(part, Product) else part


def _translated_test(test: Test, owner: Mapping[str, str]) -> Test:
    match test:
        case Compare(operator, left, right):
            return Compare(operator, _translated_part(left, owner), _translated_part(right, owner))
        case In(query, values):
            return In(_translated_part(query, owner), _translated(values, owner))
        case Not(inner):
            return Not(_translated_test(inner, owner))
        case All(tests):
            return All(tuple(_translated_test(each, owner) for each in tests))
        case AnyOf(tests):
            return AnyOf(tuple(_translated_test(each, owner) for each in tests))
        case Opaque():
            return test


def _ancestors(target: Pipeline) -> dict[str, set[str]]:
    """All tasks that each task waits for, directly or not."""
    found: dict[str, set[str]] = {}
    for name in target.nodes:
        stack, seen = [name], set[str]()
        while stack:
            for other in target.nodes[stack.pop()].waits - seen:
                seen.add(other)
                if other in found:
                    seen |= found[other]
                else:
                    stack.append(other)
        found[name] = seen
    return found


def _producers(node: Node) -> set[str]:
    """The nodes whose products reach it as data; what conditions around it read does not count."""
    facts = (*node.facts.values(), *(node.words or ()))
    return {part.owner for fact in facts for part in fact.value if isinstance(part, Product)}


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


@cache
def _similarity(first: str, second: str) -> float:
    return SequenceMatcher(None, _plain(first), _plain(second)).ratio()
