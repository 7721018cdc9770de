"""Travels with the model: how it is asked, in the server of AWS and in the one that converted projects bring.

TensorFlow Serving at AWS calls input_handler and output_handler around its own prediction. The server of a converted
project calls model_fn, input_fn, predict_fn and output_fn, as the servers of AWS do for other frameworks.
"""

import json


def input_handler(data, context):
    """AWS: the request as TensorFlow Serving wants it."""
    return data.read().decode("utf-8")


def output_handler(response, context):
    """AWS: the answer of TensorFlow Serving, and its type."""
    return response.content, context.accept_header


def model_fn(model_dir):
    """Load the SavedModel."""
    import tensorflow as tf

    return tf.saved_model.load(f"{model_dir}/1").signatures["serving_default"]


def input_fn(body, content_type):
    """Rows of features, from {"instances": [...]} or a plain list."""
    rows = json.loads(body)
    return rows["instances"] if isinstance(rows, dict) else rows


def predict_fn(rows, model):
    """One list with one number for each row."""
    import tensorflow as tf

    return next(iter(model(tf.constant(rows, dtype="float32")).values())).numpy().tolist()


def output_fn(prediction, accept):
    """The numbers as JSON."""
    return json.dumps({"predictions": prediction})
