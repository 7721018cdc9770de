"""The report of a pipeline as Markdown for GitHub, with both diagrams."""

from __future__ import annotations

from .diagram import to_mermaid
from .outline import markdown, markdown_table
from .pipeline import (
    FIELD_COLUMNS,
    FINDING_COLUMNS,
    MACHINE_COLUMNS,
    STEP_COLUMNS,
    Diagrams,
    PipelineReport,
    field_rows,
)


def to_markdown(report: PipelineReport, diagrams: Diagrams) -> str:
    """Steps, diagrams, machines, findings, then all fields."""
    lines = [f"# {markdown(report.pipeline)}", "", report.summary, ""]
    lines += markdown_table(STEP_COLUMNS, report.step_rows())
    for title, diagram in (("In SageMaker", diagrams.source), ("On Vertex AI", diagrams.target)):
        lines += ["", f"## {title}", "", "```mermaid", to_mermaid(diagram).rstrip(), "```"]
    if machines := report.machine_rows():
        lines += ["", "## Machines", "", *markdown_table(MACHINE_COLUMNS, machines)]
    if findings := report.finding_rows():
        lines += ["", "## Findings", "", *markdown_table(FINDING_COLUMNS, findings)]
    for name, fields in [
        *((step.name, step.fields) for step in report.steps),
        ("The definition itself", report.fields),
    ]:
        lines += ["", f"## {markdown(name)}", "", *markdown_table(FIELD_COLUMNS, field_rows(fields))]
    return "\n".join(lines) + "\n"
