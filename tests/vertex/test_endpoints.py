"""EndpointConfig, Endpoint and InferenceComponent steps: what they become, and that every value of them is compared."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support import REPOSITORY, Outcome

Command = Callable[..., Outcome]
FIXTURE = REPOSITORY / "tests" / "fixtures" / "endpoints" / "definition.json"
ENDPOINT_TYPES = {"EndpointConfig", "Endpoint", "InferenceComponent"}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project of the fixture, converted once."""
    out = tmp_path_factory.mktemp("endpoints") / "project"
    command = [sys.executable, "-m", "smx2vertex", "convert", str(FIXTURE), "--out", str(out)]
    subprocess.run(command, check=True, capture_output=True)
    return out


def validated(smx2vertex: Command, project: Path, folder: Path, *changes: tuple[str, str]) -> Outcome:
    """The comparison with the compiled pipeline, in which texts were replaced."""
    text = (project / "compiled" / "vertex.yaml").read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    file = folder / "changed.yaml"
    file.write_text(text)
    return smx2vertex("validate", FIXTURE, file, "--format", "json")


def changed(tmp_path: Path, edit: Callable[[dict[str, Any]], None]) -> Path:
    """The fixture with its steps, by name, edited."""
    document = json.loads(FIXTURE.read_text())
    edit({step["Name"]: step for step in document["Steps"]})
    file = tmp_path / "definition.json"
    file.write_text(json.dumps(document))
    return file


def convert(smx2vertex: Command, tmp_path: Path, edit: Callable[[dict[str, Any]], None]) -> Outcome:
    return smx2vertex("convert", changed(tmp_path, edit), "--out", tmp_path / "changed")


def test_endpoints_are_translated_and_equivalent(smx2vertex: Command, project: Path) -> None:
    config = (project / "definition" / "components" / "configure_endpoint.py").read_text()
    for option in (
        "--variant=challenger",
        "--model=challenger:challenger_model",
        "--machine=challenger:{serving_instance_type:str}",
        "--min-replicas=challenger:{challenger_min_replicas:int}",
        "--max-replicas=challenger:{max_instances:int}",
        "--weight=challenger:{challenger_weight:float}",
        "--model-name=champion:{champion_model_name:str}",
        "--machine=champion:{champion_machine_type:str}",
        "--accelerator=champion:NVIDIA_L4:1",
        "--log-percent={log_percent:int}",
        "--label=team:risk",
        "--request=request",
    ):
        assert f'"{option}",' in config
    pipeline = (project / "definition" / "pipeline.py").read_text()
    for line in (
        'challenger_model=create_model_task.outputs["serving_model"],',
        "serving_instance_type=ServingInstanceType,",
        'champion_machine_type="g2-standard-4",',
        'request=configure_endpoint_task.outputs["request"],',
    ):
        assert line in pipeline
    done = smx2vertex("validate", FIXTURE, project, "--strict", "--format", "json")
    result = json.loads(done.out)
    assert (done.code, result["excluded"]) == (0, [])
    pairs = {(pair["kind"], pair["source"], pair["target"]) for pair in result["correspondences"]}
    assert ("machine", "ml.g5.xlarge", "g2-standard-4") in pairs
    assert ("accelerators", "ml.g5.xlarge", "1 NVIDIA_L4") in pairs


def test_a_project_without_branches_imports_nothing_in_vain(project: Path) -> None:
    for command in (["check", "."], ["format", "--check", "."]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command, "--no-cache"], cwd=project, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout


def test_what_a_deployment_publishes_reaches_its_readers(project: Path) -> None:
    pipeline = (project / "definition" / "pipeline.py").read_text()
    assert 'endpoint=deploy_endpoint_task.outputs["endpoint"],' in pipeline
    assert 'resource_name=deploy_endpoint_task.outputs["resource_name"],' in pipeline
    assert 'component=deploy_component_task.outputs["component"],' in pipeline


def test_every_field_is_accounted_for(smx2vertex: Command) -> None:
    result = json.loads(smx2vertex("map", FIXTURE, "--format", "json").out)
    assert result["ledger"]["unaccounted"] == []
    verdicts = {step["name"]: step["verdict"] for step in result["steps"]}
    assert verdicts["DeployEndpoint"] == "adapted"
    assert {"SMX253", "SMX259", "SMX387"} <= {finding["code"] for finding in result["findings"]}


MUTATIONS = [
    ("--weight=challenger:{challenger_weight:float}", "--weight=challenger:{champion_weight:float}"),
    ("--replicas=champion:{champion_replicas:int}", "--replicas=champion:{challenger_replicas:int}"),
    ("--min-replicas=challenger:{challenger_min_replicas:int}", "--max-replicas=champion:4"),
    ("--max-replicas=challenger:{max_instances:int}", "--max-replicas=challenger:8"),
    ("--model=challenger:challenger_model", "--model-name=challenger:other"),
    ("--model-name=champion:{champion_model_name:str}", "--model=champion:challenger_model"),
    ("--machine=challenger:{serving_instance_type:str}", "--machine=challenger:{champion_machine_type:str}"),
    ("--variant=champion", "--variant=loser"),
    ("--log-percent={log_percent:int}", "--log-percent=100"),
    ("--label=team:risk", "--label=team:fraud"),
    ("constant: 0.25", "constant: 0.5"),
    ("constant: churn-champion", "constant: churn-loser"),
    ("constant: churn-config", "constant: other"),
    ("constant: g2-standard-4", "constant: ml.g5.xlarge"),
    ("--config={request:str}", "--config=none"),
    ("--name={endpoint_name:str}", "--name=other"),
    ("--cpus={cpus:int}", "--cpus={copies:int}"),
    ("--memory-mb={memory_mb:int}", "--memory-mb=1"),
    ("--copies={copies:int}", "--copies={cpus:int}"),
    ("--variant={sagemaker_variant:str}", "--variant=other"),
    ("--endpoint={endpoint:str}", "--endpoint=other"),
    ("--request=request", "--label=x:y"),
    ("--endpoint-name=component", "--label=x:y"),
    ("outputParameterKey: resource_name", "outputParameterKey: endpoint"),
]


@pytest.mark.parametrize(("old", "new"), MUTATIONS, ids=[old for old, _ in MUTATIONS])
def test_a_changed_value_is_found(smx2vertex: Command, project: Path, tmp_path: Path, old: str, new: str) -> None:
    assert validated(smx2vertex, project, tmp_path).code == 0
    done = validated(smx2vertex, project, tmp_path, (old, new))
    assert done.code == 1, done.out


def test_two_values_that_changed_places_are_found(smx2vertex: Command, project: Path, tmp_path: Path) -> None:
    first, second, between = "constant: 0.25", "constant: 0.75", "constant: x"
    done = validated(smx2vertex, project, tmp_path, (first, between), (second, first), (between, second))
    codes = {finding["code"] for check in json.loads(done.out)["checks"] for finding in check["findings"]}
    assert (done.code, "SMX440" in codes) == (1, True)


def test_a_local_run_records_what_would_be_deployed(smx2vertex: Command, tmp_path: Path) -> None:
    document = json.loads(FIXTURE.read_text())
    document["Steps"] = [step for step in document["Steps"] if step["Name"] != "SmokeTest"]
    file = tmp_path / "definition.json"
    file.write_text(json.dumps(document))
    out = tmp_path / "project"
    assert smx2vertex("convert", file, "--out", out).code == 0
    models = tmp_path / "models"
    models.mkdir()
    (models / "model.tar.gz").write_bytes(b"no archive")
    done = smx2vertex("run", out, "--out", tmp_path / "run", "--data", f"gs://acme-ml/models={models}")
    assert done.code == 0, done.out + done.err
    (requests,) = (tmp_path / "run").rglob("DeployEndpoint.json")
    deployed = [
        entry["body"]["deployedModel"] for entry in json.loads(requests.read_text()) if "deployModel" in entry["url"]
    ]
    assert [model["displayName"] for model in deployed] == ["challenger", "champion"]
    assert deployed[0]["model"].endswith("/models/not-uploaded@1")
    assert deployed[0]["dedicatedResources"] == {
        "machineSpec": {"machineType": "n2-standard-4"},
        "minReplicaCount": 1,
        "maxReplicaCount": 4,
    }


NOT_TRANSLATED = [
    (
        "ConfigureEndpoint",
        {"ProductionVariants": [{"VariantName": "a", "ServerlessConfig": {"MemorySizeInMB": 2048}}]},
        "SMX257",
    ),
    ("ConfigureEndpoint", {"AsyncInferenceConfig": {"OutputConfig": {"S3OutputPath": "s3://acme-ml/out"}}}, "SMX257"),
    ("ConfigureEndpoint", {"ProductionVariants": [{"VariantName": "a", "ModelName": "m"}]}, "SMX386"),
    ("DeployEndpoint", {"EndpointConfigName": "churn-config"}, "SMX385"),
    ("DeployComponent", {"Specification": {"Container": {"Image": "x"}}}, "SMX388"),
    ("DeployComponent", {"Specification": {"ComputeResourceRequirements": {}}}, "SMX388"),
]


@pytest.mark.parametrize(("step", "arguments", "code"), NOT_TRANSLATED)
def test_what_vertex_cannot_serve_fails_and_says_so(
    smx2vertex: Command, tmp_path: Path, step: str, arguments: dict[str, Any], code: str
) -> None:
    done = convert(smx2vertex, tmp_path, lambda steps: steps[step]["Arguments"].update(copy.deepcopy(arguments)))
    assert done.code == 0, done.err
    (component,) = (tmp_path / "changed" / "definition" / "components").glob(
        f"{step[0].lower()}*{step[-5:].lower()}*.py"
    )
    assert f'"--code={code}",' in component.read_text()


def test_a_variant_that_serves_components_is_no_deployment(smx2vertex: Command, tmp_path: Path) -> None:
    def edit(steps: dict[str, Any]) -> None:
        del steps["ConfigureEndpoint"]["Arguments"]["ProductionVariants"][0]["ModelName"]

    done = convert(smx2vertex, tmp_path, edit)
    assert done.code == 0
    assert "SMX387" in (tmp_path / "changed" / "MIGRATION.md").read_text()
    config = (tmp_path / "changed" / "definition" / "components" / "configure_endpoint.py").read_text()
    assert "challenger" not in config


def test_machines_that_are_not_quite_the_same_are_noted(smx2vertex: Command, tmp_path: Path) -> None:
    document = json.loads(FIXTURE.read_text())
    document["Parameters"][1]["DefaultValue"] = "ml.g5.xlarge"
    document["Steps"][1]["Arguments"]["ProductionVariants"][1]["InstanceType"] = "ml.m6g.large"
    file = tmp_path / "definition.json"
    file.write_text(json.dumps(document))
    assert smx2vertex("convert", file, "--out", tmp_path / "project").code == 0
    text = (tmp_path / "project" / "MIGRATION.md").read_text()
    assert "ml.m6g.large has an Arm processor" in text
    assert "ServingInstanceType may name another machine; the accelerators are those of its default" in text


def test_the_definitions_of_others_are_equivalent(smx2vertex: Command, corpus: Path, tmp_path: Path) -> None:
    files = [file for file in sorted((corpus / "definitions").glob("*.json")) if _types(file) & ENDPOINT_TYPES]
    assert len(files) >= 4
    for index, file in enumerate(files):
        out = tmp_path / str(index)
        assert smx2vertex("convert", file, "--out", out).code == 0, file
        assert smx2vertex("validate", file, out).code == 0, file


def _types(file: Path) -> set[str]:
    document = json.loads(file.read_text())
    steps = document.get("Steps", []) if isinstance(document, dict) else []
    return {str(step.get("Type")) for step in steps if isinstance(step, dict)}
