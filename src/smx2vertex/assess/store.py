"""The output folder of `assess`: files that are written whole or not at all, and the records of earlier runs."""

from __future__ import annotations

import fcntl
import hashlib
import io
import json
import os
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, TextIO

from .. import files
from ..findings import Finding, InputError
from ..mapping.data import mappings_dir
from .record import Record

MARKER = ".smx2vertex-assess"
PAGES = "pipelines"
_RECORDS = ".cache"
_PROGRAM_FILES = frozenset({".py", ".yaml", ".csv", ".j2", ".css", ".js"})


class OutputError(InputError):
    """The output cannot be written, so no pipeline can be assessed any more (SMX172)."""

    def __reduce__(self) -> tuple[Any, ...]:
        """So that it can be handed over from another process."""
        return OutputError, (self.finding,)


class Store:
    """An output folder that is ours: new, empty, or made by an earlier run."""

    def __init__(self, out: Path) -> None:
        """Take the folder.

        Raises:
            OutputError: it holds something else, cannot be written, or another run writes there.
        """
        self.out = out
        try:
            if out.is_dir() and not (out / MARKER).is_file() and any(out.iterdir()):
                raise _refused(out, "holds something else: assess writes only into a folder of its own")
            (out / _RECORDS).mkdir(parents=True, exist_ok=True)
            self._lock = os.open(out / MARKER, os.O_RDWR | os.O_CREAT, 0o644)
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise _refused(out, "another assess is writing there") from error
        except OSError as error:
            raise _refused(out, f"cannot be written: {error.strerror}") from error

    def close(self) -> None:
        """Let go of the folder."""
        os.close(self._lock)

    def keep_only(self, digests: Collection[str]) -> None:
        """Remove the records, pages and unfinished files of what is not in the report any more."""
        kept = {record_file(self.out, digest) for digest in digests}
        for file in (self.out / _RECORDS).glob("*/*"):
            if file not in kept:
                file.unlink()
        ends = {digest[:16] for digest in digests}
        for page in (self.out / PAGES).glob("*"):
            if page.stem.rpartition("-")[2] not in ends:
                page.unlink()
        for file in self.out.glob(f"{files.UNFINISHED}*"):
            file.unlink()


def record_file(out: Path, digest: str) -> Path:
    """Where a record is kept."""
    return out / _RECORDS / digest[:2] / f"{digest}.json"


def read_record(out: Path, digest: str) -> Record | None:
    """The record of an earlier run; None if there is none that can be used."""
    try:
        return Record.from_row(json.loads(record_file(out, digest).read_bytes()))
    except (OSError, ValueError, TypeError):
        return None


def write_record(out: Path, digest: str, record: Record) -> None:
    """Keep a record for later runs."""
    with whole_file(record_file(out, digest)) as file:
        file.write(json.dumps(record.to_row(), ensure_ascii=False))


@contextmanager
def whole_file(path: Path) -> Iterator[TextIO]:
    """A text file that appears when all of it is written; a process that is killed leaves none.

    Raises:
        OutputError: it cannot be written.
    """
    with whole_binary_file(path) as file:
        # a lone surrogate, which JSON can hold, is no character
        text = io.TextIOWrapper(file, encoding="utf-8", errors="backslashreplace", newline="")
        yield text
        text.flush()
        text.detach()


@contextmanager
def whole_binary_file(path: Path) -> Iterator[BinaryIO]:
    """As `whole_file`, for bytes."""
    try:
        with files.whole_binary_file(path) as file:
            yield file
    except OSError as error:
        raise _refused(path, f"cannot be written: {error.strerror}") from error


def digest_of(content: bytes, *names: str) -> str:
    """What a record rests on: the content of a definition, what it is called, and the rest."""
    found = hashlib.sha256()
    for part in (*names, ""):
        found.update(part.encode("utf-8", "surrogatepass") + b"\0")
    found.update(content)
    return found.hexdigest()


def digest_of_files(files: Sequence[Path]) -> str:
    """What configurations say."""
    found = hashlib.sha256()
    for file in files:
        found.update(file.read_bytes() + b"\0")
    return found.hexdigest()


def digest_of_program() -> str:
    """What the program and its tables are: a new release makes new records."""
    package = Path(__file__).parents[1]
    files = (file for folder in (package, mappings_dir()) for file in sorted(folder.rglob("*")))
    return digest_of_files([file for file in files if file.suffix in _PROGRAM_FILES])


def _refused(out: Path, message: str) -> OutputError:
    return OutputError(Finding("SMX172", message, file=str(out)))
