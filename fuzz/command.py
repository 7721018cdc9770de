"""Runs a command in this process on one input, and says what was wrong with what it did."""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import typer.main

from smx2vertex import cli

from .targets import Target

# Line feeds and tabs belong to a text; all other control characters can steer a terminal.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_CODE = re.compile(r"SMX\d{3}")
_FRAME = re.compile(r'File ".*/smx2vertex/(.+)", line (\d+)')


def prepare() -> None:
    """Build the command line once; else it is built for each call, which takes longer than most commands."""
    if isinstance(cli.app, typer.Typer):
        cli.app = typer.main.get_command(cli.app)  # type: ignore[assignment]
    os.environ["SMX2VERTEX_DEBUG"] = "1"


@dataclass(frozen=True)
class Outcome:
    """What came of a command.

    Attributes:
        said: the command, its exit code and the codes of the findings: what is new is worth to be changed further.
        fault: what was wrong, in one line that is the same whenever the cause is the same; empty if nothing was.
    """

    said: str
    fault: str = ""


def check(target: Target, content: bytes, folder: Path, command: str | None = None) -> Outcome:
    """Run a command of a target on an input.

    Args:
        target: whose input it is.
        content: the input.
        folder: where its file is written, and those beside it; made empty before.
        command: which one; else the hash of the input chooses.
    """
    if command is None:
        command = target.commands[hashlib.sha256(content).digest()[0] % len(target.commands)]
    _lay_out(target, content, folder)
    before = _files(folder)
    arguments = [word.replace("{}", str(folder)) for word in command.split()]
    with _captured(arguments) as (out, err):
        code = cli.run_command()
    stdout, stderr = _text(out), _text(err)
    said = " ".join([command, str(code), *sorted(set(_CODE.findall(stdout + stderr)))])
    return Outcome(said, _fault(command, code, stdout, stderr) or _left(folder, before, command))


def _fault(command: str, code: int, stdout: str, stderr: str) -> str:
    name = command.split()[0]
    if code not in (0, 1, 2):
        frames = _FRAME.findall(stderr)
        lines = [line for line in stderr.splitlines() if line.startswith("This is a fault")]
        where = f"{frames[-1][0]}:{frames[-1][1]}" if frames else "?"
        return f"{name}: {lines[-1].split(':')[1].strip() if lines else f'exit code {code}'} at {where}"
    if code == 2 and not stderr.strip():
        return f"{name}: exit code 2 without a word"
    if found := _CONTROL.search(stdout + stderr):
        return f"{name}: the control character {found[0]!r} in the output of {command[-20:]!r}"
    if "--format json" in command and code < 2:
        json.loads(stdout)
    return ""


def _left(folder: Path, before: set[str], command: str) -> str:
    left = sorted(path for path in _files(folder) - before if path.partition("/")[0] != "out")
    return f"{command.split()[0]}: it left {left}" if left else ""


def _lay_out(target: Target, content: bytes, folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    for path, source in target.beside.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, folder / path)
    (folder / target.file).parent.mkdir(parents=True, exist_ok=True)
    (folder / target.file).write_bytes(content if target.wrap is None else target.wrap(content))


def _files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")}


@contextmanager
def _captured(arguments: list[str]) -> Iterator[tuple[io.TextIOWrapper, io.TextIOWrapper]]:
    """Standard output and error as a pipe would take them: what is no UTF-8 is an error."""
    before = sys.argv, sys.stdout, sys.stderr
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", errors=how) for how in ("strict", "backslashreplace"))
    sys.argv, sys.stdout, sys.stderr = ["smx2vertex", *arguments], out, err
    try:
        yield out, err
    finally:
        sys.argv, sys.stdout, sys.stderr = before


def _text(stream: io.TextIOWrapper) -> str:
    stream.flush()
    written = stream.buffer
    assert isinstance(written, io.BytesIO)
    return written.getvalue().decode("utf-8")
