"""AutoML steps: the task that trains, what it hands on, what `validate` sees, what is not translated."""

from __future__ import annotations

import copy
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support import REPOSITORY, Outcome

FILE = REPOSITORY / "tests" / "fixtures" / "automl" / "definition.json"
DEFINITION = json.loads(FILE.read_text())
Command = Callable[..., Outcome]


def convert(definition: Any, folder: Path) -> Path:
    """The project of a definition."""
    file, out = folder / "definition.json", folder / "project"
    file.write_text(json.dumps(definition))
    command = [sys.executable, "-m", "smx2vertex", "convert", file, "--out", out]
    subprocess.run([*map(str, command)], check=True, capture_output=True)
    return out


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project of the search."""
    return convert(DEFINITION, tmp_path_factory.mktemp("automl"))


def test_an_automl_step_is_a_task_that_trains(project: Path) -> None:
    text = next(project.glob("*/components/search.py")).read_text()
    assert re.findall(r'^            f?"(.*)",$', text, re.MULTILINE) == [
        "automl-tabular",
        "--step=Search",
        "--channel=training:training",
        "--channel=validation:validation",
        "--target={target:str}",
        "--weight={weight:str}",
        "--problem={problem:str}",
        "--objective={objective:str}",
        "--runtime={runtime:int}",
        "--features=features",
        "--label=team:risk",
        "--dataset=dataset",
        "--model=model",
        "--resource-name=resource_name",
        "--project={project}",
        "--location={region}",
    ]
    assert "target=Target," in next(project.glob("*/pipeline.py")).read_text()


def test_the_model_is_handed_on(project: Path) -> None:
    assert 'model=search_task.outputs["resource_name"]' in next(project.glob("*/pipeline.py")).read_text().replace(
        "resource_name=", "model="
    )


@pytest.mark.parametrize("target", ["vertex", "kubeflow"])
def test_both_sides_are_equivalent(smx2vertex: Command, project: Path, target: str) -> None:
    done = smx2vertex("validate", FILE, project / "compiled" / f"{target}.yaml", "--strict")
    assert done.code == 0, done.out + done.err


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("--channel=training:training", "--channel=training:validation"),
        ("--target={target:str}", "--target={weight:str}"),
        ("--weight={weight:str}", "--label=x:y"),
        ("--problem={problem:str}", "--problem=Regression"),
        ("--objective={objective:str}", "--objective=MAE"),
        ("--runtime={runtime:int}", "--runtime=60"),
        ("--features=features", "--features=training"),
        ("--label=team:risk", "--label=team:fun"),
    ],
)
def test_a_changed_value_is_found(smx2vertex: Command, project: Path, tmp_path: Path, old: str, new: str) -> None:
    text = (project / "compiled" / "vertex.yaml").read_text()
    assert old in text
    changed = tmp_path / "vertex.yaml"
    changed.write_text(text.replace(old, new))
    assert smx2vertex("validate", FILE, changed).code == 1


def test_what_is_dropped_changes_nothing(project: Path, tmp_path: Path) -> None:
    definition = copy.deepcopy(DEFINITION)
    arguments = definition["Steps"][0]["Arguments"]
    arguments["AutoMLJobName"] = "search"
    arguments["AutoMLJobConfig"]["SecurityConfig"] = {"EnableInterContainerTrafficEncryption": True}
    for channel in arguments["InputDataConfig"]:
        channel["CompressionType"] = "Gzip"
    other = convert(definition, tmp_path)
    for file in ("compiled/vertex.yaml", "compiled/kubeflow.yaml"):
        assert (other / file).read_text() == (project / file).read_text()


def test_the_second_version_of_the_request_is_the_same(project: Path, tmp_path: Path) -> None:
    definition = copy.deepcopy(DEFINITION)
    old = definition["Steps"][0]["Arguments"]
    channels = [
        {key: value for key, value in channel.items() if not key.endswith("AttributeName")}
        for channel in old["InputDataConfig"]
    ]
    tabular = {
        "TargetAttributeName": {"Get": "Parameters.Target"},
        "SampleWeightAttributeName": "weight",
        "ProblemType": "BinaryClassification",
        "CompletionCriteria": {"MaxAutoMLJobRuntimeInSeconds": 7200},
        "FeatureSpecificationS3Uri": "s3://acme-ml/features.json",
    }
    definition["Steps"][0]["Arguments"] = {
        "AutoMLJobInputDataConfig": channels,
        "AutoMLProblemTypeConfig": {"TabularJobConfig": tabular},
        **{key: old[key] for key in ("OutputDataConfig", "AutoMLJobObjective", "Tags")},
    }
    other = convert(definition, tmp_path)
    assert (other / "compiled/vertex.yaml").read_text() == (project / "compiled/vertex.yaml").read_text()


def test_nothing_is_unaccounted_for(smx2vertex: Command) -> None:
    report = json.loads(smx2vertex("map", FILE, "--format", "json").out)
    assert report["ledger"]["unaccounted"] == []
    assert report["steps"][0]["verdict"] == "adapted"


@pytest.mark.parametrize("kind", ["TimeSeriesForecastingJobConfig", "TextClassificationJobConfig"])
def test_what_is_no_table_fails_when_it_runs(tmp_path: Path, kind: str) -> None:
    definition = copy.deepcopy(DEFINITION)
    arguments = definition["Steps"][0]["Arguments"]
    arguments["AutoMLProblemTypeConfig"] = {kind: {}}
    text = next(convert(definition, tmp_path).glob("*/components/search.py")).read_text()
    assert '"--code=SMX397"' in text
    assert '"not-translated"' in text
