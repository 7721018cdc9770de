"""Writes files: all of a file, or nothing of it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

# What a process that was killed may leave begins with it.
UNFINISHED = ".unfinished-"


@contextmanager
def whole_binary_file(file: Path) -> Iterator[BinaryIO]:
    """A file that appears when all of it is written; its folder is made.

    Raises:
        OSError: it cannot be written; what stood there stands there still.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    handle, unfinished = tempfile.mkstemp(dir=file.parent, prefix=UNFINISHED)
    try:
        with os.fdopen(handle, "wb") as stream:
            yield stream
        Path(unfinished).chmod(0o644)  # temporary files are the user's alone
        Path(unfinished).replace(file)
    finally:
        Path(unfinished).unlink(missing_ok=True)


def write_whole(file: Path, content: str | bytes) -> None:
    """Write a file, text as UTF-8; the rest as `whole_binary_file` says."""
    with whole_binary_file(file) as stream:
        stream.write(content.encode() if isinstance(content, str) else content)
