"""Step `TrainHeat` (Training, script mode)."""

from kfp import dsl
from kfp.dsl import Artifact, Dataset, Input, Model, Output

from ..settings import images


@dsl.container_component
def train_heat(
    code: Input[Artifact],
    train: Input[Dataset],
    epochs: int,
    batch_size: int,
    learning_rate: float,
    model_destination: str,
    model: Output[Model],
) -> dsl.ContainerSpec:
    return dsl.ContainerSpec(
        image=images.tensorflow_2_11_0,
        command=["python3", code.path],
        args=[
            dsl.PIPELINE_TASK_EXECUTOR_INPUT_PLACEHOLDER,
            "training",
            "--step=TrainHeat",
            "--program=train.py",
            "--code=/opt/ml/code",
            "--channel=train:text/csv",
            "--hyperparameter=epochs:{epochs:int}",
            "--hyperparameter=batch-size:{batch_size:int}",
            "--hyperparameter=learning-rate:{learning_rate:float}",
            "--hyperparameter=sagemaker_container_log_level:20",
            '--hyperparameter=sagemaker_region:"us-east-1"',
            "--metric-definition=loss:loss: ([0-9.]+)",
            "--model=model:{model_destination:str}",
        ],
    )
