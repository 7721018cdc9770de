"""Ends the programs of a run that was killed: nobody else could, since a killed process ends nothing by itself."""

from __future__ import annotations

import subprocess
import sys
import threading

# Reads `+ GROUP` and `- GROUP` until the run is gone, which closes the pipe; then kills the groups that are left.
_PROGRAM = """
import os, signal, sys
groups = set()
for line in sys.stdin:
    sign, group = line.split()
    (groups.add if sign == "+" else groups.discard)(int(group))
for group in groups:
    try:
        os.killpg(group, signal.SIGKILL)
    except OSError:
        pass
"""
# A program starts only when the watchdog knows its group. If the run dies before, `read` finds the end of the pipe.
_GATE = 'read -r _ && exec "$@" < /dev/null'


def gated(command: list[str]) -> list[str]:
    """The command that waits for a line on its standard input before it becomes this one."""
    return ["/bin/sh", "-c", _GATE, "sh", *command]


class Watchdog:
    """A process that outlives the run just long enough to kill the process groups that it left."""

    def __init__(self) -> None:
        """No process yet: the first group starts it."""
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def release(self, program: subprocess.Popen[bytes]) -> None:
        """Note the process group of a gated program, and let it go."""
        with self._lock:
            if self._process is None:
                # in a session of its own, so that Ctrl-C in a terminal does not reach it
                self._process = subprocess.Popen(
                    [sys.executable, "-I", "-S", "-c", _PROGRAM], stdin=subprocess.PIPE, start_new_session=True
                )
        self._tell("+", program.pid)
        assert program.stdin is not None
        with program.stdin as gate:
            gate.write(b"\n")

    def forget(self, program: subprocess.Popen[bytes]) -> None:
        """The process group has ended."""
        self._tell("-", program.pid)

    def _tell(self, sign: str, group: int) -> None:
        with self._lock:
            if self._process is not None and self._process.stdin is not None:
                self._process.stdin.write(f"{sign} {group}\n".encode())
                self._process.stdin.flush()

    def close(self) -> None:
        """End the watchdog, and with it all groups that were not forgotten."""
        with self._lock:
            if self._process is not None:
                self._process.communicate()
                self._process = None
