"""The forms in which `validate` tells its result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from enum import Enum
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from ..words import first_of, one_line

if TYPE_CHECKING:
    from ..compare import Comparison
    from ..kubeflow.graph import Graph
    from ..sagemaker.definition import Definition


class ValidateFormat(str, Enum):
    """Forms of output of `validate`."""

    text = "text"
    json = "json"
    md = "md"
    html = "html"
    sarif = "sarif"
    junit = "junit"


def print_comparison(form: ValidateFormat, comparison: Comparison, definition: Definition, strict: bool) -> None:
    """Print the result in any form but HTML, which shows diagrams too."""
    from .output import hidden, print_json, print_text

    match form:
        case ValidateFormat.json:
            print_json(comparison.to_dict())
        case ValidateFormat.md:
            from ..report.comparison import to_markdown

            print_text(to_markdown(hidden(comparison.to_dict()), definition.name))
        case ValidateFormat.junit:
            from ..report.junit import to_junit

            print_text(to_junit(hidden(comparison.to_dict()), definition.name, strict))
        case ValidateFormat.sarif:
            print_json(_sarif(comparison, definition.file))
        case _:
            _print_text(comparison)


def print_page(comparison: Comparison, definition: Definition, graph: Graph, story: bool) -> None:
    """Print the page with both diagrams: of all findings, or of the story alone."""
    from ..report.comparison_html import to_html, to_story
    from ..report.definition_diagram import definition_diagram
    from ..sagemaker.dataflow import dataflow
    from . import inspect_spec
    from .output import hidden, print_text

    source, target = definition_diagram(dataflow(definition)), inspect_spec.diagram(graph)
    print_text((to_story if story else to_html)(hidden(comparison.to_dict()), source, target))


# --- SARIF ---


class _HasLines(Protocol):
    def line(self, place: str, /) -> int | None: ...


def _sarif(comparison: Comparison, file: str | None) -> dict[str, Any]:
    """The findings with their places in both files; code hosts want a file for each, if only that of the source."""
    from ..report.sarif import to_sarif

    found = [finding if finding.file else replace(finding, file=file) for finding in comparison.findings]
    placed = [(finding, _line(finding.file, finding.pointer)) for finding in found]
    return to_sarif(placed, {each: _line(each.target_file, each.target) for each in found if each.target})


def _line(file: str | None, place: str) -> int | None:
    """A place in a definition is a JSON pointer, one in a pipeline spec is not."""
    lines = _lines(file, place.startswith("/")) if file and place else None
    return lines.line(place) if lines else None


@cache
def _lines(file: str, is_definition: bool) -> _HasLines | None:
    """The lines of a file; None if it is no file of text, as of a program that was captured."""
    from ..kubeflow.lines import Lines as SpecLines
    from ..sagemaker.lines import Lines as DefinitionLines

    try:
        text = Path(file).read_text(encoding="utf-8-sig")
    except (OSError, ValueError):
        return None
    return DefinitionLines(text) if is_definition else SpecLines(text)


# --- text ---


def _print_text(comparison: Comparison) -> None:
    from rich.text import Text

    from ..report.comparison import aligned, detail, left_out, seen_once
    from .output import console, print_findings

    out = console()
    result = comparison.to_dict()
    out.print(Text(comparison.in_words, style="green" if comparison.equivalent else "bold red"))
    out.print()
    if comparison.findings:
        print_findings(comparison.findings)
        out.print()
    for check in result["checks"]:
        out.print(f"  {check['name']:<11} {check['status']:<5} {detail(check, result['counts'])}".rstrip())
    for label, names in left_out(result):
        out.print(f"  {label:<11} {one_line(first_of(names, 20, 'steps'))}")
    if once := seen_once(result):
        out.print("\n  These rest on one occurrence: nothing else shows that the value is the right one.")
        for line in once:
            out.print(Text(f"    {line}"), soft_wrap=True)
    if pairs := aligned(result):
        out.print("\n  Which tasks stand for which step:")
        for step, tasks in pairs:
            out.print(Text(f"    {step}: {tasks}"), soft_wrap=True)
    for story in result["scenarios"].get("stories", [])[:1]:
        out.print()
        _print_story(story)


def _print_story(story: Mapping[str, Any]) -> None:
    """The smallest execution that differs."""
    from rich.text import Text

    from ..report.comparison import story_lines
    from .output import console

    out = console()
    out.print(Text("the smallest execution in which the two differ:", style="bold"))
    for label, lines in story_lines(story):
        for index, line in enumerate(lines):
            out.print(Text(f"  {'' if index else label:<11} {line}"), soft_wrap=True)
