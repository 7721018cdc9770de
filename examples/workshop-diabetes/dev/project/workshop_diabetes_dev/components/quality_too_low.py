"""Step `QualityTooLow` (Fail)."""

from kfp import dsl
from kfp.dsl import Artifact, Input

from ..settings import images


@dsl.container_component
def quality_too_low(
    code: Input[Artifact],
    accuracy: float,
    min_accuracy: float,
) -> dsl.ContainerSpec:
    return dsl.ContainerSpec(
        image=images.python,
        command=["python3", code.path],
        args=[
            dsl.PIPELINE_TASK_EXECUTOR_INPUT_PLACEHOLDER,
            "fail",
            "--step=QualityTooLow",
            "--message=The model is not registered: its accuracy of {accuracy:float} is below {min_accuracy:float}",
        ],
    )
