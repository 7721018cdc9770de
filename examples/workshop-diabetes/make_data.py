"""Writes data/patients.csv: invented patients, as a Redshift query would unload them, the same bytes on every run.

No header, and the columns in the order of the query in pipeline_dev.py. Only the standard library's generator is used:
its numbers for a seed do not change between versions.
"""

from __future__ import annotations

import csv
import math
import random
import sys
from pathlib import Path

ROWS = 1500
SEED = 8
DATA = Path(__file__).parent / "data" / "patients.csv"


def patient(number: int, rng: random.Random) -> list[str | int]:
    """One patient: number, pregnancies, glucose (mg/dl), blood pressure (mmHg), insulin, BMI, age, diabetic (0 or 1).

    A glucose or insulin of 0 was never measured.
    """
    age = min(85, 21 + int(rng.expovariate(1 / 14)))
    pregnancies = min(12, int(rng.expovariate(1 / (0.5 + age / 15))))
    bmi = max(17.0, rng.gauss(28 + age / 20, 5.5))
    risk = 0.9 * (bmi - 30) / 5.5 + 0.8 * (age - 35) / 12 + 0.3 * (pregnancies - 3) / 3 + rng.gauss(0, 0.8)
    diabetic = rng.random() < 1 / (1 + math.exp(1.1 - 1.6 * risk))
    glucose = round(rng.gauss(148 if diabetic else 107, 19))
    pressure = round(rng.gauss(68 + 0.25 * (age - 30), 9))
    insulin = 0 if rng.random() < 0.3 else max(15, round(rng.gauss(1.2 * glucose - 20, 45)))
    if rng.random() < 0.01:
        glucose = 0
    return [number, pregnancies, glucose, pressure, insulin, f"{bmi:.1f}", age, int(diabetic)]


def write(path: Path) -> None:
    """Write the table to `path`."""
    rng = random.Random(SEED)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows(patient(1000 + number, rng) for number in range(ROWS))


if __name__ == "__main__":
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else DATA)
