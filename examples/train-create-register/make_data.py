"""Writes data/: an invented table of bikes that were hired in each hour, the same bytes on every run.

SageMaker's XGBoost reads CSV without a header, with the label first: bikes, hour, weekday, temperature, rain, wind.
Only the standard library's generator is used: its numbers for a seed do not change between versions.
"""

from __future__ import annotations

import csv
import math
import random
import sys
from pathlib import Path

SEED = 11
ROWS = {"train": 2400, "validation": 600}
DATA = Path(__file__).parent / "data"


def hour_of_hire(rng: random.Random) -> list[str | int]:
    """One hour: the bikes that were hired in it, and what is known of it beforehand."""
    hour, weekday = rng.randrange(24), rng.randrange(7)
    temperature, rain, wind = rng.gauss(14, 8), rng.random() < 0.2, rng.uniform(0, 12)
    commuting = math.exp(-((hour - 8) ** 2) / 6) + math.exp(-((hour - 17) ** 2) / 8) if weekday < 5 else 0.3
    leisure = math.exp(-((hour - 15) ** 2) / 30) * (1.0 if weekday > 4 else 0.4)
    weather = max(0.1, min(1.0, (temperature + 5) / 25)) * (0.4 if rain else 1.0) * (1 - wind / 30)
    bikes = (220 * commuting + 150 * leisure + 8) * weather * rng.lognormvariate(0, 0.12)
    return [round(bikes), hour, weekday, f"{temperature:.1f}", int(rain), f"{wind:.1f}"]


def write(folder: Path) -> None:
    """Write both tables below `folder`."""
    rng = random.Random(SEED)
    for name, rows in ROWS.items():
        path = folder / name / "bikes.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file, lineterminator="\n").writerows(hour_of_hire(rng) for _ in range(rows))


if __name__ == "__main__":
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else DATA)
