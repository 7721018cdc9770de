"""The workbook of a portfolio: a sheet for each table."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterable
from typing import IO, Any
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from .portfolio_csv import plain
from .portfolio_tables import PortfolioTable
from .portfolio_words import Cell, heading

# What Excel holds.
_MOST_ROWS = 1_048_576
_LONGEST_TEXT = 32_767
_TOO_MANY = "There are more rows than a sheet holds: they stand in the CSV files and in report.json."
_PROPERTIES = "docProps/core.xml"
_DAY = re.compile(rb"(<dcterms:(?:created|modified)[^>]*>)[^<]*")
# In characters.
_WIDTHS = {
    "message": 80, "help": 60, "what to do": 60, "because": 60, "which": 60, "why": 50, "assumption": 120, "id": 45,
    "pipeline": 45, "name": 45, "file": 60, "page": 45, "like": 45, "from": 45, "to": 45, "step": 35, "becomes": 35,
    "what": 45, "title": 45, "what stands for it": 60, "depends_on": 60, "machine": 24, "accelerator": 24,
    "pointer": 45,
}  # fmt: skip
_WIDTH = 14
_DAYS, _PERCENT, _WHOLE, _FRACTION = "#,##0.0", "0%", "#,##0", "#,##0.00"
_HEADING_COLOUR = "DDE6F0"


def write_workbook(tables: Iterable[PortfolioTable], file: IO[bytes]) -> None:
    """Write the workbook row by row. A table that is too long for a sheet ends with a row that says so."""
    from openpyxl import Workbook

    book = Workbook(write_only=True)
    for table in tables:
        _write(table, book.create_sheet(table.title))
    with tempfile.TemporaryFile() as unpacked:
        book.save(unpacked)
        _copy_without_day(unpacked, file)


def _write(table: PortfolioTable, sheet: Any) -> None:
    """Write a sheet: headings that stay, a filter, and columns that fit their content and the page."""
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.utils import get_column_letter

    letters = [get_column_letter(number) for number in range(1, len(table.columns) + 1)]
    sheet.freeze_panes = "B2"
    sheet.page_setup.orientation = "landscape"
    sheet.page_setup.fitToHeight = 0
    sheet.sheet_properties.pageSetUpPr.fitToPage = True
    sheet.print_title_rows = "1:1"
    for letter, column in zip(letters, table.columns, strict=True):
        sheet.column_dimensions[letter].width = _WIDTHS.get(column, max(_WIDTH, len(heading(column)) + 3))
    sheet.append([_heading(WriteOnlyCell(sheet, heading(column))) for column in table.columns])
    last = 1
    for last, row in enumerate(table.rows(), 2):
        if last == _MOST_ROWS:
            sheet.append([_TOO_MANY])
            break
        sheet.append([_shown(sheet, column, cell) for column, cell in zip(table.columns, row, strict=True)])
    sheet.auto_filter.ref = f"A1:{letters[-1]}{last}"


def _heading(cell: Any) -> Any:
    from openpyxl.styles import Alignment, Font, PatternFill

    cell.font = Font(bold=True)
    cell.fill = PatternFill("solid", fgColor=_HEADING_COLOUR)
    cell.alignment = Alignment(vertical="top", wrap_text=True)
    return cell


def _shown(sheet: Any, column: str, cell: Cell) -> Any:
    """A cell with the format of its number; the number keeps all its digits."""
    from openpyxl.cell import WriteOnlyCell

    if isinstance(cell, str) or cell is None:
        return _cell(cell)
    shown = WriteOnlyCell(sheet, cell)
    shown.number_format = _number_format(column, cell)
    return shown


def _number_format(column: str, number: float) -> str:
    if column.startswith("days_"):
        return _DAYS
    if column == "similarity":
        return _PERCENT
    return _WHOLE if isinstance(number, int) or number.is_integer() else _FRACTION


def _cell(cell: Cell) -> Cell:
    """A cell without what XML cannot hold."""
    found = plain(cell)
    if not isinstance(found, str):
        return found
    # surrogates and the two that are no characters; control characters are gone already
    text = found.encode("utf-8", "backslashreplace").decode().replace("\ufffe", "�").replace("\uffff", "�")
    return text if len(text) <= _LONGEST_TEXT else f"{text[: _LONGEST_TEXT - 1]}…"


def _copy_without_day(book: IO[bytes], file: IO[bytes]) -> None:
    """Copy a workbook without the day on which it was made: the same portfolio gives the same bytes."""
    with ZipFile(book) as archive, ZipFile(file, "w", ZIP_DEFLATED) as copied:
        for name in archive.namelist():
            entry = ZipInfo(name)
            entry.compress_type = ZIP_DEFLATED
            with archive.open(name) as content, copied.open(entry, "w", force_zip64=True) as target:
                if name == _PROPERTIES:
                    target.write(_DAY.sub(rb"\g<1>1980-01-01T00:00:00Z", content.read()))
                else:
                    shutil.copyfileobj(content, target)
