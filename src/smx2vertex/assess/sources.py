"""Finds the pipelines of a portfolio: definitions in files, folders and bundles, one after the other."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from ..findings import Finding, InputError
from ..mapping.data import load_yours
from ..sagemaker.bundle import MANIFEST, is_bundle, open_bundle
from ..sagemaker.definition import Definition
from ..sagemaker.function_calls import function_calls
from ..sagemaker.reader import load

_DEFINITIONS = (".json", ".yaml", ".yml")
_PROGRAMS = (".py", ".ipynb")
_LARGEST_PROGRAM = 5 << 20
# What a program says that builds pipelines; looked for as text, nothing is executed.
_BUILDS_PIPELINES = re.compile(rb"sagemaker[.\w]*\.(?:mlops\.)?workflow|upsert_pipeline|create_pipeline")
_SKIPPED = frozenset({"__pycache__", "node_modules", "site-packages"})
_TRIGGERS = "triggers.yaml"


@dataclass(frozen=True, slots=True)
class Source:
    """A file that may hold a definition.

    Attributes:
        file: the file.
        name: what the bundle calls the pipeline; None for a file of its own.
        bundle: the folder of the bundle, or None.
        given: whether the user named this very file: one that was only found in a folder may be something else.
    """

    file: Path
    name: str | None = None
    bundle: Path | None = None
    given: bool = False

    @property
    def kind(self) -> str:
        """Where the pipeline comes from."""
        return "definition" if self.bundle is None else "bundle"

    def load(self) -> Definition:
        """Read the definition.

        Raises:
            InputError: it cannot be read, or is none.
        """
        definition = load(self.file, self.name)
        if self.bundle is None:
            return definition
        return replace(definition, functions=function_calls(definition, _files(self.bundle)))


@dataclass(slots=True)
class Sources:
    """What was found.

    Attributes:
        definitions: files that may hold one, in the order of the paths, below them by name.
        triggers: the entries of the bundles' triggers.yaml.
        problems: why something cannot be assessed.
    """

    definitions: list[Source] = field(default_factory=list)
    triggers: list[dict[str, Any]] = field(default_factory=list)
    problems: list[Finding] = field(default_factory=list)


def find_sources(paths: list[Path], leave_out: Path) -> Sources:
    """Find the pipelines below some paths.

    Links to folders are not followed; hidden folders, and those of virtual environments, are not looked into.

    Args:
        paths: definitions, folders and bundles.
        leave_out: a folder that is never looked into: the output.

    Raises:
        InputError: a path does not exist (SMX151), or there is nothing to assess (SMX170).
    """
    found = Sources()
    for path in paths:
        if path.is_dir():
            _add_folder(found, path, leave_out.resolve())
        elif path.exists():
            _add_file(found, path, given=True)
        else:
            raise InputError(Finding("SMX151", "there is no such file or folder", file=str(path)))
    unique = {(str(source.file), source.name): source for source in found.definitions}
    found.definitions = list(unique.values())
    if not found.definitions and not found.problems:
        raise InputError(Finding("SMX170", "there is no definition and no bundle below these paths"))
    return found


def _add_folder(found: Sources, top: Path, leave_out: Path) -> None:
    folders = [top]
    while folders:
        folder = folders.pop()
        if folder.resolve() == leave_out or (is_bundle(folder) and _add_bundle(found, folder)):
            continue
        try:
            with os.scandir(folder) as listing:
                entries = sorted(listing, key=lambda entry: entry.name)
        except OSError as error:
            found.problems.append(Finding("SMX145", f"the folder cannot be listed: {error.strerror}", file=str(folder)))
            continue
        inner = [folder / each.name for each in entries if each.is_dir(follow_symlinks=False) and _wanted(each)]
        folders.extend(reversed(inner))
        for entry in entries:
            if entry.is_file() and entry.name != MANIFEST:
                _add_file(found, folder / entry.name, given=False)


def _wanted(folder: os.DirEntry[str]) -> bool:
    is_environment = os.path.lexists(Path(folder.path, "pyvenv.cfg"))
    return not folder.name.startswith(".") and folder.name not in _SKIPPED and not is_environment


def _add_file(found: Sources, file: Path, given: bool) -> None:
    suffix = file.suffix.lower()
    if suffix in _PROGRAMS:
        if given or _builds_pipelines(file):
            message = "is a program: assess executes nothing, so its pipelines are not in the report"
            found.problems.append(Finding("SMX173", message, file=str(file)))
    elif given or suffix in _DEFINITIONS:
        found.definitions.append(Source(file, given=given))


def _builds_pipelines(program: Path) -> bool:
    try:
        is_large = program.stat().st_size > _LARGEST_PROGRAM
        return not is_large and _BUILDS_PIPELINES.search(program.read_bytes()) is not None
    except OSError:
        return False


def _add_bundle(found: Sources, folder: Path) -> bool:
    """Add the pipelines and triggers of a bundle; False for a folder whose manifest is of something else."""
    try:
        bundle = open_bundle(folder)
    except InputError as error:
        found.problems.append(error.finding)
        return False
    for entry in bundle.pipelines:
        found.definitions.append(Source(folder / entry["definition"], entry["name"], folder, given=True))
    triggers = folder / _TRIGGERS
    try:
        entries = load_yours(triggers) if triggers.is_file() else []
        found.triggers += [entry for entry in entries or [] if isinstance(entry, dict)]
    except Exception as error:  # YAML's own errors, no text, no list: whatever a damaged file brings
        found.problems.append(Finding("SMX145", f"cannot be read: {type(error).__name__}", file=str(triggers)))
    return True


@lru_cache(maxsize=4)
def _files(bundle: Path) -> dict[str, Path]:
    return open_bundle(bundle).files()
