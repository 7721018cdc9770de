"""The scripts of lab 05, run as SageMaker would run them, without the toolkit."""

from __future__ import annotations

import csv
import hashlib
import importlib.util
import json
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest

LAB = Path(__file__).parents[2] / "examples" / "lab-05-accuracy-gate"
SPLITS = {"train": 2800, "validation": 600, "test": 600}

# A private /opt/ml for one process: /opt is rebuilt from what it holds, since /opt/ml may not exist on this machine.
PRIVATE_OPT_ML = """
set -e
mkdir "$0"/.opt
mount --rbind /opt "$0"/.opt
mount -t tmpfs none /opt
for folder in "$0"/.opt/*/; do
    [ -d "$folder" ] || continue
    mkdir "/opt/$(basename "$folder")"
    mount --rbind "$folder" "/opt/$(basename "$folder")"
done
mkdir -p /opt/ml
mount --rbind "$0" /opt/ml
exec "$@"
"""


@pytest.fixture(scope="session")
def _namespace() -> None:
    allowed = subprocess.run(["unshare", "-rm", "true"], capture_output=True, check=False).returncode == 0
    if not allowed:
        pytest.skip("the scripts name /opt/ml; this machine does not permit `unshare -rm` to give them a private one")


@pytest.fixture(scope="session")
def definition() -> dict[str, Any]:
    document: dict[str, Any] = json.loads((LAB / "definition.json").read_text(encoding="utf-8"))
    return document


def run_script(name: str, opt_ml: Path, inputs: dict[str, Path]) -> Path:
    """Run code/`name` with `inputs` (folder below processing/: file) in its own /opt/ml; the processing folder."""
    processing = opt_ml / "processing"
    for folder, file in {**inputs, "input/code": LAB / "code" / name}.items():
        (processing / folder).mkdir(parents=True, exist_ok=True)
        (processing / folder / file.name).write_bytes(file.read_bytes())
    command = [sys.executable, f"/opt/ml/processing/input/code/{name}"]
    subprocess.run(["unshare", "-rm", "sh", "-c", PRIVATE_OPT_ML, str(opt_ml), *command], check=True)
    return processing


@pytest.fixture(scope="session")
def preprocessed(_namespace: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    opt_ml = tmp_path_factory.mktemp("preprocess")
    return run_script("preprocessing.py", opt_ml, {"input": LAB / "data" / "abalone.csv"})


@pytest.fixture(scope="session")
def model(preprocessed: Path, definition: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the built-in algorithm makes of the splits: xgboost-model in model.tar.gz; column 0 is the label."""
    xgboost = pytest.importorskip("xgboost")
    numpy = pytest.importorskip("numpy")

    def channel(name: str) -> Any:
        table = numpy.loadtxt(preprocessed / name / f"{name}.csv", delimiter=",")
        return xgboost.DMatrix(table[:, 1:], label=table[:, 0])

    train_step = next(step for step in definition["Steps"] if step["Name"] == "TrainModel")
    hyperparameters = dict(train_step["Arguments"]["HyperParameters"])
    rounds = int(hyperparameters.pop("num_round"))
    booster = xgboost.train(
        hyperparameters, channel("train"), rounds, evals=[(channel("validation"), "validation")], verbose_eval=False
    )
    folder = tmp_path_factory.mktemp("model")
    (folder / "xgboost-model").write_bytes(booster.save_raw())
    archive = folder / "model.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(folder / "xgboost-model", "xgboost-model")
    return archive


def test_preprocessing_splits_70_15_15_with_the_label_first_and_no_header(preprocessed: Path) -> None:
    for name, rows in SPLITS.items():
        with (preprocessed / name / f"{name}.csv").open(newline="") as file:
            table = list(csv.reader(file))
        assert len(table) == rows
        assert {row[0] for row in table} == {"0", "1"}
        # 3 columns of sex, 7 sizes; no rings, which would give the label away
        assert {len(row) for row in table} == {11}


def test_the_accuracy_lies_between_the_thresholds_of_both_branches(
    model: Path, preprocessed: Path, tmp_path: Path
) -> None:
    processing = run_script("evaluation.py", tmp_path, {"model": model, "test": preprocessed / "test" / "test.csv"})
    report = json.loads((processing / "evaluation" / "evaluation.json").read_text())
    accuracy = report["metrics"]["accuracy"]["value"]
    assert report == {"metrics": {"accuracy": {"value": accuracy}}}
    assert isinstance(accuracy, float)
    assert 0.85 <= accuracy <= 0.93


def test_the_checked_in_data_are_what_make_data_writes(tmp_path: Path) -> None:
    subprocess.run([sys.executable, LAB / "make_data.py", tmp_path / "abalone.csv"], check=True)
    assert (tmp_path / "abalone.csv").read_bytes() == (LAB / "data" / "abalone.csv").read_bytes()


def test_the_definition_addresses_the_checked_in_scripts(definition: dict[str, Any]) -> None:
    """A script that changed after the last export shows: the SDK hashes its path and content into its address."""
    uris = [
        source["S3Input"]["S3Uri"]
        for step in definition["Steps"]
        for source in step["Arguments"].get("ProcessingInputs", [])
        if source["InputName"] == "code"
    ]
    assert [uri.split("/")[-1] for uri in uris] == ["preprocessing.py", "evaluation.py"]
    for uri in uris:
        digest, name = uri.split("/")[-2:]
        assert digest == hashlib.sha256(f"code/{name}".encode() + (LAB / "code" / name).read_bytes()).hexdigest()


@pytest.mark.skipif(
    importlib.util.find_spec("sagemaker") is None, reason="exporting needs the SageMaker SDK, version 2"
)
def test_the_checked_in_definition_is_what_export_definition_writes(tmp_path: Path) -> None:
    target = tmp_path / "definition.json"
    subprocess.run([sys.executable, LAB / "export_definition.py", target], check=True, capture_output=True)
    assert target.read_bytes() == (LAB / "definition.json").read_bytes()
