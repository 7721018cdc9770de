"""Step `MseTooHigh` (Fail)."""

from kfp import dsl
from kfp.dsl import Artifact, Input

from ..settings import images


@dsl.container_component
def mse_too_high(
    code: Input[Artifact],
    mse: float,
    max_mse: float,
) -> dsl.ContainerSpec:
    return dsl.ContainerSpec(
        image=images.python,
        command=["python3", code.path],
        args=[
            dsl.PIPELINE_TASK_EXECUTOR_INPUT_PLACEHOLDER,
            "fail",
            "--step=MseTooHigh",
            "--message=The model is not registered: its MSE of {mse:float} is above {max_mse:float}",
        ],
    )
