"""The example that runs when data arrives: its README, word for word, and its function with an event."""

from __future__ import annotations

import importlib.util
import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from support import REPOSITORY

EXAMPLE = REPOSITORY / "examples" / "train-create-register"
README = (EXAMPLE / "README.md").read_text(encoding="utf-8")
SDK = importlib.util.find_spec("sagemaker") is not None


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the example, without what capture and convert write."""
    return Path(
        shutil.copytree(
            EXAMPLE, tmp_path_factory.mktemp("example") / "copy", ignore=shutil.ignore_patterns("project", "run")
        )
    )


def commands() -> list[list[str]]:
    """The commands of the README, in order."""
    blocks = re.findall(r"```console\n(.*?)```", README, re.DOTALL)
    return [shlex.split(line.removeprefix("$ ")) for block in blocks for line in block.splitlines()]


def run(words: list[str], folder: Path) -> str:
    """Run a command of the README; returns what it prints."""
    program = {"smx2vertex": [sys.executable, "-m", "smx2vertex"], "python": [sys.executable]}[words[0]]
    done = subprocess.run([*program, *words[1:]], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, (words, done.stdout, done.stderr)
    return done.stdout


def test_the_readme_holds_word_for_word(folder: Path) -> None:
    said = {}
    for words in commands():
        if words[1] == "capture" and not SDK:
            continue
        said[words[1]] = run(words, folder)
    if SDK:
        assert "1 pipeline, 2 triggers" in said["capture"]
    assert "SMX325" in said["convert"]
    assert "equivalent" in said["validate"]
    assert said["run"].rstrip().endswith("succeeded")
    assert "gcloud run deploy train-create-register-new-training-data" in said["project/deploy_triggers.py"]
    request = json.loads(next(folder.glob("run/**/requests/register-register-model/*.json")).read_text())
    assert "bike-forecast" in json.dumps(request)


def test_what_the_readme_writes_into_the_trigger_stays(folder: Path) -> None:
    yaml_block = re.search(r"```yaml\n(.*?)```", README, re.DOTALL)
    assert yaml_block is not None
    convert = next(words for words in commands() if words[1] == "convert")
    project = folder / "own"
    words = [*convert[:-1], str(project)]
    run(words, folder)
    trigger = project / "triggers" / "new-training-data.yaml"
    text = trigger.read_text(encoding="utf-8").replace("parameters: {}\n", yaml_block[1])
    trigger.write_text(text, encoding="utf-8")
    run(words, folder)
    assert yaml.safe_load(trigger.read_text())["parameters"] == {"TrainData": "gs://{bucket}/{folder}/"}


def test_the_checked_in_project_is_what_convert_writes(folder: Path) -> None:
    shutil.copytree(EXAMPLE / "project", folder / "checked-in")
    words = ["convert", "bundle", "--config", "config.yaml", "--out", "checked-in", "--check"]
    run(["smx2vertex", *words], folder)


@pytest.mark.skipif(not SDK, reason="capturing needs the SageMaker SDK, version 2")
def test_the_checked_in_bundle_is_what_capture_writes(folder: Path) -> None:
    run(["smx2vertex", "capture", "pipeline.py", "--out", "again"], folder)
    for name in ("triggers.yaml", "definitions/train-create-register.json"):
        assert (folder / "again" / name).read_bytes() == (EXAMPLE / "bundle" / name).read_bytes()


def test_the_checked_in_data_are_what_make_data_writes(tmp_path: Path) -> None:
    subprocess.run([sys.executable, EXAMPLE / "make_data.py", tmp_path], check=True)
    for path in ("train/bikes.csv", "validation/bikes.csv"):
        assert (tmp_path / path).read_bytes() == (EXAMPLE / "data" / path).read_bytes()
