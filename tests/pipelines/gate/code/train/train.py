"""Trains a regression; the label is the first column."""

import argparse
import os
import pickle
from pathlib import Path

import numpy as np
import xgboost as xgb

parser = argparse.ArgumentParser()
parser.add_argument("--num_round", type=int)
parser.add_argument("--eta", type=float)
parser.add_argument("--objective")
given, _ = parser.parse_known_args()


def matrix(channel):
    """The data of a channel."""
    files = sorted(Path(os.environ[f"SM_CHANNEL_{channel.upper()}"]).iterdir())
    rows = np.concatenate([np.loadtxt(file, delimiter=",", ndmin=2) for file in files])
    return xgb.DMatrix(rows[:, 1:], rows[:, 0])


train = matrix("train")
settings = {"eta": given.eta, "objective": given.objective, "seed": 11, "nthread": 1, "subsample": 0.7}
booster = xgb.train(settings, train, given.num_round, [(train, "train"), (matrix("validation"), "validation")])
booster.save_model(Path(os.environ["SM_MODEL_DIR"]) / "model.json")
with Path("/opt/ml/model/settings.pickle").open("wb") as file:
    pickle.dump(settings, file, protocol=4)
