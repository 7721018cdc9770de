"""Loops: items before them, results after them."""

import json
from typing import Any

import pytest
from contract_run import Sandbox

ITEMS = ["--step=L", "--items={list:str}", "--result=items"]


@pytest.mark.parametrize(
    ("items", "parts", "published"),
    [
        ('["a", 5, true]', ["text"], [{"text": "a"}, {"text": "5"}, {"text": "true"}]),
        ('[{"depth": 3, "name": "small"}]', ["depth:depth", "of:name"], [{"depth": "3", "of": "small"}]),
        ('["{\\"depth\\": 3}"]', ["depth:depth", "all"], [{"depth": "3", "all": '{"depth": 3}'}]),
        ('[{"a b:c": [1, null]}]', ["part:a b:c"], [{"part": "[1, null]"}]),
        ("[]", ["text"], []),
    ],
)
def test_items_become_objects_of_texts(task: Sandbox, items: str, parts: list[str], published: list[Any]) -> None:
    task.parameters = {"list": items}
    task.output_parameters = ["items"]
    task.succeed("loop-items", *ITEMS, *(f"--part={part}" for part in parts))
    assert json.loads(task.published("items")) == published


@pytest.mark.parametrize(
    ("items", "message"),
    [
        ("a, b", "the items are no JSON list: 'a, b'"),
        ('{"a": 1}', "the items are no JSON list"),
        ('[{"depth": 3}, {"width": 4}]', "item 2 has no field depth"),
        ('["plain text"]', "item 1 has no field depth: 'plain text'"),
    ],
)
def test_items_that_cannot_be_read_fail_the_task(task: Sandbox, items: str, message: str) -> None:
    task.parameters = {"list": items}
    task.output_parameters = ["items"]
    assert message in task.refuse("loop-items", *ITEMS, "--part=depth:depth")


def results(task: Sandbox, *options: str) -> list[str]:
    """The command line of a task after a loop over three items."""
    task.parameters = {"items": [{}, {}, {}], "rmse": [2.5, 1.5, 1.5], "path": ["a", "b", "c"]}
    task.output_parameters = ["one", "chosen"]
    return ["loop-results", "--step=L", "--items=items", "--collected=Rmse:rmse", "--collected=Path:path", *options]


@pytest.mark.parametrize(
    ("count", "published"),
    [("Status", "Succeeded"), ("InputItemCount", "3"), ("SucceededStepCount", "3"), ("FailedStepCount", "0")],
)
def test_copies_are_counted(task: Sandbox, count: str, published: str) -> None:
    task.succeed(*results(task, f"--count=one:{count}"))
    assert task.published("one") == published


def test_one_copy_is_published_by_its_number(task: Sandbox) -> None:
    task.succeed(*results(task, "--output=one:2:Path", "--output=chosen:0:Rmse"))
    assert (task.published("one"), task.published("chosen")) == ("c", "2.5")


@pytest.mark.parametrize(("pick", "published"), [("MaxBy", "a"), ("MinBy", "b")])
def test_the_first_of_equal_copies_is_picked(task: Sandbox, pick: str, published: str) -> None:
    task.succeed(*results(task, f"--pick={pick}:Rmse", "--output=chosen:selected:Path"))
    assert task.published("chosen") == published


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--output=one:3:Path"], "there is no copy 3 of Path: the loop had 3"),
        (["--output=one:selected:Path"], "there is no copy selected of Path"),
        (["--pick=MaxBy:Path", "--output=one:selected:Path"], "MaxBy cannot choose among ['a', 'b', 'c']"),
        (["--pick=Median:Rmse", "--output=one:selected:Path"], "no such choice: Median"),
        (["--count=one:Time"], "a loop has no Time"),
        (["--output=one:0:Other"], "nothing is collected of Other"),
    ],
)
def test_what_is_not_there_fails_the_task(task: Sandbox, options: list[str], message: str) -> None:
    assert message in task.refuse(*results(task, *options))


def test_a_loop_without_items_has_nothing_to_pick(task: Sandbox) -> None:
    arguments = results(task, "--pick=MinBy:Rmse", "--output=one:selected:Path")
    task.parameters = {"items": "[]", "rmse": "[]", "path": "[]"}
    assert "MinBy cannot choose: the loop had no items" in task.refuse(*arguments)


def test_an_artifact_is_handed_on_by_its_address(task: Sandbox) -> None:
    """Kubeflow gives all artifacts of a loop under one name; the output takes the address of the picked one."""
    arguments = results(task, "--collected=Model:models", "--pick=MinBy:Rmse", "--output=best:selected:Model")
    task.several["models"] = [{"name": f"m{n}", "uri": f"gs://b/{n}", "metadata": {"n": n}} for n in range(3)]
    task.outputs = ["best"]
    task.succeed(*arguments)
    (best,) = task.executor_output()["artifacts"]["best"]["artifacts"]
    assert best == {"name": "best", "uri": "gs://b/1", "metadata": {"n": 1}}
