"""Merges what convert generates now with what people made of what it generated last time, file by file."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from .previous import Previous, is_text, sha256

# new: as generated; yours: as people left it; merged: both; conflict: both, and people must choose;
# deleted: people removed it, and it stays away; left over: people changed it, and it is generated no longer
How = Literal["new", "yours", "merged", "conflict", "deleted", "left over"]
_UNRESOLVED = re.compile(rb"^<<<<<<< yours\r?$.*?^>>>>>>> smx2vertex\r?$", re.MULTILINE | re.DOTALL)


class MergeError(Exception):
    """The program that merges texts is missing or failed."""


@dataclass(frozen=True, slots=True)
class Merged:
    """What becomes of one file.

    Attributes:
        how: whose content it has.
        content: the content; None where no file is to stand.
        aside: the generated content where it cannot be merged into people's.
    """

    how: How
    content: bytes | None
    aside: bytes | None = None

    @property
    def markers(self) -> int:
        """How many conflicts are marked in a file that people changed, those of earlier conversions too."""
        return 0 if self.how == "new" else len(_UNRESOLVED.findall(self.content or b""))


def merge(previous: Previous, path: str, new: bytes | None) -> Merged:
    """What becomes of one file.

    Args:
        previous: the last conversion.
        path: the file.
        new: what is generated now; None if nothing is.

    Raises:
        MergeError: git is missing or failed.
    """
    base, yours = previous.hashes.get(path), previous.standing(path)
    if yours is None:
        return Merged("new" if base is None or new is None else "deleted", new if base is None else None)
    if yours == new or sha256(yours) == base:
        return Merged("new", new)
    if new is None:
        return Merged("left over", yours)
    if sha256(new) == base:
        return Merged("yours", yours)
    if not (is_text(yours) and is_text(new)):
        return Merged("conflict", yours, aside=new)
    return _merge_texts(previous.texts.get(path, b""), yours, new)


def _merge_texts(base: bytes, yours: bytes, new: bytes) -> Merged:
    """Merge as git does. Without a base all that differs is a conflict, and what is common is not."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for file, content in (("yours", yours), ("base", base), ("smx2vertex", new)):
            (folder / file).write_bytes(content)
        # nothing of a person's configuration decides how conflicts look
        environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
        environment |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "GIT_CEILING_DIRECTORIES": name}
        command = ["git", "merge-file", "--stdout", "yours", "base", "smx2vertex"]
        try:
            done = subprocess.run(command, cwd=folder, env=environment, capture_output=True)
        except FileNotFoundError:
            raise MergeError("you and smx2vertex changed the same file: git is needed to merge it") from None
    # the exit code is the number of conflicts, at most 127; a fault is 128 and more (git-merge-file(1))
    if done.returncode > 127 or done.returncode < 0:
        raise MergeError(f"git merge-file failed: {done.stderr.decode(errors='replace').strip()}")
    return Merged("conflict" if done.returncode else "merged", done.stdout)
