"""If, Elif and Else, a nested If, a chain inside a branch, and OneOf."""

from kfp import compiler, dsl
from kfp.dsl import OutputPath

IMAGE = "python:3.11-slim"
WRITE = "mkdir -p $(dirname $1); printf '%s' \"$0\" > $1"


@dsl.container_component
def measure(value: float, score: OutputPath(float)):
    return dsl.ContainerSpec(image=IMAGE, command=["sh", "-c", WRITE], args=[value, score])


@dsl.container_component
def say(text: str, said: OutputPath(str)):
    return dsl.ContainerSpec(image=IMAGE, command=["sh", "-c", WRITE], args=[text, said])


@dsl.container_component
def fail(message: str):
    return dsl.ContainerSpec(image=IMAGE, command=["sh", "-c", "echo $0 >&2; exit 3"], args=[message])


@dsl.pipeline(name="branches")
def branches(score: float = 0.5, word: str = "ok", tries: int = 3):
    measured = measure(value=score)
    with dsl.If(measured.outputs["score"] >= 0.7, name="GoodEnough"):
        good = say(text=f"good {word} {tries}").set_display_name("good")
        follows = say(text=good.outputs["said"]).set_display_name("follows good")
        with dsl.If(word == "ok", name="WordIsOk"):
            say(text=follows.outputs["said"]).set_display_name("nested")
    with dsl.Elif(tries > 5):
        say(text="middle").set_display_name("middle")
    with dsl.Else():
        fail(message=f"score {score} is too low")
    say(text=word).after(measured).set_display_name("always").set_caching_options(False)


if __name__ == "__main__":
    compiler.Compiler().compile(branches, __file__.replace(".py", ".yaml"))
