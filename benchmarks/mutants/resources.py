"""Faults of what tasks run on. They change cost and time, not results: the comparison reports them as warnings."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from .operator import warning
from .view import DROPPED, Edits, Path, Task, View, at

# Steps that say what they run on, and in which image.
# What gives the same again, whether it is run or remembered.
AGAIN = ("fail", "condition", "loop-items", "loop-results")
JOBS = ("processing", "training", "transform")


def _jobs(view: View) -> list[Task]:
    return [task for task in view.tasks if task.line.verb in JOBS]


def _place(view: View, task: Task, *names: str) -> Path | None:
    """Where a setting of a task's pool of machines stands, if it has one."""
    path = (*task.line.path[:-2], *names)
    return path if at(view.document, path) is not None else None


def _pools(view: View, verbs: tuple[str, ...], *names: str) -> Iterator[tuple[Path, Any]]:
    for task in _jobs(view):
        path = _place(view, task, *names)
        if path is not None and task.line.verb in verbs:
            yield path, at(view.document, path)


@warning
def image_changed(view: View) -> Iterator[Edits]:
    """A task runs in another image than others whose steps have the same image.

    Left out: images of one task of a kind alone, for any name may stand for a name.
    """
    places: list[tuple[Path, tuple[str, str]]] = []
    for task in _jobs(view):
        names = ("image_uri",) if "container_spec" in task.line.path else ("image",)
        path = (*task.line.path[:-1], *names)
        places.append((path, (task.line.verb, at(view.document, path))))
    count = Counter(image for _, image in places)
    yield from ([(path, f"{image[1]}-x")] for path, image in places if count[image] > 1)


@warning
def machine_changed(view: View) -> Iterator[Edits]:
    """A job runs on another type of machine than the conversion chose.

    Left out: containers without a type of machine.
    """
    for path, machine in _pools(view, JOBS, "machine_spec", "machine_type"):
        yield [(path, "n2-highmem-128" if machine != "n2-highmem-128" else "n2-standard-2")]


@warning
def accelerator_added(view: View) -> Iterator[Edits]:
    """A job gets an accelerator, or another one."""
    for path, spec in _pools(view, JOBS, "machine_spec"):
        yield [(path, {**spec, "accelerator_type": "NVIDIA_TESLA_K80", "accelerator_count": 1})]


@warning
def number_of_machines_changed(view: View) -> Iterator[Edits]:
    """A job runs on one machine more."""
    for path, count in _pools(view, JOBS, "replica_count"):
        if isinstance(count, (int, float)):
            yield [(path, count + 1)]


@warning
def disk_changed(view: View) -> Iterator[Edits]:
    """A job has a disk of another size.

    Left out: batch transforms, which have no size of their own in SageMaker.
    """
    for path, size in _pools(view, ("processing", "training"), "disk_spec", "boot_disk_size_gb"):
        if isinstance(size, (int, float)):
            yield [(path, size + 100)]


@warning
def disk_of_another_type(view: View) -> Iterator[Edits]:
    """A job has a disk of another type."""
    for path, kind in _pools(view, JOBS, "disk_spec", "boot_disk_type"):
        yield [(path, "pd-standard" if kind != "pd-standard" else "pd-ssd")]


@warning
def time_limit_changed(view: View) -> Iterator[Edits]:
    """A job may take a second longer.

    Left out: jobs of a day, the limit where nobody sets one: their steps may have none.
    """
    for task in _jobs(view):
        path = ("components", task.component, "inputDefinitions", "parameters", "timeout", "defaultValue")
        text = str(at(view.document, path))
        if re.fullmatch(r"\d+s", text) and text != "86400s":
            yield [(path, f"{int(text[:-1]) + 1}s")]


@warning
def caching_changed(view: View) -> Iterator[Edits]:
    """Results of earlier runs are taken where they were not, or the other way round.

    Left out: tasks that fail, for nothing is kept of them; evaluators and tasks of loops, which give the same again.
    """
    for task in view.tasks:
        if task.line.verb in AGAIN:
            continue
        on = task.raw.get("cachingOptions", {}).get("enableCache") is True
        yield [((*task.path, "cachingOptions"), {} if on else {"enableCache": True})]


@warning
def retries_added(view: View) -> Iterator[Edits]:
    """A task is tried again after a failure, more often or at all."""
    for task in view.tasks:
        policy = task.raw.get("retryPolicy", {"backoffDuration": "0s", "backoffFactor": 2.0, "maxRetryCount": 0})
        yield [((*task.path, "retryPolicy"), {**policy, "maxRetryCount": policy["maxRetryCount"] + 1})]


@warning
def retries_dropped(view: View) -> Iterator[Edits]:
    """A task is not tried again after a failure."""
    for task in view.tasks:
        if "retryPolicy" in task.raw:
            yield [((*task.path, "retryPolicy"), DROPPED)]
