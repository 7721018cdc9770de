"""Step `EvaluateModel` (Processing)."""

from kfp import dsl
from kfp.dsl import Artifact, Dataset, Input, Model, Output, OutputPath

from ..settings import images


@dsl.container_component
def evaluate_model(
    code: Input[Artifact],
    model: Input[Model],
    test: Input[Dataset],
    evaluation: Output[Artifact],
    accuracy: OutputPath(float),
) -> dsl.ContainerSpec:
    return dsl.ContainerSpec(
        image=images.scikit_learn_1_2,
        command=["python3", code.path],
        args=[
            dsl.PIPELINE_TASK_EXECUTOR_INPUT_PLACEHOLDER,
            "processing",
            "--step=EvaluateModel",
            "--input=model:/opt/ml/processing/model:model.tar.gz",
            "--input=test:/opt/ml/processing/test",
            "--code=/opt/ml/processing/input/code",
            "--output=evaluation:/opt/ml/processing/evaluation",
            "--property=accuracy:evaluation/evaluation.json:classification_metrics.accuracy.value",
            "--",
            "python3",
            "/opt/ml/processing/input/code/evaluate.py",
        ],
    )
