"""Conditions, fail steps and steps that were not translated."""

import pytest
from contract_run import Sandbox

OPERANDS = ["--operand=auc:float", "--operand=runs:int", "--operand=mode:str", "--operand=on:bool"]


@pytest.mark.parametrize(
    ("expression", "result"),
    [
        ("auc >= 0.8", "true"),
        ("auc > 0.8", "false"),
        ("auc <= 0.8 and runs == 5", "true"),
        ("auc < 0.8 or runs > 5", "false"),
        ("not (auc < 0.8)", "true"),
        ("mode in ['fast', 'full']", "true"),
        ("not mode in ['full']", "true"),
        ("runs in [1, 5.0]", "true"),
        ("mode == 'it''s %7B'", "false"),
        ("-1 < runs and on", "true"),
        ("on == True", "true"),
        ("1 == 1.0", "true"),
    ],
)
def test_conditions_hold_or_not(task: Sandbox, expression: str, result: str) -> None:
    task.parameters = {"auc": 0.8, "runs": "5", "mode": "fast", "on": True}
    task.output_parameters = ["holds"]
    task.succeed("condition", "--step=C", *OPERANDS, f"--expression={expression}", "--result=holds")
    assert task.published("holds") == result


@pytest.mark.parametrize(
    "expression",
    [
        "mode == 5",
        "runs == '5'",
        "auc < 0 and mode > 5",
        "mode in ['fast', 5]",
        "auc",
        "not runs",
        "1 < runs < 9",
        "runs != 5",
        "runs + 1 == 6",
        "missing == 1",
        "__import__('os').system('true') == 0",
        "mode.upper() == 'FAST'",
        "[1] == [1]",
        "runs ==",
        "(" * 500 + "on" + ")" * 500,
        "not " * 5000 + "on",
    ],
)
def test_anything_else_fails_the_task(task: Sandbox, expression: str) -> None:
    task.parameters = {"auc": 0.8, "runs": "5", "mode": "fast", "on": True}
    task.output_parameters = ["holds"]
    assert task.refuse("condition", "--step=C", *OPERANDS, f"--expression={expression}", "--result=holds")
    assert not (task.root / "parameters/holds").exists()


def test_a_fail_step_says_why(task: Sandbox) -> None:
    task.parameters = {"minimum": "0.80"}
    message = task.refuse("fail", "--step=TooBad", "--message=Accuracy is below %7B{minimum:float}%7D: stop")
    assert message == "TooBad: Accuracy is below {0.8}: stop\n"


def test_a_step_that_was_not_translated_says_so(task: Sandbox) -> None:
    message = task.refuse("not-translated", "--step=Emr", "--code=SMX214", "--message=EMR: no counterpart")
    assert message == "SMX214 Emr was not translated: EMR: no counterpart\n"
