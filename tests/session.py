"""A reader at work: a copy of what is checked in, and one shell for all commands of a page."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pages import Block, Command, Page
from support import REPOSITORY

MARK = "·end·"
COPIED = ("docs", "examples", "mappings")


@dataclass(frozen=True)
class Done:
    """A command that ran: its exit code, all that it printed, and whether the page shows the exit code next."""

    command: Command
    code: int
    output: str
    shown_next: bool

    @property
    def fault(self) -> str:
        """What is not as the page says; nothing if all is."""
        if not self.shown_next and (self.code != 0) != self.command.fails:
            return f"$ {self.command.text}\nends with {self.code}\n{self.output}"
        return self.command.difference(self.output)


def checkout(folder: Path) -> Path:
    """A copy of the checkout: what commands of pages write into is copied, the rest are links."""
    folder.mkdir()
    for entry in REPOSITORY.iterdir():
        if entry.name in COPIED:
            ignored = shutil.ignore_patterns("run", "__pycache__")
            shutil.copytree(entry, folder / entry.name, ignore=ignored)
        elif not entry.name.startswith(".") and entry.name != "build":
            (folder / entry.name).symlink_to(entry)
    return folder


def follow(page: Page, folder: Path, home: Path, seconds: int) -> Iterator[Done]:
    """Do what a page says in a folder, in order; stops where the shell stops."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "GOOGLE_", "SMX2"))}
    environment |= {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(home),
        "LC_ALL": "C.UTF-8",
    }
    blocks = [block for block in page.blocks if not block.left_out]
    # one stream for both outputs, as a terminal has it
    done = subprocess.run(
        ["bash", "-c", _script(blocks)],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=seconds,
        check=False,
    )
    outputs = re.findall(rf"(.*?)\n{MARK} (\d+)\n", done.stdout, re.DOTALL)
    commands = [command for block in blocks if block.language == "console" for command in block.commands()]
    assert len(outputs) == len(commands), done.stdout
    following = [command.text for command in commands[1:]] + [""]
    for command, (output, code), text in zip(commands, outputs, following, strict=True):
        yield Done(command, int(code), output, text == "echo $?")


def _script(blocks: Iterable[Block]) -> str:
    """A program for bash; after each command it prints the mark and the exit code, and leaves `$?` as it was."""
    lines = []
    for block in blocks:
        if block.language == "console":
            for command in block.commands():
                lines += [command.text, f"__code=$?; printf '\\n{MARK} %s\\n' $__code; (exit $__code)"]
        elif block.file:
            lines += [f"cat > '{block.file}' <<'{MARK}'", block.text.removesuffix("\n"), MARK]
    return "\n".join([*lines, ""])
