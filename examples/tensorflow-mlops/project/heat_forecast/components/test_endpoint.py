"""Step `TestEndpoint` (Lambda)."""

from kfp import dsl
from kfp.dsl import Artifact, Input, OutputPath

from ..settings import functions, images


@dsl.container_component
def test_endpoint(
    code: Input[Artifact],
    endpoint_name: str,
    max_error: int,
    error: OutputPath(float),
) -> dsl.ContainerSpec:
    return dsl.ContainerSpec(
        image=images.python,
        command=["python3", code.path],
        args=[
            dsl.PIPELINE_TASK_EXECUTOR_INPUT_PLACEHOLDER,
            "call-function",
            "--step=TestEndpoint",
            "--argument=endpoint:{endpoint_name:str}",
            "--argument=max_error:{max_error:int}",
            "--answer=error:Float:error",
            f"--url={functions.heat_endpoint_check}",
        ],
    )
