"""Runs the container contract as Kubeflow does: a process of its own, with an executor input."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from smx2vertex.contract.one_file import source


@dataclass
class Sandbox:
    """A code artifact, a private /opt/ml and the artifacts of one task, all below one folder.

    Attributes:
        metadata: what earlier tasks said about input artifacts, by their names.
    """

    root: Path
    parameters: dict[str, Any] = field(default_factory=dict)
    inputs: dict[str, str] = field(default_factory=dict)
    several: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    outputs: list[str] = field(default_factory=list)
    output_uris: dict[str, str] = field(default_factory=dict)
    output_parameters: list[str] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)
    metadata: dict[str, dict[str, Any]] = field(default_factory=dict)
    python: str = sys.executable

    def __post_init__(self) -> None:
        self.file("code/__main__.py", source())

    @property
    def ml(self) -> Path:
        """What stands for /opt/ml."""
        return self.root / "ml"

    def file(self, name: str, text: str | bytes) -> Path:
        """Write a file; the user's scripts go to `code/src/`."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    def artifact(self, name: str, **files: str | bytes) -> None:
        """An input artifact with files whose names have `__` for a dot."""
        self.inputs[name] = str(self.root / "in" / name)
        for file, text in files.items():
            self.file(f"in/{name}/{file.replace('__', '.')}", text)

    def out(self, name: str) -> Path:
        """The folder of an output artifact."""
        return self.root / "out" / name

    def published(self, parameter: str) -> str:
        """The text of an output parameter."""
        return (self.root / "parameters" / parameter).read_text()

    def executor_output(self) -> Any:
        """The metadata of output artifacts."""
        return json.loads((self.root / "executor_output.json").read_text())

    def command(self, *arguments: str) -> list[str]:
        """The command that runs the contract with a verb, its options and words."""

        def artifacts(uris: dict[str, str]) -> dict[str, Any]:
            return {
                name: {"artifacts": [{"name": name, "uri": uri, "metadata": self.metadata.get(name, {})}]}
                for name, uri in uris.items()
            }

        executor_input = {
            "inputs": {
                "parameterValues": self.parameters,
                "artifacts": {
                    **artifacts(self.inputs),
                    **{name: {"artifacts": found} for name, found in self.several.items()},
                },
            },
            "outputs": {
                "artifacts": artifacts({name: str(self.out(name)) for name in self.outputs} | self.output_uris),
                "parameters": {
                    name: {"outputFile": str(self.root / "parameters" / name)} for name in self.output_parameters
                },
                "outputFile": str(self.root / "executor_output.json"),
            },
        }
        return [self.python, str(self.root / "code"), json.dumps(executor_input), *arguments]

    def environment_of_process(self) -> dict[str, str]:
        """The environment in which the contract runs."""
        inherited = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        return {**inherited, "SAGEMAKER_BASE_DIR": str(self.ml), **self.environment}

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the contract with a verb, its options and words."""
        return subprocess.run(
            self.command(*arguments),
            env=self.environment_of_process(),
            cwd=self.root,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def succeed(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run it and expect exit code 0."""
        done = self.run(*arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        return done

    def refuse(self, *arguments: str) -> str:
        """Run it and expect exit code 1 without a traceback; returns stderr."""
        done = self.run(*arguments)
        assert done.returncode == 1, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done.stderr

    def local_run(self, data: dict[str, Path], answers: dict[str, Any] | None = None) -> None:
        """Make it a local run, as `smx2vertex run` does."""
        local = {
            "data": {uri: str(folder) for uri, folder in data.items()},
            "written": str(self.root / "written"),
            "requests": str(self.root / "requests"),
            "answers": answers or {},
        }
        self.environment["SMX2VERTEX_LOCAL"] = str(self.file("local.json", json.dumps(local)))
