"""Pairs of a definition and what it was converted to, for both targets; conversions are kept in build/mutants."""

from __future__ import annotations

import hashlib
import json
import random
import shutil
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from smx2vertex.findings import InputError
from smx2vertex.mapping.correspondences import Correspondences
from smx2vertex.mapping.ledger import map_pipeline
from smx2vertex.sagemaker.definition import Definition
from smx2vertex.sagemaker.reader import load
from smx2vertex.vertex.code_files import CodeSource
from smx2vertex.vertex.planner import plan
from smx2vertex.vertex.project import Settings, write

ROOT = Path(__file__).resolve().parents[2]
CORPUS = ROOT.parent / "shared" / "corpus" / "definitions"
KEPT = ROOT / "build" / "mutants"
TARGETS = ("vertex", "kubeflow")
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class Pair:
    """A definition, the compiled pipeline of one target, and the machines that the conversion chose."""

    name: str
    definition: Definition
    document: dict[str, Any]
    machines: dict[str, str]


def fixtures() -> list[Path]:
    """The definitions of the tests and examples."""
    return sorted([*ROOT.glob("tests/**/definition.json"), *ROOT.glob("examples/*/definition.json")])


def sample(files: Iterable[Path], number: int, seed: int) -> list[Path]:
    """Definitions of a folder, the types of their steps as different as can be: each brings most that is new."""
    types = {file: set(_features(json.loads(file.read_text(encoding="utf-8")))) for file in sorted(files)}
    order = list(types)
    random.Random(seed).shuffle(order)
    chosen: list[Path] = []
    seen: set[str] = set()
    while order and len(chosen) < number:
        best = max(order, key=lambda file: len(types[file] - seen))
        chosen.append(best)
        order.remove(best)
        seen |= types[best]
    return chosen


def _features(value: Any) -> Iterator[str]:
    """The types of steps, expressions and comparisons of a definition, and the names of its fields."""
    if isinstance(value, dict):
        yield from (f"{key}={value[key]}" for key in ("Type",) if isinstance(value.get(key), str))
        yield from value
        for inner in value.values():
            yield from _features(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _features(inner)


def pairs(files: Iterable[Path]) -> Iterator[Pair]:
    """What the definitions become; those that cannot be converted are left out."""
    for file in files:
        folder = KEPT / _key(file)
        if not folder.is_dir():
            KEPT.mkdir(parents=True, exist_ok=True)
            with TemporaryDirectory(dir=KEPT, ignore_cleanup_errors=True) as place:
                _convert(file, Path(place) / "made")
                _keep(Path(place) / "made", folder)
        if not (folder / "machines.json").is_file():
            continue
        definition, machines = load(file), json.loads((folder / "machines.json").read_text(encoding="utf-8"))
        name = file.stem if file.stem != "definition" else "/".join(file.parts[-3:-1])
        for target in TARGETS:
            document = json.loads((folder / f"{target}.json").read_text(encoding="utf-8"))
            yield Pair(f"{name} ({target})", definition, document, machines)


def _keep(made: Path, folder: Path) -> None:
    """Put a conversion in its place, unless another process has done so meanwhile."""
    with suppress(OSError):
        made.rename(folder)


def _convert(file: Path, folder: Path) -> None:
    """Keep both compiled pipelines as JSON; an empty folder where nothing comes of the definition."""
    folder.mkdir()
    try:
        definition = load(file)
    except InputError:
        return
    if any(finding.severity == "error" for finding in definition.findings):
        return
    mapped = map_pipeline(definition)
    planned = plan(definition, mapped, Correspondences())
    if not planned.plan.body:
        return
    out = folder / "project"
    code = file.parent / "code"
    source = CodeSource(code if code.is_dir() else None)
    write(planned, definition, mapped, Correspondences(), Settings(), source, out)
    for target in TARGETS:
        text = (out / "compiled" / f"{target}.yaml").read_text(encoding="utf-8")
        document = next(yaml.load_all(text, Loader=LOADER))
        (folder / f"{target}.json").write_text(json.dumps(document), encoding="utf-8")
    lock = json.loads((out / "smx2vertex.lock").read_text(encoding="utf-8"))
    shutil.rmtree(out)
    (folder / "machines.json").write_text(json.dumps(lock["machines"]), encoding="utf-8")


def _key(file: Path) -> str:
    return hashlib.sha256(_converter() + file.read_bytes()).hexdigest()[:24]


@cache
def _converter() -> bytes:
    """A hash of all that a conversion rests on."""
    digest = hashlib.sha256()
    folders = [
        ROOT / "mappings",
        *(ROOT / "src" / "smx2vertex" / part for part in ("contract", "mapping", "sagemaker", "vertex")),
    ]
    for file in sorted(file for folder in folders for file in folder.rglob("*")):
        if file.is_file() and "__pycache__" not in file.parts:
            digest.update(str(file.relative_to(ROOT)).encode() + b"\0" + file.read_bytes())
    return digest.digest()
