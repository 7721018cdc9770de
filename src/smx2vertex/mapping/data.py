"""Where the mapping tables lie, and how they are read."""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path
from typing import Any

import yaml

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@cache
def mappings_dir() -> Path:
    """The folder of the tables: in the installed package, or at the top of a checkout."""
    packaged = Path(__file__).parents[1] / "mappings"
    return packaged if packaged.is_dir() else Path(__file__).parents[3] / "mappings"


def load_yaml(path: Path) -> Any:
    """What a YAML file holds, by the safe loader: plain values, lists and dicts.

    Raises:
        yaml.YAMLError: the file is no YAML.
    """
    return yaml.load(path.read_text(encoding="utf-8"), Loader=_LOADER)


def load_csv(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV file with a header, each by the names of the columns."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
