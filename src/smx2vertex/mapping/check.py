"""Whether a mapping table is well-formed, with the place of each mistake."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import yaml

from ..findings import catalogue
from .data import mappings_dir
from .tables import VERDICTS, step_tables

_MAX_BYTES = 1024 * 1024
_GROUPS = ("fields", "step_fields", "conditions", "properties")
_TABLE_KEYS = {"step", "target", "verdict", "sources", *_GROUPS}
_ROW_KEYS = {"to", "drop", "verdict", "because", "code", "blocks", "harmless", "from", "empty"}
_SOURCE_KEYS = {"title", "url", "checked"}
_FROM = ("artifact", "parameter", "request")


@dataclass(frozen=True, slots=True)
class Mistake:
    """A mistake in a table; line and column count from 1."""

    file: Path
    line: int
    column: int
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.message}"


def table_files() -> list[Path]:
    """The files of `mappings/` that hold rows."""
    common = ("step", "definition", "expressions", "conditions", "properties")
    return [*sorted((mappings_dir() / "steps").glob("*.yaml")), *(mappings_dir() / f"{name}.yaml" for name in common)]


def check_table(file: Path) -> list[Mistake]:
    """The mistakes of a table, in the order of the file; none if it is well-formed.

    Raises:
        OSError: the file cannot be read.
    """
    if file.stat().st_size > _MAX_BYTES:
        return [Mistake(file, 1, 1, "the file is larger than 1 MiB")]
    try:
        root = yaml.compose(file.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)
        return [Mistake(file, *place, f"this is no YAML: {error.problem or error.context}")]
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError):
        return [Mistake(file, 1, 1, "this is no YAML text, or it is nested too deeply")]
    checker = _Checker(file)
    checker.table(root)
    return sorted(checker.mistakes, key=lambda mistake: (mistake.line, mistake.column))


_Entries = dict[str, yaml.Node]


class _Checker:
    """Walks the nodes of a table, no deeper than its rows, and collects the mistakes."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.mistakes: list[Mistake] = []

    def note(self, node: yaml.Node | None, message: str) -> None:
        line, column = (1, 1) if node is None else (node.start_mark.line + 1, node.start_mark.column + 1)
        self.mistakes.append(Mistake(self.file, line, column, message))

    def table(self, root: yaml.Node | None) -> None:
        entries = self.entries(root, "a table", _TABLE_KEYS)
        if not entries:
            return
        for key in ("target", "verdict", "sources"):
            if key not in entries:
                self.note(root, f"the table has no {key}")
        if not any(key in entries for key in _GROUPS):
            self.note(root, f"the table has no rows: none of {', '.join(_GROUPS)}")
        self.verdict(entries)
        self.sources(entries.get("sources"))
        silent = _text(entries, "verdict") in ("redesign", "unsupported")
        for key in ("fields", "step_fields", "conditions"):
            self.rows(entries.get(key), silent)
        if "properties" in entries:
            for type_, rows in self.entries(entries["properties"], "properties").items():
                table = step_tables().get(type_)
                self.rows(rows, table is not None and table.is_redesign)

    def rows(self, node: yaml.Node | None, silent: bool) -> None:
        """The rows of a group; `silent` if one finding about the whole step speaks for all of them."""
        if node is None:
            return
        for row in self.entries(node, "a group of rows").values():
            self.row(row, self.entries(row, "a row", _ROW_KEYS), silent)

    def row(self, node: yaml.Node, entries: _Entries, silent: bool) -> None:
        if not entries:
            return
        verdict, code = _text(entries, "verdict"), _text(entries, "code")
        drops = _text(entries, "drop") == "true"
        if bool(_text(entries, "to")) == drops:
            self.note(node, "a row says where a field goes (to), or drops it (drop: true)")
        if verdict is None:
            self.note(node, "the row has no verdict")
        self.verdict(entries)
        if verdict == "exact" and drops:
            self.note(node, "what is dropped is not exact")
        if verdict in VERDICTS[1:] and not _text(entries, "because"):
            self.note(node, f"a row with verdict {verdict} says why (because)")
        if verdict in ("redesign", "unsupported") and "code" not in entries and not silent:
            self.note(node, f"a row with verdict {verdict} names a finding (code)")
        self.code(entries, code)
        if "from" in entries and _text(entries, "from") not in _FROM:
            self.note(entries["from"], f"from is one of {', '.join(_FROM)}")
        if "harmless" in entries and not isinstance(entries["harmless"], yaml.SequenceNode):
            self.note(entries["harmless"], "harmless is a list of values")

    def code(self, entries: _Entries, code: str | None) -> None:
        if "code" in entries and code not in catalogue():
            self.note(entries["code"], f"no finding has the code {code!r}")
        elif _text(entries, "blocks") == "true" and (code is None or catalogue()[code].severity != "error"):
            self.note(entries["blocks"], "a row that blocks its step names a finding that is an error")

    def verdict(self, entries: _Entries) -> None:
        if "verdict" in entries and _text(entries, "verdict") not in VERDICTS:
            self.note(
                entries["verdict"], f"{_text(entries, 'verdict')!r} is no verdict; they are {', '.join(VERDICTS)}"
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
            if "url" in source and not (_text(source, "url") or "").startswith("https://"):
                self.note(source["url"], "the address of a source begins with https://")
            if "checked" in source and source["checked"].tag != "tag:yaml.org,2002:timestamp":
                self.note(source["checked"], "checked is a day, such as 2026-11-21")

    def entries(self, node: yaml.Node | None, what: str, known: set[str] | None = None) -> _Entries:
        """The values of a mapping by their keys; none if it is no mapping, which is a mistake."""
        if not isinstance(node, yaml.MappingNode) or not node.value:
            self.note(node, f"{what} is a mapping from keys to values")
            return {}
        found: _Entries = {}
        for key, value in node.value:
            name = key.value if isinstance(key, yaml.ScalarNode) else ""
            if not name:
                self.note(key, "a key is text")
            elif name in found:
                self.note(key, f"{name!r} stands here a second time")
            elif known is not None and name not in known:
                self.note(key, f"{what} has no key {name!r}; its keys are {', '.join(sorted(known))}")
            found[name] = value
        return found


def _text(entries: _Entries, key: str) -> str | None:
    """The text of a scalar; None if it is missing or something else."""
    node = entries.get(key)
    return str(node.value) if isinstance(node, yaml.ScalarNode) else None
