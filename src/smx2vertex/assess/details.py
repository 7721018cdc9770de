"""Gathers what the page of a pipeline shows beyond the numbers: diagrams, generated code, values, sources of claims."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

from ..mapping.ledger import MappedPipeline
from ..mapping.tables import Tables
from ..report.definition_diagram import definition_diagram
from ..report.diagram import Diagram
from ..report.pipeline import Claim, Diagrams, GeneratedCode, PipelineDetails, rule_table
from ..sagemaker.dataflow import dataflow
from ..sagemaker.definition import Definition
from ..sagemaker.expressions import pointer_token
from ..sagemaker.secrets import Secrets
from ..vertex.planner import Planned
from ..vertex.preview import generated_code
from .plan_diagram import plan_diagram


def pipeline_diagrams(definition: Definition, planned: Planned) -> Diagrams:
    """A definition and its plan as pictures."""
    hidden = Secrets(definition.raw).hidden
    target, steps = plan_diagram(planned.plan)
    return Diagrams(_hidden(definition_diagram(dataflow(definition)), hidden), _hidden(target, hidden), steps)


def pipeline_details(
    definition: Definition, mapped: MappedPipeline, planned: Planned, tables: Tables
) -> PipelineDetails:
    """The details of a pipeline; arguments as for `report_pipeline`.

    The generated code goes through the formatter, a process of its own: this takes some tenths of a second.
    """
    hidden = Secrets(definition.raw).hidden
    code = generated_code(planned.plan) if planned.plan.body else {}
    return PipelineDetails(
        diagrams=pipeline_diagrams(definition, planned),
        code={step: tuple(GeneratedCode(path, hidden(text)) for path, text in parts) for step, parts in code.items()},
        values={pointer: hidden(text) for pointer, text in _values(definition.raw, "")},
        claims=_claims(mapped, tables),
    )


def _hidden(diagram: Diagram, hidden: Callable[[str], str]) -> Diagram:
    return replace(diagram, nodes=tuple(replace(node, note=hidden(node.note)) for node in diagram.nodes))


def _values(value: Any, pointer: str) -> Iterator[tuple[str, str]]:
    """All fields with their values as text."""
    entries: Iterable[tuple[str | int, Any]] = ()
    if isinstance(value, dict):
        entries = value.items()
    elif isinstance(value, list):
        entries = enumerate(value)
    if not entries or not value:
        yield pointer, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    else:
        for key, item in entries:
            yield from _values(item, f"{pointer}/{pointer_token(str(key))}")


def _claims(mapped: MappedPipeline, tables: Tables) -> dict[str, tuple[Claim, ...]]:
    """What the tables rest on whose rules were applied."""
    names = {rule_table(each.rule) for each in mapped.all_fields()}
    return {
        table.name: tuple(
            Claim(str(source["title"]), str(source["url"]), str(source["checked"])) for source in table.sources
        )
        for table in tables.all()
        if table.name in names
    }
