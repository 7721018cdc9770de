"""What all readers of YAML share: the loader, a bound on depth, and how a fault is told."""

from __future__ import annotations

from typing import Any

import yaml

# The one in C, if PyYAML was built with it.
LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def check_depth(text: str, most: int) -> bool:
    """Refuse deep nesting before a text is loaded: the C loader overflows the stack on it.

    Args:
        text: YAML.
        most: how deeply collections may nest.

    Returns:
        Whether the text has aliases: then a few lines may stand for an endless document.

    Raises:
        RecursionError: it is nested more deeply.
        yaml.YAMLError: it is no YAML.
    """
    depth, aliases = 0, False
    for event in yaml.parse(text, Loader=LOADER):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > most:
                raise RecursionError
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        elif isinstance(event, yaml.AliasEvent):
            aliases = True
    return aliases


def fault_in_words(error: Exception) -> str:
    """What is wrong with a text and where, in one line: `line 3, column 1: found a tab`."""
    mark = getattr(error, "problem_mark", None)
    place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
    return place + (getattr(error, "problem", None) or (str(error).splitlines() or [""])[0])
