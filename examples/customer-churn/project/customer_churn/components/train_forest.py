"""Step `TrainForest` (Training, script mode)."""

from kfp import dsl
from kfp.dsl import Artifact, Dataset, Input, Model, Output

from ..settings import images


@dsl.container_component
def train_forest(
    code: Input[Artifact],
    train: Input[Dataset],
    n_estimators: int,
    max_depth: int,
    model_destination: str,
    model: Output[Model],
) -> dsl.ContainerSpec:
    return dsl.ContainerSpec(
        image=images.scikit_learn_1_2,
        command=["python3", code.path],
        args=[
            dsl.PIPELINE_TASK_EXECUTOR_INPUT_PLACEHOLDER,
            "training",
            "--step=TrainForest",
            "--program=train.py",
            "--code=/opt/ml/code",
            "--channel=train:text/csv",
            "--hyperparameter=n-estimators:{n_estimators:int}",
            "--hyperparameter=max-depth:{max_depth:int}",
            "--hyperparameter=sagemaker_container_log_level:20",
            '--hyperparameter=sagemaker_region:"us-east-1"',
            "--model=model:{model_destination:str}",
        ],
    )
