"""Step `ReportRejected` (Callback)."""

from kfp import dsl
from kfp.dsl import Artifact, Input, OutputPath

from ..settings import images, topics


@dsl.container_component
def report_rejected(
    code: Input[Artifact],
    execution_name: str,
    evaluation: Input[Artifact],
    min_accuracy: float,
    min_recall: float,
    ticket: OutputPath(str),
) -> dsl.ContainerSpec:
    return dsl.ContainerSpec(
        image=images.python,
        command=["python3", code.path],
        args=[
            dsl.PIPELINE_TASK_EXECUTOR_INPUT_PLACEHOLDER,
            "callback",
            "--step=ReportRejected",
            "--execution={execution_name:str}",
            "--argument=report:{evaluation:uri}",
            "--argument=min_accuracy:{min_accuracy:float}",
            "--argument=min_recall:{min_recall:float}",
            "--answer=ticket:String:ticket",
            "--timeout=604800",
            f"--topic={topics.diabetes_rejected}",
        ],
    )
