"""Line numbers of places in a pipeline spec, such as `components.comp-train.dag.tasks.train.inputs`."""

from __future__ import annotations

import re
from typing import Any

import yaml

from ..yaml_reading import LOADER

_INDEX = re.compile(r"\[(\d+)\]\.?")
_ENDS = re.compile(r"[.\[]")


class Lines:
    """The lines of a YAML or JSON text that `spec.loads` has read."""

    def __init__(self, text: str) -> None:
        """Keep the first document; a text that is no YAML has no lines."""
        try:
            self._root: Any = next(iter(yaml.compose_all(text, Loader=LOADER)), None)
        except yaml.YAMLError:
            self._root = None  # JSON with tabs, for one
        self._entries: dict[int, dict[str, tuple[int, Any]]] = {}

    def line(self, place: str) -> int | None:
        """The line, from 1, of a place or of what of it is there; None for the whole document."""
        node, line = self._root, None
        while place and node is not None:
            node, found, place = self._step(node, place)
            line = found or line
        return line

    def _step(self, node: Any, place: str) -> tuple[Any, int | None, str]:
        """The node one step further, its line, and the rest of the place."""
        if isinstance(node, yaml.SequenceNode) and (match := _INDEX.match(place)):
            index = int(match[1])
            item = node.value[index] if index < len(node.value) else None
            return item, item and item.start_mark.line + 1, place[match.end() :]
        if isinstance(node, yaml.MappingNode):
            entries = self._entries_of(node)
            # a key may hold dots itself: the longest that fits
            for end in sorted((len(place), *(match.start() for match in _ENDS.finditer(place))), reverse=True):
                if found := entries.get(place[:end]):
                    line, value = found
                    return value, line, place[end:].removeprefix(".")
        return None, None, ""

    def _entries_of(self, node: yaml.MappingNode) -> dict[str, tuple[int, Any]]:
        """The values of a mapping, each with the line of its key."""
        if id(node) not in self._entries:
            self._entries[id(node)] = {str(key.value): (key.start_mark.line + 1, value) for key, value in node.value}
        return self._entries[id(node)]
