"""`smx2vertex map`: what becomes of each step and each field."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .output import Format
from .source import Python, open_source

if TYPE_CHECKING:
    from ..mapping.ledger import MappedPipeline
    from ..sagemaker.definition import Definition
    from ..vertex.planner import Planned


def map_(
    definition: Annotated[Path, typer.Argument(help="A definition, a bundle, a Python file[:FUNCTION] or a notebook.")],
    config: Annotated[Path | None, typer.Option(help="Your buckets, images, machines and settings.")] = None,
    pipeline: Annotated[
        str | None, typer.Option(metavar="NAME", help="Which pipeline of a bundle; else its name.")
    ] = None,
    python: Python = None,
    format: Annotated[Format, typer.Option(help="Form of the output.")] = Format.text,
) -> None:
    """Show what becomes of each step and field, with a verdict for each."""
    from ..mapping.ledger import map_pipeline
    from ..vertex.config import load_config
    from ..vertex.planner import plan
    from .output import print_json, usable

    source = usable(open_source(definition, pipeline, python).definition)
    mapped = map_pipeline(source)
    planned = plan(source, mapped, load_config(config).correspondences)
    if format is Format.json:
        print_json(report(source, mapped, planned))
    else:
        _print_text(source, mapped, planned)


def report(definition: Definition, mapped: MappedPipeline, planned: Planned) -> dict[str, Any]:
    """The mapping report as plain data."""
    findings = [*definition.findings, *mapped.findings, *planned.findings]
    return {
        "pipeline": definition.name,
        "steps": [
            {
                "name": step.name,
                "type": step.type,
                "target": planned.target(step.name, step.target),
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


def _print_text(definition: Definition, mapped: MappedPipeline, planned: Planned) -> None:
    from rich.table import Table
    from rich.text import Text

    from .output import STYLES, console, print_findings

    out = console()
    out.print(f"{definition.name} · {len(mapped.steps)} steps · {len(definition.parameters)} parameters\n")
    table = Table(box=None, pad_edge=True, header_style="bold")
    for column in ("step", "type", "becomes", "verdict"):
        table.add_column(column)
    for step in mapped.steps.values():
        verdict = planned.verdict(step.name, step.verdict)
        cells = (step.name, step.type or "–", planned.target(step.name, step.target), Text(verdict, STYLES[verdict]))
        table.add_row(*(cell if isinstance(cell, Text) else Text(cell.replace("\n", " ")) for cell in cells))
    out.print(table)
    counts = " · ".join(f"{count} {verdict}" for verdict, count in mapped.by_verdict().items())
    out.print(f"\n{mapped.total} fields: {counts} · {len(mapped.unaccounted)} unaccounted")
    findings = list(dict.fromkeys([*definition.findings, *mapped.findings, *planned.findings]))
    if findings:
        out.print(f"{len(findings)} findings (smx2vertex explain CODE tells more)")
        print_findings(findings)
