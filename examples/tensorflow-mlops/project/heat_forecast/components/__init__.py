"""One module for each step of the SageMaker pipeline that became a task."""

from .configure_endpoint import configure_endpoint
from .deploy_endpoint import deploy_endpoint
from .evaluate_heat import evaluate_heat
from .heat_create_model import heat_create_model
from .mse_too_high import mse_too_high
from .prepare_buildings import prepare_buildings
from .register_heat_register_model import register_heat_register_model
from .test_endpoint import test_endpoint
from .train_heat import train_heat

__all__ = [
    "configure_endpoint",
    "deploy_endpoint",
    "evaluate_heat",
    "heat_create_model",
    "mse_too_high",
    "prepare_buildings",
    "register_heat_register_model",
    "test_endpoint",
    "train_heat",
]
