"""One module for each step of the SageMaker pipeline that became a task."""

from .forecast_create_model import forecast_create_model
from .register_register_model import register_register_model
from .train_forecast import train_forecast

__all__ = ["forecast_create_model", "register_register_model", "train_forecast"]
