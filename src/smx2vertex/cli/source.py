"""Opens what a command is given as SOURCE: a definition, or a bundle."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from ..sagemaker.definition import Definition

PipelineName = Annotated[
    str | None, typer.Option("--pipeline", metavar="NAME", help="Which pipeline of a bundle, or what to call a file's.")
]


@dataclass(frozen=True, slots=True)
class Source:
    """A definition, and the files it names by their S3 addresses, where they are known."""

    definition: Definition
    files: dict[str, Path] = field(default_factory=dict)


def open_source(source: Path, pipeline: str | None) -> Source:
    """Open a source.

    Args:
        source: a JSON file, or a bundle.
        pipeline: the pipeline's name: which one of a bundle, or what to call that of a file.

    Raises:
        typer.BadParameter: a bundle holds several pipelines and none is named.
        InputError: the source cannot be read.
    """
    from ..sagemaker.bundle import is_bundle, open_bundle
    from ..sagemaker.reader import load

    if not is_bundle(source):
        return Source(load(source, pipeline))
    bundle = open_bundle(source)
    names = bundle.names()
    if pipeline is None and len(names) != 1:
        listed = "".join(f"\n  {name}" for name in names)
        raise typer.BadParameter(f"{source} holds {len(names)} pipelines:{listed}", param_hint="--pipeline")
    return Source(bundle.definition(pipeline or names[0]), bundle.files())
