"""Step `DescribeData` (Processing)."""

from kfp import dsl
from kfp.dsl import Artifact, Dataset, Input, Output

from ..settings import images


@dsl.container_component
def describe_data(
    code: Input[Artifact],
    input: Input[Dataset],
    statistics_destination: str,
    execution_id: str,
    statistics: Output[Dataset],
) -> dsl.ContainerSpec:
    return dsl.ContainerSpec(
        image=images.churn_statistics_1_0,
        command=["python3", code.path],
        args=[
            dsl.PIPELINE_TASK_EXECUTOR_INPUT_PLACEHOLDER,
            "processing",
            "--step=DescribeData",
            "--input=input:/opt/ml/processing/input",
            "--code=/opt/ml/processing/input/code",
            "--output=statistics:/opt/ml/processing/statistics:{statistics_destination:str}{execution_id:str}/statistics",
            "--",
            "python3",
            "/opt/ml/processing/input/code/describe.py",
        ],
    )
