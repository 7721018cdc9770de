"""Step `DiabetesModel-CreateModel` (Model)."""

from kfp import dsl
from kfp.dsl import Artifact, Input, Model, Output, OutputPath

from ..settings import images, project, region


@dsl.container_component
def diabetes_model_create_model(
    code: Input[Artifact],
    model_name: str,
    model: Input[Model],
    sagemaker_program: str,
    sagemaker_container_log_level: int,
    sagemaker_region: str,
    serving_model: Output[Model],
    resource_name: OutputPath(str),
) -> dsl.ContainerSpec:
    return dsl.ContainerSpec(
        image=images.python,
        command=["python3", code.path],
        args=[
            dsl.PIPELINE_TASK_EXECUTOR_INPUT_PLACEHOLDER,
            "upload-model",
            "--step=DiabetesModel-CreateModel",
            "--parent={model_name:str}",
            "--model=model:model.tar.gz",
            "--code=code",
            f"--serving-image={images.scikit_learn_1_2_serving}",
            "--environment=SAGEMAKER_PROGRAM:{sagemaker_program:str}",
            "--environment=SAGEMAKER_CONTAINER_LOG_LEVEL:{sagemaker_container_log_level:int}",
            "--environment=SAGEMAKER_REGION:{sagemaker_region:str}",
            f"--project={project}",
            f"--location={region}",
            "--serving-model=serving_model",
            "--resource-name=resource_name",
        ],
    )
