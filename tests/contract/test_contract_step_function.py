"""Functions decorated with `@step`: what of their module runs, with which arguments, and what is kept of results."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import pytest
from contract_run import Sandbox

MODULE = """
from __future__ import annotations
import json, os, sys
import random as dice
from sagemaker.workflow.function_step import step as task
from sagemaker.workflow.pipeline import Pipeline
import sagemaker.workflow.function_step as steps

if __name__ == "__main__":
    raise SystemExit("the module was run as a program")

SIZES = {"a": 1}
SIZES["b"] = 2
try:
    import fastjson as parser
except ImportError:
    parser = json
dice.seed(3)
json.dumps(Pipeline(name="p").definition())
rows = Pipeline(name="never built")
sys.exit(5)

class Box:
    def __init__(self, value):
        self.value = value

def helper(name, rows=1):
    return SIZES[name] * rows

@task(name="work", instance_type="ml.m5.large")
def work(name, rows: Pipeline = 2, *, flag=False):
    return {"size": helper(name) * rows, "flag": flag, "text": parser.dumps(rows), "dice": dice.random()}

@steps.step
def box(value):
    return Box(value)

@task
def opened(box):
    return box.value

@task
def failing():
    raise RuntimeError("no luck")

work("a")
"""
OPTIONS = ["step-function", "--step=S", "--code=/opt/ml/code", "--output=result"]


@pytest.fixture
def box(tmp_path: Path) -> Sandbox:
    """A task of a module that builds a pipeline too; the SageMaker SDK is not there."""
    sandbox = Sandbox(tmp_path, {"rows": 3.0, "yes": True}, outputs=["result"], output_parameters=["size"])
    sandbox.file("code/src/job.py", MODULE.replace("rows: Pipeline", "rows"))
    sandbox.file("modules/sagemaker.py", "raise ImportError('nobody needs the SDK')")
    sandbox.environment["PYTHONPATH"] = str(tmp_path / "modules")
    return sandbox


def result(box: Sandbox) -> object:
    return json.loads((box.out("result") / "results.json").read_text())["Result"]


def test_what_the_function_needs_runs_and_nothing_else(box: Sandbox) -> None:
    box.succeed(
        *OPTIONS,
        "--function=job.py:work",
        "--argument=name:text:b",
        "--argument=rows:json:{rows:int}",
        "--argument=flag:bool:{yes:bool}",
        "--property=size:Result['size']",
    )
    import random

    assert result(box) == {"size": 6, "flag": True, "text": "3", "dice": random.Random(3).random()}
    assert box.published("size") == "6"


def test_arguments_by_position_and_results_of_other_functions(box: Sandbox) -> None:
    box.artifact("before", payload__pkl=pickle.dumps({"names": ["a", "b"]}))
    box.succeed(
        *OPTIONS,
        "--function=job.py:work",
        '--result-argument=0:before:["names", 1]',
        "--argument=1:json:10",
    )
    assert result(box)["size"] == 20


def test_a_result_that_json_cannot_hold_is_read_by_the_next_function(box: Sandbox) -> None:
    box.succeed(*OPTIONS, "--function=job.py:box", "--argument=value:json:[1, null]")
    assert not (box.out("result") / "results.json").exists()
    box.artifact("made", payload__pkl=(box.out("result") / "payload.pkl").read_bytes())
    box.succeed(*OPTIONS, "--function=job.py:opened", "--result-argument=box:made")
    assert result(box) == [1, None]
    assert "written as JSON" in box.refuse(
        *OPTIONS, "--function=job.py:box", "--argument=value:json:1", "--property=size:Result"
    )


def test_the_error_of_a_function_fails_the_task(box: Sandbox) -> None:
    done = box.run(*OPTIONS, "--function=job.py:failing")
    assert done.returncode == 1
    assert "RuntimeError: no luck" in done.stderr
    assert not (box.out("result") / "payload.pkl").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--function=job.py:nothing"], "defines the function nothing 0 times"),
        (["--function=../job.py:work"], "leaves its folder"),
        (["--function=job.py:work", "--argument=name:text:a", "--property=size:Result['weight']"], "there is no"),
    ],
)
def test_what_is_not_there_fails(box: Sandbox, options: list[str], message: str) -> None:
    assert message in box.refuse(*OPTIONS, *options)


def test_requirements_are_installed_without_the_sdk(box: Sandbox) -> None:
    box.file("code/src/requirements/r.txt", "sagemaker>=2.256.0,<3.0.0\nfastjson==1.0\n")
    box.file("modules/pip.py", "import sys; print('asked for', sys.argv[1:], open(sys.argv[3]).read().split())")
    options = ["--function=job.py:work", "--argument=name:text:a", "--requirements=requirements/r.txt"]
    assert "['fastjson==1.0']" in box.succeed(*OPTIONS, *options).stdout
    box.local_run({})
    assert "asked for" not in box.succeed(*OPTIONS, *options).stdout
