"""What the tables call adapted, at work: fields that are dropped change nothing, the others stand in the project."""

from __future__ import annotations

import copy
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support import Outcome

from smx2vertex.mapping.tables import Row, all_tables, property_rows, split, step_tables, table

Definition = dict[str, Any]
HERE = "tests/mapping/test_adapted_rows.py"

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
        "ProcessingResources": {"ClusterConfig": {**MACHINE, "InstanceCount": 3}},
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
        "CustomerMetadataProperties": {"Team Name": "Risk & Fraud"},
        "DriftCheckBaselines": {"ModelQuality": {"Statistics": {"S3Uri": "s3://acme/b.json"}}},
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


REPORT = {
    "On": "/",
    "Values": [{"Get": "Steps.Prepare.ProcessingOutputConfig.Outputs['clean'].S3Output.S3Uri"}, "r.json"],
}
EQUAL = {"Type": "Equals", "LeftValue": {"Get": "Parameters.RawData"}, "RightValue": "s3://acme/raw/"}
CONDITIONS = [
    {
        "ConditionType": "LessThan",
        "LeftValue": {"Std:JsonGet": {"PropertyFile": {"Get": "Steps.Prepare.PropertyFiles.Report"}, "Path": "a.loss"}},
        "RightValue": 0.5,
    },
    {
        "Type": "GreaterThan",
        "LeftValue": {"Std:JsonGet": {"S3Uri": {"Std:Join": REPORT}, "Path": "a.score"}},
        "RightValue": 0.25,
    },
    {"Type": "Not", "Condition": EQUAL},
    {
        "Type": "Or",
        "Conditions": [EQUAL, {"Type": "In", "QueryValue": {"Get": "Parameters.RawData"}, "Values": ["a", "b"]}],
    },
]
VARIABLES = ("PipelineExecutionId", "PipelineExecutionArn", "StartDateTime", "CurrentDateTime")


def _pipeline() -> Definition:
    """One step of each type whose rows promise something, and a condition of all kinds."""
    steps: dict[str, Any] = {
        name: {"Name": name, "Type": type_, "Arguments": copy.deepcopy(ARGUMENTS[type_])}
        for type_, name in NAMES.items()
    }
    steps["Prepare"] |= {
        "Description": "Makes clean data",
        "CacheConfig": {"Enabled": True, "ExpireAfter": ""},
        "PropertyFiles": [{"PropertyFileName": "Report", "OutputName": "clean", "FilePath": "report.json"}],
    }
    for type_, name in NAMES.items():
        steps[name]["Arguments"]["Tags"] = [{"Key": "Kind Of", "Value": f"A {type_}"}]
    steps["Prepare"]["Arguments"]["Environment"] |= {name: {"Get": f"Execution.{name}"} for name in VARIABLES}
    single = copy.deepcopy(steps["Register"]) | {"Name": "Single"}
    single["Arguments"]["ModelPackageName"] = (
        single["Arguments"].pop("ModelPackageGroupName").replace("group", "package")
    )
    fail = {"Name": "Stop", "Type": "Fail", "Arguments": {"ErrorMessage": "no"}}
    gate = {"Conditions": CONDITIONS, "IfSteps": [fail], "ElseSteps": []}
    everything = [*steps.values(), single, {"Name": "Gate", "Type": "Condition", "Arguments": gate}]
    parameter = {"Name": "RawData", "Type": "String", "DefaultValue": "s3://acme/raw/"}
    return copy.deepcopy({"Version": "2020-12-01", "Parameters": [parameter], "Steps": everything})


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
    for step in definition["Steps"]:
        if step["Name"] == NAMES["RegisterModel"]:
            step["Arguments"]["ModelPackageName"] = "package"
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


# what stands in the generated Python for a field, by the rule of its row
KEPT = {
    "processing:AppSpecification.ImageUri": "def prepare( … image=images.scikit_learn_1_2,",
    "processing:ProcessingInputs[].S3Input.S3Uri": "prepare_task = … raw=data(RawData),",
    "processing:ProcessingOutputConfig.Outputs[].S3Output.S3Uri": 'clean_destination=f"gs://{buckets.acme}/clean",',
    "processing:ProcessingResources.ClusterConfig.InstanceType": 'prepare, "n2-standard-4"',
    "processing:ProcessingResources.ClusterConfig.InstanceCount": "replicas=3",
    "processing:ProcessingResources.ClusterConfig.VolumeSizeInGB": "disk_gb=300",
    "processing:Tags": 'labels={"kind-of": "a-processing"}',
    "training:AlgorithmSpecification.TrainingImage": "def train( … image=images.xgboost_1_7,",
    "training:AlgorithmSpecification.MetricDefinitions[].Regex": '"--metric-definition=rmse:rmse:([0-9.]+)"',
    "training:InputDataConfig[].DataSource.S3DataSource.S3Uri": 'train=data(f"gs://{buckets.acme}/train/")',
    "training:OutputDataConfig.S3OutputPath": 'model_destination=f"gs://{buckets.acme}/models"',
    "training:ResourceConfig.InstanceType": 'train, "n2-standard-4"',
    "training:ResourceConfig.InstanceCount": "replicas=2",
    "training:ResourceConfig.VolumeSizeInGB": 'train, "n2-standard-4", disk_gb=300',
    "training:EnableManagedSpotTraining": "spot=True",
    "training:Tags": 'labels={"kind-of": "a-training"}',
    "model:ModelName": 'lay( code=code("lay"), model_name="mine"',
    "model:PrimaryContainer.Image": 'def lay( … f"--serving-image={images.xgboost_1_7_serving}"',
    "model:Tags": '"--label=Kind Of:A Model"',
    "transform:ModelName": 'predict" … model=lay_task.outputs["serving_model"]',
    "transform:TransformInput.DataSource.S3DataSource.S3Uri": 'data=data(f"gs://{buckets.acme}/batch/")',
    "transform:TransformOutput.S3OutputPath": 'predictions_destination=f"gs://{buckets.acme}/predictions"',
    "transform:TransformResources.InstanceType": 'predict, "n2-standard-4"',
    "transform:Tags": 'labels={"kind-of": "a-transform"}',
    "register_model:ModelPackageGroupName": 'register( code=code("register"), model_name="group"',
    "register_model:ModelPackageName": 'single( code=code("single"), model_name="package"',
    "register_model:ModelApprovalStatus": 'approval_status="Approved"',
    "register_model:CustomerMetadataProperties.*": '"--label=Team Name:{team_name:str}"',
    "register_model:InferenceSpecification.Containers[].Image": 'def register( … f"--serving-image={images.xgboost_1_',
    "register_model:InferenceSpecification.SupportedContentTypes": '"--content-type=text/csv"',
    "register_model:InferenceSpecification.SupportedResponseMIMETypes": '"--response-type=text/csv"',
    "register_model:ModelMetrics.*.*.S3Uri": 'model_quality_statistics=data(f"gs://{buckets.acme}/m.json")',
    "register_model:Tags": '"--label=Kind Of:A RegisterModel"',
    "step:Name": "prepare_task = on_machine(",
    "step:Description": '"""Step `Prepare` (Processing). Makes clean data """',
    "step:CacheConfig.Enabled": 'prepare" … .set_caching_options(True)',
    "definition:Parameters[].DefaultValue": 'RawData: str = f"gs://{buckets.acme}/raw/"',
    "expressions:Get.Steps.*": 'model=train_task.outputs["model"]',
    "expressions:Get.Execution.PipelineExecutionId": "execution_id=dsl.PIPELINE_JOB_ID_PLACEHOLDER",
    "expressions:Get.Execution.PipelineExecutionArn": "execution_name=dsl.PIPELINE_JOB_RESOURCE_NAME_PLACEHOLDER",
    "expressions:Get.Execution.StartDateTime": "start_time=dsl.PIPELINE_JOB_CREATE_TIME_UTC_PLACEHOLDER",
    "expressions:Get.Execution.CurrentDateTime": '"--environment=CurrentDateTime:{start_time:str}"',
    "expressions:Std:JsonGet.PropertyFile": '"--property=loss:clean/report.json:a.loss"',
    "expressions:Std:JsonGet.S3Uri": '"--property=score:clean/r.json:a.score"',
    "condition:Conditions": "loss < 0.5 and score > 0.25 and not (",
    "conditions:ConditionType": "loss < 0.5",
    "conditions:Not": "and not (raw_data == ",
    "conditions:Or": " or (raw_data in ",
    "conditions:In": "raw_data in ['a', 'b']",
}


@pytest.mark.parametrize("rule", KEPT)
def test_what_is_kept_stands_in_the_project(project: Path, rule: str) -> None:
    """`…` stands for other text of the same file."""
    row = next(row for each in all_tables() for row in each.all_rows if row.rule == rule)
    assert row.to is not None
    wanted = ".*".join(re.escape(part) for part in KEPT[rule].split(" … "))
    texts = [" ".join(file.read_text(encoding="utf-8").split()) for file in project.glob("definition/**/*.py")]
    assert any(re.search(wanted, text) for text in texts)


def test_every_row_that_relies_on_these_tests_is_tried() -> None:
    rows = [row for each in all_tables() for row in each.all_rows]
    kept = {row.rule for row in rows if row.test == f"{HERE}::test_what_is_kept_stands_in_the_project"}
    assert kept - set(KEPT) == set()
    dropped = {row.rule for row in rows if row.test == f"{HERE}::test_what_is_dropped_changes_nothing"}
    promised = {row.rule for row in rows if row.test == f"{HERE}::test_a_promised_property_reaches_its_reader"}
    assert promised - {f"properties:{type_}.{path}" for type_, path in PROMISED} == set()
    tried = [*table("definition").rows, *(row for type_ in NAMES for row in step_tables()[type_].rows)]
    assert dropped - {row.rule for row in tried} == set()


def test_only_the_allowed_values_are_submitted(smx2vertex: Callable[..., Outcome], tmp_path: Path) -> None:
    allowed = ["s3://acme/a/", "s3://acme/b/"]
    parameter = {"Name": "Data", "Type": "String", "DefaultValue": allowed[0], "EnumValues": allowed}
    fail = {"Name": "Stop", "Type": "Fail", "Arguments": {"ErrorMessage": {"Get": "Parameters.Data"}}}
    out, _ = _convert({"Version": "2020-12-01", "Parameters": [parameter], "Steps": [fail]}, tmp_path)
    refused = smx2vertex("submit", out, "--dry-run", "--parameter", "Data=s3://acme/c/")
    assert refused.code == 2
    assert "SMX640 parameter Data: 'gs://acme/c/' is none of the allowed values" in refused.err
    assert "SMX640" not in smx2vertex("submit", out, "--dry-run", "--parameter", "Data=s3://acme/b/").err
