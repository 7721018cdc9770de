"""Whether a mapping table is well-formed, with the place of each mistake."""

from __future__ import annotations

import re
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

import yaml

from ..documents import MAX_DEPTH, DocumentError, load_yaml, read_text
from ..findings import catalogue
from ..yaml_reading import check_depth
from .data import mappings_dir
from .tables import VERDICTS, Node, Table, our_tables, split, step_tables

_MAX_BYTES = 1024 * 1024
_GROUPS = ("fields", "step_fields", "conditions", "properties")
TABLE_KEYS = {"step", "target", "verdict", "test", "dropped_test", "sources", *_GROUPS}
_ROW_KEYS = {"to", "drop", "verdict", "because", "code", "blocks", "harmless", "from", "empty", "test"}
_SOURCE_KEYS = {"title", "url", "checked"}
_PART = re.compile(r"[^\[\].]+(?:\[\])*")
_FROM = ("artifact", "parameter", "request")
_TEST = re.compile(r"tests/[\w/]+\.py::\w+")


@dataclass(frozen=True, slots=True)
class Mistake:
    """A mistake in a table or a configuration; line and column count from 1.

    `doubtful` is what our tables do not know, though it may be right.
    """

    file: Path
    line: int
    column: int
    message: str
    doubtful: bool = False

    @property
    def place(self) -> str:
        """File, line and column."""
        return f"{self.file}:{self.line}:{self.column}"

    def __str__(self) -> str:
        return f"{self.place}: {self.message}"


def table_files() -> list[Path]:
    """The files of `mappings/` that hold rows."""
    common = ("step", "definition", "expressions", "conditions", "properties")
    of_steps = (file for folder in ("steps", "disguises") for file in sorted((mappings_dir() / folder).glob("*.yaml")))
    return [*of_steps, *(mappings_dir() / f"{name}.yaml" for name in common)]


def check_table(file: Path) -> list[Mistake]:
    """The mistakes of a table, in the order of the file; none if it is well-formed.

    Raises:
        OSError: the file cannot be read.
    """
    checker = Checker(file)
    root = checker.read()
    if not checker.mistakes:
        checker.table(root)
    return checker.in_order()


Entries = dict[str, yaml.Node]


class Checker:
    """Walks the nodes of a table, no deeper than its rows, and collects the mistakes."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.mistakes: list[Mistake] = []

    def in_order(self) -> list[Mistake]:
        """The mistakes in the order of the file; those in other files come after them."""
        return sorted(self.mistakes, key=lambda each: (each.file != self.file, each.file, each.line, each.column))

    def read(self) -> yaml.Node | None:
        """The nodes of the file; None if it is no YAML, which is a mistake, or holds nothing."""
        if self.file.stat().st_size > _MAX_BYTES:
            self.note(None, "the file is larger than 1 MiB")
            return None
        try:
            text = read_text(self.file)
            with suppress(yaml.YAMLError):  # what is none, the next line tells
                check_depth(text, MAX_DEPTH)
            nodes: yaml.Node | None = yaml.compose(text, Loader=yaml.SafeLoader)
            load_yaml(text)  # aliases that stand for too much, dates that are none
            return nodes
        except yaml.MarkedYAMLError as error:
            self.note(error, f"this is no YAML: {error.problem or error.context}")
        except DocumentError as error:
            self.note(None, f"the file cannot be used: {error}")
        except (yaml.YAMLError, RecursionError):
            self.note(None, "this is no YAML text, or it is nested too deeply")
        return None

    def note(self, place: yaml.Node | yaml.MarkedYAMLError | None, message: str, doubtful: bool = False) -> None:
        """Add a mistake at a node."""
        mark = place.start_mark if isinstance(place, yaml.Node) else place and place.problem_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        self.mistakes.append(Mistake(self.file, line, column, message, doubtful))

    def table(self, root: yaml.Node | None) -> None:
        """A whole table."""
        entries = self.entries(root, "a table", TABLE_KEYS)
        if not entries:
            return
        for key in ("target", "verdict", "sources"):
            if key not in entries:
                self.note(root, f"the table has no {key}")
        if not any(key in entries for key in _GROUPS):
            self.note(root, f"the table has no rows: none of {', '.join(_GROUPS)}")
        self.test(entries, "test")
        self.test(entries, "dropped_test")
        self.verdict(entries)
        self.texts(entries, "target", "step")
        self.sources(entries.get("sources"))
        own = self.file.resolve().is_relative_to(mappings_dir().resolve())
        found = None if own else our_tables().find(text_of(entries, "step") or self.file.stem)
        self.groups(entries, text_of(entries, "verdict") in ("redesign", "unsupported"), found)

    def groups(self, entries: Entries, silent: bool, ours: Table | None) -> None:
        """The rows of a table; `silent` if one finding about the whole step speaks for all of them.

        `ours` is the table that a user's rows lie over.
        """
        for key in ("fields", "step_fields", "conditions"):
            self.rows(entries.get(key), silent)
        self.paths(entries.get("fields"), ours.root if ours else None)
        self.paths(entries.get("step_fields"), ours.step_root if ours else None)
        if ours is not None:
            self.names(entries.get("conditions"), our_tables().conditions, "condition")
            self.names(entries.get("properties"), our_tables().steps, "step type")
        if "properties" in entries:
            for type_, rows in self.entries(entries["properties"], "properties").items():
                table = step_tables().get(type_)
                self.rows(rows, table is not None and table.is_redesign)

    def paths(self, node: yaml.Node | None, ours: Node | None) -> None:
        """The paths of a group of rows: a row whose path no field has never applies."""
        for key, _ in node.value if isinstance(node, yaml.MappingNode) else ():
            if not isinstance(key, yaml.ScalarNode):
                continue
            if not all(map(_PART.fullmatch, key.value.split("."))):
                self.note(key, f"{key.value!r} is no path of a field; paths are of the form A.B, A[].B or A.*")
            elif (meant := ours and _meant(ours, key.value)) is not None:
                message = f"this row never applies: {key.value!r} is in no table; did you mean {meant!r}?"
                self.note(key, message, doubtful=True)

    def texts(self, entries: Entries, *keys: str) -> None:
        """Keys whose values are text."""
        for key in keys:
            if key in entries and not is_text(entries[key]):
                self.note(entries[key], f"{key} is text; put quotes around it")

    def names(self, node: yaml.Node | None, known: Collection[str], what: str) -> None:
        """The keys of a user's group that look like a slip of the pen for one of ours."""
        for key, _ in node.value if isinstance(node, yaml.MappingNode) else ():
            meant = get_close_matches(key.value, known, 1, 0.8) if isinstance(key, yaml.ScalarNode) else []
            if meant and key.value not in known:
                message = f"this row never applies: {key.value!r} is no {what}; did you mean {meant[0]!r}?"
                self.note(key, message, doubtful=True)

    def rows(self, node: yaml.Node | None, silent: bool) -> None:
        """The rows of a group."""
        if node is None:
            return
        for row in self.entries(node, "a group of rows").values():
            self.row(row, self.entries(row, "a row", _ROW_KEYS), silent)

    def row(self, node: yaml.Node, entries: Entries, silent: bool) -> None:
        if not entries:
            return
        verdict, code = text_of(entries, "verdict"), text_of(entries, "code")
        drops = text_of(entries, "drop") == "true"
        if bool(text_of(entries, "to")) == drops:
            self.note(node, "a row says where a field goes (to), or drops it (drop: true)")
        if verdict is None:
            self.note(node, "the row has no verdict")
        self.verdict(entries)
        if verdict == "exact" and drops:
            self.note(node, "what is dropped is not exact")
        if verdict in VERDICTS[1:] and not text_of(entries, "because"):
            self.note(node, f"a row with verdict {verdict} says why (because)")
        if verdict in ("redesign", "unsupported") and "code" not in entries and not silent:
            self.note(node, f"a row with verdict {verdict} names a finding (code)")
        self.code(entries, code)
        self.test(entries, "test")
        if "from" in entries and text_of(entries, "from") not in _FROM:
            self.note(entries["from"], f"from is one of {', '.join(_FROM)}")
        for key in ("drop", "blocks", "empty"):
            if key in entries and text_of(entries, key) not in ("true", "false"):
                self.note(entries[key], f"{key} is true or false")
        self.texts(entries, "to", "because", "code")
        if "harmless" in entries and not isinstance(entries["harmless"], yaml.SequenceNode):
            self.note(entries["harmless"], "harmless is a list of values")

    def code(self, entries: Entries, code: str | None) -> None:
        if "code" in entries and code not in catalogue():
            self.note(entries["code"], f"no finding has the code {code!r}")
        elif text_of(entries, "blocks") == "true" and (code is None or catalogue()[code].severity != "error"):
            self.note(entries["blocks"], "a row that blocks its step names a finding that is an error")

    def test(self, entries: Entries, key: str) -> None:
        if key in entries and not _TEST.fullmatch(text_of(entries, key) or ""):
            self.note(entries[key], f"{key} names a test, such as tests/mapping/test_mine.py::test_this")

    def verdict(self, entries: Entries) -> None:
        if "verdict" in entries and text_of(entries, "verdict") not in VERDICTS:
            self.note(
                entries["verdict"], f"{text_of(entries, 'verdict')!r} is no verdict; they are {', '.join(VERDICTS)}"
            )

    def sources(self, node: yaml.Node | None) -> None:
        if node is None:
            return
        if not isinstance(node, yaml.SequenceNode) or not node.value:
            self.note(node, "sources is a list of one source or more")
            return
        for item in node.value:
            source = self.entries(item, "a source", _SOURCE_KEYS)
            if missing := sorted(_SOURCE_KEYS - set(source)):
                self.note(item, f"the source has no {', '.join(missing)}")
            if "url" in source and not (text_of(source, "url") or "").startswith("https://"):
                self.note(source["url"], "the address of a source begins with https://")
            if "checked" in source and source["checked"].tag != "tag:yaml.org,2002:timestamp":
                self.note(source["checked"], "checked is a day, such as 2026-11-21")

    def entries(self, node: yaml.Node | None, what: str, known: set[str] | None = None) -> Entries:
        """The values of a mapping by their keys; none if it is no mapping, which is a mistake."""
        if not isinstance(node, yaml.MappingNode) or not node.value:
            self.note(node, f"{what} is a mapping from keys to values")
            return {}
        found: Entries = {}
        for key, value in node.value:
            name = key.value if is_text(key) else ""
            if not name:
                self.note(key, "a key is text")
            elif name in found:
                self.note(key, f"{name!r} stands here a second time")
            elif known is not None and name not in known:
                self.note(key, f"{what} has no key {name!r}; its keys are {', '.join(sorted(known))}")
            found[name] = value
        return found


def text_of(entries: Entries, key: str) -> str | None:
    """The text of a scalar; None if it is missing or something else."""
    node = entries.get(key)
    return str(node.value) if isinstance(node, yaml.ScalarNode) else None


def is_text(node: yaml.Node) -> bool:
    """Whether a node is text: not a number, a date, or a word that YAML reads as a truth value."""
    return isinstance(node, yaml.ScalarNode) and str(node.tag) == "tag:yaml.org,2002:str"


def _meant(ours: Node, path: str) -> str | None:
    """The name in our tables that a name in a path is a slip of the pen for; None if it is none."""
    node = ours
    for key in split(path):
        child = node.children.get(key)
        if child is None:
            names = [name for name in node.children if name not in ("*", "[]")]
            return None if "*" in node.children else next(iter(get_close_matches(key, names, 1, 0.85)), None)
        node = child
    return None
