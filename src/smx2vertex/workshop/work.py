"""What a participant made: sheets, programs and definitions of an exercise, read or run once each."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from ..findings import Finding, InputError
from ..kubeflow.graph import Graph, read_graph
from ..kubeflow.spec import load as load_spec
from ..sagemaker.capture import capture, find_program, has_network_namespace
from ..sagemaker.definition import Definition
from ..sagemaker.reader import load as load_definition
from .exercise import Exercise

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
        self._read: dict[tuple[str, str], Any] = {}

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
        found = self._once("sheet", name, self.file, _sheet)
        assert isinstance(found, dict)
        return found

    def definition(self, name: str) -> Definition:
        """A definition: that of a JSON file, or the one that a program builds.

        Raises:
            InputError: it cannot be read, is broken, or the program builds none.
        """
        found = self._once("definition", name, self.file, _definition)
        assert isinstance(found, Definition)
        return found

    def graph(self, name: str) -> Graph:
        """The graph of a compiled pipeline: that of a YAML file, or what a program compiles to.

        Raises:
            InputError: it cannot be read, or the program does not compile (SMX704).
        """
        found = self._once("graph", name, self.file, _graph)
        assert isinstance(found, Graph)
        return found

    def given_definition(self, name: str) -> Definition:
        """A definition as the exercise gives it."""
        found = self._once("given definition", name, self.given, _definition)
        assert isinstance(found, Definition)
        return found

    def given_graph(self, name: str) -> Graph:
        """A compiled pipeline as the exercise gives it."""
        found = self._once("given graph", name, self.given, _graph)
        assert isinstance(found, Graph)
        return found

    def _once(self, how: str, name: str, place: Any, read: Any) -> Any:
        key = (how, name)
        if key not in self._read:
            try:
                self._read[key] = read(place(name))
            except InputError as error:
                self._read[key] = error
        if isinstance(self._read[key], InputError):
            raise self._read[key]
        return self._read[key]


def _sheet(path: Path) -> dict[str, Any]:
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}: {getattr(error, 'problem', '')}" if mark else str(error)
        raise InputError(Finding("SMX703", f"{path.name} is no YAML: {where}", file=path.name)) from error
    if not isinstance(document, dict):
        raise InputError(Finding("SMX703", f"{path.name} holds no list of questions any more", file=path.name))
    return document


def _definition(path: Path) -> Definition:
    program = find_program(str(path))
    if program is None:
        definition = load_definition(path)
    else:
        with tempfile.TemporaryDirectory(prefix="workshop-") as folder:
            captured = capture(program, Path(folder) / "bundle", timeout=SECONDS)
            if not captured.complete:
                raise InputError(next(each for each in captured.findings if each.severity == "error"))
            names = captured.bundle.names()
            if len(names) > 1:
                said = f"{path.name} builds {len(names)} pipelines: {', '.join(names)}"
                raise InputError(Finding("SMX706", said, file=path.name))
            definition = captured.bundle.definition(names[0])
    for finding in definition.findings:
        if finding.severity == "error":
            raise InputError(finding)
    return definition


def _graph(path: Path) -> Graph:
    if path.suffix != ".py":
        return read_graph(load_spec(path))
    with tempfile.TemporaryDirectory(prefix="workshop-") as folder:
        compiled = Path(folder) / "pipeline.yaml"
        _compile(path, compiled)
        return read_graph(load_spec(compiled))


def _compile(program: Path, compiled: Path) -> None:
    """Compile a program in a process of its own, without network and credentials."""
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


def _reason(output: str, program: Path) -> str:
    """The last line of a traceback, with the line of the program that it is about."""
    lines = re.findall(rf'File "[^"]*{re.escape(program.name)}", line (\d+)', output)
    said = [line.strip() for line in output.splitlines() if line.strip()]
    reason = said[-1] if said else "it ended without a word"
    return f"line {lines[-1]}: {reason}" if lines else reason
