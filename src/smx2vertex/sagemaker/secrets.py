"""Values that are likely secrets are not written down."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

MASK = "***"
_NAME = re.compile(r"passw(or)?d|secret|credential|(api|access|private)_?key|(?<!max_)token$", re.IGNORECASE)
# Access keys of AWS, of GitHub and of Google, PEM, and addresses with a password
VALUE = re.compile(
    r"\b(AKIA|ASIA)[0-9A-Z]{16}\b|\bgh[pousr]_\w{20,}|\bAIza[\w-]{30,}|-----BEGIN [A-Z ]*PRIVATE KEY"
    r"|://[^/\s:@]*:[^/\s@]+@"
)
# The keys of what has its name beside it, and of what is no value.
VALUES = frozenset({"Value", "value", "DefaultValue", "EnumValues"})
NO_VALUES = frozenset({"Get", "Type", "Name"})
# A shorter secret is only looked for between quotes: it may be a part of any word.
_SHORT = 6


def masked(name: str, value: str) -> str:
    """A value by its name, or `***` if it is likely a secret."""
    return MASK if _NAME.search(name) or VALUE.search(value) else value


class Secrets:
    """The values of a definition that are likely secrets."""

    def __init__(self, document: Any) -> None:
        """Find them in a JSON document: by the key, or by the name that stands beside the value."""
        values = {text for name, text in _named(document, "") if masked(name, text) == MASK}
        written = {form for value in values if value not in ("", MASK) for form in _written(value)}
        self._forms = sorted(written, key=len, reverse=True)

    def hidden(self, text: str) -> str:
        """A text with `***` in the place of each secret, also where it is a literal of Python or JSON."""
        for form in self._forms:
            if len(form) >= _SHORT:
                text = text.replace(form, MASK)
            else:
                text = text.replace(f'"{form}"', f'"{MASK}"').replace(f"'{form}'", f"'{MASK}'")
        return text


def name_beside(value: Mapping[str, Any]) -> str:
    """The name that stands beside the value in an object such as `{"Name": "N", "Value": "V"}`; empty if none does."""
    return next((value[key] for key in ("Name", "name", "Key") if isinstance(value.get(key), str)), "")


def _named(value: Any, name: str) -> Iterator[tuple[str, str]]:
    """All plain values with the name that tells what they are; flags and nulls are none."""
    stack = [(value, name)]
    while stack:
        value, name = stack.pop()
        if isinstance(value, dict):
            beside = name_beside(value)
            for key, item in value.items():
                if key not in NO_VALUES:
                    stack.append((item, beside if beside and key in VALUES else str(key)))
        elif isinstance(value, list):
            options = [item if isinstance(item, str) and item.startswith("--") else name for item in value]
            stack.extend(zip(value, [name, *options], strict=False))  # the value of an option stands behind it
        elif isinstance(value, str):
            yield name, value
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield name, str(value)


def _written(value: str) -> Iterator[str]:
    """The forms in which a value may stand in a text; a hyperparameter is JSON within the definition already."""
    plain = value[1:-1] if len(value) > 2 and value[0] == value[-1] == '"' else value
    for text in (value, plain):
        yield text
        yield json.dumps(text)[1:-1]
        yield json.dumps(text, ensure_ascii=False)[1:-1]
        yield repr(text)[1:-1]
        yield html.escape(text)
