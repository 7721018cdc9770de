"""Which executions are tried: the values of parameters, what conditions read, and which step fails.

How they are chosen stands in docs/validate.md.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations, count, islice, zip_longest
from math import ceil, comb, floor
from typing import Any, TypeAlias

from ..sagemaker.definition import MISSING
from .copies import Loop, counts, items_of
from .neutral import (
    All,
    AnyOf,
    Compare,
    Const,
    In,
    Node,
    Not,
    Param,
    Parameter,
    Part,
    Pipeline,
    Product,
    Test,
    operands,
)
from .source import never_starts
from .truth import Lookup, atoms, holds

DEFAULT_SCENARIOS = 256
# A value that meets no threshold: for what is compared with nothing that is known.
USUAL_NUMBER = 0.5
# How far "just missed" is from a threshold; whole numbers differ by one.
STEP = 0.001
# Combinations of values that are tried to make conditions have given outcomes.
MAX_TRIES = 2_000

# What a loop runs over where the definition does not say.
TWO_ITEMS = '["item-1", "item-2"]'

Variable: TypeAlias = Param | Product
"""What conditions read, in the words of the definition; a parameter's format is always `str` here."""
Outcomes: TypeAlias = Sequence[tuple[Test, bool]]


@dataclass(frozen=True, slots=True)
class Scenario:
    """One execution.

    Attributes:
        why: what it shows, for people.
        values: parameters that are given, by the definition's names; the others have their defaults.
        readings: what conditions read, where it is not as usual; MISSING where it is not there.
        failing: the step that fails.
    """

    why: str
    values: Mapping[str, Any] = field(default_factory=dict)
    readings: Mapping[Product, Any] = field(default_factory=dict)
    failing: str | None = None

    @property
    def size(self) -> int:
        """How much of it is not as usual."""
        return len(self.values) + len(self.readings) + (self.failing is not None)


@dataclass(frozen=True, slots=True)
class _Plan:
    """A scenario whose values are still to be found: these conditions are to have these outcomes."""

    why: str
    outcomes: Outcomes = ()
    fixed: Mapping[Variable, Any] = field(default_factory=dict)
    failing: str | None = None
    missing: Product | None = None
    is_plain: bool = False  # parameters keep their defaults


class Scenarios:
    """Chooses the scenarios of a pair of pipelines."""

    def __init__(
        self,
        source: Pipeline,
        left_out: Iterable[str],
        further: Iterable[Test],
        required: Iterable[str] = (),
        loops: Iterable[Loop] = (),
    ) -> None:
        """Prepare the thresholds.

        Args:
            source: the definition.
            left_out: steps that are not compared; none of them fails.
            further: the conditions of the target, in the words of the definition: their thresholds count, too.
            required: parameters with a default that Kubeflow has no room for, so that every run must give a value.
            loops: those whose copies are simulated.
        """
        self.source = source
        self.copied = {read: made for loop in loops for read, (_, made) in loop.read.items()}
        self.left_out = set(left_out)
        self.required = set(required)
        self.parameters = source.parameters
        conditions = (node for node in source.nodes.values() if node.test is not None)
        self.conditions = {
            node.name: node
            for node in sorted(conditions, key=lambda node: len(node.branches))
            if node.name not in self.left_out and not never_starts(node)
        }
        self.tests = {name: node.test for name, node in self.conditions.items() if node.test is not None}
        self.thresholds: dict[Variable, dict[Part, None]] = {}
        for test in (*self.tests.values(), *further):
            for atom in atoms(test):
                self.note(atom)
        self.items = {part: None for node in source.nodes.values() for part in _items_of(node)}
        self.usual = {variable: self.usual_value(variable) for variable in (*self.thresholds, *self.items)}
        self.sentinels = self.all_sentinels()

    def note(self, atom: Compare | In) -> None:
        sides = (atom.left, atom.right) if isinstance(atom, Compare) else (atom.query, *atom.values)
        for side in sides:
            if isinstance(side, Param | Product):
                others = self.thresholds.setdefault(side, {})
                others.update({other: None for other in sides if other != side})

    # --- values ---

    def usual_value(self, variable: Variable) -> Any:
        """A parameter's default; else the first threshold, met exactly."""
        if isinstance(variable, Param) and (found := self.parameters.get(variable.name)) is not None:
            return self.default(found)
        if variable in self.items:
            return TWO_ITEMS
        if isinstance(variable, Product) and variable.what[0] == "count":
            items = self.source.nodes[variable.owner].facts.get(("request", "IterableItems"))
            known = items_of(items.value if items else (), self.usual_part)
            return counts(len(known or ())).get(variable.what[1])
        return self.fitting(variable, self.first_threshold(variable))

    def fitting(self, variable: Variable, value: Any) -> Any:
        """The value, or the whole number below it where no other fits."""
        return floor(value) if self.is_whole(variable) and _is_number(value) else value

    def first_threshold(self, variable: Variable) -> Any:
        for other in self.thresholds[variable]:
            if isinstance(other, Const):
                return other.value
            parameter = self.parameters.get(other.name) if isinstance(other, Param) else None
            if parameter is not None:
                return self.default(parameter)
        return USUAL_NUMBER

    def usual_part(self, part: Part) -> Any:
        return self.usual_value(part) if isinstance(part, Param | Product) else MISSING

    def default(self, parameter: Parameter) -> Any:
        if parameter.default is None and Param(parameter.name) in self.items:
            return TWO_ITEMS
        return sentinel(parameter, 0) if parameter.default is None else _typed(parameter.type, parameter.default)

    def all_sentinels(self) -> dict[str, Any]:
        """A value of its own for every parameter whose type has enough of them."""
        found = {}
        for index, parameter in enumerate(self.parameters.values()):
            has_values = parameter.type != "bool" and parameter.allowed is None
            if has_values and Param(parameter.name) not in self.items:
                found[parameter.name] = sentinel(parameter, index)
            elif parameter.default is None:
                found[parameter.name] = self.default(parameter)
        return found

    def needed(self) -> dict[str, Any]:
        """The parameters that every run must give."""
        found = {p.name: self.default(p) for p in self.parameters.values() if p.default is None}
        return {**{name: sentinel(self.parameters[name], 0) for name in self.required}, **found}

    def others(self, parameter: Parameter) -> list[Any]:
        """The values of a type that has few of them, without the default."""
        values: Iterable[Any] = (True, False) if parameter.type == "bool" else parameter.allowed or ()
        return [value for value in values if value != self.default(parameter)]

    def candidates(self, variable: Variable, known: Mapping[Variable, Any]) -> list[Any]:
        """Values worth trying: the usual one; thresholds just missed, met, and just passed."""
        parameter = self.parameters.get(variable.name) if isinstance(variable, Param) else None
        found = [self.usual[variable]] if variable in self.usual else []
        if isinstance(variable, Product) and variable.what[0] == "count":
            return found
        for other in self.thresholds.get(variable, ()):
            if isinstance(other, Const):
                found.extend(around(other.value))
            elif isinstance(other, Param | Product):
                found.extend(around(known.get(other, self.usual[other])))
        if parameter is not None:
            found = [fit for value in found if (fit := _of_type(parameter, value)) is not None]
            found += [True, False] if parameter.type == "bool" else parameter.allowed or ()
        if self.is_whole(variable):
            found = [whole for value in found if _is_number(value) for whole in (floor(value), ceil(value))]
        return list({(type(value), value): value for value in found}.values())

    def is_whole(self, variable: Variable) -> bool:
        """Whether it is an output of a call that is declared as a whole number: any other fails the task."""
        made = self.copied.get(variable, variable) if isinstance(variable, Product) else variable
        if not isinstance(made, Product) or made.what[0] != "answer":
            return False
        declared = self.source.nodes[made.owner].facts.get(("request", f"answer {made.what[1]}"))
        return declared is not None and declared.value == ("Integer",)

    def solve(self, outcomes: Outcomes, known: Mapping[Variable, Any]) -> dict[Variable, Any] | None:
        """Values for which the conditions have these outcomes, what is known among them; None if none were found."""
        found = dict(known)
        for cluster in clusters(outcomes, known):
            values = _Search(self, known).first(cluster)
            if values is None:
                return None
            found.update(values)
        return found

    # --- plans ---

    def chosen(self, most: int = DEFAULT_SCENARIOS, seed: int = 0) -> tuple[list[Scenario], int]:
        """The scenarios, at most so many, and how many more there would be.

        Args:
            most: the bound; each group of scenarios gets its share of it.
            seed: decides which scenarios of a group are taken where there are too many.
        """
        chance = random.Random(seed)
        groups = [list(group) for group in self.groups(most)]
        share = max(1, most // len(groups))
        for group in groups:
            if len(group) > share:
                chance.shuffle(group)
        mixed = [plan for row in zip_longest(*groups) for plan in row if plan is not None]
        found: dict[Any, Scenario] = {}
        left = len(mixed)
        for plan in mixed:
            if len(found) >= most:
                break
            left -= 1
            scenario = self.scenario(plan)
            if scenario is not None:
                found.setdefault(_identity(scenario), scenario)
        return list(found.values()), left

    def groups(self, most: int) -> Iterator[Iterable[_Plan]]:
        yield (_Plan("every parameter has its default", is_plain=True), _Plan("every parameter has a value of its own"))
        yield self.branch_plans(most)
        yield self.threshold_plans()
        yield self.failing_plans()
        yield self.single_plans()
        yield self.missing_plans()

    def around(self, node: Node) -> list[tuple[Test, bool]]:
        """The outcomes without which a step is skipped."""
        return [(self.tests[name], outcome) for name, outcome in sorted(node.branches) if name in self.tests]

    def branch_plans(self, most: int) -> Iterator[_Plan]:
        """Every combination of branches that can be reached; pairs of branches where there are too many."""
        combined = list(islice(self.all_branches(), most + 1))
        if len(combined) > most:
            combined = list(islice(self.pairs_of_branches(), most))
        for taken in combined:
            words = ", ".join(f"{name} is {str(outcome).lower()}" for name, outcome in taken.items())
            yield _Plan(f"the branches: {words}", [(self.tests[name], outcome) for name, outcome in taken.items()])

    def all_branches(self) -> Iterator[dict[str, bool]]:
        names = list(self.tests)
        waiting: list[tuple[int, dict[str, bool]]] = [(0, {})] if names else []
        while waiting:
            index, taken = waiting.pop()
            if index == len(names):
                yield taken
                continue
            name = names[index]
            if self.reached(name, taken):
                waiting.append((index + 1, {**taken, name: False}))
                waiting.append((index + 1, {**taken, name: True}))
            else:
                waiting.append((index + 1, taken))

    def reached(self, name: str, taken: Mapping[str, bool]) -> bool:
        branches = self.conditions[name].branches
        return all(taken.get(other) is outcome for other, outcome in branches if other in self.tests)

    def pairs_of_branches(self) -> Iterator[dict[str, bool]]:
        """Combinations in which any two conditions that can be reached together have all pairs of outcomes."""
        for around in dict.fromkeys(node.branches for node in self.conditions.values()):
            forced = {name: outcome for name, outcome in around if name in self.tests}
            free = [n for n, node in self.conditions.items() if node.branches <= around and n not in forced]
            for row in covering_rows(len(free)):
                yield forced | dict(zip(free, row, strict=True))

    def threshold_plans(self) -> Iterator[_Plan]:
        """Each threshold just missed, met exactly, just passed, while all else lets the comparison decide."""
        for name, test in self.tests.items():
            path = self.around(self.conditions[name])
            for atom, beside in _deciding(test):
                usual = {variable: self.usual[variable] for variable in _variables(atom)}
                for variable in usual:
                    for value in self.candidates(variable, {}):
                        yield _Plan(f"{name} compares {value!r}", [*path, *beside], {**usual, variable: value})

    def failing_plans(self) -> Iterator[_Plan]:
        for node in self.source.nodes.values():
            if node.test is None and node.kind != "fail" and node.name not in self.left_out:
                yield _Plan(f"{node.name} fails", self.around(node), failing=node.name)

    def single_plans(self) -> Iterator[_Plan]:
        """One parameter after the other, where its type has too few values for one of its own."""
        for parameter in self.parameters.values():
            if parameter.type == "bool" or parameter.allowed is not None:
                for value in self.others(parameter):
                    yield _Plan(f"{parameter.name} is {value!r}", fixed={Param(parameter.name): value})

    def missing_plans(self) -> Iterator[_Plan]:
        """A value of a file that is not there: what a condition compares, or an argument is made of."""
        for node in self.source.nodes.values():
            if node.name in self.left_out or never_starts(node):
                continue
            path = self.around(node)
            compared = {part for test, _ in path for part in operands(test)}
            for part in dict.fromkeys(_read_by(node)):
                if isinstance(part, Product) and part.what[0] == "value" and part not in compared:
                    why = f"{part.what[2]} is missing in what {part.owner} leaves"
                    yield _Plan(why, path, missing=part)

    def scenario(self, plan: _Plan) -> Scenario | None:
        """The scenario of a plan: with all parameters of their own if that can be, else with those that must be."""
        for given in ({} if plan.is_plain else self.sentinels, self.without_compared()):
            values = {**self.needed(), **given}
            known: dict[Variable, Any] = {Param(name): value for name, value in values.items()}
            found = self.solve(plan.outcomes, {**known, **plan.fixed})
            if found is not None:
                return self.made(plan, found)
        return None

    def without_compared(self) -> dict[str, Any]:
        """Values of their own for the parameters that no condition reads."""
        return {name: value for name, value in self.sentinels.items() if Param(name) not in self.thresholds}

    def made(self, plan: _Plan, found: Mapping[Variable, Any]) -> Scenario:
        values = {variable.name: value for variable, value in found.items() if isinstance(variable, Param)}
        readings = {v: value for v, value in found.items() if isinstance(v, Product) and value != self.usual.get(v)}
        if plan.missing is not None:
            readings[plan.missing] = MISSING
        return Scenario(plan.why, values, readings, plan.failing)


class _Search:
    """Looks for values of the variables of a few conditions."""

    def __init__(self, scenarios: Scenarios, known: Mapping[Variable, Any]) -> None:
        self.scenarios = scenarios
        self.known = known
        self.tries = 0

    def first(self, outcomes: Outcomes) -> dict[Variable, Any] | None:
        try:
            return next(self.all(list(outcomes), {}), None)
        except RecursionError:
            return None

    def all(self, outcomes: Outcomes, values: dict[Variable, Any]) -> Iterator[dict[Variable, Any]]:
        if not outcomes:
            yield values
            return
        (test, outcome), *rest = outcomes
        for found in self.ways(test, outcome, values):
            yield from self.all(rest, found)

    def ways(self, test: Test, outcome: bool, values: dict[Variable, Any]) -> Iterator[dict[Variable, Any]]:
        match test:
            case Not(inner):
                yield from self.ways(inner, not outcome, values)
            case All(tests) | AnyOf(tests):
                if outcome is isinstance(test, All):
                    yield from self.all([(each, outcome) for each in tests], values)
                else:
                    for each in tests:
                        yield from self.ways(each, outcome, values)
            case Compare() | In():
                for found in self.combined(list(_variables(test)), values):
                    self.tries += 1
                    if self.tries > MAX_TRIES:
                        return
                    if holds(test, _lookup(found)) is outcome:
                        yield found

    def combined(self, variables: list[Variable], values: dict[Variable, Any]) -> Iterator[dict[Variable, Any]]:
        if not variables:
            yield values
            return
        first, *rest = variables
        if first in values:
            choices = [values[first]]
        elif first in self.known:
            choices = [self.known[first]]
        else:
            choices = self.scenarios.candidates(first, {**self.known, **values})
        for value in choices:
            yield from self.combined(rest, {**values, first: value})


def clusters(outcomes: Outcomes, known: Mapping[Variable, Any]) -> list[list[tuple[Test, bool]]]:
    """The conditions in groups that share no variable whose value is still open, in order."""
    found: list[tuple[set[Variable], list[tuple[int, tuple[Test, bool]]]]] = []
    for index, (test, outcome) in enumerate(outcomes):
        free = {variable for variable in _variables(test) if variable not in known}
        joined = [cluster for cluster in found if cluster[0] & free]
        found = [cluster for cluster in found if not cluster[0] & free]
        members = [member for _, several in joined for member in several]
        found.append((free.union(*(variables for variables, _ in joined)), [*members, (index, (test, outcome))]))
    return [[entry for _, entry in sorted(members, key=lambda member: member[0])] for _, members in found]


def covering_rows(columns: int) -> list[tuple[bool, ...]]:
    """Rows in which any two of so many columns take all four pairs of values.

    Kleitman and Spencer, "Families of k-independent sets", 1973: columns that are false in the first row and true in
    more than half of the others, all in equally many.
    """
    size = next(size for size in count(4) if comb(size - 1, (size + 1) // 2) >= columns)
    chosen = islice(combinations(range(1, size), (size + 1) // 2), columns)
    sets = [set(rows) for rows in chosen]
    return [tuple(row in rows for rows in sets) for row in range(size)]


def sentinel(parameter: Parameter, index: int) -> Any:
    """A value that no other parameter has."""
    if parameter.allowed:
        return parameter.allowed[0]
    match parameter.type:
        case "int":
            return 1001 + index
        case "float":
            return 1001.25 + index
        case "bool":
            return True
    return f"{parameter.name}-value"


def around(value: Any) -> list[Any]:
    """A threshold, and values just below and above it."""
    if isinstance(value, str):
        return [value, f"{value}-other"]
    if isinstance(value, bool):
        return [value, not value]
    if not isinstance(value, int | float):
        return []
    steps = (-STEP, STEP, -1, 1) if float(value).is_integer() else (-STEP, STEP)
    return [value, *(float(f"{value + step:.12g}") for step in steps)]


def _typed(type_: str, value: Any) -> Any:
    """A default as a value of its type, where it is one: definitions write numbers as texts, too."""
    try:
        if type_ == "int" and not isinstance(value, bool):
            return int(value)
        if type_ == "float" and not isinstance(value, bool):
            return float(value)
    except (TypeError, ValueError):
        return value
    if type_ == "bool" and isinstance(value, str):
        return value.lower() == "true"
    return value


def _of_type(parameter: Parameter, value: Any) -> Any:
    """The value as one that the parameter can have; None if it cannot have it."""
    if parameter.allowed is not None:
        return value if value in parameter.allowed else None
    is_number = _is_number(value)
    match parameter.type:
        case "int":
            return int(value) if is_number and float(value).is_integer() else None
        case "float":
            return float(value) if is_number else None
        case "bool":
            return value if isinstance(value, bool) else None
    return value if isinstance(value, str) else None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _deciding(test: Test) -> Iterator[tuple[Compare | In, list[tuple[Test, bool]]]]:
    """The comparisons of a condition, each with outcomes of the others that leave the decision to it."""
    match test:
        case Compare() | In():
            yield test, []
        case Not(inner):
            yield from _deciding(inner)
        case All(tests) | AnyOf(tests):
            for each in tests:
                others = [(other, isinstance(test, All)) for other in tests if other is not each]
                for atom, beside in _deciding(each):
                    yield atom, [*beside, *others]


def _lookup(values: Mapping[Variable, Any]) -> Lookup:
    return lambda part: values.get(part, MISSING) if isinstance(part, Param | Product) else MISSING


def _items_of(node: Node) -> Iterator[Variable]:
    """What the items of a loop are made of."""
    items = node.facts.get(("request", "IterableItems")) if node.kind == "loop" else None
    for part in items.value if items is not None else ():
        if isinstance(part, Param | Product):
            yield Param(part.name) if isinstance(part, Param) else part


def _read_by(node: Node) -> Iterator[Part]:
    """What a condition compares, or what reaches another step."""
    if node.test is not None:
        yield from operands(node.test)
    for fact in (*node.facts.values(), *(node.words or ())):
        yield from fact.value


def _variables(test: Test) -> Iterator[Variable]:
    yield from dict.fromkeys(part for part in operands(test) if isinstance(part, Param | Product))


def _identity(scenario: Scenario) -> str:
    return repr((sorted(scenario.values.items()), list(scenario.readings.items()), scenario.failing))
