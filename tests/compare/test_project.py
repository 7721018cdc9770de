"""Validating a project: both targets, the contract, and the hashes that tie compiled files to code; the command."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from smx2vertex.cli.validate import validate
from smx2vertex.compare.project import compare_project
from smx2vertex.contract.one_file import source
from smx2vertex.findings import InputError
from smx2vertex.sagemaker import reader

FIXTURES = Path(__file__).parent / "fixtures"
DEFINITION = FIXTURES / "gates.json"
CONTRACT = source().encode()
FILES = {"b.py": b"print(1)\n", "lib/a.py": b""}

app = typer.Typer()
app.command()(validate)


def run(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.stdout


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The project of gates.json: user files for one step, none for the others."""
    (tmp_path / "gates").mkdir()
    (tmp_path / "gates" / "contract.py").write_bytes(CONTRACT)
    for name, content in FILES.items():
        file = tmp_path / "code" / "prepare" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    framed = b"".join(name.encode() + b"\0" + len(data).to_bytes(8, "big") + data for name, data in FILES.items())
    with_files, without = (hashlib.sha256(CONTRACT + more).hexdigest() for more in (framed, b""))
    (tmp_path / "compiled").mkdir()
    for target in ("vertex", "kubeflow"):
        text = (FIXTURES / f"gates_{target}.yaml").read_text()
        text = re.sub(r"/code/[0-9a-f]{64}/", f"/code/{without}/", text)
        text = text.replace(f"{without}/prepare", f"{with_files}/prepare")
        (tmp_path / "compiled" / f"{target}.yaml").write_text(text)
    return tmp_path


def codes(project: Path) -> dict[str, set[str]]:
    comparison = compare_project(reader.load(DEFINITION), project)
    return {check.name: {f.code for f in check.findings if f.severity == "error"} for check in comparison.checks}


def test_a_whole_project_passes_four_checks(project: Path) -> None:
    assert codes(project) == {"structure": set(), "parameters": set(), "behaviour": set(), "code": set()}


def test_changed_code_no_longer_belongs_to_the_compiled_files(project: Path) -> None:
    (project / "code" / "prepare" / "b.py").write_text("print(2)\n")
    assert codes(project)["code"] == {"SMX481"}


def test_new_code_no_longer_belongs_to_the_compiled_files(project: Path) -> None:
    (project / "code" / "train").mkdir()
    (project / "code" / "train" / "train.py").touch()
    assert codes(project)["code"] == {"SMX481"}


def test_bytecode_beside_the_code_does_not_matter(project: Path) -> None:
    (project / "code" / "prepare" / "__pycache__").mkdir()
    (project / "code" / "prepare" / "__pycache__" / "b.pyc").touch()
    assert codes(project)["code"] == set()


def test_a_changed_contract_is_found(project: Path) -> None:
    (project / "gates" / "contract.py").write_bytes(CONTRACT + b"# changed\n")
    assert codes(project)["code"] == {"SMX480", "SMX481"}


def test_both_targets_are_compared(project: Path) -> None:
    file = project / "compiled" / "kubeflow.yaml"
    file.write_text(file.read_text().replace("stats.json:rows[0].count", "stats.json:rows[1].count"))
    assert codes(project)["structure"] == {"SMX413"}


def test_a_missing_target_is_an_input_error(project: Path) -> None:
    (project / "compiled" / "kubeflow.yaml").unlink()
    with pytest.raises(InputError) as error:
        codes(project)
    assert error.value.finding.code == "SMX482"


def test_the_command_says_yes(project: Path) -> None:
    code, output = run(DEFINITION, project)
    assert code == 0
    assert output.startswith("equivalent in structure and parameters")
    assert "Never (SMX418), Call (SMX330)" in output


def test_strict_wants_every_step(project: Path) -> None:
    assert run(DEFINITION, project, "--strict")[0] == 1


def test_the_command_says_no_and_why(tmp_path: Path) -> None:
    edited = tmp_path / "edited.yaml"
    edited.write_text((FIXTURES / "gates_kubeflow.yaml").read_text().replace("auc >= threshold", "auc > threshold"))
    code, output = run(DEFINITION, edited)
    assert code == 1
    assert "not equivalent: 2 differences" in output  # in structure, and in what is simulated
    assert "SMX411" in output
    assert "/Steps/3/Arguments/Conditions" in output


def test_json_goes_to_stdout(tmp_path: Path) -> None:
    code, output = run(DEFINITION, FIXTURES / "gates_vertex.yaml", "--format", "json")
    assert code == 0
    assert json.loads(output)["equivalent"] is True


def test_matches_are_pairs() -> None:
    assert run(DEFINITION, FIXTURES / "gates_vertex.yaml", "--match", "Train")[0] == 2
    assert run(DEFINITION, FIXTURES / "gates_vertex.yaml", "--match", "Train=train")[0] == 0
