"""Step `Heat-CreateModel` (Model)."""

from kfp import dsl
from kfp.dsl import Artifact, Input, Model, Output, OutputPath

from ..settings import images, project, region


@dsl.container_component
def heat_create_model(
    code: Input[Artifact],
    model_name: str,
    model: Input[Model],
    serving_model: Output[Model],
    resource_name: OutputPath(str),
) -> dsl.ContainerSpec:
    return dsl.ContainerSpec(
        image=images.python,
        command=["python3", code.path],
        args=[
            dsl.PIPELINE_TASK_EXECUTOR_INPUT_PLACEHOLDER,
            "upload-model",
            "--step=Heat-CreateModel",
            "--parent={model_name:str}",
            "--model=model:model.tar.gz",
            f"--serving-image={images.tensorflow_2_11_1_serving}",
            f"--project={project}",
            f"--location={region}",
            "--serving-model=serving_model",
            "--resource-name=resource_name",
        ],
    )
