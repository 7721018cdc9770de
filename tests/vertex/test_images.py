"""The images of a generated project: Dockerfiles, the Cloud Build of each, and commands that copy one's own."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from support import REPOSITORY, Outcome

CHURN = REPOSITORY / "tests" / "fixtures" / "churn_mini" / "definition.json"
Run = Callable[..., Outcome]


@pytest.fixture
def project(smx2vertex: Run, tmp_path: Path) -> Path:
    config = tmp_path / "config.yaml"
    config.write_text("image_repository: europe-west3-docker.pkg.dev/acme-ml/my_images\n")
    done = smx2vertex("convert", CHURN, "--out", tmp_path / "project", "--config", config)
    assert done.code == 0, done.out + done.err
    return tmp_path / "project"


def test_each_dockerfile_has_a_cloud_build_that_pushes_to_the_address_in_config(project: Path) -> None:
    addresses = yaml.safe_load((project / "config.yaml").read_text())["environments"]["dev"]["images"]
    folders = {file.parent for file in project.glob("images/*/Dockerfile")}
    assert {folder.name for folder in folders} == set(addresses) - {"python"}
    for folder in folders:
        build = yaml.safe_load((folder / "cloudbuild.yaml").read_text())
        assert build == {
            "steps": [{"name": "gcr.io/cloud-builders/docker", "args": ["build", "--tag", "$_IMAGE", "."]}],
            "images": ["$_IMAGE"],
            "substitutions": {"_IMAGE": addresses[folder.name]},
        }
        assert addresses[folder.name].startswith("europe-west3-docker.pkg.dev/acme-ml/my_images/")


def test_the_project_names_the_command_for_each_image(project: Path) -> None:
    steps = (project / "MIGRATION.md").read_text()
    for folder in project.glob("images/*"):
        path = folder.relative_to(project).as_posix()
        assert f"gcloud builds submit {path} --config={path}/cloudbuild.yaml" in steps
        assert (
            f"gcloud builds submit {path} --config={path}/cloudbuild.yaml" in (folder / "cloudbuild.yaml").read_text()
        )
    assert "cloudbuild.yaml" in (project / "README.md").read_text()


def test_an_image_of_ones_own_is_copied_to_the_address_in_config(smx2vertex: Run, tmp_path: Path) -> None:
    uri = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/churn-prep:1.0"
    text = CHURN.read_text().replace(
        "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3", uri
    )
    (tmp_path / "definition.json").write_text(text)
    assert uri in text
    done = smx2vertex("convert", tmp_path / "definition.json", "--out", tmp_path / "project")
    assert done.code == 0, done.out + done.err
    settings = yaml.safe_load((tmp_path / "project" / "config.yaml").read_text())
    address = settings["environments"]["dev"]["images"]["churn_prep_1_0"]
    assert f"crane copy {uri} {address}\n" in (tmp_path / "project" / "MIGRATION.md").read_text()
    assert not (tmp_path / "project" / "images" / "churn_prep_1_0").exists()


def test_what_the_user_names_is_neither_built_nor_copied(smx2vertex: Run, tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    uri = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"
    config.write_text(json.dumps({"images": {uri: "europe-docker.pkg.dev/acme/ml/sklearn:1"}}))
    done = smx2vertex("convert", CHURN, "--out", tmp_path / "project", "--config", config)
    assert done.code == 0, done.out + done.err
    names = {folder.name for folder in (tmp_path / "project" / "images").iterdir()}
    assert names == {"xgboost_1_7", "xgboost_1_7_serving"}
    assert "sklearn:1" not in (tmp_path / "project" / "MIGRATION.md").read_text()
