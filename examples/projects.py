"""`make examples`: writes the project of each example again.

A project stands beside what it is made of: a captured `bundle`, or a `definition.json` with its scripts in `code`; and
`config.yaml`, if there is one. An example with several pipelines has a folder for each.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

EXAMPLES = Path(__file__).resolve().parent


def projects() -> dict[Path, list[str | Path]]:
    """The folder of each example's project, with the arguments of `convert` that make it, but for `--out`."""
    patterns = ("*/definition.json", "*/bundle", "*/*/bundle")
    sources = sorted(source for pattern in patterns for source in EXAMPLES.glob(pattern))
    return {source.parent / "project": _arguments(source) for source in sources}


def _arguments(source: Path) -> list[str | Path]:
    beside = {"--code": source.parent / "code", "--config": source.parent / "config.yaml"}
    options = [(option, path) for option, path in beside.items() if path.exists()]
    return [source, *(part for pair in options for part in pair)]


def main() -> None:
    """Convert each example into an empty folder: nothing that somebody changed there by hand is kept."""
    for project, arguments in projects().items():
        shutil.rmtree(project, ignore_errors=True)
        command = [sys.executable, "-m", "smx2vertex", "convert", *arguments, "--out", project]
        subprocess.run(list(map(str, command)), check=True)


if __name__ == "__main__":
    main()
