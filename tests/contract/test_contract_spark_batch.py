"""Spark programs: the request for a batch, the wait for its end, restarts, the end by a signal, local runs."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import pytest
from calls_server import Answer, CallsServer, serving
from contract_run import Sandbox

PARENT = "/v1/projects/acme/locations/europe-west3/batches"
OPERATION = "projects/acme/regions/europe-west3/operations/7"
OPTIONS = [
    "spark-batch",
    "--step=Prepare Data",
    "--program=preprocess.py",
    "--property=spark.executor.memory:{memory:str}",
    "--environment=STAGE:dev",
    "--label=Team Name:Risk",
    "--runtime=1.2",
    "--subnetwork=",
    "--service-account=spark@acme.iam.gserviceaccount.com",
    "--timeout={minutes:int}00",
    "--project=acme",
    "--location=europe-west3",
]
WORDS = ["--", "--input", "{input:str}", "--copies={copies:int}"]


class Dataproc:
    """Batches, each with the states that looks at it show one by one."""

    def __init__(self) -> None:
        self.states: list[str] = ["RUNNING", "SUCCEEDED"]
        self.batches: dict[str, dict[str, Any]] = {}
        self.cancelled: list[str] = []

    def answer(self, method: str, path: str, body: Any) -> Answer:
        """Answer a request."""
        if path == f"/v1/{OPERATION}:cancel":
            self.cancelled.append(path)
            return 200, {}
        if method == "POST":
            name = path.partition("?batchId=")[2]
            self.batches[name] = {**body, "name": f"{PARENT[4:]}/{name}", "operation": OPERATION, "state": "PENDING"}
            return 200, {"name": OPERATION}
        batch = self.batches.get(path.removeprefix(PARENT + "/"))
        if batch is None:
            return 404, {"error": "NOT_FOUND"}
        shown = dict(batch)
        if self.states and batch["state"] in ("PENDING", "RUNNING"):
            batch["state"] = self.states.pop(0)
        if shown["state"] == "FAILED":
            shown["stateMessage"] = "Job failed with message [KeyError: rings]"
        return 200, {**shown, "runtimeInfo": {"outputUri": "gs://logs/driveroutput"}}


@pytest.fixture
def dataproc() -> Dataproc:
    """Dataproc without batches."""
    return Dataproc()


@pytest.fixture
def server(task: Sandbox, dataproc: Dataproc) -> Iterator[CallsServer]:
    """Dataproc on the loopback interface, known to a task with all its inputs."""
    task.file("code/src/preprocess.py", "print('spark')")
    task.parameters = {"memory": "4g", "minutes": 6, "input": "gs://acme/raw", "copies": 2.0}
    task.inputs = {"code": "gs://acme/code/abc/prepare"}
    with serving(dataproc.answer) as server:
        task.environment |= {
            "SMX2VERTEX_DATAPROC_URL": f"http://{server.address}/v1",
            "GCE_METADATA_HOST": server.address,
        }
        yield server


def test_a_python_program_becomes_a_batch_and_is_waited_for(
    task: Sandbox, server: CallsServer, dataproc: Dataproc
) -> None:
    done = task.succeed(*OPTIONS, "--python-file=gs://acme/lib.zip", *WORDS)
    [(name, batch)] = dataproc.batches.items()
    assert name.startswith("prepare-data-") and 4 <= len(name) <= 63
    assert {key: batch[key] for key in ("labels", "runtimeConfig", "environmentConfig", "pysparkBatch")} == {
        "labels": {"team-name": "risk"},
        "runtimeConfig": {
            "version": "1.2",
            "properties": {
                "spark.executor.memory": "4g",
                "spark.dataproc.driverEnv.STAGE": "dev",
                "spark.executorEnv.STAGE": "dev",
            },
        },
        "environmentConfig": {
            "executionConfig": {"serviceAccount": "spark@acme.iam.gserviceaccount.com", "ttl": "600s"}
        },
        "pysparkBatch": {
            "mainPythonFileUri": "gs://acme/code/abc/prepare/src/preprocess.py",
            "pythonFileUris": ["gs://acme/lib.zip"],
            "args": ["--input", "gs://acme/raw", "--copies=2"],
        },
    }
    assert f"{PARENT[4:]}/{name}: SUCCEEDED; the driver's output is in gs://logs/driveroutput" in done.stdout
    assert set(server.tokens) == {"Bearer secret"}


def test_a_machine_that_restarts_goes_on_waiting_for_its_batch(
    task: Sandbox, server: CallsServer, dataproc: Dataproc
) -> None:
    task.succeed(*OPTIONS, *WORDS)
    [batch] = dataproc.batches.values()
    batch["state"], dataproc.states = "RUNNING", ["SUCCEEDED"]
    task.succeed(*OPTIONS, *WORDS)
    assert len(dataproc.batches) == 1


def test_a_batch_that_failed_fails_the_task_and_is_tried_again_under_another_name(
    task: Sandbox, server: CallsServer, dataproc: Dataproc
) -> None:
    dataproc.states = ["FAILED"]
    message = task.refuse(*OPTIONS, *WORDS)
    assert "the batch ended as FAILED: Job failed with message [KeyError: rings]" in message
    dataproc.states = ["SUCCEEDED"]
    task.succeed(*OPTIONS, *WORDS)
    first, second = dataproc.batches
    assert second == first + "-2"


def test_a_task_that_is_stopped_cancels_its_batch(task: Sandbox, server: CallsServer, dataproc: Dataproc) -> None:
    dataproc.states = []
    process = subprocess.Popen(task.command(*OPTIONS, *WORDS), env=task.environment_of_process(), cwd=task.root)
    while sum(method == "GET" for method, _, _ in server.requests) < 3:
        assert process.poll() is None
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGTERM)
    assert process.wait(20) == 128 + signal.SIGTERM
    assert dataproc.cancelled == [f"/v1/{OPERATION}:cancel"]


@pytest.mark.parametrize(
    ("options", "field", "program"),
    [
        (
            ["--program=gs://acme/app.jar", "--class=com.acme.App", "--jar=libs"],
            "sparkBatch",
            {
                "mainClass": "com.acme.App",
                "jarFileUris": ["gs://acme/app.jar", "gs://acme/code/abc/prepare/src/libs/a.jar"],
                "args": ["x"],
            },
        ),
        (["--program=gs://acme/app.jar"], "sparkBatch", {"mainJarFileUri": "gs://acme/app.jar", "args": ["x"]}),
        (
            ["--program=q.sql"],
            "sparkSqlBatch",
            {"queryFileUri": "gs://acme/code/abc/prepare/src/q.sql", "jarFileUris": []},
        ),
    ],
    ids=["class", "jar", "sql"],
)
def test_jars_and_queries_have_fields_of_their_own(
    task: Sandbox, server: CallsServer, dataproc: Dataproc, options: list[str], field: str, program: dict[str, Any]
) -> None:
    task.file("code/src/libs/a.jar", "jar")
    task.file("code/src/q.sql", "select 1")
    task.succeed(*OPTIONS[:2], *options, *OPTIONS[6:], "--", "x")
    [batch] = dataproc.batches.values()
    assert batch[field] == program


def test_a_configuration_gives_properties_and_those_of_the_command_line_come_first(
    task: Sandbox, server: CallsServer, dataproc: Dataproc
) -> None:
    properties = {"spark.executor.memory": "8g", "spark.executor.cores": 4}
    task.artifact("conf", a__json=json.dumps([{"Classification": "spark-defaults", "Properties": properties}]))
    task.succeed(*OPTIONS, "--configuration=conf", *WORDS)
    [batch] = dataproc.batches.values()
    found = batch["runtimeConfig"]["properties"]
    assert (found["spark.executor.memory"], found["spark.executor.cores"]) == ("4g", "4")
    dataproc.batches.clear()
    task.artifact("conf", a__json=json.dumps([{"Classification": "hive-site", "Properties": {}}]))
    assert "a batch has no hive-site" in task.refuse(*OPTIONS, "--configuration=conf", *WORDS)


def test_files_that_spark_cannot_reach_are_refused(task: Sandbox, server: CallsServer) -> None:
    rest = [*OPTIONS[:2], *OPTIONS[3:]]
    assert "there is no other.py among the code of the step" in task.refuse(*rest, "--program=other.py", *WORDS)
    assert "Spark cannot read s3://b/a.py" in task.refuse(*rest, "--program=s3://b/a.py", *WORDS)
    task.inputs["code"] = "minio://mlpipeline/code"
    assert "it must be in Cloud Storage" in task.refuse(*OPTIONS, *WORDS)


def test_a_local_run_takes_this_machines_spark(task: Sandbox, server: CallsServer) -> None:
    data = task.root / "raw"
    data.mkdir()
    task.local_run({"gs://acme/raw": data})
    task.environment["PATH"] = str(task.root / "bin")
    assert "this machine has no spark-submit" in task.refuse(*OPTIONS, *WORDS)
    spark = task.file("bin/spark-submit", '#!/bin/sh\nprintf "%s\\n" "$STAGE" "$@"\nexit 3\n')
    spark.chmod(0o755)
    done = task.run(*OPTIONS, *WORDS)
    assert done.returncode == 3
    assert done.stdout.splitlines()[-11:] == [
        "dev",
        "--conf",
        "spark.executor.memory=4g",
        "--conf",
        "spark.dataproc.driverEnv.STAGE=dev",
        "--conf",
        "spark.executorEnv.STAGE=dev",
        str(task.root / "code/src/preprocess.py"),
        "--input",
        str(data),
        "--copies=2",
    ]
    [request] = json.loads((task.root / "requests/Prepare_Data.json").read_text())
    assert request["body"]["runtimeConfig"]["version"] == "1.2"
    assert server.requests == []
