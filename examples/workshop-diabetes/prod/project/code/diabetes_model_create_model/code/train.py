"""Trains a forest that tells who is diabetic, and serves it: the same file is the entry point of the endpoint."""

import argparse
import io
import os
import traceback
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
from sklearn.ensemble import RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline

FAILURE = Path("/opt/ml/output/failure")
SEED = 42


def model_fn(model_dir):
    """The model that the training left (called by the serving container)."""
    return joblib.load(Path(model_dir) / "model.joblib")


def input_fn(body, content_type):
    """Rows of features, without the label, from CSV; what was never measured is empty."""
    if content_type.split(";")[0] != "text/csv":
        raise ValueError(f"the model takes text/csv, not {content_type}")
    text = body.decode() if isinstance(body, bytes) else body
    return pd.read_csv(io.StringIO(text), header=None).to_numpy(dtype=float)


def predict_fn(rows, model):
    """For each row the probability of diabetes."""
    return np.round(model.predict_proba(rows)[:, 1], 4)


def train(arguments):
    table = pd.read_csv(Path(arguments.train) / "train.csv", header=None)
    label, features = table.iloc[:, 0], table.iloc[:, 1:].to_numpy()
    forest = RandomForestClassifier(arguments.n_estimators, max_depth=arguments.max_depth, random_state=SEED)
    # The imputer is part of the model: what serves it gets rows as the warehouse has them.
    model = make_pipeline(SimpleImputer(strategy="median"), forest)
    accuracy = cross_val_score(model, features, label, cv=3).mean()
    print(f"validation-accuracy={accuracy:.4f};")
    model.fit(features, label)
    joblib.dump(model, Path(arguments.model_dir) / "model.joblib")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--n-estimators", type=int, default=60)
    parser.add_argument("--max-depth", type=int, default=6)
    parser.add_argument("--train", default=os.environ.get("SM_CHANNEL_TRAIN"))
    parser.add_argument("--model-dir", default=os.environ.get("SM_MODEL_DIR"))
    arguments = parser.parse_args()
    try:
        train(arguments)
    except Exception as error:
        # SageMaker shows this file as the reason why the job failed; the exit code still has to say so.
        FAILURE.write_text(f"training failed: {error}\n{traceback.format_exc()}")
        raise


if __name__ == "__main__":
    main()
