"""What is fuzzed: kinds of files, and the commands that read them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parent.parent
SPEC = REPOSITORY / "tests/compare/fixtures/exemplar_kubeflow.yaml"
DEFINITION = REPOSITORY / "tests/compare/fixtures/exemplar.json"
BATCH = REPOSITORY / "tests/fixtures/batch/definition.json"


@dataclass(frozen=True)
class Target:
    """A kind of file.

    Attributes:
        file: the input's path below the working folder.
        commands: one of them is run for an input, chosen by its hash; `{}` is the working folder.
        seeds: globs of files to begin with, below the repository; texts of one's own stand in fuzz/corpus/.
        wrap: what of the file the input is; all of it, if there is none.
        beside: files that stand beside it.
        yaml: whether the file may be YAML.
    """

    file: str
    commands: tuple[str, ...]
    seeds: tuple[str, ...] = ()
    wrap: Callable[[bytes], bytes] | None = None
    beside: Mapping[str, Path] = field(default_factory=dict)
    yaml: bool = False


def _text(content: bytes) -> str:
    return content.decode("utf-8", "replace")


def _json(content: bytes) -> Any:
    """The JSON value, or the text if it is none."""
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return _text(content)


def _processing(name: str, **more: Any) -> dict[str, Any]:
    machine = {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 30}
    image = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"
    arguments = {"ProcessingResources": {"ClusterConfig": machine}, "AppSpecification": {"ImageUri": image, **more}}
    return {"Name": name, "Type": "Processing", "Arguments": arguments}


def _definition(*steps: Any) -> bytes:
    parameters = [{"Name": "Limit", "Type": "Float", "DefaultValue": 0.5}]
    return json.dumps({"Version": "2020-12-01", "Parameters": parameters, "Steps": steps}).encode()


def with_expression(content: bytes) -> bytes:
    """A definition that holds an expression where values and conditions may stand."""
    expression = _json(content)
    condition = {"Type": "Equals", "LeftValue": expression, "RightValue": 1}
    gate = {"Conditions": [condition], "IfSteps": [_processing("C")], "ElseSteps": []}
    first = _processing("A", ContainerArguments=["--a", expression])
    first["Arguments"]["Environment"] = {"E": expression}
    return _definition(first, {"Name": "B", "Type": "Condition", "Arguments": gate})


def with_json_path(content: bytes) -> bytes:
    """A definition whose condition reads a path of a property file."""
    score = {"PropertyFileName": "score", "OutputName": "out", "FilePath": "score.json"}
    first = {**_processing("A"), "PropertyFiles": [score]}
    value = {"Std:JsonGet": {"PropertyFile": {"Get": "Steps.A.PropertyFiles.score"}, "Path": _text(content)}}
    condition = {"Type": "GreaterThan", "LeftValue": value, "RightValue": {"Get": "Parameters.Limit"}}
    gate = {"Conditions": [condition], "IfSteps": [_processing("C")], "ElseSteps": []}
    return _definition(first, {"Name": "B", "Type": "Condition", "Arguments": gate})


def with_condition(content: bytes) -> bytes:
    """A compiled pipeline with a condition."""
    task = {"componentRef": {"name": "comp-a"}, "taskInfo": {"name": "a"}}
    value = {"value": {"runtimeValue": {"constant": 1.0}}}
    guarded = {**task, "triggerPolicy": {"condition": _text(content)}, "inputs": {"parameters": {"value": value}}}
    component = {
        "executorLabel": "exec-a",
        "inputDefinitions": {"parameters": {"value": {"parameterType": "NUMBER_DOUBLE", "isOptional": True}}},
    }
    spec = {
        "pipelineInfo": {"name": "p"},
        "components": {"comp-a": component},
        "deploymentSpec": {"executors": {"exec-a": {"container": {"image": "i", "command": ["c"]}}}},
        "root": {"dag": {"tasks": {"a": task, "b": guarded}}},
    }
    return json.dumps(spec).encode()


DEFINITIONS = (
    "inspect {}/f.json",
    "inspect {}/f.json --format json",
    "inspect {}/f.json --format md",
    "inspect {}/f.json --diagram svg",
    "inspect {}/f.json --diagram ascii",
    "inspect {}/f.json --diagram dot",
    "inspect {}/f.json --diagram mermaid",
    "map {}/f.json",
    "map {}/f.json --format json",
    "map {}/f.json --format md",
    "map {}/f.json --format csv",
    "map {}/f.json --format html",
    "scan {}/f.json",
    "assess {}/f.json --out {}/out --jobs 1",
    f"validate {{}}/f.json {SPEC}",
    f"validate {{}}/f.json {SPEC} --format html",
)
SPECS = (
    "inspect {}/f.yaml",
    "inspect {}/f.yaml --format json",
    "inspect {}/f.yaml --diagram svg",
    "inspect {}/f.yaml --diagram ascii",
    "lint {}/f.yaml",
    "lint {}/f.yaml --format json",
    "lint {}/f.yaml --format sarif",
    "scan {}/f.yaml",
    f"validate {DEFINITION} {{}}/f.yaml",
    f"validate {DEFINITION} {{}}/f.yaml --format json",
    f"validate {DEFINITION} {{}}/f.yaml --format html",
    f"validate {DEFINITION} {{}}/f.yaml --format junit",
)
BUNDLES = ("map {} --format json", "inspect {}", "map {} --pipeline A", "assess {} --out {}/out --jobs 1")
_PROJECT = REPOSITORY / "examples/lab-05-accuracy-gate/project"

TARGETS = {
    "definitions": Target(
        "f.json",
        DEFINITIONS,
        (
            "tests/fixtures/*/definition.json",
            "tests/differential/found/*.json",
            "tests/compare/fixtures/*.json",
            "tests/vertex/fixtures/*/*.json",
            "examples/*/definition.json",
        ),
    ),
    "definitions-yaml": Target(
        "f.yaml",
        ("inspect {}/f.yaml", "map {}/f.yaml", "scan {}/f.yaml", "map {}/f.yaml --format json"),
        ("tests/simulate/definitions/*.yaml",),
        yaml=True,
    ),
    "expressions": Target("f.json", DEFINITIONS, wrap=with_expression),
    "json-paths": Target("f.json", DEFINITIONS, wrap=with_json_path),
    "conditions": Target("f.yaml", SPECS, wrap=with_condition),
    "specs": Target(
        "f.yaml",
        SPECS,
        ("tests/kubeflow/specs/*.yaml", "tests/lint/specs/*.yaml", "tests/simulate/specs/*.yaml"),
        yaml=True,
    ),
    "configs": Target(
        "config.yaml",
        ("mappings check {}/config.yaml", f"map {BATCH} --config {{}}/config.yaml --format json"),
        ("examples/*/config.yaml",),
        yaml=True,
    ),
    "mapping-tables": Target(
        "table.yaml", ("mappings check {}/table.yaml",), ("mappings/steps/*.yaml", "mappings/*.yaml"), yaml=True
    ),
    "match-files": Target(
        "match.yaml", (f"validate {DEFINITION} {SPEC} --match-file {{}}/match.yaml --scenarios 4",), yaml=True
    ),
    "manifests": Target("manifest.json", BUNDLES, beside={"definitions/A.json": DEFINITION, "code/x.py": BATCH}),
    "triggers": Target(
        "triggers.yaml",
        BUNDLES,
        ("tests/account/triggers.yaml", "examples/*/bundle/triggers.yaml"),
        beside={"definitions/A.json": DEFINITION, "manifest.json": REPOSITORY / "fuzz/corpus/manifests/one.json"},
        yaml=True,
    ),
    "effort-tables": Target(
        "effort.yaml", (f"assess {DEFINITION} --out {{}}/out --effort {{}}/effort.yaml --jobs 1",), yaml=True
    ),
    "locks": Target(
        "smx2vertex.lock",
        (
            "run {} -p TrainingInstanceType=ml.m5.large -p Input=s3://bucket/x -p NoSuchParameter=1",
            f"validate {DEFINITION} {{}} --scenarios 4",
            "lint {}",
        ),
        ("examples/*/project/smx2vertex.lock",),
        beside={
            "compiled/vertex.yaml": _PROJECT / "compiled/vertex.yaml",
            "compiled/kubeflow.yaml": _PROJECT / "compiled/kubeflow.yaml",
        },
    ),
}
