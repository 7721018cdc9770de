"""A server of a model: the user's inference script, or the built-in algorithm, behind Vertex AI's HTTP contract."""

import http.server
import json
import os
import shutil
import socketserver
import sys
import traceback
import urllib.parse
import urllib.request
from typing import Any, Tuple, cast

from .command_line import ContractError
from .files import empty, inside, place, stage
from .google import Service, access_token, query
from .predictors import Predictor, script_predictor, xgboost_predictor
from .task import PROGRAMS

MODEL_FOLDER = "/opt/ml/model"


def serve() -> int:
    """Load the model and answer until the process ends.

    Vertex AI tells the place of the model (AIP_STORAGE_URI), the port (AIP_HTTP_PORT) and the routes (AIP_HEALTH_ROUTE,
    AIP_PREDICT_ROUTE) in the environment; SageMaker's routes /ping and /invocations are always there.
    """
    try:
        predictor = load_model()
    except (ContractError, OSError) as error:
        print("the model cannot be served: {}".format(error), file=sys.stderr, flush=True)
        return 1
    address = ("", int(os.environ.get("AIP_HTTP_PORT", "8080")))
    with ModelServer(address, predictor) as server:
        print("serving on port {}".format(server.server_address[1]), flush=True)
        server.serve_forever()
    return 0


def load_model() -> Predictor:
    """Bring the model in and load it."""
    folder = place(MODEL_FOLDER)
    uri = os.environ.get("AIP_STORAGE_URI", "")
    if uri:
        empty(folder)
        if uri.startswith("gs://"):
            download(uri, folder)
        else:
            stage(uri, folder)
    program = os.environ.get("SAGEMAKER_PROGRAM", "")
    if not program and os.path.isfile(os.path.join(folder, "code", "inference.py")):
        program = "inference.py"
    if program:
        return script_predictor(folder, program)
    if os.path.isfile(os.path.join(folder, "xgboost-model")):
        return xgboost_predictor(folder)
    raise ContractError("there is neither code/inference.py nor a model of a built-in algorithm")


def download(uri: str, folder: str) -> None:
    """Copy all objects below a gs:// address; a server has no bucket mounted."""
    bucket, _, prefix = uri[len("gs://") :].partition("/")
    prefix = prefix.rstrip("/") + "/" if prefix else ""
    service = Service("storage", "https://storage.googleapis.com/storage/v1")
    objects = "b/{}/o".format(urllib.parse.quote(bucket, safe=""))
    page = service.call("GET", query(objects, prefix=prefix))
    while True:
        for entry in page.get("items") or []:
            if not entry["name"].endswith("/"):
                target = inside(folder, entry["name"][len(prefix) :])
                os.makedirs(os.path.dirname(target), exist_ok=True)
                address = "{}/{}?alt=media".format(objects, urllib.parse.quote(entry["name"], safe=""))
                _download_object(service.address(address), target)
        if "nextPageToken" not in page:
            return
        page = service.call("GET", query(objects, prefix=prefix, pageToken=page["nextPageToken"]))


def _download_object(url: str, target: str) -> None:
    request = urllib.request.Request(url, headers={"Authorization": "Bearer " + access_token()})
    with urllib.request.urlopen(request, timeout=600) as answer, open(target, "wb") as file:
        shutil.copyfileobj(answer, file)


class ModelServer(socketserver.ThreadingMixIn, http.server.HTTPServer):
    """Answers requests for one model, each in a thread."""

    daemon_threads = True

    def __init__(self, address: Tuple[str, int], predictor: Predictor) -> None:
        """Listen at an address; port 0 takes a free one."""
        http.server.HTTPServer.__init__(self, address, ModelRequest)
        self.predictor = predictor
        self.health = {"/ping", os.environ.get("AIP_HEALTH_ROUTE", "/ping")}
        self.predict = {"/invocations", os.environ.get("AIP_PREDICT_ROUTE", "/invocations")}


class ModelRequest(http.server.BaseHTTPRequestHandler):
    """One request: is the model there, or what does it say to this payload?"""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """The health check."""
        self.answer(200 if self.path in cast(ModelServer, self.server).health else 404, b"")

    def do_POST(self) -> None:
        """A prediction; a failure of the script is its text and status 500."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        server = cast(ModelServer, self.server)
        if self.path not in server.predict:
            self.answer(404, b"")
            return
        content_type = self.headers.get("Content-Type") or "application/json"
        accept = self.headers.get("Accept") or ""
        try:
            if is_vertex_request(body, content_type):
                self.answer(200, vertex_prediction(server.predictor, body), "application/json")
            else:
                self.answer(200, server.predictor(body, content_type, accept), answer_type(accept))
        except Exception as error:
            traceback.print_exc()
            self.answer(500, "{}: {}".format(type(error).__name__, error).encode("utf-8"), "text/plain")

    def answer(self, status: int, body: bytes, content_type: str = "text/plain") -> None:
        """Send an answer."""
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Only predictions are worth a line: health checks come every ten seconds."""
        if self.command != "GET":
            print("{} {}".format(self.path, format % arguments), flush=True)


def is_vertex_request(body: bytes, content_type: str) -> bool:
    """Whether a payload is what `:predict` sends: an object with `instances`, and at most `parameters` beside it."""
    if content_type.split(";")[0].strip() != "application/json":
        return False
    try:
        document = json.loads(body.decode("utf-8"))
    except ValueError:
        return False
    return isinstance(document, dict) and "instances" in document and set(document) <= {"instances", "parameters"}


def vertex_prediction(predictor: Predictor, body: bytes) -> bytes:
    """The answer to `:predict`: the instances go in as a JSON array, or as CSV where the script takes no JSON."""
    instances = json.loads(body.decode("utf-8"))["instances"]
    try:
        answer = predictor(json.dumps(instances).encode("utf-8"), "application/json", "application/json")
    except ContractError:
        answer = predictor(as_csv(instances), "text/csv", "application/json")
    return json.dumps({"predictions": predictions(answer.decode("utf-8"))}).encode("utf-8")


def as_csv(instances: Any) -> bytes:
    """Rows of numbers as CSV."""
    rows = instances if isinstance(instances, list) else [instances]
    lines = [",".join(str(cell) for cell in (row if isinstance(row, list) else [row])) for row in rows]
    return ("\n".join(lines) + "\n").encode("utf-8")


def predictions(text: str) -> Any:
    """An answer as the list that Vertex AI expects: of JSON, its `predictions` or itself; of text, its lines."""
    try:
        found = json.loads(text)
    except ValueError:
        found = [_number_or_text(line) for line in text.splitlines() if line]
    if isinstance(found, dict) and "predictions" in found:
        found = found["predictions"]
    return found if isinstance(found, list) else [found]


def _number_or_text(text: str) -> Any:
    try:
        return float(text)
    except ValueError:
        return text


def answer_type(accept: str) -> str:
    """The content type of an answer."""
    if accept not in ("", "*/*"):
        return accept
    return os.environ.get("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT", "application/json")


PROGRAMS["serve"] = serve
