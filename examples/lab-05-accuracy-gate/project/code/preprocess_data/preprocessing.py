"""Splits the abalone table 70/15/15 for the built-in XGBoost algorithm: label first, no header, one file a split."""

from pathlib import Path

import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import OneHotEncoder, StandardScaler

PROCESSING = Path("/opt/ml/processing")
ADULT_RINGS = 10
SEED = 42


def main():
    table = pd.read_csv(PROCESSING / "input" / "abalone.csv")
    label = (table["rings"] >= ADULT_RINGS).astype(int)
    features = table.drop(columns="rings")
    numeric = [name for name in features if name != "sex"]

    # Two cuts: first 30 % off the table, then that rest into halves.
    train, rest = train_test_split(features, test_size=0.3, random_state=SEED, stratify=label)
    validation, test = train_test_split(rest, test_size=0.5, random_state=SEED, stratify=label[rest.index])

    # Fitted on the training rows alone: the other splits must not leak into the scaling.
    encode = ColumnTransformer([("sex", OneHotEncoder(), ["sex"]), ("size", StandardScaler(), numeric)])
    encode.fit(train)
    for name, rows in {"train": train, "validation": validation, "test": test}.items():
        encoded = pd.DataFrame(encode.transform(rows), index=rows.index)
        encoded.insert(0, "adult", label[rows.index])
        folder = PROCESSING / name
        folder.mkdir(parents=True, exist_ok=True)
        encoded.to_csv(folder / f"{name}.csv", header=False, index=False)
        print(f"{name}: {len(encoded)} rows, {encoded['adult'].mean():.1%} adult")


if __name__ == "__main__":
    main()
