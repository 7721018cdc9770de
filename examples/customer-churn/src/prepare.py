"""Splits the customers into tables for training, validation and test: label first, no header."""

import argparse
from pathlib import Path

import pandas as pd
from features import features
from sklearn.model_selection import train_test_split

PROCESSING = Path("/opt/ml/processing")
SEED = 42


def balanced(table):
    """The table with the customers who left repeated until they are as many as the others."""
    left, stayed = table[table["churned"] == 1], table[table["churned"] == 0]
    if len(left) == 0 or len(left) >= len(stayed):
        return table
    return pd.concat([table, left.sample(len(stayed) - len(left), replace=True, random_state=SEED)])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--held-out", type=float, required=True, help="the part that is not for training")
    parser.add_argument("--balance", choices=("True", "False"), required=True)
    arguments = parser.parse_args()

    table = features(pd.read_csv(PROCESSING / "input" / "customers.csv"))
    train, rest = train_test_split(table, test_size=arguments.held_out, random_state=SEED, stratify=table["churned"])
    validation, test = train_test_split(rest, test_size=0.5, random_state=SEED, stratify=rest["churned"])
    if arguments.balance == "True":
        train = balanced(train)
    for name, rows in {"train": train, "validation": validation, "test": test}.items():
        folder = PROCESSING / "output" / name
        folder.mkdir(parents=True, exist_ok=True)
        rows.to_csv(folder / f"{name}.csv", header=False, index=False)
        print(f"{name}: {len(rows)} customers, {rows['churned'].mean():.1%} left")


if __name__ == "__main__":
    main()
