"""Scores the model of the training job on the test split and writes evaluation.json, which the accuracy gate reads."""

import json
import tarfile
from pathlib import Path

import pandas as pd
import xgboost
from sklearn.metrics import accuracy_score

PROCESSING = Path("/opt/ml/processing")


def load_model(archive):
    """The booster that a training job left in its model.tar.gz."""
    with tarfile.open(archive) as tar:
        member = next(entry for entry in tar if Path(entry.name).name == "xgboost-model")
        model = xgboost.Booster()
        model.load_model(bytearray(tar.extractfile(member).read()))
    return model


def main():
    model = load_model(PROCESSING / "model" / "model.tar.gz")
    test = pd.read_csv(PROCESSING / "test" / "test.csv", header=None)
    label, features = test.iloc[:, 0], test.iloc[:, 1:]
    adult = model.predict(xgboost.DMatrix(features.to_numpy())) >= 0.5

    accuracy = float(accuracy_score(label, adult))
    folder = PROCESSING / "evaluation"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "evaluation.json").write_text(json.dumps({"metrics": {"accuracy": {"value": accuracy}}}))
    print(f"accuracy: {accuracy:.4f} on {len(test)} rows")


if __name__ == "__main__":
    main()
