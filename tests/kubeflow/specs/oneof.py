"""The output of whichever branch ran, and a loop over mappings."""

from kfp import compiler, dsl
from kfp.dsl import OutputPath

IMAGE = "python:3.11-slim"
WRITE = "mkdir -p $(dirname $1); printf '%s' \"$0\" > $1"


@dsl.container_component
def say(text: str, said: OutputPath(str)):
    return dsl.ContainerSpec(image=IMAGE, command=["sh", "-c", WRITE], args=[text, said])


@dsl.pipeline
def chosen(flag: bool) -> str:
    with dsl.If(flag == True):  # noqa: E712
        yes = say(text="yes")
    with dsl.Else():
        no = say(text="no")
    return dsl.OneOf(yes.outputs["said"], no.outputs["said"])


@dsl.pipeline(name="oneof")
def oneof(flag: bool = True):
    choice = chosen(flag=flag)
    say(text=choice.output).set_display_name("follows")
    with dsl.ParallelFor([{"a": "x", "b": 1}, {"a": "y", "b": 2}]) as item:
        say(text=item.a).set_display_name("looped")


if __name__ == "__main__":
    compiler.Compiler().compile(oneof, __file__.replace(".py", ".yaml"))
