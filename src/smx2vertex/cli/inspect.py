"""`smx2vertex inspect`: one pipeline of either kind, with what flows between its steps or tasks."""

from __future__ import annotations

import re
import sys
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..words import counted
from .source import PipelineName, open_source

if TYPE_CHECKING:
    from ..findings import Finding
    from ..report.diagram import Diagram
    from ..report.outline import Outline

# Keys of either kind of document, in YAML or JSON; not those inside a JSON text, where quotes have a backslash.
_SPEC = re.compile(
    r'^(?:root|deploymentSpec|pipelineInfo)\s*:|(?<!\\)"(?:deploymentSpec|pipelineInfo)"\s*:', re.MULTILINE
)
_STEPS = re.compile(r'^Steps\s*:|(?<!\\)"Steps"\s*:', re.MULTILINE)
_STYLES = {"title": "bold", "strong": "bold", "weak": "dim", "": ""}


class InspectFormat(str, Enum):
    """Forms of output of `inspect`."""

    text = "text"
    json = "json"
    md = "md"


class DiagramFormat(str, Enum):
    """Forms of a diagram."""

    mermaid = "mermaid"
    dot = "dot"
    svg = "svg"
    ascii = "ascii"


def inspect(
    source: Annotated[
        Path,
        typer.Argument(metavar="DEFINITION_OR_SPEC", help="A pipeline definition, a bundle, or a compiled pipeline."),
    ],
    pipeline: PipelineName = None,
    diagram: Annotated[DiagramFormat | None, typer.Option(help="Draw the pipeline, and nothing else.")] = None,
    format: Annotated[InspectFormat, typer.Option(help="Form of the output.")] = InspectFormat.text,
) -> None:
    """Show one pipeline: parameters, steps or tasks, data flow, branches."""
    from .output import print_input_error, print_json, print_text

    document, outline, picture, findings = _spec(source) if is_spec(source) else _definition(source, pipeline)
    if diagram is not None:
        print_text(draw(picture, diagram))
    elif format is InspectFormat.json:
        print_json(document)
    elif format is InspectFormat.md:
        from ..report.diagram import to_mermaid
        from ..report.outline import to_markdown

        print_text(to_markdown(outline, to_mermaid(picture)))
    else:
        _print_text(outline, findings)
    faults = [finding for finding in findings if finding.severity == "error"]
    for fault in faults:
        from ..findings import InputError

        print_input_error(InputError(fault))
    if faults:
        raise typer.Exit(2)


def is_spec(path: Path) -> bool:
    """Whether a file holds a compiled pipeline, or a folder is a generated project."""
    if path.is_dir():
        return (path / "compiled").is_dir()
    try:
        with path.open(encoding="utf-8-sig", errors="replace") as file:
            text = file.read(64 * 1024 * 1024)
    except OSError:
        return False
    return _SPEC.search(text) is not None and _STEPS.search(text) is None


def draw(picture: Diagram, form: DiagramFormat) -> str:
    """The text of a diagram.

    Raises:
        typer.BadParameter: it is too large for a picture.
    """
    from ..report.diagram import DiagramTooLargeError, to_dot, to_mermaid
    from ..report.diagram_svg import to_svg
    from ..report.diagram_text import to_text

    try:
        match form:
            case DiagramFormat.mermaid:
                return to_mermaid(picture)
            case DiagramFormat.dot:
                return to_dot(picture)
            case DiagramFormat.svg:
                return to_svg(picture)
        return to_text(picture, plain="utf" not in (sys.stdout.encoding or "").lower())
    except DiagramTooLargeError as error:
        raise typer.BadParameter(f"{error}; use mermaid or dot", param_hint="--diagram") from error


def _definition(source: Path, pipeline: str | None) -> tuple[dict[str, Any], Outline, Diagram, list[Finding]]:
    from ..report.definition_diagram import definition_diagram
    from ..sagemaker.dataflow import dataflow, to_dict
    from .inspect_definition import outline
    from .output import hide_secrets

    definition = open_source(source, pipeline).definition
    hide_secrets(definition.raw)
    flow = dataflow(definition)
    return to_dict(flow), outline(flow), definition_diagram(flow), definition.findings


def _spec(source: Path) -> tuple[dict[str, Any], Outline, Diagram, list[Finding]]:
    from ..kubeflow.flattening import read_graph
    from ..kubeflow.spec import load
    from .inspect_spec import diagram, outline, to_dict
    from .output import hide_secrets

    spec = load(source / "compiled" / "vertex.yaml" if source.is_dir() else source)
    hide_secrets(spec.raw)
    graph = read_graph(spec)
    return to_dict(graph), outline(graph), diagram(graph), list(graph.findings)


def _print_text(outline: Outline, findings: list[Finding]) -> None:
    from rich.text import Text

    from ..report.outline import to_text
    from .output import console, print_findings

    out = console()
    for line, style in to_text(outline):
        out.print(Text(line, style=_STYLES[style]))
    if findings:
        out.print(f"\n{counted(len(findings), 'finding')} (smx2vertex explain CODE tells more)")
        print_findings(findings)
