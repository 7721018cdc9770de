"""Finds the files to scan, in one order everywhere, and reads their text."""

from __future__ import annotations

import io
import os
import stat
import tokenize
from collections.abc import Iterator
from pathlib import Path

from ..findings import Finding, InputError

SUFFIXES = (".py", ".ipynb", ".json", ".yaml", ".yml")
# Notebooks hold their pictures, so they may be larger than any program.
MAX_BYTES = {".py": 5 << 20, ".ipynb": 64 << 20, ".json": 50 << 20, ".yaml": 50 << 20, ".yml": 50 << 20}
SKIPPED = frozenset(
    {
        ".eggs",
        ".git",
        ".hg",
        ".ipynb_checkpoints",
        ".mypy_cache",
        ".nox",
        ".pytest_cache",
        ".ruff_cache",
        ".svn",
        ".tox",
        ".venv",
        "__pycache__",
        "node_modules",
        "site-packages",
        "venv",
    }
)


def find(paths: list[Path], problems: list[Finding]) -> list[Path]:
    """The files of a kind that is read: those named, and those in the folders named, each once, sorted by name.

    Links to folders are not followed, so that no loop and nothing outside of the folders is walked.

    Args:
        paths: files and folders.
        problems: receives a finding for each folder that cannot be listed.

    Raises:
        InputError: a path does not exist.
    """
    found: dict[Path, None] = {}
    for path in paths:
        if not path.exists():
            raise InputError(Finding("SMX151", "there is no such file or folder", file=shown(path)))
        for file in _walk(path, problems) if path.is_dir() else [path]:
            found.setdefault(file)
    return list(found)


def _walk(top: Path, problems: list[Finding]) -> Iterator[Path]:
    folders = [top]
    while folders:
        folder = folders.pop()
        try:
            with os.scandir(folder) as listing:
                entries = sorted(listing, key=lambda entry: entry.name)
        except OSError as error:
            problems.append(Finding("SMX145", f"the folder cannot be listed: {error.strerror}", file=shown(folder)))
            continue
        yield from (folder / entry.name for entry in entries if _wanted(entry))
        inner = [folder / entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
        folders.extend(path for path in reversed(inner) if path.name not in SKIPPED and not _is_environment(path))


def _wanted(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.name.lower().endswith(SUFFIXES) and entry.is_file()
    except OSError:
        return False


def _is_environment(folder: Path) -> bool:
    return os.path.lexists(folder / "pyvenv.cfg")


def shown(path: Path) -> str:
    """A path as text that can be printed anywhere; bytes that are no text are replaced."""
    return os.fsencode(path).decode("utf-8", "replace")


def read_bytes(path: Path) -> bytes:
    """The content of a file.

    Raises:
        InputError: it cannot be read, is no regular file, or too large (SMX145).
    """
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise _unreadable(path, "is no regular file")
        bound = MAX_BYTES.get(path.suffix.lower(), MAX_BYTES[".py"])
        if status.st_size > bound:
            raise _unreadable(path, f"is larger than {bound >> 20} MiB")
        return path.read_bytes()
    except OSError as error:
        raise _unreadable(path, f"cannot be read: {error.strerror}") from error


def _unreadable(path: Path, message: str) -> InputError:
    return InputError(Finding("SMX145", message, file=shown(path)))


def decode(content: bytes) -> tuple[str, str | None]:
    """The text of a Python file, decoded as Python does (PEP 263), and what was wrong with its encoding, or None.

    What is in no encoding that Python would accept is read as Latin-1, which accepts every byte.
    """
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(content).readline)
        return content.decode(encoding), None
    except (SyntaxError, UnicodeError, LookupError) as error:
        problem = f"byte {error.start} is no {error.encoding}" if isinstance(error, UnicodeDecodeError) else str(error)
        return content.decode("latin-1"), f"{problem}; read as Latin-1"
