"""What converting again changes, and what it keeps: the output of `convert --check` and `--diff`."""

from __future__ import annotations

import difflib
import io
from collections.abc import Iterator
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from ..vertex.again import Change, Project

# Decided by the generated files, which the difference shows anyway.
UNSHOWN = ".smx2vertex/base.tar"


def print_merges(project: Project) -> None:
    """Which changes of people's stay as they are, and which were merged."""
    from ..words import one_line
    from .output import console

    for how, text in (("yours", "your changes stay in"), ("merged", "your changes are merged into the new")):
        paths = [path for path, each in project.merges.items() if each == how]
        if paths:
            console().print(one_line(f"  {text} {', '.join(paths)}"))


def print_changes(project: Project, check: bool, diff: bool) -> None:
    """Print what would change, as a list or as a difference.

    Args:
        project: the project as it would become.
        check: end with exit code 1 if anything would change, or if conflicts wait for a decision.
        diff: show the lines.
    """
    from .output import console, message, print_findings

    open_ends = [finding for finding in project.findings if finding.code in ("SMX363", "SMX366")]
    if diff:
        for change in project.changes:
            print("".join(difference(change)), end="")
    else:
        for change in project.changes:
            console().print(f"{_verb(change)} {change.path}")
    print_findings(open_ends, to_stderr=True)
    if check and (project.changes or open_ends):
        message(f"{project.path} is not up to date: convert again")
        raise typer.Exit(1)


def _verb(change: Change) -> str:
    if change.before is None:
        return "add"
    return "remove" if change.after is None else "change"


def difference(change: Change) -> Iterator[str]:
    """The lines of a unified difference, as git and patch read it."""
    if change.path == UNSHOWN:
        return
    old = "/dev/null" if change.before is None else f"a/{change.path}"
    new = "/dev/null" if change.after is None else f"b/{change.path}"
    try:
        before, after = (_lines(content or b"") for content in (change.before, change.after))
    except UnicodeDecodeError:
        yield f"Binary files {old} and {new} differ\n"
        return
    for line in difflib.unified_diff(before, after, old, new):
        yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


def _lines(content: bytes) -> list[str]:
    """The lines of a text, as git counts them: other separators than a line feed do not count."""
    return io.StringIO(content.decode(), newline="\n").readlines()
