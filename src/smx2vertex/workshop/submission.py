"""Grades the values that a run is submitted with, against what the compiled pipeline declares."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ..kubeflow.values import NAMES, fit
from .answer import Answer, is_open
from .exercise import Check, Settings
from .work import Work

# Vertex AI, labels of a resource: keys and values alike.
_LABEL = re.compile(r"[a-z0-9_-]{1,63}")


def submission(check: Check, work: Work) -> Iterator[Answer]:
    """One answer for each parameter of the pipeline, each that it does not have, and each label."""
    settings = check.settings
    sheet = work.sheet(settings["file"])
    yield from _values(_mapping(sheet, "parameter_values"), settings, work)
    labels = _mapping(sheet, "labels")
    if not labels:
        yield Answer("labels", "missing", "labels: none, so nobody finds the runs of a team or their cost.", _LOOK)
    for key, value in labels.items():
        label = f"{key}: {value}"
        if isinstance(value, str) and _LABEL.fullmatch(str(key)) and _LABEL.fullmatch(value):
            yield Answer("labels", "right", f"label {label}.")
        else:
            yield Answer("labels", "wrong", f"label {label} is not accepted by the service.", _LOOK)


_LOOK = "Small letters, digits, - and _ only, at most 63, and texts: a bare number goes between quotes."


def _values(given: Mapping[str, Any], settings: Settings, work: Work) -> Iterator[Answer]:
    look = settings["look"]
    declared = work.given_graph(settings["pipeline"]).parameters
    for name, parameter in declared.items():
        value = given.get(name)
        if is_open(value):
            if parameter.required:
                yield Answer(name, "missing", f"{name}: it has no default, so the run does not start without it.", look)
            continue
        kind = NAMES.get(parameter.type, parameter.type)
        try:
            fit(parameter.type, value)
        except ValueError:
            yield Answer(name, "wrong", f"{name}: {value!r} is not {kind}.", look)
        else:
            yield Answer(name, "right", f"{name}: {value!r} is {kind}.")
    for name in (str(each) for each in given if each not in declared):
        yield Answer(name, "wrong", f"{name}: the pipeline has no such parameter.", look)


def _mapping(sheet: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = sheet.get(key)
    return found if isinstance(found, Mapping) else {}
