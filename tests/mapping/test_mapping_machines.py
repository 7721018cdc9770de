"""Which machine is chosen for which instance type."""

from __future__ import annotations

from pathlib import Path

import pytest

from smx2vertex.mapping.data import load_csv, load_yaml, mappings_dir
from smx2vertex.mapping.machines import MachineChoice, alternatives, choose, disk_gb, machine, named

INSTANCE_TYPES = [
    row["name"] for row in load_csv(mappings_dir() / "machines" / "sagemaker_instance_types.csv") if row["vcpus"]
]
RULES = load_yaml(mappings_dir() / "machines.yaml")
CHOICES = {name: choice for name in INSTANCE_TYPES if (choice := choose(name))}
# The largest of a family: nothing else, or only one more, holds as much or comes near.
FEW = {row["name"]: int(row["alternatives"]) for row in load_csv(Path(__file__).parent / "few_alternatives.csv")}


@pytest.mark.parametrize(
    ("instance_type", "name", "accelerator", "count"),
    [
        ("ml.m5.xlarge", "n2-standard-4", None, 0),
        ("ml.m5.large", "n2-standard-4", None, 0),  # n2-standard-2 is not accepted by custom training
        ("ml.m5.4xlarge", "n2-standard-16", None, 0),
        ("ml.m5.24xlarge", "n1-highmem-96", None, 0),
        ("ml.t3.medium", "e2-standard-4", None, 0),
        ("ml.c5.xlarge", "n4-highcpu-4", None, 0),
        ("ml.r5.2xlarge", "n2-highmem-8", None, 0),
        ("ml.r5.24xlarge", "m1-megamem-96", None, 0),
        ("ml.g4dn.xlarge", "n1-highmem-4", "NVIDIA_TESLA_T4", 1),  # n1-standard-4 has 15 GiB, one too few
        ("ml.g4dn.8xlarge", "g2-standard-32", "NVIDIA_L4", 1),  # 32 processors of N1 take two or four T4
        ("ml.g4dn.12xlarge", "n1-standard-64", "NVIDIA_TESLA_T4", 4),
        ("ml.g5.xlarge", "g2-standard-4", "NVIDIA_L4", 1),
        ("ml.g5.12xlarge", "g2-standard-48", "NVIDIA_L4", 4),
        ("ml.g6e.2xlarge", "a2-ultragpu-1g", "NVIDIA_A100_80GB", 1),
        ("ml.p3.2xlarge", "a2-highgpu-1g", "NVIDIA_TESLA_A100", 1),
        ("ml.p3.16xlarge", "n1-highmem-96", "NVIDIA_TESLA_V100", 8),
        ("ml.p4d.24xlarge", "a2-ultragpu-8g", "NVIDIA_A100_80GB", 8),  # a2-highgpu-8g has 680 of 1152 GiB
        ("ml.p4de.24xlarge", "a2-ultragpu-8g", "NVIDIA_A100_80GB", 8),
        ("ml.p5.48xlarge", "a3-highgpu-8g", "NVIDIA_H100_80GB", 8),
    ],
)
def test_choice(instance_type: str, name: str, accelerator: str | None, count: int) -> None:
    choice = choose(instance_type)
    assert choice
    assert (choice.target.name, choice.target.accelerator, choice.target.accelerator_count) == (
        name,
        accelerator,
        count,
    )


@pytest.mark.parametrize(
    "instance_type",
    [
        "ml.trn1.2xlarge",
        "ml.inf2.xlarge",
        "ml.dl1.24xlarge",
        "ml.p5e.48xlarge",
        "ml.m8i.96xlarge",
        "ml.x.large",
        "local",
        "",
    ],
)
def test_no_match_is_no_guess(instance_type: str) -> None:
    assert choose(instance_type) is None


@pytest.mark.parametrize("choice", CHOICES.values(), ids=lambda choice: choice.target.name)
def test_target_is_accepted_and_has_enough(choice: MachineChoice) -> None:
    source, target = choice.source, choice.target
    assert source
    assert machine(target.name)
    assert target.name not in RULES["unverified"]
    assert target.vcpus >= source.vcpus
    assert target.accelerator_count >= source.gpu_count
    assert bool(target.accelerator) == bool(source.gpu)
    if source.name not in RULES["exceptions"]:
        assert target.memory_gib >= source.memory_gib


def test_accelerators_of_n1_machines_come_in_allowed_counts() -> None:
    attached = [
        choice.target
        for choice in CHOICES.values()
        if choice.target.name.startswith("n1-") and choice.target.accelerator
    ]
    assert attached
    for target in attached:
        assert target.accelerator_count in RULES["attached"][target.accelerator]["counts"][target.vcpus]


@pytest.mark.parametrize(
    ("instance_type", "changes"),
    [
        ("ml.m5.xlarge", ""),
        ("ml.m5.large", "2 -> 4 vCPU, 8 -> 16 GiB"),
        ("ml.m6g.xlarge", "Arm -> x86"),
        ("ml.g6.xlarge", "local disk -> boot disk"),
        ("ml.p3.16xlarge", "64 -> 96 vCPU, 488 -> 624 GiB"),
        ("ml.p2.xlarge", "4 -> 16 vCPU, 61 -> 104 GiB, 1 K80 -> 1 NVIDIA_TESLA_T4"),
    ],
)
def test_changes_say_what_is_gained_or_lost(instance_type: str, changes: str) -> None:
    choice = choose(instance_type)
    assert choice and choice.changes == changes


@pytest.mark.parametrize(("name", "disk_type"), [("n2-standard-4", "pd-ssd"), ("n4-highcpu-4", "hyperdisk-balanced")])
def test_disk_type_fits_the_machine(name: str, disk_type: str) -> None:
    found = machine(name)
    assert found and found.disk_type == disk_type


@pytest.mark.parametrize("name", ["n2-standard-2", "c2d-standard-8", "g4-standard-6", "m5.xlarge"])
def test_machines_that_custom_training_does_not_accept_are_unknown(name: str) -> None:
    assert machine(name) is None


@pytest.mark.parametrize(("volume", "disk"), [(1, 100), (100, 100), (500, 500), (99999, 64000)])
def test_disk_size_stays_within_the_limits(volume: int, disk: int) -> None:
    assert disk_gb(volume) == disk


@pytest.mark.parametrize(
    ("instance_type", "name", "accelerator", "count", "changes"),
    [
        ("ml.m5.xlarge", "e2-standard-8", None, 0, "4 -> 8 vCPU, 16 -> 32 GiB"),
        ("ml.g4dn.xlarge", "n1-standard-8", "NVIDIA_TESLA_T4", 1, "4 -> 8 vCPU, 16 -> 30 GiB, local disk -> boot disk"),
        ("ml.g5.xlarge", "n2-standard-4", None, 0, "1 A10G -> no accelerator, local disk -> boot disk"),
        ("ml.trn1.2xlarge", "g2-standard-8", "NVIDIA_L4", 1, ""),
        ("ml.p5e.48xlarge", "a3-ultragpu-8g", "NVIDIA_H200_141GB", 8, None),
    ],
)
def test_a_machine_of_the_users_choice(
    instance_type: str, name: str, accelerator: str | None, count: int, changes: str | None
) -> None:
    choice = named(instance_type, name)
    assert choice
    assert (choice.target.name, choice.target.accelerator, choice.target.accelerator_count) == (
        name,
        accelerator,
        count,
    )
    assert changes is None or choice.changes == changes


def test_a_machine_that_nobody_has_cannot_be_chosen() -> None:
    assert named("ml.m5.xlarge", "n9-standard-4") is None


@pytest.mark.parametrize(
    ("instance_type", "gained", "lost"),
    [
        ("ml.m5.large", ("2 -> 4 vCPU", "8 -> 16 GiB"), ()),
        ("ml.m6g.xlarge", (), ("Arm -> x86",)),
        ("ml.p5.48xlarge", ("192 -> 208 vCPU",), ("2048 -> 1872 GiB", "local disk -> boot disk")),
        ("ml.p3.2xlarge", ("8 -> 12 vCPU", "61 -> 85 GiB", "1 V100 -> 1 NVIDIA_TESLA_A100"), ()),
    ],
)
def test_gains_and_losses_are_told_apart(instance_type: str, gained: tuple[str, ...], lost: tuple[str, ...]) -> None:
    choice = choose(instance_type)
    assert choice and (choice.gained, choice.lost) == (gained, lost)


def test_fewer_accelerators_are_a_loss() -> None:
    choice = named("ml.g5.12xlarge", "g2-standard-4")
    assert choice and "4 A10G -> 1 NVIDIA_L4" in choice.lost


@pytest.mark.parametrize(
    ("instance_type", "names"),
    [
        ("ml.m5.xlarge", ["n4-standard-4", "n1-highmem-4", "n2-standard-8"]),
        ("ml.g4dn.xlarge", ["n1-standard-8", "g2-standard-4", "n1-highmem-8"]),
        ("ml.p5.4xlarge", ["a3-highgpu-2g"]),
        ("ml.p5.48xlarge", ["a3-highgpu-4g"]),  # no other machine has as much: what is nearest, with what it lacks
    ],
)
def test_alternatives(instance_type: str, names: list[str]) -> None:
    choice = choose(instance_type)
    assert choice and [each.target.name for each in alternatives(choice)] == names


@pytest.mark.parametrize(("name", "choice"), CHOICES.items())
def test_each_choice_has_one_to_three_other_machines(name: str, choice: MachineChoice) -> None:
    found = [each.target for each in alternatives(choice)]
    assert len(found) == FEW.get(name, 3)
    assert choice.target not in found
    assert len({(each.name, each.accelerator_count) for each in found}) == len(found)
    assert all(machine(each.name) and each.name not in RULES["unverified"] for each in found)
    for each in alternatives(choice):
        assert each.source
        lacks = each.target.vcpus < each.source.vcpus or each.target.memory_gib < each.source.memory_gib
        assert not lacks or each.lost


def test_of_an_unknown_instance_type_there_are_no_alternatives() -> None:
    choice = named("ml.trn1.2xlarge", "g2-standard-8")
    assert choice and alternatives(choice) == []
