"""Line numbers of places in a definition, such as `/Steps/0/Arguments`."""

from __future__ import annotations

from typing import Any

import yaml

from ..yaml_reading import LOADER
from .expressions import pointer_token


class Lines:
    """The lines of a definition's text, which is JSON or YAML."""

    def __init__(self, text: str) -> None:
        """Keep the document; a text that YAML cannot read, such as JSON with tabs, has no lines."""
        try:
            self._root: Any = yaml.compose(text, Loader=LOADER)
        except yaml.YAMLError:
            self._root = None

    def line(self, pointer: str) -> int | None:
        """The line, from 1, of a JSON pointer or of what of it is there; None for the whole document."""
        node, line = self._root, None
        for token in pointer.split("/")[1:]:
            if isinstance(node, yaml.MappingNode):
                found = next((pair for pair in node.value if pointer_token(pair[0].value) == token), None)
                if found is None:
                    return line
                key, node = found
                line = key.start_mark.line + 1
            elif isinstance(node, yaml.SequenceNode) and token.isdecimal() and int(token) < len(node.value):
                node = node.value[int(token)]
                line = node.start_mark.line + 1
            else:
                return line
        return line
