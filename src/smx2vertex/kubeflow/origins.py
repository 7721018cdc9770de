"""Where a value comes from, once the boundaries of groups are seen through; and the placeholders inside texts."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

PLACEHOLDER = re.compile(r"\{\{\$(?:\.[^{}]*)?\}\}")
_KEY = r"\[(?:'([^']*)'|\"([^\"]*)\")\]"
_FORMS = (
    ("input_parameter", re.compile(rf"inputs\.parameters{_KEY}(?:\.json_escape\[(\d+)\])?")),
    ("input_artifact", re.compile(rf"inputs\.artifacts{_KEY}\.(uri|path|name|metadata{_KEY})")),
    ("output_parameter", re.compile(rf"outputs\.parameters{_KEY}\.(output_file)")),
    ("output_artifact", re.compile(rf"outputs\.artifacts{_KEY}\.(uri|path|name|metadata{_KEY})")),
    ("executor_input", re.compile(r"(?:json_escape\[(\d+)\])?")),
    ("output_file", re.compile(r"outputs\.output_file")),
    ("runtime", re.compile(r"(\w+)")),
)


@dataclass(frozen=True, slots=True)
class Constant:
    """A value that stands in the pipeline spec."""

    value: Any


@dataclass(frozen=True, slots=True)
class PipelineParameter:
    """A parameter of the pipeline."""

    name: str


@dataclass(frozen=True, slots=True)
class PipelineArtifact:
    """An input artifact of the pipeline."""

    name: str


@dataclass(frozen=True, slots=True)
class TaskOutput:
    """An output of a leaf task, by the task's id."""

    task: str
    key: str
    artifact: bool = False


@dataclass(frozen=True, slots=True)
class LoopItem:
    """The item of a loop, by the id of its group; `part` is one entry of an item that is a mapping."""

    group: str
    part: str | None = None


@dataclass(frozen=True, slots=True)
class Collected:
    """The list of what a task inside a loop gives in all iterations."""

    of: Origin


@dataclass(frozen=True, slots=True)
class OneOf:
    """The first of these that exists: outputs of exclusive branches."""

    options: tuple[Origin, ...]


@dataclass(frozen=True, slots=True)
class FinalStatus:
    """How a task or group ended, for the exit handler."""

    task: str


@dataclass(frozen=True, slots=True)
class ArtifactField:
    """`uri`, `path`, `name` or `metadata.KEY` of an input artifact."""

    artifact: Origin
    field: str


@dataclass(frozen=True, slots=True)
class OutputField:
    """`output_file` of an output parameter; `uri`, `path`, `name` or `metadata.KEY` of an output artifact."""

    key: str
    field: str


@dataclass(frozen=True, slots=True)
class ExecutorInput:
    """The JSON text of all inputs and outputs of the task, escaped for JSON this many times."""

    escapes: int = 0


@dataclass(frozen=True, slots=True)
class Runtime:
    """What only the engine knows, such as `pipeline_job_uuid`."""

    name: str


@dataclass(frozen=True, slots=True)
class Text:
    """A text made of parts, the values written into it."""

    parts: tuple[Origin, ...]


@dataclass(frozen=True, slots=True)
class Items:
    """A list that holds origins other than constants."""

    items: tuple[Origin, ...]


@dataclass(frozen=True, slots=True)
class Entries:
    """A mapping that holds origins other than constants."""

    entries: tuple[tuple[str, Origin], ...]


@dataclass(frozen=True, slots=True)
class Unknown:
    """What cannot be resolved; a finding says why."""

    text: str


Origin = (
    Constant
    | PipelineParameter
    | PipelineArtifact
    | TaskOutput
    | LoopItem
    | Collected
    | OneOf
    | FinalStatus
    | ArtifactField
    | OutputField
    | ExecutorInput
    | Runtime
    | Text
    | Items
    | Entries
    | Unknown
)


def origins_in(origin: Origin) -> Iterator[Origin]:
    """The origin itself and all that it is made of."""
    waiting = [origin]
    while waiting:
        found = waiting.pop()
        yield found
        match found:
            case Text(children) | Items(children) | OneOf(children):
                waiting.extend(children)
            case Entries(entries):
                waiting.extend(value for _, value in entries)
            case Collected(child) | ArtifactField(child, _):
                waiting.append(child)


def entry(origin: Origin | None, key: str | int) -> Origin | None:
    """One entry of a list or mapping; None if it is absent or cannot be known."""
    match origin:
        case Constant(list() as items) if isinstance(key, int) and key < len(items):
            return Constant(items[key])
        case Constant(dict() as entries) if key in entries:
            return Constant(entries[key])
        case Items(items) if isinstance(key, int) and key < len(items):
            return items[key]
        case Entries(entries):
            return dict(entries).get(str(key))
    return None


def length(origin: Origin | None) -> int:
    """The number of items of a list; 0 for anything else."""
    match origin:
        case Constant(list() as items) | Items(items):
            return len(items)
    return 0


@dataclass(frozen=True, slots=True)
class Placeholder:
    """A placeholder in a text.

    Attributes:
        kind: `input_parameter`, `input_artifact`, `output_parameter`, `output_artifact`, `executor_input`,
            `output_file`, `runtime` or `unknown`.
        key: name of the input, output or runtime value.
        field: as in `ArtifactField` and `OutputField`.
        escapes: how many times the value is escaped for JSON.
        text: as it stands.
    """

    kind: str
    text: str
    key: str = ""
    field: str = ""
    escapes: int = 0


def split(text: str) -> list[str | Placeholder]:
    """The parts of a text: plain text and placeholders, in order, nothing empty."""
    parts: list[str | Placeholder] = []
    end = 0
    for match in PLACEHOLDER.finditer(text):
        parts.extend((text[end : match.start()], _placeholder(match[0])))
        end = match.end()
    parts.append(text[end:])
    return [part for part in parts if part]


def _placeholder(text: str) -> Placeholder:
    inner = text[3:-2].removeprefix(".")
    for kind, form in _FORMS:
        if match := form.fullmatch(inner):
            return _made(kind, text, list(match.groups()))
    return Placeholder("unknown", text)


def _made(kind: str, text: str, groups: list[str | None]) -> Placeholder:
    if kind == "executor_input":
        return Placeholder(kind, text, escapes=int(groups[0] or 0))
    if kind == "output_file":
        return Placeholder(kind, text)
    if kind == "runtime":
        return Placeholder(kind, text, key=groups[0] or "")
    key = groups[0] if groups[0] is not None else groups[1] or ""
    if kind == "input_parameter":
        return Placeholder(kind, text, key=key, escapes=int(groups[2] or 0))
    field = groups[2] or ""
    if field.startswith("metadata"):
        field = "metadata." + (groups[3] if groups[3] is not None else groups[4] or "")
    return Placeholder(kind, text, key=key, field=field)


def words(arguments: list[Any], is_present: Callable[[str], bool]) -> list[str]:
    """Command words with `Concat` and `IfPresent` resolved; other placeholders stay.

    Args:
        arguments: the words of a command as the executor writes them.
        is_present: whether the task has an input of that name.
    """
    resolved: list[str] = []
    for argument in arguments:
        resolved.extend(_structure(_read_structure(str(argument)), is_present))
    return resolved


def _read_structure(argument: str) -> Any:
    if not argument.startswith(('{"Concat": ', '{"IfPresent": ')):
        return argument
    try:
        return json.loads(argument)
    except (ValueError, RecursionError):
        return argument


def _structure(value: Any, is_present: Callable[[str], bool]) -> list[str]:
    match value:
        case str():
            return [value]
        case list():
            return [word for item in value for word in _structure(item, is_present)]
        case {"Concat": list(items)}:
            return ["".join(word for item in items for word in _structure(item, is_present))]
        case {"IfPresent": {"InputName": name, "Then": then, **rest}}:
            return _structure(then if is_present(name) else rest.get("Else", []), is_present)
    return [json.dumps(value)]
