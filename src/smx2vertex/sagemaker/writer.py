"""Writes a definition as JSON: the very document that was read, unknown fields and the order of keys included."""

from __future__ import annotations

import json

from .definition import Definition


def write(definition: Definition) -> str:
    """The text of a definition.

    Args:
        definition: one that was read.

    Returns:
        JSON text that reads as the same JSON value; a line feed ends it.
    """
    return json.dumps(definition.raw, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
