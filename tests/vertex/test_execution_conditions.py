"""Conditions that compare what the engine knows: when the execution began, and what the pipeline is called."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support import Outcome

Command = Callable[..., Outcome]
NAME = {"Get": "Execution.PipelineName"}
CONDITIONS = [
    {"Type": "GreaterThan", "LeftValue": {"Get": "Execution.StartDateTime"}, "RightValue": "2026-01-01T00:00:00Z"},
    {"Type": "Equals", "LeftValue": NAME, "RightValue": {"Get": "Parameters.Word"}},
    {"Type": "Equals", "LeftValue": {"Std:Join": {"On": "-", "Values": ["a", NAME]}}, "RightValue": "a-clock"},
]


def converted(smx2vertex: Command, folder: Path, conditions: list[dict[str, Any]]) -> Outcome:
    stop = {"Name": "Stop", "Type": "Fail", "Arguments": {"ErrorMessage": "no"}}
    check = {
        "Name": "Check",
        "Type": "Condition",
        "Arguments": {"Conditions": conditions, "IfSteps": [stop], "ElseSteps": []},
    }
    parameters = [{"Name": "Word", "Type": "String", "DefaultValue": "x"}]
    document = {"Version": "2020-12-01", "Parameters": parameters, "Steps": [check]}
    (folder / "clock.json").write_text(json.dumps(document))
    return smx2vertex("convert", folder / "clock.json", "--out", folder / "project")


def test_they_are_texts_of_the_evaluator(smx2vertex: Command, tmp_path: Path) -> None:
    done = converted(smx2vertex, tmp_path, CONDITIONS)
    assert done.code == 0, done.out + done.err
    text = (tmp_path / "project" / "clock" / "components" / "check.py").read_text()
    assert '"--operand=start_time:str"' in text
    assert "start_time > '2026-01-01T00:00:00Z' and 'clock' == word and 'a-clock' == 'a-clock'" in text
    pipeline = (tmp_path / "project" / "clock" / "pipeline.py").read_text()
    assert "start_time=dsl.PIPELINE_JOB_CREATE_TIME_UTC_PLACEHOLDER" in pipeline


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("start_time > ", "start_time < "),
        ("2026-01-01", "2026-01-02"),
        ("clock'' == word", "watch'' == word"),
        ("{{$.pipeline_job_create_time_utc}}", "{{$.pipeline_job_uuid}}"),
    ],
)
def test_a_changed_condition_is_found(smx2vertex: Command, tmp_path: Path, old: str, new: str) -> None:
    converted(smx2vertex, tmp_path, CONDITIONS)
    compiled = tmp_path / "project" / "compiled" / "vertex.yaml"
    text = compiled.read_text()
    old, new = (old, new) if old in text else (old.replace("''", "'"), new.replace("''", "'"))
    assert old in text
    compiled.write_text(text.replace(old, new))
    assert smx2vertex("validate", tmp_path / "clock.json", compiled).code == 1


def test_a_text_with_a_value_in_it_is_refused(smx2vertex: Command, tmp_path: Path) -> None:
    text = {"Std:Join": {"On": "-", "Values": ["a", {"Get": "Parameters.Word"}]}}
    done = converted(smx2vertex, tmp_path, [{"Type": "Equals", "LeftValue": text, "RightValue": "a-x"}])
    assert "SMX313" in done.out
