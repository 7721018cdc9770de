"""Scores a model on the test table, and writes its five metrics as evaluation.json.

The same script evaluates both models, each in the image that trained it: a pickled forest wants the scikit-learn that
made it.
"""

import argparse
import json
import tarfile
from pathlib import Path

import pandas as pd
from sklearn.metrics import accuracy_score, f1_score, precision_score, recall_score, roc_auc_score

PROCESSING = Path("/opt/ml/processing")
THRESHOLD = 0.5
FILES = {"xgboost": "xgboost-model", "forest": "model.joblib"}


def model_file(algorithm):
    """The file of the model in the model.tar.gz of the training job."""
    with tarfile.open(PROCESSING / "model" / "model.tar.gz") as tar:
        member = next(entry for entry in tar if Path(entry.name).name == FILES[algorithm])
        target = Path("/tmp") / FILES[algorithm]
        target.write_bytes(tar.extractfile(member).read())
    return target


def probabilities(algorithm, rows):
    """For each row the probability that the customer leaves."""
    file = model_file(algorithm)
    if algorithm == "forest":
        import joblib

        return joblib.load(file).predict_proba(rows)[:, 1]
    import xgboost

    booster = xgboost.Booster()
    booster.load_model(bytearray(file.read_bytes()))
    return booster.predict(xgboost.DMatrix(rows))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--algorithm", choices=sorted(FILES), required=True)
    algorithm = parser.parse_args().algorithm

    test = pd.read_csv(PROCESSING / "test" / "test.csv", header=None)
    label = test.iloc[:, 0]
    probability = probabilities(algorithm, test.iloc[:, 1:].to_numpy())
    leaves = probability >= THRESHOLD
    metrics = {
        "accuracy": accuracy_score(label, leaves),
        "precision": precision_score(label, leaves, zero_division=0),
        "recall": recall_score(label, leaves),
        "f1": f1_score(label, leaves),
        "auc": roc_auc_score(label, probability),
    }
    # The form that SageMaker's model registry shows as a table.
    values = {name: {"value": round(float(value), 4), "standard_deviation": "NaN"} for name, value in metrics.items()}
    folder = PROCESSING / "evaluation"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "evaluation.json").write_text(json.dumps({"binary_classification_metrics": values}, indent=2))
    print(algorithm, {name: round(float(value), 4) for name, value in metrics.items()})


if __name__ == "__main__":
    main()
