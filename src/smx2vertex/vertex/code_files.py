"""Finds the user's scripts: in a bundle, by their S3 address, or in a folder, by their names."""

from __future__ import annotations

import ast
import io
import posixpath
import re
import tarfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ..findings import Finding, InputError
from .plan import CodeFile

# A source archive larger than this, unpacked, holds something other than sources.
MAX_UNPACKED_BYTES = 512 * 1024 * 1024
# Linux allows 255 bytes, `.missing` is appended.
LONGEST_NAME = 240


@dataclass(frozen=True, slots=True)
class CodeSource:
    """Where scripts are looked for.

    Attributes:
        folder: a folder with the user's scripts, or None.
        bundle: files by S3 address, where the source is a bundle.
        earlier: what an earlier conversion found, by path in the project: people may convert again without --code.
    """

    folder: Path | None = None
    bundle: Mapping[str, Path] = field(default_factory=dict)
    earlier: Mapping[str, bytes] = field(default_factory=dict)

    def found_before(self, folder: str) -> dict[str, bytes]:
        """What an earlier conversion found for a folder of the project, by path in that folder."""
        prefix = folder.rstrip("/") + "/"
        below = {path: content for path, content in self.earlier.items() if path.startswith(prefix)}
        return {path[len(prefix) :]: content for path, content in below.items()}


def collect(source: CodeSource, folder: str, step: str, wanted: CodeFile) -> dict[str, bytes]:
    """The files of one part of a step's code artifact, by their path in it.

    Args:
        source: where to look.
        folder: the code folder of the step.
        step: its name in SageMaker; a folder of either name holds all of its files.
        wanted: the file, archive or prefix that the definition names.

    Returns:
        The files found. A script that is not there gives one file `NAME.missing` that says which belongs there.

    Raises:
        InputError: a file would stand outside of the artifact (SMX197), or an archive cannot be used.
    """
    program = posixpath.basename(wanted.program) if wanted.program else None
    name = safe_name(posixpath.basename(wanted.uri.rstrip("/")) or "code")
    found = _from_bundle(source, wanted, name)
    if not found and source.folder is not None:
        found = _from_folder(source.folder, folder, step, wanted, name, program)
    note = f"{safe_name(program) if program and wanted.unpack else name}.missing"
    if not found:
        before = source.found_before(posixpath.join("code", folder, wanted.path))
        found = {} if note in before else before
    if not found:
        text = f"The file {name} of step {step!r} belongs here. SageMaker had it at {wanted.uri}\n"
        found = {note: text.encode()}
    made = {posixpath.join(wanted.path, path): content for path, content in sorted(found.items())}
    for path in made:
        if not _stays_inside(path):
            message = f"the file {path!r} of {wanted.uri} would lead out of the folder of the step's code"
            raise InputError(Finding("SMX197", message, wanted.pointer, step))
    return made


def _stays_inside(path: str) -> bool:
    return not (path.startswith("/") or ".." in path.split("/") or "\0" in path)


def safe_name(name: str) -> str:
    """A file name as a name of one file in one folder, short enough for any file system."""
    safe = re.sub(r"[^\w.\- +@=,()]", "_", name).lstrip(".")
    return safe.encode()[:LONGEST_NAME].decode(errors="ignore") or "file"


def _from_bundle(source: CodeSource, wanted: CodeFile, name: str) -> dict[str, bytes]:
    file = source.bundle.get(wanted.uri)
    if file is not None and file.is_file():
        return _unpacked(file.read_bytes()) if wanted.unpack else {name: file.read_bytes()}
    prefix = wanted.uri.rstrip("/") + "/"
    below = {uri[len(prefix) :]: path for uri, path in source.bundle.items() if uri.startswith(prefix)}
    return {path: file.read_bytes() for path, file in below.items()}


def _from_folder(
    root: Path, folder: str, step: str, wanted: CodeFile, name: str, program: str | None
) -> dict[str, bytes]:
    if not wanted.unpack:
        file = _named(root, name, (folder, step))
        if file is not None:
            return {name: file.read_bytes()}
        directory = root / name
        return _tree(directory) if directory.is_dir() else {}
    for candidate in (folder, step):
        if _is_plain(candidate) and (root / candidate).is_dir():
            return _tree(root / candidate)
    script = _named(root, program, ()) if program else None
    if script is not None:
        return _with_imports(script)
    archive = _named(root, name, (folder, step))
    return _unpacked(archive.read_bytes()) if archive is not None else {}


def folder_or_script(source: CodeSource, name: str) -> dict[str, bytes]:
    """The files of a folder of this name, or a script of this name with the modules that it imports."""
    if source.folder is None or not _is_plain(name):
        return {}
    if (source.folder / name).is_dir():
        return _tree(source.folder / name)
    script = _named(source.folder, f"{name}.py", ())
    return _with_imports(script) if script is not None else {}


def _is_plain(name: str) -> bool:
    return bool(name) and name == safe_name(name)


def _named(root: Path, name: str, folders: tuple[str, ...]) -> Path | None:
    """The file of a name: in a folder of the step, at the top, or the only one anywhere below."""
    for folder in (*(each for each in folders if _is_plain(each)), "."):
        if (root / folder / name).is_file():
            return root / folder / name
    anywhere = [path for path in sorted(root.rglob("*")) if path.name == name and path.is_file()]
    return anywhere[0] if len(anywhere) == 1 else None


def _tree(root: Path) -> dict[str, bytes]:
    files = (path for path in sorted(root.rglob("*")) if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in files}


def _with_imports(script: Path) -> dict[str, bytes]:
    """A script, the modules beside it that it imports, and requirements.txt."""
    found: dict[str, bytes] = {}
    waiting = [script]
    while waiting:
        file = waiting.pop()
        if file.name in found or not file.is_file():
            continue
        found[file.name] = file.read_bytes()
        waiting.extend(script.parent / f"{module}.py" for module in _imports(found[file.name]))
    requirements = script.parent / "requirements.txt"
    if requirements.is_file():
        found["requirements.txt"] = requirements.read_bytes()
    return found


def _imports(content: bytes) -> Iterator[str]:
    try:
        tree = ast.parse(content)
    except (SyntaxError, ValueError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.partition(".")[0]


def _unpacked(archive: bytes) -> dict[str, bytes]:
    """The regular files of a tar archive; names that lead out of it, links and devices are left out."""
    files: dict[str, bytes] = {}
    total = 0
    try:
        with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
            for member in tar:
                path = posixpath.normpath(member.name)
                if not member.isfile() or not _stays_inside(path):
                    continue
                total += member.size
                if total > MAX_UNPACKED_BYTES:
                    raise InputError(Finding("SMX362", f"the archive holds more than {MAX_UNPACKED_BYTES >> 20} MiB"))
                extracted = tar.extractfile(member)
                if extracted is not None:
                    files[path] = extracted.read()
    except (tarfile.TarError, OSError, EOFError, zlib.error) as error:
        raise InputError(Finding("SMX198", f"the archive of a step's code cannot be read: {error}")) from error
    return files
