"""The machine of Vertex custom training for a SageMaker instance type, by the rules of `mappings/machines.yaml`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from smx2vertex.mapping.data import load_csv, load_yaml, mappings_dir


@dataclass(frozen=True, slots=True)
class SourceMachine:
    """A SageMaker instance type; `gpu` is as EC2 calls it, such as `t4`, or None."""

    name: str
    vcpus: int
    memory_gib: float
    gpu: str | None
    gpu_count: int
    gpu_memory_gib: float

    @property
    def family(self) -> str:
        """`m5` of `ml.m5.xlarge`."""
        return self.name.split(".")[1]


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine of Compute Engine with its accelerators, as a Vertex custom job asks for it.

    `accelerator` is a name of Vertex AI's `AcceleratorType`, or None; `disk_type` is the kind of its boot disk.
    """

    name: str
    vcpus: int
    memory_gib: float
    accelerator: str | None
    accelerator_count: int
    disk_type: str

    @property
    def family(self) -> str:
        """`n2-standard` of `n2-standard-4`."""
        return self.name.rpartition("-")[0]


@dataclass(frozen=True, slots=True)
class MachineChoice:
    """The machine chosen for an instance type.

    `source` is None if what the instance type has is not known. `gained` and `lost` say what the target has more, and
    what less: `2 -> 4 vCPU`, `Arm -> x86`.
    """

    source: SourceMachine | None
    target: Machine
    gained: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()

    @property
    def changes(self) -> str:
        """What is gained or lost, such as `2 -> 4 vCPU, 8 -> 16 GiB`; "" if nothing is."""
        return ", ".join((*self.gained, *self.lost))


@cache
def choose(instance_type: str) -> MachineChoice | None:
    """The nearest machine that has at least what `instance_type` (such as `ml.m5.xlarge`) has.

    None if the type is not known, or no machine that custom training accepts has enough.
    """
    source = _sources().get(instance_type)
    if source is None:
        return None
    exception = _rules()["exceptions"].get(instance_type)
    target = _machines()[exception["machine"]] if exception else _nearest(source)
    return _compared(source, target) if target else None


def named(instance_type: str, name: str) -> MachineChoice | None:
    """The machine `name`, which the user has chosen for `instance_type`.

    An N1 machine gets the accelerators that the instance type needs, if it can have them. None if custom training does
    not accept the machine.
    """
    plain = machine(name)
    if plain is None:
        return None
    source = _sources().get(instance_type)
    if source is None:
        return MachineChoice(None, plain)
    accelerated = (
        found
        for group in _groups(source)
        for found in group
        if found.name == name and found.accelerator_count >= source.gpu_count
    )
    target = next(accelerated, plain) if source.gpu else plain
    return _compared(source, target)


def alternatives(choice: MachineChoice) -> list[MachineChoice]:
    """Other machines for the same instance type, one to three, the nearest first.

    First those of other families that have enough, then the next larger one of the same family, and if there is none of
    either, the nearest that lacks something. None at all if what the instance type has is not known.
    """
    source, chosen = choice.source, choice.target
    if source is None:
        return []
    found: dict[str, Machine] = {}
    for machine in _in_order(source):
        if machine.family != chosen.family and _has_enough(machine, source):
            found.setdefault(machine.family, machine)
    larger = [each for each in _in_order(source) if each.family == chosen.family and _is_more(each, chosen)]
    others = [*list(found.values())[: 2 if larger else 3], *larger[:1]]
    if not others:
        lacking = [each for each in _in_order(source) if (each.name, each.accelerator) != _key(chosen)]
        others = sorted(lacking, key=lambda each: abs(each.memory_gib - source.memory_gib))[:1]
    return [_compared(source, each) for each in others]


def machine(name: str) -> Machine | None:
    """A machine of Compute Engine by its name, if custom training accepts it; N1 machines come without accelerators."""
    return _machines().get(name)


def machine_names() -> frozenset[str]:
    """The machines that custom training accepts."""
    return frozenset(_machines())


@cache
def refused_names() -> frozenset[str]:
    """The machines of Compute Engine that custom training does not accept."""
    rows = load_csv(mappings_dir() / "machines" / "gcp_machine_types.csv")
    return frozenset(row["name"] for row in rows) - machine_names()


def attachable(name: str) -> dict[str, tuple[int, ...]] | None:
    """The accelerators that may be attached to an accepted machine: allowed numbers by type; None if not known."""
    plain, rules = _machines()[name], _rules()["attached"]
    if plain.family.startswith("n1-") and not any(plain.family in rule["families"] for rule in rules.values()):
        return None
    return {
        accelerator: tuple(rule["counts"].get(plain.vcpus, ()))
        for accelerator, rule in rules.items()
        if plain.family in rule["families"]
    }


def disk_rules() -> tuple[frozenset[str], int, int]:
    """The kinds of boot disks, and their smallest and largest size in GB."""
    disk = _rules()["disk"]
    return frozenset(disk["kinds"]), int(disk["smallest_gb"]), int(disk["largest_gb"])


def only_disk_type(name: str) -> str | None:
    """The kind of boot disk, if the machine starts from one kind only."""
    found = _rules()["disk"]["types"].get(name.partition("-")[0])
    return None if found is None else str(found)


@cache
def instance_types() -> frozenset[str]:
    """The instance types of SageMaker."""
    return frozenset(row["name"] for row in load_csv(mappings_dir() / "machines" / "sagemaker_instance_types.csv"))


def disk_gb(volume_gb: int) -> int:
    """The size of the boot disk, in GB, for a volume of `volume_gb` GB."""
    disk = _rules()["disk"]
    return int(min(max(volume_gb, disk["smallest_gb"]), disk["largest_gb"]))


@cache
def _rules() -> dict[str, Any]:
    rules: dict[str, Any] = load_yaml(mappings_dir() / "machines.yaml")
    return rules


@cache
def _sources() -> dict[str, SourceMachine]:
    """The instance types whose accelerators are known: none, or GPUs."""
    rows = load_csv(mappings_dir() / "machines" / "sagemaker_instance_types.csv")
    return {
        row["name"]: SourceMachine(
            name=row["name"],
            vcpus=int(row["vcpus"]),
            memory_gib=float(row["memory_gib"]),
            gpu=row["gpu"] or None,
            gpu_count=int(row["gpu_count"]),
            gpu_memory_gib=float(row["gpu_memory_gib"] or 0),
        )
        for row in rows
        if row["vcpus"] and row["gpu_count"]
    }


@cache
def _machines() -> dict[str, Machine]:
    """What custom training accepts, in the order of choice."""
    rows = load_csv(mappings_dir() / "machines" / "gcp_machine_types.csv")
    accepted = [
        Machine(
            name=row["name"],
            vcpus=int(row["vcpus"]),
            memory_gib=float(row["memory_gib"]),
            accelerator=row["accelerator"] or None,
            accelerator_count=int(row["accelerator_count"] or 0),
            disk_type=_disk_type(row["name"]),
        )
        for row in rows
        if row["custom_training"] == "yes" and row["vcpus"]
    ]
    return {machine.name: machine for machine in sorted(accepted, key=lambda m: (m.vcpus, m.memory_gib, m.name))}


def _disk_type(name: str) -> str:
    disk = _rules()["disk"]
    return str(disk["types"].get(name.partition("-")[0], disk["default_type"]))


def _nearest(source: SourceMachine) -> Machine | None:
    for group in _groups(source):
        fitting = [machine for machine in group if _has_enough(machine, source)]
        if fitting:
            # min keeps the first of equals, and the machines come in the order of preference
            return min(fitting, key=lambda machine: machine.accelerator_count)
    return None


def _groups(source: SourceMachine) -> Iterator[list[Machine]]:
    """The machines to look at, group by group, each in the order of preference."""
    if source.gpu:
        for accelerators in _rules()["accelerators"].get(source.gpu, []):
            yield [machine for accelerator in accelerators for machine in _accelerated(accelerator)]
        return
    for character in _rules()["characters"].values():
        if source.family in character["sources"]:
            for families in character["targets"]:
                yield [machine for machine in _machines().values() if machine.family in families]


def _accelerated(accelerator: str) -> Iterator[Machine]:
    """The machines with this accelerator, built in or attached."""
    attached = _rules()["attached"].get(accelerator, {"families": [], "counts": {}})
    for machine in _machines().values():
        if machine.accelerator == accelerator:
            yield machine
        elif machine.family in attached["families"]:
            for count in attached["counts"].get(machine.vcpus, []):
                yield replace(machine, accelerator=accelerator, accelerator_count=count)


def _has_enough(machine: Machine, source: SourceMachine) -> bool:
    memory = _rules()["accelerator_memory_gib"].get(machine.accelerator, 0)
    return (
        machine.name not in _rules()["unverified"]
        and machine.vcpus >= source.vcpus
        and machine.memory_gib >= source.memory_gib
        and machine.accelerator_count >= source.gpu_count
        and memory >= source.gpu_memory_gib
    )


def _in_order(source: SourceMachine) -> Iterator[Machine]:
    """The machines for an instance type, of each group the fewest accelerators first."""
    for group in _groups(source):
        yield from sorted(
            (each for each in group if each.name not in _rules()["unverified"]),
            key=lambda each: each.accelerator_count,
        )


def _is_more(machine: Machine, chosen: Machine) -> bool:
    return (
        machine.accelerator == chosen.accelerator
        and machine.accelerator_count >= chosen.accelerator_count
        and (machine.vcpus, machine.memory_gib) > (chosen.vcpus, chosen.memory_gib)
    )


def _key(machine: Machine) -> tuple[str, str | None]:
    return machine.name, machine.accelerator


def _compared(source: SourceMachine, target: Machine) -> MachineChoice:
    gained: list[str] = []
    lost: list[str] = []
    for unit, had, has in (("vCPU", source.vcpus, target.vcpus), ("GiB", source.memory_gib, target.memory_gib)):
        if has != had:
            (gained if has > had else lost).append(f"{had:g} -> {has:g} {unit}")
    if not _same_accelerators(source, target):
        (gained if _more_accelerators(source, target) else lost).append(
            f"{_accelerators(source.gpu, source.gpu_count)} -> "
            f"{_accelerators(target.accelerator, target.accelerator_count)}"
        )
    if source.family in _rules()["arm"]:
        lost.append("Arm -> x86")
    if source.family in _rules()["local_disk"]:
        lost.append("local disk -> boot disk")
    return MachineChoice(source, target, tuple(gained), tuple(lost))


def _more_accelerators(source: SourceMachine, target: Machine) -> bool:
    """Whether the target has at least as many, each with at least as much memory."""
    memory = _rules()["accelerator_memory_gib"].get(target.accelerator, 0)
    return bool(target.accelerator_count >= source.gpu_count and memory >= source.gpu_memory_gib)


def _accelerators(name: str | None, count: int) -> str:
    return f"{count} {name.upper()}" if name else "no accelerator"


def _same_accelerators(source: SourceMachine, target: Machine) -> bool:
    """Whether number, kind and memory are the same: `t4` is NVIDIA_TESLA_T4, `h100` is NVIDIA_H100_80GB."""
    if source.gpu is None or target.accelerator is None:
        return source.gpu is None and target.accelerator is None
    memory = _rules()["accelerator_memory_gib"].get(target.accelerator)
    same_kind = source.gpu.upper() in target.accelerator.split("_")
    return same_kind and memory == source.gpu_memory_gib and target.accelerator_count == source.gpu_count
