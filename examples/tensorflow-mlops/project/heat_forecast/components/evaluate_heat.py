"""Step `EvaluateHeat` (Processing)."""

from kfp import dsl
from kfp.dsl import Artifact, Dataset, Input, Model, Output, OutputPath

from ..settings import images


@dsl.container_component
def evaluate_heat(
    code: Input[Artifact],
    model: Input[Model],
    test: Input[Dataset],
    evaluation: Output[Artifact],
    mse: OutputPath(float),
) -> dsl.ContainerSpec:
    return dsl.ContainerSpec(
        image=images.tensorflow_2_11_0,
        command=["python3", code.path],
        args=[
            dsl.PIPELINE_TASK_EXECUTOR_INPUT_PLACEHOLDER,
            "processing",
            "--step=EvaluateHeat",
            "--input=model:/opt/ml/processing/model:model.tar.gz",
            "--input=test:/opt/ml/processing/test",
            "--code=/opt/ml/processing/input/code",
            "--output=evaluation:/opt/ml/processing/evaluation",
            "--property=mse:evaluation/evaluation.json:regression_metrics.mse.value",
            "--",
            "python3",
            "/opt/ml/processing/input/code/evaluate.py",
        ],
    )
