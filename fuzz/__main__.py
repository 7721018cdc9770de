"""`python -m fuzz [TARGET...] [--minutes N]`: fuzz one target after another; exit code 1 if something is found."""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from .targets import REPOSITORY, TARGETS, Target
from .worker import COUNT, LARGEST_BYTES, RUNNING

HERE = Path(__file__).resolve().parent
GROWN, FOUND, CORPUS = HERE / "grown", HERE / "found", HERE / "corpus"
# What was found once, and mended: tests run each of them through all commands of its target.
FIXTURES = REPOSITORY / "tests/safety/found"


def main() -> int:
    """Fuzz what the command line names; returns the exit code."""
    options = argparse.ArgumentParser(prog="fuzz", description=__doc__)
    options.add_argument("targets", nargs="*", metavar="TARGET", help=f"of {', '.join(TARGETS)}; all of them, if none")
    options.add_argument("--minutes", type=float, default=5, help="for all targets together")
    options.add_argument("--seed", type=int, default=int(time.time()), help="decides all that is drawn")
    given = options.parse_args()
    if unknown := set(given.targets) - TARGETS.keys():
        options.error(f"there is no target {min(unknown)}")
    names = given.targets or list(TARGETS)
    print(f"{'target':<18}{'inputs':>9}{'grown':>8}  found (seed {given.seed})", flush=True)
    return 1 if sum([fuzz(name, 60 * given.minutes / len(names), given.seed) for name in names]) else 0


def fuzz(name: str, seconds: float, seed: int) -> int:
    """Fuzz one target; returns how many causes of trouble stand in its folder of finds."""
    end, runs = time.monotonic() + seconds, 0
    grown, found = GROWN / name, FOUND / name
    for folder in (grown, found):
        folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        seeds = Path(folder)
        collect(name, TARGETS[name], seeds)
        while (left := end - time.monotonic()) > 0:
            options = {"name": name, "seeds": str(seeds), "grown": str(grown), "found": str(found)}
            _run({**options, "seconds": left, "seed": seed + runs}, found)
            runs += int((found / COUNT).read_text(encoding="ascii"))
    reports = sorted({file.read_text(encoding="utf-8").strip() for file in found.glob("*.txt")})
    print(f"{name:<18}{runs:>9}{sum(1 for _ in grown.iterdir()):>8}  {len(reports) or 'nothing'}", flush=True)
    for report in reports:
        print(f"    {report}", flush=True)
    return len(reports)


def collect(name: str, target: Target, folder: Path) -> None:
    """Put the inputs to begin with into a folder: those of the corpus, and those that the target names."""
    files = [*sorted((CORPUS / name).glob("*")), *sorted((FIXTURES / name).glob("*"))]
    files += [file for pattern in target.seeds for file in sorted(REPOSITORY.glob(pattern))]
    for file in files:
        if file.stat().st_size <= LARGEST_BYTES:
            shutil.copyfile(file, folder / hashlib.sha256(file.read_bytes()).hexdigest()[:16])


def _run(options: dict[str, Any], found: Path) -> None:
    """One process; where it hangs or dies, its input is kept, with the place."""
    (found / COUNT).write_text("0", encoding="ascii")
    command = [sys.executable, "-m", "fuzz.worker", json.dumps(options)]
    ended = subprocess.run(command, cwd=REPOSITORY, stdin=subprocess.DEVNULL, capture_output=True)
    if not ended.returncode:
        return
    running, log = found / RUNNING, ended.stderr.decode(errors="replace")
    if not running.exists():
        raise SystemExit(f"the fuzzer of {options['name']} did not run:\n{log[-3000:]}")
    killed = running.rename(found / f"killed-{hashlib.sha256(running.read_bytes()).hexdigest()[:12]}")
    frames = [line.strip() for line in log.splitlines() if line.strip().startswith("File") and "/smx2vertex/" in line]
    where = frames[0].rpartition("/smx2vertex/")[2] if frames else "?"
    killed.with_suffix(".txt").write_text(f"hangs, or kills the process, at {where}\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
