"""Mutates JSON documents: what a careless or hostile person would change in one, more or less."""

from __future__ import annotations

import json
import random
from collections import deque
from copy import deepcopy
from typing import Any

import yaml

MOST_CHANGES, MOST_PLACES = 4, 50_000
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_DUMPER: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
# Each of them has once been trouble for some program.
TEXTS = (
    "",
    " ",
    ".",
    "..",
    "/",
    "../../etc/passwd",
    "\0",
    "a\0b",
    "\x1b]0;x\x07\x1b[31mred",
    "\x9b31m",
    "[bold]x[/bold]",
    "[/]",
    "a\nb\r\n# c",
    "\u2028",
    "\u202edlrow",
    "\ud800",
    "\ufeff",
    "'\"`\\",
    '"""',
    "\\",
    "{{$}}",
    "{{$.inputs.parameters['x']}}",
    "{{channel:task=a;name=b;type=String;}}",
    "{0}",
    "%s",
    "${HOME}",
    "$(id)",
    "<script>alert(1)</script>",
    "]]>",
    "=1+1",
    "| a | b |",
    "s3://",
    "s3://b",
    "s3://b/../k",
    "s3://" + "a" * 300 + "/k",
    "gs://b/k",
    "https://[",
    "http://[::1]x/",
    "arn:aws:sagemaker:::",
    "x" * 5000,
    "0",
    "-1",
    "1e999",
    "nan",
    "9" * 5000,
    "true",
    "null",
    "class",
    "None",
    "__init__",
    "con",
    "ml.",
    "ml.p4d.24xlarge",
    "1234567890123.dkr.ecr..amazonaws.com/:",
    "Steps.",
    "Steps.A",
    "Steps.A.B['c'].D",
    "Parameters.",
    "rate(0 minutes)",
    "cron(0 0 ? * * *)",
    "(?P<x>",
    "(a+)+$",
)
VALUES = (
    None, True, False, 0, 1, -1, 0.5, -0.0, 1e308, 2**31, 2**63, 2**64, 10**40, [], {}, [[]], [{}], {"": ""},
    [None], {"Get": None}, {"Get": "Steps.A.B"}, {"Get": "Parameters.P"}, {"Get": "Execution.PipelineName"},
    {"Std:Join": {"On": "/", "Values": [{"Get": "Parameters.P"}, "x"]}}, {"Std:Join": {"Values": 1}},
    {"Std:JsonGet": {"PropertyFile": {"Get": "Steps.A.PropertyFiles.p"}, "Path": "a.b"}}, {"$ref": "#"},
    {"Name": "A", "Value": "B"},
)  # fmt: skip


class Mutator:
    """Changes documents; parts of earlier ones turn up in later ones."""

    def __init__(self, names: list[str]) -> None:
        """`names` are keys and texts that mean something in documents of this kind."""
        self.names = sorted(set(names))
        self.parts: deque[Any] = deque(maxlen=500)

    def document(self, value: Any, draw: random.Random) -> Any:
        """A changed copy of a JSON value."""
        value = deepcopy(value)
        for _ in range(draw.randint(1, MOST_CHANGES)):
            value = self._changed(value, draw)
        return value

    def bytes(self, content: bytes, draw: random.Random) -> bytes:
        """Changed bytes."""
        for _ in range(draw.randint(1, MOST_CHANGES)):
            at, length = draw.randrange(len(content) + 1), draw.choice((0, 0, 1, 1, 3, 20))
            kind = draw.randrange(4)
            new = content[at : at + length] * draw.choice((2, 50)) if kind == 0 else b""
            if kind == 1:
                new = draw.choice(TEXTS).encode("utf-8", "surrogatepass")
            if kind == 2:
                new = bytes([draw.choice((*b"[]{}()'\",:.#&*!|>-?%@`\\\n\t 0", draw.randrange(256)))])
            content = content[:at] + new + content[at + length :]
        return content

    def _changed(self, value: Any, draw: random.Random) -> Any:
        places = _places(value)
        holder, key = draw.choice(places) if places else (None, None)
        part = value if holder is None else holder[key]
        self.parts.append(deepcopy(part))  # a deque: it forgets the oldest ones
        action = draw.randrange(8)
        if action == 0 and isinstance(holder, dict):
            holder[self._text(str(key), draw)] = holder.pop(key)
            return value
        if action == 1 and holder is not None:
            del holder[key]
            return value
        if action == 2 and isinstance(part, list) and part:
            part.insert(draw.randrange(len(part)), deepcopy(draw.choice(part)))
            return value
        if action == 3 and isinstance(part, dict):
            part[self._text("", draw)] = self._value(part, draw)
            return value
        new = self._value(part, draw)
        if holder is None:
            return new
        holder[key] = new
        return value

    def _value(self, old: Any, draw: random.Random) -> Any:
        kind = draw.randrange(10)
        if kind < 3:
            return deepcopy(draw.choice(VALUES))
        if kind < 6 or isinstance(old, str):
            return self._text(old if isinstance(old, str) else "", draw)
        if kind == 6 and self.parts:
            return deepcopy(draw.choice(self.parts))
        if kind == 7:
            return [old] * draw.choice((1, 2, 40))
        if kind == 8:
            for _ in range(draw.choice((1, 3, 100))):
                old = {"a": old} if draw.random() < 0.5 else [old]
            return old
        return str(old)[:100]

    def _text(self, old: str, draw: random.Random) -> str:
        kind = draw.randrange(6)
        if kind == 0 or not old:
            return draw.choice(TEXTS)
        if kind < 3 and self.names:
            return draw.choice(self.names)
        at = draw.randrange(len(old) + 1)
        if kind == 3:
            return old[:at] + draw.choice(TEXTS) + old[at:]
        if kind == 4:
            return old[:at]
        return (
            old[:at]
            + chr(draw.choice((0, 9, 10, 27, 34, 39, 46, 91, 92, 93, 123, 125, 127, 133, 0xE9, 0x1F600)))
            + (old[at + 1 :])
        )


def parsed(content: bytes, is_yaml: bool) -> Any:
    """The JSON value that a file stands for.

    Raises:
        ValueError: it stands for none.
    """
    if is_yaml and b"*" in content and b"&" in content:
        raise ValueError("its aliases may stand for any number of values")
    try:
        if is_yaml and not content.lstrip().startswith(b"{"):
            return json.loads(json.dumps(yaml.load(content, Loader=_LOADER)))
        return json.loads(content)
    except (TypeError, RecursionError, yaml.YAMLError) as error:
        raise ValueError(str(error)) from error


def written(value: Any, is_yaml: bool, draw: random.Random) -> bytes:
    """A JSON value as a file; lone surrogates stand as escapes."""
    if is_yaml and draw.random() < 0.5:
        try:
            return yaml.dump(value, Dumper=_DUMPER, sort_keys=False, allow_unicode=draw.random() < 0.5).encode()
        except (UnicodeError, yaml.YAMLError, RecursionError):
            pass
    return json.dumps(value, ensure_ascii=True).encode()


def _places(value: Any) -> list[tuple[Any, Any]]:
    """All containers with each of their keys or indices.

    Raises:
        ValueError: there are too many; repeated repetitions make endless documents.
    """
    found, waiting = [], [value]
    while waiting:
        holder = waiting.pop()
        keys = list(holder) if isinstance(holder, dict) else range(len(holder)) if isinstance(holder, list) else ()
        for key in keys:
            found.append((holder, key))
            waiting.append(holder[key])
        if len(found) > MOST_PLACES:
            raise ValueError("the document has grown too large")
    return found


def names_in(value: Any) -> list[str]:
    """The keys and short texts of a JSON value."""
    found: list[str] = []
    for holder, key in _places(value):
        found += [text for text in (key, holder[key]) if isinstance(text, str) and 0 < len(text) < 100]
    return found
