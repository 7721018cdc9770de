"""AutoML on tables: the table, the requests, the wait, a restart, a failure, a local run."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from contract_run import Sandbox
from loopback import Loopback, loopback

PARENT = "projects/acme/locations/us-central1"
OPTIONS = [
    "automl-tabular",
    "--step=Search",
    "--channel=training:train",
    "--target=churn",
    "--project=acme",
    "--location=us-central1",
    "--dataset=dataset",
    "--model=model",
    "--resource-name=name",
]
ROWS = "age,weight,churn\n" + "".join(f"{i},1,{i % 2}\n" for i in range(40))


@pytest.fixture
def search(tmp_path: Path) -> Sandbox:
    """A search over forty rows."""
    box = Sandbox(tmp_path, outputs=["dataset", "model"], output_parameters=["name"])
    box.artifact("train", part1__csv=ROWS)
    return box


class Vertex:
    """A little of Vertex AI: a dataset, and a training pipeline that needs three looks."""

    def __init__(self, state: str = "SUCCEEDED") -> None:
        self.state = state
        self.looks = 0
        self.pipelines: list[Any] = []

    def __call__(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        if method == "POST" and path.endswith("/datasets"):
            return 200, {"name": "op", "done": True, "response": {"name": f"{PARENT}/datasets/7"}}
        if method == "POST" and path.endswith("/trainingPipelines"):
            self.pipelines.append({"name": f"{PARENT}/trainingPipelines/9", "state": "PIPELINE_STATE_PENDING"})
            return 200, self.pipelines[-1]
        if path.startswith(f"{PARENT}/trainingPipelines?"):
            return 200, {"trainingPipelines": self.pipelines}
        if path == f"{PARENT}/trainingPipelines/9":
            self.looks += 1
            if self.looks < 3:
                return 200, self.pipelines[0]
            ended = {"state": f"PIPELINE_STATE_{self.state}", "modelToUpload": {"name": f"{PARENT}/models/5"}}
            return 200, {**self.pipelines[0], **ended, "error": {"message": "too few rows"}}
        return 200, {}


def sent(service: Loopback, collection: str) -> Any:
    (body,) = [body for method, path, body in service.requests if method == "POST" and path.endswith(collection)]
    return body


def run(search: Sandbox, vertex: Vertex, *more: str) -> tuple[Loopback, subprocess.CompletedProcess[str]]:
    with loopback(vertex) as service:
        search.environment.update(service.environment("aiplatform"))
        return service, search.run(*OPTIONS, *more)


def inputs(search: Sandbox, *more: str) -> Any:
    service, done = run(search, Vertex(), *more)
    assert done.returncode == 0, done.stderr
    return sent(service, "/trainingPipelines")["trainingTaskInputs"]


def test_the_whole_training(search: Sandbox) -> None:
    service, done = run(
        search, Vertex(), "--weight=weight", "--problem=BinaryClassification", "--objective=AUC", "--runtime=7200",
        "--validation-fraction=0.3", "--label=Team:Risk & Co",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    table = search.out("dataset") / "data.csv"
    assert table.read_text().splitlines() == ROWS.splitlines()
    assert sent(service, "/datasets") == {
        "displayName": sent(service, "/trainingPipelines")["displayName"],
        "metadataSchemaUri": "gs://google-cloud-aiplatform/schema/dataset/metadata/tabular_1.0.0.yaml",
        "metadata": {"inputConfig": {"gcsSource": {"uri": [str(table)]}}},
    }
    request = sent(service, "/trainingPipelines")
    assert request.pop("displayName").startswith("Search-")
    assert request == {
        "trainingTaskDefinition": (
            "gs://google-cloud-aiplatform/schema/trainingjob/definition/automl_tabular_1.0.0.yaml"
        ),
        "trainingTaskInputs": {
            "targetColumn": "churn",
            "predictionType": "classification",
            "transformations": [{"auto": {"column_name": "age"}}],
            "trainBudgetMilliNodeHours": "2000",
            "optimizationObjective": "maximize-au-roc",
            "weightColumnName": "weight",
        },
        "inputDataConfig": {
            "datasetId": "7",
            "fractionSplit": {"trainingFraction": 0.7, "validationFraction": 0.15, "testFraction": 0.15},
        },
        "modelToUpload": {"displayName": "Search", "labels": {"team": "risk---co"}},
        "labels": {"team": "risk---co"},
    }
    assert search.published("name") == f"{PARENT}/models/5"
    (model,) = search.executor_output()["artifacts"]["model"]["artifacts"]
    assert model["metadata"] == {"resourceName": f"{PARENT}/models/5"}


def test_validation_rows_are_marked(search: Sandbox) -> None:
    packed = gzip.compress(b"age,weight,churn\n100,1,1\n101,1,0\n")
    search.artifact("valid", data__csv__gz=packed)
    service, done = run(search, Vertex(), "--channel=validation:valid")
    assert done.returncode == 0, done.stderr
    rows = (search.out("dataset") / "data.csv").read_text().splitlines()
    assert (rows[0], rows[1]) == ("age,weight,churn,smx2vertex_split", "0,1,0,training")
    assert rows[-2:] == ["100,1,1,validation", "101,1,0,test"]
    assert sent(service, "/trainingPipelines")["inputDataConfig"] == {
        "datasetId": "7",
        "predefinedSplit": {"key": "smx2vertex_split"},
    }


@pytest.mark.parametrize(
    ("problem", "target", "expected"),
    [
        ("Regression", "churn", "regression"),
        ("MulticlassClassification", "age", "classification"),
        ("", "churn", "classification"),
        ("", "age", "regression"),
    ],
)
def test_the_kind_of_prediction(search: Sandbox, problem: str, target: str, expected: str) -> None:
    other = [f"--target={target}" if option.startswith("--target") else option for option in OPTIONS]
    with loopback(Vertex()) as service:
        search.environment.update(service.environment("aiplatform"))
        search.succeed(*other, *([f"--problem={problem}"] if problem else []))
    assert sent(service, "/trainingPipelines")["trainingTaskInputs"]["predictionType"] == expected


@pytest.mark.parametrize(
    ("problem", "metric", "expected"),
    [
        ("BinaryClassification", "AUC", "maximize-au-roc"),
        ("BinaryClassification", "F1", None),
        ("Regression", "MSE", "minimize-rmse"),
        ("Regression", "MAE", "minimize-mae"),
        ("Regression", "AUC", None),
    ],
)
def test_the_objective(search: Sandbox, problem: str, metric: str, expected: str | None) -> None:
    found = inputs(search, f"--problem={problem}", f"--objective={metric}")
    assert found.get("optimizationObjective") == expected


@pytest.mark.parametrize(
    ("seconds", "budget"), [("36000", "10000"), ("60", "1000"), ("9000000", "72000"), (None, "1000")]
)
def test_the_budget(search: Sandbox, seconds: str | None, budget: str) -> None:
    assert inputs(search, *([f"--runtime={seconds}"] if seconds else []))["trainBudgetMilliNodeHours"] == budget


def test_the_feature_specification_chooses_columns(search: Sandbox) -> None:
    specification = {"FeatureAttributeNames": ["weight", "churn"], "FeatureDataTypes": {"weight": "numeric"}}
    search.artifact("features", features__json=json.dumps(specification))
    found = inputs(search, "--features=features:features.json")["transformations"]
    assert found == [{"numeric": {"column_name": "weight"}}]


def test_a_restart_goes_on_waiting(search: Sandbox) -> None:
    vertex = Vertex()
    vertex.pipelines = [{"name": f"{PARENT}/trainingPipelines/9", "state": "PIPELINE_STATE_RUNNING"}]
    service, done = run(search, vertex)
    assert done.returncode == 0, done.stderr
    assert [method for method, _, _ in service.requests if method == "POST"] == []
    assert search.published("name") == f"{PARENT}/models/5"


def test_a_failure_says_why(search: Sandbox) -> None:
    done = run(search, Vertex("FAILED"))[1]
    assert done.returncode == 1
    assert "the training ended as PIPELINE_STATE_FAILED: too few rows" in done.stderr


def test_whoever_cancels_the_task_cancels_the_training(search: Sandbox) -> None:
    vertex = Vertex()
    vertex.looks = -1000
    with loopback(vertex) as service:
        search.environment.update(service.environment("aiplatform"))
        program = (
            "import sys; sys.path.insert(0, sys.argv[1]);"
            "from pathlib import Path; from contract_run import Sandbox;"
            "import json; box = Sandbox(Path(sys.argv[2]), outputs=['dataset', 'model'], output_parameters=['name']);"
            "box.inputs = json.loads(sys.argv[3]); box.environment = json.loads(sys.argv[4]);"
            "sys.exit(box.run(*json.loads(sys.argv[5])).returncode)"
        )
        arguments = [str(Path(__file__).parent), str(search.root), json.dumps(search.inputs)]
        task = subprocess.Popen(
            [sys.executable, "-c", program, *arguments, json.dumps(search.environment), json.dumps(OPTIONS)],
            process_group=0,
        )
        while vertex.looks < -998:
            time.sleep(0.05)
            assert task.poll() is None
        os.killpg(task.pid, signal.SIGTERM)
        task.wait()
        deadline = time.monotonic() + 10
        while not any(path.endswith(":cancel") for _, path, _ in service.requests):
            assert time.monotonic() < deadline
            time.sleep(0.05)
    assert ("POST", f"{PARENT}/trainingPipelines/9:cancel", {}) in service.requests


def test_files_that_do_not_fit_are_refused(search: Sandbox) -> None:
    assert "has no column sex" in search.refuse(*[option.replace("=churn", "=sex") for option in OPTIONS])
    search.artifact("train", part2__csv="other\n1\n")
    assert "has other columns than the files before" in search.refuse(*OPTIONS)


def test_a_local_run_trains_nothing(search: Sandbox) -> None:
    search.local_run({})
    assert "give a model with --answer 'Search=FILE.json'" in search.refuse(*OPTIONS)
    requests = json.loads((search.root / "requests" / "Search.json").read_text())
    assert [request["url"].rpartition("/")[2] for request in requests] == ["datasets", "trainingPipelines"]
    local = json.loads((search.root / "local.json").read_text())
    search.file("local.json", json.dumps({**local, "answers": {"Search": {"model": "projects/p/models/1"}}}))
    search.succeed(*OPTIONS)
    assert search.published("name") == "projects/p/models/1"
