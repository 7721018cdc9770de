"""Whatever AWS's requests, the published schema and the SageMaker SDK offer has a row; a leaf without one is named."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support import Outcome

from smx2vertex.mapping.completeness import completeness, fields, operations, row_of, uncovered_properties
from smx2vertex.mapping.tables import (
    Table,
    condition_rows,
    property_rows,
    step_tables,
    table,
    tree,
    upwards,
)

pytest.importorskip("botocore")

_METRICS_SERIES = "AlgorithmSpecification.EnableSageMakerMetricsTimeSeries"
# what arguments hold beside the requests, or without any: the SDK writes it, or the published schema lists it
BESIDE_REQUESTS = {
    "Tuning": [f"TrainingJobDefinition.{_METRICS_SERIES}", f"TrainingJobDefinitions[].{_METRICS_SERIES}"],
    "EMR": ["ClusterId", "ExecutionRoleArn"],
    "EMRServerless": ["ApplicationId", "ExecutionRoleArn"],
    "Lineage": [
        *("Associations[].Source.Arn", "Associations[].Source.Name", "Associations[].Source.Type"),
        *("Associations[].Destination.Arn", "Associations[].Destination.Name", "Associations[].Destination.Type"),
        "Associations[].AssociationType",
    ],
    "Cleanup": ["Resources.S3[].StepName", "Resources.S3[].S3Uris[]"],
    "ForEach": ["IterableItems", "MaxConcurrency", "Selector.Pick", "Selector.Field"],
    "Lambda": ["any_input"],
    "Callback": ["any_input"],
    "Condition": ["Conditions", "IfSteps", "ElseSteps"],
    "Fail": ["ErrorMessage"],
}
# lists of steps, each of which has the table of its own type; a row is for the empty list alone
BODIES = {"ForEach": ["ForEachBody"]}
_OUTPUTS = ["OutputParameters[].OutputName", "OutputParameters[].OutputType"]
_CHECK = ["CheckType", "SkipCheck", "FailOnViolation", "RegisterNewBaseline", "ModelPackageGroupName"]
BESIDE_ARGUMENTS = {
    "Lambda": ["FunctionArn", *_OUTPUTS],
    "Callback": ["SqsQueueUrl", *_OUTPUTS],
    "QualityCheck": [*_CHECK, "SuppliedBaselineStatistics", "SuppliedBaselineConstraints"],
    "ClarifyCheck": [*_CHECK, "SuppliedBaselineConstraints", "ModelName"],
}
# properties that stand in no answer of the service: the SDK adds them
_BASELINES = ["CalculatedBaselineConstraints", "BaselineUsedForDriftCheckConstraints"]
BESIDE_ANSWERS = {
    "Processing": ["PropertyFiles.name"],
    "Training": ["PropertyFiles.name"],
    "AutoML": [f"BestCandidateProperties.{name}JsonReportPath" for name in ("ModelInsights", "Explainability")],
    "Condition": ["Outcome"],
    "Lambda": ["OutputParameters[]"],
    "Callback": ["OutputParameters[]"],
    "QualityCheck": [*_BASELINES, "CalculatedBaselineStatistics", "BaselineUsedForDriftCheckStatistics"],
    "ClarifyCheck": _BASELINES,
    "EMR": ["ClusterId", "ExecutionRoleArn"],
    "EMRServerless": ["jobRun.jobRunId", "jobRun.applicationId", "jobRun.state"],
    "Lineage": ["ArtifactArns[]", "ActionArns[]", "ContextArns[]", "Associations"],
    "ForEach": [
        *("Status", "InputItemCount", "TotalStepCount", "SucceededStepCount", "FailedStepCount", "StoppedStepCount"),
        *("ChildOutputs[]", "IterationOutputs[]", "Selected"),
    ],
    "Job": ["JobConfigDocument", "JobName"],
}
TYPES = sorted({*operations("requests"), *BESIDE_REQUESTS})
# in the published schema alone: the service's own request has no such key
NOT_IN_THE_SERVICE = "RegisterModel: Arguments.ModelMetrics.DeploymentSpecification."


def _arguments(type_: str) -> list[str]:
    """The leaves of a step's arguments: of requests as botocore lists them, and of what else they hold."""
    requests = operations("requests").get(type_, [])
    return [*BESIDE_REQUESTS.get(type_, []), *(path for entry in requests for path in fields("requests", entry))]


def _properties(type_: str) -> list[str]:
    """The leaves of what a step's properties offer."""
    answers = operations("answers").get(type_, [])
    return [*BESIDE_ANSWERS.get(type_, []), *(path for entry in answers for path in fields("answers", entry))]


# --- requests


def test_every_step_type_has_a_table() -> None:
    assert sorted(step_tables()) == TYPES


@pytest.mark.parametrize("type_", TYPES)
def test_every_leaf_of_the_arguments_has_a_row(type_: str) -> None:
    assert [leaf for leaf in _arguments(type_) if row_of(step_tables()[type_], leaf)[0] is None] == []


@pytest.mark.parametrize("type_", TYPES)
def test_every_row_is_about_a_field_of_the_arguments(type_: str) -> None:
    known = {part for leaf in [*_arguments(type_), *BODIES.get(type_, [])] for part in upwards(leaf)}
    rows = [_path(row.rule) for row in step_tables()[type_].rows]
    # either side may say `*`: a row for all sections of a report, or one for a variable of a certain name
    found = [row for row in rows for part in known if _pattern(row).fullmatch(part) or _pattern(part).fullmatch(row)]
    assert set(rows) - set(found) == set()


@pytest.mark.parametrize("type_", TYPES)
def test_a_row_that_promises_speaks_for_one_field(type_: str) -> None:
    """One row may say of a whole object that it is not translated; that it is, each field must say by itself."""
    found = {leaf: row_of(step_tables()[type_], leaf) for leaf in _arguments(type_)}
    swallowed = [
        leaf
        for leaf, (row, own) in found.items()
        if row is not None and not own and row.verdict in ("exact", "adapted") and not leaf.startswith("Tags[]")
    ]
    assert swallowed == []


@pytest.mark.parametrize("type_", BESIDE_ARGUMENTS)
def test_every_key_beside_the_arguments_has_a_row(type_: str) -> None:
    rows = {_path(row.rule) for row in step_tables()[type_].step_rows if not row.empty}
    assert rows == set(BESIDE_ARGUMENTS[type_])


def test_a_field_without_a_row_is_named() -> None:
    entries = {
        "EndpointName": {"to": "name", "verdict": "exact"},
        "DeploymentConfig": {"drop": True, "verdict": "unsupported", "because": "no"},
        "Tags": {"to": "labels", "verdict": "exact", "empty": True},
    }
    found = completeness(
        Table("mine", "endpoint", "adapted", *tree("mine", "mine.yaml", entries)), {"operation": "CreateEndpoint"}
    )
    assert found.missing == ("EndpointConfigName", "Tags[].Key", "Tags[].Value")
    assert (found.leaves, found.own, found.by_verdict["unsupported"]) == (19, 1, 15)


# --- the published schema; it lags behind the service, so what is only in one of the two must have a row too


@pytest.fixture(scope="session")
def schema(corpus: Path) -> dict[str, Any]:
    """The published JSON schema of definitions."""
    text = (corpus / "schema" / "pipeline-definition.schema.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


def test_every_key_of_a_step_in_the_published_schema_has_a_row(schema: dict[str, Any]) -> None:
    missing = []
    for name, shape in schema["definitions"].items():
        if name.endswith("Step"):
            type_ = name.removesuffix("Step").replace("CreateModel", "Model")  # the schema mistakes one Type
            of_type = step_tables()[type_]
            covering = [
                *_covering(table("step")),
                *(_pattern(_path(row.rule)) for row in of_type.step_rows if not row.empty),
                *(_pattern(f"Arguments.{_path(row.rule)}") for row in of_type.rows if not row.empty),
            ]
            missing += [f"{type_}: {path}" for path in _schema(schema, shape) if not _is_covered(path, covering)]
    assert [path for path in missing if not path.startswith(NOT_IN_THE_SERVICE)] == []


def test_every_key_of_the_document_in_the_published_schema_has_a_row(schema: dict[str, Any]) -> None:
    """Features of parameters stand there too."""
    paths = [p for key, value in schema["properties"].items() if key != "Steps" for p in _schema(schema, value, key)]
    assert "Parameters[].DefaultValue" in paths
    assert [path for path in paths if not _is_covered(path, _covering(table("definition")))] == []


def test_every_condition_of_the_published_schema_has_a_row(schema: dict[str, Any]) -> None:
    covering = [*_covering(table("conditions")), *(_pattern(name) for name in condition_rows())]
    shapes = {name: schema["definitions"][name] for name in ("BinaryCondition", "InCondition", "OrCondition")}
    paths = [(name, path) for name, shape in shapes.items() for path in _schema(schema, shape)]
    assert [each for each in paths if not _is_covered(each[1], covering)] == []
    types = {type_ for name in shapes for type_ in shapes[name]["properties"]["Type"]["enum"]}
    assert types - set(condition_rows()) == set()


# --- what the SageMaker SDK writes


def test_types_of_conditions_are_those_of_the_sdk() -> None:
    conditions = pytest.importorskip("sagemaker.workflow.conditions")
    supported = {name for name, row in condition_rows().items() if row.to is not None}
    assert supported == {member.value for member in conditions.ConditionTypeEnum}


def test_every_execution_variable_of_the_sdk_has_a_row() -> None:
    module = pytest.importorskip("sagemaker.workflow.execution_variables")
    names = {each.name for each in vars(module.ExecutionVariables).values() if hasattr(each, "name")}
    rows = {_path(row.rule) for row in table("expressions").rows}
    assert names and {f"Get.Execution.{name}" for name in names} - rows == set()


def test_every_function_of_the_sdk_has_a_row() -> None:
    functions = pytest.importorskip("sagemaker.workflow.functions")
    join = functions.Join(on="/", values=["a"]).expr
    json_get = functions.JsonGet(step_name="S", property_file="F", json_path="a.b").expr
    uri = functions.Join(on="/", values=["s3://bucket", "key"])
    by_uri = functions.JsonGet(s3_uri=uri, json_path="a.b").expr
    paths = [path for value in (join, json_get, by_uri) for path in _of_value(value)]
    assert {path.split(".")[0] for path in paths} == {"Std:Join", "Std:JsonGet"}
    assert [path for path in paths if row_of(table("expressions"), path)[0] is None] == []


def test_every_parameter_of_the_sdk_has_a_row() -> None:
    parameters = pytest.importorskip("sagemaker.workflow.parameters")
    written = parameters.ParameterString("P", default_value="a", enum_values=["a"]).to_request()
    rows = {_path(row.rule) for row in table("definition").rows}
    assert {f"Parameters[].{key}" for key in written} - rows == set()


def test_every_part_of_a_retry_policy_of_the_sdk_has_a_row() -> None:
    retry = pytest.importorskip("sagemaker.workflow.retry")
    kind = retry.StepExceptionTypeEnum.THROTTLING
    written = [
        *retry.StepRetryPolicy([kind], max_attempts=2).to_request(),
        *retry.StepRetryPolicy([kind], expire_after_mins=2).to_request(),
    ]
    assert [key for key in written if row_of(table("step"), f"RetryPolicies[].{key}")[0] is None] == []


# --- properties


@pytest.mark.parametrize("type_", sorted(property_rows()))
def test_every_property_has_a_row(type_: str) -> None:
    paths = _properties(type_)
    assert paths
    assert uncovered_properties(property_rows()[type_], [path for path in paths if "PropertyFiles" not in path]) == []


@pytest.mark.parametrize("type_", sorted(property_rows()))
def test_every_row_of_a_property_is_about_one(type_: str) -> None:
    known = {part for path in _properties(type_) for part in upwards(path)}
    assert [row for row in property_rows()[type_] if not any(_pattern(row).fullmatch(part) for part in known)] == []


def test_a_property_that_nobody_knows_is_reported(smx2vertex: Callable[..., Outcome], tmp_path: Path) -> None:
    report = _map(smx2vertex, tmp_path, {"Get": "Steps.Train.NobodyKnowsThis"})
    assert _finding(report) == ("SMX244", "this property has no counterpart")


def test_a_property_below_one_with_a_row_has_its_verdict(smx2vertex: Callable[..., Outcome], tmp_path: Path) -> None:
    report = _map(smx2vertex, tmp_path, {"Get": "Steps.Train.ResourceConfig.InstanceGroups[0].InstanceType"})
    assert _finding(report) == ("SMX244", "it repeats the step's own request; write the value where it is needed")


def _map(smx2vertex: Callable[..., Outcome], folder: Path, value: Any) -> dict[str, Any]:
    steps = [
        {"Name": "Train", "Type": "Training", "Arguments": {"Environment": {"A": "b"}}},
        {"Name": "Read", "Type": "Processing", "Arguments": {"Environment": {"V": value}}},
    ]
    file = folder / "definition.json"
    file.write_text(json.dumps({"Version": "2020-12-01", "Steps": steps}), encoding="utf-8")
    report: dict[str, Any] = json.loads(smx2vertex("map", file, "--format", "json").out)
    return report


def _finding(report: dict[str, Any]) -> tuple[str, str]:
    """Code and reason of the one finding about an environment variable."""
    [found] = [each for each in report["findings"] if "Environment" in (each["source"] or {}).get("pointer", "")]
    return found["code"], found["message"].partition(": ")[2]


# --- paths


def _schema(schema: dict[str, Any], shape: dict[str, Any], path: str = "") -> Iterator[str]:
    """The leaves of a shape of the JSON schema; alternatives count all."""
    if "$ref" in shape:
        shape = schema["definitions"][shape["$ref"].rpartition("/")[2]]
        if "properties" not in shape and "items" not in shape:  # a value, or a choice of expressions
            yield path
            return
    if "properties" in shape:
        for key, value in shape["properties"].items():
            yield from _schema(schema, value, f"{path}.{key}".lstrip("."))
    elif isinstance(shape.get("items"), dict):
        choices = shape["items"].get("oneOf")
        if choices and any(
            "Step" in choice.get("$ref", "") or "Condition" in choice.get("$ref", "") for choice in choices
        ):
            yield path
        else:
            for choice in choices or [shape["items"]]:
                yield from _schema(schema, choice, f"{path}[]")
    else:
        yield f"{path}.*" if shape.get("type") == "object" else path


def _of_value(value: Any, path: str = "") -> Iterator[str]:
    """The paths of the leaves of a JSON value."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _of_value(item, f"{path}.{key}".lstrip("."))
    elif isinstance(value, list):
        for item in value:
            yield from _of_value(item, f"{path}[]")
    else:
        yield path


def _path(rule: str) -> str:
    return rule.partition(":")[2]


def _covering(of_table: Table) -> list[re.Pattern[str]]:
    return [_pattern(_path(row.rule)) for row in of_table.rows if not row.empty]


def _is_covered(leaf: str, rows: list[re.Pattern[str]]) -> bool:
    return any(row.fullmatch(part) for row in rows for part in upwards(leaf))


def _pattern(path: str) -> re.Pattern[str]:
    """What a path of a row stands for: `*` is any one key."""
    return re.compile(re.escape(path).replace(r"\*", r"[^.\[\]]+"))
