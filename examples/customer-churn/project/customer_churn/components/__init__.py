"""One module for each step of the SageMaker pipeline that became a task."""

from .check_quality import check_quality
from .create_forest_create_model import create_forest_create_model
from .create_xgboost_create_model import create_xgboost_create_model
from .describe_data import describe_data
from .evaluate_forest import evaluate_forest
from .evaluate_xgboost import evaluate_xgboost
from .prepare_data import prepare_data
from .quality_too_low import quality_too_low
from .register_forest_register_model import register_forest_register_model
from .register_xgboost_register_model import register_xgboost_register_model
from .train_forest import train_forest
from .train_xgboost import train_xgboost

__all__ = [
    "check_quality",
    "create_forest_create_model",
    "create_xgboost_create_model",
    "describe_data",
    "evaluate_forest",
    "evaluate_xgboost",
    "prepare_data",
    "quality_too_low",
    "register_forest_register_model",
    "register_xgboost_register_model",
    "train_forest",
    "train_xgboost",
]
