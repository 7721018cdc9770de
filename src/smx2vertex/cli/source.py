"""Opens what a command is given as SOURCE: a definition, a bundle, or a program that is captured first."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from ..sagemaker.bundle import Bundle
    from ..sagemaker.capture import Program
    from ..sagemaker.definition import Definition
    from ..sagemaker.trigger_file import Trigger

PipelineName = Annotated[
    str | None, typer.Option("--pipeline", metavar="NAME", help="Which pipeline of a bundle, or what to call a file's.")
]
Python = Annotated[
    Path | None, typer.Option("--python", metavar="EXE", help="The interpreter with your SageMaker SDK, for a program.")
]
Config = Annotated[
    list[Path] | None,
    typer.Option("--config", metavar="FILE", help="Your buckets, images, machines, rules and hooks; repeatable."),
]


@dataclass(frozen=True, slots=True)
class Source:
    """A definition, and the files it names by their S3 addresses, where they are known.

    Attributes:
        definition: the definition.
        files: the files; they last as long as this object.
        triggers: what starts the pipelines of a bundle.
        folder: the temporary folder of a captured program.
    """

    definition: Definition
    files: dict[str, Path] = field(default_factory=dict)
    triggers: list[Trigger] = field(default_factory=list)
    folder: tempfile.TemporaryDirectory[str] | None = None


def open_source(source: Path, pipeline: str | None, python: Path | None = None) -> Source:
    """Open a source.

    Args:
        source: a JSON file, a bundle, or a program as `capture` takes it.
        pipeline: the pipeline's name: which one of a bundle, or what to call that of a file.
        python: the interpreter for a program.

    Raises:
        typer.BadParameter: a bundle holds several pipelines and none is named.
        InputError: the source cannot be read.
    """
    from ..sagemaker.bundle import is_bundle, open_bundle
    from ..sagemaker.capture import find_program
    from ..sagemaker.reader import load

    if is_bundle(source):
        return _from_bundle(open_bundle(source), source, pipeline)
    program = None if source.exists() and source.suffix not in (".py", ".ipynb") else find_program(str(source))
    return Source(load(source, pipeline)) if program is None else _captured(program, pipeline, python)


def _captured(program: Program, pipeline: str | None, python: Path | None) -> Source:
    from .capture import run_program
    from .output import print_findings

    folder = tempfile.TemporaryDirectory(prefix="smx2vertex-")
    captured = run_program(program, Path(folder.name) / "bundle", python=python)
    print_findings(captured.findings, to_stderr=True)
    opened = _from_bundle(captured.bundle, Path(program.shown), pipeline)
    return replace(opened, definition=replace(opened.definition, file=program.shown), folder=folder)


def _from_bundle(bundle: Bundle, source: Path, pipeline: str | None) -> Source:
    from ..sagemaker.trigger_file import read_triggers

    names = bundle.names()
    if pipeline is None and len(names) != 1:
        listed = "".join(f"\n  {name}" for name in names)
        raise typer.BadParameter(f"{source} holds {len(names)} pipelines:{listed}", param_hint="--pipeline")
    return Source(bundle.definition(pipeline or names[0]), bundle.files(), read_triggers(bundle.folder))
