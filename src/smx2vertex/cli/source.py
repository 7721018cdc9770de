"""Opens what a command is given as SOURCE: a definition, a bundle, or a program that is captured first."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from ..api import Source
    from ..sagemaker.capture import Program

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


def open_source(source: Path, pipeline: str | None, python: Path | None = None) -> Source:
    """Open a source.

    Args:
        source: a JSON file, a bundle, or a program as `capture` takes it.
        pipeline: the pipeline's name: which one of a bundle, or what to call that of a file.
        python: the interpreter for a program.

    Raises:
        InputError: the source cannot be read, or holds several pipelines and none is named.
    """
    from ..api import load
    from ..sagemaker.capture import find_program

    program = None if source.exists() and source.suffix not in (".py", ".ipynb") else find_program(str(source))
    return load(source, pipeline) if program is None else _captured(program, pipeline, python)


def _captured(program: Program, pipeline: str | None, python: Path | None) -> Source:
    from ..api import load
    from .capture import run_program
    from .output import print_findings

    folder = tempfile.TemporaryDirectory(prefix="smx2vertex-")
    captured = run_program(program, Path(folder.name) / "bundle", python=python)
    print_findings(captured.findings, to_stderr=True)
    opened = load(captured.bundle.folder, pipeline)
    return replace(opened, definition=replace(opened.definition, file=program.shown), folder=folder)
