"""The user's settings for a conversion: the files that `--config` names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..documents import DocumentError
from ..findings import Finding, InputError
from ..mapping.check import Mistake
from ..mapping.correspondences import Correspondences
from ..mapping.data import load_yours
from ..mapping.overrides import overridden, planned_by_hook
from ..mapping.tables import Tables, our_tables
from .config_check import PAIRS, TEXTS, check_config, layers_of
from .hooks import Hook, find_hook, installed_hooks
from .project import Settings


@dataclass(frozen=True, slots=True)
class Config:
    """Settings of the project, and what the user says in our place.

    Attributes:
        tables: our tables with the user's rows over them.
        hooks: functions that plan steps, by step type.
        row_files: what rows of the user's name as their file.
        findings: settings that may be mistakes.
    """

    settings: Settings
    correspondences: Correspondences
    tables: Tables = field(default_factory=our_tables)
    hooks: dict[str, Hook] = field(default_factory=dict)
    row_files: frozenset[str] = frozenset()
    findings: tuple[Finding, ...] = ()


def load_config(paths: Sequence[Path] = ()) -> Config:
    """Read configurations, of which the later ones come first; without any, the defaults.

    A file is a YAML mapping; docs/config.md lists its keys. The hooks of installed packages count too, below those that
    a file names.

    Raises:
        InputError: a file cannot be read, or holds a mistake.
    """
    documents = [(path, *_checked(path)) for path in paths]
    merged: dict[str, Any] = {}
    hooks = dict(installed_hooks())
    for path, document, _ in documents:
        merged |= {key: document[key] for key in TEXTS if document.get(key) is not None}
        merged |= {key: merged.get(key, {}) | (document.get(key) or {}) for key in PAIRS}
        named = document.get("step_types") or {}
        hooks |= {type_: find_hook(name, path.parent) for type_, name in named.items()}
    tables = our_tables()
    for type_, hook in hooks.items():
        tables = planned_by_hook(tables, type_, hook.name)
    layers = [layer for path, document, _ in documents for layer in layers_of(path, document)]
    region = merged.pop("region", None)
    pairs = {key: merged.pop(key, {}) for key in PAIRS}
    return Config(
        Settings(**merged),
        Correspondences(chosen_region=region, **pairs),
        overridden(tables, layers),
        hooks,
        frozenset((*(layer.file for layer in layers), *(hook.name for hook in hooks.values()))),
        tuple(_doubt(mistake) for _, _, doubtful in documents for mistake in doubtful),
    )


def _checked(path: Path) -> tuple[dict[str, Any], list[Mistake]]:
    """What a file holds, and what in it is doubtful."""
    try:
        mistakes = check_config(path)
        document = load_yours(path) or {}
    except DocumentError:  # one of the mistakes tells
        document = {}
    except OSError as error:
        raise InputError(Finding("SMX361", f"cannot be read: {error.strerror}", file=str(path))) from error
    faults = [mistake for mistake in mistakes if not mistake.doubtful]
    if faults:
        others = "".join(f"\n  {fault}" for fault in faults[1:])
        raise InputError(Finding("SMX361", f"{faults[0].message}{others}", file=faults[0].place))
    return document, mistakes


def _doubt(mistake: Mistake) -> Finding:
    return Finding("SMX266", mistake.message, file=mistake.place)
