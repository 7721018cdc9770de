"""Calls a script in SageMaker's layout, without the container contract: a private /opt/ml, the environment, a command.

What SageMaker gives a script is written down here once more, from its documentation and from the sagemaker-training
package, so that a mistake of the contract is not repeated.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

from smx2vertex.kubeflow.local import PrivateFolder, write_wrappers


class Machine:
    """Runs jobs by hand, each in an /opt/ml of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self.private = PrivateFolder.find(folder)
        self.programs = folder / "bin"
        write_wrappers(self.programs, sys.executable)

    def job(self, name: str) -> Job:
        """A job with an empty /opt/ml."""
        return Job(self, self.folder / name)


class Job:
    """One job: what is put into /opt/ml, what is run, what is found there."""

    def __init__(self, machine: Machine, ml: Path) -> None:
        self.machine, self.ml = machine, ml
        ml.mkdir()

    def put(self, source: Path, path: str) -> None:
        """A file or the content of a folder, at a path below /opt/ml."""
        target = self.ml / path
        if source.is_dir():
            shutil.copytree(source, target, dirs_exist_ok=True)
        else:
            target.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target)

    def make(self, *paths: str) -> None:
        """Empty folders that the service makes before the script starts."""
        for path in paths:
            (self.ml / path).mkdir(parents=True)

    def run(self, *words: str, cwd: str | None = None, environment: dict[str, str] | None = None) -> None:
        """Run a command that must succeed."""
        variables = {"PATH": f"{self.machine.programs}:{os.environ['PATH']}", "HOME": os.environ.get("HOME", "/")}
        command = [*(["env", "-C", cwd] if cwd else []), *words]
        done = subprocess.run(
            self.machine.private.command(command, self.ml),
            env=variables | (environment or {}),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def train(self, program: str, code: Path, channels: dict[str, Path], arguments: list[str], **hps: Any) -> None:
        """A training job in script mode, as the sagemaker-training package calls the user's program."""
        self.put(code, "code")
        self.make("model", "output/data")
        for name, folder in channels.items():
            self.put(folder, f"input/data/{name}")
        environment = {
            "SM_MODEL_DIR": "/opt/ml/model",
            "SM_OUTPUT_DATA_DIR": "/opt/ml/output/data",
            "SM_CHANNELS": json.dumps(sorted(channels)),
            "SM_HPS": json.dumps(hps),
            "SM_USER_ARGS": json.dumps(arguments),
            "SM_CURRENT_HOST": "algo-1",
            "PYTHONPATH": "/opt/ml/code",
            **{f"SM_CHANNEL_{name.upper()}": f"/opt/ml/input/data/{name}" for name in channels},
        }
        self.run("python", program, *arguments, cwd="/opt/ml/code", environment=environment)

    def packed_model(self) -> Path:
        """What SageMaker makes of /opt/ml/model."""
        folder = self.ml.with_name(f"{self.ml.name}-model")
        folder.mkdir()
        with tarfile.open(folder / "model.tar.gz", "w:gz") as tar:
            for file in sorted((self.ml / "model").iterdir()):
                tar.add(file, file.name)
        return folder / "model.tar.gz"


def files(folder: Path) -> dict[str, bytes]:
    """The files below a folder."""
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def archived(archive: Path) -> dict[str, bytes]:
    """The files of an archive, and whether each can be run."""
    with tarfile.open(archive) as tar:
        return {
            f"{member.name}{'*' if member.mode & 0o100 else ''}": tar.extractfile(member).read()  # type: ignore[union-attr]
            for member in tar
            if member.isfile()
        }
