"""What stands on a page: its fenced blocks, what a reader types there, and its links.

The first word behind a fence says what the block is:

- `console`: commands after `$ `, and below each all that it prints. A line `…` stands for any lines, `…` in a line for
  any text; blanks between columns do not count. Without lines nothing is said about what a command prints.
- `console needs-cloud`, `console setup`: the same, where somebody's cloud account is asked, or software is installed.
- `usage`: the form of a command, as its help shows it.
- any other with `title="FILE"`: a file that the reader writes.
- any other: something to look at.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

PAGES = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/**/*.md", "examples/README.md", "examples/*/README.md")
LEFT_OUT = {"needs-cloud", "setup"}


@dataclass(frozen=True)
class Command:
    """A command, and the lines that the page shows below it."""

    text: str
    lines: tuple[str, ...]

    @property
    def fails(self) -> bool:
        """Whether the page lets one expect an exit code that is not 0."""
        return any(line.lstrip().startswith(("failed", "not equivalent")) for line in self.lines)

    def difference(self, output: str) -> str:
        """What a person should read if the output is not what the page shows; else nothing."""
        if not self.lines or _pattern(self.lines).fullmatch("".join(f"{line}\n" for line in columns(output))):
            return ""
        return f"$ {self.text}\nprints\n{output}\nand the page shows\n" + "\n".join(self.lines)


@dataclass(frozen=True)
class Block:
    """A fenced block, or one that is indented (`language` is then empty)."""

    line: int
    info: str
    text: str

    @property
    def language(self) -> str:
        """The first word behind the fence."""
        return self.info.partition(" ")[0]

    @property
    def file(self) -> str | None:
        """The file that the reader writes."""
        title = re.search(r'title="([^"]+)"', self.info)
        return title[1] if title else None

    @property
    def left_out(self) -> bool:
        """Whether no test executes the commands."""
        return not LEFT_OUT.isdisjoint(self.info.split())

    def commands(self) -> Iterator[Command]:
        """The commands of a `console`, with the lines that follow after a backslash."""
        for part in re.split(r"^\$ ", self.text, flags=re.MULTILINE)[1:]:
            lines = part.splitlines()
            end = next(number for number, line in enumerate(lines) if not line.endswith("\\")) + 1
            yield Command("\n".join(lines[:end]), tuple(lines[end:]))


@dataclass(frozen=True)
class Page:
    """A page of the repository; `path` is relative to it."""

    path: str
    tokens: tuple[Token, ...]

    @property
    def blocks(self) -> list[Block]:
        """All blocks of code, in order."""
        found = (token for token in self.tokens if token.type in ("fence", "code_block"))
        return [Block((token.map or [0])[0] + 1, token.info.strip(), token.content) for token in found]

    @property
    def links(self) -> list[str]:
        """Where the page leads, outside of code."""
        inside = (child for token in self.tokens for child in token.children or ())
        return [str(child.attrs["href"]) for child in inside if child.type == "link_open"]

    @property
    def spans(self) -> list[str]:
        """The texts in backticks."""
        inside = (child for token in self.tokens for child in token.children or ())
        return [child.content for child in inside if child.type == "code_inline"]


def pages(repository: Path) -> list[Page]:
    """All pages that people read, but those of converted projects, which are generated."""
    files = sorted({file for pattern in PAGES for file in repository.glob(pattern)})
    return [read(file, file.relative_to(repository).as_posix()) for file in files]


def read(file: Path, path: str) -> Page:
    """A page; `path` is what it is called."""
    parser = MarkdownIt("commonmark").enable("table")
    return Page(path, tuple(parser.parse(file.read_text(encoding="utf-8"))))


def columns(text: str) -> list[str]:
    """The lines of an output, with one blank between columns."""
    return [" ".join(line.split()) for line in text.strip("\n").splitlines()]


def shown(line: str) -> str:
    """A regular expression of what a line that a page shows stands for."""
    return ".*".join(map(re.escape, re.split(" ?… ?", " ".join(line.split()))))


def _pattern(lines: tuple[str, ...]) -> re.Pattern[str]:
    """What an output must be like; a `…` of its own takes whole lines, one in a line stays in it."""
    parts = ["(?:.*\n)*?" if line.strip() == "…" else f"{shown(line)}\n" for line in lines]
    return re.compile("".join(parts))
