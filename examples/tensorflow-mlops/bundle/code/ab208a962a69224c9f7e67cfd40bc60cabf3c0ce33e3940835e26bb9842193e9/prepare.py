"""Splits the table of buildings 80/20 and scales its columns by what the training rows show; heat comes last."""

from pathlib import Path

import pandas as pd
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

PROCESSING = Path("/opt/ml/processing")


def main():
    table = pd.concat(pd.read_csv(file) for file in sorted((PROCESSING / "input").glob("*.csv")))
    table["orientation"] = (table["orientation"] == 0).astype(float)  # towards the south or not
    train, test = train_test_split(table, test_size=0.2, random_state=1)
    features = table.columns[:-1]
    scaler = StandardScaler().fit(train[features])
    for name, part in (("train", train), ("test", test)):
        scaled = part.astype(float)
        scaled[features] = scaler.transform(part[features])
        folder = PROCESSING / name
        folder.mkdir(parents=True, exist_ok=True)
        scaled.to_csv(folder / f"{name}.csv", index=False, header=False)
    print(f"{len(train)} rows to train, {len(test)} to test")


if __name__ == "__main__":
    main()
