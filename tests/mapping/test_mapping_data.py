"""The tables under mappings/ are well-formed, and cover every field that a step can have."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from smx2vertex.mapping.check import check_table, table_files
from smx2vertex.mapping.data import load_yaml, mappings_dir
from smx2vertex.mapping.tables import Table, condition_rows, step_tables, table

TABLES = Path(str(mappings_dir()))
# which requests the arguments of a step hold: operation, service, and where in the request and in the arguments
REQUESTS = {
    "Processing": [("CreateProcessingJob", "sagemaker", "", "")],
    "Training": [("CreateTrainingJob", "sagemaker", "", "")],
    "Transform": [("CreateTransformJob", "sagemaker", "", "")],
    "Model": [("CreateModel", "sagemaker", "", "")],
    "RegisterModel": [("CreateModelPackage", "sagemaker", "", "")],
    "Tuning": [("CreateHyperParameterTuningJob", "sagemaker", "", "")],
    "AutoML": [("CreateAutoMLJob", "sagemaker", "", ""), ("CreateAutoMLJobV2", "sagemaker", "", "")],
    "QualityCheck": [("CreateProcessingJob", "sagemaker", "", "")],
    "ClarifyCheck": [("CreateProcessingJob", "sagemaker", "", "")],
    "EMR": [("AddJobFlowSteps", "emr", "Steps[].", "StepConfig."), ("RunJobFlow", "emr", "", "ClusterConfig.")],
    "EMRServerless": [
        ("StartJobRun", "emr-serverless", "", "JobConfig."),
        ("CreateApplication", "emr-serverless", "", "ApplicationConfig."),
    ],
    "EndpointConfig": [("CreateEndpointConfig", "sagemaker", "", "")],
    "Endpoint": [("CreateEndpoint", "sagemaker", "", "")],
    "InferenceComponent": [("CreateInferenceComponent", "sagemaker", "", "")],
    "Lineage": [
        ("CreateAction", "sagemaker", "", "Actions[]."),
        ("CreateArtifact", "sagemaker", "", "Artifacts[]."),
        ("CreateContext", "sagemaker", "", "Contexts[]."),
    ],
    "Job": [("CreateJob", "sagemaker", "", "")],
}
_BODY = [
    f"ForEachBody[].{key}"
    for key in (
        *("Name", "Type", "Arguments", "DisplayName", "Description", "DependsOn"),
        *("CacheConfig", "RetryPolicies", "PropertyFiles"),
    )
]
# what arguments hold beside these requests, or without any: the SDK writes it, or the published schema lists it
BESIDE_REQUESTS = {
    "Tuning": [
        "TrainingJobDefinition.AlgorithmSpecification.EnableSageMakerMetricsTimeSeries",
        "TrainingJobDefinitions[].AlgorithmSpecification.EnableSageMakerMetricsTimeSeries",
    ],
    "EMR": ["ClusterId", "ExecutionRoleArn"],
    "EMRServerless": ["ApplicationId", "ExecutionRoleArn"],
    "Lineage": [
        *("Associations[].Source.Arn", "Associations[].Source.Name", "Associations[].Source.Type"),
        *("Associations[].Destination.Arn", "Associations[].Destination.Name", "Associations[].Destination.Type"),
        "Associations[].AssociationType",
    ],
    "Cleanup": ["Resources.S3[].StepName", "Resources.S3[].S3Uris[]"],
    "ForEach": ["IterableItems", "MaxConcurrency", "Selector.Pick", "Selector.Field", *_BODY],
    "Lambda": ["any_input"],
    "Callback": ["any_input"],
    "Fail": ["ErrorMessage"],
}
_OUTPUTS = ["OutputParameters[].OutputName", "OutputParameters[].OutputType"]
_CHECK = ["CheckType", "SkipCheck", "FailOnViolation", "RegisterNewBaseline", "ModelPackageGroupName"]
BESIDE_ARGUMENTS = {
    "Lambda": ["FunctionArn", *_OUTPUTS],
    "Callback": ["SqsQueueUrl", *_OUTPUTS],
    "QualityCheck": [*_CHECK, "SuppliedBaselineStatistics", "SuppliedBaselineConstraints"],
    "ClarifyCheck": [*_CHECK, "SuppliedBaselineConstraints", "ModelName"],
}
# in the published schema alone: the service's own request has no such key
NOT_IN_THE_SERVICE = "RegisterModel: Arguments.ModelMetrics.DeploymentSpecification."


@pytest.mark.parametrize("file", table_files(), ids=lambda file: file.stem)
def test_table_is_well_formed(file: Path) -> None:
    assert [str(mistake) for mistake in check_table(file)] == []


def test_every_step_type_has_a_table() -> None:
    assert set(step_tables()) == {*REQUESTS, *BESIDE_REQUESTS, "Condition"}


@pytest.mark.parametrize("name", ["machines.yaml", "images.yaml", "regions.yaml"])
def test_table_names_its_sources(name: str) -> None:
    sources = load_yaml(TABLES / name)["sources"]
    assert sources
    for source in sources:
        assert source["title"] and source["url"].startswith("https://") and source["checked"].year >= 2026


@pytest.mark.parametrize("type_", [*REQUESTS, *BESIDE_REQUESTS])
def test_every_leaf_of_the_arguments_has_a_row(type_: str) -> None:
    covering = _covering(step_tables()[type_])
    assert [leaf for leaf in _arguments(type_) if not _is_covered(leaf, covering)] == []


@pytest.mark.parametrize("type_", [*REQUESTS, *BESIDE_REQUESTS])
def test_every_row_is_about_a_field_of_the_arguments(type_: str) -> None:
    known = {part for leaf in _arguments(type_) for part in _upwards(leaf)}
    rows = [_path(row.rule) for row in step_tables()[type_].rows]
    assert [row for row in rows if not any(_pattern(row).fullmatch(part) for part in known)] == []


@pytest.mark.parametrize("type_", BESIDE_ARGUMENTS)
def test_every_key_beside_the_arguments_has_a_row(type_: str) -> None:
    rows = {_path(row.rule) for row in step_tables()[type_].step_rows if not row.empty}
    assert rows == set(BESIDE_ARGUMENTS[type_])


@pytest.mark.parametrize(
    "each", [each for each in step_tables().values() if each.is_redesign], ids=lambda each: each.name
)
def test_a_type_that_is_not_translated_promises_nothing(each: Table) -> None:
    assert each.target.startswith("task that fails until it is redesigned: ")
    assert {row.verdict for row in each.all_rows} <= {"redesign", "unsupported"}


def test_every_property_of_the_published_schema_has_a_row(corpus: Path) -> None:
    """The schema lags behind the service; what is only in one of the two must have a row too."""
    schema = json.loads((corpus / "schema" / "pipeline-definition.schema.json").read_text(encoding="utf-8"))
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
            missing += [f"{type_}: {path}" for path in _properties(schema, shape) if not _is_covered(path, covering)]
    definition = _covering(table("definition"))
    for key, value in schema["properties"].items():
        if key != "Steps":
            missing += [path for path in _properties(schema, value, key) if not _is_covered(path, definition)]
    conditions = [*_covering(table("conditions")), *(_pattern(f"{name}") for name in condition_rows())]
    for name in ("BinaryCondition", "InCondition", "OrCondition"):
        shape = schema["definitions"][name]
        missing += [f"{name}: {path}" for path in _properties(schema, shape) if not _is_covered(path, conditions)]
    assert [path for path in missing if not path.startswith(NOT_IN_THE_SERVICE)] == []


def test_types_of_conditions_are_those_of_the_sdk() -> None:
    conditions = load_yaml(TABLES / "conditions.yaml")["conditions"]
    supported = {name for name, row in conditions.items() if "to" in row}
    assert supported == {
        *("Equals", "GreaterThan", "GreaterThanOrEqualTo", "LessThan", "LessThanOrEqualTo", "In", "Not", "Or")
    }


def _arguments(type_: str) -> list[str]:
    """The leaves of a step's arguments: of requests as botocore lists them, and of what else they hold."""
    session = pytest.importorskip("botocore.session").get_session()
    found = list(BESIDE_REQUESTS.get(type_, []))
    for operation, service, inside, below in REQUESTS.get(type_, []):
        shape = session.get_service_model(service).operation_model(operation).input_shape
        leaves = (leaf for leaf in _leaves(shape, "") if leaf.startswith(inside))
        found += [below + leaf.removeprefix(inside) for leaf in leaves]
    return found


def _properties(schema: dict[str, Any], shape: dict[str, Any], path: str = "") -> Iterator[str]:
    """The leaves of a shape of the JSON schema; alternatives count all."""
    if "$ref" in shape:
        shape = schema["definitions"][shape["$ref"].rpartition("/")[2]]
        if "properties" not in shape and "items" not in shape:  # a value, or a choice of expressions
            yield path
            return
    if "properties" in shape:
        for key, value in shape["properties"].items():
            yield from _properties(schema, value, f"{path}.{key}".lstrip("."))
    elif isinstance(shape.get("items"), dict):
        choices = shape["items"].get("oneOf")
        if choices and any(
            "Step" in choice.get("$ref", "") or "Condition" in choice.get("$ref", "") for choice in choices
        ):
            yield path
        else:
            for choice in choices or [shape["items"]]:
                yield from _properties(schema, choice, f"{path}[]")
    else:
        yield f"{path}.*" if shape.get("type") == "object" else path


def _path(rule: str) -> str:
    return rule.partition(":")[2]


def _covering(of_table: Table) -> list[re.Pattern[str]]:
    return [_pattern(_path(row.rule)) for row in of_table.rows if not row.empty]


def _is_covered(leaf: str, rows: list[re.Pattern[str]]) -> bool:
    return any(row.fullmatch(part) for row in rows for part in _upwards(leaf))


def _pattern(path: str) -> re.Pattern[str]:
    """What a path of a row stands for: `*` is any one key."""
    return re.compile(re.escape(path).replace(r"\*", r"[^.\[\]]+"))


def _leaves(shape: Any, path: str, above: tuple[str, ...] = ()) -> Iterator[str]:
    if shape.name in above:  # a shape that holds itself
        yield path
    elif shape.type_name == "structure":
        for name, member in shape.members.items():
            yield from _leaves(member, f"{path}.{name}".lstrip("."), (*above, shape.name))
    elif shape.type_name == "list":
        yield from _leaves(shape.member, f"{path}[]", (*above, shape.name))
    elif shape.type_name == "map":
        yield from _leaves(shape.value, f"{path}.*", (*above, shape.name))
    else:
        yield path


def _upwards(path: str) -> Iterator[str]:
    """The path and all above it: `a[].b` is below `a[]` and `a`."""
    while path:
        yield path
        path = path[:-2] if path.endswith("[]") else path.rpartition(".")[0]
