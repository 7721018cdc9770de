"""What many tests use: the command line, and the corpus where it is at hand."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from support import SHARED, Outcome


@pytest.fixture
def smx2vertex(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """Run the command line in this process: `smx2vertex("map", path)`."""
    from smx2vertex.cli import run_command

    def run(*arguments: object) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["smx2vertex", *map(str, arguments)])
        capfd.readouterr()
        code = run_command()
        captured = capfd.readouterr()
        return Outcome(code, captured.out, captured.err)

    return run


@pytest.fixture(scope="session")
def corpus() -> Path:
    """The folder of real definitions; a test that needs it is skipped where it is absent."""
    if not (SHARED / "corpus").is_dir():
        pytest.skip("the corpus of real definitions is not beside this checkout")
    return SHARED / "corpus"


@pytest.fixture(scope="session")
def exemplar() -> Path:
    """The exemplary project; a test that needs it is skipped where it is absent."""
    if not (SHARED / "exemplar").is_dir():
        pytest.skip("the exemplary project is not beside this checkout")
    return SHARED / "exemplar"
