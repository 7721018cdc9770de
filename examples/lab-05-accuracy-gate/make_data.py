"""Writes data/abalone.csv: an invented table in the shape of the well-known abalone data, the same bytes on every run.

Only the standard library's generator is used: its numbers for a seed do not change between versions.
"""

from __future__ import annotations

import csv
import math
import random
import sys
from pathlib import Path

COLUMNS = [
    "sex", "length", "diameter", "height",
    "whole_weight", "shucked_weight", "viscera_weight", "shell_weight", "rings",
]  # fmt: skip
ROWS = 4000
SEED = 5
DATA = Path(__file__).parent / "data" / "abalone.csv"


def abalone(rng: random.Random) -> list[str | int]:
    """One animal: sex (M, F, or I for infant), sizes in units of 200 mm, weights in units of 200 g, and rings."""
    rings = max(1, min(29, round(rng.lognormvariate(math.log(9.6), 0.34))))
    infant = rng.random() < 1 / (1 + math.exp((rings - 7.5) / 1.2))
    sex = "I" if infant else rng.choice("MF")
    length = 0.78 * (1 - math.exp(-0.15 * (rings + 0.5))) * rng.lognormvariate(0, 0.05)
    diameter = length * rng.gauss(0.79, 0.015)
    height = length * rng.gauss(0.27, 0.015)
    whole = 5.2 * length * diameter * height * rng.lognormvariate(0, 0.06)
    shucked = whole * rng.gauss(0.43, 0.03)
    viscera = whole * rng.gauss(0.22, 0.02)
    # The shell thickens with age: the one trace of it that size does not hold.
    shell = whole * (0.24 + 0.006 * rings) * rng.lognormvariate(0, 0.05)
    sizes = [f"{value:.3f}" for value in (length, diameter, height)]
    weights = [f"{value:.4f}" for value in (whole, shucked, viscera, shell)]
    return [sex, *sizes, *weights, rings]


def write(path: Path) -> None:
    """Write the table, with a header, to `path`."""
    rng = random.Random(SEED)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(COLUMNS)
        table.writerows(abalone(rng) for _ in range(ROWS))


if __name__ == "__main__":
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else DATA)
