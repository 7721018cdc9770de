"""Puts a new folder in the place of an old one: whenever the process is killed, one of the two stands there, whole."""

from __future__ import annotations

import ctypes
import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

# The names in a workplace: what becomes the project, and where the old one waits if it cannot be exchanged at once.
NEW, OLD = "new", "old"
# A process that was killed may leave a compiler behind, which ends within seconds and holds the lock until then.
PATIENCE_S = 30.0
_AT_FDCWD, _RENAME_EXCHANGE = -100, 2  # linux/fcntl.h, linux/fs.h


class WritingError(Exception):
    """The folder cannot be written."""


@dataclass(frozen=True, slots=True)
class Workplace:
    """A folder beside a project in which the next one is made.

    Attributes:
        out: where the project stands, or will stand.
        folder: the workplace.
        lock: descriptor that holds the lock; None in a workplace that is only for looking.
    """

    out: Path
    folder: Path
    lock: int | None = None

    @property
    def is_dry(self) -> bool:
        """Whether nothing is ever written from here."""
        return self.lock is None

    @property
    def inherited(self) -> tuple[int, ...]:
        """What child processes that write here inherit: the lock outlives a killed parent for as long as they do."""
        return () if self.lock is None else (self.lock,)

    @property
    def new(self) -> Path:
        """The folder that becomes the project."""
        return self.folder / NEW

    def swap(self) -> None:
        """Put `new` in the place of the project.

        Raises:
            WritingError: the place cannot be written; what stood there stands there still.
        """
        try:
            if not self.out.exists() or not any(self.out.iterdir()):
                self.new.rename(self.out)
            elif not exchange(self.new, self.out):
                self._swap_in_two()
        except OSError as error:
            raise WritingError(f"{self.out} cannot be replaced: {error.strerror}") from error

    def _swap_in_two(self) -> None:
        # a process that is killed between the two leaves the old project here, and the next one puts it back
        self.out.rename(self.folder / OLD)
        try:
            self.new.rename(self.out)
        except OSError:
            (self.folder / OLD).rename(self.out)
            raise


@contextmanager
def workplace(out: Path) -> Iterator[Workplace]:
    """A workplace beside a project, for one process at a time; it is gone afterwards.

    Args:
        out: where the project stands, or will stand; absolute.

    Raises:
        WritingError: the place cannot be written, or another process is writing it.
    """
    folder = out.parent / f".{out.name}.smx2vertex"
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        lock = _locked(folder)
    except OSError as error:
        raise WritingError(f"{out} cannot be written: {error.strerror}") from error
    try:
        _recover(out, folder)
        yield Workplace(out, folder, lock)
    finally:
        for name in (NEW, OLD):
            shutil.rmtree(folder / name, ignore_errors=True)
        if not any(folder.iterdir()):
            folder.rmdir()
        os.close(lock)


@contextmanager
def dry_workplace(out: Path) -> Iterator[Workplace]:
    """A workplace far from the project, to see what would be written."""
    with tempfile.TemporaryDirectory(prefix="smx2vertex-") as folder:
        yield Workplace(out, Path(folder))


def _locked(folder: Path) -> int:
    """Make a folder and lock it; a killed process lets go of the lock."""
    end = time.monotonic() + PATIENCE_S
    while True:
        folder.mkdir(exist_ok=True)
        try:
            lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        except FileNotFoundError:  # the process before has just removed it
            continue
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _still_is(folder, lock):
                return lock
        except BlockingIOError:
            if time.monotonic() > end:
                os.close(lock)
                raise WritingError(f"another process is writing beside it, in {folder}") from None
            time.sleep(0.05)
        os.close(lock)


def _still_is(folder: Path, lock: int) -> bool:
    """Whether a folder is the one that was locked: the process before may have removed that in between."""
    try:
        return folder.stat().st_ino == os.fstat(lock).st_ino
    except FileNotFoundError:
        return False


def _recover(out: Path, folder: Path) -> None:
    """Put back what a killed process left between two renames, and clear the rest of its work away."""
    foreign = sorted(entry.name for entry in folder.iterdir() if entry.name not in (NEW, OLD))
    if foreign:
        raise WritingError(f"{folder} holds what is not ours: {', '.join(foreign)}")
    if (folder / OLD).exists() and not out.exists():
        (folder / OLD).rename(out)
    for name in (NEW, OLD):
        if (folder / name).exists():
            shutil.rmtree(folder / name)


def exchange(one: Path, other: Path) -> bool:
    """Exchange two folders in one step of the kernel; False where it, or the file system, has no such step."""
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if rename is None:
        return False
    result = rename(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE)
    return bool(result == 0)


Attach = Callable[[Path, Path], None]


def link(source: Path, target: Path) -> None:
    """A file or folder once more, under another name: files as hard links, so that nothing is copied."""
    if source.is_dir() and not source.is_symlink():
        shutil.copytree(source, target, symlinks=True, copy_function=_link_file)
    else:
        _link_file(source, target)


def copy(source: Path, target: Path) -> None:
    """A folder as a copy that may be written."""
    shutil.copytree(source, target, symlinks=True)


def refer(source: Path, target: Path) -> None:
    """A symbolic link to a file or folder."""
    target.symlink_to(source)


def _link_file(source: str | Path, target: str | Path) -> None:
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:  # a file system without hard links
        shutil.copy2(source, target, follow_symlinks=False)


def carry(source: Path, target: Path, taken: set[str], attach: Attach) -> None:
    """Carry over everything of a folder but the files that are taken care of.

    Args:
        source: the folder.
        target: the folder that receives it.
        taken: paths, relative to the folder, that are left out.
        attach: `link` or `refer`.
    """
    shared = {parent.as_posix() for path in taken for parent in Path(path).parents}
    _carry(source, target, "", taken, shared, attach)


def _carry(source: Path, target: Path, folder: str, taken: set[str], shared: set[str], attach: Attach) -> None:
    for entry in sorted((source / folder).iterdir()):
        path = f"{folder}/{entry.name}" if folder else entry.name
        if path in taken or entry.name == "__pycache__":
            continue
        if path in shared:
            _carry(source, target, path, taken, shared, attach)
        else:
            (target / folder).mkdir(parents=True, exist_ok=True)
            attach(entry, target / path)
