"""Whenever `run` is killed, none of its programs lives on; the next run works, and `--from` goes on from there."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from support import Outcome

KILLS = 100
AT_A_TIME = 4
SIGNALS = (signal.SIGKILL, signal.SIGINT, signal.SIGTERM)
# A script with programs of its own, one in the background, that do not care for what is asked of them.
STUBBORN = "trap '' TERM INT HUP; sleep 60 & sleep {seconds}; echo {word} > $0"


def container(seconds: float, word: str) -> dict[str, Any]:
    """An executor that sleeps and writes its output."""
    script = STUBBORN.format(seconds=seconds, word=word)
    output = "{{$.outputs.parameters['word'].output_file}}"
    return {"container": {"image": "none", "command": ["sh", "-c", script], "args": [output]}}


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A quick task, two slow ones that wait for it, and a last one."""
    seconds = {"first": 0, "left": 0.3, "right": 0.3, "last": 0}
    upstream = {"first": [], "left": ["first"], "right": ["first"], "last": ["left", "right"]}
    output = {"parameters": {"word": {"parameterType": "STRING"}}}
    document = {
        "pipelineInfo": {"name": "sleepers"},
        "root": {
            "dag": {
                "tasks": {
                    name: {
                        "componentRef": {"name": name},
                        "dependentTasks": upstream[name],
                        "taskInfo": {"name": name},
                    }
                    for name in seconds
                }
            }
        },
        "components": {name: {"executorLabel": name, "outputDefinitions": output} for name in seconds},
        "deploymentSpec": {"executors": {name: container(time, name) for name, time in seconds.items()}},
        "schemaVersion": "2.1.0",
    }
    file = tmp_path_factory.mktemp("killed") / "sleepers.yaml"
    file.write_text(yaml.safe_dump(document))
    return file


def processes_with(mark: str) -> Iterator[int]:
    """The processes of this machine that hold a text in their environment: it goes down from `run` to all it starts."""
    for folder in Path("/proc").iterdir():
        try:
            if folder.name.isdecimal() and f"MARK={mark}\0".encode() in (folder / "environ").read_bytes():
                yield int(folder.name)
        except OSError:
            continue


def left_after(mark: str, seconds: float) -> list[int]:
    """The processes that are still there after this time; none as soon as all have ended."""
    deadline = time.monotonic() + seconds
    while (found := list(processes_with(mark))) and time.monotonic() < deadline:
        time.sleep(0.02)
    return found


def started(pipeline: Path, folder: Path) -> subprocess.Popen[bytes]:
    """`run` as a process, whose folder marks all that it starts."""
    return subprocess.Popen(
        [sys.executable, "-m", "smx2vertex", "run", pipeline, "--out", folder, "--jobs", "2"],
        env={**os.environ, "MARK": str(folder)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="counts processes in /proc")
def test_killed_at_random_moments(pipeline: Path, tmp_path: Path, smx2vertex: Callable[..., Outcome]) -> None:
    chance = random.Random(5)
    begin = time.monotonic()
    assert started(pipeline, tmp_path / "whole").wait() == 0
    whole = time.monotonic() - begin
    met = 0
    for first in range(0, KILLS, AT_A_TIME):
        runs = []
        for number in range(first, first + AT_A_TIME):
            folder = tmp_path / f"run-{number}"
            runs.append((folder, started(pipeline, folder), SIGNALS[number % len(SIGNALS)]))
        begin = time.monotonic()
        moments = sorted(chance.uniform(0, whole * AT_A_TIME / 2) for _ in runs)
        for moment, (folder, process, number) in zip(moments, runs, strict=True):
            time.sleep(max(0.0, begin + moment - time.monotonic()))
            met += len(list(processes_with(str(folder)))) > 2  # more than `run` and its watchdog
            process.send_signal(number)
        for folder, process, number in runs:
            process.wait(30)
            assert left_after(str(folder), 10) == [], f"{folder} outlived {signal.Signals(number).name}"
    assert met > KILLS / 10, "so many kills must meet programs, or this shows nothing"
    done = smx2vertex("run", pipeline, "--out", tmp_path / "again")
    assert done.code == 0, done.err


@pytest.mark.parametrize("number", SIGNALS)
def test_a_run_that_was_killed_leaves_no_program_and_is_continued(
    pipeline: Path, tmp_path: Path, smx2vertex: Callable[..., Outcome], number: int
) -> None:
    folder = tmp_path / "sleepers-1"
    killed = started(pipeline, folder)
    deadline = time.monotonic() + 60
    while (met := len(list(processes_with(str(folder))))) < 4 or not (folder / "index.json").exists():
        assert time.monotonic() < deadline, "`run`, its watchdog and two programs are expected"
        time.sleep(0.005)
    killed.send_signal(number)
    killed.wait(30)
    assert (met >= 4, left_after(str(folder), 10)) == (True, [])
    continued = smx2vertex("run", pipeline, "--out", tmp_path / "sleepers-2", "--from", "last", "--format", "json")
    assert continued.code == 0, continued.err
    kept = {task["id"] for task in json.loads(continued.out)["tasks"] if task["kept"]}
    assert ("first" in kept, "last" in kept) == (True, False)
