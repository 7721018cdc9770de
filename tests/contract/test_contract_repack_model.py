"""Repacking a model: the same archive as the script of the SageMaker SDK makes, which is the judge."""

from __future__ import annotations

import importlib.util
import io
import tarfile
from pathlib import Path

import pytest
from contract_run import Sandbox

CODE = {"inference.py": "def model_fn(): ...", "extra.py": "EXTRA = 1", "lib_a/b.py": "B = 1"}
ARCHIVE = {"weights": b"1 2 3", "code/inference.py": b"old", "code/other.py": b"old"}
CASES = {
    "the script alone": ([], None, None),
    "the whole folder": (["--contents=folder"], "/builds/churn", None),
    "a file as dependency": (["--dependency=extra.py"], None, "extra.py"),
    "a folder as dependency": (["--dependency=extra.py", "--dependency=."], None, "extra.py common"),
}
OPTIONS = ["repack-model", "--step=R", "--archive=training", "--script=inference.py", "--model=model:{place:str}"]


def packed(files: dict[str, bytes]) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return made.getvalue()


def unpacked(file: Path) -> dict[str, bytes]:
    with tarfile.open(file) as archive:
        return {member.name: archive.extractfile(member).read() for member in archive if member.isfile()}


@pytest.fixture
def box(tmp_path: Path) -> Sandbox:
    """A model, and the user's files with the scripts of the SDK among them."""
    sandbox = Sandbox(tmp_path, {"place": "gs://acme/models"}, outputs=["model"])
    sandbox.local_run({})
    sandbox.artifact("training", model__tar__gz=packed(ARCHIVE))
    for name, text in CODE.items():
        sandbox.file(f"code/src/{name}", text)
    return sandbox


def sdk_result(folder: Path, source: str | None, dependencies: str | None) -> dict[str, bytes]:
    """What the SDK's own script makes of the same, with another folder in the place of /opt/ml."""
    spec = importlib.util.find_spec("sagemaker")
    assert spec is not None and spec.submodule_search_locations
    script = Path(spec.submodule_search_locations[0]) / "workflow" / "_repack_model.py"
    ml = folder / "sdk"
    for name, text in CODE.items():
        (ml / "code" / name).parent.mkdir(parents=True, exist_ok=True)
        (ml / "code" / name).write_text(text)
    (ml / "input" / "data" / "training").mkdir(parents=True)
    (ml / "input" / "data" / "training" / "model.tar.gz").write_bytes(packed(ARCHIVE))
    names: dict[str, object] = {"__name__": "repack"}
    exec(script.read_text().replace("/opt/ml", str(ml)), names)
    names["repack"]("inference.py", "s3://x/model.tar.gz", dependencies, source)  # type: ignore[operator]
    files = [path for path in (ml / "model").rglob("*") if path.is_file()]
    return {path.relative_to(ml / "model").as_posix(): path.read_bytes() for path in files}


@pytest.mark.parametrize(("options", "source", "dependencies"), CASES.values(), ids=CASES)
def test_the_archive_is_the_one_that_the_sdk_makes(
    box: Sandbox, tmp_path: Path, options: list[str], source: str | None, dependencies: str | None
) -> None:
    box.succeed(*OPTIONS, *options)
    assert unpacked(box.out("model") / "model.tar.gz") == sdk_result(tmp_path, source, dependencies)


def test_the_scripts_of_the_sdk_are_left_out(box: Sandbox) -> None:
    box.file("code/src/_repack_model.py", "")
    box.file("code/src/_repack_script_launcher.sh", "")
    box.succeed(*OPTIONS, "--contents=folder")
    assert not any("_repack" in name for name in unpacked(box.out("model") / "model.tar.gz"))


def test_a_fixed_destination_receives_a_copy(box: Sandbox) -> None:
    box.succeed(*OPTIONS)
    copies = list((box.root / "written" / "acme" / "models").rglob("model.tar.gz"))
    assert [unpacked(copy) for copy in copies] == [unpacked(box.out("model") / "model.tar.gz")]


def test_what_is_no_archive_is_refused(box: Sandbox) -> None:
    (box.root / "in" / "training" / "model.tar.gz").write_text("no archive")
    assert "there is no model archive" in box.refuse(*OPTIONS)
