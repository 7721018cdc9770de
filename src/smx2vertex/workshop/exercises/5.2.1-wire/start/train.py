"""Fits the model. A TrainingStep runs this file inside its container."""

import os

import joblib
import pandas
from sklearn.ensemble import RandomForestClassifier

rows = pandas.read_csv(os.path.join(os.environ["SM_CHANNEL_TRAIN"], "rides.csv"), header=None)
model = RandomForestClassifier(n_estimators=80).fit(rows.iloc[:, 1:], rows[0])
joblib.dump(model, os.path.join(os.environ["SM_MODEL_DIR"], "model.joblib"))
