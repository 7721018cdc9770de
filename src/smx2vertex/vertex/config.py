"""The user's settings for a conversion: the file that `--config` names."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import yaml

from ..findings import Finding, InputError
from ..mapping.correspondences import Correspondences
from .project import Settings

_TABLES = ("buckets", "images", "machines")


@dataclass(frozen=True, slots=True)
class Config:
    """Settings of the project, and the user's own correspondences."""

    settings: Settings
    correspondences: Correspondences


def load_config(path: Path | None) -> Config:
    """Read a configuration; without a path, the defaults.

    The file is a YAML mapping with any of the keys `project`, `region`, `pipeline_root`, `service_account`,
    `network`, `encryption_key`, `image_repository` (texts) and `buckets`, `images`, `machines` (mappings from what
    AWS has to what Google Cloud has).

    Raises:
        InputError: the file cannot be read, or holds a key or value that is none of these.
    """
    if path is None:
        return Config(Settings(), Correspondences())
    document = _document(path)
    texts = {field.name for field in fields(Settings)} | {"region"}
    for key, value in document.items():
        if key in _TABLES:
            if not isinstance(value, dict) or not all(isinstance(item, str) for pair in value.items() for item in pair):
                raise _error(path, f"{key} must be a mapping from text to text")
            if key == "buckets" and any("/" in name for pair in value.items() for name in pair):
                raise _error(path, "buckets must be names, without s3:// or gs:// and without folders")
        elif key not in texts:
            raise _error(path, f"{key!r} is no setting; there are {', '.join(sorted([*texts, *_TABLES]))}")
        elif value is not None and not isinstance(value, str):
            raise _error(path, f"{key} must be text")
    tables = {key: document[key] for key in _TABLES if key in document}
    region = document.pop("region", None)
    settings = Settings(**{key: value for key, value in document.items() if key not in _TABLES and value is not None})
    return Config(settings, Correspondences(chosen_region=region, **tables))


def _document(path: Path) -> dict[str, Any]:
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise _error(path, f"cannot be read: {error}") from error
    if not isinstance(document, dict):
        raise _error(path, "is no mapping")
    return document


def _error(path: Path, message: str) -> InputError:
    return InputError(Finding("SMX361", message, file=str(path)))
