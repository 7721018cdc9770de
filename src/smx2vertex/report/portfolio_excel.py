"""The workbook of a portfolio: a sheet for each table."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterable
from typing import IO, Any
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from .portfolio_csv import plain
from .portfolio_tables import Cell, PortfolioTable

# What Excel holds.
_MOST_ROWS = 1_048_576
_LONGEST_TEXT = 32_767
_TOO_MANY = "There are more rows than a sheet holds: they stand in the CSV files and in report.json."
_PROPERTIES = "docProps/core.xml"
_DAY = re.compile(rb"(<dcterms:(?:created|modified)[^>]*>)[^<]*")
_WIDTHS = {"message": 80, "help": 60, "what to do": 60, "because": 60, "which": 60, "why": 50, "assumption": 120}
_WIDTH = 18


def write_workbook(tables: Iterable[PortfolioTable], file: IO[bytes]) -> None:
    """Write the workbook row by row. A table that is too long for a sheet ends with a row that says so."""
    from openpyxl import Workbook
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.styles import Font
    from openpyxl.utils import get_column_letter

    book = Workbook(write_only=True)
    for table in tables:
        sheet = book.create_sheet(table.title)
        sheet.freeze_panes = "A2"
        for index, column in enumerate(table.columns, 1):
            sheet.column_dimensions[get_column_letter(index)].width = _WIDTHS.get(column, _WIDTH)
        sheet.append([_bold(WriteOnlyCell(sheet, column), Font(bold=True)) for column in table.columns])
        for number, row in enumerate(table.rows(), 2):
            if number == _MOST_ROWS:
                sheet.append(
                    ["There are more rows than a sheet holds: they stand in the CSV files and in report.json."]
                )
                break
            sheet.append([_cell(cell) for cell in row])
    with tempfile.TemporaryFile() as unpacked:
        book.save(unpacked)
        _copy_without_day(unpacked, file)


def _bold(cell: Any, font: Any) -> Any:
    cell.font = font
    return cell


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
