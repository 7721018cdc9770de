"""Splits the customers: most to train, the rest, with their identifiers, to score."""

import argparse
from pathlib import Path

import pandas as pd

parser = argparse.ArgumentParser()
parser.add_argument("--holdout", type=float)
holdout = parser.parse_args().holdout

files = sorted(Path("/opt/ml/processing/input").glob("*.csv"))
table = pd.concat([pd.read_csv(file) for file in files], ignore_index=True)
table["balance"] = (table["balance"] - table["balance"].mean()) / table["balance"].std()
chosen = table.sample(frac=holdout, random_state=7).index
table.drop(index=chosen).drop(columns="id").to_csv("/opt/ml/processing/train/train.csv", index=False, header=False)
for name, part in table.loc[sorted(chosen)].groupby("region"):
    # a file for each region, in folders
    folder = Path("/opt/ml/processing/holdout") / str(name)
    folder.mkdir()
    part.drop(columns="region").to_csv(folder / "customers.csv", index=False, header=False)
