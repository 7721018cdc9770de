"""How `assess` grows with a portfolio: definitions a second, exponents of the times, and the peak memory.

The definitions are a hundred of the corpus beside this checkout, small and large ones as often as they are in it, or
those of the examples where it is absent. Each size repeats the same ones under other names (`variants`), so the sizes
differ in nothing else. One of the corpus is left out: a stub of 2,000 empty steps, as long as all that are drawn.

Each size runs in a process of its own. Times are those of the processor. Pages are not written.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from .scale import exponent
from .variants import portfolio, sample

ROOT = Path(__file__).resolve().parent.parent
CORPUS = ROOT.parent / "shared" / "corpus" / "definitions"
SIZES = (100, 1_000, 10_000)
_LARGEST = 100_000  # bytes; the stub has 270,000


@dataclass(frozen=True)
class Run:
    """A portfolio of so many definitions: seconds of the processor, and MiB at most.

    Attributes:
        analysis: reading, mapping and planning, and keeping the records.
        gathering: adding up: templates, dependencies, waves and the rest of the report.
        writing: report.json, the CSV files and the workbook.
    """

    size: int
    analysis: float
    gathering: float
    writing: float
    peak: float


def measure(size: int) -> Run:
    """Assess so many definitions."""
    files = [file for file in CORPUS.glob("*.json") if file.stat().st_size < _LARGEST]
    drawn = sample(files or list((ROOT / "examples").glob("*/definition.json")))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name, "definitions")
        folder.mkdir()
        for stem, document in portfolio(drawn, size):
            (folder / f"{stem}.json").write_text(json.dumps(document), encoding="utf-8")
        command = [sys.executable, "-m", "benchmarks.assessing", str(folder), str(Path(name, "out"))]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    return Run(size, *json.loads(done.stdout))


def growth(runs: list[Run], seconds: Callable[[Run], float]) -> float:
    """The exponent of a time; what a process needs once is taken off: it hides how a small portfolio grows."""
    first, *more = runs
    return exponent([run.size for run in more], [seconds(run) - seconds(first) for run in more])


def rows(sizes: tuple[int, ...] = SIZES) -> Iterator[tuple[str, str, str, str, str]]:
    """Rows for the table of budgets."""
    runs = [measure(size) for size in (1, *sizes)]
    once, first, last = runs[0], runs[1], runs[-1]
    rates = [f"{run.size / (run.analysis - once.analysis):.0f} at {run.size}" for run in runs[1:]]
    yield (
        f"assess, analysis, definitions a second at {last.size}",
        "–",
        rates[-1].split()[0],
        ", ".join(rates),
        "300 at least",
    )
    against = f"definitions, {first.size} to {last.size} (exponent)"
    for what, seconds in (
        ("analysis", lambda run: run.analysis),
        ("adding up", lambda run: run.gathering),
        ("writing without pages", lambda run: run.writing),
    ):
        times = ", ".join(f"{seconds(run):.1f} s at {run.size}" for run in runs[1:])
        yield f"assess, {what}", against, f"{growth(runs, seconds):.2f}", times, "1.1"
    peaks = ", ".join(f"{run.peak:.0f} at {run.size}" for run in runs)
    yield f"assess, peak memory at {last.size}, in MiB", "–", f"{last.peak:.0f}", peaks, "500"


if __name__ == "__main__":
    for row in rows(tuple(map(int, sys.argv[1:])) or SIZES):
        print(*row, sep="\t")
