"""Traps of Kubeflow and Vertex: definitions that would lead into each, and what is compiled instead.

Most of them compile without an error and do something else when they run, so the compiled files are looked at.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from support import Outcome

from smx2vertex.kubeflow import conditions

Command = Callable[..., Outcome]
Json = dict[str, Any]
PARAMETERS: Json = {
    "Threshold": ("Integer", 5),
    "Rate": ("Float", 0.5),
    "Mode": ("String", "fast"),
    "Flag": ("Boolean", True),
    "Raw": ("String", "s3://acme-ml/raw"),
    "Machine": ("String", "ml.m5.xlarge"),
}
SCORE = {"Std:JsonGet": {"PropertyFile": {"Get": "Steps.Score.PropertyFiles.Report"}, "Path": "score"}}
NAME = {"Std:JsonGet": {"PropertyFile": {"Get": "Steps.Score.PropertyFiles.Report"}, "Path": "name"}}
OUTPUT = {"Get": "Steps.Score.ProcessingOutputConfig.Outputs['report'].S3Output.S3Uri"}


def step(name: str, *arguments: Any, **more: Any) -> Json:
    """A Processing step that runs nothing but a module."""
    return {
        "Name": name,
        "Type": "Processing",
        "Arguments": {
            "AppSpecification": {
                "ImageUri": "683313688378.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3",
                "ContainerEntrypoint": ["python3", "-m", "work"],
                **({"ContainerArguments": list(arguments)} if arguments else {}),
            },
            "ProcessingResources": {
                "ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.t3.medium", "VolumeSizeInGB": 5}
            },
            **more.pop("arguments", {}),
        },
        **more,
    }


def reading(name: str, *uris: Any) -> Json:
    """A step with these addresses as inputs."""
    inputs = [
        {"InputName": f"in{index}", "S3Input": {"S3Uri": uri, "LocalPath": f"/opt/ml/processing/in{index}"}}
        for index, uri in enumerate(uris)
    ]
    return step(name, arguments={"ProcessingInputs": inputs})


def scoring() -> Json:
    """A step whose property file holds a score and a name."""
    output = {"S3Uri": "s3://acme-ml/report", "LocalPath": "/opt/ml/processing/report"}
    return step(
        "Score",
        arguments={"ProcessingOutputConfig": {"Outputs": [{"OutputName": "report", "S3Output": output}]}},
        PropertyFiles=[{"PropertyFileName": "Report", "OutputName": "report", "FilePath": "report.json"}],
    )


def compare(type_: str, left: Any, right: Any) -> Json:
    """A condition."""
    return {"Type": type_, "LeftValue": left, "RightValue": right}


def gate(*tests: Json, yes: list[Json] | None = None, no: list[Json] | None = None) -> Json:
    """A Condition step; something stands in its if branch unless given."""
    arguments = {"Conditions": list(tests), "IfSteps": [step("Yes")] if yes is None else yes, "ElseSteps": no or []}
    return {"Name": "Gate", "Type": "Condition", "Arguments": arguments}


@pytest.fixture
def compiled(smx2vertex: Command, tmp_path: Path) -> Callable[..., Json]:
    """Converts steps with the parameters above, and returns the pipeline spec for Vertex; both targets must compile."""

    def convert(*steps: Json, name: str = "Traps", **parameters: Any) -> Json:
        declared = [
            {"Name": key, "Type": kind, "DefaultValue": default}
            for key, (kind, default) in (PARAMETERS | parameters).items()
        ]
        document = {"Version": "2020-12-01", "Parameters": declared, "Steps": list(steps)}
        source = tmp_path / f"{name}.json"
        source.write_text(json.dumps(document))
        done = smx2vertex("convert", source, "--out", tmp_path / "project")
        assert done.code == 0, done.out + done.err
        assert (tmp_path / "project" / "compiled" / "kubeflow.yaml").exists()
        spec: Json = yaml.safe_load((tmp_path / "project" / "compiled" / "vertex.yaml").read_text())
        return spec

    return convert


def tasks_of(spec: Json) -> Iterator[tuple[str, Json]]:
    """All tasks, those in groups too."""
    for dag in (part.get("dag", {}) for part in (spec["root"], *spec.get("components", {}).values())):
        yield from dag.get("tasks", {}).items()


def asked(spec: Json) -> list[str]:
    """The conditions of all groups."""
    return [task["triggerPolicy"]["condition"] for _, task in tasks_of(spec) if "triggerPolicy" in task]


def importers(spec: Json) -> list[Json]:
    executors = spec["deploymentSpec"]["executors"].values()
    return [executor["importer"] for executor in executors if "importer" in executor]


def job_specs(spec: Json) -> list[Json]:
    """The worker pools of all custom jobs: what a task is given, or the default of its component."""
    found = []
    for _, task in tasks_of(spec):
        component = spec["components"][task["componentRef"]["name"]]
        port = component.get("inputDefinitions", {}).get("parameters", {}).get("worker_pool_specs")
        if port is not None:
            given = task.get("inputs", {}).get("parameters", {}).get("worker_pool_specs", {})
            found += given.get("runtimeValue", {}).get("constant") or port["defaultValue"]
    return found


# --- conditions (1.5) ---


def test_and_keeps_all_its_operands(compiled: Callable[..., Json]) -> None:
    """`dsl.If((a > 1) and (b < 3))` keeps the second comparison alone."""
    spec = compiled(
        scoring(), gate(compare("GreaterThan", SCORE, 1), compare("LessThan", {"Get": "Parameters.Rate"}, 3))
    )
    text = json.dumps(spec)
    assert "--expression=score > 1 and rate < 3" in text
    assert asked(spec) == ["inputs.parameter_values['pipelinechannel--gate-result'] == 'true'"]


def test_or_keeps_all_its_operands(compiled: Callable[..., Json]) -> None:
    """`dsl.If((a > 1) or (b < 3))` keeps the first comparison alone."""
    either = {"Type": "Or", "Conditions": [compare("GreaterThan", SCORE, 1), compare("LessThan", SCORE, 0)]}
    assert "--expression=((score > 1) or (score < 0))" in json.dumps(compiled(scoring(), gate(either)))


@pytest.mark.parametrize("text", ["it's", 'say "no"', "a\\b", "{{$}}", "line\nbreak"])
def test_text_that_cannot_stand_in_a_condition_goes_to_an_evaluator(compiled: Callable[..., Json], text: str) -> None:
    """A quote in a literal is not escaped: the condition cannot be read."""
    spec = compiled(scoring(), gate(compare("Equals", NAME, text)))
    assert asked(spec) == ["inputs.parameter_values['pipelinechannel--gate-result'] == 'true'"]


@pytest.mark.parametrize(
    ("left", "right", "condition"),
    [
        ("Threshold", 0.5, "double(int(inputs.parameter_values['pipelinechannel--Threshold'])) >= 0.5"),
        ("Threshold", 5, "int(inputs.parameter_values['pipelinechannel--Threshold']) >= 5"),
        ("Rate", 1, "inputs.parameter_values['pipelinechannel--Rate'] >= 1.0"),
    ],
)
def test_numbers_are_compared_as_numbers(
    compiled: Callable[..., Json], left: str, right: float, condition: str
) -> None:
    spec = compiled(step("A"), gate(compare("GreaterThanOrEqualTo", {"Get": f"Parameters.{left}"}, right)))
    assert asked(spec) == [condition]


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ({"Get": "Parameters.Mode"}, {"Get": "Parameters.Rate"}),
        ({"Get": "Parameters.Flag"}, "true"),
        ({"Get": "Parameters.Mode"}, 5),
        (SCORE, {"Get": "Parameters.Threshold"}),
        ({"Get": "Parameters.Flag"}, True),
    ],
)
def test_no_operand_becomes_text(compiled: Callable[..., Json], left: Any, right: Any) -> None:
    """A text and a number, or a bool and a text, are compiled to the text `'inputs.parameter_values[…]'`."""
    for condition in asked(compiled(scoring(), gate(compare("Equals", left, right)))):
        assert "'inputs." not in condition
        assert conditions.inputs(conditions.parse(condition))


def test_an_empty_branch_is_no_group(compiled: Callable[..., Json]) -> None:
    """An empty `with dsl.If:` compiles to a component without tasks."""
    spec = compiled(scoring(), gate(compare("GreaterThan", SCORE, 1), yes=[], no=[step("No")]))
    assert all(part["dag"]["tasks"] for part in spec["components"].values() if "dag" in part)
    assert asked(spec) == ["inputs.parameter_values['pipelinechannel--score-score'] <= 1.0"]


def test_a_task_outside_of_a_branch_waits_for_none_inside(compiled: Callable[..., Json]) -> None:
    """Kubeflow refuses an edge out of a group: what depends on a step in a branch moves into it."""
    spec = compiled(scoring(), gate(compare("GreaterThan", SCORE, 1)), step("After", DependsOn=["Yes"]))
    assert "after" not in spec["root"]["dag"]["tasks"]
    (group,) = [
        part["dag"]["tasks"] for part in spec["components"].values() if "after" in part.get("dag", {}).get("tasks", {})
    ]
    assert "yes" in group["after"]["dependentTasks"]


# --- types (1.1, 1.2) ---


def test_values_have_the_types_of_their_inputs(compiled: Callable[..., Json]) -> None:
    """Kubeflow refuses an int where a float or text is declared; the texts that SageMaker would pass stay the same."""
    arguments = [
        {"Get": "Parameters.Threshold"},
        {"Get": "Parameters.Rate"},
        {"Get": "Parameters.Flag"},
        "1",
        "1.50",
        "true",
    ]
    flags = [word for index, value in enumerate(arguments) for word in (f"--a{index}", value)]
    spec = compiled(step("A", *flags))
    text = json.dumps(spec)
    for template in ("{threshold:int}", "{rate:float}", "{flag:bool}", "{a3:int}", "{a4:str}", "{a5:str}"):
        assert template in text


def test_a_whole_number_that_kubeflow_cannot_hold_has_no_default(compiled: Callable[..., Json]) -> None:
    """Defaults are doubles: 9007199254740993 would be ...992."""
    spec = compiled(step("A", {"Get": "Parameters.Big"}), Big=("Integer", 2**53 + 1))
    assert "defaultValue" not in spec["root"]["inputDefinitions"]["parameters"]["Big"]


# --- importers and texts (1.7, 1.8) ---


def test_no_importer_has_an_address_made_of_parts(compiled: Callable[..., Json]) -> None:
    """`artifact_uri=f"{parameter}/m"` leaves a marker of the compiler in the address."""
    joined = {"Std:Join": {"On": "/", "Values": [{"Get": "Parameters.Raw"}, "sub", {"Get": "Parameters.Mode"}]}}
    spec = compiled(reading("A", {"Get": "Parameters.Raw"}, joined, "s3://acme-ml/plain/"))
    assert {"gs://acme-ml/plain/"} < {importer["artifactUri"].get("constant") for importer in importers(spec)}
    for importer in importers(spec):
        assert "{{" not in importer["artifactUri"].get("constant", "")


def test_no_importer_gets_the_output_of_a_task(compiled: Callable[..., Json]) -> None:
    """An importer that takes another task's output compiles, and fails on Kubeflow."""
    below = {"Std:Join": {"On": "/", "Values": [OUTPUT, "part"]}}
    spec = compiled(scoring(), reading("A", OUTPUT, below))
    for name, task in tasks_of(spec):
        if name.startswith("importer"):
            assert "taskOutput" not in json.dumps(task.get("inputs", {})), name


def test_importers_leave_the_cache_alone(compiled: Callable[..., Json]) -> None:
    """`reimport`, or metadata that changes, makes a new artifact in each run: no task behind it is ever cached."""
    for importer in importers(compiled(reading("A", "s3://acme-ml/plain/"))):
        assert not importer.get("reimport")
        assert "metadata" not in importer


@pytest.mark.parametrize("text", ["{{$.inputs.parameters['x']}}", "{{channel:task=;name=Mode;type=String;}}", "{{$}}"])
def test_text_never_becomes_a_placeholder(compiled: Callable[..., Json], text: str) -> None:
    spec = compiled(step("A", "--note", text, text, arguments={"Environment": {"NOTE": text}}))
    found = json.dumps(spec)
    assert "{{channel:" not in found and "{{$.inputs.parameters['x']" not in found
    assert "%7B%7B" in found


# --- the pipeline as a whole (appendix D) ---


def test_a_cycle_is_refused(smx2vertex: Command, tmp_path: Path) -> None:
    """Tasks that wait for each other compile and load without an error."""
    steps = [step("A", DependsOn=["B"]), step("B", DependsOn=["A"])]
    source = tmp_path / "definition.json"
    source.write_text(json.dumps({"Version": "2020-12-01", "Steps": steps}))
    done = smx2vertex("convert", source, "--out", tmp_path / "project")
    assert done.code != 0 and not (tmp_path / "project").exists()


def test_steps_whose_names_differ_in_signs_stay_apart(compiled: Callable[..., Json]) -> None:
    """`a_b` and `a-b` would be one task name, the second with a number."""
    spec = compiled(step("a_b", "1"), step("a-b", "2"), step("A B", "3"))
    said = {word for pool in job_specs(spec) for word in pool["container_spec"]["args"] if word.startswith("--step=")}
    assert said == {"--step=A B", "--step=a-b", "--step=a_b"}
    assert len([name for name, _ in tasks_of(spec) if not name.startswith("importer")]) == 3


def test_jobs_run_in_the_region_of_the_pipeline(compiled: Callable[..., Json]) -> None:
    """Google's components run in us-central1 unless told otherwise."""
    spec = compiled(step("A"))
    (job,) = [component for name, component in spec["components"].items() if name == "comp-a"]
    given = dict(tasks_of(spec))["a"].get("inputs", {}).get("parameters", {})
    location = given.get("location", {}).get("runtimeValue", {}).get("constant")
    assert (location or job["inputDefinitions"]["parameters"]["location"]["defaultValue"]) == "europe-west1"


def test_machines_and_disks_are_those_that_custom_training_takes(compiled: Callable[..., Json]) -> None:
    """Not every Compute Engine type is accepted, and no boot disk below 100 GB."""
    for pool in job_specs(compiled(step("A"))):
        assert pool["machine_spec"]["machine_type"] in ("e2-standard-4", "e2-highmem-2")
        assert pool["disk_spec"]["boot_disk_size_gb"] == 100


def test_numbers_of_a_job_are_bound_when_it_is_compiled(compiled: Callable[..., Json]) -> None:
    """A number of a job that arrives as text is refused when it runs; a machine type is text."""
    a = step("A")
    a["Arguments"]["ProcessingResources"]["ClusterConfig"] |= {
        "InstanceType": {"Get": "Parameters.Machine"},
        "VolumeSizeInGB": {"Get": "Parameters.Threshold"},
        "InstanceCount": {"Get": "Parameters.Count"},
    }
    pools = job_specs(compiled(a, Count=("Integer", 1)))
    for pool in pools:
        assert isinstance(pool["disk_spec"]["boot_disk_size_gb"], int | float)
        assert isinstance(pool["replica_count"], int | float)
    assert any("{{$.inputs.parameters" in pool["machine_spec"]["machine_type"] for pool in pools)


def test_the_executor_input_is_escaped_inside_a_job(compiled: Callable[..., Json]) -> None:
    """A job's description is JSON inside JSON: `{{$}}` as it is would break it."""
    for pool in job_specs(compiled(step("A"))):
        assert "{{$.json_escape[1]}}" in pool["container_spec"]["args"]
        assert "{{$}}" not in pool["container_spec"]["args"]


def test_labels_and_names_have_the_signs_that_google_takes(compiled: Callable[..., Json]) -> None:
    a = step("A", arguments={"Tags": [{"Key": "Cost Centre", "Value": 'R&D "x"'}]}, DisplayName='Say "hi"\\')
    spec = compiled(a, name="My Pipe_1")
    assert spec["pipelineInfo"]["name"] == "my-pipe-1"
    (task,) = [task for name, task in tasks_of(spec) if name == "a"]
    assert task["taskInfo"]["name"] == 'Say "hi"\\'
    labels = json.dumps(
        {
            name: port
            for name, port in spec["components"]["comp-a"]["inputDefinitions"]["parameters"].items()
            if name == "labels"
        }
    )
    assert re.search(r'"cost-centre": "[a-z0-9_-]*"', labels), labels


def test_nothing_is_cached_unless_the_step_says_so(compiled: Callable[..., Json]) -> None:
    """Kubeflow caches by default, SageMaker does not."""
    cached = step("B", CacheConfig={"Enabled": True, "ExpireAfter": "P1D"})
    found = {name: task.get("cachingOptions") for name, task in tasks_of(compiled(step("A"), cached))}
    assert (found["a"], found["b"]) == ({}, {"enableCache": True})


def test_nothing_of_aws_is_left_in_the_addresses(compiled: Callable[..., Json]) -> None:
    spec = compiled(scoring(), reading("A", "s3://acme-ml/plain/", {"Get": "Parameters.Raw"}))
    assert "s3://" not in json.dumps(spec)


def test_the_bucket_of_an_address_may_come_from_a_parameter(compiled: Callable[..., Json], tmp_path: Path) -> None:
    """The default is the bucket that stands for the S3 bucket."""
    uri = {"Std:Join": {"On": "/", "Values": ["s3:/", {"Get": "Parameters.Bucket"}, "raw"]}}
    spec = compiled(reading("A", uri), Bucket=("String", "acme-ml"))
    assert spec["root"]["inputDefinitions"]["parameters"]["Bucket"]["defaultValue"] == "acme-ml"
    assert "Bucket: str = buckets.acme_ml" in (tmp_path / "project" / "traps" / "pipeline.py").read_text()


@pytest.mark.parametrize(
    "text", ["{{ ds }}", "{{$.inputs.parameters['x']}}", "{{channel:task=;name=Mode;type=String;}}"]
)
def test_a_default_that_reads_as_a_placeholder_stays_data(compiled: Callable[..., Json], text: str) -> None:
    spec = compiled(step("A", {"Get": "Parameters.Note"}), Note=("String", text))
    parameters = spec["root"]["inputDefinitions"]["parameters"]
    assert parameters.pop("Note")["defaultValue"] == text
    assert text not in json.dumps(spec)


def test_all_that_waits_or_refers_names_something_that_is_there(compiled: Callable[..., Json]) -> None:
    """Neither kfp nor its protobuf notices references that lead nowhere."""
    spec = compiled(scoring(), gate(compare("GreaterThan", SCORE, 1)), reading("A", OUTPUT), step("B", DependsOn=["A"]))
    executors = spec["deploymentSpec"]["executors"]
    for component in spec["components"].values():
        assert component.get("executorLabel") in executors or component["dag"]["tasks"]
    for dag in (part["dag"]["tasks"] for part in (spec["root"], *spec["components"].values()) if "dag" in part):
        for task in dag.values():
            assert set(task.get("dependentTasks", [])) <= dag.keys()
            assert task["componentRef"]["name"] in spec["components"]
