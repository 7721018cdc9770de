"""Step `QualityTooLow` (Fail)."""

from kfp import dsl
from kfp.dsl import Artifact, Input

from ..settings import images


@dsl.container_component
def quality_too_low(
    code: Input[Artifact],
    auc: float,
    auc_value: float,
    min_auc: float,
) -> dsl.ContainerSpec:
    return dsl.ContainerSpec(
        image=images.python,
        command=["python3", code.path],
        args=[
            dsl.PIPELINE_TASK_EXECUTOR_INPUT_PLACEHOLDER,
            "fail",
            "--step=QualityTooLow",
            "--message=No model is registered: AUC of XGBoost {auc:float}, of the forest {auc_value:float}; one of them must reach {min_auc:float}",
        ],
    )
