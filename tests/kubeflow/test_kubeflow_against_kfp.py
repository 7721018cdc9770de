"""kfp's own local runner takes the same branches and gives the same outputs as ours."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from smx2vertex.kubeflow.executor import Options, RunResult, run
from smx2vertex.kubeflow.local import PrivateFolder
from smx2vertex.kubeflow.project import open_project
from smx2vertex.kubeflow.spec import load

HERE = Path(__file__).parent
LAB = HERE.parents[1] / "examples" / "lab-05-accuracy-gate"


def run_with_kfp(pipeline: Path, values: dict[str, Any], root: Path, ml: Path | None = None) -> None:
    """Run with kfp; with `ml`, all in a namespace where that folder is /opt/ml."""
    command = [sys.executable, str(HERE / "kfp_runner.py"), str(pipeline), json.dumps(values), str(root)]
    if ml is not None:
        command = PrivateFolder("namespace", ml.parent / "opt").command(command, ml)
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    subprocess.run(command, capture_output=True, text=True, check=True, timeout=300, env=environment)


def run_here(pipeline: Path, values: dict[str, Any], folder: Path) -> RunResult:
    spec = load(pipeline)
    defaults = {name: port.default for name, port in spec.root.parameters.items() if port.default is not None}
    return run(spec, {**defaults, **values}, Options(folder))


def texts(files: list[Path]) -> list[tuple[str, str]]:
    """Output and text, of all tasks and iterations; kfp's runner writes the integer 1 as 1.0 into texts."""
    return sorted((file.name, re.sub(r"\b(\d+)\.0\b", r"\1", file.read_text())) for file in files)


@pytest.mark.parametrize(
    ("pipeline", "values"),
    [
        ("branches", {"score": 0.8, "word": "ok", "tries": 1}),
        ("branches", {"score": 0.7, "word": "other", "tries": 1}),
        ("branches", {"score": 0.1, "word": "ok", "tries": 9}),
        ("branches", {"score": 0.1, "word": "ok", "tries": 5}),
        ("oneof", {"flag": True}),
        ("oneof", {"flag": False}),
    ],
)
def test_branches_and_outputs_are_those_of_kfp(tmp_path: Path, pipeline: str, values: dict[str, Any]) -> None:
    file = HERE / "specs" / f"{pipeline}.yaml"
    run_with_kfp(file, values, tmp_path / "kfp")
    ours = run_here(file, values, tmp_path / "ours")
    theirs = texts([path for path in (tmp_path / "kfp").rglob("*") if path.is_file()])
    assert texts([path for path in (ours.folder / "parameters").rglob("*") if path.is_file()]) == theirs
    assert theirs


def _has_namespaces(tmp_path: Path) -> bool:
    return PrivateFolder.find(tmp_path / "probe").how == "namespace"


@pytest.mark.slow
def test_a_converted_pipeline_trains_the_same_model_under_kfp(tmp_path: Path) -> None:
    if not _has_namespaces(tmp_path):
        pytest.skip("this machine allows no private /opt/ml")
    project = open_project(LAB / "project")
    text = (LAB / "project" / "compiled" / "kubeflow.yaml").read_text()
    for uri, folder in project.assemble(tmp_path / "code").items():
        text = text.replace(uri, str(folder))
    # outside of Vertex no bucket is mounted
    text = text.replace("gs://sagemaker-us-east-1-111122223333", str(tmp_path / "bucket"))
    (tmp_path / "kubeflow.yaml").write_text(text)
    for folder in ("ml", "opt"):
        (tmp_path / folder).mkdir()
    values = {"InputData": str(LAB / "data"), "MinAccuracy": 0.99}
    run_with_kfp(tmp_path / "kubeflow.yaml", values, tmp_path / "kfp", tmp_path / "ml")
    ours = run_here(tmp_path / "kubeflow.yaml", values, tmp_path / "ours")
    for name in ("model.tar.gz", "evaluation.json", "train.csv", "test.csv"):
        found = [sorted(root.rglob(name)) for root in (tmp_path / "kfp", ours.folder / "artifacts")]
        assert [len(files) for files in found] == [1, 1], name
        assert found[0][0].read_bytes() == found[1][0].read_bytes(), name
    assert ours.failure is not None and ours.failure.name == "accuracy-too-low"
