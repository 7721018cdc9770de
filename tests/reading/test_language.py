"""The whole language: loops, triggers, templates, YAML; typed views of every step type; writing gives what was read."""

from __future__ import annotations

import gc
import json
import resource
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smx2vertex.findings import InputError
from smx2vertex.sagemaker import steps
from smx2vertex.sagemaker.definition import Definition, Step
from smx2vertex.sagemaker.expressions import JsonGet, LoopReference, parse
from smx2vertex.sagemaker.reader import load, loads, read
from smx2vertex.sagemaker.wording import conditions_text, expression_text
from smx2vertex.sagemaker.writer import write


def definition(*entries: dict[str, Any], **more: Any) -> Definition:
    return read({"Version": "2020-12-01", "Steps": list(entries)} | more)


def step(type_: str, arguments: dict[str, Any], **fields: Any) -> Step:
    return definition({"Name": "S", "Type": type_, "Arguments": arguments} | fields).steps[0]


def codes(found: Definition) -> list[tuple[str, str]]:
    return [(finding.code, finding.pointer) for finding in found.findings]


# --- expressions, dependencies, loops ---

LOOP_REFERENCES = [
    ("ForEach.CurrentItem", None, ()),
    ("ForEach.CurrentItem.name", None, ("name",)),
    ("IterationOutput.Body.OutputParameters['score']", "Body", ("OutputParameters", "['score']")),
    ("ChildOutput.Body.OutputParameters['score']", "Body", ("OutputParameters", "['score']")),
]


@pytest.mark.parametrize(("text", "step_name", "path"), LOOP_REFERENCES)
def test_references_inside_a_loop(text: str, step_name: str | None, path: tuple[str, ...]) -> None:
    assert parse({"Get": text}) == LoopReference({"Get": text}, step_name, path)


@pytest.mark.parametrize("text", ["ForEach.CurrentItems", "ForEach.Other", "IterationOutput", "ForEach"])
def test_what_only_looks_like_one_is_unknown(text: str) -> None:
    assert type(parse({"Get": text})).__name__ == "Unknown"


def test_the_name_of_a_property_file_may_hold_dots() -> None:
    value = {"Std:JsonGet": {"PropertyFile": {"Get": "Steps.A.PropertyFiles.my.report"}, "Path": "m"}}
    assert parse(value) == JsonGet("A", "my.report", None, "m")


def test_dependencies_keep_their_triggers() -> None:
    entry = {"Name": "B", "Type": "Fail", "DependsOn": ["A", {"Step": "A", "Trigger": "Failed"}, 5]}
    found = definition({"Name": "A", "Type": "Fail"}, entry).steps[1]
    assert [(each.step, each.trigger, each.pointer) for each in found.dependencies] == [
        ("A", "Completed", "/Steps/1/DependsOn/0"),
        ("A", "Failed", "/Steps/1/DependsOn/1"),
    ]
    assert found.depends_on == ("A", "A")


def loop(*body: dict[str, Any]) -> dict[str, Any]:
    arguments = {
        "IterableItems": {"Get": "Parameters.Items"},
        "MaxConcurrency": 2,
        "Selector": {"Pick": "MaxBy", "Field": {"Get": "IterationOutput.Each.OutputParameters['x']"}},
        "ForEachBody": list(body),
    }
    return {"Name": "Loop", "Type": "ForEach", "Arguments": arguments}


def test_the_body_of_a_loop_belongs_to_it() -> None:
    body = {"Name": "Each", "Type": "Lambda", "Arguments": {"a": {"Get": "Steps.Before.ModelName"}}}
    found = definition(
        loop(body), {"Name": "Before", "Type": "Model"}, Parameters=[{"Name": "Items", "Type": "String"}]
    )
    assert codes(found) == []
    assert [each.name for each in found.steps[0].body] == ["Each"]
    assert [each.name for each in found.all_steps()] == ["Loop", "Before"]
    assert [each.name for each in found.all_steps(bodies=True)] == ["Loop", "Each", "Before"]
    view = steps.for_each(found.steps[0])
    assert (view.items, view.pick) == (
        steps.Field(parse({"Get": "Parameters.Items"}), "/Steps/0/Arguments/IterableItems"),
        "MaxBy",
    )
    assert view.field is not None
    assert isinstance(view.field.value, LoopReference)


def test_names_in_bodies_are_checked_like_all_others() -> None:
    body = {"Name": "Before", "Type": "Lambda", "Arguments": {"a": {"Get": "Steps.Nowhere.x"}}}
    found = definition(
        loop(body), {"Name": "Before", "Type": "Model"}, Parameters=[{"Name": "Items", "Type": "String"}]
    )
    assert {code for code, _ in codes(found)} == {"SMX122", "SMX123"}


# --- what people write by hand ---


def test_placeholders_of_templates_are_noted_once_each_and_the_shell_keeps_its_own() -> None:
    arguments = {
        "RoleArn": "${role_arn}",
        "AppSpecification": {"ImageUri": "${account}/x", "ContainerArguments": ["echo ${HOME}"]},
        "Environment": {"a": "${role_arn}", "b": "costs $5", "c": "${}"},
    }
    found = definition({"Name": "A", "Type": "Processing", "Arguments": arguments})
    assert codes(found) == [
        ("SMX127", "/Steps/0/Arguments/RoleArn"),
        ("SMX127", "/Steps/0/Arguments/AppSpecification/ImageUri"),
    ]


def test_a_placeholder_that_breaks_the_json_is_named() -> None:
    with pytest.raises(InputError, match="a placeholder of a template stands here"):
        loads('{"Version": "2020-12-01", "Steps": [{"Name": "A", "Count": ${count}}]}')


def test_property_files_inside_the_arguments_are_read_and_noted() -> None:
    files = [{"PropertyFileName": "R", "OutputName": "o", "FilePath": "r.json"}]
    found = definition({"Name": "A", "Type": "Processing", "Arguments": {"PropertyFiles": files}})
    assert [file.name for file in found.steps[0].property_files] == ["R"]
    assert codes(found) == [("SMX128", "/Steps/0/Arguments/PropertyFiles")]


@pytest.mark.parametrize("kind", [None, 5, {"a": 1}, ["Step.THROTTLING", 3], "Step.THROTTLING"])
def test_exceptions_of_a_retry_may_be_anything(kind: Any) -> None:
    (retry,) = step("Training", {}, RetryPolicies=[{"ExceptionType": kind, "ExpireAfterMin": 30}]).retries
    assert set(retry.exceptions) <= {"Step.THROTTLING"}
    assert retry.expire_after == 30


# --- YAML ---

YAML = """
Version: 2020-12-01
Parameters:
  - {Name: Bucket, Type: String, DefaultValue: 012345}
Steps:
  - Name: A
    Type: Processing
    Arguments:
      RoleArn: &role arn:aws:iam::111122223333:role/x
      Environment: {on: yes, count: 3, ratio: 0.5, small: 1e-3, off: true, 5: ~}
      Uri: {Std:Join: {On: "/", Values: ["s3:/", {Get: Parameters.Bucket}]}}
  - {Name: B, Type: Model, Arguments: {ExecutionRoleArn: *role}}
"""


def test_a_definition_in_yaml_means_what_json_would(tmp_path: Path) -> None:
    file = tmp_path / "pipeline.yaml"
    file.write_text(YAML, encoding="utf-8")
    found = load(file)
    assert codes(found) == []
    environment = {"on": "yes", "count": 3, "ratio": 0.5, "small": 1e-3, "off": True, "5": None}
    assert found.raw["Version"] == "2020-12-01"
    assert found.raw["Parameters"][0]["DefaultValue"] == "012345"
    assert found.steps[0].arguments["Environment"] == environment
    assert found.steps[0].arguments["Uri"]["Std:Join"]["On"] == "/"
    assert found.steps[1].arguments["ExecutionRoleArn"] == "arn:aws:iam::111122223333:role/x"
    assert json.loads(write(found)) == found.raw


def bomb(levels: int) -> str:
    lines = ["a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, levels)]
    return "\n".join([*lines, "Version: 2020-12-01", "Steps: []"])


YAML_FAULTS = [
    ("Steps: [", "SMX102"),
    ("Steps: !Sub x", "SMX102"),
    ("Steps: !!python/object/apply:os.system [ls]", "SMX102"),
    ("Steps: !!timestamp 2020-12-01", "SMX102"),
    ("Steps: []\n<<: {a: 1}", "SMX102"),
    ("? [a]\n: 1", "SMX102"),
    ("a: 1\n---\nb: 2", "SMX102"),
    ("Steps: []\nx: 1e999", "SMX102"),
    ("Steps: []\nx: &x [*x]", "SMX104"),
    ("a: " + "[" * 500, "SMX104"),
    (bomb(9), "SMX103"),
    ("Steps: 5", "SMX105"),
    ("", "SMX105"),
]


@pytest.mark.parametrize(("text", "code"), YAML_FAULTS)
def test_what_yaml_cannot_mean_is_refused(text: str, code: str) -> None:
    with pytest.raises(InputError) as caught:
        loads(text, file="pipeline.yml")
    assert caught.value.finding.code == code


def test_keys_that_stand_twice_in_yaml_are_noted() -> None:
    found = loads("Version: 2020-12-01\nSteps: []\nSteps: []", file="a.yaml")
    assert codes(found) == [("SMX107", "")]


def test_a_number_that_no_json_can_hold_is_refused() -> None:
    with pytest.raises(InputError, match="too large"):
        loads('{"Steps": [], "x": 1e999}')


# --- typed views ---


def text(field: steps.Field | None) -> str | None:
    return None if field is None else expression_text(field.value)


def test_tuning_with_one_job_or_several() -> None:
    ranges = {
        "IntegerParameterRanges": [{"Name": "depth", "MinValue": "1", "MaxValue": "9", "ScalingType": "Auto"}],
        "CategoricalParameterRanges": [{"Name": "loss", "Values": ["a", {"Get": "Parameters.b"}]}],
    }
    job = {
        "AlgorithmSpecification": {"TrainingImage": "i", "MetricDefinitions": [{"Name": "m", "Regex": "m=(.*)"}]},
        "InputDataConfig": [{"ChannelName": "train", "DataSource": {"S3DataSource": {"S3Uri": "s3://b/k"}}}],
        "StaticHyperParameters": {"x": "1"},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
    }
    config = {
        "Strategy": "Bayesian",
        "ResourceLimits": {"MaxNumberOfTrainingJobs": 8, "MaxParallelTrainingJobs": 2},
        "HyperParameterTuningJobObjective": {"MetricName": "m", "Type": "Maximize"},
        "ParameterRanges": ranges,
    }
    single = steps.tuning(step("Tuning", {"HyperParameterTuningJobConfig": config, "TrainingJobDefinition": job}))
    assert (single.strategy, text(single.max_jobs), text(single.max_parallel_jobs)) == ("Bayesian", "8", "2")
    (found,) = single.jobs
    assert (text(found.objective[0]), found.objective[1]) == ("m", "Maximize")
    assert [(r.name, r.kind, text(r.low), [text(v) for v in r.values]) for r in found.ranges] == [
        ("depth", "integer", "1", []),
        ("loss", "categorical", None, ["a", "{b}"]),
    ]
    own = {
        "DefinitionName": "first",
        "TuningObjective": {"MetricName": "n", "Type": "Minimize"},
        "HyperParameterRanges": {"ContinuousParameterRanges": [{"Name": "eta", "MinValue": "0", "MaxValue": "1"}]},
        "HyperParameterTuningResourceConfig": {"InstanceType": "ml.p3.2xlarge", "InstanceCount": 2},
    }
    several = steps.tuning(step("Tuning", {"HyperParameterTuningJobConfig": {}, "TrainingJobDefinitions": [own, 5]}))
    (found,) = several.jobs
    assert (found.name, found.objective[1], found.ranges[0].kind) == ("first", "Minimize", "continuous")
    assert text(found.resources.instance_type) == "ml.p3.2xlarge"


def test_automl_of_both_versions() -> None:
    channel = {
        "ChannelType": "training",
        "TargetAttributeName": "y",
        "DataSource": {"S3DataSource": {"S3Uri": "s3://b"}},
    }
    first = steps.automl(step("AutoML", {"InputDataConfig": [channel], "ProblemType": "Regression"}))
    assert (first.version, first.problem_type, text(first.target)) == (1, "Regression", "y")
    problem = {"TabularJobConfig": {"TargetAttributeName": "z", "CompletionCriteria": {"MaxCandidates": 3}}}
    arguments = {"AutoMLJobInputDataConfig": [channel], "AutoMLProblemTypeConfig": problem}
    second = steps.automl(step("AutoML", arguments))
    assert (second.version, second.problem_type, text(second.target)) == (2, "TabularJobConfig", "z")
    assert [(name, text(uri)) for name, uri in second.channels] == [("training", "s3://b")]


def test_calls_of_what_is_not_sagemakers() -> None:
    outputs = [{"OutputName": "o", "OutputType": "Integer"}, {"OutputType": "String"}]
    function = steps.lambda_(step("Lambda", {"x": 1}, FunctionArn="arn:f", OutputParameters=outputs))
    assert (text(function.function), text(function.inputs["x"])) == ("arn:f", "1")
    assert [(each.name, each.type) for each in function.outputs] == [("o", "Integer")]
    queue = steps.callback(step("Callback", {}, SqsQueueUrl={"Get": "Parameters.q"}, OutputParameters=outputs))
    assert (text(queue.queue), len(queue.outputs)) == ("{q}", 1)
    jar = {"HadoopJarStep": {"Jar": "j", "Args": ["a", "b"], "Properties": [{"Key": "k", "Value": "v"}]}}
    emr = steps.emr(step("EMR", {"ClusterConfig": {"ReleaseLabel": "emr-6"}, "StepConfig": jar}))
    assert (emr.cluster_id, emr.cluster, text(emr.jar)) == (None, {"ReleaseLabel": "emr-6"}, "j")
    assert ([text(word) for word in emr.arguments], text(emr.properties["k"])) == (["a", "b"], "v")
    driver = {"jobDriver": {"sparkSubmit": {"entryPoint": "s3://b/j.py", "entryPointArguments": ["--x"]}}}
    serverless = steps.emr_serverless(step("EMRServerless", {"ExecutionRoleArn": "r", "JobConfig": driver}))
    assert (text(serverless.role), text(serverless.entry_point)) == ("r", "s3://b/j.py")
    assert text(steps.job(step("Job", {"JobConfigDocument": {"a": 1}})).document) == '{"a": 1}'


def test_checks_keep_what_stands_beside_their_arguments() -> None:
    found = steps.check(
        step(
            "QualityCheck",
            {"AppSpecification": {"ImageUri": "i"}},
            CheckType="DATA_QUALITY",
            SkipCheck=False,
            ModelPackageGroupName=None,
            SuppliedBaselineStatistics={"Get": "Parameters.s"},
        )
    )
    assert (found.kind, text(found.job.image), text(found.skip), found.group) == ("DATA_QUALITY", "i", "false", None)
    assert text(found.statistics) == "{s}"


def test_what_serves_and_what_records() -> None:
    variant = {"VariantName": "v", "ModelName": {"Get": "Steps.M.ModelName"}, "InitialInstanceCount": 1}
    config = steps.endpoint_config(step("EndpointConfig", {"ProductionVariants": [variant]}))
    assert text(config.variants[0].model_name) == "{M.ModelName}"
    assert text(steps.endpoint(step("Endpoint", {"EndpointConfigName": "c"})).config_name) == "c"
    needs = {"ComputeResourceRequirements": {"MinMemoryRequiredInMb": 1024}, "ModelName": "m"}
    component = steps.inference_component(step("InferenceComponent", {"Specification": needs}))
    assert (text(component.memory_mb), text(component.model_name), component.container) == ("1024", "m", None)
    lineage = {
        "Artifacts": [{"ArtifactName": "a"}],
        "Associations": [{"Source": {"Name": "a"}, "Destination": {"Arn": "b"}}],
    }
    recorded = steps.lineage(step("Lineage", lineage))
    assert ([text(name) for name in recorded.artifacts], text(recorded.associations[0].destination)) == (["a"], "b")
    resources = {"Resources": {"S3": [{"StepName": "P", "S3Uris": ["s3://a", "s3://b"]}]}}
    cleanup = steps.cleanup(step("Cleanup", resources))
    assert [(name, text(uri)) for name, uri in cleanup.addresses] == [("P", "s3://a"), ("P", "s3://b")]


VIEWS = {
    "Processing": steps.processing,
    "Training": steps.training,
    "Transform": steps.transform,
    "Tuning": steps.tuning,
    "AutoML": steps.automl,
    "Model": steps.model,
    "RegisterModel": steps.model,
    "EndpointConfig": steps.endpoint_config,
    "Endpoint": steps.endpoint,
    "InferenceComponent": steps.inference_component,
    "Lambda": steps.lambda_,
    "Callback": steps.callback,
    "EMR": steps.emr,
    "EMRServerless": steps.emr_serverless,
    "QualityCheck": steps.check,
    "ClarifyCheck": steps.check,
    "Fail": steps.fail_message,
    "ForEach": steps.for_each,
    "Lineage": steps.lineage,
    "Cleanup": steps.cleanup,
    "Job": steps.job,
}


def test_every_step_of_the_corpus_has_a_view(corpus: Path) -> None:
    disguises: dict[str, int] = {}
    for file in sorted(corpus.glob("definitions/*")):
        found = load(file)
        for each in found.all_steps(bodies=True):
            if each.type != "Condition":
                VIEWS[each.type](each, found.step_names())
            if (disguise := steps.disguise(each)) is not None:
                disguises[disguise] = disguises.get(disguise, 0) + 1
    assert disguises == {"function": 29, "notebook job": 5, "repack": 18, "spark program": 7}


BOOTSTRAP = "/opt/ml/input/data/sagemaker_remote_function_bootstrap/job_driver.sh"
SCHEDULER = "pip install driver && exec amazon_sagemaker_scheduler"
DISGUISES = [
    ({"ContainerEntrypoint": ["/bin/bash", BOOTSTRAP]}, "function"),
    ({"ContainerEntrypoint": ["amazon_sagemaker_scheduler"]}, "notebook job"),
    ({"ContainerEntrypoint": ["/bin/bash"], "ContainerArguments": ["-c", SCHEDULER]}, "notebook job"),
    ({"ContainerEntrypoint": ["python3", "train.py"]}, None),
]


@pytest.mark.parametrize(("algorithm", "expected"), DISGUISES)
def test_steps_in_disguise(algorithm: dict[str, Any], expected: str | None) -> None:
    assert steps.disguise(step("Training", {"AlgorithmSpecification": algorithm})) == expected
    assert steps.disguise(step("Processing", {"AlgorithmSpecification": algorithm})) is None


def test_a_spark_program_is_known_by_what_starts_it() -> None:
    for program, expected in (("/opt/program/smspark-submit", "spark program"), ("python3", None)):
        entrypoint = {"AppSpecification": {"ContainerEntrypoint": [program, "job.py"]}}
        assert steps.disguise(step("Processing", entrypoint)) == expected


def test_a_repack_step_is_known_by_its_program() -> None:
    for quote in ("", '"'):
        program = f"{quote}_repack_script_launcher.sh{quote}"
        assert steps.disguise(step("Training", {"HyperParameters": {"sagemaker_program": program}})) == "repack"


def test_conditions_in_words() -> None:
    uri = {"Std:Join": {"On": "/", "Values": ["s3:/", {"Get": "Parameters.b"}]}}
    value = {"Std:JsonGet": {"S3Uri": uri, "Path": "m"}}
    equals = {"Type": "Equals", "LeftValue": {"Get": "Execution.PipelineName"}, "RightValue": "a\nb"}
    conditions = [
        {"Type": "LessThan", "LeftValue": value, "RightValue": 0.5},
        {"Type": "Or", "Conditions": [equals]},
    ]
    found = step("Condition", {"Conditions": conditions, "IfSteps": [], "ElseSteps": []})
    assert (
        conditions_text(found.conditions)
        == 'm in s3://{b} is less than 0.5 and (Execution.PipelineName equals "a\\nb")'
    )


# --- any definition ---

LEAVES = st.none() | st.booleans() | st.integers(-9, 9) | st.floats(-1, 1) | st.text(max_size=5)
EXPRESSIONS = st.sampled_from(
    [
        {"Get": "Parameters.p"},
        {"Get": "Steps.s0.ModelArtifacts.S3ModelArtifacts"},
        {"Get": "ForEach.CurrentItem.x"},
        {"Std:Join": {"On": "/", "Values": ["s3:/", {"Get": "Execution.PipelineName"}]}},
        {"Std:JsonGet": {"PropertyFile": {"Get": "Steps.s0.PropertyFiles.r"}, "Path": "a[0]"}},
    ]
)
VALUES = st.recursive(
    LEAVES | EXPRESSIONS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
FIELDS = st.sampled_from(
    [
        *("AppSpecification", "ProcessingInputs", "ProcessingOutputConfig", "ProcessingResources", "Environment"),
        *("AlgorithmSpecification", "InputDataConfig", "HyperParameters", "ResourceConfig", "Containers", "Resources"),
        *("HyperParameterTuningJobConfig", "TrainingJobDefinitions", "AutoMLProblemTypeConfig", "ProductionVariants"),
        *("StepConfig", "JobConfig", "Specification", "Associations", "Artifacts", "Conditions", "PropertyFiles"),
    ]
)


@st.composite
def definitions(draw: st.DrawFn) -> dict[str, Any]:
    names = iter(range(99))

    def make(depth: int) -> dict[str, Any]:
        type_ = draw(st.sampled_from([*VIEWS, "Condition", "Unheard"]))
        entry: dict[str, Any] = {"Name": f"s{next(names)}", "Type": type_}
        entry["Arguments"] = draw(st.dictionaries(FIELDS, VALUES, max_size=3))
        if depth and type_ in ("Condition", "ForEach"):
            for key in ("IfSteps", "ElseSteps") if type_ == "Condition" else ("ForEachBody",):
                entry["Arguments"][key] = [make(depth - 1) for _ in range(draw(st.integers(0, 2)))]
        entry |= draw(
            st.dictionaries(st.sampled_from(["DependsOn", "CacheConfig", "RetryPolicies", "X"]), VALUES, max_size=2)
        )
        return dict(draw(st.permutations(list(entry.items()))))

    document = {"Version": "2020-12-01", "Parameters": [{"Name": "p", "Type": "String"}], "Metadata": draw(VALUES)}
    return document | {"Steps": [make(2) for _ in range(draw(st.integers(0, 4)))]}


def ordered(value: Any) -> Any:
    """A JSON value in which the order of keys counts, and 1 is not true."""
    if isinstance(value, dict):
        return [(key, ordered(item)) for key, item in value.items()]
    return [ordered(item) for item in value] if isinstance(value, list) else (type(value), value)


@settings(max_examples=150, deadline=None)
@given(definitions())
def test_writing_gives_what_was_read_and_every_view_holds(document: dict[str, Any]) -> None:
    found = read(document)
    again = loads(write(found), name=found.name)
    assert ordered(again.raw) == ordered(document)
    assert again.steps == found.steps
    assert again.parameters == found.parameters
    for each in found.all_steps(bodies=True):
        if each.type in VIEWS:
            VIEWS[each.type](each, found.step_names())
        steps.disguise(each)
        conditions_text(each.conditions)


def test_every_definition_of_the_corpus_is_written_as_it_was(corpus: Path) -> None:
    for file in sorted(corpus.glob("definitions/*")) + sorted(corpus.glob("seeds/*.json")):
        found = load(file)
        assert ordered(json.loads(write(found))) == ordered(found.raw)


@pytest.mark.slow
def test_ten_thousand_definitions_leave_no_memory_behind(corpus: Path) -> None:
    texts = [file.read_text(encoding="utf-8") for file in sorted(corpus.glob("seeds/*.json"))]

    def resident(times: int) -> int:
        """Megabytes of memory after reading and writing so many definitions."""
        for number in range(times):
            write(loads(texts[number % len(texts)]))
        gc.collect()
        return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() // 2**20

    before = resident(1_000)
    assert resident(10_000) - before <= 4
