"""What a pipeline uses of its account: buckets, images, roles, and the places that it reads and writes."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ..mapping.regions import region_of
from ..sagemaker.definition import Definition, Step
from ..sagemaker.expressions import is_expression

# Stands in a text for what is known at run time only; no definition holds it.
_LATER = "\0"
_S3 = re.compile(r"s3://([^/\0\s\"',;]+)(/[^\s\"',;]*)?")
_ARN = re.compile(r"\barn:aws[\w-]*:([\w-]+):([\w-]*):(\d{12})?:([^\s\"',\0]*)")
_MODEL_GROUP = re.compile(r"model-package(?:-group)?/([^/\s\"',\0]+)")
_PIPELINE_KEY = re.compile(r"pipeline_?name", re.IGNORECASE)
_OUTPUT_KEY = re.compile(r"output|model_dir|checkpoint|log_?uri", re.IGNORECASE)
_IMAGE_KEYS = frozenset({"Image", "ImageUri", "TrainingImage"})
_NETWORK_KEYS = frozenset({"Subnets", "SubnetIds", "SecurityGroupIds", "SecurityGroups"})
_KEY_KEYS = re.compile(r"KmsKey(Id|Arn)?$|^KeyId$")
_INNER = frozenset({"IfSteps", "ElseSteps", "ForEachBody"})


@dataclass(slots=True)
class Resources:
    """What the steps of a pipeline name, as far as it is known before a run: plain, or by the defaults of parameters.

    Attributes:
        used: how often each thing is named, by kind (`images`, `buckets`, …) and name.
        reads, writes: addresses in S3; what is known at run time only is cut off.
        registers, takes: groups of model packages.
        starts: names of pipelines, and of what may be one.
    """

    used: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    reads: set[str] = field(default_factory=set)
    writes: set[str] = field(default_factory=set)
    registers: set[str] = field(default_factory=set)
    takes: set[str] = field(default_factory=set)
    starts: set[str] = field(default_factory=set)


def resources(definition: Definition) -> Resources:
    """What the steps of a definition use."""
    found = Resources()
    for step in definition.all_steps(bodies=True):
        for keys, text in _texts(step, definition):
            _note(found, step, keys, text)
    return found


def _texts(step: Step, definition: Definition) -> Iterator[tuple[tuple[str, ...], str]]:
    """All texts of a step with the keys above them, expressions as one text; not those of steps inside it."""
    stack: list[tuple[tuple[str, ...], Any]] = [((), step.raw)]
    while stack:
        keys, value = stack.pop()
        if is_expression(value):
            yield keys, _resolved(value, definition)
        elif isinstance(value, dict):
            stack.extend(((*keys, str(key)), item) for key, item in value.items() if key not in _INNER)
        elif isinstance(value, list):
            stack.extend((keys, item) for item in value)
        elif isinstance(value, str):
            yield keys, value


def _resolved(value: Any, definition: Definition) -> str:
    """An expression as text: parameters by their defaults."""
    if not is_expression(value):
        return value if isinstance(value, str) else _LATER if isinstance(value, dict | list) else str(value)
    ((function, argument),) = value.items()
    if function == "Get" and isinstance(argument, str) and argument.startswith("Parameters."):
        parameter = definition.parameters.get(argument.removeprefix("Parameters."))
        return parameter.default if parameter is not None and isinstance(parameter.default, str) else _LATER
    if function == "Std:Join" and isinstance(argument, dict) and isinstance(argument.get("Values"), list):
        return str(argument.get("On", "")).join(_resolved(item, definition) for item in argument["Values"])
    return _LATER


def _note(found: Resources, step: Step, keys: tuple[str, ...], text: str) -> None:
    key = keys[-1] if keys else ""
    used = found.used
    if key in _IMAGE_KEYS and _LATER not in text and text:
        used["images"][text] += 1
    elif key == "InstanceType" and _LATER not in text:
        used["instance_types"][text] += 1
    elif key in _NETWORK_KEYS and _LATER not in text:
        used["networks"][text] += 1
    elif _KEY_KEYS.search(key) and _LATER not in text and text:
        used["keys"][text] += 1
    elif key == "ModelPackageGroupName" and text and _LATER not in text and "s3://" not in text:
        used["model_groups"][text] += 1
        (found.registers if step.type == "RegisterModel" else found.takes).add(text)
    elif _PIPELINE_KEY.search(key) and _LATER not in text:
        found.starts.add(text)
    if "s3://" in text:
        _note_places(found, keys, text)
    if "arn:" in text:
        _note_names(found, text)
    if region := region_of(text) if "-" in text else None:
        used["regions"][region] += 1


def _note_places(found: Resources, keys: tuple[str, ...], text: str) -> None:
    is_output = any(_OUTPUT_KEY.search(key) for key in keys)
    for match in _S3.finditer(text):
        bucket, path = match[1], match[2] or ""
        found.used["buckets"][bucket] += 1
        known, later, _ = path.partition(_LATER)
        # a name that goes on at run time is no name yet
        known = known.rpartition("/")[0] if later else known.rstrip("/")
        if known.strip("/"):
            (found.writes if is_output else found.reads).add(f"s3://{bucket}{known}")


def _note_names(found: Resources, text: str) -> None:
    for service, _, account, rest in _ARN.findall(text):
        arn = rest.strip("/")
        if account:
            found.used["accounts"][account] += 1
        if service == "iam" and arn.startswith("role/"):
            found.used["roles"][arn.rpartition("/")[2]] += 1
        elif service == "lambda":
            found.used["functions"][arn.removeprefix("function:").partition(":")[0]] += 1
        elif service == "sagemaker" and (group := _MODEL_GROUP.match(arn)):
            found.used["model_groups"][group[1]] += 1
            found.takes.add(group[1])
        elif service == "sagemaker" and arn.startswith("pipeline/"):
            found.starts.add(arn.split("/")[1])
