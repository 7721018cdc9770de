"""`convert`: what the project holds, what it says, and what it refuses."""

from __future__ import annotations

import copy
import hashlib
import json
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from support import REPOSITORY, Outcome

FIXTURES = REPOSITORY / "tests" / "fixtures"
CHURN = FIXTURES / "churn_mini"
Command = Callable[..., Outcome]


def files_of(folder: Path) -> dict[str, str]:
    """The files of a folder with their hashes."""
    return {
        file.relative_to(folder).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


def parse_with_kfp(*compiled: Path) -> None:
    """Parse compiled files with Kubeflow's own protobuf, executors too: that is a Struct, which accepts anything."""
    program = """
import sys, yaml
from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2 as pb
for path in sys.argv[1:]:
    document = next(yaml.safe_load_all(open(path)))
    spec = json_format.ParseDict(document, pb.PipelineSpec())
    assert spec.root.dag.tasks
    config = pb.PipelineDeploymentConfig()
    for executor in document["deploymentSpec"]["executors"].values():
        json_format.ParseDict(executor, pb.PipelineDeploymentConfig.ExecutorSpec())
"""
    subprocess.run([sys.executable, "-c", program, *map(str, compiled)], check=True)


@pytest.fixture(scope="module")
def churn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The churn-mini project, converted once."""
    out = tmp_path_factory.mktemp("churn") / "project"
    arguments = ["convert", str(CHURN / "definition.json"), "--code", str(CHURN), "--out", str(out)]
    subprocess.run([sys.executable, "-m", "smx2vertex", *arguments], check=True, capture_output=True)
    return out


LINTED = sorted(file.parent for file in (REPOSITORY / "tests").glob("**/fixtures/*/definition.json"))


@pytest.fixture(scope="module")
def mypy_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where mypy keeps what it learnt from one project for the next."""
    return tmp_path_factory.mktemp("mypy")


@pytest.mark.parametrize("fixture", LINTED, ids=lambda fixture: fixture.name)
def test_a_project_passes_ruff_and_mypy(smx2vertex: Command, mypy_cache: Path, tmp_path: Path, fixture: Path) -> None:
    out = tmp_path / "project"
    smx2vertex("convert", fixture / "definition.json", "--code", fixture, "--out", out)
    ruff = ("ruff", "check", "--no-cache", "."), ("ruff", "format", "--no-cache", "--check", ".")
    for command in (*ruff, ("mypy", f"--cache-dir={mypy_cache}")):
        done = subprocess.run([sys.executable, "-m", *command], cwd=out, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


def test_both_targets_parse_with_kubeflows_own_protobuf(churn: Path) -> None:
    parse_with_kfp(churn / "compiled" / "vertex.yaml", churn / "compiled" / "kubeflow.yaml")


def test_the_pipeline_reads_like_the_pipeline(churn: Path) -> None:
    text = (churn / "churn_mini" / "pipeline.py").read_text()
    for line in (
        'InputData: str = f"gs://{buckets.acme_ml}/churn/raw/",',
        "MaxDepth: int = 5,",
        "test_size=TestSize,",
        "max_depth=MaxDepth,",
        'objective="binary:logistic",',
        'with dsl.If(evaluate_task.outputs["accuracy"] >= MinAccuracy, name="CheckAccuracy"):',
    ):
        assert line in text


def test_converting_twice_gives_the_same_bytes(smx2vertex: Command, churn: Path, tmp_path: Path) -> None:
    done = smx2vertex("convert", CHURN / "definition.json", "--code", CHURN, "--out", tmp_path / "again")
    assert done.code == 0
    assert files_of(tmp_path / "again") == files_of(churn)


def test_a_place_that_cannot_be_written_is_refused(smx2vertex: Command, churn: Path) -> None:
    out = Path("/proc/nowhere/project")
    done = smx2vertex("convert", CHURN / "definition.json", "--out", out)
    assert (done.code, "cannot be written" in done.err) == (2, True), done.err
    done = smx2vertex("run", churn, "--out", out)
    assert (done.code, "SMX611" in done.err) == (2, True), done.err


def test_a_pipeline_that_runs_nothing_is_refused(smx2vertex: Command, tmp_path: Path) -> None:
    choice = {"Type": "Equals", "LeftValue": {"Get": "Parameters.Mode"}, "RightValue": "full"}
    empty = {"Conditions": [choice], "IfSteps": [], "ElseSteps": []}
    for steps in ([], [{"Name": "Gate", "Type": "Condition", "Arguments": empty}]):
        parameters = [{"Name": "Mode", "Type": "String"}]
        document = {"Version": "2020-12-01", "Parameters": parameters, "Steps": steps}
        (tmp_path / "definition.json").write_text(json.dumps(document))
        done = smx2vertex("convert", tmp_path / "definition.json", "--out", tmp_path / "project")
        assert (done.code, "nothing to convert" in done.err) == (2, True), done.err


def test_a_folder_with_other_files_is_refused(smx2vertex: Command, tmp_path: Path) -> None:
    (tmp_path / "precious.txt").write_text("mine")
    done = smx2vertex("convert", CHURN / "definition.json", "--out", tmp_path)
    assert done.code == 2
    assert files_of(tmp_path).keys() == {"precious.txt"}


def test_a_script_that_is_not_there_is_a_finding_and_a_file(smx2vertex: Command, tmp_path: Path) -> None:
    done = smx2vertex("convert", CHURN / "definition.json", "--out", tmp_path / "project")
    assert done.code == 0
    assert "SMX360" in done.out
    note = (tmp_path / "project" / "code" / "prepare" / "prepare.py.missing").read_text()
    assert "s3://acme-ml/churn-mini/code/7f1c/prepare.py" in note


@pytest.mark.parametrize("delete_note", [True, False])
def test_a_missing_script_that_people_put_in_its_place_stays(
    smx2vertex: Command, tmp_path: Path, delete_note: bool
) -> None:
    out = tmp_path / "project"
    assert smx2vertex("convert", CHURN / "definition.json", "--out", out).code == 0
    for step, script in (("prepare", "prepare.py"), ("evaluate", "evaluate.py")):
        (out / "code" / step / script).write_bytes((CHURN / script).read_bytes())
        if delete_note:
            (out / "code" / step / f"{script}.missing").unlink()
    done = smx2vertex("convert", CHURN / "definition.json", "--out", out)
    assert done.code == 0, done.out + done.err
    assert "SMX360" not in done.out
    assert sorted(path.name for path in (out / "code").rglob("*.*")) == ["evaluate.py", "prepare.py"]
    assert smx2vertex("validate", CHURN / "definition.json", out).code == 0
    churn_data(tmp_path / "data")
    ran = smx2vertex("run", out, "--data", f"s3://acme-ml/churn/raw/={tmp_path / 'data'}", "--out", tmp_path / "run")
    assert ran.code == 0, ran.out + ran.err


def churn_data(folder: Path, rows: int = 400) -> None:
    """Rows of `label,x,y` with a label that x and y tell, but for some noise."""
    rng = random.Random(7)
    folder.mkdir()
    lines = []
    for _ in range(rows):
        x, y = rng.uniform(-1, 1), rng.uniform(-1, 1)
        lines.append(f"{int(x + y + rng.gauss(0, 0.15) > 0)},{x:.4f},{y:.4f}")
    (folder / "churn.csv").write_text("\n".join(lines) + "\n")


def test_both_branches_run_here(smx2vertex: Command, churn: Path, tmp_path: Path) -> None:
    churn_data(tmp_path / "data")
    data = f"s3://acme-ml/churn/raw/={tmp_path / 'data'}"
    good = smx2vertex("run", churn, "--data", data, "--out", tmp_path / "good", "--format", "json")
    assert good.code == 0, good.out + good.err
    request = json.loads(next((tmp_path / "good" / "requests").rglob("*.json")).read_text())
    assert "churn" in json.dumps(request)
    bad = smx2vertex("run", churn, "--data", data, "--out", tmp_path / "bad", "-p", "MinAccuracy=0.999")
    assert bad.code == 1
    assert "Accuracy is below 0.999" in bad.out
    assert not any((tmp_path / "bad" / "requests").rglob("*.json"))


# --- text of a definition is data, never code ---

HOSTILE = [
    '"""quo"te\'s',
    "new\nline\r",
    "{{$}}",
    "{{$.inputs.parameters['x']}}",
    "{{channel:task=;name=g;type=String;}}",
    "../../etc/passwd",
    "class",
    "a.b.c",
    "x{y}z",
    "__init__",
    "é ü 中",
    "$(HOME) `id` %41 % $$",
    "os; import os",
    '# comment\n"""\nimport os',
    "-",
]


def hostile(definition: dict[str, Any], name: str) -> dict[str, Any]:
    """A definition in which steps, parameters, channels, groups, buckets, values and messages bear a hostile name."""
    replaced = {"Prepare": name, "MinAccuracy": name, "Parameters.MinAccuracy": f"Parameters.{name}", "train": name}
    replaced |= {"churn": name, "binary:logistic": name, "Accuracy is below": name}
    replaced |= {"s3://acme-ml/churn/raw/": f"s3://acme-ml/{name}/raw/", "s3://acme-ml/churn/model": f"s3://{name}/m"}

    def changed(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: changed(item) for key, item in value.items()}
        if isinstance(value, list):
            return [changed(item) for item in value]
        if isinstance(value, str) and value.startswith("Steps.Prepare."):
            return value.replace("Steps.Prepare.", f"Steps.{name}.").replace("['train']", f"['{name}']")
        return replaced.get(value, value) if isinstance(value, str) else value

    made: dict[str, Any] = changed(copy.deepcopy(definition))
    first, second = made["Steps"][:2]
    first["DisplayName"] = name
    first["Arguments"]["Environment"] = {"NOTE": name, name: "1"}
    first["Arguments"]["AppSpecification"]["ContainerArguments"] += [f"--{name}", name, name]
    second["Arguments"]["HyperParameters"][name] = name
    made["Steps"][3]["Name"] = f"{name} check"
    return made


@pytest.mark.parametrize("name", HOSTILE)
def test_no_text_of_a_definition_becomes_code(smx2vertex: Command, tmp_path: Path, name: str) -> None:
    definition = hostile(json.loads((CHURN / "definition.json").read_text()), name)
    source = tmp_path / "definition.json"
    source.write_text(json.dumps(definition))
    out = tmp_path / "project"
    done = smx2vertex("convert", source, "--out", out)
    assert done.code == 0, done.out + done.err
    assert ("SMX302" in done.out) == ("{{" in name)
    for target in ("vertex", "kubeflow"):
        spec = yaml.safe_load((out / "compiled" / f"{target}.yaml").read_text())
        # the default of InputData holds the name, as data; nowhere else may it look like a placeholder
        default = spec["root"]["inputDefinitions"]["parameters"]["InputData"].pop("defaultValue")
        assert default == f"gs://acme-ml/{name}/raw/"
        assert "{{channel:" not in json.dumps(spec)
        assert said_by(spec, "SMX") is None
        if target == "kubeflow":
            assert name in environment_of(spec)
    # nothing was written beside the project, and every file has a harmless name
    assert {path.name for path in tmp_path.iterdir()} == {"definition.json", "project"}
    assert all(part.isprintable() and part not in ("", "..") for path in files_of(out) for part in path.split("/"))


def said_by(spec: dict[str, Any], word: str) -> str | None:
    """The first argument of a task that stands for a step without counterpart."""
    for executor in spec["deploymentSpec"]["executors"].values():
        arguments = executor.get("container", {}).get("args", [])
        if "not-translated" in arguments:
            return next((argument for argument in arguments if word in argument), None)
    return None


def environment_of(spec: dict[str, Any]) -> list[str]:
    """The plain values of the environment that the contract sets in the first step, decoded as it does."""
    from smx2vertex.contract.grammar import decode

    values = []
    for executor in spec["deploymentSpec"]["executors"].values():
        for argument in executor.get("container", {}).get("args", []):
            if argument.startswith("--environment=NOTE:"):
                text = argument.partition(":")[2]
                values.append(decode(text) if not text.startswith("{") else _constant(spec, text[1:].partition(":")[0]))
    return values


def _constant(spec: dict[str, Any], name: str) -> str:
    for task in spec["root"]["dag"]["tasks"].values():
        value = task.get("inputs", {}).get("parameters", {}).get(name, {}).get("runtimeValue")
        if value is not None:
            return str(value["constant"])
    raise AssertionError(name)


def test_parameters_keep_their_names_whatever_pipeline_py_imports(smx2vertex: Command, tmp_path: Path) -> None:
    text = (CHURN / "definition.json").read_text()
    names = {
        "InputData": "data",
        "MaxDepth": "dsl",
        "TestSize": "type",
        "MinAccuracy": "buckets",
        "ApprovalStatus": "code",
    }
    for old, new in names.items():
        text = text.replace(f'{old}"', f'{new}"')
    source, out = tmp_path / "definition.json", tmp_path / "project"
    source.write_text(text)
    done = smx2vertex("convert", source, "--out", out)
    assert done.code == 0, done.out + done.err
    spec = yaml.safe_load((out / "compiled" / "vertex.yaml").read_text())
    assert spec["root"]["inputDefinitions"]["parameters"].keys() == {*names.values(), "TrainingInstanceType"}


def test_parameters_that_python_cannot_name_so_are_recognised(smx2vertex: Command, tmp_path: Path) -> None:
    definition = json.loads((CHURN / "definition.json").read_text())
    names = ["class", "None", "int", "match", "long" * 20]
    definition["Parameters"] += [{"Name": name, "Type": "String", "DefaultValue": name} for name in names]
    (tmp_path / "definition.json").write_text(json.dumps(definition))
    done = smx2vertex("convert", tmp_path / "definition.json", "--code", CHURN, "--out", tmp_path / "project")
    assert done.code == 0, done.out


def test_a_file_name_that_no_file_system_takes_is_shortened(smx2vertex: Command, tmp_path: Path) -> None:
    text = (CHURN / "definition.json").read_text().replace("prepare.py", "é" * 300 + ".py")
    (tmp_path / "definition.json").write_text(text)
    done = smx2vertex("convert", tmp_path / "definition.json", "--code", CHURN, "--out", tmp_path / "project")
    assert done.code == 0, done.err
    assert list((tmp_path / "project" / "code" / "prepare").glob("*.missing"))


def test_labels_descriptions_and_machines_are_carried(smx2vertex: Command, tmp_path: Path) -> None:
    done = smx2vertex("convert", FIXTURES / "labels.json", "--out", tmp_path / "project")
    assert done.code == 0, done.out + done.err
    spec = yaml.safe_load((tmp_path / "project" / "compiled" / "vertex.yaml").read_text())
    job = spec["components"]["comp-make"]["inputDefinitions"]["parameters"]
    assert job["labels"]["defaultValue"] == {"team": "data-science", "cost": "a-1"}
    assert job["timeout"]["defaultValue"] == "900s"
    task = spec["root"]["dag"]["tasks"]["make"]["inputs"]["parameters"]["worker_pool_specs"]["runtimeValue"]["constant"]
    assert [(pool["replica_count"], pool["disk_spec"]["boot_disk_size_gb"]) for pool in task] == [(1, 500), (1, 500)]
    assert "crane copy 111122223333.dkr.ecr" in (tmp_path / "project" / "MIGRATION.md").read_text()
    assert "out of nothing" in (tmp_path / "project" / "labels" / "components" / "make.py").read_text()


def test_a_step_reads_what_another_wrote_to_a_fixed_address(smx2vertex: Command, tmp_path: Path) -> None:
    fixture, out = FIXTURES / "fixed_address", tmp_path / "project"
    done = smx2vertex("convert", fixture / "definition.json", "--code", fixture, "--out", out)
    assert done.code == 0, done.out + done.err
    ran = smx2vertex("run", out, "--out", tmp_path / "run")
    assert ran.code == 0, ran.out + ran.err
    assert (tmp_path / "run" / "artifacts" / "count" / "counted" / "words.txt").read_text() == "3"
    assert (tmp_path / "run" / "gcs" / "acme-words" / "daily" / "text.txt").read_text() == "one two three"


def test_training_model_and_batch_transform_run_here(smx2vertex: Command, tmp_path: Path) -> None:
    rng = random.Random(3)
    for folder, rows in (("train", 300), ("batch", 5)):
        (tmp_path / "data" / folder).mkdir(parents=True)
        points = [(rng.random(), rng.random()) for _ in range(rows)]
        lines = [f"{2 * x + y:.4f},{x:.4f},{y:.4f}" for x, y in points]
        (tmp_path / "data" / folder / "rows.csv").write_text("\n".join(lines) + "\n")
    out = tmp_path / "project"
    done = smx2vertex("convert", FIXTURES / "batch" / "definition.json", "--out", out)
    assert done.code == 0, done.out + done.err
    ran = smx2vertex("run", out, "--data", f"s3://acme-batch={tmp_path / 'data'}", "--out", tmp_path / "run")
    assert ran.code == 0, ran.out + ran.err
    # the filters send columns 1 and 2, join the answer to the record, and keep its first and last column
    predictions = tmp_path / "run" / "gcs" / "acme-batch" / "predictions" / "rows.csv.out"
    pairs = [list(map(float, line.split(","))) for line in predictions.read_text().splitlines()]
    assert len(pairs) == 5
    assert all(abs(wanted - found) < 0.4 for wanted, found in pairs)


# --- real definitions ---

SEEDS = ["s0_dev", "s0_prod", "s1", "s2", "s3", "s4", "small_v2", "small_v3", "kinds_v2"]


@pytest.mark.parametrize("seed", SEEDS)
def test_course_definitions_convert_and_validate(smx2vertex: Command, corpus: Path, tmp_path: Path, seed: str) -> None:
    source, out = corpus / "seeds" / f"{seed}.json", tmp_path / "project"
    done = smx2vertex("convert", source, "--out", out)
    assert done.code == 0, done.out + done.err
    checked = smx2vertex("validate", source, out, "--format", "json")
    assert checked.code == 0, checked.out + checked.err
    report = json.loads(checked.out)
    assert report["equivalent"] is True
    lock = json.loads((out / "smx2vertex.lock").read_text())
    assert {entry["step"]: entry["code"] for entry in report["excluded"]} == lock["excluded"]
    parse_with_kfp(out / "compiled" / "vertex.yaml", out / "compiled" / "kubeflow.yaml")
