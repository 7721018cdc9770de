"""What all examples have in common: projects that `convert` writes today, of bundles and data that belong to them."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from support import Outcome

from examples.projects import EXAMPLES, projects
from smx2vertex.sagemaker.bundle import open_bundle

RunCommand = Callable[..., Outcome]
PROJECTS = projects()
# A bundle, and the program that it is captured of.
BUNDLES = {
    "customer-churn/bundle": "pipeline.py",
    "tensorflow-mlops/bundle": "pipeline.py",
    "train-create-register/bundle": "pipeline.py",
    "workshop-diabetes/dev/bundle": "pipeline_dev.py",
    "workshop-diabetes/prod/bundle": "pipeline_prod.py",
}


def files(folder: Path) -> dict[str, bytes]:
    """All files below a folder; running and linting a project leave caches, which are no part of it."""
    found = (path for path in folder.rglob("*") if path.is_file())
    caches = {"__pycache__", ".ruff_cache", ".mypy_cache"}
    return {str(path.relative_to(folder)): path.read_bytes() for path in found if caches.isdisjoint(path.parts)}


def sources(example: Path, name: str) -> list[bytes]:
    """The files of this name that a person wrote."""
    made = {"bundle", "project", "run"}
    return [file.read_bytes() for file in example.rglob(name) if made.isdisjoint(file.relative_to(example).parts)]


def members(archive: Path) -> dict[str, bytes]:
    """The files in an archive, by their names without folders."""
    with tarfile.open(archive) as tar:
        files = {Path(entry.name).name: tar.extractfile(entry) for entry in tar if entry.isfile()}
        return {name: file.read() for name, file in files.items() if file is not None}


@pytest.mark.parametrize("project", PROJECTS, ids=lambda project: str(project.parent.relative_to(EXAMPLES)))
def test_the_project_is_what_convert_writes(smx2vertex: RunCommand, tmp_path: Path, project: Path) -> None:
    done = smx2vertex("convert", *PROJECTS[project], "--out", tmp_path / "project")
    assert done.code == 0, done.out + done.err
    made, golden = files(tmp_path / "project"), files(project)
    differing = sorted(path for path in made.keys() | golden.keys() if made.get(path) != golden.get(path))
    assert differing == [], "`make examples` writes the example projects again"


@pytest.mark.parametrize("bundle", BUNDLES)
def test_the_bundle_holds_the_scripts_that_are_checked_in(bundle: str) -> None:
    """A script that changed after the last capture shows, without the SDK."""
    example = EXAMPLES / bundle.split("/")[0]
    for address, file in open_bundle(EXAMPLES / bundle).files().items():
        found = members(file) if address.endswith(".tar.gz") else {file.name: file.read_bytes()}
        for name, content in found.items():
            if name != "runproc.sh":  # the SDK writes this one
                assert content in sources(example, name), address


@pytest.mark.slow
@pytest.mark.parametrize("bundle", BUNDLES)
def test_the_bundle_is_what_capture_keeps(smx2vertex: RunCommand, tmp_path: Path, bundle: str) -> None:
    pytest.importorskip("sagemaker", reason="capturing needs the SageMaker SDK, version 2")
    checked_in = EXAMPLES / bundle
    program = EXAMPLES / bundle.split("/")[0] / BUNDLES[bundle]
    assert smx2vertex("capture", program, "--out", tmp_path / "bundle").code == 0
    made, golden = files(tmp_path / "bundle"), files(checked_in)
    # the manifest names the versions of the SDK and of Python that captured
    kept, expected = (json.loads(each.pop("manifest.json")) for each in (made, golden))
    assert made == golden
    assert kept["code"] == expected["code"]


@pytest.mark.parametrize("example", sorted({project.relative_to(EXAMPLES).parts[0] for project in PROJECTS}))
def test_the_checked_in_data_are_what_make_data_writes(tmp_path: Path, example: str) -> None:
    shutil.copy(EXAMPLES / example / "make_data.py", tmp_path)
    subprocess.run([sys.executable, tmp_path / "make_data.py"], check=True)
    assert files(tmp_path / "data") == files(EXAMPLES / example / "data")
