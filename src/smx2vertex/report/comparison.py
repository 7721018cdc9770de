"""The result of `validate` in words, and as a comment on a pull request.

Results are plain data, as `validate --format json` prints them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from ..words import counted, first_of, shortened
from .outline import markdown, markdown_table

# A comment is read in a browser beside other things; GitHub takes 65,536 characters.
MOST_ROWS = 15
MOST_CHARACTERS = 240
STORY = (
    ("parameters", "parameters"),
    ("outcomes", "outcomes"),
    ("sagemaker", "SageMaker"),
    ("translation", "translation"),
)
_USUAL = {"parameters": "all have their defaults", "outcomes": "all steps succeed"}
_COUNTED = (
    ("steps", "step", "steps"),
    ("tasks", "task", "tasks"),
    ("data_edges", "data edge", "data edges"),
    ("branches", "branch", "branches"),
)


def detail(check: Mapping[str, Any], counts: Mapping[str, int]) -> str:
    """What a check looked at."""
    if check["name"] == "structure":
        return ", ".join(counted(counts[what], one, many) for what, one, many in _COUNTED)
    if check["name"] == "parameters":
        return "{parameters_found} of {parameters}".format(**counts)
    return str(check.get("note", ""))


def findings(result: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The findings of all checks, errors first."""
    order = ("error", "warning", "info")
    found = [finding for check in result["checks"] for finding in check["findings"]]
    return sorted(found, key=lambda finding: order.index(finding["severity"]))


def story_lines(story: Mapping[str, Any]) -> Iterator[tuple[str, list[str]]]:
    """What a story says, by what it is about."""
    for key, label in STORY:
        yield label, story[key] or [_USUAL[key]]
    yield "in", [story["source"], story["target"]]


def left_out(result: Mapping[str, Any]) -> Iterator[tuple[str, list[str]]]:
    """What the verdict does not speak of, by why not."""
    if result["excluded"]:
        yield "left out", [f"{each['step']} ({each['code']})" for each in result["excluded"]]
    if result["ignored"]:
        yield "ignored", [f"{code} ({count})" for code, count in result["ignored"].items()]


def aligned(result: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Which tasks stand for each step and how sure that is, if names and command lines alone did not tell."""
    entries = result["alignment"]
    if all(entry["confidence"] in (None, 1) for entry in entries):
        return []
    return [(entry["step"], _stands_for(entry)) for entry in entries]


def _stands_for(entry: Mapping[str, Any]) -> str:
    sure = f", {entry['confidence']:.0%}" if entry["tasks"] else ""
    return f"{', '.join(entry['tasks']) or 'no task'} ({entry['how']}{sure})"


def seen_once(result: Mapping[str, Any]) -> list[str]:
    """The values that are taken for each other because of a single place, where a slip would not show."""
    outside = (each for each in result["correspondences"] if each["kind"] not in ("output", "parameter"))
    return [f"{each['kind']} {each['source']} = {each['target']}" for each in outside if each["occurrences"] == 1]


def to_markdown(result: Mapping[str, Any], pipeline: str) -> str:
    """The result as Markdown for GitHub, short enough for a comment: notes are counted, the rest stands in a table."""
    sign = "✅" if result["equivalent"] else "❌"
    lines = [f"### {sign} {markdown(shortened(pipeline, MOST_CHARACTERS))}: {markdown(result['summary'])}", ""]
    checks = [(check["name"], check["status"], detail(check, result["counts"])) for check in result["checks"]]
    lines += markdown_table(("check", "result", ""), checks)
    found = findings(result)
    shown = [finding for finding in found if finding["severity"] != "info"]
    if shown:
        lines += ["", *markdown_table(("finding", "", "step", "what"), map(_row, shown[:MOST_ROWS]))]
    if said := list(_counted(found[min(len(shown), MOST_ROWS) :], bool(shown))):
        lines += ["", ". ".join(said) + "."]
    for story in result["scenarios"].get("stories", [])[:1]:
        lines += ["", "**The smallest execution in which the two differ**", ""]
        lines += [f"- {label}: {'; '.join(map(_short, texts))}" for label, texts in story_lines(story)]
    if once := seen_once(result):
        lines += ["", f"Rests on one occurrence: {'; '.join(map(_short, once[:MOST_ROWS]))}"]
    for label, names in left_out(result):
        lines += ["", f"{label.capitalize()}: {first_of(list(map(_short, names)), MOST_ROWS)}"]
    return "\n".join(lines) + "\n"


def _row(finding: Mapping[str, Any]) -> tuple[str, ...]:
    message = shortened(finding["message"], MOST_CHARACTERS)
    return finding["code"], finding["severity"], shortened(finding["step"] or "", 60), message


def _short(text: str) -> str:
    return markdown(shortened(text, MOST_CHARACTERS))


def _counted(rest: list[dict[str, Any]], more: bool) -> Iterator[str]:
    """How many findings the table does not show."""
    counts = Counter(finding["severity"] for finding in rest)
    for severity, word in (("error", "error"), ("warning", "warning"), ("info", "note")):
        if counts[severity]:
            yield counted(counts[severity], f"more {word}" if more and severity != "info" else word)
