"""`smx2vertex map`: what becomes of each step and each field."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..words import counted
from .source import Config, Python, open_source

if TYPE_CHECKING:
    from ..report.pipeline import PipelineReport


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
    from ..assess.details import pipeline_details, pipeline_diagrams
    from ..assess.pipeline import report_pipeline
    from ..mapping.ledger import map_pipeline
    from ..vertex.config import load_config
    from ..vertex.planner import plan
    from .output import print_json, print_text, usable

    source = usable(open_source(definition, pipeline, python).definition)
    chosen = load_config(config or [])
    mapped = map_pipeline(source, chosen.tables)
    planned = plan(source, mapped, chosen.correspondences, chosen.hooks)
    planned.findings.extend(chosen.findings)
    mapped = planned.settled(mapped)
    report = report_pipeline(source, mapped, planned, chosen.row_files)
    match format:
        case MapFormat.text:
            _print_text(report)
        case MapFormat.json:
            print_json(report.to_dict())
        case MapFormat.csv:
            from ..report.pipeline_csv import to_csv

            print_text(to_csv(report))
        case MapFormat.md:
            from ..report.pipeline_markdown import to_markdown

            print_text(to_markdown(report, pipeline_diagrams(source, planned)))
        case MapFormat.html:
            from ..report.pipeline_html import to_html

            print_text(to_html(report, pipeline_details(source, mapped, planned, chosen.tables)))


def _print_text(report: PipelineReport) -> None:
    from ..report.pipeline_text import to_text
    from .output import STYLES, console, print_findings

    for part in to_text(report, STYLES):
        console().print(part)
    if report.findings:
        console().print(f"{counted(len(report.findings), 'finding')} (smx2vertex explain CODE tells more)")
        print_findings(report.findings)
