"""Callback steps: a message to whoever does the work, and the wait for the reply."""

import base64
import contextlib
import hashlib
import json
import re
import signal
import time
from typing import Any, Dict, Iterator, Optional

from .answers import ASKING_OPTIONS, answer_locally, answered_before, arguments_of, publish_answers
from .command_line import ContractError
from .files import local_run
from .google import Service, ServiceError, poll
from .task import Task, verb

TOPIC = re.compile(r"(projects/[^/]+)/topics/([^/]+)\Z")


@verb("callback", ASKING_OPTIONS, {"topic": "TEMPLATE", "execution": "TEMPLATE", "timeout": "SECONDS"})
def callback(task: Task) -> int:
    """Publish the message that SageMaker sends to a queue, wait for the reply, and publish its values.

    A subscription of this task's own takes the replies with its token. It is made before the message is sent, so that
    no reply can be missed, and its label says that the message was sent: a machine that restarts sends no other.
    """
    topic, token = task.text("topic"), callback_token(task)
    message = {
        "token": token,
        "pipelineExecutionArn": task.text("execution"),
        "arguments": arguments_of(task),
        "status": "Executing",
    }
    service = Service("pubsub")
    if local_run():
        requests = [("POST", topic + ":publish", pubsub_message(message))]
        service.record(task.step, list(requests), "no message was sent")
        return answer_locally(task)
    place = TOPIC.match(topic)
    if not place:
        advice = "{!r} is no topic of Pub/Sub: write projects/PROJECT/topics/NAME into config.yaml"
        raise ContractError(advice.format(topic))
    if answered_before(task):
        return 0
    subscription = "{}/subscriptions/{}-{}".format(place.group(1), place.group(2)[:200], token)
    with _worker_told_of_the_end(service, topic, message):
        if not _message_was_sent(service, subscription, topic, token):
            service.call("POST", topic + ":publish", pubsub_message(message))
            sent = {"subscription": {"labels": {"message": "sent"}}, "updateMask": "labels"}
            service.call("PATCH", subscription, sent)
        print("waiting for a reply on {}-replies with token {}".format(topic, token), flush=True)
        try:
            _take_reply(task, service, subscription)
        finally:
            service.call("DELETE", subscription)
    return 0


def callback_token(task: Task) -> str:
    """The token of this task: 10 letters and digits, as SageMaker's are; the same after a restart."""
    return hashlib.sha256((task.job + task.text("execution")).encode()).hexdigest()[:10]


def pubsub_message(message: Dict[str, Any]) -> Dict[str, Any]:
    """The body of topics.publish for one message."""
    data = base64.b64encode(json.dumps(message).encode("utf-8")).decode("ascii")
    attributes = {"token": message["token"], "status": message["status"]}
    return {"messages": [{"data": data, "attributes": attributes}]}


@contextlib.contextmanager
def _worker_told_of_the_end(service: Service, topic: str, message: Dict[str, Any]) -> Iterator[None]:
    """Whoever stops this task has the worker told, as SageMaker does."""

    def stop(number: int, frame: Any) -> None:
        print("stopped: telling the worker", flush=True)
        service.call("POST", topic + ":publish", pubsub_message(dict(message, status="Stopping")))
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _message_was_sent(service: Service, subscription: str, topic: str, token: str) -> bool:
    """Make the subscription; one that is there already was made before the machine restarted."""
    wanted = {"topic": topic + "-replies", "filter": 'attributes.token = "{}"'.format(token)}
    try:
        service.call("PUT", subscription, wanted)
    except ServiceError as error:
        if error.status != 409:
            raise
        there = service.call("GET", subscription)
        return bool((there.get("labels") or {}).get("message") == "sent")
    return False


def _take_reply(task: Task, service: Service, subscription: str) -> None:
    """Wait for the reply and publish its values, or fail with its reason."""
    seconds = int(task.only("timeout"))
    deadline = time.monotonic() + seconds

    def look() -> Optional[Dict[str, Any]]:
        received = service.call("POST", subscription + ":pull", {"maxMessages": 1}).get("receivedMessages")
        if not received and time.monotonic() > deadline:
            raise ContractError("no reply came within {} s".format(seconds))
        return received[0] if received else None

    received = poll(look)
    reply = received["message"]
    status = (reply.get("attributes") or {}).get("status")
    try:
        body = json.loads(base64.b64decode(reply.get("data") or "").decode("utf-8") or "{}")
        values = {each["Name"]: each["Value"] for each in body.get("OutputParameters") or ()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ContractError("the reply cannot be read: {!r}".format(error)) from error
    if status == "Failure":
        raise ContractError("the callback failed: {}".format(body.get("FailureReason") or "no reason was given"))
    if status != "Success":
        raise ContractError("the reply's attribute status is {!r}, neither Success nor Failure".format(status))
    publish_answers(task, values)
    service.call("POST", subscription + ":acknowledge", {"ackIds": [received["ackId"]]})
