"""Converts again: what is generated now, merged with what people changed, and compiled (decision 10)."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from ..findings import Finding
from .compiling import CompileError, compile_project
from .merge import How, Merged, merge
from .previous import BASE, CONFLICTS, LOCK, Previous, PreviousError, base_archive
from .writing import Workplace, carry, copy, link, refer

COMPILED = "compiled"


@dataclass(frozen=True, slots=True)
class Change:
    """A file of the project that convert adds, changes or removes.

    Attributes:
        path: relative to the project.
        before, after: its content; None where there is no such file.
    """

    path: str
    before: bytes | None
    after: bytes | None


@dataclass(slots=True)
class Project:
    """A written project.

    Attributes:
        path: where it stands.
        findings: what was found while writing it.
        sizes: bytes of each compiled file; empty where the sources could not be compiled, and the old files stay.
        merges: how the files came about that people changed or removed, by path.
        changes: what differs from what stood there.
    """

    path: Path
    findings: list[Finding] = field(default_factory=list)
    sizes: dict[str, int] = field(default_factory=dict)
    merges: dict[str, How] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)


def settle(project: Project, previous: Previous, generated: dict[str, bytes], lock: str, place: Workplace) -> None:
    """Make the next project in the workplace: merge, carry over what people added, compile.

    Args:
        project: receives findings, sizes, merges and changes.
        previous: the last conversion.
        generated: what is generated now, by path; the files stand in the workplace already.
        lock: the content of smx2vertex.lock.
        place: the workplace.

    Raises:
        PreviousError: something stands where a file belongs.
        MergeError: git is missing or failed.
        CompileError: the project does not compile, though nobody changed it.
    """
    paths = sorted({*generated, *previous.hashes})
    in_the_way = previous.in_the_way([*paths, LOCK, BASE])
    if in_the_way:
        listed = "".join(f"\n  {path}" for path in in_the_way)
        raise PreviousError(f"these are no plain files or folders of {project.path}, which convert writes:{listed}")
    merged = {path: merge(previous, path, generated.get(path)) for path in paths}
    asides = {f"{CONFLICTS}/{path}": each.aside for path, each in merged.items() if each.aside is not None}
    written = {path: each.content for path, each in merged.items()}
    written |= {**asides, LOCK: lock.encode(), BASE: base_archive(generated)}
    for path, content in written.items():
        _put(place.new / path, content, like=project.path / path)
    if previous.hashes:
        carry(project.path, place.new, {*written, *_compiled(project.path)}, refer if place.is_dry else link)
    project.merges = {path: each.how for path, each in merged.items() if each.how != "new"}
    project.findings += _findings(merged, _waiting(place.new))
    _compile(project, place)
    compiled = {*_compiled(project.path), *_compiled(place.new)}
    project.changes = list(_changes(project.path, place.new, sorted({*written, *compiled})))


def _put(file: Path, content: bytes | None, like: Path) -> None:
    if content is None:
        file.unlink(missing_ok=True)
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    if like.is_file():
        shutil.copymode(like, file)


def _compiled(folder: Path) -> list[str]:
    """The compiled files of a project, of all environments."""
    return [file.relative_to(folder).as_posix() for file in (folder / COMPILED).rglob("*") if file.is_file()]


def _compile(project: Project, place: Workplace) -> None:
    """Compile, beside what people compiled for other environments; what fails leaves the files as they were."""
    old, new = project.path / COMPILED, place.new / COMPILED
    if old.is_dir():
        copy(old, new)
    if any(finding.code == "SMX363" for finding in project.findings):
        return
    try:
        project.sizes = compile_project(place.new, place.inherited)
    except CompileError as error:
        if not project.merges:
            raise
        project.findings.append(Finding("SMX366", f"compile_pipeline.py failed: {_last_line(error)}"))
        shutil.rmtree(new, ignore_errors=True)
        if old.is_dir():
            copy(old, new)


def _last_line(error: CompileError) -> str:
    return str(error).rpartition("\n")[2] or "it said nothing"


def _waiting(folder: Path) -> list[str]:
    """The generated contents that wait for people to choose."""
    root = folder / CONFLICTS
    return [file.relative_to(root).as_posix() for file in sorted(root.rglob("*")) if file.is_file()]


def _findings(merged: dict[str, Merged], waiting: list[str]) -> Iterable[Finding]:
    for path, each in merged.items():
        if each.markers:
            places = "a place" if each.markers == 1 else f"{each.markers} places"
            yield Finding("SMX363", f"{path}: you and smx2vertex changed {places} in different ways", file=path)
        elif each.how == "deleted":
            yield Finding("SMX364", f"{path} was deleted, and stays so", file=path)
        elif each.how == "left over":
            yield Finding("SMX365", f"{path} is generated no longer, and stays since you changed it", file=path)
    for path in waiting:
        yield Finding("SMX363", f"{path} is no text: yours stays, the new one is {CONFLICTS}/{path}", file=path)


def _changes(old: Path, new: Path, paths: Iterable[str]) -> Iterable[Change]:
    for path in paths:
        before, after = (file.read_bytes() if file.is_file() else None for file in (old / path, new / path))
        if before != after:
            yield Change(path, before, after)
