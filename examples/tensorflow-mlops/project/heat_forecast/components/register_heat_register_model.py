"""Step `RegisterHeat-RegisterModel` (RegisterModel)."""

from kfp import dsl
from kfp.dsl import Artifact, Input, Model, Output, OutputPath

from ..settings import images, project, region


@dsl.container_component
def register_heat_register_model(
    code: Input[Artifact],
    model_name: str,
    model: Input[Model],
    model_approval_status: str,
    serving_model: Output[Model],
    resource_name: OutputPath(str),
) -> dsl.ContainerSpec:
    return dsl.ContainerSpec(
        image=images.python,
        command=["python3", code.path],
        args=[
            dsl.PIPELINE_TASK_EXECUTOR_INPUT_PLACEHOLDER,
            "upload-model",
            "--step=RegisterHeat-RegisterModel",
            "--parent={model_name:str}",
            "--model=model:model.tar.gz",
            f"--serving-image={images.tensorflow_2_11_1_serving}",
            "--approval={model_approval_status:str}",
            "--content-type=application/json",
            "--response-type=application/json",
            f"--project={project}",
            f"--location={region}",
            "--serving-model=serving_model",
            "--resource-name=resource_name",
        ],
    )
