"""Tables of a portfolio as CSV."""

from __future__ import annotations

import csv
from typing import TextIO

from ..words import one_line
from .cells import neutral
from .portfolio_tables import PortfolioTable
from .portfolio_words import Cell


def write_csv(table: PortfolioTable, file: TextIO) -> None:
    """Write a table row by row; what is not known is an empty cell."""
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(table.columns)
    for row in table.rows():
        writer.writerow(map(plain, row))


def plain(cell: Cell) -> Cell:
    """A cell: text in one line, which no spreadsheet takes for a formula."""
    return neutral(one_line(cell)) if isinstance(cell, str) else cell
