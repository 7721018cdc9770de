"""The command blocks of an example's README: commands after `$`, and below each the lines that it prints, among others.

`…` in such a line stands for any text. A command whose lines tell of a failure ends with 1, any other one with 0.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Command:
    """A command of a README: its words after `smx2vertex`, and lines of its output."""

    words: tuple[str, ...]
    lines: tuple[str, ...]

    @property
    def code(self) -> int:
        """The exit code that the lines let one expect."""
        return int(any(line.startswith("failed") for line in self.lines))

    def missing(self, output: str) -> list[str]:
        """The lines that are not in an output, in this order; blanks between columns do not count."""
        printed = iter(_columns(output).splitlines())
        return [line for line in self.lines if not any(_shown(line).fullmatch(found) for found in printed)]


def commands(readme: Path) -> Iterator[Command]:
    """The commands of a README, in their order."""
    for block in re.findall(r"^```console\n(.*?)^```", readme.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE):
        for part in re.split(r"^\$ smx2vertex ", block, flags=re.MULTILINE)[1:]:
            command, *lines = part.splitlines()
            yield Command(tuple(shlex.split(command)), tuple(lines))


def _columns(text: str) -> str:
    return "\n".join(" ".join(line.split()) for line in text.splitlines())


def _shown(line: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, _columns(line).split("…"))))
