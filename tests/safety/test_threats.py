"""Threats of docs/threats.md that no other test holds: secrets, terminals, names, generated files, modes."""

from __future__ import annotations

import io
import json
import os
import re
import stat
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from support import REPOSITORY, Outcome

Run = Callable[..., Outcome]
SPEC = REPOSITORY / "tests/compare/fixtures/exemplar_kubeflow.yaml"
SECRETS = ("hunter2-hunter2", "AKIAABCDEFGHIJKLMNOP", "dsn-secret-pw", "parameter-secret", "option-secret-12")
IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"


def step(name: str, **more: Any) -> dict[str, Any]:
    """A processing step; `more` stands in its Arguments."""
    machine = {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 30}
    command = {"ImageUri": IMAGE, "ContainerEntrypoint": ["python3", "/opt/ml/processing/input/code/p.py"]}
    arguments = {"ProcessingResources": {"ClusterConfig": machine}, "AppSpecification": command, **more}
    return {"Name": name, "Type": "Processing", "Arguments": arguments}


def written(folder: Path, *steps: Any, parameters: Any = ()) -> Path:
    """A definition as a file."""
    file = folder / "definition.json"
    document = {"Version": "2020-12-01", "Parameters": list(parameters), "Steps": steps}
    file.write_text(json.dumps(document), encoding="utf-8")
    return file


# --- secrets ---


@pytest.fixture
def secretive(tmp_path: Path) -> Path:
    """A definition with a secret of each kind."""
    load = step("Load", Environment={"DB_PASSWORD": SECRETS[0], "SHARDS": "2"})
    load["Arguments"]["AppSpecification"]["ContainerArguments"] = [
        *("--key", SECRETS[1], "--dsn", f"postgresql://bob:{SECRETS[2]}@db.example.com/x"),
        *("--password", SECRETS[4], "--pad-token", "[PAD]"),
    ]
    key = {"Name": "ApiKey", "Type": "String", "DefaultValue": SECRETS[3], "EnumValues": [SECRETS[3]]}
    return written(tmp_path, load, parameters=[key])


def test_no_file_of_a_project_holds_a_secret(smx2vertex: Run, secretive: Path, tmp_path: Path) -> None:
    out = tmp_path / "project"
    done = smx2vertex("convert", secretive, "--out", out)
    assert done.code == 0 and "SMX196" in done.out
    texts = {file: file.read_bytes() for file in out.rglob("*") if file.is_file()}
    assert {out / "smx2vertex.lock", out / "definition.json", out / ".smx2vertex/base.tar"} <= texts.keys()
    assert not [(file, secret) for file, text in texts.items() for secret in SECRETS if secret.encode() in text]
    pipeline = next(out.glob("*/pipeline.py")).read_text(encoding="utf-8")
    assert (
        'db_password="***"' in pipeline and 'shards="' not in pipeline.replace('shards="2"', "") and "[PAD]" in pipeline
    )


def test_a_project_without_its_secrets_is_up_to_date_and_equivalent(
    smx2vertex: Run, secretive: Path, tmp_path: Path
) -> None:
    out = tmp_path / "project"
    smx2vertex("convert", secretive, "--out", out)
    for source in (secretive, out / "definition.json"):
        assert smx2vertex("validate", source, out).code == 0
    assert smx2vertex("convert", secretive, "--out", out, "--check").code == 0
    changed = out / "compiled/vertex.yaml"
    changed.write_text(changed.read_text(encoding="utf-8").replace("[PAD]", "[pad]"), encoding="utf-8")
    assert smx2vertex("validate", secretive, out).code == 1


SHOWN = (
    *(("inspect", "--format", form) for form in ("text", "json", "md")),
    *(("inspect", "--diagram", form) for form in ("svg", "ascii", "dot", "mermaid")),
    *(("map", "--format", form) for form in ("text", "json", "md", "html", "csv")),
    *(("scan", "--format", form) for form in ("text", "json", "md", "csv")),
)
VALIDATED = tuple(("validate", "--format", form) for form in ("text", "json", "md", "html", "sarif", "junit"))


@pytest.mark.parametrize("command", [*SHOWN, *VALIDATED], ids="-".join)
def test_no_output_tells_a_secret(smx2vertex: Run, secretive: Path, command: tuple[str, ...]) -> None:
    name, *options = command
    done = smx2vertex(name, secretive, *([SPEC] if name == "validate" else []), *options)
    assert done.code < 2, done.err
    assert not [secret for secret in SECRETS if secret in done.out + done.err]


# --- the terminal ---

STEERING = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202e[bold red]x[/bold red]\r\x08"


@pytest.mark.parametrize("command", [*SHOWN, *VALIDATED], ids="-".join)
def test_no_text_steers_a_terminal(smx2vertex: Run, tmp_path: Path, command: tuple[str, ...]) -> None:
    notes = step(STEERING, Environment={STEERING: STEERING}, Unknown={STEERING: STEERING})
    file = written(tmp_path, notes, parameters=[{"Name": STEERING, "Type": STEERING, "DefaultValue": STEERING}])
    name, *options = command
    done = smx2vertex(name, file, *([SPEC] if name == "validate" else []), *options)
    assert done.code < 2, done.err
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", done.out + done.err)


def test_a_refusal_does_not_steer_a_terminal(smx2vertex: Run, tmp_path: Path) -> None:
    (tmp_path / "definition.json").write_text(json.dumps({"Steps": [], f"{STEERING}\ud800": 1}))
    done = smx2vertex("map", tmp_path / "definition.json")
    assert done.code == 2 and not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", done.out + done.err)


def test_markup_of_rich_is_text(smx2vertex: Run, tmp_path: Path) -> None:
    file = written(tmp_path, step("[bold red]x[/bold red] [/] :smile:"))
    assert "[bold red]x[/bold red] [/] :smile:" in smx2vertex("inspect", file).out


# --- names and generated files ---


def test_names_that_differ_in_case_alone_or_are_reserved_get_files_of_their_own(
    smx2vertex: Run, tmp_path: Path
) -> None:
    names = ["Load", "LOAD", "load", "con", "NUL", "class", "__init__", "../../evil", "/etc/passwd", "x" * 250, "."]
    out = tmp_path / "project"
    done = smx2vertex("convert", written(tmp_path, *map(step, names)), "--out", out)
    assert done.code == 0, done.out + done.err
    files = [file.name for file in next(out.glob("*/components")).glob("*.py") if file.name != "__init__.py"]
    assert not {"con.py", "nul.py", "class.py"} & {file.lower() for file in files}
    assert len({file.lower() for file in files}) == len(files) == len(names)
    assert max(map(len, files)) < 150
    assert {path.name for path in tmp_path.iterdir()} == {"definition.json", "project"}


HOSTILE = "x\"; rm -rf $(id) `id`\nRUN id\n- run: id # '${{ secrets.X }}' <script>alert(1)</script> {{$}} | [a](b)"


def test_hostile_text_in_yaml_dockerfiles_shell_and_markdown(smx2vertex: Run, tmp_path: Path) -> None:
    load = step(HOSTILE, Environment={"NOTE": HOSTILE})
    load["Arguments"]["AppSpecification"]["ContainerArguments"] = [HOSTILE]
    parameter = {"Name": "Note", "Type": "String", "DefaultValue": HOSTILE}
    out = tmp_path / "project"
    done = smx2vertex("convert", written(tmp_path, load, parameters=[parameter]), "--pipeline", HOSTILE, "--out", out)
    assert done.code == 0, done.out + done.err
    for file in [*out.rglob("*.yaml"), *out.rglob("*.yml")]:
        yaml.safe_load(file.read_text(encoding="utf-8"))
    for name in (".github/workflows/pipeline.yml", "cloudbuild.yaml"):
        assert "rm -rf" not in (out / name).read_text(encoding="utf-8")
    dockerfiles = list(out.glob("images/*/Dockerfile"))
    assert dockerfiles
    for file in dockerfiles:
        assert "id" not in {line.strip().removeprefix("RUN ") for line in file.read_text(encoding="utf-8").splitlines()}
    for file in out.glob("*.md"):
        assert "<script>" not in file.read_text(encoding="utf-8")


# --- archives ---


def archive(member: tarfile.TarInfo, content: bytes = b"") -> bytes:
    """A tar.gz with a script, and one member more."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:gz") as tar:
        for info, text in ((tarfile.TarInfo("p.py"), b"print(1)"), (member, content)):
            info.size = len(text)
            tar.addfile(info, io.BytesIO(text))
    return data.getvalue()


def linked(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    """A member that is no file."""
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def training(folder: Path) -> Path:
    """A definition whose one step has its code in an archive."""
    names = {"sagemaker_program": "p.py", "sagemaker_submit_directory": "s3://acme-ml/code/sourcedir.tar.gz"}
    train = {
        "AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "File"},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 30},
        "HyperParameters": {name: json.dumps(value) for name, value in names.items()},
        "OutputDataConfig": {"S3OutputPath": "s3://acme-ml/out/"},
        "StoppingCondition": {"MaxRuntimeInSeconds": 60},
    }
    return written(folder, {"Name": "Train", "Type": "Training", "Arguments": train})


@pytest.mark.parametrize(
    ("member", "content"),
    [
        (tarfile.TarInfo("../../evil.py"), b"x"),
        (tarfile.TarInfo("/tmp/evil.py"), b"x"),
        (linked("evil.py", tarfile.SYMTYPE, "/etc/passwd"), b""),
        (linked("evil.py", tarfile.CHRTYPE), b""),
        (tarfile.TarInfo("evil.py"), bytes(2000)),
    ],
    ids=["out", "absolute", "link", "device", "bomb"],
)
def test_archives_of_code_are_bounded(
    smx2vertex: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, member: tarfile.TarInfo, content: bytes
) -> None:
    monkeypatch.setattr("smx2vertex.vertex.code_files.MAX_UNPACKED_BYTES", 1000)
    (tmp_path / "code").mkdir()
    (tmp_path / "code/sourcedir.tar.gz").write_bytes(archive(member, content))
    out = tmp_path / "project"
    done = smx2vertex("convert", training(tmp_path), "--code", tmp_path / "code", "--out", out)
    assert not [file for file in tmp_path.rglob("*") if "evil" in file.name]
    if content == bytes(2000):
        assert done.code == 2 and "SMX362" in done.err and not out.exists()
    else:
        assert done.code == 0, done.out + done.err
        assert (out / "code/train/p.py").read_bytes() == b"print(1)"


def bundle(folder: Path, **code: str) -> Path:
    """A bundle whose one step takes all code below an address."""
    (folder / "definitions").mkdir(parents=True)
    (folder / "x.py").write_text("print(1)")
    script = {**_script(), "S3Uri": "s3://acme-ml/code/"}
    written(folder / "definitions", step("Load", ProcessingInputs=[{"InputName": "code", "S3Input": script}]))
    pipelines = [{"name": "A", "definition": "definitions/definition.json"}]
    (folder / "manifest.json").write_text(json.dumps({"pipelines": pipelines, "code": code}))
    return folder


@pytest.mark.parametrize("key", ["../../../../evil.py", "a/../../../../../evil.py", "/tmp/evil.py"])
def test_addresses_of_a_bundle_never_lead_out(smx2vertex: Run, tmp_path: Path, key: str) -> None:
    code = {"s3://acme-ml/code/p.py": "x.py", f"s3://acme-ml/code/{key}": "x.py"}
    out = tmp_path / "a/b/project"
    done = smx2vertex("convert", bundle(tmp_path / "bundle", **code), "--out", out)
    assert (done.code, "SMX197" in done.err, out.exists()) == (2, True, False), done.err
    assert not list(tmp_path.rglob("evil*"))


def test_an_archive_that_is_none_is_a_finding(smx2vertex: Run, tmp_path: Path) -> None:
    whole = archive(tarfile.TarInfo("q.py"), bytes(5000))
    for content in (b"no archive", whole[:40], b""):
        (tmp_path / "sourcedir.tar.gz").write_bytes(content)
        done = smx2vertex("convert", training(tmp_path), "--code", tmp_path, "--out", tmp_path / "project")
        assert (done.code, "SMX198" in done.err) == (2, True), done.err
    assert not (tmp_path / "project").exists()


# --- modes, owners, temporary files ---


def test_code_keeps_no_special_modes(smx2vertex: Run, tmp_path: Path) -> None:
    code = tmp_path / "code"
    code.mkdir()
    (code / "p.py").write_text("print(1)\n")
    (code / "p.py").chmod(0o6777)
    load = step("Load", ProcessingInputs=[{"InputName": "code", "AppManaged": False, "S3Input": _script()}])
    out = tmp_path / "project"
    done = smx2vertex("convert", written(tmp_path, load), "--code", code, "--out", out)
    assert done.code == 0, done.out + done.err
    assert (out / "code/load/p.py").is_file()
    modes = {stat.S_IMODE(file.stat().st_mode) for file in out.rglob("*") if file.is_file()}
    assert not any(mode & 0o6022 for mode in modes)
    with tarfile.open(out / ".smx2vertex/base.tar") as archive:
        assert {(member.uid, member.gid, member.uname, member.mode & 0o7000) for member in archive} == {(0, 0, "", 0)}


def _script() -> dict[str, str]:
    return {
        "S3Uri": "s3://acme-ml/code/p.py",
        "LocalPath": "/opt/ml/processing/input/code",
        "S3DataType": "S3Prefix",
        "S3InputMode": "File",
    }


def test_temporary_files_are_private(smx2vertex: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What stands in the folder for temporary files while `assess` looks at generated code is the user's alone."""
    import tempfile

    from smx2vertex.vertex import preview

    seen: list[int] = []
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    format_code = preview.format_code

    def look(folder: Path) -> None:
        seen.append(stat.S_IMODE(folder.stat().st_mode))
        format_code(folder)

    monkeypatch.setattr(preview, "format_code", look)
    before = os.umask(0)
    try:
        assert smx2vertex("map", written(tmp_path, step("A")), "--format", "html").code == 0
    finally:
        os.umask(before)
    assert seen and set(seen) == {0o700}
    assert [path.name for path in tmp_path.iterdir()] == ["definition.json"]
