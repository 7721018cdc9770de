"""`smx2vertex workshop`: exercises that check themselves."""

from __future__ import annotations

import csv
import shutil
import sys
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..words import counted, one_line
from .output import Format

if TYPE_CHECKING:
    from ..workshop.answer import Answer
    from ..workshop.course import Course
    from ..workshop.exercise import Exercise
    from ..workshop.progress import Progress

workshop = typer.Typer(no_args_is_help=True, help="Learn both systems by exercises that check themselves.")

Folder = Annotated[Path, typer.Option("--folder", metavar="DIR", help="Your workshop folder.")]
Id = Annotated[str, typer.Argument(metavar="ID", help="Such as 5.1.1, or 5.1.1-components.")]
Form = Annotated[Format, typer.Option("--format", help="Form of the output.")]
HERE = Path("workshop")
_STYLES = {"right": "green", "missing": "yellow", "wrong": "bold red"}


class ClassFormat(str, Enum):
    """Forms of the view of a class."""

    text = "text"
    csv = "csv"
    json = "json"


@workshop.command("list")
def list_(
    folder: Folder = HERE, format: Annotated[Format, typer.Option(help="Form of the output.")] = Format.text
) -> None:
    """List the exercises in order, with your progress."""
    from ..workshop.exercise import exercises
    from ..workshop.progress import Progress, load
    from .output import print_json

    progress = load(folder)
    found = [(each, progress.get(each.id, Progress())) for each in exercises().values()]
    if format is Format.json:
        entries = [{"id": each.id, "lab": each.lab, "title": each.title, "state": p.state} for each, p in found]
        print_json(entries)
        return
    width = max(len(each.id) for each, _ in found)
    for each, state in found:
        typer.echo(f"{each.id:<{width}}  {each.title}  ·  {state.state}")
    typer.echo(f"\n{sum(bool(p.passed) for _, p in found)} of {len(found)} passed")


@workshop.command()
def start(name: Id, folder: Folder = HERE) -> None:
    """Copy the files of an exercise into your folder; what you have done there stays as it is."""
    from ..workshop.exercise import files_in
    from ..workshop.progress import Progress, load, now, save

    exercise = _exercise(name)
    progress = load(folder)
    place = folder / exercise.id
    kept = []
    for file in files_in(exercise.start):
        target = place / file
        if target.exists():
            kept.append(str(file))
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(exercise.start / file, target)
    state = progress.setdefault(exercise.id, Progress())
    state.started = state.started or now()
    save(folder, progress)
    typer.echo(f"{exercise.id}: {exercise.title}\n\n{exercise.goal.strip()}\n\nIn {place}:")
    for file in files_in(exercise.start):
        typer.echo(f"  {file}{' (yours, kept as it is)' if str(file) in kept else ''}")
    typer.echo("\nFirst steps:")
    for number, step in enumerate(exercise.steps, 1):
        typer.echo(f"  {number}. {step}")
    typer.echo(f"\nThen: smx2vertex workshop check {exercise.id}{_option(folder)}")


@workshop.command()
def check(name: Id, folder: Folder = HERE, format: Form = Format.text) -> None:
    """Say what is right, what is missing, what is wrong and why. Your programs are executed, without credentials."""
    from ..workshop.grading import grade, passed
    from ..workshop.progress import save
    from .output import print_json

    exercise = _exercise(name)
    progress = _started(exercise, folder)
    answers = grade(exercise, folder / exercise.id)
    progress[exercise.id].attempt(answers)
    save(folder, progress)
    if format is Format.json:
        state = progress[exercise.id]
        entries = [answer.to_dict() for answer in answers]
        print_json({"exercise": exercise.id, "passed": passed(answers), "attempts": state.attempts, "answers": entries})
    else:
        _print_answers(exercise, answers, folder)
    if not passed(answers):
        raise typer.Exit(1)


@workshop.command()
def hint(name: Id, folder: Folder = HERE) -> None:
    """Show the next hint; hints are counted."""
    from ..workshop.progress import save

    exercise = _exercise(name)
    progress = _started(exercise, folder)
    state = progress[exercise.id]
    if state.hints >= len(exercise.hints):
        typer.echo(
            f"There are no more hints. smx2vertex workshop solution {exercise.id}{_option(folder)} shows it all."
        )
        return
    state.hints += 1
    save(folder, progress)
    typer.echo(f"Hint {state.hints} of {len(exercise.hints)}: {exercise.hints[state.hints - 1]}")


@workshop.command()
def solution(
    name: Id,
    folder: Folder = HERE,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Copy the files of the solution there.")] = None,
) -> None:
    """Show the solution and why it is one; your progress notes that you looked."""
    from ..workshop.exercise import files_in
    from ..workshop.progress import Progress, load, save

    exercise = _exercise(name)
    progress = load(folder)
    state = progress.setdefault(exercise.id, Progress())
    if not state.passed:
        state.solution = True
        save(folder, progress)
    typer.echo(exercise.explanation.strip())
    for file in files_in(exercise.solution):
        if out is None:
            typer.echo(f"\n--- {file}\n\n{(exercise.solution / file).read_text(encoding='utf-8').rstrip()}")
            continue
        target = out / file
        if target.exists():
            raise typer.BadParameter(f"{target} is there already", param_hint="--out")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(exercise.solution / file, target)
        typer.echo(f"{target} is written")


@workshop.command("class")
def class_(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder that holds one folder for each participant.")],
    format: Annotated[ClassFormat, typer.Option(help="Form of the output.")] = ClassFormat.text,
) -> None:
    """Sum up a class: who is how far, and which slips are most frequent."""
    from ..workshop.course import read_course
    from .output import message, print_json

    course = read_course(folder)
    for finding in course.findings:
        message(f"{finding.code} {finding.file}: {finding.message}")
    if format is ClassFormat.json:
        print_json(course.to_dict())
    elif format is ClassFormat.csv:
        _print_csv(course)
    else:
        _print_class(course)


def _exercise(name: str) -> Exercise:
    from ..workshop.exercise import exercises, find

    exercise = find(name)
    if exercise is None:
        raise typer.BadParameter(f"{name!r} is none of {', '.join(exercises())}")
    return exercise


def _started(exercise: Exercise, folder: Path) -> dict[str, Progress]:
    """The progress, with this exercise in it.

    Raises:
        InputError: the exercise is not begun (SMX701).
    """
    from ..findings import Finding, InputError
    from ..workshop.progress import Progress, load

    if not (folder / exercise.id).is_dir():
        raise InputError(Finding("SMX701", f"{exercise.id} is not begun in this folder", file=str(folder)))
    progress = load(folder)
    progress.setdefault(exercise.id, Progress())
    return progress


def _option(folder: Path) -> str:
    return "" if folder == HERE else f" --folder {folder}"


def _print_answers(exercise: Exercise, answers: list[Answer], folder: Path) -> None:
    from rich.text import Text

    from .output import console

    out = console()
    for answer in answers:
        out.print(Text.assemble((f"  {answer.status:<8}", _STYLES[answer.status]), " ", one_line(answer.message)))
        if answer.next:
            out.print(Text(f"           next: {one_line(answer.next)}", style="dim"))
    right = sum(answer.status == "right" for answer in answers)
    if right == len(answers):
        out.print(f"\n{exercise.id} is passed. smx2vertex workshop solution {exercise.id}{_option(folder)} tells why.")
    else:
        out.print(f"\n{right} of {len(answers)} right")


def _print_csv(course: Course) -> None:
    from ..report.cells import neutral

    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(["participant", "exercise", "state", "attempts", "hints", "solution", "passed"])
    for name, exercises in course.participants.items():
        for exercise, each in exercises.items():
            looked = "yes" if each.solution else "no"
            numbers = (each.attempts, each.hints)
            writer.writerow([neutral(name), neutral(exercise), each.state, *numbers, looked, each.passed])


def _print_class(course: Course) -> None:
    from ..workshop.exercise import exercises

    names = [name for name in exercises() if any(name in each for each in course.participants.values())]
    width = max(len(name) for name in (*course.participants, "participant"))
    labels = [name.split("-")[0] for name in names]
    typer.echo(f"{'participant':<{width}}  " + "  ".join(f"{label:<12}" for label in labels).rstrip())
    for name, progress in course.participants.items():
        cells = [_cell_of(progress.get(exercise)) for exercise in names]
        typer.echo(f"{one_line(name):<{width}}  " + "  ".join(f"{cell:<12}" for cell in cells).rstrip())
    typer.echo("\npassed, or right answers of the last attempt; attempts (a), hints (h), * if the solution was seen")
    if course.slips():
        typer.echo("\nMost frequent slips:")
    for exercise, slip, count in course.slips()[:10]:
        typer.echo(f"  {counted(count, 'participant')}  {exercise}: {one_line(slip)}")


def _cell_of(progress: Progress | None) -> str:
    if progress is None:
        return "–"
    state = "passed" if progress.passed else f"{progress.right}/{progress.of}" if progress.attempts else "started"
    return f"{state}{'*' if progress.solution else ''} {progress.attempts}a {progress.hints}h"
