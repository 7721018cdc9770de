"""A wheel, installed in an environment of its own, works from any folder."""

from __future__ import annotations

import site
import subprocess
import sys
import venv
from pathlib import Path

from support import REPOSITORY

DEFINITION = REPOSITORY / "tests" / "fixtures" / "churn_mini" / "definition.json"


def test_an_installed_wheel_works_from_any_folder(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path), str(REPOSITORY)]
    subprocess.run(build, check=True, capture_output=True)
    environment = tmp_path / "environment"
    venv.create(environment, with_pip=True)
    python = environment / "bin" / "python"
    wheel = next(tmp_path.glob("smx2vertex-*"))
    subprocess.run([python, "-m", "pip", "install", "--quiet", "--no-deps", wheel], check=True)
    # the dependencies come from the environment of the tests; this checkout does not: a path adds no editable installs
    packages = next((environment / "lib").glob("python*")) / "site-packages"
    (packages / "dependencies.pth").write_text("\n".join(site.getsitepackages()) + "\n")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    command = [environment / "bin" / "smx2vertex", "convert", DEFINITION, "--out", "project"]
    done = subprocess.run(command, cwd=elsewhere, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    command = [environment / "bin" / "smx2vertex", "workshop", "start", "5.1.3"]
    subprocess.run(command, cwd=elsewhere, check=True, capture_output=True)
    assert (elsewhere / "workshop" / "5.1.3-dag" / "definition.json").is_file()
    where = subprocess.run(
        [python, "-c", "import smx2vertex; print(smx2vertex.__file__)"], capture_output=True, text=True
    )
    assert str(environment) in where.stdout
