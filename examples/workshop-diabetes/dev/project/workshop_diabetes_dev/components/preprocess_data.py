"""Step `PreprocessData` (Processing)."""

from kfp import dsl
from kfp.dsl import Artifact, Dataset, Input, Output

from ..settings import images


@dsl.container_component
def preprocess_data(
    code: Input[Artifact],
    rows: Input[Dataset],
    test_size: float,
    train: Output[Dataset],
    test: Output[Dataset],
    batch: Output[Dataset],
) -> dsl.ContainerSpec:
    return dsl.ContainerSpec(
        image=images.scikit_learn_1_2,
        command=["python3", code.path],
        args=[
            dsl.PIPELINE_TASK_EXECUTOR_INPUT_PLACEHOLDER,
            "processing",
            "--step=PreprocessData",
            "--input=rows:/opt/ml/processing/input/rows",
            "--code=/opt/ml/processing/input/code",
            "--output=train:/opt/ml/processing/train",
            "--output=test:/opt/ml/processing/test",
            "--output=batch:/opt/ml/processing/batch",
            "--",
            "python3",
            "/opt/ml/processing/input/code/preprocess.py",
            "--test-size",
            "{test_size:float}",
        ],
    )
