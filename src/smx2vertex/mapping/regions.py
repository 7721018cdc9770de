"""From regions of AWS to the nearest regions of Vertex AI (`mappings/regions.yaml`)."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from smx2vertex.mapping.data import load_yaml, mappings_dir

_REGION = re.compile(r"\b[a-z]{2}(?:-[a-z]{2,4})?-(?:north|south|east|west|central)[a-z]*-\d\b")


@cache
def _table() -> dict[str, Any]:
    table: dict[str, Any] = load_yaml(mappings_dir() / "regions.yaml")
    return table


def default_region() -> str:
    """The region of Vertex AI where nothing says which."""
    return str(_table()["default"])


def target_region(aws: str) -> str | None:
    """The region of Vertex AI nearest to an AWS region such as `eu-west-1`; None if that is not known."""
    return _table()["regions"].get(aws)  # type: ignore[no-any-return]


def vertex_regions() -> frozenset[str]:
    """The regions of Vertex AI."""
    return frozenset(_table()["vertex"])


def aws_regions() -> frozenset[str]:
    """The regions of AWS that have a counterpart."""
    return frozenset(_table()["regions"])


def region_of(text: str) -> str | None:
    """The first AWS region named in an ARN, an image or S3 URI, or any other text; None if there is none."""
    found = _REGION.search(text)
    return found.group() if found else None
