"""Loops in loops with conditions inside, a limit, fan-ins."""

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
def gather(all_rows: list, data: Input[list[Dataset]]):
    return dsl.ContainerSpec(image=IMAGE, command=["gather"], args=[dsl.PIPELINE_TASK_EXECUTOR_INPUT_PLACEHOLDER])


@dsl.container_component
def tell(text: str):
    return dsl.ContainerSpec(image=IMAGE, command=["tell", text])


@dsl.pipeline(name="nested")
def nested(names: list = ["a", "b", "c"], least: int = 2):  # noqa: B006
    with dsl.ParallelFor(names, parallelism=2) as name:
        made = make(name=name)
        with dsl.If(made.outputs["rows"] >= least, name="Enough"):
            use(data=made.outputs["data"], rows=made.outputs["rows"], note="large")
        with dsl.ParallelFor(["x", "y"]) as letter:
            tell(text=letter)
    gather(all_rows=dsl.Collected(made.outputs["rows"]), data=dsl.Collected(made.outputs["data"]))


if __name__ == "__main__":
    compiler.Compiler().compile(nested, __file__.replace(".py", ".yaml"))
