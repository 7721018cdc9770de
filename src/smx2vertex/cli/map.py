"""`smx2vertex map`: what becomes of each step and each field."""

from __future__ import annotations

import csv
import sys
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .source import Config, Python, open_source

if TYPE_CHECKING:
    from ..mapping.ledger import MappedPipeline, MappedStep
    from ..sagemaker.definition import Definition
    from ..vertex.planner import Planned

_COLUMNS = ("field", "becomes", "verdict", "rule", "note")
_STEP_COLUMNS = ("step", "type", "becomes", "verdict")
_FINDING_COLUMNS = ("finding", "severity", "step", "place", "message")


class MapFormat(str, Enum):
    """Forms of the mapping report."""

    text = "text"
    json = "json"
    md = "md"
    csv = "csv"
    html = "html"


def map_(
    definition: Annotated[Path, typer.Argument(help="A definition, a bundle, a Python file[:FUNCTION] or a notebook.")],
    config: Config = None,
    pipeline: Annotated[
        str | None, typer.Option(metavar="NAME", help="Which pipeline of a bundle; else its name.")
    ] = None,
    python: Python = None,
    format: Annotated[MapFormat, typer.Option(help="Form of the output.")] = MapFormat.text,
) -> None:
    """Show what becomes of each step and field, with a verdict for each."""
    from ..mapping.ledger import map_pipeline
    from ..vertex.config import load_config
    from ..vertex.planner import plan
    from .output import print_json, usable

    source = usable(open_source(definition, pipeline, python).definition)
    chosen = load_config(config or [])
    mapped = map_pipeline(source, chosen.tables)
    planned = plan(source, mapped, chosen.correspondences, chosen.hooks)
    planned.findings.extend(chosen.findings)
    if format is MapFormat.text:
        _print_text(source, mapped, planned)
        return
    document = report(source, mapped, planned)
    match format:
        case MapFormat.json:
            print_json(document)
        case MapFormat.md:
            print("\n".join(_markdown(document)))
        case MapFormat.csv:
            _print_csv(document)
        case MapFormat.html:
            print(_html(document))


def report(definition: Definition, mapped: MappedPipeline, planned: Planned) -> dict[str, Any]:
    """The mapping report as plain data."""
    findings = [*definition.findings, *mapped.findings, *planned.findings]
    return {
        "pipeline": definition.name,
        "steps": [
            {
                "name": step.name,
                "type": step.type,
                "target": _target(step, planned),
                "verdict": planned.verdict(step.name, step.verdict),
                "fields": [field.to_dict() for field in step.fields],
            }
            for step in mapped.steps.values()
        ],
        "fields": [field.to_dict() for field in mapped.fields],
        "ledger": {
            "fields": mapped.total,
            "accounted": mapped.total - len(mapped.unaccounted),
            "unaccounted": mapped.unaccounted,
            "by_verdict": mapped.by_verdict(),
        },
        "findings": [finding.to_dict() for finding in dict.fromkeys(findings)],
    }


def _target(step: MappedStep, planned: Planned) -> str:
    """What a step becomes; of a type that is not translated the table names the nearest thing."""
    excluded = planned.excluded.get(step.name)
    if excluded is not None and excluded.code == "SMX330" and step.verdict == "redesign":
        return step.target
    return planned.target(step.name, step.target)


def _sections(document: dict[str, Any]) -> list[tuple[str, list[tuple[str, ...]]]]:
    """The fields as tables: one a step, and that of the definition itself."""
    named = [(step["name"], step["fields"]) for step in document["steps"]]
    return [
        (name, [_cells(*(field[key] for key in ("source", "target", "verdict", "rule", "note"))) for field in fields])
        for name, fields in [*named, ("The definition itself", document["fields"])]
    ]


def _cells(*texts: str | None) -> tuple[str, ...]:
    from ..report.diagram import one_line

    return tuple(one_line(text or "–") for text in texts)


def _summary(document: dict[str, Any]) -> str:
    ledger = document["ledger"]
    counts = ", ".join(f"{count} {verdict}" for verdict, count in ledger["by_verdict"].items())
    return f"{ledger['fields']} fields: {counts}; {len(ledger['unaccounted'])} unaccounted"


def _tables(document: dict[str, Any]) -> tuple[list[tuple[str, ...]], list[tuple[str, ...]]]:
    """The rows of the steps and those of the findings."""
    steps = [_cells(*(step[key] for key in ("name", "type", "target", "verdict"))) for step in document["steps"]]
    findings = [
        _cells(each["code"], each["severity"], each["step"], each["source"]["pointer"], each["message"])
        for each in document["findings"]
    ]
    return steps, findings


def _markdown(document: dict[str, Any]) -> list[str]:
    from ..report.outline import markdown, markdown_table

    steps, findings = _tables(document)
    lines = [f"# {markdown(document['pipeline'])}", "", _summary(document), "", *markdown_table(_STEP_COLUMNS, steps)]
    if findings:
        lines += ["", "## Findings", "", *markdown_table(_FINDING_COLUMNS, findings)]
    for name, rows in _sections(document):
        lines += ["", f"## {markdown(name)}", "", *markdown_table(_COLUMNS, rows)]
    return lines


def _print_csv(document: dict[str, Any]) -> None:
    """One row a field; a cell that a spreadsheet would take for a formula begins with an apostrophe."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(("step", "type", *_COLUMNS))
    types = [(step["name"], step["type"]) for step in document["steps"]]
    for (step, type_), (_, rows) in zip([*types, ("", "")], _sections(document), strict=True):
        for row in rows:
            cells = (*_cells(step, type_), *row)
            writer.writerow(f"'{cell}" if cell.startswith(("=", "+", "-", "@")) else cell for cell in cells)


def _html(document: dict[str, Any]) -> str:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    from ..report.diagram import one_line

    environment = Environment(
        loader=PackageLoader("smx2vertex.cli"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    steps, findings = _tables(document)
    return environment.get_template("map.html.j2").render(
        pipeline=one_line(document["pipeline"]),
        summary=_summary(document),
        overview=[("Steps", _STEP_COLUMNS, steps), ("Findings", _FINDING_COLUMNS, findings)],
        sections=[(one_line(name), _COLUMNS, rows) for name, rows in _sections(document)],
    )


def _print_text(definition: Definition, mapped: MappedPipeline, planned: Planned) -> None:
    from rich.table import Table
    from rich.text import Text

    from ..report.diagram import one_line
    from .output import STYLES, console, print_findings

    out = console()
    out.print(f"{one_line(definition.name)} · {len(mapped.steps)} steps · {len(definition.parameters)} parameters\n")
    table = Table(box=None, pad_edge=True, header_style="bold")
    for column in ("step", "type", "becomes", "verdict"):
        table.add_column(column)
    for step in mapped.steps.values():
        verdict = planned.verdict(step.name, step.verdict)
        cells = (step.name, step.type or "–", _target(step, planned), Text(verdict, STYLES[verdict]))
        table.add_row(*(cell if isinstance(cell, Text) else Text(one_line(cell)) for cell in cells))
    out.print(table)
    counts = " · ".join(f"{count} {verdict}" for verdict, count in mapped.by_verdict().items())
    out.print(f"\n{mapped.total} fields: {counts} · {len(mapped.unaccounted)} unaccounted")
    findings = list(dict.fromkeys([*definition.findings, *mapped.findings, *planned.findings]))
    if findings:
        out.print(f"{len(findings)} findings (smx2vertex explain CODE tells more)")
        print_findings(findings)
