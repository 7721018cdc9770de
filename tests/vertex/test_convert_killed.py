"""Whenever `convert` is killed, the project is the old one or the new one, and converting again goes on."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from killing import contents, in_fork
from support import REPOSITORY

from smx2vertex.mapping.ledger import map_pipeline
from smx2vertex.sagemaker.reader import load
from smx2vertex.vertex import again, project, writing
from smx2vertex.vertex.code_files import CodeSource
from smx2vertex.vertex.config import load_config
from smx2vertex.vertex.planner import plan

CHURN = REPOSITORY / "tests" / "fixtures" / "churn_mini"
WORKPLACE = ".project.smx2vertex"


def compile_at_once(folder: Path, inherit: object = ()) -> dict[str, int]:
    """In the place of kfp: compiled files that depend on the sources."""
    text = (folder / "churn_mini" / "pipeline.py").read_text()
    (folder / "compiled").mkdir(exist_ok=True)
    for name in ("vertex.yaml", "kubeflow.yaml", "sources.sha256"):
        (folder / "compiled" / name).write_text(text)
    return {"vertex": len(text), "kubeflow": len(text)}


def definition_with(accuracy: float, file: Path) -> Path:
    """The definition of churn-mini with another default."""
    definition = json.loads((CHURN / "definition.json").read_text())
    next(each for each in definition["Parameters"] if each["Name"] == "MinAccuracy")["DefaultValue"] = accuracy
    file.write_text(json.dumps(definition))
    return file


class Forks:
    """Writes a project in forks of this process, in which compiling takes no time, and kills them.

    Attributes:
        folder: holds the project and nothing else.
        out: the project.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "work"
        self.folder.mkdir()
        self.out = self.folder / "project"
        self.first, self.second = (self._writer(definition_with(each, folder / "d.json")) for each in (0.8, 0.95))

    def _writer(self, source: Path) -> Callable[[], object]:
        chosen = load_config([])
        definition = load(source)
        mapped = map_pipeline(definition, chosen.tables)
        planned = plan(definition, mapped, chosen.correspondences, chosen.hooks)
        correspondences, settings, code = chosen.correspondences, chosen.settings, CodeSource(CHURN)
        return lambda: project.write(planned, definition, mapped, correspondences, settings, code, self.out)

    def run(self, write: Callable[[], object], kill_at: int | None = None) -> int:
        """Write; as `in_fork`."""
        return in_fork(self.folder, write, kill_at)


@pytest.fixture
def forks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Forks:
    """Forks in which compiling and formatting take no time."""
    monkeypatch.setattr(again, "compile_project", compile_at_once)
    monkeypatch.setattr(project, "format_code", lambda folder, inherit=(): None)
    return Forks(tmp_path)


@pytest.mark.parametrize("in_one_step", [True, False])
@pytest.mark.parametrize("spread", [3, pytest.param(100, marks=pytest.mark.slow)])
def test_killed_at_any_moment(
    forks: Forks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, in_one_step: bool, spread: int
) -> None:
    if not in_one_step:  # as on a file system without such a step
        monkeypatch.setattr(writing, "exchange", lambda one, other: False)
    forks.run(forks.first)
    (forks.out / "notes.txt").write_text("mine")
    shutil.copytree(forks.out, tmp_path / "old")
    old = contents(forks.out)
    moments = forks.run(forks.second)
    new = contents(forks.out)
    assert old != new

    def left_by_a_kill_at(moment: int) -> str:
        shutil.rmtree(forks.out)
        shutil.copytree(tmp_path / "old", forks.out)
        assert forks.run(forks.second, kill_at=moment) == -1
        if forks.out.exists():
            found = contents(forks.out)
            assert found in (old, new), f"killed at moment {moment} of {moments}"
            left = "old" if found == old else "new"
        else:  # between two renames: the next conversion puts the old one back
            assert contents(forks.folder / WORKPLACE / "old") == old
            left = "none"
        forks.run(forks.second)
        assert contents(forks.out) == new
        assert [path.name for path in forks.folder.iterdir()] == ["project"]
        return left

    assert (left_by_a_kill_at(1), left_by_a_kill_at(moments)) == ("old", "new")
    # the moments next to the exchange, and others
    early, late = 1, moments
    while late - early > 1:
        middle = (early + late) // 2
        early, late = (middle, late) if left_by_a_kill_at(middle) == "old" else (early, middle)
    around = [left_by_a_kill_at(moment) for moment in range(early - 1, early + 5)]
    assert sorted(around, key=["old", "none", "new"].index) == around
    assert around.count("none") == (0 if in_one_step else 1)
    for moment in range(1, moments, max(1, moments // spread)):
        assert left_by_a_kill_at(moment) == ("old" if moment <= early else "new")


def test_a_project_that_waits_in_the_workplace_comes_back(forks: Forks) -> None:
    forks.run(forks.first)
    (forks.out / "notes.txt").write_text("mine")
    old = contents(forks.out)
    (forks.folder / WORKPLACE).mkdir()
    forks.out.rename(forks.folder / WORKPLACE / "old")
    forks.run(forks.first)
    assert contents(forks.out) == old


def test_a_folder_of_that_name_with_other_things_stays(forks: Forks) -> None:
    (forks.folder / WORKPLACE).mkdir()
    (forks.folder / WORKPLACE / "precious.txt").write_text("mine")
    with pytest.raises(project.ProjectError, match=r"not ours: precious\.txt"):
        forks.first()
    assert contents(forks.folder) == {f"{WORKPLACE}/precious.txt": b"mine"}


def test_two_processes_write_one_after_the_other(forks: Forks, monkeypatch: pytest.MonkeyPatch) -> None:
    with writing.workplace(forks.out):
        monkeypatch.setattr(writing, "PATIENCE_S", 0.2)
        with pytest.raises(project.ProjectError, match="another process is writing"):
            forks.first()
    forks.first()
    old = contents(forks.out)
    children = []
    monkeypatch.setattr(writing, "PATIENCE_S", 30.0)
    for number in range(4):
        child = os.fork()
        if child == 0:
            try:
                (forks.second if number % 2 else forks.first)()
            finally:
                os._exit(0 if sys.exc_info()[0] is None else 1)
        children.append(child)
    assert [os.waitpid(child, 0)[1] for child in children] == [0, 0, 0, 0]
    now = contents(forks.out)
    forks.second()
    assert now in (old, contents(forks.out))
    assert [path.name for path in forks.folder.iterdir()] == ["project"]


@pytest.mark.slow
def test_killed_a_hundred_times_for_real(tmp_path: Path) -> None:
    """The command itself, with all of its child processes, at random moments."""
    random.seed(5)
    work, versions = tmp_path / "work", {}
    out = work / "project"
    for accuracy in (0.8, 0.95):
        source = definition_with(accuracy, tmp_path / f"{accuracy}.json")
        started = time.monotonic()
        assert subprocess.run(_command(source, out), capture_output=True).returncode == 0
        takes = time.monotonic() - started
        versions[source] = contents(out)
    killed = 0
    for number in range(100):
        source = list(versions)[number % 2]
        process = subprocess.Popen(_command(source, out), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(random.uniform(0.2, 1.05) * takes)
        process.kill()
        killed += process.wait() == -signal.SIGKILL
        assert contents(out) in versions.values()
    assert killed > 50
    for source, wanted in versions.items():
        assert subprocess.run(_command(source, out), capture_output=True).returncode == 0
        assert contents(out) == wanted
    assert [path.name for path in work.iterdir()] == ["project"]


def _command(source: Path, out: Path) -> list[str]:
    return [sys.executable, "-m", "smx2vertex", "convert", str(source), "--code", str(CHURN), "--out", str(out)]
