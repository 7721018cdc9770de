"""A report that is read from top to bottom: tables, then one entry a thing; as text and as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from rich.cells import cell_len

from ..words import one_line


@dataclass(frozen=True, slots=True)
class Table:
    """A table with a title."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """A step or task: what is to be said about it, each with a label and a line or several."""

    title: str
    subtitle: str
    facts: tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True, slots=True)
class Outline:
    """A report; `summary` is one line below its title."""

    title: str
    summary: str
    tables: tuple[Table, ...]
    heading: str
    entries: tuple[Entry, ...]


def to_text(outline: Outline) -> Iterator[tuple[str, str]]:
    """The lines of the report, each with its style: `title`, `strong`, `weak` or ``."""
    yield one_line(outline.title), "title"
    yield one_line(outline.summary), ""
    for table in outline.tables:
        if table.rows:
            yield "", ""
            yield table.title, "strong"
            yield from _table_text(table)
    if outline.entries:
        yield "", ""
        yield outline.heading, "strong"
    for number, entry in enumerate(outline.entries, 1):
        yield "", ""
        yield f"{number:>3}  {one_line(entry.title)} · {one_line(entry.subtitle)}", "strong"
        for label, lines in entry.facts:
            for index, line in enumerate(lines):
                yield f"     {label if not index else '':<11} {one_line(line)}", ""


def _table_text(table: Table) -> Iterator[tuple[str, str]]:
    rows = [tuple(one_line(cell) for cell in row) for row in (table.columns, *table.rows)]
    widths = [max(cell_len(row[index]) for row in rows) for index in range(len(table.columns))]
    for number, row in enumerate(rows):
        cells = (cell + " " * (width - cell_len(cell)) for cell, width in zip(row, widths, strict=True))
        yield f"  {'  '.join(cells)}".rstrip(), "" if number else "weak"


def to_markdown(outline: Outline, mermaid: str) -> str:
    """The report as Markdown for GitHub, with the diagram in it."""
    lines = [f"# {markdown(outline.title)}", "", markdown(outline.summary), "", "```mermaid", mermaid.rstrip(), "```"]
    for table in outline.tables:
        if table.rows:
            lines += ["", f"## {table.title}", "", *markdown_table(table.columns, table.rows)]
    lines += ["", f"## {outline.heading}"] if outline.entries else []
    for entry in outline.entries:
        lines += ["", f"### {markdown(entry.title)}", "", markdown(entry.subtitle), ""]
        for label, texts in entry.facts:
            if len(texts) == 1:
                lines.append(f"- **{label}**: {markdown(texts[0])}")
            elif texts:
                lines += [f"- **{label}**:", *(f"  - {markdown(text)}" for text in texts)]
    return "\n".join(lines) + "\n"


def markdown_table(columns: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    """The lines of a table in Markdown; nothing in its cells is markup."""
    return [_row(columns), _row(("---",) * len(columns), raw=True), *map(_row, rows)]


def _row(cells: tuple[str, ...], raw: bool = False) -> str:
    return "| " + " | ".join(cell if raw else markdown(cell) for cell in cells) + " |"


def markdown(text: str) -> str:
    """Text for Markdown: nothing in it is markup, a mention or a link."""
    escaped = "".join(
        f"\\{character}" if character in "\\`*_{}[]()#+!|~$" else character for character in one_line(text)
    )
    return escaped.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("@", "&#64;")
