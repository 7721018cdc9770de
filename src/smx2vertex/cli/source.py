"""Opens what a command is given as SOURCE: a definition, or a bundle."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..sagemaker.definition import Definition


def load_source(source: Path, name: str | None) -> Definition:
    """The definition of a source: a JSON file, or a folder that holds `definition.json`."""
    from ..sagemaker.reader import load

    return load(source / "definition.json" if source.is_dir() else source, name)
