"""QualityCheck and ClarifyCheck steps: their tasks, what they hand on, what `validate` sees, what is not translated."""

from __future__ import annotations

import copy
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support import REPOSITORY, Outcome

CHECKS = REPOSITORY / "tests" / "fixtures" / "checks"
DEFINITION = json.loads((CHECKS / "definition.json").read_text())
Command = Callable[..., Outcome]


def convert(definition: Any, folder: Path) -> Path:
    """The project of a definition."""
    folder.mkdir(exist_ok=True, parents=True)
    file, out = folder / "definition.json", folder / "project"
    file.write_text(json.dumps(definition))
    command = [sys.executable, "-m", "smx2vertex", "convert", file, "--code", CHECKS, "--out", out]
    subprocess.run([*map(str, command)], check=True, capture_output=True)
    return out


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project of the checks."""
    return convert(DEFINITION, tmp_path_factory.mktemp("checks"))


def component(project: Path, name: str) -> str:
    return next(project.glob(f"*/components/{name}.py")).read_text()


def options(project: Path, name: str) -> list[str]:
    """The command line of a component, from its verb on."""
    return re.findall(r'^            f?"(.*)",$', component(project, name), re.MULTILINE)


def test_a_check_of_data_is_a_task_that_checks(project: Path) -> None:
    assert options(project, "check_data") == [
        "quality-check",
        "--step=CheckData",
        "--kind=DATA_QUALITY",
        "--input=dataset",
        "--skip-check={skip_check:bool}",
        "--fail-on-violation={fail_on_violation:str}",
        "--register-new-baseline={register_new_baseline:bool}",
        "--baseline=statistics.json:{baseline_statistics:str}",
        "--baseline=constraints.json:{baseline_constraints:str}",
        "--group={model_package_group:str}",
        "--project={project}",
        "--location={region}",
        "--output=data_quality:{data_quality_destination:str}",
        "--baseline-used=baseline_used",
        "--environment=dataset_format:{dataset_format:str}",
    ]
    assert "image=images.checks" in component(project, "check_data")
    assert "pandas==2.2.3" in (project / "images" / "checks" / "Dockerfile").read_text()


def test_a_check_of_bias_is_a_task_that_checks(project: Path) -> None:
    assert options(project, "check_bias") == [
        "bias-check",
        "--step=CheckBias",
        "--kind=DATA_BIAS",
        "--input=dataset",
        "--skip-check={skip_check:bool}",
        "--fail-on-violation={fail_on_violation:str}",
        "--register-new-baseline={register_new_baseline:str}",
        "--baseline=analysis.json:{baseline_constraints:str}",
        "--output=bias:{bias_destination:str}",
        "--baseline-used=baseline_used",
        "--analysis-config=analysis_config",
    ]


def test_the_baseline_of_a_check_is_registered_with_the_model(project: Path) -> None:
    kept = [option for option in options(project, "register") if option.startswith("--metrics=")]
    data, baselines = "model_data_quality_statistics", "drift_check_baselines_model_data_quality_statistics"
    assert kept == [
        f"--metrics=ModelDataQuality.Statistics:{data}:statistics.json",
        f"--metrics=ModelDataQuality.Constraints:{data}:constraints.json",
        "--metrics=ModelQuality.Statistics:model_quality_statistics:statistics.json",
        f"--metrics=DriftCheckBaselines.ModelDataQuality.Statistics:{baselines}:statistics.json",
        f"--metrics=DriftCheckBaselines.ModelDataQuality.Constraints:{baselines}:constraints.json",
        "--metrics=DriftCheckBaselines.Bias.PreTrainingConstraints:"
        "drift_check_baselines_bias_pre_training_constraints:analysis.json",
    ]
    pipeline = next(project.glob("*/pipeline.py")).read_text()
    assert f'{data}=check_data_task.outputs["data_quality"]' in pipeline
    assert f'{baselines}=check_data_task.outputs["baseline_used"]' in pipeline


def test_nothing_is_unaccounted_for(smx2vertex: Command) -> None:
    report = json.loads(smx2vertex("map", CHECKS / "definition.json", "--format", "json").out)
    assert report["ledger"]["unaccounted"] == []
    assert {step["name"]: step["verdict"] for step in report["steps"]} == dict.fromkeys(
        ("Prepare", "CheckData", "CheckBias", "CheckModel", "Register"), "adapted"
    )
    assert [finding["step"] for finding in report["findings"] if finding["code"] == "SMX277"] == ["CheckData"]


@pytest.mark.parametrize("target", ["vertex", "kubeflow"])
def test_both_sides_are_equivalent(smx2vertex: Command, project: Path, target: str) -> None:
    done = smx2vertex("validate", CHECKS / "definition.json", project / "compiled" / f"{target}.yaml", "--strict")
    assert done.code == 0, done.out + done.err


MUTATIONS = {
    "another kind": ("--kind=MODEL_QUALITY", "--kind=DATA_QUALITY"),
    "a flag": ("--fail-on-violation={fail_on_violation:str}", "--fail-on-violation=false"),
    "a swapped flag": ("--skip-check={skip_check:bool}", "--skip-check={register_new_baseline:bool}"),
    "a swapped baseline": (
        "--baseline=statistics.json:{baseline_statistics:str}", "--baseline=statistics.json:{baseline_constraints:str}",
    ),
    "no baseline": ("--baseline=constraints.json:{baseline_constraints:str}", "--environment=x:y"),
    "another group": ("--group={model_package_group:str}", "--group=other"),
    "another setting": ("--environment=problem_type:{problem_type:str}", "--environment=problem_type:Regression"),
    "another analysis": ("--analysis-config=analysis_config", "--analysis-config=dataset"),
    "another file": (
        "DriftCheckBaselines.ModelDataQuality.Statistics:drift_check_baselines_model_data_quality_statistics:statistics",
        "DriftCheckBaselines.ModelDataQuality.Statistics:drift_check_baselines_model_data_quality_statistics:constraints",
    ),
    "another report": (
        "DriftCheckBaselines.ModelDataQuality.Statistics:drift_check_baselines_model_data_quality_statistics",
        "DriftCheckBaselines.ModelDataQuality.Statistics:model_data_quality_statistics",
    ),
    "another destination": ("--output=bias:{bias_destination:str}", "--output=bias:gs://elsewhere"),
}  # fmt: skip


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_changed_value_is_found(smx2vertex: Command, project: Path, tmp_path: Path, name: str) -> None:
    old, new = MUTATIONS[name]
    text = (project / "compiled" / "vertex.yaml").read_text()
    assert old in text
    changed = tmp_path / "vertex.yaml"
    changed.write_text(text.replace(old, new))
    assert smx2vertex("validate", CHECKS / "definition.json", changed).code == 1


def test_what_a_check_drops_changes_nothing(project: Path, tmp_path: Path) -> None:
    definition = copy.deepcopy(DEFINITION)
    for step in definition["Steps"]:
        if step["Type"] in ("QualityCheck", "ClarifyCheck"):
            arguments = step["Arguments"]
            arguments["ProcessingJobName"] = "job"
            arguments["NetworkConfig"] = {"EnableInterContainerTrafficEncryption": True}
            arguments["ProcessingResources"]["ClusterConfig"] |= {
                "SelectedInstanceType": "x",
                "SelectedInstanceCount": 1,
            }
            for item in arguments["ProcessingInputs"]:
                item["S3Input"]["LocalPath"] = item["S3Input"]["LocalPath"] + "/elsewhere"
                item["AppManaged"] = True
            for output in arguments["ProcessingOutputConfig"]["Outputs"]:
                output["S3Output"]["LocalPath"] = "/opt/ml/processing/elsewhere"
                output["AppManaged"] = True
            if step["Type"] == "QualityCheck":
                arguments["Environment"] |= {"dataset_source": "/opt/elsewhere", "output_path": "/opt/elsewhere"}
    other = convert(definition, tmp_path)
    for file in ("compiled/vertex.yaml", "compiled/kubeflow.yaml"):
        assert (other / file).read_text() == (project / file).read_text()


NOT_TRANSLATED = {
    "bias of a model": ("CheckBias", {"CheckType": "MODEL_BIAS"}, "SMX275"),
    "explanations": ("CheckBias", {"CheckType": "MODEL_EXPLAINABILITY", "ModelName": "m"}, "SMX275"),
    "a script": ("CheckData", {"Environment": {"record_preprocessor_script": "/opt/x.py"}}, "SMX276"),
    "captured data": ("CheckData", {"Environment": {"dataset_format": '{"sagemakerCaptureJson": {}}'}}, "SMX275"),
}


@pytest.mark.parametrize("name", NOT_TRANSLATED)
def test_what_cannot_be_translated_fails_when_it_runs(tmp_path: Path, smx2vertex: Command, name: str) -> None:
    step, changes, code = NOT_TRANSLATED[name]
    definition = copy.deepcopy(DEFINITION)
    found = next(each for each in definition["Steps"] if each["Name"] == step)
    found["Arguments"] |= {key: value for key, value in changes.items() if key == "Environment"}
    found |= {key: value for key, value in changes.items() if key != "Environment"}
    out = convert(definition, tmp_path)
    text = component(out, {"CheckBias": "check_bias", "CheckData": "check_data"}[step])
    assert '"not-translated"' in text
    assert f'"--code={code}"' in text
    report = json.loads(smx2vertex("map", tmp_path / "definition.json", "--format", "json").out)
    assert next(each for each in report["steps"] if each["name"] == step)["verdict"] == "redesign"


ANALYSIS = {
    "dataset_type": "text/csv",
    "label": "hired",
    "label_values_or_threshold": [1],
    "facet": [{"name_or_index": "sex", "value_or_threshold": ["f"]}],
}


def test_a_local_run_checks_for_real(smx2vertex: Command, project: Path, tmp_path: Path) -> None:
    """The first run makes a baseline; the second one is given it, finds that the data drifted, and fails."""
    rows = [f"{20 + i % 40},{int(i % 3 == 0)},{'mf'[i % 2]}" for i in range(400)]
    drifted = [f"{70 + i % 40},{int(i % 3 == 0)},{'mf'[i % 2]}" for i in range(400)]
    data = tmp_path / "data"
    for name, text in {
        "raw/train.csv": "\n".join(["age,hired,sex", *rows]),
        "drifted/train.csv": "\n".join(["age,hired,sex", *drifted]),
        "bias/analysis_config.json": json.dumps(ANALYSIS),
        "bias/baseline/analysis.json": "{}",
        "predictions/p.csv": "truth,guess\n0,0\n1,1\n1,0\n",
        "model/model.tar.gz": "",
    }.items():
        (data / name).parent.mkdir(parents=True, exist_ok=True)
        (data / name).write_text(text)
    run = ["run", project, "--data", f"s3://acme-ml={data}"]
    first = smx2vertex(*run, "-p", "SkipCheck=true", "-p", "RegisterNewBaseline=true", "--out", tmp_path / "first")
    assert first.code == 0, first.out + first.err
    report = tmp_path / "first" / "gcs" / "acme-ml" / "reports" / "data_quality"
    assert json.loads((report / "statistics.json").read_text())["dataset"] == {"item_count": 400}
    shutil.copytree(report, data / "baseline")
    baseline = [f"Baseline{kind}=s3://acme-ml/baseline/{kind.lower()}.json" for kind in ("Statistics", "Constraints")]
    given = [word for text in baseline for word in ("-p", text)]
    same = smx2vertex(*run, *given, "--out", tmp_path / "same")
    assert same.code == 0, same.out + same.err
    drift = smx2vertex(*run, *given, "-p", "RawData=s3://acme-ml/drifted/", "--out", tmp_path / "drift")
    assert drift.code == 1
    assert "baseline_drift_check: age: Numerical distance" in drift.out + drift.err
