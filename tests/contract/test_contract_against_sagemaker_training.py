"""The judge of script mode is the sagemaker-training package itself: the same script in the same folders sees the same.

By design ours differs in this: the exit code is the script's own, where the package ends with 1; PYTHONPATH holds the
code folder alone, not all of `sys.path`; no file `output/success` is written, and `output/failure` only by the script
itself, since Kubeflow reads exit codes and logs.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from contract_run import Sandbox
from support import REPOSITORY

pytestmark = pytest.mark.slow

SHOW = """
import json, os, sys
names = ("CURRENT_HOST", "SAGEMAKER_JOB_NAME", "SAGEMAKER_REGION")
seen = {name: value for name, value in os.environ.items() if name.startswith("SM_") or name in names}
files = []
for folder, _, found in os.walk(os.environ["SM_INPUT_DIR"]):
    files += [os.path.join(folder, name) for name in found]
with open(os.path.join(os.environ["SM_OUTPUT_DATA_DIR"], "seen.json"), "w") as file:
    json.dump({"arguments": sys.argv[1:], "cwd": os.getcwd(), "env": seen, "files": sorted(files)}, file)
"""
SHELL = """#!/bin/bash
python3 show.py "$@"
"""
SETUP = """
from setuptools import setup
setup(name="judged", version="1.0", py_modules=["train"])
"""
# The package's own program, but for the wait until the host `algo-1` has an address.
TRAIN = """
from sagemaker_training import entry_point, trainer
entry_point._wait_hostname_resolution = lambda: None
trainer.train()
"""
NOTHING: dict[str, str] = {}
TYPES = {
    "text": "plain",
    "quoted": '"quoted"',
    "number": "5",
    "float": "0.20",
    "large": "1e400",
    "yes": "true",
    "no": "False",
    "none": "null",
    "list": '[1, "a", 2.50]',
    "object": '{"b": 1, "a": [2]}',
    "empty": "",
    "k": "7",
    "with-dash": "1",
    "sagemaker_job_name": '"job-x"',
    "sagemaker_region": '"us-east-1"',
    "sagemaker_container_log_level": "20",
    "sagemaker_enable_cloudwatch_metrics": "false",
    "sagemaker_parameter_server_enabled": "false",
    "_tuning_objective_metric": "validation:auc",
}


@pytest.fixture(scope="session")
def judge() -> Path:
    """An interpreter with the sagemaker-training package."""
    folder = REPOSITORY / ".venv" / "sagemaker-training"
    if not (folder / ".installed").exists():
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        subprocess.run(
            [folder / "bin" / "pip", "install", "--quiet", "sagemaker-training==5.1.4", "setuptools==80.9.0"],
            check=True,
        )
        (folder / ".installed").touch()
    return folder / "bin" / "python"


@pytest.fixture
def sandbox(tmp_path: Path, judge: Path) -> Sandbox:
    """A training task with two channels, run by the judge's interpreter."""
    task = Sandbox(tmp_path, python=str(judge))
    task.artifact("train", data__csv="1,2\n")
    task.artifact("one", object__bin="x")
    task.environment["PATH"] = f"{judge.parent}:{os.environ['PATH']}"
    return task


def both(task: Sandbox, program: str, hyperparameters: dict[str, str]) -> tuple[Any, Any]:
    """What the script saw, and how it ended: with our contract, and with the package in the same folders."""

    def seen() -> Any:
        file = task.ml / "output" / "data" / "seen.json"
        found = json.loads(file.read_text()) if file.exists() else {}
        if "SM_TRAINING_ENV" in found.get("env", {}):
            found["env"]["SM_TRAINING_ENV"] = json.loads(found["env"]["SM_TRAINING_ENV"])
            found["env"]["SM_TRAINING_ENV"].pop("job_name")  # ours is the name of the task's job
        return found

    def escaped(text: str) -> str:
        return text.replace("%", "%25").replace("{", "%7B").replace("}", "%7D")

    options = [f"--hyperparameter={name}:{escaped(value)}" for name, value in hyperparameters.items()]
    channels = ["--channel=train:text/csv", "--channel=my-one::one"]
    ours = task.run("training", "--step=T", *channels, "--code=/opt/ml/code", f"--program={program}", *options)
    first = (seen(), ours.returncode)
    # the package finds what the service and our contract put there alike, and starts with empty outputs
    shutil.rmtree(task.ml / "output")
    (task.ml / "output" / "data").mkdir(parents=True)
    file = task.ml / "input" / "config" / "hyperparameters.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "sagemaker_program": program}))
    theirs = subprocess.run(
        [task.python, "-c", TRAIN],
        env={"PATH": task.environment["PATH"], "SAGEMAKER_BASE_DIR": str(task.ml), "SAGEMAKER_PROGRAM": program},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    last = (seen(), theirs.returncode)
    assert theirs.returncode or last[0], theirs.stdout + theirs.stderr
    return first, last


def test_hyperparameters_of_all_types(sandbox: Sandbox) -> None:
    sandbox.file("code/src/train.py", SHOW)
    ours, theirs = both(sandbox, "train.py", TYPES)
    assert ours == theirs


@pytest.mark.parametrize(
    ("program", "files"),
    [
        ("train.py", {"train.py": SHOW}),
        ("train.py", {"train.py": SHOW, "requirements.txt": "# nothing\n"}),
        ("run.sh", {"run.sh": SHELL, "show.py": SHOW}),
        ("train", {"train": SHELL, "show.py": SHOW}),
        ("run.sh", {"run.sh": SHELL, "show.py": SHOW, "setup.py": SETUP, "train.py": ""}),
    ],
)
def test_entry_points(sandbox: Sandbox, program: str, files: dict[str, str]) -> None:
    for name, text in files.items():
        sandbox.file(f"code/src/{name}", text)
    ours, theirs = both(sandbox, program, {"epochs": "3", "name": '"it\'s \\"so\\""'})
    assert ours == theirs


@pytest.mark.parametrize(
    ("script", "code"),
    [
        ("import sys; sys.exit(3)", 3),
        ("raise ValueError('no')", 1),
        ("import sys; sys.exit('words')", 1),
        ("import sys; sys.exit(255)", 255),
    ],
)
def test_exit_codes(sandbox: Sandbox, script: str, code: int) -> None:
    sandbox.file("code/src/train.py", script)
    ours, theirs = both(sandbox, "train.py", NOTHING)
    assert (ours[1], theirs[1]) == (code, 1)
