"""Line numbers of places in a pipeline spec, such as `components.comp-train.dag.tasks.train.inputs`."""

from __future__ import annotations

import re
from typing import Any

import yaml

LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_INDEX = re.compile(r"\[(\d+)\]\.?")


class Lines:
    """The lines of a YAML or JSON text that `spec.loads` has read."""

    def __init__(self, text: str) -> None:
        """Keep the first document; a text that is no YAML has no lines."""
        try:
            self._root: Any = next(iter(yaml.compose_all(text, Loader=LOADER)), None)
        except yaml.YAMLError:
            self._root = None  # JSON with tabs, for one

    def line(self, place: str) -> int | None:
        """The line, from 1, of a place or of what of it is there; None for the whole document."""
        node, line = self._root, None
        while place and node is not None:
            node, found, place = _step(node, place)
            line = found or line
        return line


def _step(node: Any, place: str) -> tuple[Any, int | None, str]:
    """The node one step further, its line, and the rest of the place."""
    if isinstance(node, yaml.SequenceNode) and (match := _INDEX.match(place)):
        index = int(match[1])
        item = node.value[index] if index < len(node.value) else None
        return item, item and item.start_mark.line + 1, place[match.end() :]
    if isinstance(node, yaml.MappingNode):
        # a key may hold dots itself: the longest that fits
        keys = [(key, value) for key, value in node.value if _begins(place, str(key.value))]
        if keys:
            key, value = max(keys, key=lambda pair: len(pair[0].value))
            return value, key.start_mark.line + 1, place[len(key.value) :].removeprefix(".")
    return None, None, ""


def _begins(place: str, key: str) -> bool:
    return place.startswith(key) and place[len(key) : len(key) + 1] in ("", ".", "[")
