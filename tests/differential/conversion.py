"""Converts definitions in this process: kfp is imported once, not by a process of its own for each pipeline."""

from __future__ import annotations

import importlib
import json
import runpy
import sys
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import yaml

from benchmarks.mutants.pairs import LOADER, TARGETS, Pair
from smx2vertex.mapping.correspondences import Correspondences
from smx2vertex.mapping.ledger import MappedPipeline, map_pipeline
from smx2vertex.sagemaker.definition import Definition
from smx2vertex.sagemaker.reader import read
from smx2vertex.vertex import again, project
from smx2vertex.vertex.code_files import CodeSource
from smx2vertex.vertex.planner import Planned, plan


@dataclass(frozen=True)
class Conversion:
    """A definition, its mapping, its plan, and the pair of it and the compiled pipeline for each target."""

    definition: Definition
    mapped: MappedPipeline
    planned: Planned
    pairs: Mapping[str, Pair]


def convert(document: dict[str, Any], targets: Collection[str], name: str | None = None) -> Conversion:
    """Convert a definition as `smx2vertex convert` does, but for these targets alone, and without formatting."""
    definition = read(document, name)
    faults = [finding for finding in definition.findings if finding.severity == "error"]
    assert not faults, f"`convert` would refuse it: {faults}"
    mapped = map_pipeline(definition)
    planned = plan(definition, mapped, Correspondences())
    if not planned.plan.body:  # no step ever runs anything
        return Conversion(definition, mapped, planned, {})
    with TemporaryDirectory(prefix="smx2vertex-") as folder, _compiling_here(targets):
        out = Path(folder) / "project"
        source = CodeSource(None)
        project.write(planned, definition, mapped, Correspondences(), project.Settings(), source, out)
        machines = json.loads((out / "smx2vertex.lock").read_text(encoding="utf-8"))["machines"]
        documents = {target: _loaded(out / "compiled" / f"{target}.yaml") for target in targets}
    pairs = {target: Pair(target, definition, document, machines) for target, document in documents.items()}
    return Conversion(definition, mapped, planned, pairs)


def _loaded(file: Path) -> dict[str, Any]:
    documents: Iterator[dict[str, Any]] = yaml.load_all(file.read_text(encoding="utf-8"), Loader=LOADER)
    return next(documents)


@contextmanager
def _compiling_here(targets: Collection[str]) -> Iterator[None]:
    assert set(targets) <= set(TARGETS)

    def compile_project(folder: Path, inherit: Collection[int] = ()) -> dict[str, int]:
        with _importing_from(folder):
            program = runpy.run_path(str(folder / "compile_pipeline.py"))
            (package,) = {file.parent.name for file in folder.glob("*/pipeline.py")}
            compute = importlib.import_module(f"{package}.compute")
            with patch.object(compute, "TARGETS", tuple(targets)):
                program["main"]()
        return {target: (folder / "compiled" / f"{target}.yaml").stat().st_size for target in targets}

    with patch.object(project, "format_code"), patch.object(again, "compile_project", compile_project):
        yield


@contextmanager
def _importing_from(folder: Path) -> Iterator[None]:
    """Modules of the folder can be imported, and are forgotten afterwards; nothing is written beside them."""
    known = set(sys.modules)
    with (
        patch.object(sys, "path", [str(folder), *sys.path]),
        patch.object(sys, "argv", ["compile_pipeline.py"]),
        patch.object(sys, "dont_write_bytecode", True),
    ):
        importlib.invalidate_caches()
        try:
            yield
        finally:
            for name in set(sys.modules) - known:
                if str(getattr(sys.modules[name], "__file__", None)).startswith(str(folder)):
                    del sys.modules[name]
