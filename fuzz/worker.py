"""Fuzzes one target in a process of its own, which ends itself where an input takes too long."""

from __future__ import annotations

import faulthandler
import hashlib
import json
import os
import random
import resource
import sys
import tempfile
import time
from pathlib import Path

from .command import Outcome, check, prepare
from .mutations import Mutator, names_in, parsed, written
from .targets import TARGETS, Target

# Changes of bytes get every fourth turn, and all that can be parsed no more.
BYTES = 0.25
LONGEST_S, MEMORY_BYTES, LARGEST_BYTES = 20, 3 << 30, 40_000
# In the folder of what is found: the input of a process that died of it, and what the process has done.
RUNNING, COUNT = "running", "count"


class Worker:
    """Mutates inputs, runs them, keeps those that made a command say something that none before did."""

    def __init__(self, name: str, seeds: Path, grown: Path, found: Path, seed: int) -> None:
        """Begin with the files of `seeds` and `grown`; `seed` decides all that is drawn."""
        self.target, self.grown, self.found = TARGETS[name], grown, found
        self.draw = random.Random(seed)
        self.inputs = [file.read_bytes() for folder in (seeds, grown) for file in sorted(folder.iterdir())]
        self.mutator = Mutator(_names(self.target, self.inputs))
        self.known: set[str] = set()
        self.count = 0

    def work(self, seconds: float) -> None:
        """Run all inputs once, and then changed ones, until the time is over."""
        end = time.monotonic() + seconds
        waiting = self.inputs[::-1]
        with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
            while time.monotonic() < end:
                fresh = not waiting
                content = self.changed(self.draw.choice(self.inputs)) if fresh else waiting.pop()
                self.one(content, Path(folder) / "work", fresh)

    def one(self, content: bytes, place: Path, fresh: bool) -> None:
        """Run one input; a fresh one is kept if what came of it is new."""
        running = self.found / RUNNING
        running.write_bytes(content)
        faulthandler.dump_traceback_later(LONGEST_S, exit=True)  # a thread of C: no loop of C stops it
        outcome = _checked(self.target, content, place)
        faulthandler.cancel_dump_traceback_later()
        running.unlink()
        self.count += 1
        (self.found / COUNT).write_text(str(self.count), encoding="ascii")
        if outcome.fault:
            self.keep(content, outcome.fault)
        elif outcome.said not in self.known:
            self.known.add(outcome.said)
            if fresh:
                self.inputs.append(content)
                (self.grown / hashlib.sha256(content).hexdigest()[:16]).write_bytes(content)

    def changed(self, content: bytes) -> bytes:
        """A changed input of bounded size."""
        if self.draw.random() >= BYTES:
            try:
                value = self.mutator.document(parsed(content, self.target.yaml), self.draw)
                return written(value, self.target.yaml, self.draw)[:LARGEST_BYTES]
            except (ValueError, RecursionError, MemoryError):
                pass
        return self.mutator.bytes(content, self.draw)[:LARGEST_BYTES]

    def keep(self, content: bytes, report: str) -> None:
        """Keep the shortest input of each report."""
        kept = self.found / hashlib.sha256(report.encode()).hexdigest()[:12]
        if not kept.exists() or kept.stat().st_size > len(content):
            kept.write_bytes(content)
            kept.with_suffix(".txt").write_text(report + "\n", encoding="utf-8")


def _checked(target: Target, content: bytes, place: Path) -> Outcome:
    try:
        return check(target, content, place)
    except Exception as error:  # what the check of an output found
        return Outcome("", f"{type(error).__name__}: {error}")


def _names(target: Target, inputs: list[bytes]) -> list[str]:
    names: list[str] = []
    for content in inputs:
        try:
            names += names_in(parsed(content, target.yaml))
        except (ValueError, RecursionError):
            continue
    return names


if __name__ == "__main__":
    os.environ["NO_COLOR"] = "1"
    options = json.loads(sys.argv[1])
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    prepare()
    paths = {key: Path(options[key]) for key in ("seeds", "grown", "found")}
    Worker(options["name"], **paths, seed=options["seed"]).work(options["seconds"])
