"""Rules on the shape of executors, which no client checks: to the client they are a free-form structure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from importlib import resources
from typing import Any

import yaml

from ..conditions import is_number
from .subject import Hazard, Subject, brief

_NUMBER = re.compile(r"\d+(\.\d+)?")
_SCALARS: dict[str, Callable[[Any], bool]] = {
    "text": lambda value: isinstance(value, str),
    "number": lambda value: is_number(value) or (isinstance(value, str) and _NUMBER.fullmatch(value) is not None),
    "truth": lambda value: isinstance(value, bool),
    "any": lambda value: True,
}


def malformed(subject: Subject) -> Iterator[Hazard]:
    """A container without an image, or a field whose value is of another type than the format says."""
    for label, executor in subject.spec.executors.items():
        at = f"deploymentSpec.executors.{label}"
        container = executor.get("container")
        if isinstance(container, Mapping) and not container.get("image"):
            yield Hazard(f"the container of {label} has no image", f"{at}.container")
        for unknown, place, message in _misfits(executor, _shape(), at):
            if not unknown:
                yield Hazard(message, place)


def unknown_fields(subject: Subject) -> Iterator[Hazard]:
    """Fields that executors do not have, mostly misspelt."""
    for label, executor in subject.spec.executors.items():
        for unknown, place, message in _misfits(executor, _shape(), f"deploymentSpec.executors.{label}"):
            if unknown:
                yield Hazard(message, place)


@cache
def _shape() -> Any:
    text = resources.files(__package__).joinpath("executors.yaml").read_text(encoding="utf-8")
    return yaml.safe_load(text)


def _misfits(value: Any, shape: Any, at: str) -> Iterator[tuple[bool, str, str]]:
    """What does not fit: whether it is an unknown field, the place, the sentence."""
    if isinstance(shape, str):
        if not _SCALARS[shape](value):
            yield False, at, f"{brief(value)} is no {shape}"
    elif isinstance(shape, list):
        if not isinstance(value, list):
            yield False, at, f"{brief(value)} is no list"
            return
        for index, item in enumerate(value):
            yield from _misfits(item, shape[0], f"{at}[{index}]")
    elif not isinstance(value, Mapping):
        yield False, at, f"{brief(value)} is no mapping"
    else:
        for key, each in value.items():
            # the format takes the names of the proto as well
            name = re.sub(r"_([a-z])", lambda match: match[1].upper(), str(key))
            if name in shape:
                yield from _misfits(each, shape[name], f"{at}.{key}")
            else:
                yield True, f"{at}.{key}", f"there is no field {key!r}; here are {', '.join(shape)}"
