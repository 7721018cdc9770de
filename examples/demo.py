"""`make demo`: lab 05 from a SageMaker definition to a Vertex pipeline that is validated and runs on this machine."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

EXAMPLE = Path(__file__).resolve().parent / "lab-05-accuracy-gate"
DEFINITION = EXAMPLE / "definition.json"
DATA = "s3://sagemaker-us-east-1-111122223333/lab-05-accuracy-gate/data/"
BUILD = Path(__file__).resolve().parent.parent / "build" / "demo"
SMX2VERTEX = [sys.executable, "-m", "smx2vertex"]


def main() -> int:
    """Run all stages; returns 0 if each ended as it should."""
    started = time.monotonic()
    shutil.rmtree(BUILD, ignore_errors=True)
    project = BUILD / "project"
    _stage(1, "What becomes of each step and field")
    _call("map", DEFINITION)
    _stage(2, "Convert: the definition and your scripts in, a Vertex project out, compiled for Vertex and Kubeflow")
    _call("convert", DEFINITION, "--code", EXAMPLE / "code", "--out", project)
    _stage(3, "Validate: does the compiled pipeline mean the same? The checker never looks at the converter")
    _call("validate", DEFINITION, project)
    _stage(4, "Run it here, with real training, your scripts unmodified; no Docker, no cloud")
    _call("run", project, "--data", f"{DATA}={EXAMPLE / 'data'}", "--out", BUILD / "run", log=BUILD / "run.log")
    _stage(5, "The other branch: nobody reaches an accuracy of 0.99, so the Fail step ends the run with its message")
    arguments = ("--data", f"{DATA}={EXAMPLE / 'data'}", "--out", BUILD / "run-strict", "-p", "MinAccuracy=0.99")
    _call("run", project, *arguments, expected=1, log=BUILD / "run-strict.log")
    _summary(project, time.monotonic() - started)
    return 0


def _stage(number: int, title: str) -> None:
    print(f"\n━━━ {number}/5 · {title}\n", flush=True)


def _call(*arguments: str | Path, expected: int = 0, log: Path | None = None) -> None:
    """Run a command; what the scripts of a run print goes to its log."""
    words = [str(argument) for argument in arguments]
    shown = [*words, *(["2>", str(log)] if log else [])]
    print(f"$ smx2vertex {' '.join(shown)}\n".replace(f"{Path.cwd()}/", ""), flush=True)
    with (log or Path(os.devnull)).open("w") as file:
        done = subprocess.run([*SMX2VERTEX, *words], check=False, stderr=file if log else None)
    if done.returncode != expected:
        sys.exit(f"\nsmx2vertex ended with {done.returncode}, {expected} was expected")


def _summary(project: Path, seconds: float) -> None:
    accuracy = json.loads(
        (BUILD / "run" / "artifacts" / "evaluate-model" / "evaluation" / "evaluation.json").read_text()
    )
    print(f"\n━━━ Done in {seconds:.0f} s\n")
    print(f"accuracy that the condition saw   {accuracy['metrics']['accuracy']['value']:.4f}")
    print("with MinAccuracy = 0.8            the model was registered (the request is recorded, no cloud was asked)")
    print("with MinAccuracy = 0.99           the Fail step ended the run")
    for name, path in (("the Vertex project", project), ("outputs of the run", BUILD / "run")):
        print(f"{name:<33} {path}")


if __name__ == "__main__":
    sys.exit(main())
