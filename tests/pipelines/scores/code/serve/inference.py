"""Serves the forest: CSV in, one probability a line out."""

import io
from pathlib import Path

import features
import joblib
import numpy as np


def model_fn(model_dir):
    """Load the forest."""
    return joblib.load(Path(model_dir) / "forest.joblib")


def input_fn(body, content_type):
    """Rows of numbers."""
    assert content_type == "text/csv"
    return features.of(np.loadtxt(io.StringIO(body), delimiter=",", ndmin=2))


def predict_fn(rows, forest):
    """The probability that a customer leaves."""
    return forest.predict_proba(rows)[:, 1]


def output_fn(prediction, accept):
    """One number a line."""
    return "\n".join(f"{value:.6f}" for value in prediction), accept
