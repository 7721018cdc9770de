"""`smx2vertex map`: what becomes of each step and each field."""

from __future__ import annotations

import csv
import sys
from collections.abc import Collection
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .source import Config, Python, open_source

if TYPE_CHECKING:
    from ..mapping.ledger import MappedPipeline, MappedStep
    from ..mapping.machines import Machine, MachineChoice, SourceMachine
    from ..sagemaker.definition import Definition
    from ..vertex.plan import Machine as PlannedMachine
    from ..vertex.planner import Planned

_COLUMNS = ("field", "becomes", "verdict", "rule", "file", "note")
_STEP_COLUMNS = ("step", "type", "becomes", "verdict")
_MACHINE_COLUMNS = ("step", "instance type", "machine", "gained", "lost", "alternatives")
_FINDING_COLUMNS = ("finding", "severity", "step", "place", "message")


class MapFormat(str, Enum):
    """Forms of the mapping report."""

    text = "text"
    json = "json"
    md = "md"
    csv = "csv"
    html = "html"


def map_(
    definition: Annotated[Path, typer.Argument(help="A definition, a bundle, a Python file[:FUNCTION] or a notebook.")],
    config: Config = None,
    pipeline: Annotated[
        str | None, typer.Option(metavar="NAME", help="Which pipeline of a bundle; else its name.")
    ] = None,
    python: Python = None,
    format: Annotated[MapFormat, typer.Option(help="Form of the output.")] = MapFormat.text,
) -> None:
    """Show what becomes of each step and field, with a verdict for each."""
    from ..mapping.ledger import map_pipeline
    from ..vertex.config import load_config
    from ..vertex.planner import plan
    from .output import print_json, usable

    source = usable(open_source(definition, pipeline, python).definition)
    chosen = load_config(config or [])
    mapped = map_pipeline(source, chosen.tables)
    planned = plan(source, mapped, chosen.correspondences, chosen.hooks)
    planned.findings.extend(chosen.findings)
    mapped = planned.settled(mapped)
    if format is MapFormat.text:
        _print_text(source, mapped, planned, chosen.row_files)
        return
    document = report(source, mapped, planned)
    match format:
        case MapFormat.json:
            print_json(document)
        case MapFormat.md:
            print("\n".join(_markdown(document)))
        case MapFormat.csv:
            _print_csv(document)
        case MapFormat.html:
            print(_html(document))


def report(definition: Definition, mapped: MappedPipeline, planned: Planned) -> dict[str, Any]:
    """The mapping report as plain data."""
    findings = [*definition.findings, *planned.with_tables(mapped)]
    machines = planned.machines()
    return {
        "pipeline": definition.name,
        "steps": [
            {
                "name": step.name,
                "type": step.type,
                "target": _target(step, planned),
                "verdict": step.verdict,
                "machine": _machine(machines[step.name]) if step.name in machines else None,
                "fields": [field.to_dict() for field in step.fields],
            }
            for step in mapped.steps.values()
        ],
        "fields": [field.to_dict() for field in mapped.fields],
        "ledger": {
            "fields": mapped.total,
            "accounted": mapped.total - len(mapped.unaccounted),
            "unaccounted": mapped.unaccounted,
            "by_verdict": mapped.by_verdict(),
        },
        "findings": [finding.to_dict() for finding in dict.fromkeys(findings)],
    }


def _target(step: MappedStep, planned: Planned) -> str:
    """What a step becomes; of a type that is not translated the table names the nearest thing."""
    is_redesign = step.name in planned.excluded and step.target.startswith("task that fails")
    return step.target if is_redesign else planned.target(step.name, step.target)


# --- machines ---


def _machine(machine: PlannedMachine) -> dict[str, Any]:
    """What a step ran on and will run on, what that changes, and what else there is."""
    from ..mapping.machines import alternatives
    from ..vertex.plan import Parameter

    choice, volume, disk = machine.choice, machine.volume_gb, machine.disk_gb
    change = [f"{volume} -> {disk} GB disk"] if volume not in (None, disk) else []
    grows = disk > (volume or 0)
    return {
        "pointer": machine.pointer,
        "parameter": machine.type.name if isinstance(machine.type, Parameter) else None,
        "source": choice.source and _source_machine(choice.source),
        "chosen": _target_machine(choice.target),
        "count": machine.replicas,
        "spot": machine.spot,
        "volume_gb": volume,
        "disk_gb": disk,
        "gained": [*choice.gained, *(change if grows else [])],
        "lost": [*choice.lost, *([] if grows else change)],
        "alternatives": [_alternative(each) for each in alternatives(choice)],
    }


def _source_machine(machine: SourceMachine) -> dict[str, Any]:
    accelerator = machine.gpu and machine.gpu.upper()
    return _resources(machine, accelerator, machine.gpu_count)


def _target_machine(machine: Machine) -> dict[str, Any]:
    return _resources(machine, machine.accelerator, machine.accelerator_count) | {"disk_type": machine.disk_type}


def _resources(machine: SourceMachine | Machine, accelerator: str | None, count: int) -> dict[str, Any]:
    return {
        "name": machine.name,
        "vcpus": machine.vcpus,
        "memory_gib": machine.memory_gib,
        "accelerator": accelerator,
        "accelerator_count": count,
    }


def _alternative(choice: MachineChoice) -> dict[str, Any]:
    return _target_machine(choice.target) | {"gained": list(choice.gained), "lost": list(choice.lost)}


def _described(machine: dict[str, Any]) -> str:
    """`g2-standard-4: 4 vCPU, 16 GiB, 1 NVIDIA_L4`."""
    accelerator = f", {machine['accelerator_count']} {machine['accelerator']}" if machine["accelerator"] else ""
    return f"{machine['name']}: {machine['vcpus']} vCPU, {machine['memory_gib']:g} GiB{accelerator}"


def _machine_cells(machine: dict[str, Any]) -> tuple[str, ...]:
    """Instance type, machine, what is gained, what is lost, alternatives."""
    count = f"{machine['count']} × " if machine["count"] > 1 else ""
    chosen = [f"{count}{_described(machine['chosen'])}", f"{machine['disk_gb']} GB disk"]
    chosen += ["spot"] if machine["spot"] else []
    chosen += [f"named at run time by {machine['parameter']}"] if machine["parameter"] else []
    return (
        f"{count}{_described(machine['source'])}" if machine["source"] else "not in our tables",
        ", ".join(chosen),
        ", ".join(machine["gained"]) or "nothing",
        ", ".join(machine["lost"]) or "nothing",
        "; ".join(map(_described, machine["alternatives"])) or "none known",
    )


def _machine_rows(document: dict[str, Any]) -> list[tuple[str, ...]]:
    return [_cells(each["name"], *_machine_cells(each["machine"])) for each in document["steps"] if each["machine"]]


# --- the forms ---


def _sections(document: dict[str, Any]) -> list[tuple[str, list[tuple[str, ...]]]]:
    """The fields as tables: one a step, and that of the definition itself."""
    named = [(step["name"], step["fields"]) for step in document["steps"]]
    return [
        (
            name,
            [
                _cells(*(field[key] for key in ("source", "target", "verdict", "rule", "file", "note")))
                for field in fields
            ],
        )
        for name, fields in [*named, ("The definition itself", document["fields"])]
    ]


def _cells(*texts: str | None) -> tuple[str, ...]:
    from ..report.diagram import one_line

    return tuple(one_line(text or "–") for text in texts)


def _summary(document: dict[str, Any]) -> str:
    ledger = document["ledger"]
    counts = ", ".join(f"{count} {verdict}" for verdict, count in ledger["by_verdict"].items())
    return f"{ledger['fields']} fields: {counts}; {len(ledger['unaccounted'])} unaccounted"


def _tables(document: dict[str, Any]) -> tuple[list[tuple[str, ...]], list[tuple[str, ...]]]:
    """The rows of the steps and those of the findings."""
    steps = [_cells(*(step[key] for key in ("name", "type", "target", "verdict"))) for step in document["steps"]]
    findings = [
        _cells(each["code"], each["severity"], each["step"], each["source"]["pointer"], each["message"])
        for each in document["findings"]
    ]
    return steps, findings


def _markdown(document: dict[str, Any]) -> list[str]:
    from ..report.outline import markdown, markdown_table

    steps, findings = _tables(document)
    lines = [f"# {markdown(document['pipeline'])}", "", _summary(document), "", *markdown_table(_STEP_COLUMNS, steps)]
    if machines := _machine_rows(document):
        lines += ["", "## Machines", "", *markdown_table(_MACHINE_COLUMNS, machines)]
    if findings:
        lines += ["", "## Findings", "", *markdown_table(_FINDING_COLUMNS, findings)]
    for name, rows in _sections(document):
        lines += ["", f"## {markdown(name)}", "", *markdown_table(_COLUMNS, rows)]
    return lines


def _print_csv(document: dict[str, Any]) -> None:
    """One row a field; a cell that a spreadsheet would take for a formula begins with an apostrophe.

    The row of the instance type tells of the machine, too.
    """
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(("step", "type", *_COLUMNS, *_MACHINE_COLUMNS[1:]))
    outside = {"name": "", "type": "", "machine": None}
    for step, (_, rows) in zip([*document["steps"], outside], _sections(document), strict=True):
        machine = step["machine"]
        for row in rows:
            is_place = machine is not None and f"{row[0]}/".startswith(f"{machine['pointer']}/")
            about = _machine_cells(machine) if is_place else ("",) * (len(_MACHINE_COLUMNS) - 1)
            cells = (*_cells(step["name"], step["type"]), *row, *about)
            writer.writerow(f"'{cell}" if cell.startswith(("=", "+", "-", "@")) else cell for cell in cells)


def _html(document: dict[str, Any]) -> str:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    from ..report.diagram import one_line

    environment = Environment(
        loader=PackageLoader("smx2vertex.cli"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    steps, findings = _tables(document)
    return environment.get_template("map.html.j2").render(
        pipeline=one_line(document["pipeline"]),
        summary=_summary(document),
        overview=[
            ("Steps", _STEP_COLUMNS, steps),
            ("Machines", _MACHINE_COLUMNS, _machine_rows(document)),
            ("Findings", _FINDING_COLUMNS, findings),
        ],
        sections=[(one_line(name), _COLUMNS, rows) for name, rows in _sections(document)],
    )


def _print_text(definition: Definition, mapped: MappedPipeline, planned: Planned, row_files: Collection[str]) -> None:
    from ..report.diagram import one_line
    from .output import console, print_findings

    out = console()
    document = report(definition, mapped, planned)
    out.print(f"{one_line(definition.name)} · {len(mapped.steps)} steps · {len(definition.parameters)} parameters\n")
    steps, _ = _tables(document)
    _print_table(_STEP_COLUMNS, steps)
    if machines := _machine_rows(document):
        out.print()
        _print_table(_MACHINE_COLUMNS, machines)
    counts = " · ".join(f"{count} {verdict}" for verdict, count in mapped.by_verdict().items())
    out.print(f"\n{mapped.total} fields: {counts} · {len(mapped.unaccounted)} unaccounted")
    if own := [field for field in mapped.all_fields() if field.file in row_files]:
        out.print(f"{len(own)} fields by rows of your own")
        _print_table(("field", "rule", "file", "verdict"), [_cells(f.source, f.rule, f.file, f.verdict) for f in own])
    findings = list(dict.fromkeys([*definition.findings, *planned.with_tables(mapped)]))
    if findings:
        out.print(f"{len(findings)} findings (smx2vertex explain CODE tells more)")
        print_findings(findings)


def _print_table(columns: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    from rich.table import Table
    from rich.text import Text

    from .output import STYLES, console

    table = Table(box=None, pad_edge=True, header_style="bold")
    for column in columns:
        table.add_column(column)
    for row in rows:
        table.add_row(*(Text(cell, STYLES.get(cell, "")) for cell in row))
    console().print(table)
