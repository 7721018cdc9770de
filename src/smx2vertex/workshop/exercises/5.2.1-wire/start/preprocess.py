"""Splits the rides. A ProcessingStep runs this file; it holds no step itself."""

import csv
import pathlib

SOURCE = pathlib.Path("/opt/ml/processing/input/rides.csv")
TARGET = pathlib.Path("/opt/ml/processing")

rows = list(csv.reader(SOURCE.open()))
cut = int(len(rows) * 0.8)
for name, part in (("train", rows[:cut]), ("test", rows[cut:])):
    with (TARGET / name / "rides.csv").open("w", newline="") as file:
        csv.writer(file).writerows(part)
