"""`smx2vertex assess`: a whole portfolio of pipelines, what moves first and what it costs."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .source import Config

if TYPE_CHECKING:
    from ..assess.record import Analysis
    from ..assess.run import Assessment, Outcome
    from ..report.portfolio import Portfolio
    from ..vertex.config import Config as Settings


class AssessFormat(str, Enum):
    """Forms of what is printed; the files in the output are always all written."""

    text = "text"
    json = "json"
    md = "md"
    csv = "csv"


def assess(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help="Definitions, folders and bundles.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where the report goes; a folder of its own.")],
    config: Config = None,
    effort: Annotated[Path | None, typer.Option(metavar="FILE", help="Your own effort table.")] = None,
    prices: Annotated[Path | None, typer.Option(metavar="FILE", help="What machines cost in an hour.")] = None,
    jobs: Annotated[int, typer.Option(min=1, metavar="N", help="How many processes.")] = 1,
    pages: Annotated[
        bool, typer.Option("--pages/--no-pages", help="Whether to write a page for each pipeline.")
    ] = True,
    format: Annotated[AssessFormat, typer.Option(help="Form of what is printed.")] = AssessFormat.text,
) -> None:
    """Assess many pipelines: inventory, coverage, shared blockers, waves, effort."""
    from ..assess import run
    from ..assess.effort import load_effort
    from ..assess.prices import load_prices
    from ..assess.sources import find_sources
    from ..assess.store import Store
    from ..vertex.config import load_config
    from .output import print_findings

    table, costs = load_effort(effort), None if prices is None else load_prices(prices)
    doubts = load_config(config or []).findings
    sources = find_sources(paths, leave_out=out)
    store = Store(out)
    try:
        with _progress(len(sources.definitions)) as step:
            found = run.assess(
                paths,
                sources,
                store,
                config_files=config or [],
                table=table,
                prices=costs,
                make_page=_page if pages else None,
                jobs=jobs,
                progress=step,
            )
        _write(found)
    finally:
        store.close()
    print_findings(doubts, to_stderr=True)
    _print(found.portfolio, format, out)
    if found.portfolio.unreadable:
        raise typer.Exit(1)


def _page(analysis: Analysis, settings: Settings) -> str:
    """The page about a pipeline, as `map --format html` writes it, with a way back to the portfolio."""
    from ..assess.details import pipeline_details
    from ..assess.pipeline import report_pipeline
    from ..report.pipeline_html import to_html

    parts = (analysis.definition, analysis.mapped, analysis.planned)
    report, details = report_pipeline(*parts, settings.row_files), pipeline_details(*parts, settings.tables)
    return to_html(report, details, index="../index.html")


@contextmanager
def _progress(count: int) -> Iterator[Callable[[Outcome], None]]:
    """A bar on a terminal; nothing elsewhere."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.progress import Progress

    from .output import console

    with Progress(console=console(to_stderr=True), transient=True) as bar:
        task = bar.add_task("assessing", total=count)
        yield lambda _: bar.advance(task)


def _write(found: Assessment) -> None:
    """Write all forms of the report."""
    from ..assess.store import whole_binary_file, whole_file
    from ..report.portfolio import write_json
    from ..report.portfolio_csv import write_csv
    from ..report.portfolio_excel import write_workbook
    from ..report.portfolio_html import to_html
    from ..report.portfolio_markdown import to_markdown
    from ..report.portfolio_tables import findings_table, pipelines_table, tables

    portfolio, out = found.portfolio, found.out
    single = findings_table(found.findings)
    with whole_file(out / "report.json") as file:
        write_json(portfolio, file)
    with whole_file(out / "pipelines.csv") as file:
        write_csv(pipelines_table(portfolio), file)
    with whole_file(out / "findings.csv") as file:
        write_csv(single, file)
    with whole_file(out / "index.html") as file:
        file.write(to_html(portfolio))
    with whole_file(out / "report.md") as file:
        file.writelines(f"{line}\n" for line in to_markdown(portfolio))
    with whole_binary_file(out / "portfolio.xlsx") as workbook:
        write_workbook([*tables(portfolio), single], workbook)


def _print(portfolio: Portfolio, form: AssessFormat, out: Path) -> None:
    from ..report.portfolio import write_json
    from ..report.portfolio_csv import write_csv
    from ..report.portfolio_markdown import to_markdown
    from ..report.portfolio_tables import pipelines_table
    from ..report.portfolio_text import to_text
    from .output import STYLES, console, message

    match form:
        case AssessFormat.json:
            write_json(portfolio, sys.stdout)
        case AssessFormat.md:
            print("\n".join(to_markdown(portfolio)))
        case AssessFormat.csv:
            write_csv(pipelines_table(portfolio), sys.stdout)
        case AssessFormat.text:
            for part in to_text(portfolio, STYLES):
                console().print(part)
    message(f"The report is in {out}")
