"""Step `EvaluateXgboost` (Processing)."""

from kfp import dsl
from kfp.dsl import Artifact, Dataset, Input, Model, Output, OutputPath

from ..settings import images


@dsl.container_component
def evaluate_xgboost(
    code: Input[Artifact],
    model: Input[Model],
    test: Input[Dataset],
    algorithm: str,
    evaluation: Output[Artifact],
    auc: OutputPath(float),
) -> dsl.ContainerSpec:
    return dsl.ContainerSpec(
        image=images.xgboost_1_7,
        command=["python3", code.path],
        args=[
            dsl.PIPELINE_TASK_EXECUTOR_INPUT_PLACEHOLDER,
            "processing",
            "--step=EvaluateXgboost",
            "--input=model:/opt/ml/processing/model:model.tar.gz",
            "--input=test:/opt/ml/processing/test",
            "--code=/opt/ml/processing/input/code",
            "--output=evaluation:/opt/ml/processing/evaluation",
            "--property=auc:evaluation/evaluation.json:binary_classification_metrics.auc.value",
            "--",
            "python3",
            "/opt/ml/processing/input/code/evaluate.py",
            "--algorithm",
            "{algorithm:str}",
        ],
    )
