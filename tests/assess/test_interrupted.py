"""`assess` that is killed, watched, or has no room: whole files or none, and the next call goes on."""

from __future__ import annotations

import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from killing import contents, in_fork
from support import Outcome

from benchmarks.variants import portfolio
from smx2vertex.assess import run

HERE = Path(__file__).parent
DEFINITIONS = ("scoring.json", "dashboard.json", "forecast.json")
Command = Callable[..., Outcome]


def definitions(folder: Path, names: tuple[str, ...] = DEFINITIONS) -> Path:
    """A folder with some of the definitions."""
    folder.mkdir(exist_ok=True)
    for name in names:
        shutil.copy(HERE / "portfolio" / name, folder)
    return folder


def command(*arguments: object) -> list[str]:
    """`assess` in a process of its own."""
    return [sys.executable, "-m", "smx2vertex", "assess", *map(str, arguments)]


# --- killed ---


@pytest.mark.parametrize("spread", [6, pytest.param(200, marks=pytest.mark.slow)])
def test_killed_at_any_moment(
    tmp_path: Path, smx2vertex: Command, monkeypatch: pytest.MonkeyPatch, spread: int
) -> None:
    """An earlier report is replaced file by file, each as a whole; records that were kept are not made again."""
    monkeypatch.setattr(run, "digest_of_program", lambda: "")  # it reads all of the program
    folder, out = definitions(tmp_path / "some", DEFINITIONS[:2]), tmp_path / "work" / "out"

    def assess() -> None:
        assert smx2vertex("assess", folder, "--no-pages", "--out", out).code == 0

    assess()
    shutil.copytree(out, tmp_path / "old")
    old = contents(out)
    definitions(folder)
    moments = in_fork(tmp_path / "work", assess)
    new = contents(out)
    assert old["report.json"] != new["report.json"]
    for moment in range(1, moments + 1, max(1, moments // spread)):
        shutil.rmtree(out)
        shutil.copytree(tmp_path / "old", out)
        assert in_fork(tmp_path / "work", assess, kill_at=moment) == -1
        left = {name: text for name, text in contents(out).items() if ".unfinished-" not in name}
        assert all(text in (old.get(name), new.get(name)) for name, text in left.items()), moment
        assert left.keys() >= old.keys()
        kept = {file: file.stat().st_mtime_ns for file in out.glob(".cache/*/*.json")}
        assess()
        assert contents(out) == new
        assert {file: file.stat().st_mtime_ns for file in kept} == kept


@pytest.mark.slow
@pytest.mark.parametrize("jobs", [1, 2])
def test_killed_again_and_again_for_real(tmp_path: Path, jobs: int) -> None:
    """The command itself, with pages and its processes, at random moments: it ends one day, as if never killed."""
    draw = random.Random(jobs)
    folder = tmp_path / "some"
    folder.mkdir()
    files = [HERE / "portfolio" / name for name in DEFINITIONS]
    for name, document in portfolio(files, 24):
        (folder / f"{name}.json").write_text(json.dumps(document), encoding="utf-8")
    started = time.monotonic()
    assert subprocess.run(command(folder, "--out", tmp_path / "whole"), capture_output=True).returncode == 0
    takes = time.monotonic() - started
    whole, out, killed = contents(tmp_path / "whole"), tmp_path / "out", 0
    while True:
        process = subprocess.Popen(
            command(folder, "--out", out, "--jobs", jobs),
            stdout=subprocess.DEVNULL,
            stderr=(tmp_path / "messages").open("w"),
            start_new_session=True,
        )
        try:
            # longer each time, or it might never come further than its start
            code = process.wait(draw.uniform(0.1, 0.5) * takes * (1 + killed / 4))
            break
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            killed += 1
        left = {name: text for name, text in contents(out).items() if ".unfinished-" not in name}
        assert left.items() <= whole.items()
    assert (code, killed > 2) == (0, True), (tmp_path / "messages").read_text(encoding="utf-8")
    assert contents(out) == whole


# --- watched ---


def test_progress_is_shown_on_a_terminal_and_not_in_a_pipe(tmp_path: Path) -> None:
    words = command(definitions(tmp_path / "some"), "--no-pages", "--out")
    ours, terminal = os.openpty()
    shown = subprocess.run([*words, tmp_path / "one"], stdout=subprocess.PIPE, stderr=terminal, text=True, check=True)
    os.close(terminal)
    assert b"assessing" in os.read(ours, 1 << 16)
    os.close(ours)
    piped = subprocess.run([*words, tmp_path / "two"], capture_output=True, text=True, check=True)
    assert "assessing" not in piped.stderr + piped.stdout
    assert shown.stdout == piped.stdout != ""


# --- no room ---


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize("room", [100, 5000])
def test_a_full_disk_is_named_and_the_next_call_goes_on(
    tmp_path: Path, smx2vertex: Command, jobs: int, room: int
) -> None:
    """A limit on the size of files stands for the disk: of 100 bytes no record has room, of 5,000 no report."""
    folder, out = definitions(tmp_path / "some"), tmp_path / "out"
    found = subprocess.run(
        command(folder, "--no-pages", "--jobs", jobs, "--out", out),
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (room, room)),
    )
    assert found.returncode == 2
    assert "SMX172" in found.stderr
    assert "cannot be written: File too large" in " ".join(found.stderr.split())
    assert "fault" not in found.stderr
    assert not list(out.rglob("report.json"))
    assert not list(out.rglob("*unfinished*"))
    assert smx2vertex("assess", folder, "--no-pages", "--out", out).code == 0


def test_a_place_where_nothing_can_be_written_is_named(tmp_path: Path, smx2vertex: Command) -> None:
    found = smx2vertex("assess", definitions(tmp_path / "some"), "--out", "/proc/report")
    assert found.code == 2
    assert "SMX172" in found.err
