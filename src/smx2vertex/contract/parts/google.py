"""Google's REST interfaces."""

import contextlib
import http.client
import json
import os
import re
import signal
import time
import urllib.error
import urllib.parse
import urllib.request
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple, cast

from .command_line import ContractError
from .files import local_run, write_json

METADATA_SERVER = "http://{}/computeMetadata/v1/instance/service-accounts/default/"
LONGEST_PAUSE = 30  # seconds between two looks at a job; most take minutes or hours

Request = Tuple[str, str, Optional[Dict[str, Any]]]


class ServiceError(ContractError):
    """An answer that says no.

    Attributes:
        status: the HTTP status, such as 404 for what does not exist or 409 for what exists already.
    """

    def __init__(self, status: int, text: str) -> None:
        """The text says which request, and what the answer was."""
        ContractError.__init__(self, text)
        self.status = status


class Service:
    """A REST interface of Google Cloud.

    Attributes:
        url: its address, with the version.
        audience: whom identity tokens are for; "" where the service takes access tokens, as Google's own do.
        timeout: seconds that an answer may take.
    """

    def __init__(self, name: str, url: str = "", audience: str = "", timeout: int = 120) -> None:
        """SMX2VERTEX_<NAME>_URL replaces the address in tests and behind proxies."""
        usual = url or "https://{}.googleapis.com/v1".format(name)
        self.url = os.environ.get("SMX2VERTEX_{}_URL".format(name.upper()), usual).rstrip("/")
        self.audience = audience
        self.timeout = timeout

    def address(self, path: str) -> str:
        """The whole address of a path."""
        return self.url + "/" + path if path else self.url

    def call(self, method: str, path: str, body: Optional[Dict[str, Any]] = None) -> Dict[str, Any]:
        """Send a request and return its JSON answer; busy answers, and broken reads, are tried again."""
        if local_run():
            raise ContractError("a local run calls no service: {} {}".format(method, self.address(path)))
        data = json.dumps(body).encode("utf-8") if body is not None else None
        pauses = [1, 2, 4, 8]
        while True:
            try:
                return self._answer(method, path, data)
            except ServiceError as error:
                again = (429, 503) if method != "GET" else (429, 500, 502, 503, 504)
                if error.status not in again or not pauses:
                    raise
            except (OSError, http.client.HTTPException) as error:
                if method != "GET" or not pauses:
                    raise ContractError("{} {}: {}".format(method, path, error)) from error
            time.sleep(pauses.pop(0))

    def _answer(self, method: str, path: str, data: Optional[bytes]) -> Dict[str, Any]:
        token = identity_token(self.audience) if self.audience else access_token()
        headers = {"Authorization": "Bearer " + token, "Content-Type": "application/json"}
        request = urllib.request.Request(self.address(path), data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=self.timeout) as answer:
                return cast(Dict[str, Any], json.loads(answer.read().decode("utf-8") or "{}"))
        except urllib.error.HTTPError as error:
            text = error.read().decode("utf-8", "replace")
            message = "{} {}: {} {}".format(method, path, error.code, text)
            raise ServiceError(error.code, message) from error

    def found(self, path: str) -> Optional[Dict[str, Any]]:
        """What a GET returns, None if there is nothing of that name."""
        try:
            return self.call("GET", path)
        except ServiceError as error:
            if error.status != 404:
                raise
            return None

    def finish(self, operation: Dict[str, Any], what: str) -> Dict[str, Any]:
        """Wait for a long-running operation and return its response; `what` names it if it fails."""
        done = self.done(operation)
        if "error" in done:
            raise ContractError("{} failed: {}".format(what, done["error"].get("message")))
        return cast(Dict[str, Any], done.get("response") or {})

    def done(self, operation: Dict[str, Any]) -> Dict[str, Any]:
        """Wait for a long-running operation, however it ends."""

        def look() -> Optional[Dict[str, Any]]:
            current = self.call("GET", operation["name"])
            return current if current.get("done") else None

        return operation if operation.get("done") else poll(look)

    @contextlib.contextmanager
    def cancelling(self, *jobs: str) -> Iterator[None]:
        """Around the wait for remote jobs: whoever cancels this task cancels them."""

        def cancel(number: int, frame: Any) -> None:
            for job in jobs:
                print("cancelled: cancelling " + job, flush=True)
                self.call("POST", job + ":cancel", {})
            raise SystemExit(128 + number)

        before = signal.signal(signal.SIGTERM, cancel)
        try:
            yield
        finally:
            signal.signal(signal.SIGTERM, before)

    def record(self, step: str, requests: List[Request], outcome: str) -> None:
        """Write down the requests of a local run instead of sending them; `outcome` says what was not done."""
        entries = [{"method": method, "url": self.address(path), "body": body} for method, path, body in requests]
        file = os.path.join(local_run()["requests"], re.sub(r"\W", "_", step) + ".json")
        write_json(file, entries)
        print("local run: {}; the requests are in {}".format(outcome, file), flush=True)


def vertex_ai(location: str) -> Service:
    """Vertex AI in a region."""
    return Service("aiplatform", "https://{}-aiplatform.googleapis.com/v1".format(location))


def query(path: str, **parameters: str) -> str:
    """A path with a query."""
    return path + "?" + urllib.parse.urlencode(sorted(parameters.items()))


def display_name_filter(name: str) -> str:
    """A filter of Vertex AI's lists."""
    return "display_name=" + json.dumps(name, ensure_ascii=False)


def newest_first(collection: str, name: str) -> str:
    """The query for those of a display name, such as `projects/…/models` called `churn`."""
    return query(collection, filter=display_name_filter(name), orderBy="create_time desc")


def newest(service: Service, collection: str, name: str) -> Optional[Dict[str, Any]]:
    """The newest one of a display name, None if there is none."""
    found = service.call("GET", newest_first(collection, name)).get(collection.rpartition("/")[2]) or []
    return cast(Dict[str, Any], found[0]) if found else None


def label_text(text: str) -> str:
    """Text as a label takes it: lower case letters, digits, - and _, at most 63, a letter first in names and values."""
    return re.sub(r"\A[^a-z]+(?=.*[a-z])", "", re.sub(r"[^a-z0-9_-]", "-", text.lower()))[:63]


def poll(look: Callable[[], Optional[Dict[str, Any]]]) -> Dict[str, Any]:
    """Look again and again, with growing pauses, until there is something; that is returned."""
    pause = 0.5
    while True:
        seen = look()
        if seen is not None:
            return seen
        time.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE)


def access_token() -> str:
    """The token of the task's service account, from the metadata server."""
    return str(json.loads(_metadata_server("token"))["access_token"])


def identity_token(audience: str) -> str:
    """A token by which the task's service account shows who it is to an audience, such as a Cloud Run function."""
    return _metadata_server(query("identity", audience=audience)).strip()


def _metadata_server(path: str) -> str:
    server = os.environ.get("GCE_METADATA_HOST", "metadata.google.internal")
    request = urllib.request.Request(METADATA_SERVER.format(server) + path, headers={"Metadata-Flavor": "Google"})
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=30) as answer:
        return str(answer.read().decode("utf-8"))
