"""Expressions of a definition as values of the plan: flattened text, types, addresses."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from ..sagemaker.definition import Definition, Step
from ..sagemaker.expressions import ParameterReference, flatten

PYTHON_TYPES = {"String": "str", "Integer": "int", "Float": "float", "Boolean": "bool"}

# What the engine can tell about an execution, by SageMaker's name (facts: kfp 2.17, `kfp.dsl` placeholders).
EXECUTION_PLACEHOLDERS = {
    "PipelineExecutionId": "PIPELINE_JOB_ID_PLACEHOLDER",
    "PipelineExecutionArn": "PIPELINE_JOB_RESOURCE_NAME_PLACEHOLDER",
    "StartDateTime": "PIPELINE_JOB_CREATE_TIME_UTC_PLACEHOLDER",
    "CurrentDateTime": "PIPELINE_JOB_CREATE_TIME_UTC_PLACEHOLDER",
}

S3_ADDRESS = re.compile(r"s3[an]?://([^/]+)(|/.*)", re.DOTALL)

# The two forms of an object's address over HTTPS, which SageMaker takes for model data (CreateModel, ModelDataUrl).
_HTTPS_ADDRESS = re.compile(
    r"https://(?:([^/.]+(?:\.[^/]+)*?)\.s3[.-][a-z0-9-]*\.?amazonaws\.com|s3[.-][a-z0-9-]*\.?amazonaws\.com/([^/]+))(/.*)?"
)


def as_s3(text: str) -> str:
    """An address of data in S3; one over HTTPS is written as `s3://BUCKET/KEY`, all else stays."""
    match = _HTTPS_ADDRESS.fullmatch(text)
    return text if match is None else f"s3://{match[1] or match[2]}{match[3] or ''}"


def names_aws(text: str) -> bool:
    """Whether a text names something that only AWS has: an ARN, or an address of one of its services."""
    return "arn:aws" in text or ".amazonaws.com" in text


def typed(text: str, quoted: bool = False) -> tuple[str, Any]:
    """The type and value of a literal, as the container contract formats it back to exactly this text.

    Args:
        text: the text of the literal.
        quoted: whether a JSON-quoted string counts as the string inside (framework estimators quote).

    Returns:
        A type of the contract's templates (`int`, `float`, `json` or `str`) and a Python value.
    """
    if re.fullmatch(r"-?\d{1,15}", text) and str(int(text)) == text:
        return "int", int(text)
    if re.fullmatch(r"-?\d+\.\d+", text) and repr(float(text)) == text:
        return "float", float(text)
    if quoted and text.startswith('"'):
        try:
            value = json.loads(text)
        except ValueError:
            return "str", text
        if isinstance(value, str) and json.dumps(value) == text:
            return "json", value
    return "str", text


def bucket_parameters(definition: Definition) -> set[str]:
    """The parameters that name the bucket of an address: `s3://{Bucket}/train`."""
    found: set[str] = set()
    for _, expression in definition.expressions:
        pieces = flatten(expression)
        if pieces[:1] == ["s3://"] and isinstance(pieces[1], ParameterReference):
            found.add(pieces[1].name)
    return found


def python_type(template_type: str) -> str:
    """The Python type of an input whose template has this type."""
    return "str" if template_type == "json" else template_type


def labels(step: Step) -> Iterator[tuple[str, str]]:
    """The tags of a step as labels: lower-case letters, digits, `_` and `-`, at most 63 characters, a letter first."""
    for key, value in step.tags.items():
        plain_key, plain_value = (re.sub(r"[^a-z0-9_-]", "-", text.lower()) for text in (key, value))
        yield re.sub(r"^[^a-z]+", "", plain_key)[:63] or "tag", plain_value[:63]
