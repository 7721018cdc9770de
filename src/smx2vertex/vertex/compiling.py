"""Formats and compiles a generated project, each in a process of its own (decisions 3 and 4)."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from collections.abc import Collection
from functools import cache
from pathlib import Path

TARGETS = ("vertex", "kubeflow")
# Of generated code, in characters.
LINE_LENGTH = 115


class CompileError(Exception):
    """A project does not compile."""


def format_code(folder: Path, inherit: Collection[int] = ()) -> None:
    """Sort imports and format, with the settings of the project; `inherit` is as for `compile_project`."""
    for command in (["check", "--fix-only", "--select", "I", "--quiet"], ["format", "--quiet"]):
        # what a repository around the project ignores is none of ours
        done = subprocess.run(
            [*_ruff(), *command, "--no-cache", "--no-respect-gitignore", "."],
            cwd=folder,
            capture_output=True,
            text=True,
            pass_fds=inherit,
        )
        if done.returncode != 0:
            raise CompileError(done.stderr.strip() or done.stdout.strip())


@cache
def _ruff() -> list[str]:
    """The formatter: its program beside this interpreter, as its module starts an interpreter only to find that."""
    program = Path(sysconfig.get_path("scripts"), "ruff")
    return [str(program)] if program.is_file() else [sys.executable, "-m", "ruff"]


def compile_project(folder: Path, inherit: Collection[int] = ()) -> dict[str, int]:
    """Run compile_pipeline.py of a project.

    Args:
        folder: the project.
        inherit: descriptors that the process keeps open, such as that of a lock.

    Returns:
        The size of each compiled file in bytes, by target.

    Raises:
        CompileError: the program failed, or left a file out.
    """
    environment = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "PIPELINE_ENVIRONMENT")}
    environment["PYTHONDONTWRITEBYTECODE"] = "1"
    done = subprocess.run(
        [sys.executable, "compile_pipeline.py"],
        cwd=folder,
        capture_output=True,
        text=True,
        env=environment,
        pass_fds=inherit,
    )
    if done.returncode != 0:
        raise CompileError(done.stderr.strip())
    files = {target: folder / "compiled" / f"{target}.yaml" for target in TARGETS}
    missing = [str(file.relative_to(folder)) for file in files.values() if not file.is_file()]
    if missing:
        raise CompileError(f"compile_pipeline.py wrote no {' and no '.join(missing)}")
    return {target: file.stat().st_size for target, file in files.items()}
