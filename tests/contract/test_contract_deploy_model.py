"""Endpoints: the request that a configuration becomes, and how it is deployed, updated and taken back."""

import json
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from contract_run import Sandbox

from smx2vertex.contract.parts.command_line import ContractError
from smx2vertex.contract.parts.deploy_model import component_machine, traffic_split

PLACE = "projects/acme/locations/us-central1"
CHURN = f"{PLACE}/models/7@3"


class Vertex(ThreadingHTTPServer):
    """Endpoints of Vertex AI and a metadata server on the loopback interface.

    Attributes:
        endpoints: by their resource names.
        calls: method, path and body of all that changes something.
        running: operations that need another look, with what they answer then.
        failing: the display names of models whose deployment fails.
        never_done: whether deployments go on for ever.
    """

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.endpoints: dict[str, dict[str, Any]] = {}
        self.calls: list[tuple[str, str, Any]] = []
        self.running: dict[str, dict[str, Any]] = {}
        self.failing: set[str] = set()
        self.never_done = False
        self.cancelled: list[str] = []

    def operation(self, outcome: dict[str, Any], of: str = PLACE) -> dict[str, Any]:
        name = f"{of}/operations/{len(self.running) + 1}"
        self.running[name] = outcome
        return {"name": name}


class Handler(BaseHTTPRequestHandler):
    """Answers as Vertex AI does."""

    server: Vertex

    def do_GET(self) -> None:
        path, query = self.read()
        if path.endswith("/default/token"):
            self.answer({"access_token": "secret"})
        elif path == f"{PLACE}/endpoints":
            found = [
                e for e in self.server.endpoints.values() if f'display_name="{e["displayName"]}"' in query["filter"]
            ]
            self.answer({"endpoints": found})
        elif path == f"{PLACE}/models":
            assert query["orderBy"] == ["create_time desc"]
            known = query["filter"] == ['display_name="champion"']
            self.answer({"models": [{"name": f"{PLACE}/models/1"}]} if known else {})
        elif path.endswith("/operations"):
            pending = [name for name in self.server.running if name.startswith(path)]
            self.answer({"operations": [{"name": name} for name in pending]})
        elif path in self.server.running:
            is_deployment = "/endpoints/" in path
            if is_deployment and self.server.never_done:
                self.answer({"name": path})
            else:
                self.answer({"name": path, "done": True, **self.server.running.pop(path)})
        else:
            self.answer(self.server.endpoints[path])

    def do_POST(self) -> None:
        path, _ = self.read()
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        name, _, action = path.partition(":")
        if action == "cancel":
            self.server.cancelled.append(name)
            self.server.never_done = False
            self.server.running[name] = {"error": {"message": "cancelled"}}
            self.answer({})
            return
        self.server.calls.append(("POST", path, body))
        if action == "deployModel":
            self.deploy(name, body["deployedModel"])
        elif action == "undeployModel":
            endpoint = self.server.endpoints[name]
            number = body["deployedModelId"]
            assert number not in endpoint.get("trafficSplit", {}), "a model with traffic cannot be undeployed"
            endpoint["deployedModels"] = [m for m in endpoint["deployedModels"] if m["id"] != number]
            self.answer(self.server.operation({"response": {}}))
        else:
            name = f"{path}/{len(self.server.endpoints) + 1}"
            self.server.endpoints[name] = {"name": name, **body}
            self.answer(self.server.operation({"response": {"name": name}}))

    def do_PATCH(self) -> None:
        path, query = self.read()
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        assert query["updateMask"] == [",".join(sorted(body))]
        self.server.calls.append(("PATCH", path, body))
        endpoint = self.server.endpoints[path]
        assert set(body["trafficSplit"]) <= {model["id"] for model in endpoint.get("deployedModels", [])}
        endpoint.update(body)
        self.answer(endpoint)

    def deploy(self, name: str, model: dict[str, Any]) -> None:
        if model["displayName"] in self.server.failing:
            self.answer(self.server.operation({"error": {"message": "the container did not start"}}, name))
            return
        if not self.server.never_done:
            self.server.endpoints[name].setdefault("deployedModels", []).append(model)
        self.answer(self.server.operation({"response": {"deployedModel": {"id": model["id"]}}}, name))

    def read(self) -> tuple[str, dict[str, list[str]]]:
        parts = urlsplit(self.path)
        return parts.path.removeprefix("/v1/"), parse_qs(parts.query)

    def answer(self, body: Any) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, format: str, *args: Any) -> None:
        """Stay silent."""


@pytest.fixture
def vertex(task: Sandbox) -> Iterator[Vertex]:
    """The service, known to the task."""
    with Vertex() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"127.0.0.1:{server.server_port}"
        task.environment["SMX2VERTEX_AIPLATFORM_URL"] = f"http://{address}/v1"
        task.environment["GCE_METADATA_HOST"] = address
        yield server
        server.shutdown()


# --- the configuration ---

CONFIG = [
    "endpoint-config",
    "--step=Config",
    "--name=churn-config",
    "--variant=new",
    "--model=new:model",
    "--machine=new:{machine:str}",
    "--accelerator=new:NVIDIA_L4:1",
    "--replicas=new:{count:int}",
    "--weight=new:{weight:float}",
    "--variant=old",
    "--model-name=old:champion",
    "--machine=old:n2-standard-4",
    "--replicas=old:1",
    "--min-replicas=old:2",
    "--max-replicas=old:5",
    "--weight=old:3",
    "--log-percent=20",
    "--label=Team:Risk",
    "--request=request",
]
REQUEST: dict[str, Any] = {
    "name": "churn-config",
    "labels": {"team": "risk"},
    "models": [
        {
            "deployedModel": {
                "displayName": "new",
                "model": CHURN,
                "dedicatedResources": {
                    "machineSpec": {
                        "machineType": "g2-standard-4",
                        "acceleratorType": "NVIDIA_L4",
                        "acceleratorCount": 1,
                    },
                    "minReplicaCount": 1,
                    "maxReplicaCount": 1,
                },
            },
            "weight": 1.0,
        },
        {
            "deployedModel": {
                "displayName": "old",
                "dedicatedResources": {
                    "machineSpec": {"machineType": "n2-standard-4"},
                    "minReplicaCount": 2,
                    "maxReplicaCount": 5,
                },
            },
            "modelName": "champion",
            "weight": 3.0,
        },
    ],
    "logging": {"enabled": True, "samplingRate": 0.2},
}


@pytest.fixture
def config(task: Sandbox) -> Sandbox:
    """A configuration of a registered model and one that is known by its name."""
    task.artifact("model", model__bst="x")
    task.metadata["model"] = {"resourceName": CHURN}
    task.parameters = {"machine": "g2-standard-4", "count": 1.0, "weight": 1}
    task.output_parameters = ["request"]
    return task


def test_a_configuration_publishes_what_shall_be_deployed(config: Sandbox) -> None:
    config.succeed(*CONFIG)
    assert json.loads(config.published("request")) == REQUEST


@pytest.mark.parametrize(
    ("option", "instead", "message"),
    [
        ("--machine=old:n2-standard-4", "", "the variant old has no machine"),
        ("--model-name=old:champion", "", "the variant old has no model"),
        ("--max-replicas=old:5", "--max-replicas=old:1", "the variant old has at most 1 machines, but at least 2"),
        ("--replicas=old:1", "--replicas=old:many", "--replicas: 'many' is no number"),
        ("--weight=old:3", "--weight=old:-1", "the weights of the variants cannot be shares of the traffic"),
        ("--log-percent=20", "--log-percent=0", "0.0 percent of the requests cannot be logged"),
    ],
)
def test_a_configuration_that_cannot_be_deployed_is_refused(
    config: Sandbox, option: str, instead: str, message: str
) -> None:
    arguments = [instead if argument == option else argument for argument in CONFIG]
    assert message in config.refuse(*filter(None, arguments))


def test_a_model_that_is_not_in_the_registry_is_refused(config: Sandbox) -> None:
    config.metadata.clear()
    assert "the model model has no resource name" in config.refuse(*CONFIG)


@pytest.mark.parametrize(
    ("weights", "shares"),
    [
        ({"a": 1.0}, {"a": 100}),
        ({"a": 1.0, "b": 3.0}, {"a": 25, "b": 75}),
        ({"a": 1.0, "b": 1.0, "c": 1.0}, {"a": 34, "b": 33, "c": 33}),
        ({"a": 0.0, "b": 0.2}, {"b": 100}),
        ({"a": 2.0, "b": 999.0}, {"b": 100}),
        ({}, {}),
    ],
)
def test_weights_become_percentages(weights: dict[str, float], shares: dict[str, int]) -> None:
    assert traffic_split(list(weights.items())) == shares


# --- the endpoint ---

DEPLOY = [
    "deploy-model",
    "--step=Deploy",
    "--name={endpoint:str}",
    "--config={request:str}",
    "--label=Cost Center:12",
    "--project=acme",
    "--location=us-central1",
    "--endpoint-name=endpoint_name",
    "--resource-name=resource_name",
]


@pytest.fixture
def deploy(task: Sandbox) -> Sandbox:
    """A deployment of the configuration above."""
    task.parameters = {"endpoint": "churn", "request": json.dumps(REQUEST)}
    task.output_parameters = ["endpoint_name", "resource_name"]
    return task


def test_the_traffic_moves_when_all_models_are_up(deploy: Sandbox, vertex: Vertex) -> None:
    deploy.succeed(*DEPLOY)
    endpoint = f"{PLACE}/endpoints/1"
    created, first, second, moved = vertex.calls
    logging = {"enabled": True, "samplingRate": 0.2, "bigqueryDestination": {"outputUri": "bq://acme"}}
    labels = {"team": "risk", "cost-center": "12"}
    assert created == (
        "POST",
        f"{PLACE}/endpoints",
        {"displayName": "churn", "labels": labels, "predictRequestResponseLoggingConfig": logging},
    )
    new, old = (dict(model["deployedModel"]) for model in REQUEST["models"])
    new_id, old_id = (call[2]["deployedModel"].pop("id") for call in (first, second))
    assert first == ("POST", f"{endpoint}:deployModel", {"deployedModel": new})
    assert second == ("POST", f"{endpoint}:deployModel", {"deployedModel": {**old, "model": f"{PLACE}/models/1"}})
    assert moved == (
        "PATCH",
        endpoint,
        {
            "labels": labels,
            "predictRequestResponseLoggingConfig": logging,
            "trafficSplit": {new_id: 25, old_id: 75},
        },
    )
    assert all(number.isdigit() and len(number) == 10 for number in (new_id, old_id))
    assert deploy.published("resource_name") == endpoint
    assert deploy.published("endpoint_name") == "churn"


def test_googles_own_types_know_every_field_of_the_requests(deploy: Sandbox, vertex: Vertex) -> None:
    from google.cloud.aiplatform_v1 import types
    from google.protobuf import json_format

    deploy.succeed(*DEPLOY)
    for _, path, body in vertex.calls:
        kind = types.DeployModelRequest if path.endswith(":deployModel") else types.Endpoint
        json_format.ParseDict(body, kind.pb(kind()))
        with pytest.raises(json_format.ParseError):
            json_format.ParseDict({**body, "unknown": 1}, kind.pb(kind()))
    assert {method for method, _, _ in vertex.calls} == {"POST", "PATCH"}


def test_an_update_undeploys_what_was_there_and_a_restart_does_nothing_twice(deploy: Sandbox, vertex: Vertex) -> None:
    name = f"{PLACE}/endpoints/9"
    before = {"id": "5", "displayName": "new"}
    vertex.endpoints[name] = {
        "name": name, "displayName": "churn", "deployedModels": [before], "trafficSplit": {"5": 100}
    }  # fmt: skip
    deploy.succeed(*DEPLOY)
    assert [path.partition(":")[2] for _, path, _ in vertex.calls] == [
        "deployModel",
        "deployModel",
        "",
        "undeployModel",
    ]
    assert vertex.calls[-1][2] == {"deployedModelId": "5"}
    assert len(vertex.endpoints) == 1
    vertex.calls.clear()
    deploy.succeed(*DEPLOY)
    assert [method for method, _, _ in vertex.calls] == ["PATCH"]
    assert deploy.published("resource_name") == name


def test_a_restart_waits_for_what_the_first_start_began(deploy: Sandbox, vertex: Vertex) -> None:
    name = f"{PLACE}/endpoints/9"
    vertex.endpoints[name] = {"name": name, "displayName": "churn"}
    pending = vertex.operation({"error": {"message": "it failed, and is tried again"}}, name)
    done = deploy.succeed(*DEPLOY)
    assert f"waiting for {pending['name']}" in done.stdout
    assert len(vertex.endpoints[name]["deployedModels"]) == 2


def test_a_deployment_that_fails_is_taken_back(deploy: Sandbox, vertex: Vertex) -> None:
    name = f"{PLACE}/endpoints/9"
    serving = {"deployedModels": [{"id": "5"}], "trafficSplit": {"5": 100}}
    vertex.endpoints[name] = {"name": name, "displayName": "churn", **serving}
    vertex.failing = {"old"}
    assert "the deployment of old failed: the container did not start" in deploy.refuse(*DEPLOY)
    endpoint = vertex.endpoints[name]
    assert (endpoint["deployedModels"], endpoint["trafficSplit"]) == ([{"id": "5"}], {"5": 100})


def test_a_model_that_nobody_registered_fails(deploy: Sandbox, vertex: Vertex) -> None:
    deploy.parameters["request"] = json.dumps(REQUEST).replace("champion", "loser")
    assert "no model in the registry is called loser" in deploy.refuse(*DEPLOY)


def test_who_cancels_the_task_cancels_the_deployment(deploy: Sandbox, vertex: Vertex) -> None:
    vertex.never_done = True
    codes: list[int] = []

    def run() -> None:
        codes.append(deploy.run(*DEPLOY).returncode)

    started: list[subprocess.Popen[str]] = []
    original = subprocess.Popen.__init__

    def remember(self: subprocess.Popen[str], *arguments: Any, **options: Any) -> None:
        started.append(self)
        original(self, *arguments, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(subprocess.Popen, "__init__", remember)
        thread = threading.Thread(target=run)
        thread.start()
        while not any(path.endswith(":deployModel") for _, path, _ in vertex.calls):
            time.sleep(0.05)
        time.sleep(0.3)
        started[0].send_signal(signal.SIGTERM)
        thread.join(30)
    assert codes == [128 + signal.SIGTERM]
    assert vertex.cancelled == [f"{PLACE}/endpoints/1/operations/1"]


def test_a_local_run_writes_the_requests_down(deploy: Sandbox) -> None:
    deploy.local_run({})
    done = deploy.succeed(*DEPLOY)
    file = deploy.root / "requests" / "Deploy.json"
    assert done.stdout == f"local run: nothing was deployed; the requests are in {file}\n"
    requests = json.loads(file.read_text())
    shown = [
        (request["method"], request["url"].partition("/us-central1/")[2].partition("?")[0]) for request in requests
    ]
    assert shown == [
        ("GET", "endpoints"),
        ("POST", "endpoints"),
        ("POST", "endpoints/not-deployed:deployModel"),
        ("GET", "models"),
        ("POST", "endpoints/not-deployed:deployModel"),
        ("PATCH", "endpoints/not-deployed"),
    ]
    assert sum(requests[-1]["body"]["trafficSplit"].values()) == 100
    assert deploy.published("resource_name") == f"{PLACE}/endpoints/not-deployed"


@pytest.mark.parametrize("config", ["", "churn-config", "[]", "{}"])
def test_a_configuration_of_another_kind_is_refused(deploy: Sandbox, config: str) -> None:
    deploy.parameters["request"] = config
    assert "the configuration of the endpoint is none that endpoint-config publishes" in deploy.refuse(*DEPLOY)


# --- inference components ---

COMPONENT = [
    "deploy-component",
    "--step=Component",
    "--name=churn-small",
    "--endpoint=churn",
    "--variant=AllTraffic",
    "--model=model",
    "--cpus={cpus:int}",
    "--memory-mb=6000",
    "--copies=2",
    "--project=acme",
    "--location=us-central1",
    "--endpoint-name=endpoint_name",
    "--resource-name=resource_name",
]


def test_a_component_gets_an_endpoint_and_machines_of_its_own(config: Sandbox, vertex: Vertex) -> None:
    config.parameters = {"cpus": 1}
    config.output_parameters = ["endpoint_name", "resource_name"]
    config.succeed(*COMPONENT)
    (endpoint,) = vertex.endpoints.values()
    (model,) = endpoint["deployedModels"]
    assert endpoint["displayName"] == "churn-small"
    assert endpoint["labels"] == {"sm-endpoint": "churn", "sm-variant": "alltraffic"}
    assert endpoint["trafficSplit"] == {model["id"]: 100}
    assert model["model"] == CHURN
    assert model["dedicatedResources"] == {
        "machineSpec": {"machineType": "e2-standard-2"},
        "minReplicaCount": 2,
        "maxReplicaCount": 2,
    }
    assert config.published("endpoint_name") == "churn-small"


@pytest.mark.parametrize(
    ("cpus", "memory", "machine"),
    [(1, 1024, "e2-highcpu-2"), (2, 4096, "e2-standard-2"), (2, 16384, "e2-highmem-2"), (3, 100, "e2-highcpu-4")],
)
def test_a_component_gets_the_smallest_machine_that_is_big_enough(cpus: float, memory: float, machine: str) -> None:
    assert component_machine(cpus, memory) == machine


def test_no_machine_is_big_enough() -> None:
    with pytest.raises(ContractError, match="no machine has 64 processors and 1024 MB of memory"):
        component_machine(64, 1024)


def test_a_component_without_copies_is_refused(config: Sandbox) -> None:
    arguments = [argument.replace("--copies=2", "--copies=0") for argument in COMPONENT]
    config.parameters = {"cpus": 1}
    assert "0 copies: a deployed model of Vertex AI needs one at least" in config.refuse(*arguments)
