"""A generated project, or a bare compiled pipeline, as something that can run on this machine."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..documents import load_json, read_text
from ..findings import Finding, InputError
from .flattening import read_graph
from .origins import Constant
from .spec import PipelineSpec, load
from .values import parse_value

LOCK = "smx2vertex.lock"
COMPILED = "compiled"
# gs://BUCKET/…/code/HASH/STEP/, the address of a code artifact
CODE_ADDRESS = re.compile(r"gs://.+/code/[0-9a-f]+/([^/]+)/?")


@dataclass(frozen=True, slots=True)
class Translation:
    """A value of the command line that was SageMaker's, and what it became."""

    name: str
    given: str
    becomes: str


@dataclass(frozen=True, slots=True)
class Project:
    """What is needed to run a pipeline here.

    Attributes:
        folder: the generated project; None for a bare compiled pipeline.
        spec: the pipeline.
        contract: the container contract of the project.
        code: folder of the user's files by address of the code artifact.
        buckets, machines, parameters: what stands for a bucket, an instance type, a parameter of SageMaker.
        allowed: the values that SageMaker allows, by the parameter's name here.
    """

    folder: Path | None
    spec: PipelineSpec
    contract: Path | None = None
    code: dict[str, Path] = field(default_factory=dict)
    buckets: Mapping[str, str] = field(default_factory=dict)
    machines: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)
    allowed: Mapping[str, list[Any]] = field(default_factory=dict)

    def translate(self, value: str) -> str:
        """An address or instance type of SageMaker as the one that stands for it; any other text as it is."""
        if value.startswith("s3://"):
            bucket, slash, key = value.removeprefix("s3://").partition("/")
            return f"gs://{self.buckets[bucket]}{slash}{key}" if bucket in self.buckets else value
        return self.machines.get(value, value)

    def values(self, given: Mapping[str, str]) -> tuple[dict[str, Any], list[Translation]]:
        """Values of parameters, read by their declared types, and those that were translated.

        Raises:
            InputError: a name is unknown (SMX601), or a text is no value of the type (SMX602).
        """
        declared = self.spec.root.parameters
        values, translations = {}, []
        for name, text in given.items():
            known = name if name in declared else self.parameters.get(name, name)
            if known not in declared:
                names = ", ".join(sorted(declared)) or "none"
                raise _error("SMX601", f"{self.spec.name} has no parameter {name!r}; it has: {names}")
            becomes = self.translate(text) if declared[known].type == "STRING" else text
            if (known, becomes) != (name, text):
                translations.append(Translation(known, text, becomes))
            try:
                values[known] = parse_value(declared[known].type, becomes)
            except ValueError as error:
                raise _error("SMX602", f"parameter {name}: {error}") from None
        return values, translations

    def refuse_others(self, values: Mapping[str, Any]) -> None:
        """Take only the values that SageMaker would take.

        Raises:
            InputError: a value is none of those that the definition allows (SMX640).
        """
        for name, value in values.items():
            allowed = [self.translate(each) if isinstance(each, str) else each for each in self.allowed.get(name, [])]
            if allowed and value not in allowed:
                listed = ", ".join(map(str, allowed))
                raise _error("SMX640", f"parameter {name}: {value!r} is none of the allowed values: {listed}")

    def assemble(self, folder: Path) -> dict[str, Path]:
        """Put the code artifacts together below a folder: the contract as `__main__.py`, the user's files in `src/`.

        Returns:
            The folder of each artifact, by its address.
        """
        made = {}
        for uri, source in self.code.items():
            assert self.contract is not None
            target = folder / source.name
            target.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(self.contract, target / "__main__.py")
            if source.is_dir():
                shutil.copytree(source, target / "src", dirs_exist_ok=True, ignore_dangling_symlinks=True)
            (target / "src").mkdir(exist_ok=True)
            made[uri] = target
        return made


def open_project(path: Path) -> Project:
    """Open a generated project, one of its compiled files, or a compiled pipeline of anyone.

    Raises:
        InputError: it cannot be read (SMX190 to SMX195), or the project is incomplete (SMX613).
    """
    if path.is_dir():
        compiled = next(
            (file for name in ("vertex", "kubeflow") if (file := path / COMPILED / f"{name}.yaml").is_file()), None
        )
        if compiled is None:
            raise _error("SMX613", f"{path} holds no {COMPILED}/vertex.yaml", path)
        return _project(path, load(compiled))
    spec = load(path)
    root = next((folder for folder in path.absolute().parents[1:3] if (folder / LOCK).is_file()), None)
    return _project(root, spec) if root else Project(None, spec)


def _project(folder: Path, spec: PipelineSpec) -> Project:
    lock = _lock(folder)
    addresses = lock.get("code") or code_addresses(spec)
    code = {uri: _inside(folder / "code", step) for step, uri in addresses.items()}
    contract = _inside(folder, str(lock.get("package", ""))) / "contract.py"
    if code and not contract.is_file():
        raise _error("SMX613", f"{folder} holds no {contract.relative_to(folder)}", folder)
    return Project(
        folder=folder,
        spec=spec,
        contract=contract,
        code=code,
        buckets=lock.get("buckets") or {},
        machines=lock.get("machines") or {},
        parameters=lock.get("parameters") or {},
        allowed=lock.get("allowed") or {},
    )


def _lock(folder: Path) -> dict[str, Any]:
    try:
        document = load_json(read_text(folder / LOCK))
    except FileNotFoundError:
        raise _error("SMX613", f"{folder} holds no {LOCK}", folder) from None
    except (OSError, ValueError) as error:
        raise _error("SMX613", f"{folder / LOCK} cannot be read: {error}", folder) from None
    tables = ("code", "buckets", "machines", "parameters")
    allowed = document.get("allowed") or {} if isinstance(document, dict) else {}
    lists = isinstance(allowed, dict) and all(isinstance(values, list) for values in allowed.values())
    if not lists or not isinstance(document, dict) or not all(_is_table(document.get(name) or {}) for name in tables):
        raise _error("SMX613", f"{folder / LOCK} is no lock", folder)
    return document


def _is_table(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(entry, str) for entry in value.values())


def code_addresses(spec: PipelineSpec) -> dict[str, str]:
    """The address of each step's code artifact, as the importers of the pipeline name them."""
    importers = [task.importer for task in read_graph(spec).tasks.values() if task.importer]
    uris = [importer.uri.value for importer in importers if isinstance(importer.uri, Constant)]
    return {match[1]: str(uri) for uri in uris if (match := CODE_ADDRESS.fullmatch(str(uri)))}


def _inside(folder: Path, name: str) -> Path:
    """A name of the lock as a path that cannot leave its folder."""
    if "/" in name or name in ("", ".", ".."):
        raise _error("SMX613", f"{name!r} is no name below {folder}", folder)
    return folder / name


def _error(code: str, message: str, file: Path | None = None) -> InputError:
    return InputError(Finding(code, message, file=str(file) if file else None))
