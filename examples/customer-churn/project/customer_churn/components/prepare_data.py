"""Step `PrepareData` (Processing)."""

from kfp import dsl
from kfp.dsl import Artifact, Dataset, Input, Output

from ..settings import images


@dsl.container_component
def prepare_data(
    code: Input[Artifact],
    input: Input[Dataset],
    held_out: float,
    balance_classes: bool,
    train: Output[Dataset],
    validation: Output[Dataset],
    test: Output[Dataset],
) -> dsl.ContainerSpec:
    return dsl.ContainerSpec(
        image=images.xgboost_1_7,
        command=["python3", code.path],
        args=[
            dsl.PIPELINE_TASK_EXECUTOR_INPUT_PLACEHOLDER,
            "processing",
            "--step=PrepareData",
            "--input=input:/opt/ml/processing/input",
            "--code=/opt/ml/processing/input/code:code:sourcedir.tar.gz",
            "--code=/opt/ml/processing/input/entrypoint:entrypoint",
            "--output=train:/opt/ml/processing/output/train",
            "--output=validation:/opt/ml/processing/output/validation",
            "--output=test:/opt/ml/processing/output/test",
            "--",
            "/bin/bash",
            "/opt/ml/processing/input/entrypoint/runproc.sh",
            "--held-out",
            "{held_out:float}",
            "--balance",
            "{balance_classes:bool}",
        ],
    )
