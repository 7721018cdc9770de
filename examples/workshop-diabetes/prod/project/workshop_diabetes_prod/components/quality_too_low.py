"""Step `QualityTooLow` (Fail)."""

from kfp import dsl
from kfp.dsl import Artifact, Input

from ..settings import images


@dsl.container_component
def quality_too_low(
    code: Input[Artifact],
    accuracy: float,
    min_accuracy: float,
    recall: float,
    min_recall: float,
    ticket: str,
) -> dsl.ContainerSpec:
    return dsl.ContainerSpec(
        image=images.python,
        command=["python3", code.path],
        args=[
            dsl.PIPELINE_TASK_EXECUTOR_INPUT_PLACEHOLDER,
            "fail",
            "--step=QualityTooLow",
            "--message=The model is not registered: accuracy {accuracy:float} (at least {min_accuracy:float}), recall {recall:float} (at least {min_recall:float}); see ticket {ticket:str}",
        ],
    )
