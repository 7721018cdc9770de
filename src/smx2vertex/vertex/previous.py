"""What convert wrote last time: the base of the merge with what people changed since (decision 10)."""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from ..documents import load_json, read_text

LOCK = "smx2vertex.lock"
BASE = ".smx2vertex/base.tar"
# New contents of files that are no text, for people to choose.
CONFLICTS = ".smx2vertex/conflicts"
# Larger files are known by their hash alone: they are code archives' data, no text that anybody merges.
MAX_TEXT_BYTES = 1 << 20


class PreviousError(Exception):
    """A place holds something that is no project of ours, or one that cannot be read."""


@dataclass(frozen=True, slots=True)
class Previous:
    """The last conversion.

    Attributes:
        folder: the project, as it stands now.
        hashes: SHA-256 of each generated file, by path, as it was written.
        texts: the content of those that are text.
    """

    folder: Path
    hashes: Mapping[str, str] = field(default_factory=dict)
    texts: Mapping[str, bytes] = field(default_factory=dict)

    def standing(self, path: str) -> bytes | None:
        """What stands at a path now; None if nothing does."""
        file = self.folder / path
        return file.read_bytes() if file.is_file() else None

    def code(self) -> dict[str, bytes]:
        """The users' code as the last conversion wrote it, as far as that is known."""
        found = {}
        for path, digest in self.hashes.items():
            if path.startswith(("code/", "functions/")):
                content = self.texts.get(path)
                content = self.standing(path) if content is None else content
                if content is not None and sha256(content) == digest:
                    found[path] = content
        return found

    def added(self, folder: str) -> list[Path]:
        """What people added to a folder of the project, relative to the project."""
        paths = (path.relative_to(self.folder) for path in sorted((self.folder / folder).rglob("*")) if path.is_file())
        return [path for path in paths if path.as_posix() not in self.hashes]

    def in_the_way(self, paths: Iterable[str]) -> list[str]:
        """Those of some paths, and of the folders above them, where no plain file, or folder, stands."""
        found = set()
        for path in map(PurePosixPath, paths):
            file = self.folder / path
            if file.is_symlink() or (file.exists() and not file.is_file()):
                found.add(path.as_posix())
            for parent in path.parents[:-1]:
                place = self.folder / parent
                if place.is_symlink() or (place.exists() and not place.is_dir()):
                    found.add(parent.as_posix())
        return sorted(found)


def sha256(content: bytes) -> str:
    """The hash that the lock holds."""
    return hashlib.sha256(content).hexdigest()


def read_previous(out: Path) -> Previous:
    """The last conversion of the project at a place; an empty one if nothing stands there.

    Raises:
        PreviousError: something else stands there.
    """
    if out.is_symlink() or (out.exists() and not out.is_dir()):
        raise PreviousError(f"{out} is no folder")
    if not out.exists() or not any(out.iterdir()):
        return Previous(out)
    lock = out / LOCK
    if not lock.is_file():
        raise PreviousError(f"{out} holds files, but no {LOCK}: choose another folder for the project")
    try:
        hashes: dict[str, str] = dict(load_json(read_text(lock))["files"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise PreviousError(f"{lock} cannot be read: {error}") from error
    outside = [path for path in hashes if path.startswith("/") or ".." in PurePosixPath(path).parts]
    if outside:
        raise PreviousError(f"{lock} names a file outside the project: {outside[0]}")
    # a base that does not belong to the lock (a merge of two branches took one of each) counts as unknown
    texts = {path: text for path, text in _read_base(out / BASE).items() if hashes.get(path) == sha256(text)}
    return Previous(out, hashes, texts)


def _read_base(file: Path) -> dict[str, bytes]:
    texts = {}
    try:
        with tarfile.open(file, "r:") as archive:
            for member in archive:
                content = archive.extractfile(member) if member.isfile() and member.size <= MAX_TEXT_BYTES else None
                if content is not None:
                    texts[member.name] = content.read()
    except (OSError, tarfile.TarError):
        return {}
    return texts


def base_archive(generated: Mapping[str, bytes]) -> bytes:
    """The texts among generated files as an archive; not compressed, so that its bytes are the same everywhere."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for path, content in sorted(generated.items()):
            if is_text(content):
                member = tarfile.TarInfo(path)
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def is_text(content: bytes) -> bool:
    """Whether content is text that can be merged line by line."""
    if len(content) > MAX_TEXT_BYTES or b"\0" in content:
        return False
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True
