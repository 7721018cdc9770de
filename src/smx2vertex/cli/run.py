"""`smx2vertex run`: the compiled pipeline on this machine, scripts unmodified, no Docker, no cloud."""

from __future__ import annotations

import signal
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .output import Format

if TYPE_CHECKING:
    from ..compare.results import Compared
    from ..kubeflow.executor import Observer, RunResult
    from ..kubeflow.project import Project, Translation


def run(
    project: Annotated[Path, typer.Argument(help="A generated project, or a compiled pipeline.", show_default=False)],
    parameter: Annotated[
        list[str] | None,
        typer.Option(
            "--parameter", "--param", "-p", metavar="NAME=VALUE", help="Value of a parameter; may be SageMaker's."
        ),
    ] = None,
    data: Annotated[
        list[str] | None,
        typer.Option(metavar="URI=DIR", help="Folder that stands for an address (s3:// or gs://) and all below it."),
    ] = None,
    answer: Annotated[
        list[str] | None,
        typer.Option(metavar="STEP=FILE", help="JSON object that a Lambda or Callback step gets for an answer."),
    ] = None,
    python: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[IMAGE=]EXE", help="Interpreter of the scripts, or of those of an image; this one unless given."
        ),
    ] = None,
    env: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="Environment variable of all scripts; repeatable.")
    ] = None,
    jobs: Annotated[int | None, typer.Option(min=1, help="Tasks at a time; as many as there are processors.")] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder of the run; run/PIPELINE-N unless given.")
    ] = None,
    start: Annotated[
        str | None,
        typer.Option("--from", metavar="TASK", help="Start here, with the results of the newest run for all before."),
    ] = None,
    cache: Annotated[
        bool, typer.Option("--cache/--no-cache", help="Take results of earlier runs for tasks with caching on.")
    ] = True,
    compare: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Set the results beside those that a run in SageMaker left in this folder."),
    ] = None,
    tolerance: Annotated[
        float, typer.Option(min=0, help="Relative difference of numbers that --compare lets pass.")
    ] = 1e-6,
    format: Annotated[Format, typer.Option(help="Form of the output.")] = Format.text,
) -> None:
    """Run the compiled pipeline on this machine: scripts unmodified, no Docker, no cloud."""
    from ..kubeflow.earlier import newest
    from ..kubeflow.executor import Options, bind
    from ..kubeflow.executor import run as run_pipeline
    from ..kubeflow.project import open_project

    if compare is not None and not compare.is_dir():
        raise typer.BadParameter(f"{compare} is no folder", param_hint="--compare")
    opened = open_project(project)
    values, translations = opened.values(dict(pair(text, "-p NAME=VALUE") for text in parameter or []))
    bind(opened.spec, values)
    folders = _data(opened, data or [])
    folder = out or _next_folder(opened.spec.name)
    earlier = newest(folder.parent, opened.spec.name) if start else None
    _claim(folder)
    code = opened.assemble(folder / "code")
    usual, pythons = _pythons(python or [])
    given: dict[str, Any] = {"python": usual, "jobs": jobs, "earlier": earlier, "start": start}
    # who starts at a task wants it to run
    given["cache"] = folder.parent / ".cache" if cache and not start else None
    options = Options(
        folder=folder,
        data=folders,
        code=code,
        pythons=pythons,
        environment=dict(pair(text, "--env NAME=VALUE") for text in env or []),
        answers=dict(_answer(text) for text in answer or []),
        **{name: value for name, value in given.items() if value is not None},
    )
    observer = _observer(format)
    if format is Format.text:
        _print_start(opened, folder, translations)
    # the end of a terminal session or a CI job must end the tasks too
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    result = run_pipeline(opened.spec, values, options, observer)
    compared = _compared(opened, result, compare, tolerance) if compare is not None else None
    if format is Format.json:
        from .output import print_json

        translated = [{"name": each.name, "given": each.given, "becomes": each.becomes} for each in translations]
        more = {} if compared is None else {"compared": [each.to_dict() for each in compared]}
        print_json(result.to_dict() | {"translated": translated} | more)
    else:
        _print_end(result)
        if compared is not None:
            _print_compared(compared)
    differs = compared is not None and not (compared and all(c.counterpart and not c.differences for c in compared))
    raise typer.Exit({"succeeded": int(differs), "failed": 1}.get(result.state, 130))


def _pythons(given: list[str]) -> tuple[str | None, dict[str, str]]:
    """The interpreter of all scripts, if one is named, and those of images."""
    images = [text.partition("=") for text in given if "=" in text]
    usual = [text for text in given if "=" not in text]
    if len(usual) > 1:
        raise typer.BadParameter("one interpreter is enough, beside those of images: --python IMAGE=EXE")
    return (usual[0] if usual else None), {image: python for image, _, python in images}


def pair(text: str, form: str) -> tuple[str, str]:
    """Name and value of an option; `form` is what the message of an error shows."""
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise typer.BadParameter(f"{text!r} does not have the form {form}")
    return name, value


def _data(project: Project, given: list[str]) -> dict[str, Path]:
    """Folders by address; an address of SageMaker stands also for the one that it became."""
    folders: dict[str, Path] = {}
    for text in given:
        # an address may hold an equals sign (dt=2026-11-21), so the last one counts
        uri, _, folder = text.rpartition("=")
        if not uri:
            raise typer.BadParameter(f"{text!r} does not have the form --data URI=DIR")
        path = Path(folder).expanduser()
        if not path.exists():
            raise typer.BadParameter(f"--data {text}: {folder} does not exist")
        folders |= {uri: path, project.translate(uri): path}
    return folders


def _answer(text: str) -> tuple[str, Any]:
    """A step and what it gets for an answer."""
    import json

    step, file = pair(text, "--answer STEP=FILE.json")
    try:
        value = json.loads(Path(file).expanduser().read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise typer.BadParameter(f"--answer {text}: {file} cannot be read: {error}") from error
    if not isinstance(value, dict):
        raise typer.BadParameter(f"--answer {text}: {file} holds no JSON object")
    return step, value


def _next_folder(pipeline: str) -> Path:
    from ..kubeflow.tasks import file_name

    name = file_name(pipeline)
    return next(folder for n in count(1) if not (folder := Path("run") / f"{name}-{n}").exists())


def _claim(folder: Path) -> None:
    """Make the folder of the run, or refuse one that holds something."""
    from ..findings import Finding, InputError

    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(Finding("SMX611", f"{folder} is not empty"))
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(Finding("SMX611", f"{folder} cannot be made: {error.strerror}")) from error


def _observer(format: Format) -> Observer:
    """Prints what happens: logs on stderr, in text form also the course of the run on stdout."""
    from rich.text import Text

    from ..kubeflow.executor import Decision, Observer, TaskRun
    from .output import console

    marks = {
        "succeeded": ("✔", "green"),
        "failed": ("✘", "bold red"),
        "skipped": ("–", "dim"),
        "cancelled": ("–", "dim"),
    }

    class Logs(Observer):
        def line(self, task: str, text: str) -> None:
            console(to_stderr=True).print(Text.assemble((f"{task} │ ", "dim"), text))

        def noted(self, task: str, text: str) -> None:
            self.line(task or "run", text)

    class Course(Logs):
        def started(self, task: str, kind: str) -> None:
            if kind != "importer":
                console().print(Text.assemble(("▶ ", "cyan"), (task, "bold"), (f"  {kind.replace('_', ' ')}", "dim")))

        def ended(self, run: TaskRun) -> None:
            if run.kind == "importer" and run.state != "failed":  # bringing in a folder is no news
                return
            mark, style = marks[run.state]
            words = ["kept from the earlier run"] if run.kept else [f"{run.seconds:.1f} s"] if run.attempts else []
            words += [f"{run.attempts} attempts"] if run.attempts > 1 else []
            words += [f"{name} = {value!r}" for name, value in run.parameters.items() if name != "gcp_resources"]
            words += [_short(run.message)] if run.message else []
            console().print(Text.assemble((f"{mark} {run.id}", style), f"  {run.state}  ", ", ".join(words)))

        def decided(self, decision: Decision) -> None:
            read = ", ".join(f"{_short(name)} = {value!r}" for name, value in decision.values.items())
            taken = "true, so it runs" if decision.holds else "false, so it is skipped"
            name = (f"◆ {decision.display_name}", "magenta")
            console().print(Text.assemble(name, f"  {_short(decision.condition)} is {taken}  ({read})"))

        def requested(self, task: str, path: Path) -> None:
            words = f"  no cloud here: the request is recorded in {path}"
            console().print(Text.assemble((f"☁ {task}", "yellow"), words))

    return Course() if format is Format.text else Logs()


def _short(text: str) -> str:
    """A text with the conditions in it as a person would write them, without the compiler's names."""
    import re

    plain = re.sub(r"inputs\.parameter_values\['([^']*)'\]", r"\1", text)
    return plain.replace("pipelinechannel--", "")


def _print_start(project: Project, folder: Path, translations: list[Translation]) -> None:
    from .output import console

    out = console()
    out.print(f"{project.spec.name}: {project.spec.file} runs in {folder}")
    for each in translations:
        out.print(f"  {each.name} = {each.becomes}  (given as {each.given})")


def _print_end(result: RunResult) -> None:
    from rich.text import Text

    from .output import console

    out = console()
    out.print()
    for task in result.tasks:
        for name, artifact in task.artifacts.items():
            if task.kind != "importer":
                out.print(Text.assemble(f"  {task.id}.{name}  ", (artifact["uri"], "dim")))
    for request in (request for task in result.tasks for request in task.requests):
        out.print(Text.assemble("  recorded request  ", (request, "dim")))
    out.print(Text.assemble("  all of it  ", (str(result.folder / "index.json"), "dim")))
    if result.failure:
        out.print(Text.assemble((f"failed: {result.failure.id}", "bold red"), f": {result.failure.message}"))
    else:
        out.print(Text(result.state, style="bold green" if result.state == "succeeded" else "bold red"))


def _compared(project: Project, result: RunResult, there: Path, tolerance: float) -> list[Compared]:
    from ..compare.results import compare_results
    from ..compare.target import read_target
    from ..kubeflow.flattening import read_graph

    nodes = read_target(read_graph(project.spec)).nodes.values()
    steps = {node.name: node.step for node in nodes if node.step is not None}
    return compare_results(result.to_dict(), steps, there, tolerance)


def _print_compared(compared: list[Compared]) -> None:
    from rich.text import Text

    from .output import console

    out = console()
    out.print()
    if not compared:
        out.print("compared with SageMaker: the run left nothing that can be compared")
    for each in compared:
        if each.counterpart is None:
            verdict, style = "no single file of that name there", "yellow"
        elif each.differences:
            verdict, style = f"differs from {each.counterpart}, of {each.values} values:", "bold red"
        else:
            verdict, style = f"{each.values} values as in {each.counterpart}", "green"
        out.print(Text.assemble((f"  {each.name}  ", "bold"), (verdict, style)))
        for difference in each.differences:
            words = f"      {difference.place}: {difference.there!r} in SageMaker, {difference.here!r} here"
            out.print(Text(words))
