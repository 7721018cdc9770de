"""The third question: whether both pipelines do the same, execution by execution.

Both simulators run the same scenarios; what their traces say is compared step by step. See docs/validate.md.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ..findings import Finding, InputError, catalogue
from ..kubeflow.simulator import Simulator as TargetSimulator
from ..kubeflow.simulator import Trace as TargetTrace
from ..sagemaker.definition import MISSING
from ..sagemaker.simulator import Simulator as SourceSimulator
from ..sagemaker.simulator import Trace as SourceTrace
from .alignment import Alignment
from .copies import Loop, is_of_copies, loops
from .facts import KINDS, FactComparison
from .matching import Matcher
from .neutral import (
    Bucket,
    Const,
    Fact,
    Guard,
    Node,
    Opaque,
    Param,
    Part,
    Pipeline,
    Product,
    Template,
    Unseen,
    operands,
    show,
)
from .outcomes import OfSteps, OfTasks, Readings, Words, selectors
from .parameters import Parameters
from .scenarios import USUAL_NUMBER, Scenario, Scenarios, Variable, sentinel
from .shrink import shrink
from .source import SourceReader, never_starts
from .stories import Behaviour, Difference, Moment, Story
from .target import TargetReader, formatted
from .truth import holds, leaves

# The words for what became of a step.
RUNS, FAILS, RESTS = "runs", "fails", "does not run"
_FATES = {"succeeded": RUNS, "failed": FAILS, "skipped": RESTS, "not started": RESTS}
# Differences that are told with the scenario that shows them; each of the others is one finding.
MAX_STORIES = 10


@dataclass(frozen=True, slots=True)
class Sides:
    """Both pipelines in all the forms that they were brought to; `tasks` has a node a task, `merged` one a step."""

    source_reader: SourceReader
    target_reader: TargetReader
    source: Pipeline
    tasks: Pipeline
    merged: Pipeline
    alignment: Alignment
    matcher: Matcher
    parameters: Parameters
    excluded: Mapping[str, str]


@dataclass(slots=True)
class _Run:
    """One scenario, simulated on both sides."""

    scenario: Scenario
    value: Readings
    there: SourceTrace
    here: TargetTrace
    fates: dict[tuple[str, tuple[int, ...]], list[str]] = field(default_factory=lambda: defaultdict(list))


class Rehearsal:
    """Runs scenarios on both sides and compares."""

    def __init__(self, sides: Sides) -> None:
        """Prepare all that does not depend on the scenario."""
        self.sides = sides
        self.source, self.merged = sides.source, sides.merged
        self.words = Words(sides.source, sides.alignment, sides.matcher)
        self.tasks = OfTasks(sides.source, sides.tasks, sides.target_reader, sides.alignment, self.words)
        known = set(sides.matcher.parameters.values())
        extra = (each for each in sides.merged.parameters.values() if each.required and each.name not in known)
        self.further = {each.name: sentinel(each, 0) for each in extra}
        self.loops = loops(sides.source_reader, sides.source)
        self.unseen = {name for name, node in self.source.nodes.items() if _is_unseen(node, self.loops)}
        self.left_out = self.all_left_out()
        asked = {guard.test: None for node in self.tasks.nodes.values() for guard in node.guards}
        self.other_defaults = self.differing_defaults()
        further = map(self.words.test, asked)
        self.scenarios = Scenarios(sides.source, self.left_out, further, self.required(), self.loops.values())
        self.usual: dict[Variable, Any] = dict(self.scenarios.usual)
        deciding = selectors(sides.source_reader)
        self.usual.update({each: self.scenarios.fitting(each, USUAL_NUMBER) for each in deciding})
        self.steps = OfSteps(sides.source_reader, self.usual, self.loops.values())
        self.there = SourceSimulator(sides.source_reader.definition)
        self.here = TargetSimulator(sides.target_reader.graph)
        pairs = sides.matcher.correspondences.to_list()
        self.buckets: dict[str, str] = {pair["target"]: pair["source"] for pair in pairs if pair["kind"] == "bucket"}
        self.defaults = {p.name: self.scenarios.default(p) for p in sides.source.parameters.values()}
        self.values = {name: list(self.differing_values(name)) for name in self.compared()}
        self.reached = {name: self.parameters_of(name) for name in self.compared()}

    # --- what does not depend on the scenario ---

    def all_left_out(self) -> set[str]:
        """The steps that equality does not speak of, and all that depends on them."""
        found = {*self.sides.excluded, *self.unseen}
        found |= {name for name, node in self.source.nodes.items() if never_starts(node)}
        return found | self.dependents(found)

    def dependents(self, of: set[str]) -> set[str]:
        """The steps that need one of these to have ended, directly or not."""
        followers: dict[str, set[str]] = defaultdict(set)
        for node in self.source.nodes.values():
            for name in (*node.waits, *node.after, *(condition for condition, _ in node.branches)):
                followers[name].add(node.name)
        found: set[str] = set()
        waiting = list(of)
        while waiting:
            new = followers[waiting.pop()] - found
            found |= new
            waiting.extend(new)
        return found

    def compared(self) -> Iterator[str]:
        """The steps whose fate is compared: conditions and loops show in that of what they decide about, or repeat."""
        for name, node in self.source.nodes.items():
            if name not in self.left_out and node.kind not in ("condition", "loop"):
                yield name

    def differing_defaults(self) -> dict[str, str]:
        """The default of the target, where it is another one, by the definition's name."""
        found = {}
        for name, other in self.sides.matcher.parameters.items():
            wanted, got = self.source.parameters[name], self.merged.parameters[other]
            if wanted.default is not None and not self.sides.parameters.same_default(wanted, got):
                found[name] = "nothing" if got.default is None else formatted(got.default, wanted.type)
        return found

    def required(self) -> Iterator[str]:
        """The parameters whose default Kubeflow has no room for."""
        for name, other in self.sides.matcher.parameters.items():
            if self.merged.parameters[other].required and name not in self.other_defaults:
                yield name

    def differing_values(self, name: str) -> Iterator[tuple[str, Fact, Fact | None]]:
        """What reaches a step otherwise than its tasks, as far as it is more than a warning."""
        step, node = self.source.nodes[name], self.merged.nodes.get(name)
        if node is None or not step.visible or not node.visible:
            return
        comparison = FactComparison(self.sides.matcher, step, node, self.sides.excluded, self.source.file)
        for key, (wanted, found) in comparison.differing().items():
            kind = KINDS[key[0]]
            code = kind.missing if found is None else kind.extra if wanted is None else kind.differs
            if code is not None and catalogue()[code].severity == "error":
                label = f"{kind.label} {key[1]!r}" if len(key) > 1 else f"the {kind.label}"
                yield label, wanted or Fact((), step.at), found
        if step.words is not None and node.words is not None:
            for index, wanted in enumerate(step.words):
                found = node.words[index] if index < len(node.words) else None
                if found is None or not self.sides.matcher.alike(wanted.value, found.value):
                    yield f"word {index + 1} of the command", wanted, found

    def parameters_of(self, name: str) -> dict[str, str]:
        """The parameters that reach a step, with the places that say so."""
        node = self.source.nodes[name]
        facts = (*(fact for key, fact in node.facts.items() if key[0] in KINDS), *(node.words or ()))
        return {part.name: fact.at for fact in facts for part in fact.value if isinstance(part, Param)}

    # --- one scenario ---

    def run(self, scenario: Scenario) -> _Run | Difference | None:
        """Simulate both sides; a run that only the translation refuses is a difference, None if SageMaker refuses."""
        value = Readings(scenario, self.usual, self.defaults, self.loops.values())
        names = self.sides.matcher.parameters
        given = self.further | {names[name]: each for name, each in scenario.values.items() if name in names}
        try:
            there = self.there.run(scenario.values, self.steps.outcomes(scenario, value.copies))
        except ValueError:
            return None
        try:
            here = self.here.run(given, self.tasks.outcomes(scenario, value))
        except (InputError, ValueError) as error:
            return Difference(
                "SMX494", None, "the execution starts", f"the run is refused: {error}", "/Parameters", "root"
            )
        found = _Run(scenario, value, there, here)
        owner = self.sides.alignment.owner
        for event in here.events:
            if event.task in owner:
                found.fates[owner[event.task], event.iteration].append(_FATES[event.state])
        return found

    def differences(self, run: _Run | Difference | None) -> Iterator[Difference]:
        """What differs, in the order in which it happens."""
        if not isinstance(run, _Run):
            yield from [] if run is None else [run]
            return
        scenario = run.scenario
        failing_earlier = self.failing_earlier(scenario) | self.without_copy(run)
        failing = failing_earlier | ({scenario.failing} if scenario.failing else set())
        ran: set[str] = set()
        for event in run.there.events:
            step = event.step
            if step not in self.values:
                continue
            wanted = FAILS if step in failing_earlier else _FATES[event.state]
            fates = run.fates.get((step, event.iteration), [RESTS])
            got = FAILS if FAILS in fates else fates[0] if len(set(fates)) == 1 else "runs in part"
            repeated = self.repeated_with(step) if failing and event.iteration else set()
            if got == RESTS and (failing & self.waits(step) or failing & repeated):
                # It waits for a step that fails. If the definition does not say so, that is a warning (SMX409), or the
                # compiler's doing, which makes whole groups wait. Or another copy in its loop failed: nothing says
                # whether SageMaker starts the copies for which there was no room at first.
                continue
            if wanted != got:
                yield self.other_fate(run, step, wanted, got, event.reason)
            elif wanted != RESTS:
                ran.add(step)
                yield from self.other_values(run, step)
                yield from self.other_order(step, event.after & ran)
        yield from self.extra_tasks(run)
        if run.there.state != run.here.state and not self.left_out:
            yield Difference(
                "SMX493", None, f"the execution {run.there.state}", f"the run {run.here.state}", "/Steps", "root"
            )

    def extra_tasks(self, run: _Run) -> Iterator[Difference]:
        for event in run.here.events:
            if event.task in self.sides.alignment.extra and _FATES[event.state] != RESTS:
                place = self.sides.target_reader.graph.tasks[event.task].at
                yield Difference("SMX490", None, "no step does that", f"{event.task} runs", "/Steps", place)

    def failing_earlier(self, scenario: Scenario) -> set[str]:
        """The steps whose tasks fail because a condition would not find what it reads: a declared rewrite."""
        missing = {part for part, value in scenario.readings.items() if value is MISSING}
        tasks = {task for part in missing for task, _, _ in self.tasks.writes.get(part, ())}
        return {self.sides.alignment.owner[task] for task in tasks if task in self.sides.alignment.owner}

    def without_copy(self, run: _Run) -> set[str]:
        """The loops after which a copy is asked for that there is not: the reading step fails in SageMaker."""
        failed = {event.task for event in run.here.events if event.state == "failed"}
        return {self.sides.alignment.owner[task] for task in failed & self.tasks.left_by_copies.keys()}

    def waits(self, step: str) -> set[str]:
        """The steps that the tasks of a step wait for, directly or not."""
        return self.merged.nodes[step].waits if step in self.merged.nodes else set()

    def repeated_with(self, step: str) -> set[str]:
        """The steps in the loops around a step, itself among them."""
        loops = set(self.source.nodes[step].loops)
        return {name for name, node in self.source.nodes.items() if loops.intersection(node.loops)}

    def other_fate(self, run: _Run, step: str, wanted: str, got: str, reason: str) -> Difference:
        node = self.source.nodes[step]
        if step not in self.tasks.main:
            there = _sentence(step, wanted, reason)
            return Difference("SMX490", step, there, "no task stands for it", node.at, "root")
        task = self.sides.target_reader.graph.tasks[self.tasks.main[step]]
        because = next((e.reason for e in run.here.events if e.task == task.id and e.reason), "")
        there, here = _sentence(step, wanted, reason), _sentence(task.id, got, because)
        guard, other = self.deciding(run, step, wanted == RESTS) if RESTS in (wanted, got) else (None, None)
        at, place = guard.at if guard else node.at, f"{task.at}, {other.at}" if other else task.at
        return Difference("SMX490", step, there, here, at, place)

    def deciding(self, run: _Run, step: str, rests: bool) -> tuple[Guard | None, Guard | None]:
        """The conditions on both sides that decide otherwise about a step; `rests` if it does not run in SageMaker."""
        own = self.source.nodes[step].guards
        others = [replace(guard, test=self.words.test(guard.test)) for guard in self.merged.nodes[step].guards]
        keeping = [guard for guard in (own if rests else others) if holds(guard.test, run.value) is not guard.outcome]
        read = {part for guard in keeping[:1] for part in operands(guard.test) if not isinstance(part, Const)}
        alike = [guard for guard in (others if rests else own) if read & set(operands(guard.test))]
        first, second = next(iter(keeping), None), next(iter(alike), None)
        return (first, second) if rests else (second, first)

    def other_values(self, run: _Run, step: str) -> Iterator[Difference]:
        for label, wanted, found in self.values[step]:
            there, here = self.text(run, wanted.value), self.text(run, self.translated(found))
            if there != here:
                yield Difference(
                    "SMX491",
                    step,
                    f"{step} gets {there or 'nothing'} as {label}",
                    f"{self.tasks.main[step]} gets {here or 'nothing'}",
                    wanted.at,
                    found.at if found is not None else self.merged.nodes[step].at,
                )
        for name, at in self.reached[step].items() if self.other_defaults else ():
            if name in self.other_defaults and name not in run.scenario.values:
                default = formatted(self.defaults[name], self.source.parameters[name].type)
                yield Difference(
                    "SMX491",
                    step,
                    f"{step} gets {default}, the default of {name}",
                    f"{self.tasks.main[step]} gets {self.other_defaults[name]}",
                    at,
                    f"root.inputDefinitions.parameters.{self.sides.matcher.parameters[name]}",
                )

    def other_order(self, step: str, after: frozenset[str] | set[str]) -> Iterator[Difference]:
        for other in sorted(after - self.waits(step)):
            at = self.source.nodes[step].after.get(other, self.source.nodes[step].at)
            here = f"{self.tasks.main[step]} may start before {self.tasks.main[other]} has ended"
            yield Difference("SMX492", step, f"{step} starts after {other}", here, at, self.merged.nodes[step].at)

    # --- values ---

    def translated(self, fact: Fact | None) -> Template:
        """A value of the target in the words of the definition."""
        if fact is None:
            return ()
        formats = (part.format if isinstance(part, Param) else "" for part in fact.value)
        parts = zip(map(self.words.part, fact.value), formats, strict=True)
        return tuple(Param(part.name, format) if isinstance(part, Param) else part for part, format in parts)

    def text(self, run: _Run, value: Template) -> str:
        return "".join(self.part(run, part) for part in value)

    def part(self, run: _Run, part: Part) -> str:
        match part:
            case Param(name, format):
                found = run.value(Param(name))
                return f"{{parameter {name}}}" if found is MISSING else formatted(found, format)
            case Bucket("gs", name):
                return self.buckets.get(f"gs://{name}", f"gs://{name}")
        return show((part,))

    # --- all scenarios ---

    def behaviour(self, most: int, seed: int) -> Behaviour:
        """Run the scenarios, and tell each difference with the smallest of them."""
        chosen, left = self.scenarios.chosen(most, seed)
        shown: dict[tuple[str, str], Scenario] = {}
        simulated = 0
        by_code: Counter[str] = Counter()
        for scenario in chosen:
            run = self.run(scenario)
            simulated += run is not None
            first = next(self.differences(run), None)
            if first is not None:
                by_code[first.code] += 1
                known = shown.get(first.signature)
                if known is None or scenario.size < known.size:
                    shown[first.signature] = scenario
        stories = [self.story(signature, scenario) for signature, scenario in list(shown.items())[:MAX_STORIES]]
        stories.sort(key=lambda story: story.size)
        findings = (*map(self.finding, stories), *self.not_simulated())
        return Behaviour(simulated, by_code, left, findings, tuple(stories))

    def not_simulated(self) -> Iterator[Finding]:
        """What no scenario can show anything about."""
        for name in self.unseen - set(self.sides.excluded):
            message = f"{name} and what depends on it are not simulated: what it reads is known only once it runs"
            yield Finding("SMX495", message, self.source.nodes[name].at, name, self.source.file)

    def story(self, signature: tuple[str, str], scenario: Scenario) -> Story:
        def shows(smaller: Scenario) -> bool:
            return any(difference.signature == signature for difference in self.differences(self.run(smaller)))

        smallest = shrink(scenario, shows, set(self.scenarios.needed()))
        run = self.run(smallest)
        difference = next(found for found in self.differences(run) if found.signature == signature)
        parameters = tuple(f"{name} = {value!r}" for name, value in smallest.values.items())
        there, here = [], []
        if isinstance(run, _Run):
            read = {name for name, _ in self.source.nodes[difference.step].branches} if difference.step else set()
            there = [
                f"{e.step} is {str(e.decision).lower()}"
                for e in run.there.events
                if e.step in read and e.decision is not None
            ]
            here = [
                self.decided(d.group, d.holds, d.values)
                for d in run.here.decisions
                if self.concerns(d.group, difference)
            ]
        return Story(
            difference,
            parameters,
            tuple(self.outcome_lines(smallest, difference)),
            (*there, difference.there),
            (*here, difference.here),
            (difference.at, difference.place),
            tuple(self.moments(run)) if isinstance(run, _Run) else (),
        )

    def moments(self, run: _Run) -> Iterator[Moment]:
        """The execution as the definition orders it."""
        differing = {difference.step for difference in self.differences(run)}
        for event in run.there.events:
            decided = "" if event.decision is None else f", is {str(event.decision).lower()}"
            fates = run.fates.get((event.step, event.iteration), [RESTS] if event.step in self.tasks.main else [])
            here = ", ".join(dict.fromkeys(fates))
            yield Moment(event.step, _FATES[event.state] + decided, here, event.step in differing)

    def outcome_lines(self, scenario: Scenario, difference: Difference) -> Iterator[str]:
        """What steps leave in this scenario: what is not as usual, and what decides about the step."""
        if scenario.failing is not None:
            yield f"{scenario.failing} fails"
        node = self.source.nodes.get(difference.step or "")
        tests = [guard.test for guard in node.guards] if node is not None else []
        read = {part: None for test in tests for part in operands(test) if isinstance(part, Product)}
        for part in dict.fromkeys((*scenario.readings, *read)):
            value = scenario.readings.get(part, self.usual.get(part, MISSING))
            yield f"{show((part,))} is {'not there' if value is MISSING else repr(value)}"

    def decided(self, group: str, holds: bool | None, values: Mapping[str, Any]) -> str:
        condition = (
            self.sides.target_reader.graph.groups[group].condition
            if group in self.sides.target_reader.graph.groups
            else None
        )
        text = condition.text if condition is not None else ""
        return f"{group} {'holds' if holds else 'fails' if holds is None else 'does not hold'}: {text}"

    def concerns(self, group: str, difference: Difference) -> bool:
        task = self.sides.target_reader.graph.tasks.get(self.tasks.main.get(difference.step or "", ""))
        return task is not None and group in (*task.path, task.id)

    def finding(self, story: Story) -> Finding:
        """A difference in one sentence."""
        given = ", ".join((*story.parameters, *story.outcomes)) or "all defaults"
        message = f"{story.difference.there}; here {story.difference.here} (with {given}; {story.difference.place})"
        difference = story.difference
        place = difference.place.partition(", ")[0]
        return Finding(difference.code, message, difference.at, difference.step, self.source.file, place)


def _sentence(name: str, fate: str, reason: str) -> str:
    return f"{name} {fate}: {reason}" if reason else f"{name} {fate}"


def _is_unseen(node: Node, loops: Mapping[str, Loop]) -> bool:
    """Whether the document does not tell a value that reaches a step, or what a condition compares."""
    if node.test is None:
        return any(isinstance(part, Unseen) for part in node.parts())
    known = all(isinstance(part, Param | Product | Const) for part in operands(node.test))
    # What a loop leaves follows from its items and copies: those of loops in loops are not simulated.
    known = known and all(part.owner in loops for part in operands(node.test) if is_of_copies(part))
    return not known or any(isinstance(leaf, Opaque) for leaf in leaves(node.test))
