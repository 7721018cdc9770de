"""Trains a small network to tell the heat that a building needs; leaves a SavedModel where TensorFlow Serving looks."""

import argparse
import os
import shutil
from pathlib import Path

import numpy as np
import tensorflow as tf


def build(features, learning_rate):
    """Two hidden layers; the mean squared error is what the gate looks at."""
    model = tf.keras.Sequential(
        [
            tf.keras.layers.Input(shape=(features,)),
            tf.keras.layers.Dense(32, activation="relu"),
            tf.keras.layers.Dense(16, activation="relu"),
            tf.keras.layers.Dense(1),
        ]
    )
    model.compile(optimizer=tf.keras.optimizers.Adam(learning_rate), loss="mse")
    return model


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--learning-rate", type=float, default=0.01)
    arguments = parser.parse_args()

    tf.keras.utils.set_random_seed(7)
    table = np.loadtxt(Path(os.environ["SM_CHANNEL_TRAIN"]) / "train.csv", delimiter=",", dtype="float32")
    model = build(table.shape[1] - 1, arguments.learning_rate)
    model.fit(table[:, :-1], table[:, -1], epochs=arguments.epochs, batch_size=arguments.batch_size, verbose=2)
    folder = Path(os.environ["SM_MODEL_DIR"])
    # TensorFlow Serving wants a folder with a number; Keras 3 exports what Keras 2 saves.
    (model.export if hasattr(model, "export") else model.save)(str(folder / "1"))
    (folder / "code").mkdir()
    shutil.copy(Path(__file__).with_name("inference.py"), folder / "code")


if __name__ == "__main__":
    main()
