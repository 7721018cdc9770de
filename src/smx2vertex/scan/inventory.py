"""The inventory of files and folders: what each file holds of either kind of pipeline, without executing anything."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..findings import Finding, InputError
from ..words import first_of
from .code import Fault, Program, read_notebook, read_program
from .documents import scan_document
from .files import SUFFIXES, decode, find, read_bytes, shown
from .kinds import Evidence, evidence, own_kind, relate
from .kubeflow import scan_kubeflow
from .model import ScannedFile, plain
from .names import read_names
from .sagemaker import pointer_of, scan_sagemaker
from .tables import absent_classes, step_classes

UNREADABLE = "unreadable"
NOTEBOOK = " (notebook)"


@dataclass(slots=True)
class Inventory:
    """What a scan found; `findings` are those of no file, such as a folder that cannot be listed."""

    files: list[ScannedFile]
    findings: list[Finding] = field(default_factory=list)

    @property
    def readable(self) -> bool:
        """Whether anything could be scanned."""
        return any(file.kind != UNREADABLE for file in self.files)

    def classes(self) -> dict[str, int]:
        """How many steps each class creates; every known class is there, with 0 where it is not used."""
        return _counts(step_classes(), self.files)

    def absent(self) -> dict[str, int]:
        """The same for names that look like step classes and are in no SDK."""
        return _counts(absent_classes(), self.files)

    def all_findings(self) -> list[Finding]:
        """All findings, file by file."""
        return [*self.findings, *(finding for file in self.files for finding in file.findings)]

    def totals(self) -> dict[str, int]:
        """Sums over all files."""
        kubeflow = [file.kubeflow for file in self.files]
        return {
            "files": len(self.files),
            "steps": sum(len(file.steps) for file in self.files),
            "pipelines": sum(len(file.pipelines) for file in self.files),
            "parameters": sum(len(file.parameters) for file in self.files),
            "conditions": sum(len(file.conditions) for file in self.files),
            "references": sum(len(file.references) for file in self.files),
            "kubeflow_pipelines": sum(len(each.pipelines) for each in kubeflow),
            "components": sum(len(each.components) for each in kubeflow),
            "tasks": sum(len(each.tasks) for each in kubeflow),
            "findings": len(self.all_findings()),
        }

    def to_dict(self) -> dict[str, Any]:
        """The inventory in the form of the JSON output."""
        kinds = Counter(file.kind for file in self.files)
        files = [
            file.to_dict()
            | {"classes": _counts(step_classes(), [file]), "not_in_sdk": _counts(absent_classes(), [file])}
            for file in self.files
        ]
        return {
            "files": files,
            "classes": self.classes(),
            "not_in_sdk": self.absent(),
            "kinds": dict(sorted(kinds.items())),
            "totals": self.totals(),
            "findings": plain(self.findings),
        }


def _counts(classes: Iterable[str], files: Iterable[ScannedFile]) -> dict[str, int]:
    found = Counter(step.class_ for file in files for step in file.steps)
    return {name: found[name] for name in classes}


def scan(
    paths: Sequence[str | Path], progress: Callable[[list[Path]], Iterable[Path]] = lambda files: files
) -> Inventory:
    """Take the inventory of files and folders.

    Args:
        paths: `.py`, `.ipynb`, `.json`, `.yaml` and `.yml` files, and folders with such files.
        progress: receives the files and gives them back one by one, to show how far the scan is.

    Raises:
        InputError: a path does not exist (SMX151).
    """
    inventory = Inventory([])
    programs: list[tuple[ScannedFile, Evidence]] = []
    for path in progress(find([Path(path) for path in paths], inventory.findings)):
        for file, found in _scan_file(path):
            inventory.files.append(file)
            if found is not None:
                programs.append((file, found))
    relate(programs)
    for file, _ in programs:
        if ".ipynb" in file.path and "::" not in file.path:
            file.kind += NOTEBOOK
    return inventory


def scan_text(text: str, path: str = "code.py") -> ScannedFile:
    """Scan the text of one Python file."""
    return _scan_program(read_program(text), ScannedFile(path))[0]


def _scan_file(path: Path) -> Iterator[tuple[ScannedFile, Evidence | None]]:
    """What a file holds; a notebook may hold further files."""
    file = ScannedFile(shown(path))
    suffix = path.suffix.lower()
    try:
        if suffix not in SUFFIXES:
            raise InputError(Finding("SMX145", f"is none of {', '.join(SUFFIXES)}", file=file.path))
        content = read_bytes(path)
        if suffix == ".py":
            yield _scan_program(read_program(_text(content, file)), file)
        elif suffix == ".ipynb":
            yield from _scan_notebook(content, file)
        else:
            scan_document(path, content, file)
            yield file, None
    except InputError as error:
        file.kind, file.because = UNREADABLE, error.finding.message
        file.findings.append(error.finding)
        yield file, None


def _text(content: bytes, file: ScannedFile) -> str:
    text, problem = decode(content)
    if problem:
        file.findings.append(Finding("SMX146", problem, file=file.path))
    return text


def _scan_notebook(content: bytes, file: ScannedFile) -> Iterator[tuple[ScannedFile, Evidence]]:
    try:
        program = read_notebook(content.decode("utf-8-sig", "replace"))
    except ValueError as error:
        raise InputError(Finding("SMX145", f"is no notebook: {error}", file=file.path)) from error
    yield _scan_program(program, file)
    for each in program.embedded:
        inner = ScannedFile(f"{file.path}::{each.name}")
        scanned, found = _scan_program(read_program(each.text), inner)
        yield scanned, found


def _scan_program(program: Program, file: ScannedFile) -> tuple[ScannedFile, Evidence]:
    for fault in program.faults:
        pointer = pointer_of(*program.place(fault.line))
        file.findings.append(Finding("SMX140", _fault(fault, program), pointer, file=file.path))
    names = read_names(program)
    scan_sagemaker(names, file)
    scan_kubeflow(names, file)
    found = evidence(names)
    file.kind, file.because = own_kind(file, found)
    if program.faults and not program.statements:
        file.kind, file.because = UNREADABLE, program.faults[0].message
    return file, found


def _fault(fault: Fault, program: Program) -> str:
    """What Python says, and what could not be read; a text in triple quotes without end is often a docstring."""
    hint = " (a docstring cut off?)" if "triple-quoted" in fault.message else ""
    parts = []
    for first, last in fault.skipped:
        start, end = program.place(first)[0], program.place(last)[0]
        parts.append(str(start) if start == end else f"{start} to {end}")
    lost = f"; not read: line {first_of(parts, 6, 'places')}" if parts else "; everything else was read"
    return f"{fault.message}{hint}{lost}"
