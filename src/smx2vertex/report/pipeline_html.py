"""The page of one pipeline: both diagrams side by side, and everything about a step for who asks.

The page holds its data as JSON; `templates/pipeline.js` makes the details of a step when they are asked for.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from markupsafe import Markup

from ..findings import Finding, by_severity, catalogue
from ..mapping.ledger import MappedField
from ..mapping.tables import VERDICTS, Verdict
from ..words import counted, one_line
from .diagram import Diagram, DiagramTooLargeError
from .diagram_svg import Mark, to_page_svg
from .page import arrows, json_block, page, short
from .pipeline import MACHINE_COLUMNS, PipelineDetails, PipelineReport, rule_table

SIGNS: dict[Verdict, str] = {"exact": "✓", "adapted": "≈", "redesign": "✎", "unsupported": "✕"}
MEANINGS: dict[Verdict, str] = {
    "exact": "means the same",
    "adapted": "same result through an adapter",
    "redesign": "a person must decide",
    "unsupported": "has no counterpart",
}
_SEVERITIES = {"error": ("✕", "error"), "warning": ("!", "warning"), "info": ("i", "note")}
_ITSELF = "The definition itself"
_LONGEST_VALUE = 2_000


def to_html(report: PipelineReport, details: PipelineDetails, index: str | None = None) -> str:
    """The page; `index` is where the page of its portfolio stands, relative to it."""
    verdicts = {step.name: step.verdict for step in report.steps}
    return page(
        "pipeline.html.j2",
        styles=("pipeline.css",),
        scripts=("pipeline.js",),
        report=report,
        index=index,
        signs=SIGNS,
        meanings=MEANINGS,
        step_counts={verdict: Counter(verdicts.values())[verdict] for verdict in VERDICTS},
        steps=[(step, _inexact(step.fields)) for step in report.steps],
        own_inexact=_inexact(report.fields),
        numbers=_numbers(report),
        pictures=list(_pictures(details, verdicts)),
        findings=list(_findings(report.findings)),
        shares=list(_shares(report)),
        machine_columns=MACHINE_COLUMNS,
        machines=list(zip(_with_machine(report), report.machine_rows(), strict=True)),
        data=json_block(_data(report, details)),
    )


def _shares(report: PipelineReport) -> Iterator[tuple[str, int, int]]:
    """The verdicts on fields, each with where its share begins and how many they are."""
    left = 0
    for verdict, count in report.by_verdict.items():
        yield verdict, left, count
        left += count


def _with_machine(report: PipelineReport) -> list[int]:
    return [number for number, step in enumerate(report.steps) if step.machine]


def _numbers(report: PipelineReport) -> dict[str, int]:
    return {step.name: number for number, step in enumerate(report.steps)}


def _inexact(fields: tuple[MappedField, ...]) -> int:
    return sum(each.verdict != "exact" for each in fields)


def _pictures(details: PipelineDetails, verdicts: Mapping[str, Verdict]) -> Iterator[tuple[str, str, str, Markup, str]]:
    """For each side its id, its heading, how much it shows, its picture, and why there is none."""
    diagrams = details.diagrams
    own = {title: verdicts[step] for title, step in diagrams.steps.items() if step in verdicts}
    for side, heading, diagram, of in (
        ("source", "SageMaker", diagrams.source, verdicts),
        ("target", "Vertex AI", diagrams.target, own),
    ):
        marks = {title: Mark(verdict, f"{SIGNS[verdict]} {verdict}") for title, verdict in of.items()}
        picture, why_none = "", "Nothing of this pipeline ever runs." if not diagram.nodes else ""
        try:
            picture = to_page_svg(diagram, f"{side}-picture", marks) if diagram.nodes else ""
        except DiagramTooLargeError as error:
            why_none = f"No picture: {error}. The table of steps below leads to all details."
        yield (
            side,
            heading,
            counted(len(diagram.nodes), "step" if side == "source" else "node"),
            Markup(picture),
            why_none,
        )


def _findings(findings: tuple[Finding, ...]) -> Iterator[tuple[str, str, str, list[tuple[str, Any, list[Finding]]]]]:
    """By severity: its sign, how many, and the codes with their places."""
    groups: dict[str, dict[str, list[Finding]]] = defaultdict(lambda: defaultdict(list))
    for finding in by_severity(findings):
        groups[finding.severity][finding.code].append(finding)
    for severity, codes in groups.items():
        sign, word = _SEVERITIES[severity]
        groups_of_codes = [(code, catalogue()[code], places) for code, places in codes.items()]
        yield severity, sign, counted(sum(map(len, codes.values())), word), groups_of_codes


# --- the data for the script ---


class _Texts:
    """Texts that occur often, each kept once."""

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}

    def number(self, text: str | None) -> int:
        return self.numbers.setdefault(_visible(text or ""), len(self.numbers))


def _data(report: PipelineReport, details: PipelineDetails) -> dict[str, Any]:
    texts = _Texts()
    pointers = {node.title: node.id for node in details.diagrams.source.nodes}
    steps = [
        {
            "name": step.name,
            "title": one_line(step.name),
            "label": short(step.name),
            "pointer": pointers.get(step.name, ""),
            "type": one_line(step.type),
            "target": arrows(one_line(step.target)),
            "verdict": step.verdict,
            "machine": [arrows(one_line(cell)) for cell in step.machine.cells()] if step.machine else None,
            "fields": _fields(step.fields, details, texts),
            "claims": _claims(step.fields, details),
            "code": [[part.path, _visible(part.text)] for part in details.code.get(step.name, ())],
        }
        for step in report.steps
    ]
    itself = {
        "name": "",
        "title": _ITSELF,
        "label": _ITSELF,
        "pointer": "",
        "type": "",
        "target": "",
        "verdict": None,
        "machine": None,
        "fields": _fields(report.fields, details, texts),
        "claims": _claims(report.fields, details),
        "code": [],
    }
    numbers = _numbers(report)
    diagrams = details.diagrams
    return {
        "signs": SIGNS,  # in the order by which fields name their verdicts
        "meanings": MEANINGS,
        "severitySigns": {severity: sign for severity, (sign, _) in _SEVERITIES.items()},
        "machineColumns": ["SageMaker", "Vertex AI", *MACHINE_COLUMNS[3:]],
        "steps": [*steps, itself],
        "texts": list(texts.numbers),
        "findings": [
            {
                "code": finding.code,
                "severity": finding.severity,
                "message": one_line(finding.message),
                "step": numbers.get(finding.step or "", len(numbers)),
                "help": finding.help,
            }
            for finding in by_severity(report.findings)
        ],
        "claims": {
            table: [{"title": each.title, "url": each.url, "checked": each.checked} for each in claims]
            for table, claims in details.claims.items()
        },
        "pictures": {
            "source": _picture(diagrams.source, {node.title: node.title for node in diagrams.source.nodes}, numbers),
            "target": _picture(diagrams.target, diagrams.steps, numbers),
        },
    }


def _fields(fields: tuple[MappedField, ...], details: PipelineDetails, texts: _Texts) -> list[list[Any]]:
    return [
        [
            _visible(each.source),
            _clipped(_visible(details.values.get(each.source, ""))),
            texts.number(each.target),
            VERDICTS.index(each.verdict),
            texts.number(each.rule),
            texts.number(each.file),
            texts.number(each.note),
        ]
        for each in fields
    ]


def _claims(fields: tuple[MappedField, ...], details: PipelineDetails) -> list[str]:
    """The tables whose rules were applied, as far as they name what they rest on."""
    tables = dict.fromkeys(rule_table(each.rule) for each in fields)
    return [table for table in tables if details.claims.get(table)]


def _picture(diagram: Diagram, steps: Mapping[str, str], numbers: Mapping[str, int]) -> dict[str, Any]:
    """Title and step of each node; from, to and label of each edge."""
    order = {node.id: number for number, node in enumerate(diagram.nodes)}
    return {
        "titles": [one_line(node.title) for node in diagram.nodes],
        "steps": [numbers.get(steps.get(node.title, "")) for node in diagram.nodes],
        "edgeEnds": [[order[edge.source], order[edge.target], one_line(edge.label)] for edge in diagram.edges],
    }


def _visible(text: str) -> str:
    """A text with its lines; characters that would not be seen, or turn the direction of writing, as escapes."""
    return re.sub(
        r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]",
        lambda found: f"\\u{ord(found[0]):04x}",
        text,
    )


def _clipped(text: str) -> str:
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}… ({len(text)} characters)"
