"""Starts the pipeline when an object arrives in a bucket: a Cloud Run function that Eventarc calls.

`python deploy_triggers.py` puts settings.json beside it: which objects count, and the run that each of them starts.
"""

import base64
import hashlib
import json
import os
import re
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

SETTINGS: dict[str, Any] = json.loads(
    (Path(__file__).resolve().parent / "settings.json").read_text(encoding="utf-8")
)


def main(request: Any) -> tuple[str, int]:
    """Take one event of Cloud Storage; an error makes Eventarc deliver it again."""
    event_type, data = request.headers["ce-type"], request.get_json()
    bucket, key = data["bucket"], data["name"]
    if not counts(event_type, bucket, key):
        return told("INFO", "ignored: no object that starts the pipeline", bucket, key)
    if "{{" in key:
        return told("ERROR", "refused: Vertex AI could read the name as a placeholder", bucket, key)
    # An event may come twice. The generation tells one upload from the next, so both lead to one identifier.
    event = "\0".join((event_type, bucket, key, str(data["generation"])))
    job_id = f"{SETTINGS['job_prefix']}-{hashlib.sha256(event.encode()).hexdigest()[:20]}"
    started = start(job_id, bucket, key)
    tell(job_id, bucket, key)
    return told("INFO", f"started {job_id}" if started else f"{job_id} was started before", bucket, key)


def counts(event_type: str, bucket: str, key: str) -> bool:
    """Whether an object starts the pipeline."""
    if event_type not in SETTINGS["events"] or bucket != SETTINGS["bucket"]:
        return False
    return any(
        key.startswith(wanted.get("prefix", ""))
        and key.endswith(wanted.get("suffix", ""))
        and key == wanted.get("equals", key)
        for wanted in SETTINGS["objects"] or [{}]
    )


def start(job_id: str, bucket: str, key: str) -> bool:
    """Start a run, with the object in its parameters; False if it was started before."""
    job = json.loads(json.dumps(SETTINGS["job"]))
    values = job["runtimeConfig"]["parameterValues"]
    for name, value in values.items():
        if isinstance(value, str):
            values[name] = filled(value, bucket, key)
    try:
        post(f"{SETTINGS['jobs_url']}?pipelineJobId={job_id}", job)
    except urllib.error.HTTPError as error:
        if error.code == 409:  # there is a run of that identifier
            return False
        raise RuntimeError(
            f"Vertex AI answered {error.code}: {error.read().decode('utf-8', 'replace')}"
        ) from error
    return True


def filled(text: str, bucket: str, key: str) -> str:
    """The value of a parameter: `{bucket}`, `{key}` and `{folder}` stand for the object."""
    known = {"bucket": bucket, "key": key, "folder": key.rpartition("/")[0]}
    return re.sub(r"\{(bucket|key|folder)\}", lambda match: known[match[1]], text)


def tell(job_id: str, bucket: str, key: str) -> None:
    """Tell the topics that a run was started."""
    message = json.dumps(
        {"pipeline": SETTINGS["name"], "run": job_id, "object": f"gs://{bucket}/{key}"}, sort_keys=True
    )
    for url in SETTINGS["topic_urls"]:
        post(url, {"messages": [{"data": base64.b64encode(message.encode()).decode()}]})


def told(severity: str, message: str, bucket: str, key: str) -> tuple[str, int]:
    """Log what became of an event; returns the answer."""
    print(json.dumps({"severity": severity, "message": message, "object": f"gs://{bucket}/{key}"}), flush=True)
    return message, 200


def post(url: str, body: dict[str, Any]) -> None:
    """Send a request as the function's service account."""
    headers = {"Authorization": f"Bearer {token()}", "Content-Type": "application/json"}
    with urllib.request.urlopen(urllib.request.Request(url, json.dumps(body).encode(), headers), timeout=60):
        pass


def token() -> str:
    """A token of the service account, from the metadata server."""
    host = os.environ.get("GCE_METADATA_HOST", "metadata.google.internal")
    url = f"http://{host}/computeMetadata/v1/instance/service-accounts/default/token"
    with urllib.request.urlopen(
        urllib.request.Request(url, headers={"Metadata-Flavor": "Google"}), timeout=60
    ) as answer:
        return str(json.load(answer)["access_token"])
