"""Writes data/buildings.csv: an invented table of buildings and the heat they need, the same bytes on every run.

Only the standard library's generator is used: its numbers for a seed do not change between versions.
"""

from __future__ import annotations

import csv
import random
import sys
from pathlib import Path

COLUMNS = ["floor_area", "wall_area", "window_share", "height", "insulation", "orientation", "people", "heat"]
ROWS = 1500
SEED = 17
DATA = Path(__file__).parent / "data" / "buildings.csv"


def building(rng: random.Random) -> list[str | int]:
    """One building: areas in m², the share of windows, height in m, insulation in cm, and heat in MWh a year."""
    floor, height = rng.uniform(60, 400), rng.choice([2.6, 3.0, 5.2, 6.0])
    wall = 4 * floor**0.5 * height * rng.uniform(0.9, 1.2)
    windows, insulation = rng.uniform(0.05, 0.45), rng.uniform(2, 24)
    orientation, people = rng.randrange(4), rng.randrange(1, 12)
    loss = wall * (1 - windows) / (1 + insulation / 4) + wall * windows * 1.3 + floor * 0.12
    gain = wall * windows * (0.5, 0.2, 0.1, 0.25)[orientation] + 0.8 * people
    heat = max(1.0, 0.25 * (loss - gain) + rng.gauss(0, 0.8))
    numbers = [f"{value:.2f}" for value in (floor, wall, windows, height, insulation)]
    return [*numbers, orientation, people, f"{heat:.2f}"]


def write(path: Path) -> None:
    """Write the table, with a header, to `path`."""
    rng = random.Random(SEED)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(COLUMNS)
        table.writerows(building(rng) for _ in range(ROWS))


if __name__ == "__main__":
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else DATA)
