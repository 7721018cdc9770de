"""The functions for programs: they print nothing, and return what the commands print."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from support import REPOSITORY, Outcome

from smx2vertex import api

LAB = REPOSITORY / "examples" / "lab-05-accuracy-gate"
PAGE = (REPOSITORY / "docs" / "api.md").read_text(encoding="utf-8")
Run = Callable[..., Outcome]


def test_the_program_of_the_page_prints_what_the_page_says(tmp_path: Path) -> None:
    (program,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    (wanted,) = re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL)
    program = program.replace("build/lab-05", str(tmp_path / "lab-05"))
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=REPOSITORY)
    assert (done.returncode, done.stdout) == (0, wanted), done.stderr


def test_results_are_those_of_the_commands(smx2vertex: Run) -> None:
    source = api.load(LAB / "definition.json")
    project = LAB / "project"
    results = {
        ("inspect",): source.to_dict(),
        ("map",): api.map_pipeline(source).to_dict(),
        ("validate", project): api.compare(source, project).to_dict(),
    }
    for (command, *others), result in results.items():
        done = smx2vertex(command, LAB / "definition.json", *others, "--format", "json")
        assert json.loads(done.out) == json.loads(json.dumps(result))


def test_a_dry_conversion_writes_nothing(tmp_path: Path) -> None:
    source = api.load(LAB / "definition.json")
    done = api.convert(source, tmp_path / "project", code=LAB / "code", dry=True)
    assert (done.comparison, list(tmp_path.iterdir())) == (None, [])
    assert "config.yaml" in done.to_dict()["changes"]


def _two_pipelines(folder: Path) -> Path:
    """A bundle of the examples, with its pipeline twice."""
    shutil.copytree(LAB.parent / "customer-churn" / "bundle", folder)
    manifest = json.loads((folder / "manifest.json").read_text())
    (entry,) = manifest["pipelines"]
    manifest["pipelines"] = [entry, entry | {"name": "second"}]
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


def _empty_folder(folder: Path) -> Path:
    folder.mkdir()
    return folder


def test_what_the_user_can_mend_is_a_finding(tmp_path: Path) -> None:
    twice = tmp_path / "twice.json"
    fail = {"Name": "Stop", "Type": "Fail", "Arguments": {"ErrorMessage": "no"}}
    twice.write_text(json.dumps({"Version": "2020-12-01", "Steps": [fail, fail]}))
    empty = tmp_path / "empty.json"
    empty.write_text(json.dumps({"Version": "2020-12-01", "Steps": []}))
    attempts: dict[str, Callable[[], object]] = {
        "SMX101": lambda: api.load(tmp_path / "nowhere.json"),
        "SMX114": lambda: api.load(_two_pipelines(tmp_path / "bundle")),
        "SMX122": lambda: api.map_pipeline(api.load(twice)),
        "SMX160": lambda: api.capture("nothing at all", tmp_path / "bundle"),
        "SMX170": lambda: api.assess([_empty_folder(tmp_path / "nothing")]),
        "SMX300": lambda: api.convert(api.load(empty), tmp_path / "project"),
    }
    for code, attempt in attempts.items():
        with pytest.raises(api.InputError) as raised:
            attempt()
        assert raised.value.finding.code == code
