"""Turns the rows of the warehouse into a training table, a test table, and a batch to be scored.

The query unloads files without a header. Tables begin with the label; the batch begins with the patient's number.
"""

import argparse
from pathlib import Path

import pandas as pd
from sklearn.model_selection import train_test_split

PROCESSING = Path("/opt/ml/processing")
COLUMNS = ["patient", "pregnancies", "glucose", "pressure", "insulin", "bmi", "age", "diabetic"]
NEVER_MEASURED = {"glucose": 0, "insulin": 0}
SEED = 42


def read_rows(folder, least):
    """All rows of the unloaded files; a table that is too small ends the job with a message, before it costs more."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    if not files:
        raise SystemExit(f"the query gave no files in {folder}")
    rows = pd.concat([pd.read_csv(path, header=None, names=COLUMNS) for path in files])
    rows = rows.drop_duplicates("patient").dropna(subset=["diabetic"])
    if len(rows) < least:
        raise SystemExit(f"the query gave {len(rows)} patients, at least {least} are needed")
    return rows.replace(NEVER_MEASURED, float("nan"))


def write(rows, name):
    folder = PROCESSING / name
    folder.mkdir(parents=True, exist_ok=True)
    rows.to_csv(folder / f"{name}.csv", header=False, index=False)
    print(f"{name}: {len(rows)} rows")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--test-size", type=float, required=True)
    parser.add_argument("--least-rows", type=int, default=200)
    arguments = parser.parse_args()

    rows = read_rows(PROCESSING / "input" / "rows", arguments.least_rows)
    train, test = train_test_split(rows, test_size=arguments.test_size, random_state=SEED, stratify=rows["diabetic"])
    features = COLUMNS[1:-1]
    write(train[["diabetic", *features]], "train")
    write(test[["diabetic", *features]], "test")
    write(test[["patient", *features]], "batch")


if __name__ == "__main__":
    main()
