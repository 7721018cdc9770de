"""The command `run`: a project with its lock, values of SageMaker, exit codes."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer import Typer
from typer.testing import CliRunner, Result

from smx2vertex.cli.run import run
from smx2vertex.findings import InputError
from smx2vertex.kubeflow.project import open_project

SPECS = Path(__file__).parent / "specs"
URI = "gs://acme-ml/p/code/0a1b/greet/"
# Does what the container contract does with its code: runs a file of src/ that lies beside it
CONTRACT = """
import json, pathlib, runpy, sys
given = json.loads(sys.argv[1])
sys.argv = [str(pathlib.Path(__file__).parent / "src" / "greet.py"), given["inputs"]["parameterValues"]["name"]]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.fixture(autouse=True)
def inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project of one step, `greet`, that reads data and code as artifacts."""
    importer = {"executorLabel": "code", "outputDefinitions": {"artifacts": {"artifact": {}}}}
    document: dict[str, Any] = {
        "pipelineInfo": {"name": "p"},
        "root": {
            "inputDefinitions": {
                "parameters": {
                    "Name": {"parameterType": "STRING", "defaultValue": "gs://acme-ml/x"},
                    "Machine": {"parameterType": "STRING", "isOptional": True},
                }
            },
            "dag": {
                "tasks": {
                    "importer": {"componentRef": {"name": "importer"}},
                    "greet": {
                        "componentRef": {"name": "greet"},
                        "dependentTasks": ["importer"],
                        "inputs": {
                            "parameters": {"name": {"componentInputParameter": "Name"}},
                            "artifacts": {
                                "code": {
                                    "taskOutputArtifact": {"producerTask": "importer", "outputArtifactKey": "artifact"}
                                }
                            },
                        },
                    },
                }
            },
        },
        "components": {
            "importer": importer,
            "greet": {
                "executorLabel": "greet",
                "inputDefinitions": {
                    "parameters": {"name": {"parameterType": "STRING"}},
                    "artifacts": {"code": {}},
                },
            },
        },
        "deploymentSpec": {
            "executors": {
                "code": {"importer": {"artifactUri": {"constant": URI}}},
                "greet": {
                    "container": {
                        "image": "i",
                        "command": ["python3", "{{$.inputs.artifacts['code'].path}}", "{{$}}"],
                    }
                },
            }
        },
    }
    folder = tmp_path / "project"
    for part in ("compiled", "pack", "code/greet"):
        (folder / part).mkdir(parents=True)
    (folder / "compiled" / "vertex.yaml").write_text(yaml.safe_dump(document))
    (folder / "pack" / "contract.py").write_text(CONTRACT)
    (folder / "code" / "greet" / "greet.py").write_text("import sys; print('hello', sys.argv[1])")
    lock = {
        "package": "pack",
        "code": {"greet": URI},
        "buckets": {"acme": "acme-ml"},
        "machines": {"ml.m5.large": "n2"},
    }
    (folder / "smx2vertex.lock").write_text(json.dumps(lock))
    return folder


def invoke(*words: object) -> Result:
    app = Typer()
    app.command()(run)
    return CliRunner().invoke(app, [str(word) for word in words])


def test_a_project_runs_with_its_code_and_contract(project: Path) -> None:
    result = invoke(project, "-p", "Name=world")
    assert result.exit_code == 0
    assert "✔ greet  succeeded" in result.stdout
    assert "greet │ hello world" in result.stderr
    assert Path("run/p-1/code/greet/src/greet.py").is_file()
    invoke(project, "-p", "Name=world")
    assert Path("run/p-2/index.json").is_file()


def test_the_compiled_file_of_a_project_finds_its_project(project: Path) -> None:
    assert invoke(project / "compiled" / "vertex.yaml").exit_code == 0


def test_addresses_of_code_are_found_in_the_pipeline_if_the_lock_has_none(project: Path) -> None:
    lock = json.loads((project / "smx2vertex.lock").read_text())
    del lock["code"]
    (project / "smx2vertex.lock").write_text(json.dumps(lock))
    assert open_project(project).code == {URI: project / "code" / "greet"}


def test_values_of_sagemaker_are_translated_and_shown(project: Path) -> None:
    result = invoke(project, "-p", "Name=s3://acme/raw/", "-p", "Machine=ml.m5.large")
    assert "Name = gs://acme-ml/raw/  (given as s3://acme/raw/)" in result.stdout
    assert "Machine = n2  (given as ml.m5.large)" in result.stdout
    assert "hello gs://acme-ml/raw/" in result.stderr


def test_data_by_an_address_of_s3_serves_the_bucket_that_stands_for_it(project: Path, tmp_path: Path) -> None:
    shutil.copytree(project / "code" / "greet", tmp_path / "data" / "src")
    (tmp_path / "data" / "__main__.py").write_text("print('from data')")
    (project / "smx2vertex.lock").write_text(
        json.dumps({"package": "pack", "code": {"other": "gs://other"}, "buckets": {"acme": "acme-ml"}})
    )
    result = invoke(project, "--data", f"s3://acme/p/code={tmp_path / 'none'}")
    assert result.exit_code == 2
    (tmp_path / "data").rename(tmp_path / "greet")
    (tmp_path / "0a1b").mkdir()
    (tmp_path / "greet").rename(tmp_path / "0a1b" / "greet")
    result = invoke(project, "--data", f"s3://acme/p/code={tmp_path}")
    assert (result.exit_code, "from data" in result.stderr) == (0, True)


def test_json_is_all_of_stdout(project: Path) -> None:
    result = invoke(project, "--format", "json", "-p", "Name=s3://acme/x")
    document = json.loads(result.stdout)
    assert document["state"] == "succeeded"
    assert document["translated"] == [{"name": "Name", "given": "s3://acme/x", "becomes": "gs://acme-ml/x"}]
    assert [task["id"] for task in document["tasks"]] == ["importer", "greet"]


def test_a_failed_task_is_the_last_word(tmp_path: Path) -> None:
    result = invoke(SPECS / "branches.yaml", "-p", "score=0.25", "--out", tmp_path / "out")
    assert result.exit_code == 1
    assert result.stdout.splitlines()[-1] == "failed: fail: score 0.25 is too low"
    assert "◆ GoodEnough  measure-score >= 0.7 is false" in result.stdout


@pytest.mark.parametrize(
    ("words", "code", "named"),
    [
        (["-p", "nothing=1"], "SMX601", "score, tries, word"),
        (["-p", "tries=many"], "SMX602", "tries"),
        (["-p", "score=nan"], "SMX602", "score"),
    ],
)
def test_wrong_parameters_are_input_errors_and_nothing_is_written(words: list[str], code: str, named: str) -> None:
    error = invoke(SPECS / "branches.yaml", *words).exception
    assert isinstance(error, InputError)
    assert (error.finding.code, named in error.finding.message) == (code, True)
    assert not Path("run").exists()


@pytest.mark.parametrize(
    "words", [["-p", "score"], ["--data", "gs://b"], ["--data", "gs://b=nowhere"], ["--jobs", "0"]]
)
def test_wrong_options_are_usage_errors(words: list[str]) -> None:
    assert invoke(SPECS / "branches.yaml", *words).exit_code == 2


def test_an_incomplete_project_says_what_is_missing(project: Path) -> None:
    (project / "pack" / "contract.py").unlink()
    with pytest.raises(InputError) as caught:
        open_project(project)
    assert (caught.value.finding.code, "contract.py" in caught.value.finding.message) == ("SMX613", True)


@pytest.mark.parametrize(
    "lock", ["[]", "{", '{"code": 1}', '{"package": "..", "code": {"a": "b"}}', '{"code": {"../x": "b"}}']
)
def test_a_lock_is_not_trusted(project: Path, lock: str) -> None:
    (project / "smx2vertex.lock").write_text(lock)
    with pytest.raises(InputError) as caught:
        open_project(project)
    assert caught.value.finding.code == "SMX613"


def test_a_run_can_start_at_a_task_with_the_results_of_the_run_before(tmp_path: Path) -> None:
    invoke(SPECS / "branches.yaml", "-p", "score=0.8")
    result = invoke(SPECS / "branches.yaml", "-p", "score=0.8", "--from", "say-2")
    kept = [line.split()[1] for line in result.stdout.splitlines() if "kept from the earlier run" in line]
    assert (result.exit_code, sorted(kept)) == (0, ["measure", "say", "say-5"])
    assert "▶ say-2" in result.stdout
    # a task that reads a changed parameter is not kept, nor what waits for it
    result = invoke(SPECS / "branches.yaml", "-p", "score=0.8", "-p", "word=hm", "--from", "say-2")
    assert [line.split()[1] for line in result.stdout.splitlines() if "kept" in line] == ["measure"]


def test_a_run_cannot_start_at_a_task_without_a_run_before_or_at_no_task() -> None:
    for task in ("say", "nobody"):
        error = invoke(SPECS / "branches.yaml", "-p", "score=0.8", "--from", task).exception
        assert isinstance(error, InputError)
        assert error.finding.code == "SMX616"
        invoke(SPECS / "branches.yaml", "-p", "score=0.8")


SCRIPT = """import json
import no_such_module, other
from no_such_package.part import thing
try:
    import optional_one
except ImportError:
    pass
def later():
    import optional_two
"""


def test_missing_modules_are_named_before_anything_starts(project: Path) -> None:
    (project / "code" / "greet" / "other.py").write_text("")
    (project / "code" / "greet" / "greet.py").write_text(SCRIPT)
    error = invoke(project, "-p", "Name=world").exception
    assert isinstance(error, InputError)
    named = "no_such_module (imported by greet/greet.py); no_such_package (imported by greet/greet.py)"
    assert (error.finding.code, error.finding.message.partition("import: ")[2]) == ("SMX617", named)


def test_scripts_with_requirements_install_them_by_themselves(project: Path) -> None:
    (project / "code" / "greet" / "greet.py").write_text("import no_such_module")
    (project / "code" / "greet" / "requirements.txt").write_text("no-such-module")
    assert "No module named" in invoke(project, "-p", "Name=world").stderr


@pytest.mark.parametrize(
    ("lines", "code", "said"), [("2", 0, "1 values as in"), ("3", 1, "'3' in SageMaker, '2' here")]
)
def test_results_are_set_beside_those_of_sagemaker(tmp_path: Path, lines: str, code: int, said: str) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "words.txt").write_text("two words")
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "lines.txt").write_text(lines)
    values = ("-p", f"source={tmp_path / 'data' / 'words.txt'}", "-p", f"counter={tmp_path / 'counter'}")
    result = invoke(SPECS / "flow.yaml", *values, "--compare", tmp_path / "there")
    assert (result.exit_code, said in result.stdout) == (code, True)
