"""Python code as statements, without executing it; what is broken is passed over, and the rest is kept.

Course and project files are often broken: a docstring cut off, a comma missing. Then the text is read block by block:
a block that Python refuses is opened (the body of a function is read by itself), and what is left of it is dropped and
reported.
"""

from __future__ import annotations

import ast
import json
import re
import warnings
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

_QUOTES = ('"""', "'''")
_CLAUSE = re.compile(r"(else|elif|except|finally|case)\b")
_HEADER = re.compile(r"(async\s+)?(def|class|if|elif|else|for|while|with|try|except|finally|match|case)\b")
_CREATED = re.compile(r"\s*([A-Za-z_][\w.]*)\s*=\s*([A-Za-z_][\w.]*)\s*\(")
_NAME_ARGUMENT = re.compile(r"\bname\s*=\s*(\"[^\"\\\n]*\"|'[^'\\\n]*')")
_STATEMENTS = (ast.Import, ast.ImportFrom, ast.Assign, ast.FunctionDef, ast.ClassDef, ast.With, ast.For, ast.If)
_MAX_NESTING = 20

# what a notebook cell may begin with and still hold Python
_PYTHON_MAGICS = frozenset({"capture", "local", "prun", "pyspark", "python", "python3", "spark", "time", "timeit"})
_MAGIC_LINE = re.compile(r"(\s*)([%!?].*|[\w.]+\?{1,2}\s*)$")
_MAGIC_VALUE = re.compile(r"(\s*[\w.,\s]+=\s*)[%!].*$")


@dataclass(frozen=True, slots=True)
class Fault:
    """A syntax error, and the lines that could not be read because of it.

    Attributes:
        line: where Python gives up; with `skipped` a line of the whole program.
        skipped: first and last line of each part that was dropped.
    """

    line: int
    message: str
    skipped: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Embedded:
    """A file that a notebook writes by `%%writefile`."""

    name: str
    text: str
    cell: int


@dataclass(slots=True)
class Program:
    """The statements of a file. The cells of a notebook stand one after the other, on one count of lines.

    Attributes:
        starts: of each cell, the line before its first one; and the number of the cell. Empty for a plain file.
    """

    statements: list[ast.stmt] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    starts: list[tuple[int, int]] = field(default_factory=list)
    embedded: list[Embedded] = field(default_factory=list)

    def place(self, line: int) -> tuple[int, int | None]:
        """The line in the file or in the cell, and the number of the cell."""
        if not self.starts:
            return line, None
        start, cell = self.starts[bisect_right(self.starts, (line - 1, len(self.starts) + 1_000_000)) - 1]
        return line - start, cell


def read_program(text: str) -> Program:
    """The statements of a Python file."""
    statements, fault = _statements(_lines(text), 0)
    return Program(statements, [fault] if fault else [])


def read_notebook(text: str) -> Program:
    """The statements of a Jupyter notebook (nbformat 3 and 4). Cells are counted from 1, text cells too.

    Raises:
        ValueError: it is no notebook.
    """
    program, line = Program(), 0
    for number, source in _code_cells(text):
        lines = _lines(source)
        magic, _, argument = lines[0].strip().partition(" ") if lines else ("", "", "")
        if magic == "%%writefile" and argument.strip():
            name = argument.split()[-1].strip("\"'")
            program.embedded.append(Embedded(name, "\n".join(lines[1:]), number))
            continue
        if magic.startswith("%%"):
            if magic[2:] not in _PYTHON_MAGICS:
                continue
            lines[0] = ""
        statements, fault = _statements(lines, line)
        if fault:
            statements, fault = _statements(list(_without_magics(lines)), line)
        program.statements += statements
        program.faults += [fault] if fault else []
        program.starts.append((line, number))
        line += len(lines)
    return program


def _code_cells(text: str) -> Iterator[tuple[int, str]]:
    try:
        document = json.loads(text)
    except RecursionError as error:
        raise ValueError("is nested too deeply") from error
    if not isinstance(document, dict):
        raise ValueError("is no notebook")
    sheets = document.get("worksheets")
    first = sheets[0] if isinstance(sheets, list) and sheets and isinstance(sheets[0], dict) else {}
    cells = document.get("cells", first.get("cells"))
    if not isinstance(cells, list):
        raise ValueError("has no cells")
    if not _is_python(document.get("metadata")):
        return
    for number, cell in enumerate(cells, start=1):
        if isinstance(cell, dict) and cell.get("cell_type") == "code":
            source = cell.get("source", cell.get("input", ""))
            parts = source if isinstance(source, list) else [source]
            joined = "".join(part for part in parts if isinstance(part, str))
            # half a surrogate pair, which JSON can hold, is no text
            yield number, joined.encode("utf-8", "replace").decode()


def _is_python(metadata: Any) -> bool:
    """Whether a notebook's language is Python; most of those that do not say are."""
    found = metadata if isinstance(metadata, dict) else {}
    for key, name in (("language_info", "name"), ("kernelspec", "language")):
        entry = found.get(key)
        language = entry.get(name) if isinstance(entry, dict) else None
        if isinstance(language, str):
            return "python" in language.lower()
    return True


def _without_magics(lines: list[str]) -> Iterator[str]:
    """The lines of a cell with `!command`, `%magic` and `name?` replaced by Python that does nothing."""
    continued = False
    for line in lines:
        if continued or (match := _MAGIC_LINE.match(line)):
            indent = "" if continued else match[1] if match else ""
            yield "" if continued else f"{indent}pass"
            continued = line.rstrip().endswith("\\")
        elif value := _MAGIC_VALUE.match(line):
            yield f"{value[1]}[]"
            continued = line.rstrip().endswith("\\")
        else:
            yield line


def _lines(text: str) -> list[str]:
    # str.splitlines breaks at more characters than Python's own reader does
    return re.split(r"\r\n|\r|\n", text.removeprefix("\ufeff"))


def _statements(lines: list[str], before: int) -> tuple[list[ast.stmt], Fault | None]:
    """The statements of a text whose first line has the number `before + 1`."""
    parsed = _parse(lines, before)
    if isinstance(parsed, list):
        return parsed, None
    salvage = _Salvage()
    salvage.read(lines, before)
    return salvage.statements, Fault(parsed.line, parsed.message, _ranges(salvage.dropped))


@dataclass(frozen=True, slots=True)
class _Refusal:
    line: int
    message: str


def _parse(lines: list[str], before: int) -> list[ast.stmt] | _Refusal:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            body = ast.parse("\n".join(lines)).body
    except SyntaxError as error:
        return _Refusal(before + max(error.lineno or 1, 1), error.msg)
    except (ValueError, RecursionError, MemoryError) as error:
        return _Refusal(before + 1, str(error) or "is nested too deeply")
    if before:
        for statement in body:
            ast.increment_lineno(statement, before)
    return body


class _Salvage:
    """Reads what can be read of a text that Python refuses."""

    def __init__(self) -> None:
        self.statements: list[ast.stmt] = []
        self.dropped: list[int] = []

    def read(self, lines: list[str], before: int, nesting: int = 0) -> None:
        blocks = list(_blocks(lines))
        done = 0  # blocks up to here are read
        for index, (start, end) in enumerate(blocks):
            if index < done:
                continue
            if self.take(lines[start:end], before + start):
                continue
            last = _closing_block(lines, blocks, index)
            if last is not None and self.take(lines[start : blocks[last][1]], before + start):
                done = last + 1
                continue
            self.open(lines[start:end], before + start, nesting)

    def take(self, lines: list[str], before: int) -> bool:
        parsed = _parse(lines, before)
        if isinstance(parsed, _Refusal):
            return False
        self.statements += parsed
        return True

    def open(self, lines: list[str], before: int, nesting: int) -> None:
        """Read the header and the body of a block each by itself, or what it creates."""
        head = _header_lines(lines)
        if head and nesting < _MAX_NESTING:
            self.take([*lines[:head], "    pass"], before)
            self.read(_dedented(lines[head:]), before + head, nesting + 1)
            return
        created = _CREATED.match(lines[0])
        name = _NAME_ARGUMENT.search("\n".join(lines)) if created else None
        if created:
            self.take([f"{created[1]} = {created[2]}({name[0] if name else ''})"], before)
        self.dropped.extend(range(before + 1, before + len(lines) + 1))


def _blocks(lines: list[str]) -> Iterator[tuple[int, int]]:
    """First line and end of each block: a line at the margin and all that belongs to it."""
    start: int | None = None
    decorated = False
    for number, line in enumerate(lines):
        begins = bool(line) and not line[0].isspace() and line[0] not in ")]}#" and not _CLAUSE.match(line)
        if begins and not decorated:
            if start is not None:
                yield start, number
            start = number
        if begins:
            decorated = line.startswith("@")
    if start is not None:
        yield start, len(lines)


def _closing_block(lines: list[str], blocks: list[tuple[int, int]], index: int) -> int | None:
    """The block where the text in triple quotes that begins in this block ends; None if there is no such text.

    A docstring that lost one of its quotes would make text of code, and code of text; so a docstring must not hold
    what looks like statements.
    """
    start, end = blocks[index]
    for quotes in _QUOTES:
        if sum(line.count(quotes) for line in lines[start:end]) % 2 == 0:
            continue
        inner = range(index + 1, len(blocks))
        last = next((at for at in inner if any(quotes in line for line in lines[slice(*blocks[at])])), None)
        if last is None:
            continue
        is_docstring = any(line.lstrip().startswith(quotes) for line in lines[start:end])
        if not is_docstring or not _looks_like_code([lines[slice(*blocks[at])] for at in range(index + 1, last)]):
            return last
    return None


def _looks_like_code(blocks: list[list[str]]) -> bool:
    parsed = [_parse(block, 0) for block in blocks]
    code = [each for each in parsed if isinstance(each, list) and any(isinstance(part, _STATEMENTS) for part in each)]
    return 2 * len(code) > len(blocks)


def _header_lines(lines: list[str]) -> int:
    """How many lines the header of a compound statement takes, decorators included; 0 if it is none."""
    first = next((number for number, line in enumerate(lines) if not line.startswith("@")), 0)
    if not _HEADER.match(lines[first]):
        return 0
    ends = (n for n in range(first, len(lines)) if lines[n].partition("#")[0].rstrip().endswith(":"))
    return next(ends, -1) + 1


def _dedented(lines: list[str]) -> list[str]:
    """The lines of a body at the margin; a line that is indented less than the first one goes there too."""
    margin = next((len(line) - len(line.lstrip()) for line in lines if line.strip()), 0)
    return [line[margin:] if not line[:margin].strip() else line.lstrip() for line in lines]


def _ranges(numbers: list[int]) -> tuple[tuple[int, int], ...]:
    found: list[tuple[int, int]] = []
    for number in numbers:
        if found and number == found[-1][1] + 1:
            found[-1] = (found[-1][0], number)
        else:
            found.append((number, number))
    return tuple(found)
