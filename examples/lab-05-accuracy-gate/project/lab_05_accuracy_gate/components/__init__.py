"""One module for each step of the SageMaker pipeline that became a task."""

from .accuracy_too_low import accuracy_too_low
from .evaluate_model import evaluate_model
from .preprocess_data import preprocess_data
from .register_model import register_model
from .train_model import train_model

__all__ = ["accuracy_too_low", "evaluate_model", "preprocess_data", "register_model", "train_model"]
