"""Which branch or loop each step runs in, and an order in which every step comes after what it needs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import TypeAlias

from ..sagemaker.definition import Definition, Step
from ..sagemaker.reader import references

# (condition step, "if" or "else") or (ForEach step, "body"), outermost first
Scope: TypeAlias = tuple[tuple[str, str], ...]
BODY = "body"


class Scopes:
    """The scopes of a definition's steps.

    A step that depends on a step in a branch runs only if that one does: it moves into the branch. One that depends on
    two branches of which only one ever runs never starts. One that depends on branches of different conditions, neither
    inside the other, starts if both are taken, and has no place: Kubeflow's groups are nested. A step that a ForEach
    repeats belongs to its loop.

    Attributes:
        loops: the ForEach around each step that one repeats.
        written: the branch that each step stands in, in the definition.
        found: the branch that it runs in; None for a step that never starts.
        torn: the steps that have no place, with all that depend on them; `found` has the branch that they stand in.
        reads: the steps that the own fields of each step refer to.
    """

    def __init__(self, definition: Definition) -> None:
        """Find the scopes of a definition without structural faults."""
        self.steps = {step.name: step for step in definition.all_steps(bodies=True)}
        self.names = frozenset(self.steps)
        self.loops = {inner.name: step.name for step in self.steps.values() for inner in step.body}
        self.reads = {step.name: [name for _, name in references(step)] for step in self.steps.values()}
        self._dependencies: dict[str, list[str]] = {}
        self.written: dict[str, Scope] = {}
        for step in self.steps.values():
            around = self._around(step)
            self.written[step.name] = () if around is None else (*self.written[around[0]], around)
        self._order = list(self._producers_first())
        self.found: dict[str, Scope | None] = {}
        self.torn: set[str] = set()
        self._taken: dict[str, set[tuple[str, str]]] = {}  # the branches without which each step does not start
        for step in self._order:
            self.found[step.name] = self._scope(step)

    def _around(self, step: Step) -> tuple[str, str] | None:
        """The innermost branch or loop that a step stands in."""
        if step.name in self.loops:
            return (self.loops[step.name], BODY)
        return None if step.branch is None else (step.branch.condition, step.branch.name)

    def _scope(self, step: Step) -> Scope | None:
        around = self._around(step)
        before = [*self.dependencies(step), *self._depends_on(step)]
        needed = [*([around[0]] if around else []), *before]
        taken = self._taken[step.name] = {around} if around else set()
        taken.update(*(self._taken[name] for name in needed))
        if any((name, "else") in taken for name, branch in taken if branch == "if"):
            return None
        if self.torn.intersection(needed):
            self.torn.add(step.name)
        scope: Scope = (*(self.found[around[0]] or ()), around) if around else ()
        # A condition in a branch that is not taken is skipped, and so is all that depends on it.
        for other in before:
            inner = _inner(scope, self.found[other])
            if inner is None:
                self.torn.add(step.name)
            else:
                scope = inner
        return scope

    def dependencies(self, step: Step) -> list[str]:
        """The steps that a step waits for, by its own fields; DependsOn a condition is what the condition reads.

        A ForEach waits for what the steps that it repeats need from outside.
        """
        if step.name not in self._dependencies:
            self._dependencies[step.name] = self._waited_for(step)
        return self._dependencies[step.name]

    def _waited_for(self, step: Step) -> list[str]:
        found = [name for name in self.reads[step.name] if name in self.names]
        for name in self._depends_on(step):
            if self.steps[name].type == "Condition":
                found.extend(self.dependencies(self.steps[name]))
            else:
                found.append(name)
        for inner in step.body:
            found.extend(self.dependencies(inner))
        inside = set(_names(step.body))
        return [name for name in found if name not in inside]

    def moved(self, step: Step) -> bool:
        """Whether a step runs in a branch that it does not stand in, for a reason of its own."""
        found, written = self.found[step.name], self.written[step.name]
        if found is None or found == written or step.name in self.loops:
            return False
        return step.branch is None or len(found) > len(written)

    def ordered(self) -> list[Step]:
        """All steps, producers first, and a condition after all that stands in its branches."""
        position = {step.name: index for index, step in enumerate(self._order)}
        inside: dict[str, list[str]] = defaultdict(list)
        for name, scope in self.found.items():
            for condition, _ in scope or ():
                inside[condition].append(name)

        def key(step: Step) -> tuple[int, int]:
            last = max(position[name] for name in (step.name, *inside[step.name]))
            # of two conditions that end with the same step the inner one comes first
            return (last, -len(self.found[step.name] or ()))

        return sorted(self._order, key=key)

    def holds(self, outer: str, inner: str) -> bool:
        """Whether the scope of one step holds that of another, so that one can wait for the other."""
        return _contains(self.found[outer], self.found[inner])

    def _producers_first(self) -> Iterator[Step]:
        """All steps, producers first, otherwise as the document has them; a condition before the steps inside it."""
        done: set[str] = set()
        for root in self.steps.values():
            stack = [(root, iter(self._waits(root)))]
            while stack:
                step, waits = stack[-1]
                if step.name in done:
                    stack.pop()
                    continue
                waiting = next((name for name in waits if name not in done), None)
                if waiting is None:
                    done.add(step.name)
                    stack.pop()
                    yield step
                else:
                    stack.append((self.steps[waiting], iter(self._waits(self.steps[waiting]))))

    def _waits(self, step: Step) -> list[str]:
        around = self._around(step)
        waits = [*([around[0]] if around else []), *self.dependencies(step), *self._depends_on(step)]
        # what reads from a loop comes after all that it repeats
        bodies = [inner.name for name in waits if name != self.loops.get(step.name) for inner in self.steps[name].body]
        return [*waits, *bodies]

    def _depends_on(self, step: Step) -> list[str]:
        return [name for name in step.depends_on if name in self.names]


def _names(steps: Iterable[Step]) -> Iterator[str]:
    """The names of steps and of all inside them."""
    for step in steps:
        yield step.name
        yield from _names((*step.children, *step.body))


def _contains(outer: Scope | None, inner: Scope | None) -> bool:
    return outer is not None and inner is not None and inner[: len(outer)] == outer


def _inner(first: Scope | None, second: Scope | None) -> Scope | None:
    """The inner one of two scopes; None if neither holds the other."""
    if _contains(first, second):
        return second
    return first if _contains(second, first) else None
