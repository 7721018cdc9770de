"""How `assess` grows with a portfolio: definitions a second, the exponent of the time, and the peak memory.

The definitions are those of the corpus beside this checkout, or those of the examples where it is absent, repeated
under other names. Each size runs in a process of its own; pages are not written. What one process needs before it
assesses anything is measured with a portfolio of one definition, and taken off.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CORPUS = ROOT.parent / "shared" / "corpus" / "definitions"
SIZES = (100, 1_000, 10_000)
_RUN = """
import json, resource, sys, time
from pathlib import Path
from smx2vertex.assess.effort import load_effort
from smx2vertex.assess.run import assess
from smx2vertex.assess.sources import find_sources
from smx2vertex.assess.store import Store

folder, out = map(Path, sys.argv[1:])
begin = time.process_time()
found = assess([folder], find_sources([folder], out), Store(out), table=load_effort())
seconds = time.process_time() - begin
print(json.dumps([seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, len(found.portfolio.pipelines)]))
"""


@dataclass(frozen=True)
class Run:
    """A portfolio of so many definitions: seconds of the processor, and MiB at most."""

    size: int
    seconds: float
    peak: float


def measure(size: int) -> Run:
    """Assess so many definitions."""
    files = sorted(CORPUS.glob("*.json")) or sorted((ROOT / "examples").glob("*/definition.json"))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name, "definitions")
        folder.mkdir()
        for number in range(size):
            file = files[number % len(files)]
            (folder / f"{number:05}-{file.stem[:80]}.json").write_bytes(file.read_bytes())
        command = [sys.executable, "-c", _RUN, str(folder), str(Path(name, "out"))]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
    seconds, peak, _ = json.loads(done.stdout)
    return Run(size, seconds, peak)


def rows(sizes: tuple[int, ...] = SIZES) -> Iterator[tuple[str, str, str, str, str]]:
    """Rows for the table of budgets."""
    once = measure(1).seconds
    runs = [measure(size) for size in sizes]
    times = [run.seconds - once for run in runs]
    first, last = runs[0], runs[-1]
    rate = last.size / times[-1]
    exponent = math.log(times[-1] / times[0]) / math.log(last.size / first.size)
    at = ", ".join(f"{run.size / seconds:.0f} at {run.size}" for run, seconds in zip(runs, times, strict=True))
    yield f"assess, definitions a second at {last.size}", "–", f"{rate:.0f}", at, "300 at least"
    yield "assess, time", f"definitions, {first.size} to {last.size} (exponent)", f"{exponent:.2f}", "", "1.1"
    peaks = ", ".join(f"{run.peak:.0f} at {run.size}" for run in runs)
    yield f"assess, peak memory at {last.size}, in MiB", "–", f"{last.peak:.0f}", peaks, "500"


if __name__ == "__main__":
    for row in rows(tuple(map(int, sys.argv[1:])) or SIZES):
        print(*row, sep="\t")
