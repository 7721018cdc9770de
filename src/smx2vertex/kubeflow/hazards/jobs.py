"""Rules on machines, accelerators and disks: those of worker pools, and the limits of plain containers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ..graph import Task
from ..origins import Constant, Origin
from .subject import Hazard, MachineLimits, Subject, as_float, brief, constant_text, has_placeholder

MAX_CPUS = 96
MAX_MEMORY_GB = 624
GB = 1e9
_SIZE = re.compile(r"(\d+(?:\.\d+)?)([KMGTPE]?)(i?)")
_POWERS = {unit: power for power, unit in enumerate("KMGTPE", start=1)} | {"": 0}
_UNSPECIFIED = "ACCELERATOR_TYPE_UNSPECIFIED"


def _pools(subject: Subject) -> Iterator[tuple[str, Task, Mapping[str, Any]]]:
    """The worker pools that are written in the pipeline spec: place, task, pool."""
    for placed, task in subject.leaves():
        if task.kind not in ("custom_job", "hyperparameter_tuning_job"):
            continue
        at, pools = subject.given(placed, "worker_pool_specs")
        for index, pool in enumerate(pools if isinstance(pools, list) else ()):
            if isinstance(pool, Mapping):
                yield f"{at}[{index}]", task, pool


def _part(pool: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = pool.get(name)
    return part if isinstance(part, Mapping) else {}


def _machines(subject: Subject) -> Iterator[tuple[str, Task, str, Mapping[str, Any]]]:
    """The machines that are named: place of their description, task, name, description."""
    for at, task, pool in _pools(subject):
        machine = _part(pool, "machine_spec")
        name = machine.get("machine_type")
        if isinstance(name, str) and name and not has_placeholder(name):
            yield f"{at}.machine_spec", task, name, machine


def refused_machines(subject: Subject) -> Iterator[Hazard]:
    """Machines that custom training does not accept, and instance types of SageMaker."""
    for at, task, name, _ in _machines(subject):
        if name in subject.limits.refused or name.startswith("ml."):
            yield Hazard(f"custom training does not accept the machine {name}", f"{at}.machine_type", task.name)


def unknown_machines(subject: Subject) -> Iterator[Hazard]:
    """Machines that the tables do not have."""
    for at, task, name, _ in _machines(subject):
        known = name in subject.limits.machines or name in subject.limits.refused or name.startswith("ml.")
        if not known:
            yield Hazard(f"the machine {brief(name)} is not known", f"{at}.machine_type", task.name)


def accelerators(subject: Subject) -> Iterator[Hazard]:
    """Kinds and numbers of accelerators that the machine cannot have."""
    for at, task, name, machine in _machines(subject):
        limits = subject.limits.machines.get(name)
        kind, count = machine.get("accelerator_type"), machine.get("accelerator_count")
        is_written = not isinstance(count, str) and not has_placeholder(kind)
        if limits is None or not is_written:
            continue
        fault = _accelerator_fault(limits, kind, count, subject.limits.accelerators)
        if fault:
            yield Hazard(f"{name} {fault}", at, task.name)


def _accelerator_fault(limits: MachineLimits, kind: Any, count: Any, known: frozenset[str]) -> str | None:
    kind = None if kind in (None, "", _UNSPECIFIED) else str(kind)
    if kind is None and not limits.built_in:
        return None
    given = f"{as_float(count or 0):g} {kind}" if isinstance(count or 0, (int, float)) and kind else "none"
    if limits.built_in:
        fits = kind is not None and limits.built_in.get(kind) == count
        wanted = ", ".join(f"{number} {name}" for name, number in limits.built_in.items())
        return None if fits else f"has {wanted}, which the job must ask for; it asks for {given}"
    if limits.attachable is None:
        return None
    if not limits.attachable:
        return f"takes no accelerators; the job asks for {given}"
    if kind not in known:
        return None
    allowed = limits.attachable.get(str(kind))
    if allowed is None:
        return f"takes no {kind}"
    numbers = ", ".join(map(str, allowed))
    return None if count in allowed else f"takes {numbers} {kind}; the job asks for {given}"


def disks(subject: Subject) -> Iterator[Hazard]:
    """Boot disks of a size or kind that custom training does not accept."""
    limits = subject.limits
    for at, task, pool in _pools(subject):
        disk = _part(pool, "disk_spec")
        size, kind = disk.get("boot_disk_size_gb"), disk.get("boot_disk_type")
        if isinstance(size, (int, float)) and size and not limits.smallest_disk_gb <= size <= limits.largest_disk_gb:
            allowed = f"{limits.smallest_disk_gb} to {limits.largest_disk_gb}"
            message = f"a boot disk has {allowed} GB; the job asks for {as_float(size):g}"
            yield Hazard(message, f"{at}.disk_spec.boot_disk_size_gb", task.name)
        if not isinstance(kind, str) or not kind or has_placeholder(kind):
            continue
        machine = _part(pool, "machine_spec").get("machine_type")
        wanted = getattr(limits.machines.get(str(machine)), "disk_type", None)
        place = f"{at}.disk_spec.boot_disk_type"
        if kind not in limits.disk_types:
            yield Hazard(f"{brief(kind)} is no boot disk: {', '.join(sorted(limits.disk_types))} are", place, task.name)
        elif wanted and kind != wanted:
            yield Hazard(f"{machine} starts from {wanted} only; the job asks for {kind}", place, task.name)


def numbers_at_run_time(subject: Subject) -> Iterator[Hazard]:
    """Numbers in worker pools that reach the component as texts, which it refuses."""
    fields = (("machine_spec", "accelerator_count"), ("disk_spec", "boot_disk_size_gb"))
    for at, task, pool in _pools(subject):
        for part, name in fields:
            value = _part(pool, part).get(name)
            if isinstance(value, str):
                yield Hazard(
                    f"{name} of {task.name} arrives as a text: {brief(value)}", f"{at}.{part}.{name}", task.name
                )


def camel_case(subject: Subject) -> Iterator[Hazard]:
    """Worker pools with fields in camel case, which the component does not know."""
    for at, task, pool in _pools(subject):
        parts = {"": pool, **{f".{name}": part for name, part in pool.items() if isinstance(part, Mapping)}}
        for place, part in parts.items():
            for name in part:
                if isinstance(name, str) and name != name.lower():
                    yield Hazard(
                        f"a worker pool of {task.name} has no field {name!r}", f"{at}{place}.{name}", task.name
                    )


def container_limits(subject: Subject) -> Iterator[Hazard]:
    """Plain containers that ask for more than any machine of a pipeline's step has."""
    for placed, task in subject.leaves():
        if task.kind != "container":
            continue
        at = f"{subject.executor(placed.component)[0]}.container.resources"
        machine = task.machine
        cpus = max(_size(machine.cpu_limit), _size(machine.cpu_request))
        memory = max(_size(machine.memory_limit, GB), _size(machine.memory_request, GB))
        if cpus > MAX_CPUS:
            yield Hazard(f"{task.name} asks for {cpus:g} processors, more than {MAX_CPUS}", at, task.name)
        if memory > MAX_MEMORY_GB * GB:
            message = f"{task.name} asks for {memory / GB:.0f} GB of memory, more than {MAX_MEMORY_GB}"
            yield Hazard(message, at, task.name)


def _size(origin: Origin | None, unit: float = 1) -> float:
    """A quantity in Kubernetes' units; a number that is no text is in `unit`, the compiler's older spelling."""
    if isinstance(origin, Constant) and isinstance(origin.value, (int, float)):
        return as_float(origin.value) * unit
    match = _SIZE.fullmatch(constant_text(origin) or "")
    if match is None:
        return 0
    return float(match[1]) * (1024.0 if match[3] else 1000.0) ** _POWERS[match[2]]
