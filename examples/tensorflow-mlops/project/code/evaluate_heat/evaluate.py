"""Measures the model on the test rows and writes evaluation.json, which the gate reads."""

import json
import tarfile
import tempfile
from pathlib import Path

import numpy as np
import tensorflow as tf

PROCESSING = Path("/opt/ml/processing")


def main():
    table = np.loadtxt(PROCESSING / "test" / "test.csv", delimiter=",", dtype="float32")
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(PROCESSING / "model" / "model.tar.gz") as archive:
            archive.extractall(folder)
        model = tf.saved_model.load(str(Path(folder) / "1"))
        answer = model.signatures["serving_default"](tf.constant(table[:, :-1]))
    predicted = next(iter(answer.values())).numpy().ravel()

    errors = (predicted - table[:, -1]) ** 2
    mse = {"value": float(errors.mean()), "standard_deviation": float(errors.std())}
    folder = PROCESSING / "evaluation"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "evaluation.json").write_text(json.dumps({"regression_metrics": {"mse": mse}}))
    print(f"mse: {mse['value']:.3f} on {len(table)} rows")


if __name__ == "__main__":
    main()
