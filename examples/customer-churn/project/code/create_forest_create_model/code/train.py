"""A random forest in the script mode of the scikit-learn container; the same file serves it."""

import argparse
import os
from pathlib import Path

import joblib
import pandas as pd
from sklearn.ensemble import RandomForestClassifier


def model_fn(model_dir):
    """The forest that the training left (called by the serving container)."""
    return joblib.load(Path(model_dir) / "model.joblib")


def predict_fn(rows, forest):
    """For each row the probability that the customer leaves."""
    return forest.predict_proba(rows)[:, 1]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--n-estimators", type=int, default=100)
    parser.add_argument("--max-depth", type=int, default=5)
    parser.add_argument("--train", default=os.environ.get("SM_CHANNEL_TRAIN"))
    parser.add_argument("--model-dir", default=os.environ.get("SM_MODEL_DIR"))
    arguments = parser.parse_args()

    table = pd.read_csv(Path(arguments.train) / "train.csv", header=None)
    forest = RandomForestClassifier(arguments.n_estimators, max_depth=arguments.max_depth, random_state=7)
    forest.fit(table.iloc[:, 1:].to_numpy(), table.iloc[:, 0])
    joblib.dump(forest, Path(arguments.model_dir) / "model.joblib")
    print(f"{arguments.n_estimators} trees on {len(table)} customers")


if __name__ == "__main__":
    main()
