"""What a definition names in S3: the user's code, and the buckets."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from . import steps
from .definition import Definition, Step
from .expressions import Expression, Join, Literal, ParameterReference, is_expression, parse

# Inputs of a Processing step to which the SDK uploads what runs.
CODE_INPUTS = ("code", "entrypoint")
# Script mode takes its sources from here: a hyperparameter of a training, a variable of a model.
SUBMIT_DIRECTORY = "sagemaker_submit_directory"
_CODE_FILE = re.compile(r"(\.(py|sh|r|ipynb|sql|jar|whl)|/sourcedir\.tar\.gz)$", re.IGNORECASE)
_BUCKET = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?=/|$)")


def code_addresses(definition: Definition) -> list[str]:
    """The S3 addresses (`s3://bucket/key`) of code: files, archives and prefixes, each once, in order.

    Parameters count with their defaults; an address that is known only at run time is left out.
    """
    defaults = {name: parameter.default for name, parameter in definition.parameters.items()}
    found = [uri for step in definition.all_steps() for uri in _inputs(step, defaults)]
    for key, value in _leaves(definition.raw["Steps"]):
        uri = _text(parse(value), defaults)
        if uri is not None and (key.lower() == SUBMIT_DIRECTORY or _CODE_FILE.search(uri)):
            found.append(uri.strip('"'))  # framework estimators put hyperparameters into JSON quotes
    return [uri for uri in dict.fromkeys(found) if re.match("s3://[^/]+/[^/]", uri)]


def buckets(definition: Definition) -> set[str]:
    """The names of all buckets that a definition or the default of a parameter names."""
    defaults = {name: parameter.default for name, parameter in definition.parameters.items()}
    texts = [_beginning(parse(value), defaults) for _, value in _leaves(definition.raw)]
    return {bucket for text in texts for bucket in _BUCKET.findall(text)}


def _inputs(step: Step, defaults: Mapping[str, Any]) -> Iterator[str]:
    """Inputs and channels that what runs is started from."""
    if step.type == "Processing":
        processing = steps.processing(step)
        words = [word.text or "" for word in processing.entrypoint]
        places = [(item.name, item.local_path or "", item.uri) for item in processing.inputs]
    elif step.type == "Training":
        training = steps.training(step)
        words = [part for word in (*training.entrypoint, *training.arguments) for part in (word.text or "").split()]
        places = [(item.name, f"/opt/ml/input/data/{item.name}", item.uri) for item in training.channels]
    else:
        return
    started = {_innermost(word, [path for _, path, _ in places]) for word in words} - {None}
    for name, path, field in places:
        uri = _text(field.value, defaults) if field else None
        if uri is not None and (path in started or name in CODE_INPUTS):
            yield uri


def _innermost(word: str, folders: list[str]) -> str | None:
    """The folder that a path leads into; data often stands one level above the code."""
    holding = [folder for folder in folders if folder and (word + "/").startswith(folder.rstrip("/") + "/")]
    return max(holding, key=len, default=None)


def _leaves(value: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    """The plain values and expressions inside a JSON value, each with the key it stands under."""
    if isinstance(value, dict) and not is_expression(value):
        for name, item in value.items():
            yield from _leaves(item, str(name))
    elif isinstance(value, list):
        for item in value:
            yield from _leaves(item, key)
    else:
        yield key, value


def _text(expression: Expression, defaults: Mapping[str, Any]) -> str | None:
    """The text of an expression, if it is known before a run."""
    if isinstance(expression, Literal | ParameterReference):
        value = expression.value if isinstance(expression, Literal) else defaults.get(expression.name)
        return value if isinstance(value, str) else None
    if isinstance(expression, Join):
        texts = [_text(value, defaults) for value in expression.values]
        return None if None in texts else expression.on.join(map(str, texts))
    return None


def _beginning(expression: Expression, defaults: Mapping[str, Any]) -> str:
    """The text of an expression up to what is known only during a run."""
    if not isinstance(expression, Join):
        return _text(expression, defaults) or ""
    known = ""
    for value in expression.values:
        text = _text(value, defaults)
        if text is None:
            return known + "*"  # no bucket ends where its name may go on
        known += text + expression.on
    return known
