"""Grades filled-in sheets: choices, lists and drawings, by what they mean, however they are written."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ..words import counted
from .answer import Answer, is_open, plain
from .exercise import Check, Settings
from .truths import TRUTHS, Truth, edges_of
from .work import Work

_ARROW = re.compile(r"\s*(?:-->|==>|-\.->|->)\s*(?:\|([^|]*)\|)?\s*")
_NODE = re.compile(r"[\w.-]+")


def choices(check: Check, work: Work) -> Iterator[Answer]:
    """One answer for each question of a sheet; `items` gives the accepted ones, or `truth` names who knows them."""
    settings = check.settings
    sheet = _at(work.sheet(settings["file"]), settings.get("at", ""))
    options = settings.get("options", ())
    for question, truth in _truths(check, work).items():
        given = _at(sheet, question)
        item = _label(question, settings)
        look = truth.look or settings.get("look", "")
        if is_open(given) or given == [] or isinstance(given, Mapping):
            yield Answer(item, "missing", f"{item}: no answer yet.", look)
        elif all(_accepted(each, truth) for each in _several(given)):
            yield Answer(item, "right", f"{item}: {_shown(given)}. {truth.why}".strip())
        elif options and any(plain(each) not in map(plain, options) for each in _several(given)):
            yield Answer(item, "wrong", f"{item}: {_shown(given)} is none of the answers: {', '.join(options)}.", look)
        else:
            why = _why(_several(given), truth, settings)
            yield Answer(item, "wrong", f"{item}: {_shown(given)} is not right. {why}".strip(), look)


def listed(check: Check, work: Work) -> Iterator[Answer]:
    """One answer for each list of a sheet, compared as a set with what `truth` or `items` says is in it."""
    settings = check.settings
    sheet = _at(work.sheet(settings["file"]), settings.get("at", ""))
    for question, truth in _truths(check, work).items():
        given = _at(sheet, question)
        item = _label(question, settings)
        look = truth.look or settings.get("look", "")
        if is_open(given):
            yield Answer(item, "missing", f"{item}: no answer yet.", look)
            continue
        found = {plain(each): str(each) for each in _several(given)}
        wanted = {plain(each): each for each in truth.accept}
        extra = [text for key, text in found.items() if key not in wanted and key != "none"]
        lacking = [text for key, text in wanted.items() if key not in found]
        if extra:
            why = _why(extra, truth, settings)
            yield Answer(item, "wrong", f"{item}: {', '.join(extra)} does not belong there. {why}".strip(), look)
        if lacking:
            yield Answer(item, "missing", f"{item}: {_count(len(lacking))} not in your list.", look)
        if not extra and not lacking:
            yield Answer(item, "right", f"{item}: {', '.join(truth.accept) or 'none'}. {truth.why}".strip())


def drawing(check: Check, work: Work) -> Iterator[Answer]:
    """Compares a drawn graph with that of a pipeline, arrow by arrow."""
    settings = check.settings
    wanted = edges_of(settings, work)
    names = {plain(name): name for edge in wanted.arrows for name in edge}
    drawn: dict[tuple[str, str], str] = {}
    for start, end, label in _arrows(work.file(settings["file"]).read_text(encoding="utf-8", errors="replace")):
        drawn[names.get(plain(start), start), names.get(plain(end), end)] = label
    for unknown in dict.fromkeys(name for edge in drawn for name in edge if name not in names.values()):
        yield Answer(unknown, "wrong", f"{unknown} is no {wanted.word} of this pipeline.", settings["look"])
    follows = _closure(wanted.order)
    lacking = Counter(end for start, end in wanted.arrows if (start, end) not in drawn)
    for end, count in lacking.items():
        said = f"{counted(count, 'arrow')} to {end} {'is' if count == 1 else 'are'} missing."
        yield Answer(f"arrows to {end}", "missing", said, f"{settings['look']} {end}?")
    for (start, end), because in wanted.arrows.items():
        if (start, end) in drawn:
            labels = wanted.branches.get((start, end), ())
            yield _branch(start, end, drawn[start, end], labels, because)
    for start, end in drawn:
        if (start, end) in wanted.arrows or not {start, end} <= set(names.values()):
            continue
        if (end, start) in follows:
            said = f"{start} --> {end} is the wrong way round: {end} must end before {start} begins."
            yield Answer(f"{start} --> {end}", "wrong", said, settings["look"] + f" {start}?")
        elif (start, end) not in follows:
            said = f"{start} --> {end}: nothing flows between them, and neither waits for the other."
            yield Answer(f"{start} --> {end}", "wrong", said, settings["look"] + f" {end}?")


def _branch(start: str, end: str, label: str, labels: tuple[str, ...], because: str) -> Answer:
    """Whether an arrow has the label that it needs; those that are no branches need none."""
    arrow = f"{start} --> {end}"
    look = f"When does {end} run: if the condition holds, or else?"
    if not labels or plain(label) in map(plain, labels):
        return Answer(arrow, "right", f"{arrow}: {because}.")
    if not label:
        return Answer(arrow, "missing", f"{arrow} needs a label that says which branch it is.", look)
    return Answer(arrow, "wrong", f"{arrow} is labelled {label}, but {end} does not run then.", look)


def _truths(check: Check, work: Work) -> dict[str, Truth]:
    settings = check.settings
    if "truth" in settings:
        return TRUTHS[settings["truth"]](settings, work)
    return {
        str(item): Truth(
            tuple(map(str, _several(entry["accept"]))),
            entry.get("why", ""),
            entry.get("look", ""),
            {str(slip): text for slip, text in entry.get("slips", {}).items()},
        )
        for item, entry in settings["items"].items()
    }


def _label(question: str, settings: Settings) -> str:
    """How to speak of a question: with the part of the sheet that it stands in."""
    return f"{question} ({settings['at']})" if settings.get("at") else question


def _at(sheet: Any, path: str) -> Any:
    """What stands in a sheet under a key, or at a path of keys, compared as answers are; None where nothing does."""
    if not path:
        return sheet
    entries = {plain(name): value for name, value in sheet.items()} if isinstance(sheet, Mapping) else {}
    if plain(path) in entries:
        return entries[plain(path)]
    first, _, rest = path.partition("/")
    return _at(entries.get(plain(first)), rest) if rest else None


def _why(given: list[Any], truth: Truth, settings: Settings) -> str:
    """Why answers are wrong: what is known of these slips, or else what the check says of any."""
    slips = {plain(slip): text for slip, text in truth.slips.items()}
    known = [slips[plain(each)] for each in given if plain(each) in slips]
    return " ".join(known) or str(settings.get("wrong", ""))


def _several(given: Any) -> list[Any]:
    return list(given) if isinstance(given, list | tuple) else [given]


def _accepted(given: Any, truth: Truth) -> bool:
    return plain(given) in map(plain, truth.accept)


def _shown(given: Any) -> str:
    return ", ".join(str(each) for each in _several(given))


def _count(lacking: int) -> str:
    return "1 is" if lacking == 1 else f"{lacking} are"


def _arrows(text: str) -> Iterator[tuple[str, str, str]]:
    """The arrows of a Mermaid flow chart, or of lines such as `A -> B`."""
    for line in text.splitlines():
        line = re.sub(r"[\[({]+(\"[^\"]*\"|[^\])}]*)[\])}]+", "", line.partition("%%")[0]).strip(" -;\"'")
        parts = _ARROW.split(line)
        groups = [[name for part in names.split("&") for name in _NODE.findall(part)] for names in parts[::2]]
        for before, label, after in zip(groups, parts[1::2], groups[1:], strict=False):
            yield from ((start, end, (label or "").strip()) for start in before for end in after)


def _closure(edges: Iterable[tuple[str, str]]) -> set[tuple[str, str]]:
    """All pairs of which the one comes before the other."""
    found = set(edges)
    while True:
        more = {(a, d) for a, b in found for c, d in found if b == c} - found
        if not more:
            return found
        found |= more
