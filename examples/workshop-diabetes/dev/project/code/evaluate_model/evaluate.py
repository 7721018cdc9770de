"""Scores the model on the test table, and writes evaluation.json, which the quality gate reads."""

import json
import tarfile
from pathlib import Path

import joblib
import pandas as pd
from sklearn.metrics import accuracy_score, f1_score, precision_score, recall_score, roc_auc_score

PROCESSING = Path("/opt/ml/processing")
THRESHOLD = 0.5


def load_model(archive):
    """The model that a training job packed into its model.tar.gz."""
    with tarfile.open(archive) as tar:
        member = next(entry for entry in tar if Path(entry.name).name == "model.joblib")
        return joblib.load(tar.extractfile(member))


def main():
    model = load_model(PROCESSING / "model" / "model.tar.gz")
    test = pd.read_csv(PROCESSING / "test" / "test.csv", header=None)
    label = test.iloc[:, 0]
    probability = model.predict_proba(test.iloc[:, 1:].to_numpy())[:, 1]
    diabetic = probability >= THRESHOLD
    metrics = {
        "accuracy": accuracy_score(label, diabetic),
        "precision": precision_score(label, diabetic, zero_division=0),
        "recall": recall_score(label, diabetic),
        "f1": f1_score(label, diabetic),
        "roc_auc": roc_auc_score(label, probability),
    }
    folder = PROCESSING / "evaluation"
    folder.mkdir(parents=True, exist_ok=True)
    report = {"classification_metrics": {name: {"value": round(float(value), 4)} for name, value in metrics.items()}}
    (folder / "evaluation.json").write_text(json.dumps(report, indent=2))
    print(json.dumps(report))


if __name__ == "__main__":
    main()
