"""Step `CheckQuality` (Condition)."""

from kfp import dsl
from kfp.dsl import Artifact, Input, OutputPath

from ..settings import images


@dsl.container_component
def check_quality(
    code: Input[Artifact],
    accuracy: float,
    min_accuracy: float,
    recall: float,
    min_recall: float,
    result: OutputPath(str),
) -> dsl.ContainerSpec:
    return dsl.ContainerSpec(
        image=images.python,
        command=["python3", code.path],
        args=[
            dsl.PIPELINE_TASK_EXECUTOR_INPUT_PLACEHOLDER,
            "condition",
            "--step=CheckQuality",
            "--operand=accuracy:float",
            "--operand=min_accuracy:float",
            "--operand=recall:float",
            "--operand=min_recall:float",
            "--expression=accuracy >= min_accuracy and recall >= min_recall",
            "--result=result",
        ],
    )
