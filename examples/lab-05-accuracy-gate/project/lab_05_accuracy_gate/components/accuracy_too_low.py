"""Step `AccuracyTooLow` (Fail)."""

from kfp import dsl
from kfp.dsl import Artifact, Input

from ..settings import images


@dsl.container_component
def accuracy_too_low(
    code: Input[Artifact],
    min_accuracy: float,
) -> dsl.ContainerSpec:
    return dsl.ContainerSpec(
        image=images.python,
        command=["python3", code.path],
        args=[
            dsl.PIPELINE_TASK_EXECUTOR_INPUT_PLACEHOLDER,
            "fail",
            "--step=AccuracyTooLow",
            "--message=The model is not registered: its accuracy is below {min_accuracy:float}",
        ],
    )
