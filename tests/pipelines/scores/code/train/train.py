"""Trains a forest on what SageMaker says is the channel, and leaves the trees and a report."""

import argparse
import json
import os
from pathlib import Path

import features
import joblib
import pandas as pd
from sklearn.ensemble import RandomForestClassifier

parser = argparse.ArgumentParser()
parser.add_argument("--trees", type=int)
parser.add_argument("--max-depth", type=int)
parser.add_argument("--criterion")
parser.add_argument("--bootstrap")
parser.add_argument("--train", default=os.environ["SM_CHANNEL_TRAIN"])
parser.add_argument("--model-dir", default=os.environ["SM_MODEL_DIR"])
given = parser.parse_args()

table = pd.read_csv(Path(given.train) / "train.csv", header=None)
rows, left = features.of(table.iloc[:, 2:].to_numpy()), table.iloc[:, 1]
forest = RandomForestClassifier(
    given.trees,
    max_depth=given.max_depth,
    criterion=given.criterion,
    bootstrap=given.bootstrap == "True",
    random_state=3,
).fit(rows, left)
print(f"accuracy={forest.score(rows, left):.6f}")
joblib.dump(forest, Path(given.model_dir) / "forest.joblib")
seen = {
    "channels": json.loads(os.environ["SM_CHANNELS"]),
    "hyperparameters": json.loads(os.environ["SM_HPS"]),
    "arguments": json.loads(os.environ["SM_USER_ARGS"]),
    "host": os.environ["SM_CURRENT_HOST"],
    "files": sorted(path.name for path in Path("/opt/ml/code").iterdir() if path.suffix == ".py"),
}
(Path(os.environ["SM_OUTPUT_DATA_DIR"]) / "seen.json").write_text(json.dumps(seen, sort_keys=True))
