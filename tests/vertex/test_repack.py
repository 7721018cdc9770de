"""Steps that the SDK inserts to put an inference script into a model: nothing but the user's script is needed."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from support import REPOSITORY, Outcome

REPACK = REPOSITORY / "tests" / "fixtures" / "repack"
Command = Callable[..., Outcome]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project, with the user's inference script and nothing of the SDK."""
    out = tmp_path_factory.mktemp("repack") / "project"
    definition = REPACK / "definition.json"
    command = [sys.executable, "-m", "smx2vertex", "convert", definition, "--code", REPACK / "code", "--out", out]
    subprocess.run([*map(str, command)], check=True, capture_output=True)
    return out


def options(project: Path, step: str) -> list[str]:
    text = next(project.glob(f"*/components/{step}.py")).read_text()
    return re.findall(r'^            "(.*)",$', text, re.MULTILINE)


def test_a_repack_step_is_a_task_that_repacks(project: Path) -> None:
    assert options(project, "model_repack_model_0") == [
        "repack-model",
        "--step=Model-RepackModel-0",
        "--archive=training",
        "--script=inference.py",
        "--contents=script",
        "--model=model:{model_destination:str}",
    ]
    assert options(project, "model_repack_model_1")[2:] == [
        "--archive=training:model.tar.gz",
        "--script=inference.py",
        "--contents=folder",
        "--dependency=extra.py",
        "--dependency=.",
        "--model=model:{model_destination:str}",
    ]
    assert [path.name for path in (project / "code" / "model_repack_model_0").iterdir()] == ["inference.py"]


def test_it_runs_here(project: Path, tmp_path: Path) -> None:
    (tmp_path / "first").mkdir()
    (tmp_path / "weights").write_text("1 2 3")
    with tarfile.open(tmp_path / "first" / "model.tar.gz", "w:gz") as archive:
        archive.add(tmp_path / "weights", "weights")
    (project / "code" / "model_repack_model_1" / "extra.py").write_text("EXTRA = 1\n")
    command = ["run", project, "--data", f"s3://acme-models/first={tmp_path / 'first'}", "--out", tmp_path / "run"]
    command += ["--python", sys.executable]
    done = subprocess.run([sys.executable, "-m", "smx2vertex", *map(str, command)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    with tarfile.open(next((tmp_path / "run").rglob("model-repack-model-1/model/model.tar.gz"))) as archive:
        assert archive.getnames() == [
            *("code/extra.py", "code/inference.py", "code/lib/extra.py", "code/lib/inference.py"),
            "weights",
        ]


@pytest.mark.parametrize("target", ["vertex", "kubeflow"])
def test_both_sides_are_equivalent(smx2vertex: Command, project: Path, target: str) -> None:
    done = smx2vertex("validate", REPACK / "definition.json", project / "compiled" / f"{target}.yaml", "--strict")
    assert done.code == 0, done.out + done.err


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("--script=inference.py", "--script=predict.py"),
        ("--contents=script", "--contents=folder"),
        ("--dependency=extra.py", "--dependency=other.py"),
        ("--archive=training:model.tar.gz", "--archive=training:other.tar.gz"),
        ("--model=model:{model_destination:str}", "--model=model:gs://elsewhere/x"),
    ],
)
def test_a_changed_value_is_found(smx2vertex: Command, project: Path, tmp_path: Path, old: str, new: str) -> None:
    text = (project / "compiled" / "vertex.yaml").read_text()
    assert old in text
    changed = tmp_path / "vertex.yaml"
    changed.write_text(text.replace(old, new))
    assert smx2vertex("validate", REPACK / "definition.json", changed).code == 1


def test_nothing_is_unaccounted_for(smx2vertex: Command) -> None:
    report = json.loads(smx2vertex("map", REPACK / "definition.json", "--format", "json").out)
    assert report["ledger"]["unaccounted"] == []
