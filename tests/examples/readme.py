"""The commands of ours in an example's README, for tests that run them in this process.

There all of stdout comes before all of stderr, so lines are looked for one by one; `tests/docs` compares whole outputs,
and runs all of a README in a shell. A command whose lines tell of a failure ends with 1, any other one with 0.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pages import columns, read, shown


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
        printed = iter(columns(output))
        return [line for line in self.lines if not any(re.fullmatch(shown(line), found) for found in printed)]


def commands(readme: Path) -> Iterator[Command]:
    """The commands of a README, in their order."""
    for block in read(readme, readme.name).blocks:
        for command in block.commands() if block.language == "console" else ():
            program, *words = shlex.split(command.text)
            if program == "smx2vertex":
                yield Command(tuple(words), tuple(line for line in command.lines if line != "…"))
