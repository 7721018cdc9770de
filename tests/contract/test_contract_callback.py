"""Callback steps: the message, the wait for the reply, restarts, the end by a signal."""

import base64
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

TOPIC = "projects/acme/topics/rejected"
OPTIONS = [
    "callback",
    "--step=Notify",
    "--topic=" + TOPIC,
    "--execution={execution:str}",
    "--argument=report:{report:uri}",
    "--argument=threshold:{threshold:float}",
    "--answer=ticket_id:String:ticket_id",
    "--timeout=60",
]


class PubSub:
    """Topics and subscriptions of a project, as far as a callback uses them.

    Attributes:
        replies: what `pull` gives, one by one; None for nothing yet.
        sent: the messages that arrived at the topic.
        there: whether the subscription is there, and its labels.
    """

    def __init__(self) -> None:
        self.replies: list[dict[str, Any] | None] = []
        self.sent: list[Any] = []
        self.there: dict[str, Any] | None = None

    def answer(self, method: str, path: str, body: Any) -> Answer:
        """Answer a request."""
        if path == f"/v1/{TOPIC}:publish":
            [message] = body["messages"]
            self.sent.append((json.loads(base64.b64decode(message["data"])), message["attributes"]))
            return 200, {"messageIds": ["1"]}
        if method == "PUT":
            if self.there is not None:
                return 409, {"error": "ALREADY_EXISTS"}
            self.there = dict(body)
        elif method == "PATCH":
            assert self.there is not None and body["updateMask"] == "labels"
            self.there |= body["subscription"]
        elif method == "DELETE":
            self.there = None
        elif path.endswith(":pull"):
            reply = self.replies.pop(0) if self.replies else None
            return 200, {"receivedMessages": [{"ackId": "a", "message": reply}]} if reply else {}
        return 200, self.there or {}


def reply(status: str, **body: Any) -> dict[str, Any]:
    """A message on the topic of replies."""
    return {"data": base64.b64encode(json.dumps(body).encode()).decode(), "attributes": {"status": status}}


DONE = reply("Success", OutputParameters=[{"Name": "ticket_id", "Value": "T-17"}])


@pytest.fixture
def pubsub() -> PubSub:
    """Pub/Sub without subscriptions."""
    return PubSub()


@pytest.fixture
def server(task: Sandbox, pubsub: PubSub) -> Iterator[CallsServer]:
    """Pub/Sub on the loopback interface, known to a task with all its inputs."""
    task.parameters = {"execution": "projects/1/pipelineJobs/churn-1", "threshold": 0.8}
    task.inputs = {"report": "gs://acme/report"}
    task.output_parameters = ["ticket_id"]
    with serving(pubsub.answer) as server:
        task.environment |= {
            "SMX2VERTEX_PUBSUB_URL": f"http://{server.address}/v1",
            "GCE_METADATA_HOST": server.address,
        }
        yield server


def test_the_message_is_sagemakers_and_the_reply_becomes_output_parameters(
    task: Sandbox, server: CallsServer, pubsub: PubSub
) -> None:
    pubsub.replies = [None, DONE]
    task.succeed(*OPTIONS)
    [(message, attributes)] = pubsub.sent
    token = message["token"]
    assert message == {
        "token": token,
        "pipelineExecutionArn": "projects/1/pipelineJobs/churn-1",
        "arguments": {"report": "gs://acme/report", "threshold": 0.8},
        "status": "Executing",
    }
    assert attributes == {"token": token, "status": "Executing"}
    assert (len(token), token.isalnum()) == (10, True)
    subscription = f"/v1/projects/acme/subscriptions/rejected-{token}"
    wanted = {"topic": TOPIC + "-replies", "filter": f'attributes.token = "{token}"'}
    assert server.requests[0] == ("PUT", subscription, wanted), "the subscription is there before the message"
    assert [(method, path) for method, path, _ in server.requests[2:]] == [
        ("PATCH", subscription),
        ("POST", subscription + ":pull"),
        ("POST", subscription + ":pull"),
        ("POST", subscription + ":acknowledge"),
        ("DELETE", subscription),
    ]
    assert task.published("ticket_id") == "T-17"
    before = len(server.requests)
    task.succeed(*OPTIONS)
    assert len(server.requests) == before, "a machine that restarts after the reply asks nobody"


def test_a_machine_that_restarts_goes_on_waiting_and_sends_no_second_message(
    task: Sandbox, server: CallsServer, pubsub: PubSub
) -> None:
    pubsub.there = {"labels": {"message": "sent"}}
    pubsub.replies = [DONE]
    task.succeed(*OPTIONS)
    assert (pubsub.sent, task.published("ticket_id")) == ([], "T-17")


def test_replies_that_say_no_or_cannot_be_used_fail(task: Sandbox, server: CallsServer, pubsub: PubSub) -> None:
    cases = {
        "the callback failed: budget exceeded": reply("Failure", FailureReason="budget exceeded"),
        "the callback failed: no reason was given": reply("Failure"),
        "status is 'Done', neither Success nor Failure": reply("Done"),
        "the answer holds no ticket_id; it holds nothing": reply("Success"),
        "the reply cannot be read": {"data": "e30x", "attributes": {"status": "Success"}},
    }
    for message, given in cases.items():
        pubsub.replies = [given]
        assert message in task.refuse(*OPTIONS)
        assert pubsub.there is None, "the subscription is not left behind"


def test_no_reply_in_time_fails(task: Sandbox, server: CallsServer, pubsub: PubSub) -> None:
    assert "no reply came within 0 s" in task.refuse(*OPTIONS[:-1], "--timeout=0")


def test_a_topic_that_nobody_wrote_down_fails_and_says_where_it_belongs(task: Sandbox, server: CallsServer) -> None:
    message = task.refuse("callback", "--step=Notify", "--topic=https://sqs/1/q", "--execution=x", "--timeout=1")
    assert "'https://sqs/1/q' is no topic of Pub/Sub: write projects/PROJECT/topics/NAME into config.yaml" in message


def test_a_task_that_is_stopped_tells_the_worker(task: Sandbox, server: CallsServer, pubsub: PubSub) -> None:
    process = subprocess.Popen(task.command(*OPTIONS), env=task.environment_of_process(), cwd=task.root)
    while not any(path.endswith(":pull") for _, path, _ in server.requests):
        assert process.poll() is None
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGTERM)
    assert process.wait(20) == 128 + signal.SIGTERM
    assert [message["status"] for message, _ in pubsub.sent] == ["Executing", "Stopping"]
    assert pubsub.there is None


def test_a_local_run_takes_the_answers_it_was_given(task: Sandbox, server: CallsServer) -> None:
    task.local_run({})
    assert "give the answer (ticket_id) with --answer 'Notify=FILE.json'" in task.refuse(*OPTIONS)
    task.local_run({}, answers={"Notify": {"ticket_id": "T-1"}})
    done = task.succeed(*OPTIONS)
    assert "local run: no message was sent" in done.stdout
    assert (task.published("ticket_id"), server.requests) == ("T-1", [])
    [request] = json.loads((task.root / "requests/Notify.json").read_text())
    assert request["url"].endswith(f"/v1/{TOPIC}:publish")
