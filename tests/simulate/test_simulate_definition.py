"""What SageMaker does with a definition: each file in definitions/ holds one, scenarios, and the traces expected."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from smx2vertex.sagemaker.definition import MISSING, Definition
from smx2vertex.sagemaker.reader import load, read
from smx2vertex.sagemaker.simulator import Event, Outcome, Simulator, Trace, simulate

FOLDER = Path(__file__).parent / "definitions"


def scenarios() -> Iterator[Any]:
    for path in sorted(FOLDER.glob("*.yaml")):
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
        for scenario in document["scenarios"]:
            yield pytest.param(document["definition"], scenario, id=f"{path.stem}: {scenario['about']}")


def label(event: Event) -> str:
    return event.step + "".join(f"[{index}]" for index in event.iteration)


def shown(event: Event) -> str:
    branch = {True: " (if)", False: " (else)", None: ""}[event.decision]
    return f"{label(event)} {event.state}{branch}{': ' if event.reason else ''}{event.reason}"


def outcome(files: dict[str, dict[str, Any]] | None = None, **rest: Any) -> Outcome:
    """An outcome as the files write it: null for what is not there."""
    found = {(name, path): value for name, entries in (files or {}).items() for path, value in entries.items()}
    return Outcome(files={key: MISSING if value is None else value for key, value in found.items()}, **rest)


@pytest.mark.parametrize(("document", "scenario"), list(scenarios()))
def test_scenario(document: Any, scenario: Any) -> None:
    trace = simulate(
        read(document),
        scenario.get("values", {}),
        {name: outcome(**given) for name, given in scenario.get("outcomes", {}).items()},
        scenario.get("execution", {}),
    )
    events = {label(event): event for event in trace.events}
    assert [shown(event) for event in trace.events] == scenario["trace"]
    assert trace.state == scenario["state"]
    for name, arguments in scenario.get("arguments", {}).items():
        assert events[name].arguments == arguments
    for name, after in scenario.get("after", {}).items():
        assert sorted(events[name].after) == after
    for name, attempts in scenario.get("attempts", {}).items():
        assert events[name].attempts == attempts


GREATER = {"Type": "GreaterThan", "LeftValue": 2, "RightValue": 1}
MIXED = {"Type": "Equals", "LeftValue": "5", "RightValue": 5}


@pytest.mark.parametrize(
    ("conditions", "taken"),
    [
        ([], "if"),
        ([GREATER, GREATER], "if"),
        ([GREATER, {"Type": "Not", "Condition": GREATER}], "else"),
        ([{"Type": "Not", "Expression": GREATER}], "else"),
        ([{"Type": "Or", "Conditions": [{"Type": "LessThan", "LeftValue": 2, "RightValue": 1}, GREATER]}], "if"),
        ([{"Type": "Or", "Conditions": []}], "else"),
        ([{"Type": "LessThanOrEqualTo", "LeftValue": "a", "RightValue": "b"}], "if"),
        ([{"Type": "Equals", "LeftValue": 5, "RightValue": 5.0}], "if"),
        ([{"Type": "Equals", "LeftValue": True, "RightValue": 1}], "if"),
        ([{"Type": "In", "QueryValue": "b", "Values": ["a", "b"]}], "if"),
        ([{"Type": "In", "Value": 3, "In": [1, 2]}], "else"),
        ([MIXED], "failed"),
        ([{"Type": "In", "QueryValue": "1", "Values": [1, 2]}], "failed"),
        ([{"Type": "Not", "Condition": GREATER}, MIXED], "failed"),
        ([{"Type": "Or", "Conditions": [GREATER, MIXED]}], "failed"),
        ([{"Type": "LessThan", "LeftValue": [1], "RightValue": [2]}], "failed"),
        ([{"Type": "Equals", "LeftValue": None, "RightValue": None}], "failed"),
        ([{"Type": "GreaterThanEverything"}], "failed"),
    ],
)
def test_conditions(conditions: list[Any], taken: str) -> None:
    step = {"Name": "C", "Type": "Condition", "Arguments": {"Conditions": conditions, "IfSteps": [], "ElseSteps": []}}
    (event,) = simulate(read({"Steps": [step]}), {}, {}).events
    assert {True: "if", False: "else", None: event.state}[event.decision] == taken


@pytest.mark.parametrize(
    ("type_", "given_value", "expected"),
    [("Integer", "5", 5), ("Integer", 5.0, 5), ("Float", 5, 5.0), ("Boolean", "False", False), ("String", "5", "5")],
)
def test_a_parameter_has_its_declared_type(type_: str, given_value: Any, expected: Any) -> None:
    (event,) = simulate(one_parameter(type_), {"P": given_value}, {}).events
    assert event.arguments == {"X": expected}
    assert type(event.arguments["X"]) is type(expected)


@pytest.mark.parametrize(("type_", "values"), [("Integer", {"P": "x"}), ("Boolean", {"P": "yes"}), ("String", {})])
def test_values_that_do_not_fit_are_refused(type_: str, values: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="'P'"):
        simulate(one_parameter(type_), values, {})


def one_parameter(type_: str) -> Definition:
    step = {"Name": "S", "Type": "Processing", "Arguments": {"X": {"Get": "Parameters.P"}}}
    return read({"Parameters": [{"Name": "P", "Type": type_}], "Steps": [step]})


def test_the_definition_keeps_its_expressions() -> None:
    definition = one_parameter("Integer")
    simulate(definition, {"P": 1}, {})
    assert definition.steps[0].arguments == {"X": {"Get": "Parameters.P"}}


def test_two_thousand_steps_take_well_under_a_second() -> None:
    steps = [{"Name": "s0", "Type": "Processing", "Arguments": {"A": 1}}]
    steps += [
        {"Name": f"s{i}", "Type": "Processing", "Arguments": {"A": {"Get": f"Steps.s{i - 1}.X"}, "B": [1, {"k": "v"}]}}
        for i in range(1, 2000)
    ]
    simulator = Simulator(read({"Steps": steps}))
    begin = time.perf_counter()
    trace = simulator.run({}, {})
    assert time.perf_counter() - begin < 0.5
    assert [event.state for event in trace.events] == ["succeeded"] * 2000


# --- any definition ---

NAMES = [f"s{i}" for i in range(6)]
VALUES = st.one_of(
    st.sampled_from([1, 2.5, "a", True, None]),
    st.builds(lambda name: {"Get": f"Steps.{name}.X"}, st.sampled_from([*NAMES, "nowhere"])),
    st.builds(
        lambda name: {"Std:JsonGet": {"PropertyFile": {"Get": f"Steps.{name}.PropertyFiles.F"}, "Path": "a"}},
        st.sampled_from(NAMES),
    ),
    st.just({"Std:Join": {"On": "/", "Values": [{"Get": "Parameters.P"}, 1]}}),
)
CONDITIONS = st.builds(
    lambda type_, left, right: {"Type": type_, "LeftValue": left, "RightValue": right},
    st.sampled_from(["Equals", "GreaterThan"]),
    VALUES,
    VALUES,
)


@st.composite
def definitions(draw: st.DrawFn) -> Definition:
    """Steps in nested branches and loops that refer to each other, also in circles."""

    def steps(names: list[str], depth: int) -> list[Any]:
        made = []
        while names:
            name = names.pop(0)
            type_ = draw(st.sampled_from(["Processing", "Processing", "Condition", "ForEach", "Fail"]))
            arguments: dict[str, Any] = {"V": draw(VALUES)}
            inner, names = (names[:2], names[2:]) if type_ in ("Condition", "ForEach") and depth < 3 else ([], names)
            if type_ == "Condition":
                half = len(inner) // 2
                arguments |= {"Conditions": draw(st.lists(CONDITIONS, max_size=2))}
                arguments |= {"IfSteps": steps(inner[:half], depth + 1), "ElseSteps": steps(inner[half:], depth + 1)}
            if type_ == "ForEach":
                arguments |= {"IterableItems": draw(st.sampled_from(["[]", "[1, 2]", "x"]))}
                arguments |= {"ForEachBody": steps(inner, depth + 1)}
            needed = draw(st.lists(st.sampled_from(NAMES), max_size=2))
            files = [{"PropertyFileName": "F", "OutputName": "o", "FilePath": "f"}]
            made.append(
                {"Name": name, "Type": type_, "Arguments": arguments, "DependsOn": needed, "PropertyFiles": files}
            )
        return made

    return read({"Parameters": [{"Name": "P", "DefaultValue": "p"}], "Steps": steps(list(NAMES), 0)})


OUTCOMES = st.dictionaries(
    st.sampled_from(NAMES),
    st.builds(
        Outcome,
        failed=st.booleans(),
        files=st.fixed_dictionaries({("F", "a"): st.sampled_from([1, 3.5, "a", MISSING])}),
    ),
)


@settings(deadline=None)
@given(definitions(), OUTCOMES)
def test_any_definition(definition: Definition, outcomes: dict[str, Outcome]) -> None:
    trace = simulate(definition, {}, outcomes)
    assert simulate(definition, {}, outcomes) == trace
    each_step_has_one_event(definition, trace)
    nothing_runs_before_its_time(definition, trace)


def each_step_has_one_event(definition: Definition, trace: Trace) -> None:
    assert len({(event.step, event.iteration) for event in trace.events}) == len(trace.events)
    top = {step.name for step in definition.all_steps()}
    assert {event.step for event in trace.events if not event.iteration} >= top
    assert {event.step for event in trace.events} <= definition.step_names()


def nothing_runs_before_its_time(definition: Definition, trace: Trace) -> None:
    """What a step needs succeeded before, and the condition around it took its branch."""
    seen: dict[str, Event] = {}
    steps = {step.name: step for step in definition.all_steps(bodies=True)}
    repeated = set(steps) - {step.name for step in definition.all_steps()}  # maybe not once
    for event in trace.events:
        step = steps[event.step]
        if event.state in ("succeeded", "failed"):
            waited = event.after - repeated if step.type == "ForEach" else event.after
            assert all(name in seen for name in waited)
            assert all(seen[name].state == "succeeded" for name in waited if name in step.depends_on)
            if step.branch is not None:
                assert seen[step.branch.condition].decision is (step.branch.name == "if")
        seen[event.step] = event


def test_the_corpus(corpus: Path) -> None:
    examples = {"Integer": 1, "Float": 1.5, "Boolean": True}
    for path in sorted((corpus / "definitions").rglob("*.json")):
        definition = load(path)
        values = {p.name: examples.get(p.type, "x") for p in definition.parameters.values() if p.required}
        trace = simulate(definition, values, {})
        assert {event.step for event in trace.events} == definition.step_names()
