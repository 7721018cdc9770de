"""An exit handler, a task that ignores failures, an importer, inputs that may be absent, retries."""

from kfp import compiler, dsl
from kfp.dsl import Dataset, Input, Output, OutputPath

IMAGE = "python:3.11-slim"


@dsl.container_component
def make(name: str, rows: OutputPath(int), data: Output[Dataset]):
    return dsl.ContainerSpec(image=IMAGE, command=["make", name], args=[rows, data.uri])


@dsl.container_component
def use(data: Input[Dataset], rows: int, note: str = None):  # noqa: RUF013 - kfp reads no unions
    return dsl.ContainerSpec(
        image=IMAGE,
        command=["use", data.uri, data.path, rows],
        args=[dsl.IfPresentPlaceholder("note", then=["--note", note]), dsl.PIPELINE_JOB_ID_PLACEHOLDER],
    )


@dsl.container_component
def tell(text: str):
    return dsl.ContainerSpec(image=IMAGE, command=["tell", text])


@dsl.container_component
def close(status: dsl.PipelineTaskFinalStatus):
    return dsl.ContainerSpec(image=IMAGE, command=["close"], args=[dsl.PIPELINE_TASK_EXECUTOR_INPUT_PLACEHOLDER])


@dsl.pipeline(name="ending")
def ending(where: str = "gs://bucket/x"):
    with dsl.ExitHandler(close(), name="guarded"):
        first = make(name="first").set_retry(1)
        brought = dsl.importer(artifact_uri=where, artifact_class=Dataset)
        used = use(data=brought.output, rows=first.outputs["rows"])
        use(data=first.outputs["data"], rows=3, note="small")
        anyway = tell(text="anyway").after(used).ignore_upstream_failure()
        tell(text="last").after(anyway)


if __name__ == "__main__":
    compiler.Compiler().compile(ending, __file__.replace(".py", ".yaml"))
