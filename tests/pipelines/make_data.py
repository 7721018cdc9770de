"""Makes the data of the pipelines; the same each time."""

from __future__ import annotations

import random
from pathlib import Path


def scores(folder: Path) -> None:
    """Customers of three regions: who left, and four numbers."""
    chance = random.Random(1)
    for number in range(2):
        lines = ["id,region,left,age,balance,visits,calls"]
        for row in range(120):
            age, balance, visits = chance.randint(18, 80), chance.gauss(900, 300), chance.randint(0, 30)
            left = int(visits + chance.gauss(0, 4) < 12)
            region, calls = chance.choice([1, 2, 3]), chance.randint(0, 5)
            lines.append(f"{number * 1000 + row},{region},{left},{age},{balance:.2f},{visits},{calls}")
        write(folder / f"customers/part-{number}.csv", lines)


def gate(folder: Path) -> None:
    """A label and three numbers."""
    chance = random.Random(2)
    for name, rows in (("train", 200), ("validation", 60)):
        points = [[chance.uniform(0, 10) for _ in range(3)] for _ in range(rows)]
        write(
            folder / f"data/{name}/{name}.csv",
            [f"{a * b + 3 * c + chance.gauss(0, 1):.4f},{a:.4f},{b:.4f},{c:.4f}" for a, b, c in points],
        )


def plain(folder: Path) -> None:
    """Texts of two languages."""
    chance = random.Random(3)
    for language, words in (("en", "the sea and a boat in fog"), ("no", "en båt på sjøen i tåke og regn")):
        for name in ("one", "deep/two"):
            text = [" ".join(chance.choices(words.split(), k=9)) for _ in range(4)]
            write(folder / f"texts/{language}/{name}.txt", text)
    write(folder / "stop-words.txt", ["the and a in en på i og"])


def framework(folder: Path) -> None:
    """Columns of measurements."""
    chance = random.Random(4)
    for name in ("a", "b"):
        write(
            folder / f"measurements/{name}.csv", [f"{chance.gauss(5, 2):.3f},{chance.random():.3f}" for _ in range(30)]
        )


def write(file: Path, lines: list[str]) -> None:
    """Write a text file."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\n".join(lines) + "\n")
