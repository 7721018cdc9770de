"""Which tasks stand for which step."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches

from ..findings import Finding, InputError
from .names import likeness, plain
from .neutral import Fact, Guard, Node, Part, Pipeline, Product, Template
from .source import never_starts
from .truth import mapped

LEAST_SCORE = 0.5
LEAST_SCORE_OF_LAST = 0.3
LEAST_LEAD = 0.02
BY_STEP = "its --step"
BY_MATCH = "--match"
BY_NAME = 0.95
# What people write in the place of tasks, or of a step. Neither can be a name.
NO_TASK, NO_STEP = "no task", "no step"


@dataclass(frozen=True, slots=True)
class Entry:
    """The tasks that stand for a step, its importers last, and how that was found out.

    `confidence` is from 0 to 1: 1 where somebody says so, else how alike they are; None without tasks.
    """

    step: str
    tasks: tuple[str, ...]
    how: str
    confidence: float | None = None

    def to_dict(self) -> dict[str, object]:
        """The entry as `validate --format json` prints it."""
        return {"step": self.step, "tasks": list(self.tasks), "how": self.how, "confidence": self.confidence}


@dataclass(slots=True)
class Alignment:
    """The whole alignment.

    Attributes:
        entries: by step, one for each step of the source.
        owner: the step of each task that stands for one.
        extra: the tasks that stand for none.
        without: the steps that have none because a person says so.
        labels: what people call the tasks of steps that have several.
    """

    entries: dict[str, Entry]
    owner: dict[str, str]
    extra: list[str]
    findings: list[Finding] = field(default_factory=list)
    without: list[str] = field(default_factory=list)
    labels: dict[str, str] = field(default_factory=dict)

    def part(self, part: Part) -> Part:
        """A value of the target with the step for the task; of several tasks, the output tells which one made it."""
        if not isinstance(part, Product):
            return part
        label, what = self.labels.get(part.owner), part.what
        if label is not None and what[0] == "named":
            what = ("named", f"{what[1]} of {label}")
        return Product(self.owner.get(part.owner, part.owner), what)


def align(source: Pipeline, target: Pipeline, match: Mapping[str, Iterable[str]] | None = None) -> Alignment:
    """Find the tasks of each step.

    Args:
        source: the definition.
        target: the pipeline spec, a node for each task.
        match: tasks by step, given by a person: these win. `NO_TASK` says that a step has none; the tasks of
            `NO_STEP` stand for none.

    Raises:
        InputError: `match` names a step or task that is not there (SMX403), or a task twice (SMX429).
    """
    aligner = _Aligner(source, target)
    aligner.given(match or {})
    aligner.by_step()
    aligner.by_name()
    aligner.by_resemblance()
    aligner.deciders()
    aligner.partners()
    aligner.helpers()
    aligner.last_pair()
    return aligner.alignment()


class _Aligner:
    def __init__(self, source: Pipeline, target: Pipeline) -> None:
        self.source = source
        self.target = target
        self.owner: dict[str, str] = {}
        self.how: dict[str, str] = {}
        self.confidence: dict[str, float] = {}
        self.without: set[str] = set()
        self.apart: set[str] = set()
        self.findings: list[Finding] = []
        self.reads = {name: _producers(node) for name, node in target.nodes.items()}
        self.before = {name: _producers(node) for name, node in source.nodes.items()}
        self.readers: dict[str, set[str]] = defaultdict(set)
        for name, owners in self.reads.items():
            for owner in owners:
                self.readers[owner].add(name)

    def take(self, step: str, task: str, how: str, confidence: float = 1.0) -> None:
        self.owner[task] = step
        self.how.setdefault(step, how)
        self.confidence.setdefault(step, round(confidence, 2))

    def note(self, code: str, message: str, at: str, step: str | None = None) -> None:
        self.findings.append(Finding(code, message, at, step, self.source.file))

    def free_tasks(self) -> list[Node]:
        taken = self.owner.keys() | self.apart
        return [node for node in self.target.nodes.values() if node.kind != "importer" and node.name not in taken]

    def free_steps(self) -> list[Node]:
        taken = set(self.owner.values()) | self.without
        return [
            node
            for node in self.source.nodes.values()
            if node.name not in taken and node.kind != "condition" and not never_starts(node)
        ]

    def given(self, match: Mapping[str, Iterable[str]]) -> None:
        said: dict[str, str] = {}
        for step, tasks in match.items():
            for wanted in tasks:
                if step != NO_STEP and step not in self.source.nodes:
                    raise _refused("SMX403", step, wanted, f"there is no step {step!r}", step, self.source.nodes)
                if wanted == NO_TASK and step != NO_STEP:
                    self.without.add(step)
                    continue
                task = self.named(step, wanted)
                if said.setdefault(task, step) != step:
                    raise _refused("SMX429", step, wanted, f"that task is given to {said[task]} too", "", ())
                if step == NO_STEP:
                    self.apart.add(task)
                else:
                    self.take(step, task, BY_MATCH)
            if step in self.without and step in self.owner.values():
                raise _refused("SMX429", step, NO_TASK, "it is given tasks as well", "", ())

    def named(self, step: str, wanted: str) -> str:
        """The task that a person means: its own name counts more than what people call it."""
        if wanted in self.target.nodes:
            return wanted
        programs = [node for node in self.target.nodes.values() if node.kind != "importer"]
        found = [node.name for node in programs if wanted in node.names]
        if not found:
            raise _refused("SMX403", step, wanted, f"there is no task {wanted!r}", wanted, [p.name for p in programs])
        if len(found) > 1:
            raise _refused("SMX403", step, wanted, f"several tasks are called so: {', '.join(found)}", "", ())
        return found[0]

    def by_step(self) -> None:
        claimed: dict[tuple[str, str], str] = {}
        for node in self.free_tasks():
            if node.step not in self.source.nodes:
                continue
            several = node.kind == "rows"  # a step may make several queries, each for an input of its own
            if several and not self.readers[node.name]:
                continue
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
            steps[plain(step.name)].add(step.name)
        for task in self.free_tasks():
            for name in task.names if task.step is None else ():
                tasks[plain(name)].add(task.name)
        for name, found in steps.items():
            if len(found) == len(tasks[name]) == 1:
                self.take(min(found), min(tasks[name]), "name", BY_NAME)

    def by_resemblance(self) -> None:
        """The best pair first, as long as it is good enough; each pair tells more about its neighbours."""
        asked = set[str]().union(*(node.asked for node in self.target.nodes.values()))
        decides = {node.name for node in self.free_tasks() if node.guess == "condition" and node.name in asked}
        tasks = [node for node in self.free_tasks() if node.step is None and node.name not in decides]
        pairs = {(step.name, task.name): (step, task) for step in self.free_steps() for task in tasks}
        scores = {key: self.score(*pair) for key, pair in pairs.items()}
        while scores:
            name, best = max(scores.items(), key=lambda entry: entry[1])
            if best < LEAST_SCORE:
                return
            step, task = pairs[name]
            near = [pairs[key] for key, score in scores.items() if best - score < LEAST_LEAD]
            rivals = [pair for pair in near if (pair[0] is step) != (pair[1] is task)]
            rivals = [pair for pair in rivals if pair[0] is not step or not self.is_partner(step, pair[1])]
            if rivals:
                names = ", ".join(dict.fromkeys([task.name, *(rival.name for _, rival in rivals)]))
                self.note("SMX402", f"step {step.name!r} could be any of these tasks: {names}", step.at, step.name)
            self.take(step.name, task.name, "name, kind, data flow and position", min(best, BY_NAME))
            for key in [key for key in scores if key[0] == step.name or key[1] == task.name]:
                del scores[key]
            for key in scores:
                if key[1] in self.readers[task.name] or step.name in self.before[key[0]]:
                    scores[key] = self.score(*pairs[key])

    def score(self, step: Node, task: Node) -> float:
        """How much a task resembles a step, from 0 to 1: name, kind, neighbours, depth in branches."""
        name = max((likeness(step.name, name) for name in task.names), default=0.0)
        depth = 1.0 if len(step.guards) == len(task.guards) else 0.5 if bool(step.guards) == bool(task.guards) else 0.0
        return 0.4 * name + 0.25 * _kinship(step, task) + 0.25 * self.flow(step, task) + 0.1 * depth

    def flow(self, step: Node, task: Node) -> float:
        """How alike the neighbours are: those that are known by name, the others by how many there are."""
        wanted, taken = self.before[step.name], self.reads[task.name]
        known = {self.owner[other] for other in taken if other in self.owner}
        open_here = sum(other not in self.owner and self.target.nodes[other].kind != "importer" for other in taken)
        open_there = sum(other not in self.how for other in wanted - known)
        return _share(len(known & wanted) + min(open_here, open_there), len(known | wanted), len(known) + open_here)

    def is_partner(self, step: Node, task: Node) -> bool:
        """Whether all that is known to read what a task makes are steps that read what a step makes."""
        readers = {self.owner[name] for name in self.readers[task.name] if name in self.owner}
        return bool(readers) and all(step.name in self.before[reader] for reader in readers)

    def deciders(self) -> None:
        """Tasks that decide for conditions: they stand for the condition around the steps of what they decide about."""
        for node in self.free_tasks():
            if node.guess != "condition" or node.step is not None:
                continue
            asking = [
                self.owner[n.name] for n in self.target.nodes.values() if node.name in n.asked and n.name in self.owner
            ]
            branches = [{name for name, _ in self.source.nodes[step].branches} for step in asking]
            common = set.intersection(*branches) - set(self.owner.values()) if branches else set()
            if common:
                how = f"it decides about {', '.join(dict.fromkeys(asking))}"
                self.take(min(common), node.name, how, min(self.confidence[step] for step in asking))

    def partners(self) -> None:
        """Tasks that give a step what it takes from one other step alone: they stand for that one, with others."""
        for node in self.free_tasks():
            found = {self.lacking(self.owner[name]) for name in self.readers[node.name] if name in self.owner}
            step = found.pop() if len(found) == 1 else None
            if node.step is None and step is not None:
                self.take(step, node.name, "what they feed", LEAST_SCORE)

    def lacking(self, reader: str) -> str | None:
        """The only step whose products reach a step but, so far, no task of it."""
        tasks = (task for task, step in self.owner.items() if step == reader)
        before = {self.owner.get(other) for task in tasks for other in self.reads[task]}
        missing = self.before[reader] - before - {reader}
        return missing.pop() if len(missing) == 1 else None

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
            score = self.score(step, task)
            if len(step.guards) == len(task.guards) and score >= LEAST_SCORE_OF_LAST:
                self.take(step.name, task.name, "the only ones left", score)

    def alignment(self) -> Alignment:
        importers: dict[str, list[str]] = defaultdict(list)
        mains: dict[str, list[str]] = defaultdict(list)
        for task, step in self.owner.items():
            mains[step].append(task)
            importers[step].extend(sorted(self.target.nodes[task].imports))
        entries = {}
        for name, node in self.source.nodes.items():
            tasks = tuple(dict.fromkeys((*mains[name], *importers[name])))
            how = self.how.get(name) or self.without_task(node)
            entries[name] = Entry(name, tasks, how, self.confidence.get(name))
        extra = [node.name for node in self.free_tasks()]
        for node in self.free_tasks():
            says = f", which says that it is step {node.step!r}" if node.step else ""
            message = f"task {node.name} stands for no step{says}"
            self.findings.append(Finding("SMX401", message, node.at, file=self.target.file))
        for name in sorted(self.apart):
            message = f"task {name} stands for no step, as somebody says"
            self.findings.append(Finding("SMX427", message, self.target.nodes[name].at, file=self.target.file))
        labels = {task: self.target.nodes[task].label for step in mains.values() if len(step) > 1 for task in step}
        return Alignment(entries, self.owner, extra, self.findings, sorted(self.without), labels)

    def without_task(self, step: Node) -> str:
        if never_starts(step):
            self.note("SMX418", f"step {step.name!r} waits for both branches of a condition: it never starts", step.at)
            return "it never starts"
        if step.name in self.without:
            self.note("SMX428", f"step {step.name!r} has no task, as somebody says", step.at, step.name)
            return BY_MATCH
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
            nodes[entry.step] = _merged(entry.step, parts, alignment, before)
    return Pipeline(target.name, target.parameters, nodes, target.file)


def main_task(tasks: Iterable[Node]) -> Node:
    """Of the tasks that stand for one step, the one that runs its program.

    It is the one that shows most: of a package and an upload the one that runs the contract.
    """
    return max(tasks, key=lambda node: (node.visible, node.kind not in ("container", "rows")))


def _merged(step: str, parts: list[Node], alignment: Alignment, before: Mapping[str, set[str]]) -> Node:
    first, owner = main_task(parts), alignment.owner
    node = replace(first, name=step, facts={}, visible=all(part.visible for part in parts), programs={}, makes={})
    for part in sorted(parts, key=lambda part: part is not first):
        for key, fact in part.facts.items():
            if not node.visible and part.visible:
                key = ("value", part.name, *(key[1:] or key))
            node.facts.setdefault(key, Fact(_translated(fact.value, alignment), fact.at))
        node.programs.update(part.programs)
        label = f" of {alignment.labels[part.name]}" if part.name in alignment.labels else ""
        node.makes.update({f"{name}{label}": type_ for name, type_ in part.makes.items()})
    if first.words is not None:
        node.words = tuple(Fact(_translated(word.value, alignment), word.at) for word in first.words)
    node.guards = _translated_guards(first, alignment)
    node.guards_of_others = tuple(_translated_guards(part, alignment) for part in parts if part is not first)
    node.loops = tuple(replace(loop, items=_translated(loop.items, alignment)) for loop in first.loops)
    node.test = None if first.test is None else mapped(first.test, alignment.part)
    node.waits = {owner[name] for part in parts for name in before[part.name] if name in owner} - {step}
    after = {owner[name]: at for part in parts for name, at in part.after.items() if name in owner}
    node.after = {name: at for name, at in after.items() if name != step}
    return node


def _translated(value: Template, alignment: Alignment) -> Template:
    return tuple(map(alignment.part, value))


def _translated_guards(node: Node, alignment: Alignment) -> tuple[Guard, ...]:
    return tuple(replace(guard, test=mapped(guard.test, alignment.part)) for guard in node.guards)


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


def _kinship(step: Node, task: Node) -> float:
    """Whether a task is of the kind of a step, as far as it tells."""
    if step.kind in (task.kind, task.guess) or {step.kind, task.guess} == {"model", "register"}:
        return 1.0
    return 0.5 if task.kind == "container" and task.guess in ("", "processing") else 0.0


def _share(common: int, first: int, second: int) -> float:
    """How much two sets have in common; all if both are empty."""
    return common / most if (most := max(first, second, common)) else 1.0


def _refused(code: str, step: str, task: str, why: str, wanted: str, names: Iterable[str]) -> InputError:
    near = get_close_matches(wanted, names, 1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return InputError(Finding(code, f"{step}={task}, of --match or --match-file: {why}{hint}"))
