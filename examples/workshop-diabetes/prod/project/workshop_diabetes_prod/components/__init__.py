"""One module for each step of the SageMaker pipeline that became a task."""

from .check_quality import check_quality
from .diabetes_model_create_model import diabetes_model_create_model
from .diabetes_register_model import diabetes_register_model
from .evaluate_model import evaluate_model
from .preprocess_data import preprocess_data
from .preprocess_data_rows import preprocess_data_rows
from .quality_too_low import quality_too_low
from .report_rejected import report_rejected
from .score_batch import score_batch
from .train_model import train_model

__all__ = [
    "check_quality",
    "diabetes_model_create_model",
    "diabetes_register_model",
    "evaluate_model",
    "preprocess_data",
    "preprocess_data_rows",
    "quality_too_low",
    "report_rejected",
    "score_batch",
    "train_model",
]
