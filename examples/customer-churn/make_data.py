"""Writes data/customers.csv: invented customers of a telephone company, the same bytes on every run.

Only the standard library's generator is used: its numbers for a seed do not change between versions.
"""

from __future__ import annotations

import csv
import math
import random
import sys
from pathlib import Path

COLUMNS = ["customer", "region", "plan", "months", "day_minutes", "night_minutes", "abroad_minutes", "calls", "churned"]
ROWS = 2500
SEED = 12
DATA = Path(__file__).parent / "data" / "customers.csv"


def customer(number: int, rng: random.Random) -> list[str | int]:
    """One customer: region, plan, months with us, minutes a day, calls of the hotline, and whether they left."""
    region = rng.choice(("north", "east", "south", "west"))
    plan = rng.choices(("basic", "family", "business"), (5, 3, 2))[0]
    months = 1 + int(rng.expovariate(1 / 30))
    day = max(0.0, rng.gauss({"basic": 140, "family": 190, "business": 240}[plan], 45))
    night = max(0.0, rng.gauss(110, 40))
    abroad = max(0.0, rng.gauss(8, 6))
    calls = min(9, int(rng.expovariate(1 / 1.3)))
    # Those leave who call the hotline again and again, and those who pay much for a small plan.
    risk = -1.5 + 0.9 * max(0, calls - 2) + (1.9 if plan == "basic" and day > 170 else 0.0)
    risk += (1.4 if abroad > 13 and plan != "business" else 0.0) - 0.012 * min(months, 60)
    churned = rng.random() < 1 / (1 + math.exp(-1.9 * risk))
    minutes = [f"{value:.1f}" for value in (day, night, abroad)]
    return [f"C{number}", region, plan, months, *minutes, calls, "yes" if churned else "no"]


def write(path: Path) -> None:
    """Write the table, with a header, to `path`."""
    rng = random.Random(SEED)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(COLUMNS)
        table.writerows(customer(10000 + number, rng) for number in range(ROWS))


if __name__ == "__main__":
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else DATA)
