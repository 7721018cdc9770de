"""Rules on tasks as a whole: size, number, caching, names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ..flattening import MAX_TASKS
from ..origins import Collected, length
from .subject import Hazard, Placed, Subject, words_of

MAX_JOB_TASKS = 10_000
MAX_SPEC_BYTES = 1_000_000
MAX_COMMAND_BYTES = 50_000
MAX_ARTIFACTS = 100
# Prebuilt components whose purpose is a change somewhere else, not a result.
CHANGES = frozenset(
    {
        "create_endpoint",
        "delete_endpoint",
        "delete_model",
        "deploy_model",
        "export_model",
        "model_upload",
        "undeploy_model",
        "vertex_notification_email",
    }
)


def too_many_tasks(subject: Subject) -> Iterator[Hazard]:
    """More tasks than Vertex AI accepts; above MAX_TASKS the graph says so itself."""
    count = len(subject.graph.tasks)
    if MAX_JOB_TASKS < count < MAX_TASKS:
        yield Hazard(f"the pipeline has {count} tasks, more than {MAX_JOB_TASKS}", "root.dag")


def large_spec(subject: Subject) -> Iterator[Hazard]:
    """A file that may be too large for a cluster."""
    if subject.size > MAX_SPEC_BYTES:
        yield Hazard(f"the file has {subject.size:,} bytes, more than {MAX_SPEC_BYTES:,}", "")


def long_commands(subject: Subject) -> Iterator[Hazard]:
    """Commands that may be too long for a container."""
    for label, executor in subject.spec.executors.items():
        size = sum(len(word.encode()) for word in words_of(executor))
        if size > MAX_COMMAND_BYTES:
            message = f"the command of {label} has {size:,} bytes, more than {MAX_COMMAND_BYTES:,}"
            yield Hazard(message, f"deploymentSpec.executors.{label}.container")


def many_artifacts(subject: Subject) -> Iterator[Hazard]:
    """Tasks with more artifacts than Vertex AI accepts, those that are collected from a loop included."""
    for placed, task in subject.leaves():
        collected = sum(_items(subject, origin) for origin in task.artifacts.values())
        count = collected + len(task.output_artifacts)
        if count > MAX_ARTIFACTS:
            yield Hazard(f"{task.name} has {count} artifacts, more than {MAX_ARTIFACTS}", placed.at, task.name)


def _items(subject: Subject, origin: Any) -> int:
    """How many artifacts an input holds: of a loop over a known list as many as it has items."""
    if not isinstance(origin, Collected):
        return 1
    inner = getattr(origin.of, "task", None)
    loops = subject.graph.tasks[inner].loops if inner in subject.graph.tasks else ()
    return max(length(loops[-1].items) if loops else 0, 1)


def cached_changes(subject: Subject) -> Iterator[Hazard]:
    """Prebuilt tasks that change something, and may be skipped."""
    for placed, task in subject.leaves():
        if task.caching and task.kind in CHANGES:
            yield Hazard(f"{task.name} is skipped when its inputs are the same again", placed.at, task.name)


def cached_without_output(subject: Subject) -> Iterator[Hazard]:
    """Containers that give nothing to the pipeline, and may be skipped."""
    for placed, task in subject.leaves():
        has_output = task.output_parameters or task.output_artifacts
        if task.caching and task.kind == "container" and not has_output:
            message = f"{task.name} has no output, and is skipped when its inputs are the same again"
            yield Hazard(message, placed.at, task.name)


def one_name_for_two(subject: Subject) -> Iterator[Hazard]:
    """Tasks whose names differ in a number that the compiler added, and which run different programs."""
    programs = {placed.node.component: (placed, task, _program(subject, placed)) for placed, task in subject.leaves()}
    for name, (placed, task, program) in programs.items():
        first = programs.get(re.sub(r"-\d+$", "", name))
        if first and program and first[2] and program != first[2]:
            message = f"{task.name} ({name}) runs another program than {first[1].name} ({first[0].node.component})"
            yield Hazard(message, placed.at, task.name)


def _program(subject: Subject, placed: Placed) -> tuple[str, ...]:
    _, executor = subject.executor(placed.component)
    return tuple(words_of(executor))
