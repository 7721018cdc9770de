"""The machines in the mapping report: what a step ran on, what it will run on, and what else there is."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from support import Outcome

Run = Callable[..., Outcome]


def training(resources: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A Training step with an entry point of its own."""
    return {
        "Name": "Train",
        "Type": "Training",
        "Arguments": {
            "AlgorithmSpecification": {
                "TrainingImage": "111122223333.dkr.ecr.eu-west-1.amazonaws.com/train:1",
                "ContainerEntrypoint": ["python3", "train.py"],
                "TrainingInputMode": "File",
            },
            "OutputDataConfig": {"S3OutputPath": "s3://acme/models/"},
            "ResourceConfig": resources,
            "StoppingCondition": {"MaxRuntimeInSeconds": 600},
            **more,
        },
    }


@pytest.fixture
def spot(tmp_path: Path) -> Path:
    """A step on two spot machines with GPUs, and one that runs on none."""
    resources = {"InstanceType": "ml.g4dn.xlarge", "InstanceCount": 2, "VolumeSizeInGB": 50}
    steps = [
        training(resources, EnableManagedSpotTraining=True),
        {"Name": "Stop", "Type": "Fail", "Arguments": {"ErrorMessage": "x"}},
    ]
    file = tmp_path / "definition.json"
    file.write_text(json.dumps({"Version": "2020-12-01", "Steps": steps}))
    return file


def test_json_holds_a_machine_for_each_step(smx2vertex: Run, spot: Path) -> None:
    train, stop = json.loads(smx2vertex("map", spot, "--format", "json").out)["steps"]
    assert stop["machine"] is None
    machine = train["machine"]
    names = [each["name"] for each in machine.pop("alternatives")]
    assert names == ["n1-standard-8", "g2-standard-4", "n1-highmem-8"]
    assert machine == {
        "pointer": "/Steps/0/Arguments/ResourceConfig/InstanceType",
        "parameter": None,
        "source": {
            "name": "ml.g4dn.xlarge",
            "vcpus": 4,
            "memory_gib": 16.0,
            "accelerator": "T4",
            "accelerator_count": 1,
        },
        "chosen": {
            "name": "n1-highmem-4",
            "vcpus": 4,
            "memory_gib": 26.0,
            "accelerator": "NVIDIA_TESLA_T4",
            "accelerator_count": 1,
            "disk_type": "pd-ssd",
        },
        "count": 2,
        "spot": True,
        "volume_gb": 50,
        "disk_gb": 100,
        "gained": ["16 -> 26 GiB", "50 -> 100 GB disk"],
        "lost": ["local disk -> boot disk"],
    }


SHOWN = (
    "2 × ml.g4dn.xlarge: 4 vCPU, 16 GiB, 1 T4",
    "2 × n1-highmem-4: 4 vCPU, 26 GiB, 1 NVIDIA_TESLA_T4, 100 GB disk, spot",
    "16 -> 26 GiB, 50 -> 100 GB disk",
    "local disk -> boot disk",
    "g2-standard-4: 4 vCPU, 16 GiB, 1 NVIDIA_L4",
)


def test_text_shows_machines(smx2vertex: Run, spot: Path) -> None:
    text = smx2vertex("map", spot).out
    assert [words for words in SHOWN if words not in text] == []


@pytest.mark.parametrize(("form", "heading"), [("md", "## Machines"), ("html", ">Machines</h2>")])
def test_reports_show_machines(smx2vertex: Run, spot: Path, form: str, heading: str) -> None:
    page = smx2vertex("map", spot, "--format", form).out.replace("\\", "").replace("&gt;", ">").replace("→", "->")
    assert heading in page
    assert [words for words in SHOWN if words not in page] == []


def test_csv_tells_of_the_machine_beside_the_instance_type(smx2vertex: Run, spot: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(smx2vertex("map", spot, "--format", "csv").out)))
    [row] = [row for row in rows if row["machine"]]
    assert row["field"].endswith("/InstanceType")
    assert (row["instance type"], row["machine"], row["gained"], row["lost"]) == SHOWN[:4]


def test_what_map_says_is_what_is_compiled(smx2vertex: Run, spot: Path, tmp_path: Path) -> None:
    done = smx2vertex("convert", spot, "--out", tmp_path / "project")
    assert done.code == 0, done.out + done.err
    spec = yaml.safe_load((tmp_path / "project" / "compiled" / "vertex.yaml").read_text())
    job = spec["components"]["comp-train"]["inputDefinitions"]["parameters"]
    assert job["strategy"]["defaultValue"] == "SPOT"
    inputs = spec["root"]["dag"]["tasks"]["train"]["inputs"]["parameters"]
    pools = inputs["worker_pool_specs"]["runtimeValue"]["constant"]
    assert [pool["replica_count"] for pool in pools] == [1, 1]
    assert {pool["machine_spec"]["machine_type"] for pool in pools} == {"n1-highmem-4"}
    assert {pool["machine_spec"]["accelerator_type"] for pool in pools} == {"NVIDIA_TESLA_T4"}
    assert {pool["disk_spec"]["boot_disk_size_gb"] for pool in pools} == {100}


def test_a_machine_of_the_users_has_gains_and_losses_too(smx2vertex: Run, spot: Path, tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("machines: {ml.g4dn.xlarge: n2-standard-4}\n")
    machine = json.loads(smx2vertex("map", spot, "--config", config, "--format", "json").out)["steps"][0]["machine"]
    assert machine["chosen"]["name"] == "n2-standard-4"
    assert machine["lost"] == ["1 T4 -> no accelerator", "local disk -> boot disk"]
