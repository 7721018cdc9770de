"""`smx2vertex mappings`: looks into the mapping tables, also one's own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..words import counted, one_line
from .source import Config

if TYPE_CHECKING:
    from ..mapping.tables import Row, Table

mappings = typer.Typer(no_args_is_help=True, help="Look into the mapping tables, also your own.")


class TableFormat(str, Enum):
    """Forms of a table."""

    text = "text"
    json = "json"
    md = "md"


_Form = Annotated[TableFormat, typer.Option("--format", help="Form of the output.")]


@mappings.command("list")
def list_(config: Config = None, format: _Form = TableFormat.text) -> None:
    """List the tables, with their rows by verdict."""
    from ..mapping.tables import VERDICTS
    from ..vertex.config import load_config
    from .output import print_json

    tables = load_config(config or []).tables.all()
    counts = [Counter(row.verdict for row in each.all_rows) for each in tables]
    if format is TableFormat.json:
        print_json(
            [
                {"name": each.name, "step": each.step, "verdict": each.verdict, "rows": len(each.all_rows)}
                | {"by_verdict": {verdict: count[verdict] for verdict in VERDICTS}}
                for each, count in zip(tables, counts, strict=True)
            ]
        )
        return
    header = ("table", "step type", "verdict", "rows", *VERDICTS)
    rows = [
        (each.name, each.step or "–", each.verdict, str(len(each.all_rows)), *(str(count[v]) for v in VERDICTS))
        for each, count in zip(tables, counts, strict=True)
    ]
    _print_rows(header, rows, format)


@mappings.command()
def show(
    name: Annotated[str, typer.Argument(help="A table or a step type, such as processing or Processing.")],
    config: Config = None,
    format: _Form = TableFormat.text,
) -> None:
    """Show one table: each field, what becomes of it, and why."""
    from .output import print_json

    table = _find(name, config or [])
    if format is TableFormat.json:
        print_json(_to_dict(table))
        return
    title = f"{table.name} · becomes: {table.target} · {table.verdict}"
    print(f"# {table.name}\n\nBecomes: {table.target} ({table.verdict}).\n" if format is TableFormat.md else title)
    _print_fields(table.rows, format)
    if table.step_rows:
        print("\nBeside its Arguments:\n")
        _print_fields(table.step_rows, format)
    print("\nSources:\n" if format is TableFormat.md else "\nsources")
    for source in table.sources:
        print(f"- {source['title']}: <{source['url']}>, checked {source['checked']}")


@mappings.command()
def check(
    files: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[FILE...]", help="Tables and configurations; without any, those that come with us."),
    ] = None,
    config: Config = None,
) -> None:
    """Check that tables and configurations are well-formed; exit code 1 if one is not."""
    from ..findings import Finding, InputError
    from ..mapping.check import check_table, table_files
    from ..vertex.config_check import check_config, is_config
    from .output import message

    configs = config or []
    tables = [*configs, *(files or ([] if configs else table_files()))]
    mistakes = []
    for file in tables:
        try:
            mistakes += check_config(file) if file in configs or is_config(file) else check_table(file)
        except OSError as error:
            raise InputError(Finding("SMX101", error.strerror or "it cannot be read", file=str(file))) from error
    for mistake in mistakes:
        print(one_line(str(mistake)))
    message(f"{counted(len(tables), 'file')}, {counted(len(mistakes), 'mistake')}")
    if mistakes:
        raise typer.Exit(1)


def _find(name: str, config: list[Path]) -> Table:
    from ..vertex.config import load_config

    tables = load_config(config).tables
    table = tables.find(name)
    if table is not None:
        return table
    names = ", ".join(table.name for table in tables.all())
    raise typer.BadParameter(f"{name!r} is no table; they are {names}", param_hint="NAME")


def _to_dict(table: Table) -> dict[str, Any]:
    return {
        "name": table.name,
        "step": table.step,
        "target": table.target,
        "verdict": table.verdict,
        "rows": [
            {
                "rule": row.rule,
                "target": row.to,
                "verdict": row.verdict,
                "because": row.because,
                "code": row.code,
                "test": row.test,
                "file": row.file,
            }
            for row in table.all_rows
        ],
        "sources": [{key: str(value) for key, value in source.items()} for source in table.sources],
    }


def _print_fields(rows: tuple[Row, ...], format: TableFormat) -> None:
    cells = [
        (row.rule.partition(":")[2], row.to or "nothing", row.verdict, row.code or "", row.because, row.test or "")
        for row in rows
    ]
    _print_rows(("field", "becomes", "verdict", "finding", "because", "held by"), cells, format)


def _print_rows(header: tuple[str, ...], rows: Sequence[tuple[str, ...]], format: TableFormat) -> None:
    if format is TableFormat.md:
        from ..report.outline import markdown_table

        print("\n".join(markdown_table(header, rows)))
        return
    from rich.table import Table as Grid
    from rich.text import Text

    from .output import STYLES, console

    grid = Grid(box=None, pad_edge=True, header_style="bold")
    for column in header:
        grid.add_column(column, overflow="fold")
    for row in rows:
        grid.add_row(*(Text(cell, STYLES.get(cell, "")) for cell in row))
    console().print(grid)
