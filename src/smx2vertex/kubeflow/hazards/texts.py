"""Rules on values: numbers, types, names, labels, addresses, and texts inside requests."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ..origins import Collected, Origin, PipelineParameter, TaskOutput
from ..values import NAMES, fit
from .subject import (
    Hazard,
    Subject,
    as_float,
    brief,
    constant_of,
    constant_text,
    has_placeholder,
    values_of,
    walk,
    words_of,
)

LARGEST_EXACT = 2**53
PIPELINE_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,127}")
DISPLAY_NAMES = ("display_name", "job_display_name", "model_display_name")
MAX_DISPLAY_NAME = 128
MAX_LABEL = 64
MAX_LABELS = 64
AWS = re.compile(
    r"\bs3[an]?://[A-Za-z0-9][^\s'\"]*|\barn:aws[a-z-]*:[a-z][^\s'\"]*|\b\d{12}\.dkr\.ecr\.[a-z0-9.-]+amazonaws\.com"
)
_QUOTED = re.compile(r"\"\{\{\$\.inputs\.parameters\['([^']+)'\]\}\}\"")
_CONTROL = re.compile(r"[\x00-\x1f]")


def inexact_integers(subject: Subject) -> Iterator[Hazard]:
    """Whole numbers that a double cannot hold; the format knows no others."""
    for at, type, value in _written_values(subject):
        if type == "NUMBER_INTEGER" and isinstance(value, (int, float)) and abs(value) >= LARGEST_EXACT:
            yield Hazard(f"{as_float(value):.0f} may differ from what was meant", at)


def wrong_types(subject: Subject) -> Iterator[Hazard]:
    """Values and outputs that are of another type than the input that takes them."""
    for at, type, value in _written_values(subject):
        if type in NAMES and not has_placeholder(value) and not _fits(type, value):
            yield Hazard(f"{brief(value)} is not {NAMES[type]}", at)
    for placed, task in subject.leaves():
        for name, origin in values_of(task).items():
            parameter, given = placed.component.parameters.get(name), _type_of(subject, origin)
            if parameter and given and not _takes(parameter.type, given):
                message = f"{task.name} takes {NAMES[given]} as {name!r}, which is declared as {NAMES[parameter.type]}"
                yield Hazard(message, f"{placed.at}.inputs.parameters.{name}", task.name)


def _written_values(subject: Subject) -> Iterator[tuple[str, str, Any]]:
    """All defaults and constants: place, declared type, value."""
    for at, component in subject.components.items():
        for parameter in component.parameters.values():
            if parameter.default is not None:
                place = f"{at}.inputDefinitions.parameters.{parameter.name}.defaultValue"
                yield place, parameter.type, parameter.default
    for at, placed in subject.nodes.items():
        for name, selector in placed.node.parameters.items():
            declared, value = placed.component.parameters.get(name), constant_of(selector)
            if declared and value is not None:
                yield f"{at}.inputs.parameters.{name}.runtimeValue.constant", declared.type, value


def _fits(type: str, value: Any) -> bool:
    try:
        fit(type, value)
    except ValueError:
        return False
    return True


def _type_of(subject: Subject, origin: Origin) -> str | None:
    match origin:
        case PipelineParameter(name):
            type = subject.spec.root.parameters[name].type
        case TaskOutput(task, key, False):
            type = subject.graph.tasks[task].output_parameters[key]
        case Collected():
            type = "LIST"
        case _:
            return None
    return type if type in NAMES else None


def _takes(declared: str, given: str) -> bool:
    """Whether an engine may accept it: a text takes anything, and 5.0 is a whole number."""
    numbers = {"NUMBER_INTEGER", "NUMBER_DOUBLE"}
    return declared in ("STRING", given) or declared not in NAMES or {declared, given} == numbers


def aws_addresses(subject: Subject) -> Iterator[Hazard]:
    """Addresses in S3, ARNs and images in ECR."""
    for at, value in walk(subject.spec.raw, ""):
        if isinstance(value, str) and (found := AWS.search(value)):
            yield Hazard(f"{brief(found[0])} is of AWS", at)


def default_location(subject: Subject) -> Iterator[Hazard]:
    """Prebuilt components that run in us-central1 because nothing says where."""
    for placed, task in subject.leaves():
        location = placed.component.parameters.get("location")
        is_left = location is not None and "location" not in placed.node.parameters
        if is_left and (task.prebuilt or task.kind == "custom_job") and location and location.default == "us-central1":
            yield Hazard(f"{task.name} runs in us-central1, wherever the pipeline runs", placed.at, task.name)


def names_and_labels(subject: Subject) -> Iterator[Hazard]:
    """Names of pipelines, display names and labels that Vertex AI refuses."""
    if not PIPELINE_NAME.fullmatch(subject.spec.name):
        yield Hazard(f"{brief(subject.spec.name)} is no name of a pipeline", "pipelineInfo.name")
    for placed, task in subject.leaves():
        if not task.prebuilt and task.kind != "custom_job":
            continue
        for name in DISPLAY_NAMES:
            text = constant_text(values_of(task).get(name))
            if text is not None and len(text) > MAX_DISPLAY_NAME:
                message = f"the display name has {len(text)} characters, more than {MAX_DISPLAY_NAME}"
                yield Hazard(message, subject.given(placed, name)[0], task.name)
        at, labels = subject.given(placed, "labels")
        for fault in _label_faults(labels if isinstance(labels, Mapping) else {}):
            yield Hazard(fault, at, task.name)


def _label_faults(labels: Mapping[str, Any]) -> Iterator[str]:
    if len(labels) > MAX_LABELS:
        yield f"there are {len(labels)} labels, more than {MAX_LABELS}"
    for key, value in labels.items():
        if not key or not _is_label(key):
            yield f"{brief(key)} is no key of a label"
        if not _is_label(value):
            yield f"{brief(value)} is no value of a label"


def _is_label(text: Any) -> bool:
    """Lower-case letters of any script, digits, `_`, `-`; what is known at run time only passes."""
    if not isinstance(text, str) or has_placeholder(text):
        return isinstance(text, str)
    characters = (each in "_-" or each.isdigit() or (each.isalpha() and each == each.lower()) for each in text)
    return len(text) <= MAX_LABEL and all(characters)


def broken_requests(subject: Subject) -> Iterator[Hazard]:
    """Texts that a prebuilt component writes between quotes into its request, as they are, and that end the quotes."""
    for placed, task in subject.leaves():
        if not task.prebuilt and task.kind != "custom_job":
            continue
        _, executor = subject.executor(placed.component)
        quoted = {name for word in words_of(executor) for name in _QUOTED.findall(word)}
        for name in sorted(quoted):
            text = constant_text(values_of(task).get(name))
            if text and ('"' in text or "\\" in text or (task.kind == "custom_job" and _CONTROL.search(text))):
                message = f"{brief(text)} breaks the request of {task.name}"
                yield Hazard(message, subject.given(placed, name)[0], task.name)
