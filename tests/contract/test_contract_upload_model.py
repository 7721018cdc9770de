"""Uploading a model: the serving folder, the requests, and the version under one parent."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from contract_run import Sandbox

MODELS = "/v1/projects/acme/locations/us-central1/models"


class Registry(ThreadingHTTPServer):
    """A model registry and a metadata server on the loopback interface."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.versions: list[Any] = []
        self.tokens: list[str | None] = []
        self.polls = 0
        self.refusals = [503]


class Handler(BaseHTTPRequestHandler):
    """Answers as Vertex AI does."""

    server: Registry

    def do_GET(self) -> None:
        """A token, the list of models, or an operation that needs two looks."""
        if self.path.endswith("/default/token"):
            self.answer({"access_token": "secret"} if self.headers["Metadata-Flavor"] == "Google" else {})
        elif self.path.startswith(MODELS):
            assert self.path == MODELS + "?filter=display_name%3D%22churn%22&orderBy=create_time+desc"
            self.answer({"models": [{"name": MODELS[4:] + "/1"}]} if self.server.versions else {})
        else:
            self.server.polls += 1
            response = {"model": MODELS[4:] + "/1", "modelVersionId": str(len(self.server.versions))}
            self.answer(
                {"name": "op/1", **({"done": True, "response": response} if self.server.polls % 2 == 0 else {})}
            )

    def do_POST(self) -> None:
        """An upload, refused once."""
        assert self.path == MODELS + ":upload"
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.tokens.append(self.headers["Authorization"])
        if self.server.refusals:
            self.answer({"error": "busy"}, self.server.refusals.pop())
        else:
            self.server.versions.append(body)
            self.answer({"name": "op/1"})

    def answer(self, body: Any, status: int = 200) -> None:
        """Send JSON."""
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, format: str, *args: Any) -> None:
        """Stay silent."""


@pytest.fixture
def registry(register: Sandbox) -> Iterator[Registry]:
    """The registry, known to the task."""
    with Registry() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"127.0.0.1:{server.server_port}"
        register.environment["SMX2VERTEX_AIPLATFORM_URL"] = f"http://{address}/v1"
        register.environment["GCE_METADATA_HOST"] = address
        yield server
        server.shutdown()


OPTIONS = [
    "upload-model",
    "--step=Register",
    "--parent={group:str}",
    "--model=model",
    "--code=inference",
    "--serving-image=europe-docker.pkg.dev/acme/images/serving:1",
    "--approval={approval:str}",
    "--description=AUC %7B0.9%7D",
    "--label=Team Name:Risk & Fraud",
    "--content-type=text/csv",
    "--environment=SAGEMAKER_PROGRAM:inference.py",
    "--metrics=ModelQuality.Statistics:report:evaluation.json",
    "--project=acme",
    "--location={region:str}",
    "--serving-model=serving",
    "--resource-name=name",
]


@pytest.fixture
def register(task: Sandbox) -> Sandbox:
    """A task with a trained model, inference code and a report."""
    task.file("code/src/train.py", "open('../model/model.bin', 'w').write('m')")
    task.outputs = ["model"]
    task.succeed("training", "--code=/opt/ml/code", "--program=train.py", "--model=model")
    task.file("code/src/inference/inference.py", "# user's")
    task.inputs["model"] = str(task.out("model"))
    task.artifact("report", evaluation__json="{}")
    task.parameters = {"group": "churn", "approval": "PendingManualApproval", "region": "us-central1"}
    task.outputs, task.output_parameters = ["serving"], ["name"]
    return task


def test_versions_are_uploaded_under_one_parent(register: Sandbox, registry: Registry) -> None:
    register.succeed(*OPTIONS)
    assert register.published("name") == "projects/acme/locations/us-central1/models/1@1"
    first = registry.versions[0]
    assert first == {
        "model": {
            "displayName": "churn",
            "artifactUri": str(register.out("serving")),
            "containerSpec": {
                "imageUri": "europe-docker.pkg.dev/acme/images/serving:1",
                "env": [{"name": "SAGEMAKER_PROGRAM", "value": "inference.py"}],
                "predictRoute": "/invocations",
                "healthRoute": "/ping",
                "ports": [{"containerPort": 8080}],
            },
            "versionAliases": ["pending-approval"],
            "versionDescription": "AUC {0.9}",
            "labels": {"sm-approval-status": "pending-approval", "team-name": "risk---fraud"},
        }
    }
    assert registry.tokens == ["Bearer secret", "Bearer secret"]

    register.succeed(*OPTIONS)
    assert len(registry.versions) == 1, "a machine that restarts does not upload again"
    (register.root / "parameters/name").unlink()
    register.succeed(*OPTIONS)
    assert registry.versions[1] == {**first, "parentModel": "projects/acme/locations/us-central1/models/1"}
    assert register.published("name").endswith("/models/1@2")


def test_googles_own_types_know_every_field_of_an_upload(register: Sandbox, registry: Registry) -> None:
    from google.cloud.aiplatform_v1 import types
    from google.protobuf import json_format

    register.succeed(*OPTIONS)
    (version,) = registry.versions
    json_format.ParseDict(version, types.UploadModelRequest.pb(types.UploadModelRequest()))


def test_the_serving_folder_holds_model_code_and_what_the_registry_has_no_field_for(register: Sandbox) -> None:
    register.local_run({})
    register.succeed(*OPTIONS)
    folder = register.out("serving")
    assert sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()) == [
        "code/inference.py",
        "model-package/description.json",
        "model-package/metrics/ModelQuality.Statistics/evaluation.json",
        "model.bin",
    ]
    description = json.loads((folder / "model-package/description.json").read_text())
    assert (description["metadata"], description["content_types"]) == ({"Team Name": "Risk & Fraud"}, ["text/csv"])
    metadata = register.executor_output()["artifacts"]["serving"]["artifacts"][0]["metadata"]
    assert metadata["containerSpec"]["imageUri"] == "europe-docker.pkg.dev/acme/images/serving:1"


def test_a_local_run_writes_the_requests_down(register: Sandbox) -> None:
    register.local_run({})
    done = register.succeed(*OPTIONS)
    assert (
        done.stdout == f"local run: no model was uploaded; the requests are in {register.root}/requests/Register.json\n"
    )
    find, upload = json.loads((register.root / "requests/Register.json").read_text())
    assert (find["method"], find["body"]) == ("GET", None)
    assert upload["url"] == "https://us-central1-aiplatform.googleapis.com" + MODELS + ":upload"
    assert upload["body"]["model"]["displayName"] == "churn"
    assert register.published("name") == "projects/acme/locations/us-central1/models/not-uploaded@1"


def test_a_prebuilt_container_keeps_its_routes_and_finds_the_booster(register: Sandbox) -> None:
    register.artifact("model", **{"xgboost-model": b"booster"})
    register.local_run({})
    image = "us-docker.pkg.dev/vertex-ai/prediction/xgboost-cpu.1-7:latest"
    register.succeed(*[f"--serving-image={image}" if "serving-image" in option else option for option in OPTIONS])
    body = json.loads((register.root / "requests/Register.json").read_text())[1]["body"]
    assert set(body["model"]["containerSpec"]) == {"imageUri", "env"}
    assert (register.out("serving") / "model.bst").read_bytes() == b"booster"


def test_an_answer_of_the_service_that_says_no_is_shown(register: Sandbox, registry: Registry) -> None:
    registry.refusals = [403]
    message = register.refuse(*OPTIONS)
    assert 'models:upload: 403 {"error": "busy"}' in message
    register.parameters["approval"] = "Maybe"
    assert "Maybe is no approval status" in register.refuse(*OPTIONS)
