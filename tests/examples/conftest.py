"""A place to follow an example's README."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from readme import Command
from support import REPOSITORY, Outcome


@pytest.fixture
def workplace(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str], Path]:
    """Make a copy of an example the working folder; `python3` there is the interpreter of the tests."""
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)

    def copy(example: str) -> Path:
        source = REPOSITORY / "examples" / example
        folder = shutil.copytree(source, tmp_path / example, ignore=shutil.ignore_patterns("run"))
        monkeypatch.chdir(folder)
        return Path(folder)

    return copy


@pytest.fixture
def follow(smx2vertex: Callable[..., Outcome]) -> Callable[[Command], Outcome]:
    """Run a command of a README: it ends and prints as the README says."""

    def run(command: Command) -> Outcome:
        done = smx2vertex(*command.words)
        assert (done.code, command.missing(done.out + done.err)) == (command.code, []), done.out + done.err
        return done

    return run
