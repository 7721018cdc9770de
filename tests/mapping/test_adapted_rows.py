"""What the tables call adapted, at work: fields that are dropped change nothing, the others stand in the project."""

from __future__ import annotations

import copy
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from smx2vertex.mapping.tables import Row, property_rows, split, step_tables, table

Definition = dict[str, Any]

XGBOOST = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1"
SKLEARN = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"
MACHINE = {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 300}
MODEL = {"Get": "Steps.Train.ModelArtifacts.S3ModelArtifacts"}
SOURCE = {"S3DataSource": {"S3Uri": MODEL}}
ARGUMENTS: dict[str, Any] = {
    "Processing": {
        "AppSpecification": {"ImageUri": SKLEARN, "ContainerEntrypoint": ["python3", "-m", "prepare"]},
        "Environment": {"LEVEL": "high"},
        "ProcessingInputs": [
            {
                "InputName": "raw",
                "S3Input": {"S3Uri": {"Get": "Parameters.RawData"}, "LocalPath": "/opt/ml/processing/raw"},
            }
        ],
        "ProcessingOutputConfig": {
            "Outputs": [
                {
                    "OutputName": "clean",
                    "S3Output": {
                        "S3Uri": "s3://acme/clean",
                        "LocalPath": "/opt/ml/processing/clean",
                        "S3UploadMode": "EndOfJob",
                    },
                }
            ]
        },
        "ProcessingResources": {"ClusterConfig": MACHINE},
    },
    "Training": {
        "AlgorithmSpecification": {
            "TrainingInputMode": "File",
            "TrainingImage": XGBOOST,
            "MetricDefinitions": [{"Name": "rmse", "Regex": "rmse:([0-9.]+)"}],
        },
        "HyperParameters": {"objective": "reg:squarederror", "num_round": "20"},
        "Environment": {"LEVEL": "high"},
        "InputDataConfig": [
            {
                "ChannelName": "train",
                "ContentType": "text/csv",
                "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://acme/train/"}},
            }
        ],
        "OutputDataConfig": {"S3OutputPath": "s3://acme/models"},
        "ResourceConfig": {**MACHINE, "InstanceCount": 2},
        "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
        "EnableManagedSpotTraining": True,
    },
    "Model": {"ModelName": "mine", "PrimaryContainer": {"Image": XGBOOST, "ModelDataSource": SOURCE}},
    "Transform": {
        "ModelName": {"Get": "Steps.Lay.ModelName"},
        "TransformInput": {
            "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://acme/batch/"}},
            "ContentType": "text/csv",
        },
        "TransformOutput": {"S3OutputPath": "s3://acme/predictions"},
        "TransformResources": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1},
    },
    "RegisterModel": {
        "ModelPackageGroupName": "group",
        "ModelApprovalStatus": "Approved",
        "InferenceSpecification": {
            "Containers": [{"Image": XGBOOST, "ModelDataSource": SOURCE}],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
        },
        "ModelMetrics": {"ModelQuality": {"Statistics": {"S3Uri": "s3://acme/m.json"}}},
    },
}
NAMES = {
    "Processing": "Prepare",
    "Training": "Train",
    "Model": "Lay",
    "Transform": "Predict",
    "RegisterModel": "Register",
}


def _pipeline() -> Definition:
    steps = [{"Name": NAMES[type_], "Type": type_, "Arguments": each} for type_, each in ARGUMENTS.items()]
    parameter = {
        "Name": "RawData",
        "Type": "String",
        "DefaultValue": "s3://acme/raw/",
        "EnumValues": ["s3://acme/raw/"],
    }
    return copy.deepcopy({"Version": "2020-12-01", "Parameters": [parameter], "Steps": steps})


def _convert(definition: Definition, folder: Path) -> tuple[Path, set[str]]:
    """The project, and the names of the steps that fail, as they were not translated."""
    file, out = folder / "definition.json", folder / "project"
    file.write_text(json.dumps(definition), encoding="utf-8")
    command = [sys.executable, "-m", "smx2vertex", "convert", str(file), "--out", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    failing = re.search(r"so that they fail and say why: (.*)", done.stdout + done.stderr)
    return out, set(failing.group(1).split(", ")) if failing else set()


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project of the pipeline."""
    out, failing = _convert(_pipeline(), tmp_path_factory.mktemp("plain"))
    assert failing == set()
    return out


# --- what is dropped

# what a field must hold to be read, where it is neither text nor true
SAMPLES: dict[str, Any] = {
    "AppManaged": False,
    "Metadata": {"team": "science"},
    "Version": "2020-12-01",
    "ProfilingParameters": {"DetailedProfilingConfig": "{}"},
    **dict.fromkeys(("SelectedInstanceCount", "InstanceCount", "InvocationsMaxRetries", "MaximumRetryAttempts"), 1),
    **dict.fromkeys(("InvocationsTimeoutInSeconds", "KeepAlivePeriodInSeconds", "MaxConcurrentTransforms"), 60),
    **dict.fromkeys(("ProfilingIntervalInMilliseconds", "MetricPublishFrequencyInSeconds"), 500),
}


@pytest.mark.parametrize("empty", [False, True], ids=["filled", "empty"])
def test_what_is_dropped_changes_nothing(project: Path, tmp_path: Path, empty: bool) -> None:
    """With every field that a row drops as `adapted` the pipeline is the same, to the letter, as without any."""
    definition = _pipeline()
    count = _fill(definition, table("definition").rows, empty)
    for step in definition["Steps"]:
        count += _fill(step["Arguments"], step_tables()[step["Type"]].rows, empty)
    assert count > (3 if empty else 40)
    with_all, failing = _convert(definition, tmp_path)
    assert failing == set()
    assert _pipeline_files(with_all) == _pipeline_files(project)


def _fill(value: Any, rows: tuple[Row, ...], empty: bool) -> int:
    """Put the fields that rows drop into a value; their number."""
    paths = [_path(row) for row in rows if row.to is None and row.verdict == "adapted" and row.empty == empty]
    for path in paths:
        *way, key = split(path)
        sample = SAMPLES.get(key, True if key.startswith(("Enable", "Disable")) else "text")
        _set(value, way, key, ([] if key.endswith("s") else {}) if empty else sample)
    return len(paths)


def _set(value: Any, way: list[str], last: str, sample: Any) -> None:
    """Put a sample at a path; `[]` is the first element, `*` the first key."""
    for key, following in zip(way, [*way, last][1:], strict=True):
        if key == "[]":
            value = value[0]
        elif key == "*":
            value = next(iter(value.values()))
        else:
            value = value.setdefault(key, [{}] if following == "[]" else {})
    value[last] = sample


def _path(row: Row) -> str:
    return row.rule.partition(":")[2]


def _pipeline_files(project: Path) -> dict[str, str]:
    files = [*project.glob("*/*.py"), *project.glob("*/components/*.py"), *project.glob("compiled/*.yaml")]
    return {file.relative_to(project).as_posix(): file.read_text(encoding="utf-8") for file in sorted(files)}


# --- what is kept

KEYS = {
    "Outputs": "'clean'",
    "Environment": "'LEVEL'",
    "HyperParameters": "'num_round'",
    "FinalMetricDataList": "'rmse'",
}
PROMISED = [
    (type_, path)
    for type_, rows in property_rows().items()
    for path, row in rows.items()
    if type_ in NAMES and row.verdict in ("exact", "adapted")
]


@pytest.fixture(scope="module")
def failing_readers(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The steps, each reading one property into its environment, that were not translated."""
    definition = _pipeline()
    definition["Steps"][-1]["Arguments"]["ModelPackageName"] = "package"
    for number, (type_, path) in enumerate(PROMISED):
        inner = re.sub(r"(\w+)\[\]", lambda found: f"{found[1]}[{KEYS.get(found[1], '0')}]", path)
        image = {"ImageUri": SKLEARN, "ContainerEntrypoint": ["python3", "-m", "read"]}
        arguments = {
            "AppSpecification": image,
            "ProcessingResources": {"ClusterConfig": MACHINE},
            "Environment": {"VALUE": {"Get": f"Steps.{NAMES[type_]}.{inner}"}},
        }
        definition["Steps"].append({"Name": f"Read{number}", "Type": "Processing", "Arguments": arguments})
    return _convert(definition, tmp_path_factory.mktemp("readers"))[1]


@pytest.mark.parametrize("number", range(len(PROMISED)), ids=[".".join(each) for each in PROMISED])
def test_a_promised_property_reaches_its_reader(failing_readers: set[str], number: int) -> None:
    assert f"Read{number}" not in failing_readers
