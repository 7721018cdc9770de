"""How a step of each type becomes a task: one module a family, one planning function a type."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ...sagemaker.definition import Step
from ..plan import Task
from .automl import plan_automl
from .calls import plan_callback, plan_lambda
from .checks import plan_clarify_check, plan_quality_check
from .endpoints import plan_endpoint, plan_endpoint_config, plan_inference_component
from .failing import plan_fail, plan_not_translated
from .housekeeping import plan_cleanup, plan_job, plan_lineage
from .models import plan_model
from .processing import plan_processing
from .shared import product_key
from .spark import plan_emr, plan_emr_serverless
from .training import plan_training
from .transform import plan_transform
from .tuning import plan_tuning

if TYPE_CHECKING:
    from ..planner import Planner

__all__ = ["PLANNERS", "plan_not_translated", "product_key"]

PLANNERS: dict[str, Callable[[Planner, Step], Task]] = {
    "Processing": plan_processing,
    "Training": plan_training,
    "Model": plan_model,
    "RegisterModel": plan_model,
    "Transform": plan_transform,
    "Tuning": plan_tuning,
    "EndpointConfig": plan_endpoint_config,
    "Endpoint": plan_endpoint,
    "InferenceComponent": plan_inference_component,
    "AutoML": plan_automl,
    "Cleanup": plan_cleanup,
    "Lineage": plan_lineage,
    "Job": plan_job,
    "QualityCheck": plan_quality_check,
    "ClarifyCheck": plan_clarify_check,
    "Lambda": plan_lambda,
    "Callback": plan_callback,
    "EMR": plan_emr,
    "EMRServerless": plan_emr_serverless,
    "Fail": plan_fail,
}
