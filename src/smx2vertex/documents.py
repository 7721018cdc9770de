"""Reads YAML and JSON files that others wrote: of bounded size, depth and number of values, and text that is text.

Definitions and compiled pipelines have readers of their own, which keep more; this one is for the files beside them.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import yaml

from .yaml_reading import LOADER, check_depth, fault_in_words

MAX_BYTES = 16 * 1024 * 1024
MAX_DEPTH = 100
MAX_VALUES = 200_000  # with aliases: without, the size bounds them


class DocumentError(ValueError):
    """The file cannot be used; the message says why, in one line."""


def read_text(file: Path) -> str:
    """The text of a file, without a byte order mark.

    Raises:
        DocumentError: it is too large, or no UTF-8.
        OSError: it cannot be read.
    """
    if file.stat().st_size > MAX_BYTES:
        raise DocumentError(f"it is larger than {MAX_BYTES >> 20} MiB")
    try:
        return file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise DocumentError(f"it is no UTF-8 text (byte {error.start})") from error


def load_json(text: str) -> Any:
    """The value of a JSON text.

    Raises:
        DocumentError: it is no JSON, or breaks a bound.
    """
    try:
        document = json.loads(text)
    except RecursionError as error:
        raise _too_deep() from error
    except ValueError as error:
        raise DocumentError(f"it is no JSON: {error}") from error
    _check_values(document)
    return document


def load_yaml(text: str) -> Any:
    """The value of a YAML text, by the safe loader: plain values, dates, lists, mappings whose keys are plain values.

    Raises:
        DocumentError: it is no YAML, or breaks a bound.
    """
    try:
        aliases = check_depth(text, MAX_DEPTH)
        document = yaml.load(text, Loader=LOADER)
    except RecursionError as error:
        raise _too_deep() from error
    except (yaml.YAMLError, ValueError, TypeError) as error:
        raise DocumentError(f"it is no YAML: {fault_in_words(error)}") from error
    _check_values(document, MAX_VALUES if aliases else math.inf)
    return document


def _check_values(document: Any, most: float = math.inf) -> None:
    """Aliases of YAML can stand for endlessly many values, and for values that hold themselves."""
    waiting, seen = [(document, 0)], 0
    while waiting:
        value, depth = waiting.pop()
        seen += 1
        if seen > most:
            raise DocumentError(f"it stands for more than {most} values")
        if depth > MAX_DEPTH:
            raise _too_deep()
        if isinstance(value, dict):
            waiting += [(each, depth + 1) for pair in value.items() for each in pair]
        elif isinstance(value, list):
            waiting += [(each, depth + 1) for each in value]
        elif isinstance(value, str) and not value.isascii() and any("\ud800" <= each <= "\udfff" for each in value):
            raise DocumentError("it holds half a surrogate pair, which is no text")
        elif isinstance(value, float) and not math.isfinite(value):
            raise DocumentError("it holds a number that is not finite")


def _too_deep() -> DocumentError:
    return DocumentError(f"it is nested deeper than {MAX_DEPTH} levels")
