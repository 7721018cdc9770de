"""Makes the report of one pipeline from its definition, its mapping and its plan."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from ..mapping.ledger import MappedPipeline, MappedStep
from ..mapping.machines import Machine as TargetMachine
from ..mapping.machines import MachineChoice, SourceMachine, alternatives
from ..report.pipeline import Alternative, Machine, PipelineReport, ReportedStep, Resources, TargetResources
from ..sagemaker.definition import Definition
from ..sagemaker.secrets import Secrets
from ..vertex.plan import Machine as PlannedMachine
from ..vertex.plan import Parameter
from ..vertex.planner import Planned


def report_pipeline(
    definition: Definition, mapped: MappedPipeline, planned: Planned, row_files: Collection[str] = ()
) -> PipelineReport:
    """The report of a pipeline.

    Args:
        definition: what was read.
        mapped: what the tables say about it, settled by the plan.
        planned: its plan.
        row_files: the files with rows of the user's own.
    """
    machines = planned.machines()
    hidden = Secrets(definition.raw).hidden
    found = dict.fromkeys([*definition.findings, *planned.with_tables(mapped)])
    return PipelineReport(
        pipeline=definition.name,
        parameters=len(definition.parameters),
        steps=tuple(
            ReportedStep(
                name=step.name,
                type=step.type,
                target=step_target(step, planned),
                verdict=step.verdict,
                machine=_machine(machines[step.name]) if step.name in machines else None,
                fields=tuple(step.fields),
            )
            for step in mapped.steps.values()
        ),
        fields=tuple(mapped.fields),
        total=mapped.total,
        unaccounted=tuple(mapped.unaccounted),
        by_verdict=mapped.by_verdict(),
        findings=tuple(replace(finding, message=hidden(finding.message)) for finding in found),
        own_fields=tuple(each for each in mapped.all_fields() if each.file in row_files) if row_files else (),
    )


def step_target(step: MappedStep, planned: Planned) -> str:
    """What a step becomes; of a type that is not translated the table names the nearest thing."""
    is_redesign = step.name in planned.excluded and step.target.startswith("task that fails")
    return step.target if is_redesign else planned.target(step.name, step.target)


def _machine(machine: PlannedMachine) -> Machine:
    choice, volume, disk = machine.choice, machine.volume_gb, machine.disk_gb
    change = (f"{volume} -> {disk} GB disk",) if volume not in (None, disk) else ()
    grows = disk > (volume or 0)
    return Machine(
        pointer=machine.pointer,
        parameter=machine.type.name if isinstance(machine.type, Parameter) else None,
        source=None if choice.source is None else _source_resources(choice.source),
        chosen=_target_resources(choice.target),
        count=machine.replicas,
        spot=machine.spot,
        volume_gb=volume,
        disk_gb=disk,
        gained=(*choice.gained, *(change if grows else ())),
        lost=(*choice.lost, *(() if grows else change)),
        alternatives=tuple(_alternative(each) for each in alternatives(choice)),
    )


def _source_resources(machine: SourceMachine) -> Resources:
    accelerator = machine.gpu and machine.gpu.upper()
    return Resources(machine.name, machine.vcpus, machine.memory_gib, accelerator, machine.gpu_count)


def _target_resources(machine: TargetMachine) -> TargetResources:
    return TargetResources(
        machine.name,
        machine.vcpus,
        machine.memory_gib,
        machine.accelerator,
        machine.accelerator_count,
        machine.disk_type,
    )


def _alternative(choice: MachineChoice) -> Alternative:
    machine = choice.target
    return Alternative(
        machine.name,
        machine.vcpus,
        machine.memory_gib,
        machine.accelerator,
        machine.accelerator_count,
        machine.disk_type,
        tuple(choice.gained),
        tuple(choice.lost),
    )
