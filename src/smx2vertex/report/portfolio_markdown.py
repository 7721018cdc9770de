"""The report of a portfolio as Markdown, with the dependencies as a picture."""

from __future__ import annotations

from collections.abc import Iterator

from ..words import counted, shortened
from .diagram import to_mermaid
from .outline import markdown, markdown_table
from .portfolio import Portfolio
from .portfolio_diagram import dependencies_diagram
from .portfolio_tables import PortfolioTable, rows_to_read, tables
from .portfolio_words import answers, cell_text, heading, summary

# More rows are no reading; they stand in the CSV files and in the workbook.
_MOST_ROWS = 100
_LONGEST_CELL = 300
# What stands elsewhere in the report, or only in the workbook.
_LEFT_OUT = frozenset({"Summary", "Assumptions", "Steps"})
_TITLES = {"Templates": "Templates of several pipelines"}
_PIPELINES = ("id", "wave", "why", "template", "level", "verdict", "steps", "excluded_steps", "days_likely")


def to_markdown(portfolio: Portfolio) -> Iterator[str]:
    """The lines of the report."""
    yield from ("# Assessment of a portfolio of SageMaker pipelines", "", summary(portfolio), "")
    for answer in answers(portfolio):
        notes = "".join(f" {markdown(note)}" for note in answer.notes)
        yield f"- **{answer.question}** {markdown(answer.text)}.{notes}"
    yield from ("", "Numbers are rounded here, and exact in report.json. Days are person-days. They rest on this:", "")
    yield from (f"- {markdown(assumption)}" for assumption in portfolio.effort.assumptions)
    for table in tables(portfolio):
        if table.title not in _LEFT_OUT:
            yield from _section(table, portfolio)


def _section(table: PortfolioTable, portfolio: Portfolio) -> Iterator[str]:
    rows = rows_to_read(table)
    if not rows:
        return
    yield from ("", f"## {_TITLES.get(table.title, table.title)}", "")
    if table.title == "Dependencies":
        yield from _picture(portfolio)
    columns = _PIPELINES if table.title == "Pipelines" else table.columns
    filled = [column for column in columns if any(row[table.columns.index(column)] is not None for row in rows)]
    places = [(column, table.columns.index(column)) for column in filled]
    texts = (
        tuple(shortened(cell_text(column, row[place]), _LONGEST_CELL) for column, place in places)
        for row in rows[:_MOST_ROWS]
    )
    yield from markdown_table(tuple(map(heading, filled)), texts)
    if len(rows) > _MOST_ROWS:
        yield from ("", f"… and {len(rows) - _MOST_ROWS:,} more, in the workbook and in report.json.")


def _picture(portfolio: Portfolio) -> Iterator[str]:
    """Pipelines and what they share, as far as GitHub draws it."""
    diagram, missing = dependencies_diagram(portfolio)
    if diagram.edges:
        yield from ("```mermaid", to_mermaid(diagram).rstrip(), "```", "")
    if missing:
        left_out = counted(missing, "dependency", "dependencies")
        yield from (f"Too large for the picture: {left_out}. All stand in the table.", "")
