"""Hazards in pipeline specs: what compiles without a word, and fails or surprises when it runs.

One rule, one code. A rule is a function from a `Subject` to the hazards it sees; `RULES` is the table of them. The
catalogue of findings says of each why it matters and what to do. An error is what fails, or does something else than
what is written, wherever such a task can run; a warning is what fails on one engine, or probably.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ...findings import Finding
from ..spec import PipelineSpec
from . import executors, flow, jobs, tasks, texts
from .subject import Hazard, Limits, MachineLimits, Subject

__all__ = ["GRAPH_CODES", "RULES", "Hazard", "Limits", "MachineLimits", "Subject", "find_hazards"]

Rule = Callable[[Subject], Iterator[Hazard]]

# What the graph finds while it resolves the pipeline.
GRAPH_CODES = tuple(f"SMX{number}" for number in range(510, 523))

RULES: dict[str, Rule] = {
    "SMX519": tasks.too_many_tasks,
    "SMX523": executors.malformed,
    "SMX524": executors.unknown_fields,
    "SMX525": flow.compared_types,
    "SMX526": flow.placeholder_address,
    "SMX527": flow.empty_groups,
    "SMX528": texts.inexact_integers,
    "SMX529": texts.wrong_types,
    "SMX530": tasks.large_spec,
    "SMX531": tasks.long_commands,
    "SMX532": texts.aws_addresses,
    "SMX533": texts.default_location,
    "SMX534": texts.names_and_labels,
    "SMX535": texts.broken_requests,
    "SMX536": tasks.cached_changes,
    "SMX537": tasks.one_name_for_two,
    "SMX538": flow.address_of_a_task,
    "SMX539": flow.never_cached,
    "SMX540": flow.conditional_importer,
    "SMX541": jobs.refused_machines,
    "SMX542": jobs.unknown_machines,
    "SMX543": jobs.accelerators,
    "SMX544": jobs.container_limits,
    "SMX545": jobs.disks,
    "SMX546": jobs.numbers_at_run_time,
    "SMX547": tasks.many_artifacts,
    "SMX548": jobs.camel_case,
    "SMX549": tasks.cached_without_output,
}


def find_hazards(spec: PipelineSpec, limits: Limits, size: int) -> list[Finding]:
    """All hazards of a pipeline spec, those of its graph first, each place and sentence once.

    Args:
        spec: the pipeline spec.
        limits: what custom training accepts.
        size: of its file, in bytes.
    """
    subject = Subject(spec, limits, size)
    found = [
        Finding(code, hazard.message, pointer=hazard.at, step=hazard.task, file=spec.file)
        for code, rule in RULES.items()
        for hazard in rule(subject)
    ]
    return list(dict.fromkeys([*subject.graph.findings, *found]))
