"""Notebook jobs, and functions of the SageMaker SDK, which are Training steps of SageMaker."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from support import REPOSITORY, Outcome

NOTEBOOKS = REPOSITORY / "tests" / "fixtures" / "notebooks"
Command = Callable[..., Outcome]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project, whose notebook lies beside the definition."""
    out = tmp_path_factory.mktemp("notebooks") / "project"
    definition = NOTEBOOKS / "definition.json"
    command = [sys.executable, "-m", "smx2vertex", "convert", definition, "--code", NOTEBOOKS, "--out", out]
    subprocess.run([*map(str, command)], check=True, capture_output=True)
    return out


def test_a_notebook_job_is_a_task_that_runs_papermill(project: Path) -> None:
    text = next(project.glob("*/components/report.py")).read_text()
    assert re.findall(r'^            "(.*)",$', text, re.MULTILINE) == [
        "notebook",
        "--step=Report",
        "--code=/opt/ml/input/data/sagemaker_headless_execution_pipelinestep",
        "--parameter=rate:{rate:float}",
        "--parameter=title:{title:str}",
        "--environment=SM_KERNEL_NAME:{sm_kernel_name:str}",
        "--environment=SM_INPUT_NOTEBOOK_NAME:{sm_input_notebook_name:str}",
        "--environment=SM_OUTPUT_NOTEBOOK_NAME:{sm_output_notebook_name:str}",
        "--output=notebook:{notebook_destination:str}{execution_id:str}/Report",
    ]
    assert "Draws the curves" in text
    assert (project / "code" / "report" / "report.ipynb").is_file()
    assert "papermill==" in (project / "images" / "notebook" / "Dockerfile").read_text()


def test_the_result_is_handed_on(project: Path) -> None:
    assert 'report=report_task.outputs["notebook"]' in next(project.glob("*/pipeline.py")).read_text()


@pytest.mark.parametrize("target", ["vertex", "kubeflow"])
def test_both_sides_are_equivalent(smx2vertex: Command, project: Path, target: str) -> None:
    done = smx2vertex("validate", NOTEBOOKS / "definition.json", project / "compiled" / f"{target}.yaml", "--strict")
    assert done.code == 0, done.out + done.err


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("--parameter=rate:{rate:float}", "--parameter=rate:0.1"),
        ("--parameter=title:{title:str}", "--parameter=headline:{title:str}"),
        ("report.ipynb", "other.ipynb"),
        ("/Report", "/Elsewhere"),
        ("python3 -m mail", "python3 -m male"),
    ],
)
def test_a_changed_value_is_found(smx2vertex: Command, project: Path, tmp_path: Path, old: str, new: str) -> None:
    text = (project / "compiled" / "vertex.yaml").read_text()
    if "mail" in old:
        old, new = "- mail\n", "- male\n"
    assert old in text
    changed = tmp_path / "vertex.yaml"
    changed.write_text(text.replace(old, new))
    assert smx2vertex("validate", NOTEBOOKS / "definition.json", changed).code == 1


def test_nothing_is_unaccounted_for(smx2vertex: Command) -> None:
    report = json.loads(smx2vertex("map", NOTEBOOKS / "definition.json", "--format", "json").out)
    assert report["ledger"]["unaccounted"] == []


def test_fields_have_the_verdicts_of_a_notebook(smx2vertex: Command) -> None:
    report = json.loads(smx2vertex("map", NOTEBOOKS / "definition.json", "--format", "json").out)
    fields = report["steps"][0]["fields"]
    rules = {(field["rule"], field["verdict"]) for field in fields if field["rule"].startswith("notebook_job:")}
    assert {(rule.removeprefix("notebook_job:"), verdict) for rule, verdict in rules} == {
        ("AlgorithmSpecification.TrainingImage", "redesign"),
        ("AlgorithmSpecification.ContainerEntrypoint", "adapted"),
        ("HyperParameters.*", "exact"),
        ("InputDataConfig[].ChannelName", "adapted"),
        ("InputDataConfig[].DataSource.S3DataSource.S3Uri", "adapted"),
        ("OutputDataConfig.S3OutputPath", "adapted"),
    }
    assert ("training:ResourceConfig.InstanceType", "adapted") in {
        (field["rule"], field["verdict"]) for field in fields
    }


def test_a_channel_of_its_own_is_refused(smx2vertex: Command, tmp_path: Path) -> None:
    document = json.loads((NOTEBOOKS / "definition.json").read_text())
    channels = document["Steps"][0]["Arguments"]["InputDataConfig"]
    channels.append(json.loads(json.dumps(channels[0])) | {"ChannelName": "prices"})
    definition = tmp_path / "definition.json"
    definition.write_text(json.dumps(document))
    report = json.loads(smx2vertex("map", definition, "--format", "json").out)
    assert [(each["code"], each["source"]["pointer"], each["message"]) for each in report["findings"]][-1:] == [
        ("SMX227", "/Steps/0/Arguments/InputDataConfig/1", "nothing reads the channel 'prices'")
    ]
    assert report["steps"][0]["verdict"] == "redesign"


def test_a_function_fails_and_names_its_source(smx2vertex: Command, tmp_path: Path) -> None:
    definition = json.loads((NOTEBOOKS / "definition.json").read_text())
    step = definition["Steps"][0]
    step |= {"DisplayName": "churn.steps.clean", "Description": "churn/steps.py"}
    step["Arguments"]["AlgorithmSpecification"]["ContainerEntrypoint"] = ["/bin/bash", "/opt/ml/x/job_driver.sh"]
    file = tmp_path / "definition.json"
    file.write_text(json.dumps(definition))
    done = smx2vertex("convert", file, "--out", tmp_path / "project")
    assert "SMX335" in done.out + done.err
    text = next((tmp_path / "project").glob("*/components/report.py")).read_text()
    assert "churn.steps.clean of churn/steps.py" in text.replace('"\n', "")
    assert '"not-translated"' in text
