"""What a participant made: sheets, programs and definitions of an exercise, read or run once each."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import yaml

from ..findings import Finding, InputError
from ..kubeflow.flattening import read_graph
from ..kubeflow.graph import Graph
from ..kubeflow.spec import load as load_spec
from ..sagemaker.capture import Program, capture, find_program, has_network_namespace
from ..sagemaker.definition import Definition
from ..sagemaker.reader import load as load_definition
from ..yaml_reading import fault_in_words
from .exercise import Exercise

T = TypeVar("T")
COMPILER = Path(__file__).with_name("compile_program.py")
SECONDS = 120
_SECRETS = ("AWS_", "BOTO_", "GOOGLE_", "CLOUDSDK_")


class Work:
    """One participant's files of one exercise.

    Attributes:
        exercise: the exercise.
        folder: the participant's files.
    """

    def __init__(self, exercise: Exercise, folder: Path) -> None:
        """Nothing is read before a check asks for it."""
        self.exercise = exercise
        self.folder = folder
        self._kept: dict[tuple[Callable[[Path], Any], Path], Any] = {}

    def file(self, name: str) -> Path:
        """A file of the participant's.

        Raises:
            InputError: it is not there (SMX702).
        """
        path = self.folder / name
        if not path.is_file():
            raise InputError(Finding("SMX702", f"{name} is not there", file=name))
        return path

    def given(self, name: str) -> Path:
        """A file that the exercise gives, as it gives it: what is true is never read from what may have been edited."""
        return self.exercise.start / name

    def sheet(self, name: str) -> Mapping[str, Any]:
        """A filled-in YAML sheet.

        Raises:
            InputError: it is not there (SMX702), or no YAML mapping (SMX703).
        """
        return self._once(_sheet, self.file(name))

    def definition(self, name: str) -> Definition:
        """A definition: that of a JSON file, or the one that a program builds.

        Raises:
            InputError: it cannot be read, is broken, or the program builds none.
        """
        return self._once(_definition, self.file(name))

    def graph(self, name: str) -> Graph:
        """The graph of the pipeline that a program compiles to.

        Raises:
            InputError: it is not there (SMX702), or does not compile (SMX704).
        """
        return self._once(_graph, self.file(name))

    def given_definition(self, name: str) -> Definition:
        """A definition as the exercise gives it."""
        return self._once(_definition, self.given(name))

    def given_graph(self, name: str) -> Graph:
        """A compiled pipeline as the exercise gives it."""
        return self._once(_compiled, self.given(name))

    def _once(self, read: Callable[[Path], T], path: Path) -> T:
        """What a file holds, or why it cannot be used, found out once."""
        if (read, path) not in self._kept:
            try:
                self._kept[read, path] = read(path)
            except InputError as error:
                self._kept[read, path] = error
        kept = self._kept[read, path]
        if isinstance(kept, InputError):
            raise kept
        found: T = kept
        return found


def _sheet(path: Path) -> dict[str, Any]:
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        message = f"{path.name} is no YAML: {fault_in_words(error)}"
        raise InputError(Finding("SMX703", message, file=path.name)) from error
    if not isinstance(document, dict):
        raise InputError(Finding("SMX703", f"{path.name} holds no list of questions any more", file=path.name))
    return document


def _definition(path: Path) -> Definition:
    program = find_program(str(path))
    definition = load_definition(path) if program is None else _captured(program)
    for finding in definition.findings:
        if finding.severity == "error":
            raise InputError(finding)
    return definition


def _captured(program: Program) -> Definition:
    """The only pipeline that a program builds, run to its end."""
    with tempfile.TemporaryDirectory(prefix="workshop-") as folder:
        captured = capture(program, Path(folder) / "bundle", timeout=SECONDS)
        if not captured.complete:
            raise InputError(captured.findings[0])  # what stopped it stands first
        names = captured.bundle.names()
        if len(names) > 1:
            said = f"{len(names)} pipelines are built: {', '.join(names)}"
            raise InputError(Finding("SMX706", said, file=program.shown))
        return captured.bundle.definition(names[0])


def _compiled(path: Path) -> Graph:
    return read_graph(load_spec(path))


def _graph(path: Path) -> Graph:
    with tempfile.TemporaryDirectory(prefix="workshop-") as folder:
        compiled = Path(folder) / "pipeline.yaml"
        _compile(path, compiled)
        return _compiled(compiled)


def _compile(program: Path, compiled: Path) -> None:
    """Compile a program in a process of its own, without credentials, and without a network where that is possible."""
    command = [sys.executable, str(COMPILER), str(program.resolve()), str(compiled)]
    if has_network_namespace():
        command = ["unshare", "-rn", *command]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(_SECRETS)}
    environment["PYTHONDONTWRITEBYTECODE"] = "1"
    try:
        done = subprocess.run(
            command, cwd=program.resolve().parent, capture_output=True, text=True, env=environment, timeout=SECONDS
        )
    except subprocess.TimeoutExpired as error:
        said = f"{program.name} did not end within {SECONDS} s"
        raise InputError(Finding("SMX704", said, file=program.name)) from error
    if done.returncode != 0:
        raise InputError(Finding("SMX704", f"{program.name}: {_reason(done.stderr, program)}", file=program.name))
    if not compiled.is_file():
        said = f"{program.name} ends before its pipeline is compiled"
        raise InputError(Finding("SMX704", said, file=program.name))


def _reason(output: str, program: Path) -> str:
    """The last line of a traceback, with the line of the program that it is about."""
    lines = re.findall(rf'File "[^"]*{re.escape(program.name)}", line (\d+)', output)
    said = [line.strip() for line in output.splitlines() if line.strip()]
    reason = said[-1] if said else "it ended without a word"
    return f"line {lines[-1]}: {reason}" if lines else reason
