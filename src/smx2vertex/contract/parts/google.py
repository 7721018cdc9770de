"""Google's REST interfaces."""

import json
import os
import time
import urllib.error
import urllib.request
from typing import Any, Dict, List, Optional, Tuple, cast

from .command_line import ContractError
from .files import write_json

METADATA_TOKEN = "http://{}/computeMetadata/v1/instance/service-accounts/default/token"


class ModelService:
    """The REST interface of Vertex AI, as far as a model upload needs it."""

    def __init__(self, location: str) -> None:
        """SMX2VERTEX_AIPLATFORM_URL replaces the address of the service in tests and behind proxies."""
        usual = "https://{}-aiplatform.googleapis.com/v1".format(location)
        self.url = os.environ.get("SMX2VERTEX_AIPLATFORM_URL", usual).rstrip("/")

    def record(self, path: str, requests: List[Tuple[str, str, Optional[Dict[str, Any]]]]) -> None:
        """Write down the requests of a local run instead of sending them."""
        entries = [
            {"method": method, "url": self.url + "/" + address, "body": body} for method, address, body in requests
        ]
        write_json(path, entries)
        print("local run: no model was uploaded; the requests are in " + path, flush=True)

    def call(self, method: str, address: str, body: Optional[Dict[str, Any]] = None) -> Dict[str, Any]:
        """Send a request and return its JSON answer; busy answers are tried again."""
        data = json.dumps(body).encode("utf-8") if body is not None else None
        pauses = [1, 2, 4, 8]
        while True:
            headers = {"Authorization": "Bearer " + _access_token(), "Content-Type": "application/json"}
            request = urllib.request.Request(self.url + "/" + address, data, headers, method=method)
            try:
                with urllib.request.urlopen(request, timeout=120) as answer:
                    return cast(Dict[str, Any], json.loads(answer.read().decode("utf-8") or "{}"))
            except urllib.error.HTTPError as error:
                text = error.read().decode("utf-8", "replace")
                if error.code not in (429, 503) or not pauses:
                    raise ContractError("{} {}: {} {}".format(method, address, error.code, text)) from error
            time.sleep(pauses.pop(0))

    def finish(self, operation: Dict[str, Any]) -> Dict[str, Any]:
        """Wait for a long-running operation and return its response."""
        pause = 0.5
        while not operation.get("done"):
            time.sleep(pause)
            pause = min(pause * 2, 15)
            operation = self.call("GET", operation["name"])
        if "error" in operation:
            raise ContractError("the upload failed: {}".format(operation["error"].get("message")))
        return cast(Dict[str, Any], operation["response"])


def _access_token() -> str:
    """The token of the task's service account, from the metadata server."""
    url = METADATA_TOKEN.format(os.environ.get("GCE_METADATA_HOST", "metadata.google.internal"))
    request = urllib.request.Request(url, headers={"Metadata-Flavor": "Google"})
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=30) as answer:
        return str(json.loads(answer.read().decode("utf-8"))["access_token"])
