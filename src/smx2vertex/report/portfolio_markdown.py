"""The report of a portfolio as Markdown, with the dependencies as a picture."""

from __future__ import annotations

from collections.abc import Iterator

from .diagram import Diagram, Edge, Node, shortened, to_mermaid
from .outline import markdown, markdown_table
from .portfolio import Portfolio
from .portfolio_tables import PortfolioTable, days_text, tables
from .portfolio_text import cell_text, one_line_summary

# More rows are no reading; they stand in the CSV files and in the workbook.
_MOST_ROWS = 100
_LONGEST_CELL = 300
# GitHub draws no larger diagram.
_MOST_EDGES = 120
_LEFT_OUT = frozenset({"Summary", "Steps"})
_PIPELINES = ("id", "wave", "why", "template", "level", "verdict", "steps", "excluded_steps", "days_likely")


def to_markdown(portfolio: Portfolio) -> Iterator[str]:
    """The lines of the report."""
    yield from ("# Assessment of a portfolio of SageMaker pipelines", "", one_line_summary(portfolio), "")
    yield f"Person-days: **{days_text(portfolio.totals.days)}**. The assumptions stand below the effort."
    for table in tables(portfolio):
        if table.title not in _LEFT_OUT:
            yield from _section(table, portfolio)


def _section(table: PortfolioTable, portfolio: Portfolio) -> Iterator[str]:
    rows = list(table.rows())
    if not rows:
        return
    yield from ("", f"## {table.title}", "")
    if table.title == "Dependencies":
        yield from _picture(portfolio)
    columns = _PIPELINES if table.title == "Pipelines" else table.columns
    places = [table.columns.index(column) for column in columns]
    texts = (tuple(shortened(cell_text(row[place]), _LONGEST_CELL) for place in places) for row in rows[:_MOST_ROWS])
    yield from markdown_table(tuple(column.replace("_", " ") for column in columns), texts)
    if len(rows) > _MOST_ROWS:
        yield from ("", f"… and {len(rows) - _MOST_ROWS} more, in the workbook and in report.json.")


def _picture(portfolio: Portfolio) -> Iterator[str]:
    """Pipelines and what they share, as far as GitHub draws it."""
    edges: list[Edge] = []
    nodes: dict[str, Node] = {}
    for each in portfolio.dependencies:
        size = len(each.sources) + len(each.users)
        if len(edges) + size > _MOST_EDGES:
            continue
        shared = f"{each.kind} {each.name}"
        nodes |= {name: Node(name, name) for name in (*each.sources, *each.users)}
        nodes[shared] = Node(shared, each.name, each.kind, "data")
        edges += [Edge(name, shared) for name in each.sources] + [Edge(shared, name) for name in each.users]
    if edges:
        yield "```mermaid"
        yield to_mermaid(Diagram("Dependencies between pipelines", tuple(nodes.values()), tuple(edges))).rstrip()
        yield from ("```", "")
    shown = {edge.source for edge in edges} | {edge.target for edge in edges}
    missing = sum(f"{each.kind} {each.name}" not in shown for each in portfolio.dependencies)
    if missing:
        yield from (markdown(f"{missing} dependencies are too large for the picture; all stand in the table."), "")
