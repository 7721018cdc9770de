"""Importers, retries, artifacts, a nested pipeline with outputs, a loop with a fan-in, an exit handler."""

from kfp import compiler, dsl
from kfp.dsl import Dataset, Input, Output, OutputPath

IMAGE = "python:3.11-slim"


def program(source: str, *args: object) -> dsl.ContainerSpec:
    return dsl.ContainerSpec(image=IMAGE, command=["python3", "-c", source], args=list(args))


COUNT = """
import sys, pathlib
lines = pathlib.Path(sys.argv[1]).read_text().split()
pathlib.Path(sys.argv[2]).mkdir()
pathlib.Path(sys.argv[2], "lines.txt").write_text(str(len(lines)))
"""
FLAKY = """
import sys, pathlib
counter = pathlib.Path(sys.argv[1])
tries = int(counter.read_text()) if counter.exists() else 0
counter.write_text(str(tries + 1))
print("try", tries)
sys.exit(0 if tries >= 1 else "not yet")
"""
JOIN = """
import json, sys
given = json.loads(sys.argv[1])
values = given["inputs"]["parameterValues"]
paths = [a["uri"] for a in given["inputs"]["artifacts"].get("counted", {}).get("artifacts", [])]
text = "+".join(open(p + "/lines.txt").read() for p in paths) + ":" + json.dumps(values["squares"])
out = {"parameterValues": {"joined": text}, "artifacts": {}}
open(given["outputs"]["outputFile"], "w").write(json.dumps(out))
"""
SQUARE = "import sys, pathlib; pathlib.Path(sys.argv[2]).write_text(str(int(sys.argv[1]) ** 2))"
ECHO = "import sys; print(*sys.argv[1:])"


@dsl.container_component
def count(data: Input[Dataset], counted: Output[Dataset]):
    return program(COUNT, data.path, counted.path)


@dsl.container_component
def flaky(counter: str):
    return program(FLAKY, counter)


@dsl.container_component
def square(number: int, squared: OutputPath(int)):
    return program(SQUARE, number, squared)


@dsl.container_component
def join(squares: list, counted: Input[Dataset], joined: OutputPath(str)):
    return program(JOIN, dsl.PIPELINE_TASK_EXECUTOR_INPUT_PLACEHOLDER)


@dsl.container_component
def echo(text: str, flag: bool = True, note: str = None):  # noqa: RUF013 - kfp reads no unions
    return program(
        ECHO,
        dsl.ConcatPlaceholder(["<", text, ">"]),
        dsl.IfPresentPlaceholder("note", then=["--note", note], else_=["no", "note"]),
        flag,
        dsl.PIPELINE_TASK_NAME_PLACEHOLDER,
        dsl.PIPELINE_JOB_NAME_PLACEHOLDER,
    )


@dsl.container_component
def report(status: dsl.PipelineTaskFinalStatus):
    return program(ECHO, dsl.PIPELINE_TASK_EXECUTOR_INPUT_PLACEHOLDER)


@dsl.pipeline
def inner(data: Input[Dataset]) -> Dataset:
    return count(data=data).outputs["counted"]


@dsl.pipeline(name="flow")
def flow(source: str, counter: str, numbers: list = [1, 2, 3]):  # noqa: B006 - the compiler reads it
    finish = report()
    with dsl.ExitHandler(finish, name="guarded"):
        imported = dsl.importer(artifact_uri=source, artifact_class=Dataset)
        counted = inner(data=imported.output)
        flaky(counter=counter).set_retry(2, backoff_duration="0s")
        with dsl.ParallelFor(numbers, parallelism=2) as number:
            squared = square(number=number)
        join(squares=dsl.Collected(squared.outputs["squared"]), counted=counted.output)
        echo(text="plain")
        echo(text="noted", note="hear, hear", flag=False)


if __name__ == "__main__":
    compiler.Compiler().compile(flow, __file__.replace(".py", ".yaml"))
