"""Step `CheckQuality` (Condition)."""

from kfp import dsl
from kfp.dsl import Artifact, Input, OutputPath

from ..settings import images


@dsl.container_component
def check_quality(
    code: Input[Artifact],
    auc: float,
    min_auc: float,
    auc_value: float,
    result: OutputPath(str),
) -> dsl.ContainerSpec:
    return dsl.ContainerSpec(
        image=images.python,
        command=["python3", code.path],
        args=[
            dsl.PIPELINE_TASK_EXECUTOR_INPUT_PLACEHOLDER,
            "condition",
            "--step=CheckQuality",
            "--operand=auc:float",
            "--operand=min_auc:float",
            "--operand=auc_value:float",
            "--expression=((auc >= min_auc) or (auc_value >= min_auc))",
            "--result=result",
        ],
    )
