"""`smx2vertex scan`: the static inventory of files and folders."""

from __future__ import annotations

import csv
import html
import re
import sys
from collections import Counter
from collections.abc import Iterable
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..words import counted

if TYPE_CHECKING:
    from ..scan import Inventory


class ScanFormat(str, Enum):
    """Forms of the inventory."""

    text = "text"
    json = "json"
    csv = "csv"
    md = "md"


def scan(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help="Files and folders.", show_default=False)],
    format: Annotated[ScanFormat, typer.Option(help="Form of the output.")] = ScanFormat.text,
) -> None:
    """List what files hold of SageMaker and Kubeflow pipelines, with zero counts; nothing is executed."""
    from ..findings import Finding, InputError
    from ..scan import scan as take_inventory
    from .output import print_json

    inventory = take_inventory(paths, _progress)
    if format is ScanFormat.json:
        print_json(inventory.to_dict())
    elif format is ScanFormat.csv:
        _print_csv(inventory)
    elif format is ScanFormat.md:
        _print_markdown(inventory)
    else:
        _print_text(inventory)
    if not inventory.readable:
        raise InputError(Finding("SMX152", "there is nothing here that can be scanned"))


def _progress(files: list[Path]) -> Iterable[Path]:
    """The files one by one, with a bar on a terminal."""
    if not sys.stderr.isatty():
        return files
    from rich.progress import track

    from .output import console

    return track(files, "scanning", console=console(to_stderr=True), transient=True)


def _print_csv(inventory: Inventory) -> None:
    from ..scan.report import COLUMNS, rows

    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in rows(inventory):
        # a spreadsheet would take these for formulas
        cells = map(_plain, row)
        writer.writerow(f"'{cell}" if cell.startswith(("=", "+", "-", "@")) else cell for cell in cells)


def _print_markdown(inventory: Inventory) -> None:
    from ..scan.report import tables

    print(f"# Inventory\n\n{_summary(inventory)}")
    for table in tables(inventory):
        print(f"\n## {table.title}\n")
        print("| " + " | ".join(table.columns) + " |\n|" + "---|" * len(table.columns))
        for row in table.rows:
            print("| " + " | ".join(map(_markdown, row)) + " |")
    findings = inventory.all_findings()
    if findings:
        print("\n## Findings\n")
    for finding in findings:
        print(f"- **{finding.code}** {finding.severity}, {_markdown(_place(finding))}: {_markdown(finding.message)}")


def _markdown(text: str) -> str:
    return re.sub(r"([\\`*_|\[\]])", r"\\\1", html.escape(_plain(text), quote=False))


def _print_text(inventory: Inventory) -> None:
    from rich.table import Table
    from rich.text import Text

    from ..scan.report import tables
    from .output import STYLES, console

    out = console()
    out.print(_summary(inventory))
    for table in tables(inventory):
        out.print(Text(f"\n{table.title}", style="bold"))
        grid = Table(box=None, pad_edge=True, header_style="dim")
        for column in table.columns:
            grid.add_column(column)
        for row in table.rows:
            grid.add_row(*(Text(_plain(cell)) for cell in row))
        out.print(grid)
    findings = inventory.all_findings()
    if findings:
        out.print(Text(f"\n{counted(len(findings), 'finding')} (smx2vertex explain CODE tells more)", style="bold"))
    for finding in findings:
        severity = (f"{finding.severity:<8}", STYLES[finding.severity])
        out.print(Text.assemble("  ", (finding.code, "bold"), " ", severity, _plain(_place(finding)), ": "), end="")
        out.print(Text(_plain(finding.message)))


def _summary(inventory: Inventory) -> str:
    kinds = Counter(file.kind for file in inventory.files)
    parts = [f"{count} {kind}" for kind, count in sorted(kinds.items())]
    return " · ".join([counted(len(inventory.files), "file"), *parts])


def _place(finding: object) -> str:
    file, pointer = getattr(finding, "file", None), getattr(finding, "pointer", "")
    return " ".join(part for part in (file, pointer) if part)


def _plain(text: str) -> str:
    """Text without what a terminal would take for a command."""
    return "".join(character if character.isprintable() else "·" for character in text)
