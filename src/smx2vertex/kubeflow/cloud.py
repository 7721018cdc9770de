"""A stand-in for the cloud services behind prebuilt components: it keeps the exact request and makes stub outputs."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

from .spec import Component
from .values import STUBS


def request(task: str, kind: str, arguments: list[str], executor_input: dict[str, Any]) -> dict[str, Any]:
    """The request that a prebuilt component would send.

    Args:
        task: id of the task.
        kind: kind of the task.
        arguments: the arguments of its container, all placeholders resolved.
        executor_input: what it receives.

    Raises:
        ValueError: the payload is no JSON, on which the real component fails too.
    """
    options = {flag[2:]: value for flag, value in pairwise(arguments) if flag.startswith("--")}
    body: Any = {name: value for name, value in options.items() if name not in _PLUMBING}
    if "payload" in options:
        try:
            body = json.loads(options["payload"], strict=False)
        except ValueError as error:
            raise ValueError(f"the request is no JSON ({error}): {options['payload'][:400]}") from None
    if kind == "model_upload":
        body = _model_upload(body, options.get("parent_model_name"), executor_input)
    return {
        "task": task,
        "kind": kind,
        "type": options.get("type"),
        "project": options.get("project"),
        "location": options.get("location"),
        "request": body,
        "inputs": executor_input["inputs"],
        "sent": False,
    }


_PLUMBING = frozenset({"type", "project", "location", "payload", "gcp_resources", "executor_input"})


def _model_upload(payload: Any, parent: str | None, executor_input: dict[str, Any]) -> dict[str, Any]:
    """The upload request as the launcher of ModelUploadOp composes it [GCPC 2.22.0 upload_model/remote_runner.py]."""
    model = dict(payload) if isinstance(payload, dict) else {}
    given = executor_input["inputs"]["artifacts"].get("unmanaged_container_model", {}).get("artifacts")
    if given:
        metadata = given[0].get("metadata", {})
        model["container_spec"] = _snake_case(metadata.get("containerSpec", {}))
        model["predict_schemata"] = _snake_case(metadata.get("predictSchemata", {}))
        model["artifact_uri"] = given[0].get("uri")
    upload = {"model": _without_empty(model)}
    return upload | {"parent_model": parent.rsplit("@", 1)[0]} if parent else upload


def _snake_case(value: Any) -> Any:
    if isinstance(value, dict):
        return {re.sub(r"(?<!^)(?=[A-Z])", "_", key).lower(): _snake_case(item) for key, item in value.items()}
    return [_snake_case(item) for item in value] if isinstance(value, list) else value


def _without_empty(value: Any) -> Any:
    if isinstance(value, dict):
        kept = {key: _without_empty(item) for key, item in value.items()}
        return {key: item for key, item in kept.items() if item not in (None, "", [], {})}
    return [_without_empty(item) for item in value] if isinstance(value, list) else value


def stub_parameters(component: Component, made: dict[str, Any]) -> dict[str, Any]:
    """Output parameters in place of those that the service would give."""
    stubs: dict[str, Any] = {}
    for name, parameter in component.output_parameters.items():
        stub = STUBS.get(parameter.type, f"local-{made['task']}-{name}")
        stubs[name] = json.dumps(_resources(made)) if name == "gcp_resources" else stub
    return stubs


def _resources(made: dict[str, Any]) -> dict[str, Any]:
    return {"resources": [{"resourceType": made["type"], "resourceUri": f"local://{made['task']}"}]}


def stub_artifact(artifact: dict[str, Any], made: dict[str, Any]) -> dict[str, Any]:
    """An output artifact in place of the one that the service would give."""
    title = artifact["type"]["schemaTitle"]
    if not title.startswith("google.Vertex"):
        Path(artifact["uri"]).mkdir(parents=True, exist_ok=True)
        return artifact
    location = made["location"] or "local"
    collection = title.removeprefix("google.Vertex").lower() + "s"
    name = f"projects/{made['project'] or 'local'}/locations/{location}/{collection}/local-{made['task']}"
    uri = f"https://{location}-aiplatform.googleapis.com/v1/{name}"
    return artifact | {"uri": uri, "metadata": {"resourceName": name}}
