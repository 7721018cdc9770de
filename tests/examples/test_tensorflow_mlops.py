"""The TensorFlow example: converting and validating it, its function for Google Cloud, and, slowly, its runs."""

from __future__ import annotations

import importlib.util
import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from readme import Command, commands
from support import REPOSITORY, Outcome

EXAMPLE = REPOSITORY / "examples" / "tensorflow-mlops"
COMMANDS = list(commands(EXAMPLE / "README.md"))
TENSORFLOW = importlib.util.find_spec("tensorflow") is not None


def test_the_readme_converts_word_for_word(
    follow: Callable[[Command], Outcome], workplace: Callable[[str], Path]
) -> None:
    workplace("tensorflow-mlops")
    said = {command.words[0]: follow(command).out for command in COMMANDS if command.words[0] not in ("capture", "run")}
    assert "SMX241" in said["convert"] and "SMX376" in said["convert"]
    assert "equivalent" in said["validate"]


def test_the_delivery_builds_tests_and_waits_for_an_approval() -> None:
    text = (EXAMPLE / "project" / ".github" / "workflows" / "pipeline.yml").read_text(encoding="utf-8")
    order = [
        *("ruff check .", "python -m pytest", "smx2vertex validate definition.json . --strict"),
        *("environment: dev", "python build_images.py dev", "smx2vertex submit . --environment dev"),
        *("environment: prod", "python build_images.py prod", "smx2vertex submit . --environment prod"),
    ]
    places = [text.index(each) for each in order]
    assert places == sorted(places)


# --- the function that tests the endpoint ---


class Vertex:
    """A stand-in for Vertex AI and the metadata server, with one endpoint that answers what it is given."""

    def __init__(self, predictions: list[float]) -> None:
        self.asked: list[tuple[str, Any]] = []
        asked = self.asked

        class Handler(BaseHTTPRequestHandler):
            def _handle(self) -> None:
                content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                if self.path.startswith("/computeMetadata"):
                    answer: Any = {"access_token": "a-token"}
                else:
                    assert self.headers["Authorization"] == "Bearer a-token"
                    asked.append((self.path, json.loads(content) if content else None))
                    endpoint = {"name": "projects/acme/locations/us-east4/endpoints/7"}
                    found = [endpoint] if "heat-forecast-qa" in self.path else []
                    answer = {"predictions": [[each] for each in predictions]} if content else {"endpoints": found}
                data = json.dumps(answer).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = _handle  # noqa: N815 - the base class names them so

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.host = f"127.0.0.1:{self.server.server_port}"


def asked(monkeypatch: pytest.MonkeyPatch, predictions: list[float], endpoint: str) -> tuple[Any, Vertex]:
    """What the function answers for an endpoint that predicts so, and what it asked."""
    vertex = Vertex(predictions)
    monkeypatch.setenv("VERTEX_AI_URL", f"http://{vertex.host}")
    monkeypatch.setenv("GCE_METADATA_HOST", vertex.host)
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setenv("PROJECT", "acme")
    monkeypatch.setenv("REGION", "us-east4")
    file = EXAMPLE / "project" / "functions" / "heat_endpoint_check" / "code" / "lambda_function.py"
    spec = importlib.util.spec_from_file_location("heat_endpoint_check", file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    try:
        return module.lambda_handler({"endpoint": endpoint, "max_error": 15}, None), vertex
    finally:
        vertex.server.shutdown()
        vertex.server.server_close()


def test_the_function_asks_the_endpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    answer, vertex = asked(monkeypatch, [25.0, 56.0], "heat-forecast-qa")
    assert answer == {"error": 1.0}
    (listed, _), (predicted, body) = vertex.asked
    assert listed.startswith("/v1/projects/acme/locations/us-east4/endpoints?filter=display_name")
    assert predicted == "/v1/projects/acme/locations/us-east4/endpoints/7:predict"
    assert [len(row) for row in body["instances"]] == [7, 7]


def test_the_function_fails_where_the_endpoint_is_bad_or_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match=r"the endpoint is off by 81\.0 MWh"):
        asked(monkeypatch, [105.0, 136.0], "heat-forecast-qa")
    with pytest.raises(ValueError, match="there is no endpoint nowhere"):
        asked(monkeypatch, [25.0, 56.0], "nowhere")


# --- runs, with TensorFlow ---


@pytest.mark.slow
@pytest.mark.skipif(not TENSORFLOW, reason="needs TensorFlow: pip install 'smx2vertex[tensorflow]'")
def test_the_readme_runs_word_for_word(follow: Callable[[Command], Outcome], workplace: Callable[[str], Path]) -> None:
    folder = workplace("tensorflow-mlops")
    for command in COMMANDS:
        if command.words[0] == "run":
            follow(command)
    first, second, third = sorted((folder / "run").glob("heat-forecast-*"))
    report = json.loads((first / "artifacts" / "evaluate-heat" / "evaluation" / "evaluation.json").read_text())
    assert 0.5 < report["regression_metrics"]["mse"]["value"] < 8.0
    assert sorted(each.name for each in (first / "requests").iterdir()) == ["register-heat-register-model"]
    assert (second / "requests" / "deploy-endpoint").is_dir()
    assert not (third / "requests").exists()
    _ask_the_model(first / "artifacts" / "train-heat" / "model")


def _ask_the_model(model: Path) -> None:
    """The script that travels with the model answers in the form of an endpoint."""
    script = next(model.rglob("inference.py"))
    spec = importlib.util.spec_from_file_location("inference", script)
    assert spec is not None and spec.loader is not None
    inference = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(inference)
    loaded = inference.model_fn(str(script.parent.parent))
    known = {24.0: [0.0] * 7, 55.0: [1.0, 1.0, 0.0, 0.0, -1.0, 0.0, 0.0]}
    rows = inference.input_fn(json.dumps({"instances": list(known.values())}), "application/json")
    answer = json.loads(inference.output_fn(inference.predict_fn(rows, loaded), "application/json"))["predictions"]
    # the two buildings that the function asks for, within the error that the pipeline permits
    assert [heat for [heat] in answer] == [pytest.approx(heat, abs=15) for heat in known]
