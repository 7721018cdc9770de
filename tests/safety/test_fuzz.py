"""What fuzzing found stays mended, and the fuzzer finds what it is there to find."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest
import typer

from fuzz import command
from fuzz.__main__ import FIXTURES
from fuzz.mutations import Mutator
from fuzz.targets import TARGETS, Target
from smx2vertex import cli
from smx2vertex.findings import Finding, InputError

FOUND = sorted(FIXTURES.glob("*/*"))


@pytest.fixture
def fuzzed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command line as the fuzzer uses it."""
    monkeypatch.setattr(cli, "app", cli.app)
    monkeypatch.setenv("SMX2VERTEX_DEBUG", "1")
    monkeypatch.setenv("NO_COLOR", "1")
    command.prepare()


@pytest.mark.usefixtures("fuzzed")
@pytest.mark.parametrize("file", FOUND, ids=[f"{file.parent.name}-{file.name}" for file in FOUND])
def test_what_was_found_once_is_mended(file: Path, tmp_path: Path) -> None:
    target = TARGETS[file.parent.name]
    faults = {each: command.check(target, file.read_bytes(), tmp_path / "work", each).fault for each in target.commands}
    assert faults == dict.fromkeys(target.commands, "")


def crash(file: Path) -> None:
    raise KeyError(file.read_text(encoding="utf-8"))


def refuse(file: Path) -> None:
    raise InputError(Finding("SMX102", "is no JSON", file="f.json"))


def escape(file: Path) -> None:
    print(file.read_text(encoding="utf-8") + "\x1b[2J")


def litter(file: Path) -> None:
    file.with_suffix(".half").write_text("", encoding="utf-8")


@pytest.mark.usefixtures("fuzzed")
@pytest.mark.parametrize(
    ("does", "fault"),
    [
        (crash, "it: KeyError"),
        (refuse, ""),
        (escape, "it: the control character '\\x1b' in the output of 'it {}/f.json'"),
        (litter, "it: it left ['f.half']"),
    ],
)
def test_the_fuzzer_sees_what_a_command_does(
    does: Callable[[Path], None], fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = typer.Typer(pretty_exceptions_enable=False)
    app.callback()(lambda: None)
    app.command("it")(does)
    monkeypatch.setattr(cli, "app", app)
    found = command.check(Target("f.json", ("it {}/f.json",)), b"x", tmp_path / "work").fault
    assert found.partition(" at ")[0] == fault  # the line where it is from is that of a test


def test_changed_documents_differ_and_come_again_with_their_seed() -> None:
    def made(seed: int) -> list[str]:
        mutator, draw = Mutator(["Name"]), random.Random(seed)
        return [repr(mutator.document({"Steps": [{"Name": "A"}]}, draw)) for _ in range(50)]

    assert made(1) == made(1)
    assert len(set(made(1))) > 30
