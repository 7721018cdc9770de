"""Where the mapping tables lie, and how they are read."""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from .. import documents
from ..yaml_reading import LOADER


@cache
def mappings_dir() -> Path:
    """The folder of the tables: in the installed package, or at the top of a checkout."""
    packaged = Path(__file__).parents[1] / "mappings"
    return packaged if packaged.is_dir() else Path(__file__).parents[3] / "mappings"


def load_yaml(path: Path) -> Any:
    """What a table of ours holds, by the safe loader: plain values, lists and dicts."""
    return yaml.load(path.read_text(encoding="utf-8"), Loader=LOADER)


def load_yours(path: Path) -> Any:
    """What a YAML file of the user's holds.

    Raises:
        DocumentError: it is no YAML, or breaks a bound.
        OSError: it cannot be read.
    """
    return documents.load_yaml(documents.read_text(path))


def load_csv(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV file with a header, each by the names of the columns."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
