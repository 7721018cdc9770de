"""Kills a process at any moment at which it touches a file."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

# What Python reports before it touches a file: at each of these moments a process may be killed.
TOUCHES = ("open", "os.", "shutil.", "ctypes.", "fcntl.")


def contents(folder: Path) -> dict[str, bytes]:
    """The files of a folder; none if there is no folder."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def in_fork(folder: Path, action: Callable[[], object], kill_at: int | None = None) -> int:
    """Do something in a fork of this process; kill it at the n-th moment at which it touches the folder.

    Returns how many moments there were, or -1 when killed.
    """
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        _child(str(folder), action, kill_at, writer)
    os.close(writer)
    moments = os.read(reader, 100)
    os.close(reader)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return -1
    assert os.WEXITSTATUS(status) == 0
    return int(moments)


def _child(folder: str, action: Callable[[], object], kill_at: int | None, writer: int) -> None:
    moments = 0

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal moments
        if event.startswith(TOUCHES) and any(folder in str(argument) for argument in arguments):
            moments += 1
            if moments == kill_at:
                os.kill(os.getpid(), signal.SIGKILL)

    code = 1
    try:
        sys.addaudithook(hook)
        action()
        os.write(writer, str(moments).encode())
        code = 0
    finally:
        os._exit(code)
