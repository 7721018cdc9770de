"""`submit --host`: a run on a Kubeflow Pipelines server, with kfp's own client."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import yaml
from cloud_standin import Cloud
from support import Outcome

Command = Callable[..., Outcome]


def test_a_run_as_the_server_receives_it(smx2vertex: Command, cloud: Cloud, project: Path) -> None:
    done = smx2vertex(
        *("submit", project, "--host", cloud.url, "--job-id", "lab-7", "-p", "MinAccuracy=0.9"),
        *("--experiment", "churn", "--service-account", "runner"),
    )
    assert done.code == 0, done.err
    [request] = cloud.sent("POST", "/runs")
    document = yaml.safe_load((project / "compiled" / "kubeflow.yaml").read_text(encoding="utf-8"))
    assert request.json == {
        "display_name": "lab-7",
        "experiment_id": "experiment-1",
        "pipeline_spec": document,
        "runtime_config": {
            "parameters": {"MinAccuracy": 0.9},
            "pipeline_root": "gs://acme-pipelines/lab-05",
        },
        "service_account": "runner",
    }
    assert cloud.sent("POST", "/experiments")[0].json["display_name"] == "churn"
    assert f"{cloud.url}/#/runs/details/run-1" in done.out
    assert any(uri.endswith("train_model/__main__.py") for uri in cloud.objects)


def test_waiting_ends_with_the_state_of_the_run(smx2vertex: Command, cloud: Cloud, project: Path) -> None:
    running = [{"display_name": "train-model", "state": "RUNNING"}]
    failed = [{"display_name": "train-model", "state": "FAILED", "error": {"code": 1, "message": "out of memory"}}]
    cloud.job_states.extend(
        [
            {"state": "RUNNING", "run_details": {"task_details": running}},
            {
                "state": "FAILED",
                "run_details": {"task_details": failed},
                "error": {"code": 1, "message": "a task failed"},
            },
        ]
    )
    options = ("--wait", "--poll", "0.01", "--format", "json")
    done = smx2vertex("submit", project, "--host", cloud.url, *options)
    assert done.code == 1, done.err
    told = json.loads(done.out)
    assert (told["state"], told["error"]) == ("failed", "a task failed")
    assert told["tasks"] == [
        {"task": "train-model", "state": "running", "error": ""},
        {"task": "train-model", "state": "failed", "error": "out of memory"},
    ]


def test_a_refusal_is_a_finding(smx2vertex: Command, cloud: Cloud, project: Path) -> None:
    cloud.refusals["POST /apis/v2beta1/runs"] = (400, "the server says no")
    done = smx2vertex("submit", project, "--host", cloud.url)
    assert done.code == 1
    assert "SMX645" in done.err
    assert "the server says no" in done.err


def test_a_dry_run_sends_nothing(smx2vertex: Command, cloud: Cloud, project: Path) -> None:
    done = smx2vertex("submit", project, "--host", cloud.url, "--dry-run", "--no-cache", "--format", "json")
    assert (done.code, cloud.requests) == (0, [])
    assert json.loads(done.out)["request"]["enable_caching"] is False


def test_what_only_vertex_has_is_wrong_usage(smx2vertex: Command, cloud: Cloud, project: Path) -> None:
    assert smx2vertex("submit", project, "--host", cloud.url, "--cron", "0 6 * * 1").code == 2
    assert cloud.requests == []
