"""Hyperparameter tuning: the jobs that Vertex AI is asked for, trials as it runs them, and the search without it."""

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from contract_run import Sandbox

from smx2vertex.contract.parts.command_line import ContractError
from smx2vertex.contract.parts.tuning import _drawn, metric_id

JOBS = "projects/acme/locations/us-central1/hyperparameterTuningJobs"

# The bigger the depth, the better; the log says so in two lines, of which the last counts.
SCRIPT = """
import argparse, os, sys
parser = argparse.ArgumentParser()
parser.add_argument("--depth", type=int)
parser.add_argument("--rate", type=float, default=0.0)
parser.add_argument("--epochs", type=int, default=0)
parser.add_argument("--optimizer", default="")
options = parser.parse_args()
assert "_tuning_objective_metric" not in sys.argv
if options.depth == 3:
    sys.exit("three is too many")
open(os.path.join(os.environ["SM_MODEL_DIR"], "model.txt"), "w").write(repr(vars(options)))
print("score: 0.0;")
print(f"score: {options.depth};", os.environ["TRAINING_JOB_NAME"])
"""

TRIAL = [
    "--step=Tune",
    "--objective=Maximize:test:score",
    "--integer=depth:Auto:{low:int} 4",
    "--program=train.py",
    "--code=/opt/ml/code",
    "--channel=train:text/csv",
    "--hyperparameter=epochs:{epochs:int}",
    "--metric-definition=test%3Ascore:score: (.*?);",
    "--image=europe-docker.pkg.dev/acme/images/sklearn:1",
    "--machine-type={machine:str}",
    "--accelerator=NVIDIA_L4:1",
    "--disk=pd-ssd:100",
    "--timeout=3600",
]
TUNING = [
    "tuning",
    "--step=Tune",
    "--strategy=Random",
    "--max-jobs=3",
    "--max-parallel-jobs=2",
    "--target={target:str}",
    "--project=acme",
    "--location=us-central1",
    "--service-account=",
    "--trials=trials",
    "--model=best:0",
    "--model=second:1",
    "--training-job=name:0",
    "--value=score:0",
    "--tuned=depth:0:depth",
]


class Vertex(ThreadingHTTPServer):
    """Vertex AI on the loopback interface: it runs the trials as the request says, in processes of its own."""

    def __init__(self, task: Sandbox) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.task = task
        self.jobs: dict[str, dict[str, Any]] = {}
        self.requests: list[Any] = []
        self.cancelled: list[str] = []
        self.values: list[dict[str, str]] = [{"depth": "2"}, {"depth": "4.0"}, {"depth": "3"}]
        self.state = "JOB_STATE_SUCCEEDED"

    def create(self, body: Any) -> dict[str, Any]:
        """Run all trials of a job."""
        self.requests.append(body)
        job = {**body, "name": f"{JOBS}/{len(self.jobs) + 1}", "state": self.state, "polls": 0, "trials": []}
        self.jobs[job["name"]] = job
        for number, values in enumerate(self.values[: body["maxTrialCount"]], 1):
            job["trials"].append(self.run(body, str(number), values))
        return job

    def run(self, body: Any, number: str, values: dict[str, str]) -> dict[str, Any]:
        """One trial."""
        container = body["trialJobSpec"]["workerPoolSpecs"][0]["containerSpec"]
        base = body["trialJobSpec"]["baseOutputDirectory"]["outputUriPrefix"]
        report = self.task.root / f"report-{len(self.jobs)}-{number}"
        environment = {
            **os.environ,
            "AIP_MODEL_DIR": f"{base}/{number}/model/",
            "CLOUD_ML_HP_METRIC_FILE": str(report),
            "SAGEMAKER_BASE_DIR": str(self.task.ml),
        }
        arguments = container["args"] + [f"--{name}={value}" for name, value in values.items()]
        done = subprocess.run(
            [sys.executable, *container["command"][1:], *arguments], env=environment, capture_output=True, check=False
        )
        found: dict[str, Any] = {
            "id": number,
            "state": "INFEASIBLE" if done.returncode else "SUCCEEDED",
            "parameters": [{"parameterId": name, "value": float(value)} for name, value in values.items()],
        }
        if report.exists():
            metric = body["studySpec"]["metrics"][0]["metricId"]
            last = json.loads(report.read_text().splitlines()[-1])
            assert last["trial"] == number
            found["finalMeasurement"] = {"metrics": [{"metricId": metric, "value": float(last[metric])}]}
        return found


class Handler(BaseHTTPRequestHandler):
    """Answers as the service does."""

    server: Vertex

    def do_GET(self) -> None:
        """A token, the jobs of a display name, or a job, which runs at the first look."""
        if self.path.endswith("/default/token"):
            self.answer({"access_token": "secret"})
        elif self.path.startswith(f"/v1/{JOBS}?filter=display_name"):
            found = [job for job in self.server.jobs.values() if job["displayName"] in self.path]
            self.answer({"hyperparameterTuningJobs": found} if found else {})
        else:
            job = self.server.jobs[self.path.removeprefix("/v1/")]
            job["polls"] += 1
            running = job["polls"] == 1 and job["state"] == "JOB_STATE_SUCCEEDED"
            self.answer({**job, "state": "JOB_STATE_RUNNING" if running else job["state"]})

    def do_POST(self) -> None:
        """A new job, or the end of one."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path.endswith(":cancel"):
            name = self.path.removeprefix("/v1/").removesuffix(":cancel")
            self.server.cancelled.append(name)
            self.server.jobs[name]["state"] = "JOB_STATE_CANCELLED"
            self.answer({})
        else:
            assert self.path == f"/v1/{JOBS}"
            self.answer(self.server.create(body))

    def answer(self, body: Any) -> None:
        """Send JSON."""
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, format: str, *args: Any) -> None:
        """Stay silent."""


@pytest.fixture
def tune(task: Sandbox) -> Sandbox:
    """A task with the user's script and data."""
    task.file("code/src/train.py", SCRIPT)
    task.artifact("train", data__csv="1,2")
    task.parameters = {"low": 1, "epochs": 5, "machine": "n2-standard-4", "target": "vertex", "note": "$(HOME)"}
    task.outputs = ["trials", "best", "second"]
    task.output_parameters = ["name", "score", "depth"]
    return task


@pytest.fixture
def vertex(tune: Sandbox) -> Iterator[Vertex]:
    """The service, known to the task."""
    with Vertex(tune) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"127.0.0.1:{server.server_port}"
        tune.environment["SMX2VERTEX_AIPLATFORM_URL"] = f"http://{address}/v1"
        tune.environment["GCE_METADATA_HOST"] = address
        yield server
        server.shutdown()


def test_a_study_runs_the_trials_and_the_best_are_published(tune: Sandbox, vertex: Vertex) -> None:
    tune.succeed(*TUNING, "--", *TRIAL)
    (request,) = vertex.requests
    container = request["trialJobSpec"]["workerPoolSpecs"][0].pop("containerSpec")
    name = request.pop("displayName")
    assert request == {
        "maxTrialCount": 3,
        "parallelTrialCount": 2,
        "studySpec": {
            "metrics": [{"metricId": "test_score", "goal": "MAXIMIZE"}],
            "parameters": [
                {
                    "parameterId": "depth",
                    "integerValueSpec": {"minValue": 1, "maxValue": 4},
                    "scaleType": "UNIT_LINEAR_SCALE",
                }
            ],
            "algorithm": "RANDOM_SEARCH",
            "measurementSelectionType": "LAST_MEASUREMENT",
        },
        "trialJobSpec": {
            "workerPoolSpecs": [
                {
                    "machineSpec": {
                        "machineType": "n2-standard-4",
                        "acceleratorType": "NVIDIA_L4",
                        "acceleratorCount": 1,
                    },
                    "replicaCount": 1,
                    "diskSpec": {"bootDiskType": "pd-ssd", "bootDiskSizeGb": 100},
                }
            ],
            "scheduling": {"strategy": "STANDARD", "timeout": "3600s"},
            "baseOutputDirectory": {"outputUriPrefix": f"{tune.out('trials')}/0"},
        },
    }
    assert container["imageUri"] == "europe-docker.pkg.dev/acme/images/sklearn:1"
    assert container["args"][1:] == ["trial", *TRIAL, "--"]
    assert "$(HOME)" not in container["args"][0], "the service would read it as a variable"

    assert tune.published("name") == f"{name}-2"
    assert tune.published("score") == "4.0"
    assert tune.published("depth") == "4"
    assert "'depth': 4, 'rate': 0.0, 'epochs': 5" in (tune.out("best") / "model/model.txt").read_text()
    assert "'depth': 2" in (tune.out("second") / "model/model.txt").read_text()
    assert (tune.out("best") / "model.tar.gz").is_file()
    best = tune.executor_output()["artifacts"]["best"]["artifacts"][0]["metadata"]
    assert best == {
        "training_job_name": f"{name}-2",
        "metrics": {"test:score": 4.0},
        "hyperparameters": {"depth": "4"},
    }
    trials = json.loads((tune.out("trials") / "trials.json").read_text())
    assert [(found["state"], found["value"]) for found in trials] == [
        ("SUCCEEDED", 2.0),
        ("SUCCEEDED", 4.0),
        ("INFEASIBLE", None),
    ]


@pytest.mark.parametrize(
    ("options", "trial", "where", "wanted"),
    [
        (["--strategy=Bayesian"], [], ("studySpec", "algorithm"), "ALGORITHM_UNSPECIFIED"),
        (["--strategy=Random"], [], ("studySpec", "algorithm"), "RANDOM_SEARCH"),
        (
            ["--early-stopping=Auto"],
            [],
            ("studySpec", "medianAutomatedStoppingSpec"),
            {"useElapsedDuration": False},
        ),
        (
            ["--max-runtime=60", "--max-jobs-without-progress=2"],
            [],
            ("studySpec", "studyStoppingConfig"),
            {
                "maximumRuntimeConstraint": {"maxDuration": "60s"},
                "shouldStopAsap": True,
                "maxNumTrialsNoProgress": 2,
            },
        ),
        (
            [],
            ["--continuous=rate:Logarithmic:0.1 1", "--categorical=optimizer:sgd", "--categorical=optimizer:adam"],
            ("studySpec", "parameters"),
            [
                {
                    "parameterId": "depth",
                    "integerValueSpec": {"minValue": 1, "maxValue": 4},
                    "scaleType": "UNIT_LINEAR_SCALE",
                },
                {
                    "parameterId": "rate",
                    "doubleValueSpec": {"minValue": 0.1, "maxValue": 1.0},
                    "scaleType": "UNIT_LOG_SCALE",
                },
                {"parameterId": "optimizer", "categoricalValueSpec": {"values": ["sgd", "adam"]}},
            ],
        ),
        ([], ["--spot=true"], ("trialJobSpec", "scheduling"), {"strategy": "SPOT", "timeout": "3600s"}),
        (["--network=projects/1/global/networks/n"], [], ("trialJobSpec", "network"), "projects/1/global/networks/n"),
        (["--encryption-key=k"], [], ("encryptionSpec",), {"kmsKeyName": "k"}),
        (["--label=team:risk"], [], ("labels",), {"team": "risk"}),
    ],
)
def test_each_option_has_its_place_in_the_request(
    tune: Sandbox, options: list[str], trial: list[str], where: tuple[str, ...], wanted: Any
) -> None:
    tune.local_run({})
    given = {option.partition("=")[0] for option in options}
    kept = [option for option in TUNING if option.partition("=")[0] not in given]
    tune.succeed(*kept, *options, "--", *TRIAL, *trial)
    (recorded,) = json.loads((tune.root / "requests" / "Tune.json").read_text())
    assert recorded["method"] == "POST"
    found = recorded["body"]
    for key in where:
        found = found[key]
    assert found == wanted


def test_replicas_are_a_pool_of_their_own(tune: Sandbox) -> None:
    tune.local_run({})
    tune.succeed(*TUNING, "--", *TRIAL, "--replicas=3")
    (recorded,) = json.loads((tune.root / "requests" / "Tune.json").read_text())
    pools = recorded["body"]["trialJobSpec"]["workerPoolSpecs"]
    assert [pool["replicaCount"] for pool in pools] == [1, 2]
    assert pools[0]["containerSpec"] == pools[1]["containerSpec"]


def test_a_task_that_runs_again_goes_on_waiting_for_its_job(tune: Sandbox, vertex: Vertex) -> None:
    tune.succeed(*TUNING, "--", *TRIAL)
    tune.succeed(*TUNING, "--", *TRIAL)
    assert len(vertex.jobs) == 1


def test_a_job_that_fails_fails_the_task_with_its_error(tune: Sandbox, vertex: Vertex) -> None:
    vertex.state = "JOB_STATE_FAILED"
    vertex.values = []
    error = tune.refuse(*TUNING, "--", *TRIAL)
    assert error == f"step Tune: {JOBS}/1 failed: JOB_STATE_FAILED\n"


def test_no_successful_trial_is_a_failure(tune: Sandbox, vertex: Vertex) -> None:
    vertex.values = [{"depth": "3"}]
    assert tune.refuse(*TUNING, "--", *TRIAL) == "step Tune: none of 1 training jobs succeeded\n"


def test_a_rank_that_nobody_reached_is_a_failure(tune: Sandbox, vertex: Vertex) -> None:
    vertex.values = [{"depth": "2"}]
    assert "a step reads training job 2, but 1 succeeded" in tune.refuse(*TUNING, "--", *TRIAL)


def test_the_target_value_ends_the_job(tune: Sandbox, vertex: Vertex) -> None:
    tune.succeed(*TUNING, "--target-value=4", "--", *TRIAL)
    assert vertex.cancelled == [f"{JOBS}/1"]
    assert tune.published("score") == "4.0"


def test_who_cancels_the_task_cancels_the_job(tune: Sandbox, vertex: Vertex) -> None:
    vertex.state = "JOB_STATE_PENDING"
    vertex.values = []
    executor_input = {
        "inputs": {
            "parameterValues": tune.parameters,
            "artifacts": {"train": {"artifacts": [{"uri": tune.inputs["train"]}]}},
        },
        "outputs": {"artifacts": {"trials": {"artifacts": [{"uri": str(tune.out("trials"))}]}}},
    }
    with subprocess.Popen(
        [sys.executable, str(tune.root / "code"), json.dumps(executor_input), *TUNING, "--", *TRIAL],
        env={**os.environ, **tune.environment},
        stdout=subprocess.PIPE,
    ) as process:
        while not any(job["polls"] for job in vertex.jobs.values()):
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 128 + signal.SIGTERM
    assert vertex.cancelled == [f"{JOBS}/1"]


def test_several_kinds_of_training_jobs_share_the_trials(tune: Sandbox, vertex: Vertex) -> None:
    vertex.values = [{"depth": "1"}, {"depth": "2"}]
    second = [option.replace("epochs:{epochs:int}", "epochs:9") for option in TRIAL]
    tune.succeed(*TUNING, "--", "--definition=first", *TRIAL, "--", "--definition=other", *second)
    assert [request["maxTrialCount"] for request in vertex.requests] == [2, 1]
    assert [request["parallelTrialCount"] for request in vertex.requests] == [1, 1]
    assert tune.published("name").endswith("-first-2")
    assert (
        "'epochs': 9" in (tune.out("second") / "model/model.txt").read_text()
        or "'epochs': 5" in (tune.out("second") / "model/model.txt").read_text()
    )
    trials = json.loads((tune.out("trials") / "trials.json").read_text())
    assert [(found["definition"], found["value"]) for found in trials] == [
        ("first", 1.0),
        ("first", 2.0),
        ("other", 1.0),
    ]


# --- without the service


def test_on_kubeflow_the_task_runs_the_trials_itself(tune: Sandbox) -> None:
    tune.parameters["target"] = "kubeflow"
    done = tune.succeed(*TUNING, "--", *TRIAL)
    assert "trial 3 of 3: depth=" in done.stdout
    trials = json.loads((tune.out("trials") / "trials.json").read_text())
    depths = [int(found["hyperparameters"]["depth"]) for found in trials]
    assert all(found["value"] == (None if depth == 3 else depth) for found, depth in zip(trials, depths, strict=True))
    assert tune.published("score") == str(float(max(depth for depth in depths if depth != 3)))
    before = (tune.out("trials") / "trials.json").read_bytes()
    tune.succeed(*TUNING, "--", *TRIAL)
    assert (tune.out("trials") / "trials.json").read_bytes() == before, "the same values each time"


def test_a_local_run_runs_the_trials_and_copies_models_to_their_fixed_address(tune: Sandbox) -> None:
    tune.local_run({})
    done = tune.succeed(*TUNING, "--", *TRIAL, "--destination=gs://acme/models")
    assert "no tuning job was started on Vertex AI, the trials run here" in done.stdout
    copied = tune.root / "written/acme/models" / tune.published("name") / "output/model.tar.gz"
    assert copied.read_bytes() == (tune.out("best") / "model.tar.gz").read_bytes()


def test_a_grid_tries_all_combinations(tune: Sandbox) -> None:
    tune.local_run({})
    grid = [option for option in TRIAL if not option.startswith("--integer")]
    options = [option for option in TUNING if not option.startswith(("--strategy", "--max-jobs"))]
    choices = [f"--categorical=depth:{value}" for value in (1, 2)] + ["--categorical=rate:0.5", "--categorical=rate:1"]
    tune.succeed(*options, "--strategy=Grid", "--", *grid, *choices)
    trials = json.loads((tune.out("trials") / "trials.json").read_text())
    assert [tuple(found["hyperparameters"].values()) for found in trials] == [
        ("1", "0.5"),
        ("1", "1"),
        ("2", "0.5"),
        ("2", "1"),
    ]


def test_the_search_ends_at_the_target_value(tune: Sandbox) -> None:
    tune.local_run({})
    kept = [option for option in TUNING if not option.startswith("--model=second")]
    tune.succeed(*kept, "--target-value=1", "--", *TRIAL)
    trials = json.loads((tune.out("trials") / "trials.json").read_text())
    assert trials[-1]["value"] is not None
    assert all(found["value"] is None for found in trials[:-1])


def test_an_objective_that_the_log_does_not_show_is_a_failed_trial(tune: Sandbox) -> None:
    tune.local_run({})
    trial = [option.replace("score: (.*?);", "other (.*?);") for option in TRIAL]
    error = tune.refuse(*TUNING, "--", *trial)
    assert "the log shows no value of the metric test:score" in error
    assert "none of 3 training jobs succeeded" in error


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("--strategy=Random", "--strategy=Hyperband"), "'Hyperband' is no strategy of search"),
        (("--max-jobs=3", "--max-jobs="), "--max-jobs does not say how many training jobs to run"),
        (("--objective=Maximize:test:score", "--objective=Best:x"), "--objective must be"),
        (("--integer=depth:Auto:{low:int} 4", "--integer=depth:Auto:4"), "cannot read the range of depth"),
    ],
)
def test_what_cannot_be_searched_is_refused(tune: Sandbox, change: tuple[str, str], message: str) -> None:
    tune.local_run({})
    command = [option.replace(*change) for option in (*TUNING, "--", *TRIAL)]
    assert message in tune.refuse(*command)


def test_two_images_need_vertex(tune: Sandbox) -> None:
    tune.parameters["target"] = "kubeflow"
    second = [option.replace("sklearn:1", "torch:1") for option in TRIAL]
    error = tune.refuse(*TUNING, "--", "--definition=a", *TRIAL, "--", "--definition=b", *second)
    assert "they run on Vertex AI only" in error


@pytest.mark.parametrize(
    ("scaling", "ends", "middle"),
    [
        ("Linear", ["0", "1"], (0.45, 0.55)),
        ("Auto", ["0", "1"], (0.45, 0.55)),
        ("Logarithmic", ["0.0001", "1"], (0.007, 0.014)),
        ("ReverseLogarithmic", ["0", "0.9999"], (0.986, 0.993)),
    ],
)
def test_half_of_the_values_lie_below_the_middle_of_the_scale(
    scaling: str, ends: list[str], middle: tuple[float, float]
) -> None:
    chance = random.Random(1)
    values = sorted(float(_drawn(chance, "x", "continuous", scaling, ends)) for _ in range(4001))
    assert float(ends[0]) <= values[0] and values[-1] <= float(ends[1])
    assert middle[0] < values[2000] < middle[1]


def test_whole_numbers_reach_both_ends_alike() -> None:
    chance = random.Random(1)
    values = [_drawn(chance, "x", "integer", "Auto", ["1", "3"]) for _ in range(3000)]
    assert all(900 < values.count(text) < 1100 for text in ("1", "2", "3"))
    with pytest.raises(ContractError, match="x cannot be Logarithmic from 0 to 3"):
        _drawn(chance, "x", "integer", "Logarithmic", ["0", "3"])


def test_metric_names_lose_what_a_study_does_not_take() -> None:
    assert metric_id("average test loss:x-y") == "average_test_loss_x-y"


def test_a_built_in_algorithm_needs_no_metric_definition(tune: Sandbox) -> None:
    pytest.importorskip("xgboost")
    rows = "\n".join(f"{number % 2},{number % 2}.5,{number}" for number in range(40))
    tune.artifact("train", data__csv=rows)
    tune.artifact("validation", data__csv=rows)
    tune.local_run({})
    trial = [
        "--step=Tune",
        "--objective=Minimize:validation:logloss",
        "--integer=max_depth:Auto:1 3",
        "--continuous=eta:Logarithmic:0.1 0.5",
        "--algorithm=xgboost",
        "--channel=train:text/csv",
        "--channel=validation:text/csv",
        "--hyperparameter=objective:binary:logistic",
        "--hyperparameter=num_round:2",
        "--image=x",
        "--machine-type=n2-standard-4",
    ]
    kept = [option for option in TUNING if not option.startswith("--tuned")]
    tune.succeed(*kept, "--", *trial)
    assert 0 < float(tune.published("score")) < 0.6
    assert (tune.out("best") / "model/xgboost-model").is_file()
