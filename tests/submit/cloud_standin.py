"""A stand-in for Google Cloud and a Kubeflow server on this machine: it keeps each request as it came."""

from __future__ import annotations

import json
import re
import threading
import urllib.parse
from collections import deque
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Request:
    """A request as it came."""

    method: str
    path: str
    query: dict[str, str]
    body: bytes
    authorization: str | None

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Cloud:
    """The stand-in.

    Attributes:
        objects: what is stored, by `gs://` address, in the order in which it came.
        buckets: the answer about each bucket, by name.
        refusals: status and message by a pattern of `METHOD PATH`.
        job_states: what further looks at a job show, the last one for ever: state, tasks, error.
        versions: published pipelines, by `PACKAGE/VERSION`.
        removable: identifiers in a list of schedules or jobs.
    """

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.objects: dict[str, bytes] = {}
        self.buckets: dict[str, dict[str, str]] = {}
        self.refusals: dict[str, tuple[int, str]] = {}
        self.job_states: deque[dict[str, Any]] = deque()
        self.runs: dict[str, Any] = {}
        self.versions: dict[str, bytes] = {}
        self.removable: dict[str, list[str]] = {}
        handler = type("Handler", (_Handler,), {"cloud": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def sent(self, method: str, path: str) -> list[Request]:
        """The requests of a method whose path ends so."""
        return [each for each in self.requests if each.method == method and each.path.endswith(path)]

    def answer(self, request: Request) -> tuple[int, Any]:
        """Status and body of the answer; bytes are sent as they are, anything else as JSON."""
        call = f"{request.method} {request.path}"
        for pattern, (status, message) in self.refusals.items():
            if re.search(pattern, call):
                return status, {"error": {"code": status, "message": message}, "message": message}
        for pattern, method in _ROUTES:
            if match := re.fullmatch(pattern, call):
                return getattr(self, method)(request, *map(urllib.parse.unquote, match.groups()))
        return 501, {"error": {"code": 501, "message": f"the stand-in does not know {call}"}}

    # --- Cloud Storage ---

    def bucket(self, request: Request, name: str) -> tuple[int, Any]:
        return (200, self.buckets[name] | {"name": name}) if name in self.buckets else _missing(name)

    def object(self, request: Request, bucket: str, name: str) -> tuple[int, Any]:
        uri = f"gs://{bucket}/{name}"
        return (200, {"name": name}) if uri in self.objects else _missing(uri)

    def upload(self, request: Request, bucket: str) -> tuple[int, Any]:
        boundary = request.body.split(b"\r\n", 1)[0]
        _, head, content, _ = request.body.split(boundary)
        name = json.loads(head.split(b"\r\n\r\n", 1)[1])["name"]
        self.objects[f"gs://{bucket}/{name}"] = content.split(b"\r\n\r\n", 1)[1].removesuffix(b"\r\n")
        return 200, {"name": name, "bucket": bucket}

    # --- Vertex AI ---

    def make_job(self, request: Request, parent: str) -> tuple[int, Any]:
        name = f"{parent}/pipelineJobs/{request.query['pipelineJobId']}"
        self.runs[name] = request.json | {"name": name, "state": "PIPELINE_STATE_PENDING"}
        return 200, self.runs[name]

    def job(self, request: Request, name: str) -> tuple[int, Any]:
        state = self.job_states.popleft() if len(self.job_states) > 1 else self.job_states[0]
        return 200, self.runs[name] | state

    def make_schedule(self, request: Request, parent: str) -> tuple[int, Any]:
        return 200, request.json | {"name": f"{parent}/schedules/123", "state": "ACTIVE"}

    def metadata(self, request: Request, name: str) -> tuple[int, Any]:
        return 200, {"name": name}

    def context(self, request: Request, name: str) -> tuple[int, Any]:
        title = "system.PipelineRun" if name.endswith("lab-7") else "system.Experiment"
        return 200, {"name": name, "schemaTitle": title, "schemaVersion": "0.0.1", "metadata": {}}

    def done(self, request: Request, name: str) -> tuple[int, Any]:
        return 200, {}

    def list(self, request: Request, parent: str, kind: str) -> tuple[int, Any]:
        return 200, {kind: [{"name": f"{parent}/{kind}/{each}"} for each in self.removable[kind]]}

    def delete(self, request: Request, parent: str) -> tuple[int, Any]:
        answer = {"@type": "type.googleapis.com/google.protobuf.Empty"}
        return 200, {"name": f"{parent}/operations/1", "done": True, "response": answer}

    # --- Artifact Registry, and the tokens that its client wants ---

    def token(self, request: Request) -> tuple[int, Any]:
        return 200, {"access_token": "a-token", "expires_in": 3600, "token_type": "Bearer"}

    def publish(self, request: Request) -> tuple[int, Any]:
        boundary = request.body.split(b"\r\n", 1)[0]
        parts = [part.split(b"\r\n\r\n", 1) for part in request.body.split(boundary)[1:-1]]
        fields = {head: content.removesuffix(b"\r\n") for head, content in parts}
        content = next(content for head, content in fields.items() if b'name="content"' in head)
        tags = next((content.decode() for head, content in fields.items() if b'name="tags"' in head), "")
        for version in ["sha256:0a1b", *filter(None, tags.split(","))]:
            self.versions[f"lab-05-accuracy-gate/{version}"] = content
        return 200, b"lab-05-accuracy-gate/sha256:0a1b"

    def version(self, request: Request, name: str) -> tuple[int, Any]:
        return (200, self.versions[name]) if name in self.versions else _missing(name)

    # --- Kubeflow Pipelines ---

    def health(self, request: Request) -> tuple[int, Any]:
        return 200, {"multi_user": False}

    def experiments(self, request: Request) -> tuple[int, Any]:
        return 200, {}

    def make_experiment(self, request: Request) -> tuple[int, Any]:
        return 200, request.json | {"experiment_id": "experiment-1"}

    def make_run(self, request: Request) -> tuple[int, Any]:
        self.runs["run-1"] = {"run_id": "run-1"}
        return 200, self.runs["run-1"]

    def run(self, request: Request, name: str) -> tuple[int, Any]:
        state = self.job_states.popleft() if len(self.job_states) > 1 else self.job_states[0]
        return 200, self.runs[name] | state


_ROUTES = [
    ("GET /storage/v1/b/([^/]+)", "bucket"),
    ("GET /storage/v1/b/([^/]+)/o/([^/]+)", "object"),
    ("POST /upload/storage/v1/b/([^/]+)/o", "upload"),
    ("POST /v1/(projects/[^/]+/locations/[^/]+)/pipelineJobs", "make_job"),
    ("GET /v1/(projects/[^/]+/locations/[^/]+/pipelineJobs/[^/]+)", "job"),
    ("POST /v1/(projects/[^/]+/locations/[^/]+)/schedules", "make_schedule"),
    ("GET /v1/(projects/[^/]+/locations/[^/]+/metadataStores/default)", "metadata"),
    ("GET /v1/(projects/[^/]+/locations/[^/]+/metadataStores/default/contexts/[^/:]+)", "context"),
    ("POST /v1/(projects/[^/]+/locations/[^/]+/metadataStores/default/contexts/[^/:]+):.*", "done"),
    ("GET /v1/(projects/[^/]+/locations/[^/]+)/(pipelineJobs|schedules)", "list"),
    ("DELETE /v1/(projects/[^/]+/locations/[^/]+)/.+", "delete"),
    ("POST /token", "token"),
    ("POST /acme/pipelines", "publish"),
    ("GET /acme/pipelines/(.+)", "version"),
    ("GET /apis/v2beta1/healthz", "health"),
    ("GET /apis/v2beta1/experiments", "experiments"),
    ("POST /apis/v2beta1/experiments", "make_experiment"),
    ("POST /apis/v2beta1/runs", "make_run"),
    ("GET /apis/v2beta1/runs/([^/]+)", "run"),
]


def _missing(what: str) -> tuple[int, Any]:
    return 404, {"error": {"code": 404, "message": f"{what} not found"}}


class _Handler(BaseHTTPRequestHandler):
    cloud: Cloud

    def _handle(self) -> None:
        address = urllib.parse.urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        query = dict(urllib.parse.parse_qsl(address.query))
        request = Request(self.command, address.path, query, body, self.headers.get("Authorization"))
        self.cloud.requests.append(request)
        status, answer = self.cloud.answer(request)
        data = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain" if isinstance(answer, bytes) else "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_PATCH = do_DELETE = _handle  # noqa: N815 - the base class names them so

    def log_message(self, format: str, *args: object) -> None:
        pass
