"""How a step of each type becomes a task: one module a family, one planning function a type."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ...sagemaker.definition import Step
from ..plan import Task
from .failing import plan_fail, plan_not_translated
from .models import plan_model
from .processing import plan_processing
from .shared import product_key
from .training import plan_training
from .transform import plan_transform

if TYPE_CHECKING:
    from ..planner import Planner

__all__ = ["PLANNERS", "plan_not_translated", "product_key"]

PLANNERS: dict[str, Callable[[Planner, Step], Task]] = {
    "Processing": plan_processing,
    "Training": plan_training,
    "Model": plan_model,
    "RegisterModel": plan_model,
    "Transform": plan_transform,
    "Fail": plan_fail,
}
