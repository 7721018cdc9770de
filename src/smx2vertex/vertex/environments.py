"""The environments of a generated project, and whether what is compiled for one is up to date."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..documents import DocumentError, load_yaml, read_text
from ..findings import Finding, InputError

CONFIG = "config.yaml"
SOURCES = "sources.sha256"


@dataclass(frozen=True, slots=True)
class Environment:
    """A block of config.yaml.

    Attributes:
        compiled: the folder of the pipelines that are compiled for it.
        pipeline_root: the address below which runs and code artifacts are kept.
    """

    name: str
    compiled: Path
    project: str
    region: str
    pipeline_root: str
    service_account: str | None = None
    network: str | None = None
    encryption_key: str | None = None


def read_environment(folder: Path, name: str | None = None) -> Environment:
    """An environment of a project; the default one unless named.

    Raises:
        InputError: the folder is no project, has no such environment, or a setting is missing (SMX647).
    """
    document = _document(folder)
    blocks = document["environments"]
    default = document.get("default_environment")
    chosen = name or default
    if chosen not in blocks:
        listed = ", ".join(map(str, blocks))
        raise _error(f"there is no environment {chosen!r}; there are: {listed}", folder)
    block = blocks[chosen] if isinstance(blocks[chosen], dict) else {}
    texts = {key: block.get(key) or None for key in Environment.__dataclass_fields__ if key not in ("name", "compiled")}
    wrong = [key for key, value in texts.items() if value is not None and not isinstance(value, str)]
    missing = [key for key in ("project", "region", "pipeline_root") if not texts[key]]
    if wrong or missing:
        raise _error(f"environment {chosen!r} has no usable {', '.join(wrong + missing)}", folder)
    if not str(texts["pipeline_root"]).startswith("gs://"):
        raise _error(f"pipeline_root of environment {chosen!r} does not begin with gs://", folder)
    compiled = folder / "compiled" if chosen == default else folder / "compiled" / str(chosen)
    return Environment(name=str(chosen), compiled=compiled, **{k: v for k, v in texts.items() if v is not None})


def _document(folder: Path) -> dict[str, Any]:
    try:
        document = load_yaml(read_text(folder / CONFIG))
    except (OSError, DocumentError) as error:
        raise _error(f"cannot be read: {error}", folder) from None
    if not isinstance(document, dict) or not isinstance(document.get("environments"), dict):
        raise _error("has no environments", folder)
    return document


def refuse_stale(folder: Path, environment: Environment, package: Path) -> None:
    """Refuse what was compiled from other sources than those that stand there now.

    Args:
        folder: the project.
        environment: its compiled files, with the hash of their sources beside them.
        package: the folder of the pipeline's modules.

    Raises:
        InputError: the sources have changed since (SMX641).
    """
    note = environment.compiled / SOURCES
    if note.is_file() and note.read_text(encoding="ascii", errors="replace").strip() != sources_hash(folder, package):
        message = f"{package.name}/ or {CONFIG} has changed since {environment.compiled} was compiled"
        raise InputError(Finding("SMX641", message, file=str(environment.compiled)))


def sources_hash(folder: Path, package: Path) -> str:
    """SHA-256 over config.yaml and the modules of the package, as compile_pipeline.py of a project computes it."""
    digest = hashlib.sha256()
    for file in sorted([folder / CONFIG, *package.rglob("*.py")], key=lambda file: file.relative_to(folder).as_posix()):
        content = file.read_bytes()
        digest.update(file.relative_to(folder).as_posix().encode() + b"\0" + len(content).to_bytes(8, "big") + content)
    return digest.hexdigest()


def _error(message: str, folder: Path) -> InputError:
    return InputError(Finding("SMX647", message, file=str(folder / CONFIG)))
