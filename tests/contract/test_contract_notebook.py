"""Notebook jobs: papermill gets the notebook, its parameters as texts, and the kernel; the result is published.

A stand-in for papermill keeps what it was asked for; the last test runs the real one where it is installed.
"""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest
from contract_run import Sandbox

FOLDER = "/opt/ml/input/data/sagemaker_headless_execution_pipelinestep"
NOTEBOOK = {
    "cells": [
        {"cell_type": "code", "metadata": {"tags": ["parameters"]}, "source": "rate = '1'", "outputs": [],
         "execution_count": None, "id": "a"},
        {"cell_type": "code", "metadata": {}, "source": "print(repr(rate), open('help.txt').read())", "outputs": [],
         "execution_count": None, "id": "b"},
    ],
    "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
    "nbformat": 4,
    "nbformat_minor": 5,
}  # fmt: skip
STAND_IN = """
import json, os, shutil, sys
shutil.copy(sys.argv[1], sys.argv[2])
print(json.dumps({"argv": sys.argv[1:], "here": os.listdir("."), "level": os.environ["LEVEL"]}))
sys.exit(3 if "fail" in sys.argv else 0)
"""
OPTIONS = [
    "notebook",
    "--step=Report",
    f"--code={FOLDER}",
    "--parameter=rate:{rate:float}",
    "--environment=LEVEL:high",
    "--environment=SM_INPUT_NOTEBOOK_NAME:in.ipynb",
    "--environment=SM_OUTPUT_NOTEBOOK_NAME:out.ipynb",
    "--environment=SM_KERNEL_NAME:python3",
    "--output=notebook:{place:str}",
]


@pytest.fixture
def job(tmp_path: Path) -> Sandbox:
    """A notebook job with a file beside the notebook, and a stand-in for papermill."""
    box = Sandbox(tmp_path, {"rate": 0.5, "place": "gs://acme/notebooks"}, outputs=["notebook"])
    box.local_run({})
    box.file("code/src/in.ipynb", json.dumps(NOTEBOOK))
    box.file("code/src/help.txt", "help")
    box.file("modules/papermill.py", STAND_IN)
    box.environment["PYTHONPATH"] = str(tmp_path / "modules")
    return box


def test_papermill_runs_the_notebook_with_its_parameters(job: Sandbox) -> None:
    asked = json.loads(job.succeed(*OPTIONS).stdout.splitlines()[-1])
    result = str(job.out("notebook") / "out.ipynb")
    assert asked["argv"] == [
        "in.ipynb", result, "--cwd", ".", "--kernel", "python3", "--parameters_raw", "rate", "0.5",
    ]  # fmt: skip
    assert (sorted(asked["here"]), asked["level"]) == (["help.txt", "in.ipynb"], "high")
    assert (job.root / "written" / "acme" / "notebooks" / "out.ipynb").is_file()


def test_a_failed_notebook_fails_the_task_and_is_kept(job: Sandbox) -> None:
    done = job.run(*OPTIONS, "--parameter=fail:fail")
    assert done.returncode == 3
    assert (job.out("notebook") / "out.ipynb").is_file()
    assert not (job.root / "written").exists()


def test_the_init_script_runs_first(job: Sandbox) -> None:
    job.file("code/src/init.sh", "echo made > made.txt")
    asked = json.loads(job.succeed(*OPTIONS, "--environment=SM_INIT_SCRIPT:init.sh").stdout.splitlines()[-1])
    assert "made.txt" in asked["here"]
    job.file("code/src/init.sh", "exit 7")
    assert job.run(*OPTIONS, "--environment=SM_INIT_SCRIPT:init.sh").returncode == 7


def test_a_notebook_that_is_not_there_fails(job: Sandbox) -> None:
    (job.root / "code" / "src" / "in.ipynb").rename(job.root / "code" / "src" / "in.ipynb.missing")
    job.file("code/src/in.ipynb.missing", "The file in.ipynb belongs here.")
    assert "The file in.ipynb belongs here." in job.refuse(*OPTIONS)


@pytest.mark.skipif(importlib.util.find_spec("papermill") is None, reason="papermill is not installed here")
def test_the_real_papermill_runs_it(job: Sandbox) -> None:
    del job.environment["PYTHONPATH"]
    job.succeed(*OPTIONS)
    result = json.loads((job.out("notebook") / "out.ipynb").read_text())
    printed = [output["text"] for cell in result["cells"] for output in cell["outputs"]]
    assert printed == [["'0.5' help\n"]]
