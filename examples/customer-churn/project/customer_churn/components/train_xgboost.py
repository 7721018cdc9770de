"""Step `TrainXgboost` (Training, built-in XGBoost)."""

from kfp import dsl
from kfp.dsl import Artifact, Dataset, Input, Model, Output

from ..settings import images


@dsl.container_component
def train_xgboost(
    code: Input[Artifact],
    train: Input[Dataset],
    validation: Input[Dataset],
    objective: str,
    eval_metric: str,
    max_depth: int,
    num_round: int,
    eta: float,
    subsample: float,
    seed: int,
    model_destination: str,
    model: Output[Model],
) -> dsl.ContainerSpec:
    return dsl.ContainerSpec(
        image=images.xgboost_1_7,
        command=["python3", code.path],
        args=[
            dsl.PIPELINE_TASK_EXECUTOR_INPUT_PLACEHOLDER,
            "training",
            "--step=TrainXgboost",
            "--algorithm=xgboost",
            "--channel=train:text/csv",
            "--channel=validation:text/csv",
            "--hyperparameter=objective:{objective:str}",
            "--hyperparameter=eval_metric:{eval_metric:str}",
            "--hyperparameter=max_depth:{max_depth:int}",
            "--hyperparameter=num_round:{num_round:int}",
            "--hyperparameter=eta:{eta:float}",
            "--hyperparameter=subsample:{subsample:float}",
            "--hyperparameter=seed:{seed:int}",
            "--model=model:{model_destination:str}",
        ],
    )
