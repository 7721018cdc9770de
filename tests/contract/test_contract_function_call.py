"""Lambda steps: the request to the function, its answer as output parameters, and local runs."""

import json
import runpy
import sys
from collections.abc import Callable
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from calls_server import serving
from contract_run import Sandbox
from support import REPOSITORY, Outcome

OPTIONS = [
    "call-function",
    "--step=Test Endpoint",
    "--argument=endpoint_name:{endpoint:str}",
    "--argument=model:{model:uri}/model.tar.gz",
    "--argument=n_features:{n:int}",
    "--argument=threshold:{threshold:float}",
    "--argument=dry run:{dry:bool}",
    "--argument=code:00{n:int}",
]
ANSWERS = [
    "--answer=status_code:String:statusCode",
    "--answer=prediction:Float:prediction",
    "--answer=count:Integer:count",
    "--answer=accepted:Boolean:accepted",
]
ANSWER = {"statusCode": 200, "prediction": 3, "count": "7", "accepted": True, "more": None}


def prepared(task: Sandbox) -> Sandbox:
    """A task with values for all arguments, as engines deliver them."""
    task.parameters = {"endpoint": "housing-dev", "n": 8.0, "threshold": 1, "dry": "false"}
    task.inputs = {"model": "gs://acme/models/1"}
    task.output_parameters = ["status_code", "prediction", "count", "accepted"]
    return task


def test_the_function_gets_the_arguments_and_its_answer_becomes_output_parameters(task: Sandbox) -> None:
    prepared(task)
    with serving(lambda method, path, body: (200, ANSWER)) as server:
        task.environment["GCE_METADATA_HOST"] = server.address
        command = [*OPTIONS, *ANSWERS, f"--url=http://{server.address}/test"]
        task.succeed(*command)
        arguments = {
            "endpoint_name": "housing-dev",
            "model": "gs://acme/models/1/model.tar.gz",
            "n_features": 8,
            "threshold": 1.0,
            "dry run": False,
            "code": "008",
        }
        assert server.requests == [("POST", "/test", arguments)]
        assert server.tokens == [f"Bearer identity for http%3A%2F%2F127.0.0.1%3A{server.server_port}%2Ftest"]
        published = {name: task.published(name) for name in task.output_parameters}
        assert published == {"status_code": "200", "prediction": "3.0", "count": "7", "accepted": "true"}
        task.succeed(*command)
        assert len(server.requests) == 1, "a machine that restarts after the answer does not call again"


def test_an_answer_that_is_not_what_was_declared_fails(task: Sandbox) -> None:
    prepared(task)
    answers: list[tuple[int, Any]] = [
        (500, "KeyError: no such endpoint"),
        (200, "OK"),
        (200, ["prediction"]),
        (200, {"statusCode": "200", "prediction": 1.5}),
        (200, ANSWER | {"count": "seven"}),
    ]
    with serving(lambda method, path, body: answers.pop(0)) as server:
        task.environment["GCE_METADATA_HOST"] = server.address
        command = [*OPTIONS, *ANSWERS, f"--url=http://{server.address}"]
        assert "500 KeyError: no such endpoint" in task.refuse(*command)
        assert "the function's answer is no JSON" in task.refuse(*command)
        assert "the answer holds no statusCode; it holds nothing" in task.refuse(*command)
        assert "the answer holds no count; it holds prediction, statusCode" in task.refuse(*command)
        assert "the answer's count: 'seven' is no int" in task.refuse(*command)
    assert not (task.root / "parameters").exists(), "nothing is published by half"


def test_an_address_that_nobody_wrote_down_fails_and_says_where_it_belongs(task: Sandbox) -> None:
    prepared(task)
    message = task.refuse(*OPTIONS, "--url=TODO: deploy functions/test_endpoint")
    assert "'TODO: deploy functions/test_endpoint' is no address of a function: write it into config.yaml" in message


def test_a_local_run_takes_the_answers_it_was_given(task: Sandbox) -> None:
    prepared(task)
    task.local_run({})
    message = task.refuse(*OPTIONS, *ANSWERS, "--url=https://example.run.app")
    assert "(statusCode, prediction, count, accepted) with --answer 'Test Endpoint=FILE.json'" in message
    task.local_run({}, answers={"Test Endpoint": ANSWER})
    done = task.succeed(*OPTIONS, *ANSWERS, "--url=https://example.run.app")
    assert "local run: the function was not called" in done.stdout
    assert task.published("prediction") == "3.0"
    [request] = json.loads((task.root / "requests/Test_Endpoint.json").read_text())
    assert (request["method"], request["url"]) == ("POST", "https://example.run.app")
    assert request["body"]["n_features"] == 8


def test_a_local_run_goes_on_where_nobody_declared_answers(task: Sandbox) -> None:
    prepared(task)
    task.local_run({})
    done = task.succeed(*OPTIONS, "--url=https://example.run.app")
    assert "the function was not called" in done.stdout


def test_the_generated_function_runs_the_users_handler(
    task: Sandbox, smx2vertex: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = REPOSITORY / "tests" / "vertex" / "fixtures" / "calls"
    project = task.root / "project"
    assert smx2vertex("convert", calls / "definition.json", "--code", calls / "code", "--out", project).code == 0
    folder = project / "functions" / "price_lookup"
    assert (folder / "code" / "lambda_function.py").read_bytes() == (
        calls / "code" / "price-lookup" / "lambda_function.py"
    ).read_bytes()
    assert (folder / "requirements.txt").read_text() == "functions-framework>=3\nboto3\n"
    monkeypatch.setitem(sys.modules, "boto3", ModuleType("boto3"))
    monkeypatch.setattr(sys, "path", list(sys.path))
    main = runpy.run_path(str(folder / "main.py"))["main"]
    for module in ("lambda_function", "tariff"):
        del sys.modules[module]

    def serve(method: str, path: str, body: Any) -> tuple[int, Any]:
        text, status, headers = main(SimpleNamespace(get_json=lambda: body))
        assert headers == {"Content-Type": "application/json"}
        return status, text

    task.output_parameters = ["price", "called"]
    with serving(serve) as server:
        task.environment["GCE_METADATA_HOST"] = server.address
        task.parameters = {"pieces": 3, "discount": 0.25}
        task.succeed(
            "call-function",
            "--step=LookUpPrice",
            f"--url=http://{server.address}/",
            "--argument=item:wheel",
            "--argument=pieces:{pieces:int}",
            "--argument=discount:{discount:float}",
            "--answer=price:Float:price",
            "--answer=called:String:called",
        )
    assert (task.published("price"), task.published("called")) == ("45.0", "price-lookup")


def test_a_function_whose_code_is_not_known_fails(task: Sandbox, smx2vertex: Callable[..., Outcome]) -> None:
    calls = REPOSITORY / "tests" / "vertex" / "fixtures" / "calls"
    assert smx2vertex("convert", calls / "definition.json", "--out", task.root / "project").code == 0
    main = runpy.run_path(str(task.root / "project/functions/price_lookup/main.py"))["main"]
    with pytest.raises(RuntimeError, match="SMX377: put the code of price-lookup into functions/price_lookup/code"):
        main(None)
