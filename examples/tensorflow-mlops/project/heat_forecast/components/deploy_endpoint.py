"""Step `DeployEndpoint` (Endpoint)."""

from kfp import dsl
from kfp.dsl import Artifact, Input, OutputPath

from ..settings import images, project, region


@dsl.container_component
def deploy_endpoint(
    code: Input[Artifact],
    endpoint_name: str,
    request: str,
    endpoint: OutputPath(str),
    resource_name: OutputPath(str),
) -> dsl.ContainerSpec:
    return dsl.ContainerSpec(
        image=images.python,
        command=["python3", code.path],
        args=[
            dsl.PIPELINE_TASK_EXECUTOR_INPUT_PLACEHOLDER,
            "deploy-model",
            "--step=DeployEndpoint",
            "--name={endpoint_name:str}",
            "--config={request:str}",
            f"--project={project}",
            f"--location={region}",
            "--endpoint-name=endpoint",
            "--resource-name=resource_name",
        ],
    )
