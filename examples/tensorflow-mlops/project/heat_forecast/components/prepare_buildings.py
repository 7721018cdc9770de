"""Step `PrepareBuildings` (Processing)."""

from kfp import dsl
from kfp.dsl import Artifact, Dataset, Input, Output

from ..settings import images


@dsl.container_component
def prepare_buildings(
    code: Input[Artifact],
    input: Input[Dataset],
    train: Output[Dataset],
    test: Output[Dataset],
) -> dsl.ContainerSpec:
    return dsl.ContainerSpec(
        image=images.scikit_learn_1_2,
        command=["python3", code.path],
        args=[
            dsl.PIPELINE_TASK_EXECUTOR_INPUT_PLACEHOLDER,
            "processing",
            "--step=PrepareBuildings",
            "--input=input:/opt/ml/processing/input",
            "--code=/opt/ml/processing/input/code",
            "--output=train:/opt/ml/processing/train",
            "--output=test:/opt/ml/processing/test",
            "--",
            "python3",
            "/opt/ml/processing/input/code/prepare.py",
        ],
    )
