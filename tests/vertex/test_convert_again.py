"""Converting again: what people changed stays, what is generated anew is merged, and nothing is ever half written."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support import REPOSITORY, Outcome

CHURN = REPOSITORY / "tests" / "fixtures" / "churn_mini"
Command = Callable[..., Outcome]
Definition = dict[str, Any]


def contents(folder: Path) -> dict[str, bytes]:
    """The files of a folder."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


class Pipeline:
    """A project and the definition it is made of, which changes."""

    def __init__(self, command: Command, folder: Path) -> None:
        self.command = command
        self.source = folder / "definition.json"
        self.out = folder / "project"
        self.definition: Definition = json.loads((CHURN / "definition.json").read_text())

    def convert(self, *options: object, code: Path | None = CHURN) -> Outcome:
        self.source.write_text(json.dumps(self.definition))
        where = ("--code", code) if code else ()
        return self.command("convert", self.source, *where, "--out", self.out, *options)

    def edit(self, path: str, old: str, new: str) -> None:
        """Change a file of the project, as people do."""
        file = self.out / path
        text = file.read_text()
        assert text.count(old) == 1, f"{path} holds {old!r} {text.count(old)} times"
        file.write_text(text.replace(old, new))

    def read(self, path: str) -> str:
        return (self.out / path).read_text()

    def parameter(self, name: str, default: Any) -> None:
        """Change a default of the definition."""
        next(each for each in self.definition["Parameters"] if each["Name"] == name)["DefaultValue"] = default

    def is_up_to_date(self) -> bool:
        before = contents(self.out)
        done = self.convert("--check")
        assert contents(self.out) == before
        assert done.code in (0, 1), done.err
        return done.code == 0


@pytest.fixture
def churn(smx2vertex: Command, tmp_path: Path, converted: Path) -> Pipeline:
    """A project as it was just converted."""
    pipeline = Pipeline(smx2vertex, tmp_path)
    subprocess.run(["cp", "-r", str(converted), str(pipeline.out)], check=True)
    return pipeline


@pytest.fixture(scope="module")
def converted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project of churn-mini; copied, since converting takes seconds."""
    out = tmp_path_factory.mktemp("converted") / "project"
    arguments = ["convert", str(CHURN / "definition.json"), "--code", str(CHURN), "--out", str(out)]
    subprocess.run([sys.executable, "-m", "smx2vertex", *arguments], check=True, capture_output=True)
    return out


# --- what is merged ---


def test_a_project_that_nobody_changed_is_up_to_date(churn: Pipeline) -> None:
    before = contents(churn.out)
    assert churn.is_up_to_date()
    assert churn.convert().code == 0
    assert contents(churn.out) == before


def test_a_new_definition_replaces_what_nobody_changed(churn: Pipeline) -> None:
    churn.parameter("MaxDepth", 9)
    assert not churn.is_up_to_date()
    assert churn.convert().code == 0
    assert "MaxDepth: int = 9," in churn.read("churn_mini/pipeline.py")
    assert churn.is_up_to_date()


def test_edits_of_people_and_new_text_are_merged(churn: Pipeline) -> None:
    churn.edit("churn_mini/pipeline.py", '"""Converted from', '"""Ours now, converted from')
    churn.edit("config.yaml", "project: my-project\n", "project: acme-ml-prod\n")
    churn.parameter("MinAccuracy", 0.95)
    done = churn.convert()
    assert done.code == 0, done.out
    assert "your changes are merged into the new churn_mini/pipeline.py" in done.out
    assert "your changes stay in config.yaml" in done.out
    pipeline = churn.read("churn_mini/pipeline.py")
    assert "Ours now, converted from" in pipeline
    assert "MinAccuracy: float = 0.95" in pipeline
    assert "project: acme-ml-prod" in churn.read("config.yaml")
    # the compiled files come from the merged sources
    assert "acme-ml-prod" in churn.read("compiled/vertex.yaml")
    assert churn.is_up_to_date()
    # and the next conversion knows what this one wrote
    churn.parameter("MaxDepth", 9)
    assert churn.convert().code == 0
    pipeline = churn.read("churn_mini/pipeline.py")
    assert ("Ours now" in pipeline, "MaxDepth: int = 9," in pipeline) == (True, True)


def test_conflicts_are_marked_and_nothing_is_compiled_until_they_are_settled(churn: Pipeline) -> None:
    churn.edit("churn_mini/pipeline.py", "MinAccuracy: float = 0.8,", "MinAccuracy: float = 0.85,")
    compiled = churn.read("compiled/vertex.yaml")
    churn.parameter("MinAccuracy", 0.95)
    done = churn.convert()
    assert done.code == 1
    assert "SMX363 error   churn_mini/pipeline.py: you and smx2vertex changed a place" in done.out
    conflict = (
        "<<<<<<< yours\n    MinAccuracy: float = 0.85,\n=======\n    MinAccuracy: float = 0.95,\n>>>>>>> smx2vertex\n"
    )
    assert conflict in churn.read("churn_mini/pipeline.py")
    assert churn.read("compiled/vertex.yaml") == compiled
    # as long as the marks stand there, nothing is added, and each conversion says so
    before = contents(churn.out)
    assert (churn.convert().code, churn.is_up_to_date()) == (1, False)
    assert contents(churn.out) == before
    churn.edit("churn_mini/pipeline.py", conflict, "    MinAccuracy: float = 0.95,\n")
    assert churn.convert().code == 0
    assert churn.is_up_to_date()


def test_deleted_files_stay_deleted(churn: Pipeline) -> None:
    (churn.out / "run_pipeline.py").unlink()
    (churn.out / "MIGRATION.md").unlink()
    churn.parameter("MinAccuracy", 0.95)
    done = churn.convert()
    assert done.code == 0
    assert "SMX364 info    run_pipeline.py was deleted, and stays so" in done.out
    assert not (churn.out / "run_pipeline.py").exists()
    assert not (churn.out / "MIGRATION.md").exists()
    assert churn.is_up_to_date()


def test_what_people_added_stays(churn: Pipeline) -> None:
    (churn.out / "notes" / "empty").mkdir(parents=True)
    (churn.out / "notes" / "mine.txt").write_text("mine")
    (churn.out / "notes" / "link").symlink_to("mine.txt")
    (churn.out / "code" / "prepare" / "helper.py").write_text("x = 1\n")
    (churn.out / "compiled" / "prod").mkdir()
    (churn.out / "compiled" / "prod" / "vertex.yaml").write_text("mine: too\n")
    (churn.out / "run_pipeline.py").chmod(0o755)
    churn.parameter("MinAccuracy", 0.95)
    assert churn.convert().code == 0
    assert (churn.read("notes/mine.txt"), churn.read("code/prepare/helper.py")) == ("mine", "x = 1\n")
    assert (churn.out / "notes" / "empty").is_dir()
    assert (churn.out / "notes" / "link").readlink() == Path("mine.txt")
    assert churn.read("compiled/prod/vertex.yaml") == "mine: too\n"
    assert (churn.out / "run_pipeline.py").stat().st_mode & 0o111
    assert churn.is_up_to_date()


def test_files_of_a_step_that_is_gone_go_unless_people_changed_them(churn: Pipeline) -> None:
    churn.edit("churn_mini/components/churn_register_model.py", '"""Step', '"""Our step')
    gate = next(step for step in churn.definition["Steps"] if step["Type"] == "Condition")
    gate["Arguments"]["IfSteps"], gate["Arguments"]["ElseSteps"] = [], gate["Arguments"]["ElseSteps"]
    (churn.out / "code" / "evaluate" / "data.txt").write_text("mine")
    done = churn.convert()
    assert "SMX365 warning churn_mini/components/churn_register_model.py is generated no longer" in done.out
    assert '"""Our step' in churn.read("churn_mini/components/churn_register_model.py")
    churn.definition["Steps"] = churn.definition["Steps"][:1]
    assert churn.convert().code == 0
    assert sorted(path.name for path in (churn.out / "churn_mini" / "components").glob("*.py")) == [
        "__init__.py",
        "churn_register_model.py",
        "prepare.py",
    ]
    # nothing of the step is left but what people put there
    assert [path.name for path in (churn.out / "code" / "evaluate").iterdir()] == ["data.txt"]


def test_a_generated_file_does_not_replace_one_that_people_added(churn: Pipeline, tmp_path: Path) -> None:
    churn.out = tmp_path / "other"
    assert churn.convert(code=None).code == 0
    (churn.out / "code" / "prepare" / "prepare.py").write_text("print('mine')\n")
    done = churn.convert()
    assert (done.code, "SMX363" in done.out) == (1, True)
    script = churn.read("code/prepare/prepare.py")
    assert script.startswith("<<<<<<< yours\nprint('mine')\n=======\n")
    assert (CHURN / "prepare.py").read_text() in script


def test_scripts_stay_where_people_convert_again_without_them(churn: Pipeline) -> None:
    churn.edit("code/evaluate/evaluate.py", "import json\n", "import json  # ours\n")
    done = churn.convert(code=None)
    assert (done.code, "SMX360" in done.out) == (0, False)
    assert "import json  # ours" in churn.read("code/evaluate/evaluate.py")
    assert churn.read("code/prepare/prepare.py") == (CHURN / "prepare.py").read_text()
    done = churn.convert("--check", code=None)
    assert (done.code, done.out) == (0, ""), done.out
    # nor does that count as what the scripts once were
    done = churn.convert("--check", code=CHURN)
    assert (done.code, done.out) == (0, ""), done.out


def test_of_a_file_that_is_no_text_yours_stays_and_the_new_one_waits(churn: Pipeline, tmp_path: Path) -> None:
    code = tmp_path / "code"
    for step in ("prepare", "evaluate"):
        (code / step).mkdir(parents=True)
        (code / step / f"{step}.py").write_bytes((CHURN / f"{step}.py").read_bytes())
    uri = "s3://acme-ml/churn-mini/code/7f1c/prepare.py"
    assert uri in json.dumps(churn.definition)
    churn.definition = json.loads(json.dumps(churn.definition).replace("prepare.py", "prepare.bin"))
    (code / "prepare" / "prepare.bin").write_bytes(b"\0first")
    churn.convert(code=code)
    (churn.out / "code" / "prepare" / "prepare.bin").write_bytes(b"\0mine")
    (code / "prepare" / "prepare.bin").write_bytes(b"\0second")
    done = churn.convert(code=code)
    assert done.code == 1
    assert "the new one is .smx2vertex/conflicts/code/prepare/prepare.bin" in done.out
    assert (churn.out / "code" / "prepare" / "prepare.bin").read_bytes() == b"\0mine"
    waiting = churn.out / ".smx2vertex" / "conflicts" / "code" / "prepare" / "prepare.bin"
    assert waiting.read_bytes() == b"\0second"
    assert churn.convert("--check", code=code).code == 1
    waiting.unlink()
    assert churn.convert(code=code).code == 0
    assert churn.convert("--check", code=code).code == 0


def test_a_merged_project_that_does_not_compile_keeps_its_compiled_files(churn: Pipeline) -> None:
    churn.edit("churn_mini/components/prepare.py", "import dsl", "import dsl, nonsense")
    compiled = churn.read("compiled/vertex.yaml")
    churn.parameter("MinAccuracy", 0.95)
    done = churn.convert()
    assert (done.code, "SMX366" in done.out, "nonsense" in done.out) == (1, True, True)
    assert churn.read("compiled/vertex.yaml") == compiled
    assert "MinAccuracy: float = 0.95" in churn.read("churn_mini/pipeline.py")


def test_an_unknown_base_makes_all_that_differs_a_conflict(churn: Pipeline) -> None:
    (churn.out / ".smx2vertex" / "base.tar").unlink()
    churn.edit("config.yaml", "project: my-project\n", "project: acme-ml-prod\n")
    assert churn.convert().code == 0  # nothing new is generated there
    (churn.out / ".smx2vertex" / "base.tar").write_bytes(b"no archive")
    churn.edit("churn_mini/pipeline.py", '"""The pipeline.', '"""Our pipeline.')
    churn.parameter("MinAccuracy", 0.95)
    done = churn.convert()
    assert (done.code, "2 places" in done.out) == (1, True)
    pipeline = churn.read("churn_mini/pipeline.py")
    assert pipeline.count("MaxDepth: int = 5,") == 1


def test_a_persons_own_configuration_of_git_does_not_matter(churn: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    for number, (key, value) in enumerate({"merge.conflictStyle": "diff3"}.items()):
        monkeypatch.setenv("GIT_CONFIG_COUNT", str(number + 1))
        monkeypatch.setenv(f"GIT_CONFIG_KEY_{number}", key)
        monkeypatch.setenv(f"GIT_CONFIG_VALUE_{number}", value)
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    churn.edit("churn_mini/pipeline.py", "MinAccuracy: float = 0.8,", "MinAccuracy: float = 0.85,")
    churn.parameter("MinAccuracy", 0.95)
    assert churn.convert().code == 1
    assert "|||||||" not in churn.read("churn_mini/pipeline.py")


def test_without_git_nothing_is_written(churn: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    churn.edit("churn_mini/pipeline.py", "MinAccuracy: float = 0.8,", "MinAccuracy: float = 0.85,")
    churn.parameter("MinAccuracy", 0.95)
    before = contents(churn.out)
    monkeypatch.setenv("PATH", "/nowhere")
    done = churn.convert()
    assert (done.code, "git is needed" in done.err) == (2, True)
    assert contents(churn.out) == before


# --- what is refused ---


def _link_a_script(project: Path) -> None:
    (project / "config.yaml").rename(project / "real.yaml")
    (project / "config.yaml").symlink_to("real.yaml")


def _link_a_folder(project: Path) -> None:
    (project / "code").rename(project / "scripts")
    (project / "code").symlink_to("scripts")


def _folder_for_a_file(project: Path) -> None:
    (project / "README.md").unlink()
    (project / "README.md").mkdir()


def _break_the_lock(project: Path) -> None:
    (project / "smx2vertex.lock").write_text("<<<<<<< HEAD")


def _lead_out(project: Path) -> None:
    lock = json.loads((project / "smx2vertex.lock").read_text())
    lock["files"]["../definition.json"] = "0"
    (project / "smx2vertex.lock").write_text(json.dumps(lock))


REFUSED = {
    _link_a_script: "config.yaml",
    _link_a_folder: "code",
    _folder_for_a_file: "README.md",
    _break_the_lock: "smx2vertex.lock cannot be read",
    _lead_out: "outside the project",
}


@pytest.mark.parametrize("change", REFUSED, ids=lambda change: change.__name__)
def test_what_convert_cannot_merge_it_refuses(churn: Pipeline, change: Callable[[Path], None]) -> None:
    change(churn.out)
    before = contents(churn.out)
    done = churn.convert()
    assert (done.code, REFUSED[change] in done.err) == (2, True), done.err
    assert contents(churn.out) == before
    assert {path.name for path in churn.out.parent.iterdir()} == {"definition.json", "project"}


# --- what would change ---


def test_check_lists_what_would_change(churn: Pipeline) -> None:
    churn.parameter("MinAccuracy", 0.95)
    (churn.out / "compiled" / "kubeflow.yaml").unlink()
    done = churn.convert("--check")
    assert done.code == 1
    assert done.out.splitlines() == [
        "change .smx2vertex/base.tar",
        "change churn_mini/pipeline.py",
        "add compiled/kubeflow.yaml",
        "change compiled/sources.sha256",
        "change compiled/vertex.yaml",
        "change definition.json",
        "change smx2vertex.lock",
    ]
    assert {path.name for path in churn.out.parent.iterdir()} == {"definition.json", "project"}


def test_compiled_files_of_other_sources_are_not_up_to_date(churn: Pipeline) -> None:
    churn.edit("churn_mini/pipeline.py", "MinAccuracy: float = 0.8,", "MinAccuracy: float = 0.85,")
    assert not churn.is_up_to_date()
    subprocess.run([sys.executable, "compile_pipeline.py"], cwd=churn.out, check=True)
    assert churn.is_up_to_date()


def test_diff_shows_what_would_change_as_a_patch(churn: Pipeline, tmp_path: Path) -> None:
    churn.edit("config.yaml", "project: my-project\n", "project: acme-ml-prod\n")
    churn.edit("README.md", "yours: edit it as you like", "yours:\x0cedit it as you like")
    (churn.out / "notes.txt").write_text("mine")
    churn.definition["Steps"] = churn.definition["Steps"][:1]
    before = contents(churn.out)
    done = churn.convert("--diff")
    assert (done.code, contents(churn.out)) == (0, before)
    patched = tmp_path / "patched"
    subprocess.run(["cp", "-r", churn.out, patched], check=True)
    subprocess.run(["git", "apply", "-"], input=done.out, text=True, cwd=patched, check=True)
    churn.convert()
    wanted, found = contents(churn.out), contents(patched)
    base = ".smx2vertex/base.tar"
    assert {**found, base: b""} == {**wanted, base: b""}
    assert churn.convert("--diff").out == ""
    churn.parameter("MinAccuracy", 0.95)
    assert churn.convert("--diff", "--check").code == 1
