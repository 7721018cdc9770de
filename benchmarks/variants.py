"""Definitions under other names: what a large portfolio is made of, where only a small one is at hand.

A copy keeps its structure. Its steps and the pipeline have names of their own; buckets and groups of model packages
have names that the pipelines of a team share, so that a large portfolio has as many dependencies for each pipeline as a
small one.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from smx2vertex.sagemaker.definition import Definition
from smx2vertex.sagemaker.reader import load

_TEAM = 50  # pipelines
_BUCKET = r"[a-z0-9][a-z0-9.-]+"
_STEP_KEYS = ("DependsOn", "Step")


def sample(files: list[Path], size: int = 100) -> list[Path]:
    """At most so many files, small and large ones as often as they are among all."""
    by_size = sorted(files, key=lambda file: (file.stat().st_size, file.name))
    count = min(size, len(files))
    return [by_size[number * len(files) // count] for number in range(count)]


def portfolio(files: list[Path], size: int, seed: int = 7) -> Iterator[tuple[str, Any]]:
    """So many documents with names for their files: each definition in turn, again and again under other names."""
    draw = random.Random(seed)
    definitions = [load(file) for file in files]
    for number in range(size):
        index = number % len(files)
        team = draw.randrange(max(1, size // _TEAM))
        document = renamed(definitions[index], f"-v{number}", f"-team{team}")
        yield f"{number:05}-{files[index].stem[:80]}", document


def renamed(definition: Definition, own: str, shared: str) -> Any:
    """The document of a definition under other names.

    Args:
        definition: any that could be read; it stays as it is.
        own: what the names of the pipeline and of its steps end with.
        shared: what the names of buckets and of groups of model packages end with.
    """
    steps = definition.step_names()
    longest_first = "|".join(map(re.escape, sorted(steps, key=len, reverse=True)))
    reference = re.compile(rf"\b(Steps|IterationOutput|ChildOutput)\.({longest_first})(?=[.\[]|$)")

    def walk(value: Any, key: str) -> Any:
        match value:
            case dict():
                is_step = str(value.get("Name")) in steps and "Type" in value and "DefaultValue" not in value
                return {
                    name: item + own if is_step and name == "Name" else walk(item, name) for name, item in value.items()
                }
            case ["s3:/" | "s3://" as scheme, str(bucket), *rest] if key == "Values":  # the address of an output
                inner = (each + own if each == definition.name else walk(each, key) for each in rest)
                return [scheme, re.sub(rf"^{_BUCKET}", rf"\g<0>{shared}", bucket), *inner]
            case list():
                return [walk(item, key) for item in value]
            case str():
                return text(value, key)
        return value

    def text(value: str, key: str) -> str:
        if key in _STEP_KEYS and value in steps:
            return value + own
        if key == "ModelPackageGroupName":
            return value + shared
        return re.sub(rf"s3://{_BUCKET}", rf"\g<0>{shared}", reference.sub(rf"\g<0>{own}", value))

    return walk(definition.raw, "")
