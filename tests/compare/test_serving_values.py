"""What serves in a transform, and defaults of parameters that name a machine or an approval."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support import Outcome

Command = Callable[..., Outcome]
XGBOOST = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1"


def definition(program: str | None, approval: str = "PendingManualApproval") -> dict[str, Any]:
    """A model that is registered, and one that predicts for a data set."""
    environment = {"SAGEMAKER_SUBMIT_DIRECTORY": "s3://acme/code/source.tar.gz", "SAGEMAKER_PROGRAM": program}
    container = {
        "Image": XGBOOST,
        "ModelDataUrl": "s3://acme/models/model.tar.gz",
        "Environment": environment if program else {},
    }
    transform = {
        "ModelName": {"Get": "Steps.Lay.ModelName"},
        "TransformInput": {
            "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://acme/batch/"}},
            "ContentType": "text/csv",
        },
        "TransformOutput": {"S3OutputPath": "s3://acme/predictions"},
        "TransformResources": {"InstanceType": {"Get": "Parameters.Machine"}, "InstanceCount": 1},
    }
    register = {
        "ModelPackageGroupName": "churn",
        "ModelApprovalStatus": {"Get": "Parameters.Approval"},
        "InferenceSpecification": {"Containers": [container]},
    }
    return {
        "Version": "2020-12-01",
        "Parameters": [
            {"Name": "Machine", "Type": "String", "DefaultValue": "ml.m5.xlarge"},
            {"Name": "Approval", "Type": "String", "DefaultValue": approval},
        ],
        "Steps": [
            {"Name": "Lay", "Type": "Model", "Arguments": {"ModelName": "churn", "PrimaryContainer": container}},
            {"Name": "Predict", "Type": "Transform", "Arguments": transform},
            {"Name": "Register", "Type": "RegisterModel", "Arguments": register},
        ],
    }


def converted(folder: Path, program: str | None) -> Path:
    folder.mkdir()
    file = folder / "definition.json"
    file.write_text(json.dumps(definition(program)))
    command = [sys.executable, "-m", "smx2vertex", "convert", str(file), "--out", str(folder / "project")]
    subprocess.run(command, check=True, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def scripted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Served by a script of the user's."""
    return converted(tmp_path_factory.mktemp("serving") / "scripted", "score.py")


@pytest.fixture(scope="module")
def built_in(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Served by the built-in algorithm."""
    return converted(tmp_path_factory.mktemp("serving") / "built_in", None)


def findings(smx2vertex: Command, source: Path, target: Path) -> tuple[int, set[str]]:
    """The exit code of `validate`, and the codes of errors and warnings."""
    done = smx2vertex("validate", source / "definition.json", target, "--format", "json")
    checks = json.loads(done.out)["checks"]
    return done.code, {f["code"] for check in checks for f in check["findings"] if f["severity"] != "info"}


def after(smx2vertex: Command, source: Path, folder: Path, old: str, new: str) -> tuple[int, set[str]]:
    """What is found once a text of the project's compiled files is replaced."""
    project = folder / "project"
    shutil.copytree(source / "project", project)
    for file in (project / "compiled").glob("*.yaml"):
        text = file.read_text()
        assert old in text
        file.write_text(text.replace(old, new))
    return findings(smx2vertex, source, project)


def test_what_serves_is_equivalent(smx2vertex: Command, scripted: Path, built_in: Path) -> None:
    assert findings(smx2vertex, scripted, scripted / "project")[0] == 0
    assert findings(smx2vertex, built_in, built_in / "project")[0] == 0


def test_another_script_in_a_transform_is_found(smx2vertex: Command, scripted: Path, tmp_path: Path) -> None:
    code, found = after(smx2vertex, scripted, tmp_path, "--program=score.py", "--program=other.py")
    assert (code, "SMX448" in found) == (1, True)


def test_an_algorithm_in_place_of_the_script_is_found(smx2vertex: Command, scripted: Path, tmp_path: Path) -> None:
    code, found = after(smx2vertex, scripted, tmp_path, "--program=score.py", "--algorithm=xgboost")
    assert (code, "SMX448" in found) == (1, True)


def test_a_script_in_place_of_the_algorithm_is_found(smx2vertex: Command, built_in: Path, tmp_path: Path) -> None:
    code, found = after(smx2vertex, built_in, tmp_path, "--algorithm=xgboost", "--program=other.py")
    assert (code, "SMX448" in found) == (1, True)


def test_an_approval_that_the_contract_does_not_know_is_found(
    smx2vertex: Command, scripted: Path, tmp_path: Path
) -> None:
    code, found = after(smx2vertex, scripted, tmp_path, "PendingManualApproval", "champion")
    assert (code, "SMX434" in found) == (1, True)


def test_another_machine_than_the_conversion_chose_is_a_warning(
    smx2vertex: Command, scripted: Path, tmp_path: Path
) -> None:
    assert "SMX461" not in findings(smx2vertex, scripted, scripted / "project")[1]
    code, found = after(smx2vertex, scripted, tmp_path, "n2-standard-4", "n1-standard-2")
    assert (code, "SMX461" in found) == (0, True)


@pytest.mark.parametrize("nonsense", ["a-machine", "large", "ml.m5.large"])
def test_a_default_that_names_no_machine_is_an_error(
    smx2vertex: Command, scripted: Path, tmp_path: Path, nonsense: str
) -> None:
    code, found = after(smx2vertex, scripted, tmp_path, "defaultValue: n2-standard-4", f"defaultValue: {nonsense}")
    assert (code, "SMX434" in found) == (1, True)


def with_input(folder: Path, **fields: str) -> Path:
    """The definition with fields of the TransformInput; a folder of its own holds it and the project."""
    document = definition("score.py")
    document["Steps"][1]["Arguments"]["TransformInput"].update(fields)
    folder.mkdir()
    (folder / "definition.json").write_text(json.dumps(document))
    return folder


def test_packed_data_are_unpacked(smx2vertex: Command, tmp_path: Path) -> None:
    source = with_input(tmp_path / "packed", CompressionType="Gzip")
    assert smx2vertex("convert", source / "definition.json", "--out", source / "project").code == 0
    component = (source / "project" / "definition" / "components" / "predict.py").read_text()
    assert '"--compression-type={compression_type:str}",' in component
    assert findings(smx2vertex, source, source / "project")[0] == 0
    code, found = after(smx2vertex, source, tmp_path, "constant: Gzip", "constant: None")
    assert (code, "SMX451" in found) == (1, True)


def test_records_in_a_binary_format_are_not_translated(smx2vertex: Command, tmp_path: Path) -> None:
    source = with_input(tmp_path / "binary", SplitType="RecordIO")
    assert smx2vertex("convert", source / "definition.json", "--out", source / "project").code == 0
    component = (source / "project" / "definition" / "components" / "predict.py").read_text()
    assert '"--code=SMX390",' in component


def test_an_inference_pipeline_of_several_containers_is_reported_and_fails(smx2vertex: Command, tmp_path: Path) -> None:
    document = definition(None)
    containers = document["Steps"][2]["Arguments"]["InferenceSpecification"]["Containers"]
    model = document["Steps"][0]["Arguments"]
    model["Containers"] = [model.pop("PrimaryContainer"), containers[0]]
    containers.append(containers[0])
    (tmp_path / "definition.json").write_text(json.dumps(document))
    done = smx2vertex("convert", tmp_path / "definition.json", "--out", tmp_path / "project")
    assert done.code == 0
    components = tmp_path / "project" / "definition" / "components"
    assert '"--code=SMX224",' in (components / "lay.py").read_text()
    assert '"--code=SMX338",' in (components / "register.py").read_text()
    assert '"--code=SMX340",' in (components / "predict.py").read_text()
    assert smx2vertex("validate", tmp_path / "definition.json", tmp_path / "project", "--strict").code == 1
