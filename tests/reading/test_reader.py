"""Reading definitions: what is kept, what is noted, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smx2vertex.findings import InputError
from smx2vertex.sagemaker.definition import MISSING, Comparison, Membership, Not, Or, UnknownCondition
from smx2vertex.sagemaker.expressions import (
    ExecutionVariable,
    Join,
    JsonGet,
    Literal,
    ParameterReference,
    PropertyReference,
    Unknown,
    parse,
)
from smx2vertex.sagemaker.reader import load, loads, read


def definition(*steps: dict[str, Any], parameters: Any = ()) -> dict[str, Any]:
    return {"Version": "2020-12-01", "Parameters": list(parameters), "Steps": list(steps)}


def step(name: str, **fields: Any) -> dict[str, Any]:
    return {"Name": name, "Type": "Processing", "Arguments": {}} | fields


EXPRESSIONS = [
    ("text", Literal("text")),
    ({"a": 1, "b": 2}, Literal({"a": 1, "b": 2})),
    ({"Get": "Parameters.my-input"}, ParameterReference("my-input")),
    ({"Get": "Execution.PipelineExecutionId"}, ExecutionVariable("PipelineExecutionId")),
    (
        {"Get": "Steps.A.ModelArtifacts.S3ModelArtifacts"},
        PropertyReference("A", ("ModelArtifacts", "S3ModelArtifacts")),
    ),
    (
        {"Get": "Steps.A.Outputs['x.y'].S3Output.S3Uri"},
        PropertyReference("A", ("Outputs", "['x.y']", "S3Output", "S3Uri")),
    ),
    ({"Get": "Steps.A.Outputs['it's'].S3Uri"}, PropertyReference("A", ("Outputs", "['it's']", "S3Uri"))),
    ({"Get": "Steps.A.Summaries[0].Name"}, PropertyReference("A", ("Summaries", "[0]", "Name"))),
    ({"Get": "Steps.A"}, PropertyReference("A", ())),
    ({"Get": "Steps.a.b.Outcome"}, PropertyReference("a.b", ("Outcome",))),
    ({"Get": "Elsewhere.x"}, Unknown({"Get": "Elsewhere.x"})),
    ({"Get": 5}, Unknown({"Get": 5})),
    (
        {"Std:Join": {"On": "/", "Values": ["s3:/", {"Get": "Parameters.b"}]}},
        Join("/", (Literal("s3:/"), ParameterReference("b"))),
    ),
    ({"Std:Join": {"On": "/"}}, Unknown({"Std:Join": {"On": "/"}})),
    (
        {"Std:JsonGet": {"PropertyFile": {"Get": "Steps.A.PropertyFiles.R"}, "Path": "m[0].v"}},
        JsonGet("A", "R", None, "m[0].v"),
    ),
    ({"Std:JsonGet": {"Step": "A", "PropertyFile": "R", "Path": "m"}}, JsonGet("A", "R", None, "m")),
    (
        {"Std:JsonGet": {"S3Uri": {"Get": "Parameters.u"}, "Path": "m"}},
        JsonGet(None, None, ParameterReference("u"), "m"),
    ),
]


@pytest.mark.parametrize(("value", "expected"), EXPRESSIONS)
def test_expressions(value: Any, expected: Any) -> None:
    assert parse(value, {"A", "a.b"}) == expected


def test_a_property_reference_knows_its_key_and_pattern() -> None:
    reference = parse({"Get": "Steps.A.ProcessingOutputConfig.Outputs['train'].S3Output.S3Uri"})
    assert isinstance(reference, PropertyReference)
    assert reference.key == "train"
    assert reference.pattern == "ProcessingOutputConfig.Outputs[].S3Output.S3Uri"


CONDITIONS = [
    ({"Type": "Equals", "LeftValue": 1, "RightValue": 2}, Comparison("Equals", Literal(1), Literal(2), "P")),
    (
        {"ConditionType": "LessThan", "LeftValue": 1, "RightValue": 2},
        Comparison("LessThan", Literal(1), Literal(2), "P"),
    ),
    ({"Type": "In", "QueryValue": "a", "Values": ["a"]}, Membership(Literal("a"), (Literal("a"),), "P")),
    ({"Type": "In", "Value": "a", "In": ["a"]}, Membership(Literal("a"), (Literal("a"),), "P")),
    (
        {"Type": "Not", "Condition": {"Type": "Equals", "LeftValue": 1, "RightValue": 2}},
        Not(Comparison("Equals", Literal(1), Literal(2), "P/Condition"), "P"),
    ),
    ({"Type": "Or", "Conditions": []}, Or((), "P")),
    ({"Type": "ConditionLessThanOrEqualTo"}, UnknownCondition({"Type": "ConditionLessThanOrEqualTo"}, "P")),
    ("nonsense", UnknownCondition("nonsense", "P")),
]


@pytest.mark.parametrize(("value", "expected"), CONDITIONS)
def test_conditions(value: Any, expected: Any) -> None:
    read_back = read(definition(step("C", Type="Condition", Arguments={"Conditions": [value]}))).steps[0].conditions[0]
    text = repr(read_back).replace("/Steps/0/Arguments/Conditions/0", "P")
    assert text == repr(expected)


def test_parameters_keep_what_they_say() -> None:
    entries = [
        {"Name": "S", "Type": "String", "DefaultValue": "", "EnumValues": ["", "a"]},
        {"Name": "I", "Type": "Integer", "DefaultValue": 3},
        {"Name": "N"},
    ]
    parameters = read(definition(step("A", Arguments={"x": {"Get": "Parameters.U"}}), parameters=entries)).parameters
    assert [(p.name, p.type, p.default, p.allowed, p.declared) for p in parameters.values()] == [
        ("S", "String", "", ("", "a"), True),
        ("I", "Integer", 3, None, True),
        ("N", "String", MISSING, None, True),
        ("U", "String", MISSING, None, False),
    ]


def test_step_settings() -> None:
    entry = step(
        "A",
        DependsOn=["B", {"Step": "C", "Trigger": "Failed"}],
        CacheConfig={"Enabled": True, "ExpireAfter": "P30D"},
        RetryPolicies=[{"ExceptionType": "Step.THROTTLING", "MaxAttempts": 2}],
        PropertyFiles=[{"PropertyFileName": "R", "OutputName": "o", "FilePath": "r.json"}],
        Unheard={"of": 1},
    )
    found = read(definition(entry, step("B"), step("C"))).steps[0]
    assert found.depends_on == ("B", "C")
    assert found.cache is not None
    assert (found.cache.enabled, found.cache.expire_after) == (True, "P30D")
    assert [(r.exceptions, r.interval, r.backoff, r.max_attempts) for r in found.retries] == [
        (("Step.THROTTLING",), 1, 2, 2)
    ]
    assert [(f.name, f.output, f.path) for f in found.property_files] == [("R", "o", "r.json")]
    assert found.raw["Unheard"] == {"of": 1}


FAULTS = [
    (definition(step("A"), step("A")), "SMX122", "/Steps/1"),
    (definition(step("A", DependsOn=["B"])), "SMX123", "/Steps/0/DependsOn/0"),
    (definition(step("A", Arguments={"x": [{"Get": "Steps.B.y"}]})), "SMX123", "/Steps/0/Arguments/x/0"),
    (definition(step("A", DependsOn=["B"]), step("B", DependsOn=["A"])), "SMX125", "/Steps/0"),
    (definition({"Type": "Fail"}), "SMX120", "/Steps/0"),
    (definition(parameters=[{"Name": "P"}, {"Name": "P"}]), "SMX124", "/Parameters/1"),
]


@pytest.mark.parametrize(("document", "code", "pointer"), FAULTS)
def test_a_broken_structure_is_an_error_with_its_place(document: Any, code: str, pointer: str) -> None:
    faults = [(f.code, f.pointer) for f in read(document).findings if f.severity == "error"]
    assert faults == [(code, pointer)]


REFUSED = [
    ("", "SMX102"),
    ("{", "SMX102"),
    ('{"Steps": [NaN]}', "SMX102"),
    ("[" * 10_000 + "]" * 10_000, "SMX104"),
    (json.dumps({"Steps": []})[:-1] + ', "Metadata": ' + "[" * 500 + "]" * 500 + "}", "SMX104"),
    ("[]", "SMX105"),
    ('{"Version": "2020-12-01"}', "SMX105"),
    ('{"Steps": ["\\ud800"]}', "SMX106"),
]


@pytest.mark.parametrize(("text", "code"), REFUSED)
def test_what_is_no_definition_is_refused(text: str, code: str) -> None:
    with pytest.raises(InputError) as caught:
        loads(text)
    assert caught.value.finding.code == code


def test_a_file_of_300_megabytes_is_refused_unread(tmp_path: Path) -> None:
    huge = tmp_path / "huge.json"
    with huge.open("wb") as file:
        file.truncate(300 * 1024 * 1024)
    with pytest.raises(InputError) as caught:
        load(huge)
    assert caught.value.finding.code == "SMX103"


def test_the_answer_of_describe_pipeline_is_a_definition_with_a_name() -> None:
    answer = {"PipelineName": "churn", "PipelineDefinition": json.dumps(definition(step("A")))}
    found = loads(json.dumps(answer))
    assert found.name == "churn"
    assert [each.name for each in found.steps] == ["A"]


def test_a_key_that_stands_twice_is_noted() -> None:
    assert [f.code for f in loads('{"Version": "2020-12-01", "Steps": [], "Steps": []}').findings] == ["SMX107"]


def test_every_definition_of_the_corpus_reads(corpus: Path) -> None:
    files = sorted(corpus.glob("definitions/*")) + sorted(corpus.glob("seeds/*.json"))
    broken = {file.name: f.code for file in files for f in load(file).findings if f.severity == "error"}
    assert broken == {
        "aws-sagemaker-python-sdk__test-depends-on-condition-or-upstream-delayed-returns-MyPipeline.json": "SMX122"
    }
    assert len(files) > 200


KEYS = [
    *("Steps", "Name", "Type", "Arguments", "Parameters", "DependsOn", "Get", "Std:Join", "Std:JsonGet", "Values"),
    *("On", "Path", "IfSteps", "ElseSteps", "Conditions", "PropertyFiles", "RetryPolicies"),
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(KEYS) | st.text(max_size=3),
            inner,
            max_size=5,
        )
    ),
    max_leaves=25,
)


@given(JSON)
def test_any_json_value_ends_in_a_definition_or_a_finding(document: Any) -> None:
    wrapped = {"Version": "2020-12-01", "Steps": [document]}
    for value in (document, wrapped):
        try:
            found = read(value)
        except InputError as error:
            assert error.finding.code.startswith("SMX1")
        else:
            assert found.raw is value
