"""Compares a definition with a generated project: both compiled files, and the code they belong to."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from ..contract.one_file import is_of_this_version
from ..documents import load_json, read_text
from ..findings import Finding, InputError
from ..kubeflow.flattening import read_graph
from ..kubeflow.graph import Graph
from ..kubeflow.origins import Constant
from ..kubeflow.spec import load
from ..sagemaker.definition import Definition
from . import DEFAULT_SCENARIOS, Check, Comparison, compare
from .stories import together

TARGETS = ("vertex", "kubeflow")
_CODE_ADDRESS = re.compile(r".*/code/([0-9a-f]{64})/([A-Za-z0-9_-]+)/?")


def is_project(path: Path) -> bool:
    """Whether a path is a generated project: a folder with compiled pipelines."""
    return (path / "compiled").is_dir()


def compare_project(
    definition: Definition,
    project: Path,
    match: Mapping[str, Iterable[str]] | None = None,
    scenarios: int = DEFAULT_SCENARIOS,
    seed: int = 0,
) -> Comparison:
    """Compare a definition with both targets of a project, and the compiled files with the project's code.

    Args:
        definition: as for `compare`.
        project: the folder.
        match: as for `compare`.
        scenarios: as for `compare`, for each target.
        seed: as for `compare`.

    Raises:
        InputError: a compiled file is missing (SMX482) or cannot be read, or `match` names what is not there.
    """
    graphs = {target: read_graph(load(compiled(project, target))) for target in TARGETS}
    machines = _chosen_machines(project)
    first, *others = (compare(definition, graph, match, machines, scenarios, seed) for graph in graphs.values())
    checks = [_merged(check, [other.checks[index] for other in others]) for index, check in enumerate(first.checks)]
    code = Check("code", tuple(_code_findings(project, graphs)))
    pairs = {
        (pair["kind"], pair["source"], pair["target"]): pair
        for result in (*others, first)
        for pair in sorted(result.correspondences, key=lambda pair: int(pair["occurrences"]))
    }
    behaviour = together(result.behaviour for result in (first, *others))
    checks = [
        replace(check, note=behaviour.summary) if check.name == "behaviour" and behaviour else check for check in checks
    ]
    return replace(first, checks=(*checks, code), correspondences=tuple(pairs.values()), behaviour=behaviour)


def compiled(project: Path, target: str) -> Path:
    """The compiled file of a target.

    Raises:
        InputError: it is not there (SMX482).
    """
    file = project / "compiled" / f"{target}.yaml"
    if not file.is_file():
        raise InputError(Finding("SMX482", f"{file} is not there", file=str(file)))
    return file


def _chosen_machines(project: Path) -> dict[str, str]:
    """What the conversion chose, from the project's lock; nothing is known where there is none."""
    try:
        lock = load_json(read_text(project / "smx2vertex.lock"))
        return {str(source): str(target) for source, target in lock["machines"].items()}
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return {}


def _merged(first: Check, others: list[Check]) -> Check:
    """A check of all targets: what two of them have in common stands once, whatever the place in the target."""
    known = {(finding.code, finding.pointer, finding.step) for finding in first.findings}
    added = [f for other in others for f in other.findings if (f.code, f.pointer, f.step) not in known]
    return replace(first, findings=(*first.findings, *added), skipped=all(check.skipped for check in (first, *others)))


# --- code ---


def _code_findings(project: Path, graphs: Mapping[str, Graph]) -> Iterator[Finding]:
    contracts = sorted(file for file in project.glob("*/contract.py") if file.parent.name != "code")
    if not contracts:
        yield Finding("SMX482", "no package of the project has a contract.py", file=str(project))
        return
    contract = contracts[0].read_bytes()
    if not is_of_this_version(contract.decode("utf-8", "replace")):
        yield Finding(
            "SMX480", f"{contracts[0].relative_to(project)} is not the contract of this version", file=str(contracts[0])
        )
    hashes: dict[str, str] = {}
    for target, graph in graphs.items():
        for task in graph.tasks.values():
            uri = task.importer.uri if task.importer else None
            address = _CODE_ADDRESS.fullmatch(str(uri.value)) if isinstance(uri, Constant) else None
            if address is None:
                continue
            digest, folder = address.groups()
            if folder not in hashes:
                hashes[folder] = code_hash(contract, project / "code" / folder)
            if hashes[folder] != digest:
                message = f"the code of {folder!r} has the hash {hashes[folder][:12]}…, not {digest[:12]}…"
                yield Finding("SMX481", message, task.at, file=str(compiled(project, target)))


def code_hash(contract: bytes, folder: Path) -> str:
    """The hash that addresses a code artifact: SHA-256 over the contract and the user's files, in hexadecimal.

    Args:
        contract: the content of contract.py.
        folder: the step's folder below `code/`; it may be absent, for a step without files.
    """
    digest = hashlib.sha256(contract)
    files = (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    for path in sorted(files, key=lambda path: path.relative_to(folder).as_posix()):
        content = path.read_bytes()
        digest.update(path.relative_to(folder).as_posix().encode() + b"\0" + len(content).to_bytes(8, "big") + content)
    return digest.hexdigest()
