"""Runs the checks of an exercise over a participant's files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from ..compare import compare
from ..compare.neutral import Pipeline
from ..compare.source import SourceReader
from ..compare.target import TargetReader
from ..findings import Finding, InputError
from . import sheets
from .answer import Answer, Status
from .exercise import Check, Exercise
from .facts import FACTS, Facts
from .submission import submission
from .work import Work

# A first translation differs in many places; more than these help nobody.
MOST_DIFFERENCES = 8
# Differences that are gaps: a step without a task, an edge or a parameter that is not there.
_MISSING = ("SMX400", "SMX404", "SMX408", "SMX430", "SMX442")
_KINDS_OF_CHECK = {
    "structure": "the same steps, in the same order, with the same data between them and the same branches",
    "parameters": "the same parameters, and each reaches the same steps",
    "behaviour": "the same steps run in every simulated execution",
}


def grade(exercise: Exercise, folder: Path) -> list[Answer]:
    """All answers about a participant's files, in the order of the checks; never an exception for what they hold."""
    work = Work(exercise, folder)
    answers: dict[Answer, None] = {}
    for check in exercise.checks:
        try:
            answers.update(dict.fromkeys(GRADERS[check.kind](check, work)))
        except InputError as error:
            answers[_unusable(error.finding, check)] = None
    return list(answers)


def _unusable(finding: Finding, check: Check) -> Answer:
    """The answer where a file cannot be used; it is the same for all checks of that file."""
    file = Path(finding.file or check.settings.get("file", check.kind)).name
    place = f" ({finding.pointer})" if finding.pointer and finding.pointer not in finding.message else ""
    said = finding.message if file in finding.message else f"{file}: {finding.message}"
    return Answer(file, "missing" if finding.code == "SMX702" else "wrong", f"{said}{place}", finding.help)


def passed(answers: list[Answer]) -> bool:
    """Whether nothing is missing or wrong."""
    return bool(answers) and all(answer.status == "right" for answer in answers)


def fact(check: Check, work: Work) -> Iterator[Answer]:
    """One question to the pipeline that the participant built; the check holds the words for each outcome."""
    settings = check.settings
    seen = FACTS[settings["fact"]](Facts(_pipeline(check, work), work.exercise.roles), settings)
    said = settings[seen.status if seen.status in settings else "wrong"].replace("{found}", seen.found)
    yield Answer(settings["id"], seen.status, said, "" if seen.status == "right" else settings["look"])


def equivalent(check: Check, work: Work) -> Iterator[Answer]:
    """What `validate` says about a translation by hand: each difference, or that there is none."""
    settings = check.settings
    comparison = compare(work.given_definition(settings["definition"]), work.graph(settings["compile"]))
    errors = [finding for finding in comparison.findings if finding.severity == "error"]
    for each in comparison.checks:
        if each.status == "pass":
            yield Answer(each.name, "right", f"{each.name}: {_KINDS_OF_CHECK[each.name]}.")
    for finding in errors[:MOST_DIFFERENCES]:
        step = f"{finding.step}: " if finding.step else ""
        status: Status = "missing" if finding.code in _MISSING else "wrong"
        yield Answer(finding.code, status, f"{step}{finding.message} ({finding.code})", finding.help)
    if len(errors) > MOST_DIFFERENCES:
        more = len(errors) - MOST_DIFFERENCES
        yield Answer("more", "wrong", f"{more} more differences.", "Mend the first ones; the others may follow them.")


def _pipeline(check: Check, work: Work) -> Pipeline:
    """The neutral form of what the participant built."""
    settings = check.settings
    if "compile" in settings:
        return TargetReader(work.graph(settings["compile"]), None).pipeline()
    return SourceReader(work.definition(settings["definition"])).pipeline()


GRADERS: dict[str, Callable[[Check, Work], Iterator[Answer]]] = {
    "choices": sheets.choices,
    "list": sheets.listed,
    "drawing": sheets.drawing,
    "submission": submission,
    "fact": fact,
    "equivalent": equivalent,
}
