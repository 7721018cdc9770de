"""Checkpoints of training jobs."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from support import REPOSITORY, Outcome

Command = Callable[..., Outcome]
CHURN = REPOSITORY / "tests" / "fixtures" / "churn_mini" / "definition.json"


def definition(folder: Path, checkpoints: dict[str, str]) -> Path:
    """The churn pipeline, its training with checkpoints."""
    document = json.loads(CHURN.read_text())
    training = next(step for step in document["Steps"] if step["Type"] == "Training")
    training["Arguments"]["CheckpointConfig"] = checkpoints
    file = folder / "definition.json"
    file.write_text(json.dumps(document))
    return file


def test_checkpoints_go_to_their_address(smx2vertex: Command, tmp_path: Path) -> None:
    source = definition(tmp_path, {"S3Uri": "s3://acme-ml/checkpoints"})
    done = smx2vertex("convert", source, "--out", tmp_path / "project")
    assert done.code == 0, done.out
    compiled = tmp_path / "project" / "compiled" / "vertex.yaml"
    assert "--checkpoints=/opt/ml/checkpoints:{checkpoints:str}" in compiled.read_text()
    edited = tmp_path / "edited.yaml"
    edited.write_text(compiled.read_text().replace("gs://acme-ml/checkpoints", "gs://acme-ml/elsewhere"))
    assert smx2vertex("validate", source, edited).code == 1


def test_a_job_that_does_not_take_up_its_checkpoints_is_no_translation(smx2vertex: Command, tmp_path: Path) -> None:
    source = definition(tmp_path, {"S3Uri": "s3://acme-ml/checkpoints"})
    smx2vertex("convert", source, "--out", tmp_path / "project")
    lines = (tmp_path / "project" / "compiled" / "vertex.yaml").read_text().splitlines()
    edited = tmp_path / "edited.yaml"
    edited.write_text("\n".join(line for line in lines if "--checkpoints=" not in line))
    done = smx2vertex("validate", source, edited)
    assert done.code == 1
    assert "SMX452 error   Train: checkpoints in '/opt/ml/checkpoints'" in done.out


@pytest.mark.parametrize(
    ("checkpoints", "found"),
    [
        ({"S3Uri": "s3://acme-ml/c", "LocalPath": "/opt/ml/own"}, "--checkpoints=/opt/ml/own:"),
        ({"S3Uri": "s3://acme-ml/c", "LocalPath": "/data"}, "SMX218"),
    ],
)
def test_the_folder_may_be_another_one(
    smx2vertex: Command, tmp_path: Path, checkpoints: dict[str, str], found: str
) -> None:
    done = smx2vertex("convert", definition(tmp_path, checkpoints), "--out", tmp_path / "project")
    assert done.code == 0, done.out
    assert found in done.out + (tmp_path / "project" / "compiled" / "vertex.yaml").read_text()
