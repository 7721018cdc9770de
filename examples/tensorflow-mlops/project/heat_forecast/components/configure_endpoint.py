"""Step `ConfigureEndpoint` (EndpointConfig)."""

from kfp import dsl
from kfp.dsl import Artifact, Input, Model, OutputPath

from ..settings import images


@dsl.container_component
def configure_endpoint(
    code: Input[Artifact],
    execution_id: str,
    model: Input[Model],
    machine_type: str,
    replicas: int,
    weight: int,
    request: OutputPath(str),
) -> dsl.ContainerSpec:
    return dsl.ContainerSpec(
        image=images.python,
        command=["python3", code.path],
        args=[
            dsl.PIPELINE_TASK_EXECUTOR_INPUT_PLACEHOLDER,
            "endpoint-config",
            "--step=ConfigureEndpoint",
            "--name=heat-forecast-{execution_id:str}",
            "--variant=AllTraffic",
            "--model=AllTraffic:model",
            "--machine=AllTraffic:{machine_type:str}",
            "--replicas=AllTraffic:{replicas:int}",
            "--weight=AllTraffic:{weight:int}",
            "--request=request",
        ],
    )
