"""The workshop: its README, word for word, what the runs leave, and what happens when something is wrong."""

from __future__ import annotations

import base64
import csv
import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from readme import Command, commands
from support import REPOSITORY, Outcome

EXAMPLE = REPOSITORY / "examples" / "workshop-diabetes"
ROWS = "s3://sagemaker-us-east-1-111122223333/diabetes/dev/rows/"
ROLE = "arn:aws:iam::111122223333:role/SageMakerExecution"
PACKAGE = "arn:aws:sagemaker:us-east-1:111122223333:model-package/diabetes-prod/7"


def test_the_readme_holds_word_for_word(follow: Callable[[Command], Outcome], workplace: Callable[[str], Path]) -> None:
    folder = workplace("workshop-diabetes")
    for command in commands(folder / "README.md"):
        if command.words[0] not in ("capture", "convert"):  # tests of all examples
            follow(command)

    dev, prod = folder / "run" / "workshop-diabetes-dev-1", folder / "run" / "workshop-diabetes-prod-1"
    report = json.loads((dev / "artifacts" / "evaluate-model" / "evaluation" / "evaluation.json").read_text())
    assert set(report["classification_metrics"]) == {"accuracy", "precision", "recall", "f1", "roc_auc"}

    scores = list(csv.reader((dev / "artifacts" / "score-batch" / "predictions" / "batch.csv.out").open(newline="")))
    assert len(scores) == 300
    patients = {row[0] for row in csv.reader((EXAMPLE / "data" / "patients.csv").open(newline=""))}
    assert all(patient in patients and 0 <= float(probability) <= 1 for patient, probability in scores)

    registered = (dev / "requests" / "diabetes-register-model" / "Diabetes_RegisterModel.json").read_text()
    assert "diabetes-dev" in registered
    assert "pending-approval" in registered

    (asked,) = json.loads((prod / "requests" / "report-rejected" / "ReportRejected.json").read_text())
    message = json.loads(base64.b64decode(asked["body"]["messages"][0]["data"]))
    assert message["arguments"] == {
        "report": str(prod / "artifacts" / "evaluate-model" / "evaluation"),
        "min_accuracy": 0.8,
        "min_recall": 0.99,
    }


def test_a_query_that_gives_too_few_rows_ends_the_run_with_a_message(
    smx2vertex: Callable[..., Outcome], workplace: Callable[[str], Path], tmp_path: Path
) -> None:
    workplace("workshop-diabetes")
    (tmp_path / "few").mkdir()
    rows = (EXAMPLE / "data" / "patients.csv").read_text().splitlines(keepends=True)
    (tmp_path / "few" / "part-000.csv").write_text("".join(rows[:50]))
    done = smx2vertex("run", "dev/project", "--data", f"{ROWS}={tmp_path / 'few'}")
    assert done.code == 1
    assert "the query gave 50 patients, at least 200 are needed" in done.out
    assert "train-model  succeeded" not in done.out


def test_without_rows_a_run_says_where_they_would_come_from(
    smx2vertex: Callable[..., Outcome], workplace: Callable[[str], Path]
) -> None:
    workplace("workshop-diabetes")
    done = smx2vertex("run", "dev/project")
    assert done.code == 1
    assert "--data gs://acme-diabetes-dev/diabetes/dev/rows/=DIR" in done.out


def test_a_swapped_gate_is_found(smx2vertex: Callable[..., Outcome], workplace: Callable[[str], Path]) -> None:
    compiled = workplace("workshop-diabetes") / "prod" / "project" / "compiled" / "vertex.yaml"
    text = compiled.read_text()
    assert text.count("recall >= min_recall") == 1
    compiled.write_text(text.replace("recall >= min_recall", "recall <= min_recall"))
    assert smx2vertex("validate", "prod/bundle", compiled).code == 1


@pytest.fixture
def deploy_model() -> ModuleType:
    """The program, loaded from its file."""
    spec = importlib.util.spec_from_file_location("deploy_model", EXAMPLE / "deploy_model.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("endpoint", "change"),
    [(None, "create_endpoint"), ("diabetes-prod-6", "update_endpoint"), ("diabetes-prod-7", None)],
)
def test_deploy_model_puts_the_newest_approved_version_behind_the_endpoint(
    deploy_model: ModuleType, endpoint: str | None, change: str | None
) -> None:
    client = boto3.client("sagemaker", "us-east-1", aws_access_key_id="none", aws_secret_access_key="none")
    moment, arn = "2026-01-01", "arn:aws:sagemaker:us-east-1:111122223333:endpoint/diabetes-prod"
    state = {"EndpointName": "diabetes-prod", "EndpointArn": arn, "CreationTime": moment, "LastModifiedTime": moment}
    state["EndpointStatus"] = "InService"
    with Stubber(client) as aws:

        def answer(method: str, response: dict[str, Any], request: dict[str, Any] | None = None) -> None:
            aws.add_response(method, response, request)

        version = {"ModelPackageArn": PACKAGE, "CreationTime": moment, "ModelPackageStatus": "Completed"}
        answer("list_model_packages", {"ModelPackageSummaryList": [version]})
        answer("list_endpoints", {"Endpoints": [state] if endpoint else []}, {"NameContains": "diabetes-prod"})
        if endpoint:
            answer("describe_endpoint", {**state, "EndpointConfigName": endpoint})
        if change:
            container = {"ModelPackageName": PACKAGE}
            model = {"ModelName": "diabetes-prod-7", "PrimaryContainer": container, "ExecutionRoleArn": ROLE}
            answer("create_model", {"ModelArn": arn.replace("endpoint", "model")}, model)
            answer("create_endpoint_config", {"EndpointConfigArn": arn.replace("endpoint", "endpoint-config")})
            serves = {"EndpointName": "diabetes-prod", "EndpointConfigName": "diabetes-prod-7"}
            answer(change, {"EndpointArn": arn}, serves)
            answer("describe_endpoint", {**state, **serves})
        done = deploy_model.deploy(client, "diabetes-prod", ROLE, "ml.m5.large")
        aws.assert_no_pending_responses()
    assert done == f"diabetes-prod serves {PACKAGE}" + ("" if change else " already")


def test_deploy_model_waits_for_an_approval(deploy_model: ModuleType) -> None:
    client = boto3.client("sagemaker", "us-east-1", aws_access_key_id="none", aws_secret_access_key="none")
    with Stubber(client) as aws:
        aws.add_response("list_model_packages", {"ModelPackageSummaryList": []})
        with pytest.raises(LookupError, match="no version of diabetes-prod is approved"):
            deploy_model.deploy(client, "diabetes-prod", ROLE, "ml.m5.large")
