"""The result of `validate` as pages for a browser: the differences beside both diagrams, and the story step by step.

A page is one file that loads nothing (`page`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from markupsafe import Markup

from ..words import one_line
from .comparison import detail, findings, left_out, story_lines
from .diagram import Diagram, DiagramTooLargeError
from .diagram_svg import Mark, to_page_svg
from .page import page

# From bad to good; a step shows the worst of what is said about it.
_SEVERITIES = ("error", "warning", "info")
_SIGNS = {"error": "✕", "warning": "!", "info": "i", "pass": "✓", "fail": "✕", "skip": "–"}
_WORDS = {"error": "✕ differs", "warning": "! see below", "info": "note"}


def to_html(result: Mapping[str, Any], source: Diagram, target: Diagram) -> str:
    """The page with the verdict, both diagrams and all findings.

    Args:
        result: as `validate --format json` prints it.
        source: the definition; titles are the names of steps.
        target: the pipeline spec; titles are the names of tasks.
    """
    found = findings(result)
    steps: dict[str, Mark] = {}
    for finding in found:  # errors first
        if finding["step"]:
            steps.setdefault(finding["step"], Mark(finding["severity"], _WORDS[finding["severity"]]))
    tasks = {task: mark for step, mark in steps.items() for task in _tasks(result, step)}
    return page(
        "comparison.html.j2",
        styles=("comparison.css",),
        pipeline=one_line(source.title),
        result=result,
        checks=[(check["name"], check["status"], detail(check, result["counts"])) for check in result["checks"]],
        findings=found,
        signs=_SIGNS,
        left_out=list(left_out(result)),
        pictures=_pictures((source, steps), (target, tasks)),
        story=_story(result),
    )


def to_story(result: Mapping[str, Any], source: Diagram, target: Diagram) -> str:
    """The page of the smallest execution that differs, step by step on both diagrams; arguments as for `to_html`."""
    stories = result["scenarios"].get("stories", [])
    moments: list[dict[str, Any]] = stories[0]["moments"] if stories else []
    steps: dict[str, Mark] = {}
    tasks: dict[str, Mark] = {}
    for at, moment in enumerate(moments, 1):
        steps[moment["step"]] = _fate(moment["sagemaker"], moment["differs"], at)
        for task in _tasks(result, moment["step"]) if moment["translation"] else ():
            tasks[task] = _fate(moment["translation"], moment["differs"], at)
    return page(
        "story.html.j2",
        styles=("comparison.css", _moments_style(len(moments))),
        pipeline=one_line(source.title),
        result=result,
        moments=moments,
        pictures=_pictures((source, steps), (target, tasks)),
        story=_story(result),
    )


def _tasks(result: Mapping[str, Any], step: str) -> Iterable[str]:
    return next((entry["tasks"] for entry in result["alignment"] if entry["step"] == step), ())


def _fate(fate: str, differs: bool, at: int) -> Mark:
    kind = (
        "differs"
        if differs
        else "runs"
        if fate.startswith("runs")
        else "fails"
        if fate.startswith("fails")
        else "rests"
    )
    return Mark(kind, f"{at} {'≠ ' if differs else ''}{fate}", at)


def _story(result: Mapping[str, Any]) -> list[tuple[str, list[str]]]:
    return [line for story in result["scenarios"].get("stories", [])[:1] for line in story_lines(story)]


def _pictures(*both: tuple[Diagram, Mapping[str, Mark]]) -> list[tuple[str, Markup, str]]:
    """For each side its heading, its picture, and why there is none."""
    drawn = []
    for heading, (diagram, marks) in zip(("SageMaker", "Translation"), both, strict=True):
        try:
            drawn.append((heading, Markup(to_page_svg(diagram, heading.lower(), marks)), ""))
        except DiagramTooLargeError as error:
            drawn.append((heading, Markup(), f"No picture: {error}."))
    return drawn


def _moments_style(moments: int) -> str:
    """A node shows once the moment in which it is decided has come; without :has() all show."""
    now = "".join(f"body:has(#moment-{each}:checked) {{ --now: {each} }}\n" for each in range(1, moments + 1))
    at = "".join(f".at-{each} {{ --at: {each} }}\n" for each in range(1, moments + 1))
    shown = f"svg [class*=at-] {{ opacity: clamp(.15, calc(1 - (var(--at) - var(--now, {moments}))), 1) }}\n"
    return now + at + shown
