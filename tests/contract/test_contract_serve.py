"""The server of a model: SageMaker's payloads and Vertex AI's, the script's functions, health, where the model is."""

import json
import os
import subprocess
import sys
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from smx2vertex.contract.one_file import source

INFERENCE = """
import json, os

def model_fn(model_dir):
    with open(os.path.join(model_dir, "factor.txt")) as file:
        return float(file.read())

def input_fn(body, content_type):
    if content_type == "text/csv":
        return [float(cell) for cell in body.split(",")]
    if content_type != "application/json":
        raise ValueError("no " + content_type)
    return [row[0] for row in json.loads(body)]

def predict_fn(values, model):
    return [value * model for value in values]

def output_fn(prediction, accept):
    if accept == "text/csv":
        return ",".join(map(str, prediction)), accept
    return json.dumps(prediction), accept
"""


class Server:
    """The server in a process of its own, on a free port."""

    def __init__(self, folder: Path, **environment: str) -> None:
        script = folder / "serve.py"
        script.write_text(source(["serve"]))
        settings = {"SAGEMAKER_BASE_DIR": str(folder / "ml"), "AIP_HTTP_PORT": "0", **environment}
        self.process = subprocess.Popen(
            [sys.executable, str(script), "serve"],
            env={**os.environ, **settings},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert self.process.stdout is not None
        said = ("serving on port", "the model cannot")
        self.first_line = next(line for line in self.process.stdout if line.startswith(said))
        self.url = f"http://127.0.0.1:{self.first_line.split()[-1]}"

    def ask(self, path: str, body: bytes | None = None, **headers: str) -> tuple[int, str, str]:
        """Status, content type and text of an answer."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        request = urllib.request.Request(self.url + path, body, named)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, answer.headers["Content-Type"], answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.headers["Content-Type"], error.read().decode()

    def stop(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A model as the registration lays it out: the files, and the script in `code/`."""
    folder = tmp_path / "model"
    (folder / "code").mkdir(parents=True)
    (folder / "factor.txt").write_text("2")
    (folder / "code" / "inference.py").write_text(INFERENCE)
    return folder


@pytest.fixture
def server(tmp_path: Path, model: Path) -> Iterator[Server]:
    server = Server(tmp_path, AIP_STORAGE_URI=str(model), AIP_HEALTH_ROUTE="/health", AIP_PREDICT_ROUTE="/predict")
    yield server
    server.stop()


@pytest.mark.parametrize(
    ("path", "body", "headers", "answer"),
    [
        ("/invocations", b"1,2.5", {"Content_Type": "text/csv", "Accept": "text/csv"}, (200, "text/csv", "2.0,5.0")),
        ("/invocations", b"[[1], [2]]", {"Content_Type": "application/json"}, (200, "application/json", "[2, 4]")),
        ("/predict", b'{"instances": [[1], [2]]}', {"Content_Type": "application/json"},
         (200, "application/json", '{"predictions": [2.0, 4.0]}')),
        ("/invocations", b"x", {"Content_Type": "text/plain"}, (500, "text/plain", "ValueError: no text/plain")),
        ("/nowhere", b"1", {}, (404, "text/plain", "")),
        ("/ping", None, {}, (200, "text/plain", "")),
        ("/health", None, {}, (200, "text/plain", "")),
        ("/nowhere", None, {}, (404, "text/plain", "")),
    ],
)  # fmt: skip
def test_payloads_and_answers(
    server: Server, path: str, body: bytes | None, headers: dict[str, str], answer: tuple[int, str, str]
) -> None:
    status, content_type, text = server.ask(path, body, **headers)
    assert (status, content_type, text.replace(".0", "")) == (*answer[:2], answer[2].replace(".0", ""))


def test_a_model_without_code_is_refused(tmp_path: Path, model: Path) -> None:
    (model / "code" / "inference.py").unlink()
    server = Server(tmp_path, AIP_STORAGE_URI=str(model))
    assert server.first_line.startswith("the model cannot be served: there is neither code/inference.py")
    assert server.process.wait(10) == 1
    server.stop()


class Bucket(BaseHTTPRequestHandler):
    """Cloud Storage and the metadata server: lists in pages of one object, and gives the objects."""

    objects: ClassVar[dict[str, bytes]] = {}

    def do_GET(self) -> None:
        if self.path.startswith("/computeMetadata"):
            self.give(b'{"access_token": "t0ken"}')
        elif self.headers["Authorization"] != "Bearer t0ken":
            self.send_error(401)
        elif "alt=media" in self.path:
            self.give(self.objects[urllib.parse.unquote(self.path.split("/o/")[1].split("?")[0])])
        else:
            names = sorted(self.objects)
            asked = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
            number = int(asked.get("pageToken", ["0"])[0])
            page = {"items": [{"name": names[number]}]}
            if number + 1 < len(names):
                page["nextPageToken"] = str(number + 1)
            self.give(json.dumps(page).encode())

    def give(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        pass


def test_the_model_is_fetched_from_cloud_storage(tmp_path: Path, model: Path) -> None:
    files = [path for path in model.rglob("*") if path.is_file()]
    Bucket.objects = {f"models/m 1/{path.relative_to(model).as_posix()}": path.read_bytes() for path in files}
    storage = ThreadingHTTPServer(("127.0.0.1", 0), Bucket)
    threading.Thread(target=storage.serve_forever, daemon=True).start()
    place = f"127.0.0.1:{storage.server_address[1]}"
    server = Server(
        tmp_path,
        AIP_STORAGE_URI="gs://acme/models/m 1",
        SMX2VERTEX_STORAGE_URL=f"http://{place}/storage/v1",
        GCE_METADATA_HOST=place,
    )
    assert server.ask("/invocations", b"3", Content_Type="text/csv", Accept="text/csv")[2] == "6.0"
    server.stop()
    storage.shutdown()


def test_the_built_in_algorithm_serves_csv_and_instances(tmp_path: Path) -> None:
    xgboost = pytest.importorskip("xgboost")
    numpy = pytest.importorskip("numpy")
    matrix = xgboost.DMatrix(numpy.array([[0.0], [1.0]]), label=[0, 1])
    (tmp_path / "model").mkdir()
    booster = xgboost.train({"max_depth": 1, "base_score": 0.5}, matrix, 1)
    booster.save_model(tmp_path / "model" / "m.ubj")
    (tmp_path / "model" / "m.ubj").rename(tmp_path / "model" / "xgboost-model")
    server = Server(tmp_path, AIP_STORAGE_URI=str(tmp_path / "model"))
    wanted = booster.predict(matrix).tolist()
    body = json.dumps({"instances": [[0.0], [1.0]]}).encode()
    assert json.loads(server.ask("/invocations", body, Content_Type="application/json")[2])["predictions"] == (
        pytest.approx(wanted)
    )
    lines = server.ask("/invocations", b"0\n1\n", Content_Type="text/csv")[2].split()
    assert [float(line) for line in lines] == pytest.approx(wanted)
    server.stop()
