"""Checks against a baseline: what QualityCheck and ClarifyCheck steps have in common."""

import json
import os
import sys
from typing import Any, Callable, Dict, List

from .command_line import ContractError
from .files import copy_files, empty, files_below, local_run, mounted, readable, writable, write_json
from .google import display_name_filter, query, vertex_ai
from .task import Task

CHECK_OPTIONS = {
    "environment": "NAME:TEMPLATE",
    "kind": "NAME",
    "input": "ARTIFACT[:FILE]",
    "data": "TEMPLATE",
    "skip-check": "TEMPLATE",
    "fail-on-violation": "TEMPLATE",
    "register-new-baseline": "TEMPLATE",
    "baseline": "FILE:TEMPLATE",
    "group": "TEMPLATE",
    "project": "TEMPLATE",
    "location": "TEMPLATE",
    "output": "ARTIFACT[:TEMPLATE]",
    "baseline-used": "ARTIFACT",
}

Documents = Dict[str, Any]  # by file name


def run_check(
    task: Task,
    new: Documents,
    registered: Dict[str, str],
    violations: Callable[[Documents], List[Dict[str, str]]],
    report: Dict[str, Any],
) -> int:
    """Compare what was calculated with the baseline, and publish all of it.

    `new` is the baseline that this data would make, `registered` says where the model package group keeps the files of
    its own, `report` is the head of constraint_violations.json.
    """
    skip, register = is_true(task, "skip-check"), is_true(task, "register-new-baseline")
    previous = {} if skip and register else previous_baseline(task, new, registered)
    found = [] if skip else violations(previous)
    folder = task.output_path(task.only("output"))
    publish_documents(
        folder, new if skip else dict(new, **{"constraint_violations.json": dict(report, violations=found)})
    )
    for artifact in [fields[0] for fields in task.options["baseline-used"]]:
        publish_documents(task.output_path(artifact), new if register else previous)
    for _, template in task.options["output"]:
        if template:
            copy_files(folder, writable(task.render(template)))
    for violation in found:
        name = violation.get("feature_name") or violation.get("metric_name")
        print("{}: {}: {}".format(violation["constraint_check_type"], name, violation["description"]), file=sys.stderr)
    if found and is_true(task, "fail-on-violation"):
        raise ContractError("{} violations of the baseline, see constraint_violations.json".format(len(found)))
    return 0


def is_true(task: Task, option: str) -> bool:
    text = task.text(option, "false").lower()
    if text not in ("true", "false"):
        raise ContractError("--{} is {!r}, which is neither true nor false".format(option, text))
    return text == "true"


def publish_documents(folder: str, documents: Documents) -> None:
    empty(folder)
    for name, document in documents.items():
        write_json(os.path.join(folder, name), document)


def previous_baseline(task: Task, new: Documents, registered: Dict[str, str]) -> Documents:
    """The baseline to compare with: the files that were supplied, or those of the group's newest approved version."""
    supplied = {name: task.render(template) for name, template in task.options["baseline"]}
    found = {name: read_document(readable(uri)) for name, uri in supplied.items() if uri}
    missing = sorted(set(new) - set(found))
    if missing and not task.text("group"):
        message = "there is no baseline to compare with: supply {}, or name a model package group"
        raise ContractError(message.format(" and ".join(missing)))
    if missing:
        found.update(registered_baseline(task, {name: registered[name] for name in missing}))
    return found


def read_document(path: str) -> Any:
    """A JSON document; of a folder the only file."""
    if os.path.isdir(path):
        files = [file for name, file in files_below(path) if name.endswith(".json")]
        path = files[0] if len(files) == 1 else path
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except (OSError, ValueError) as error:
        raise ContractError("cannot read {}: {}".format(path, error)) from error


def registered_baseline(task: Task, wanted: Dict[str, str]) -> Documents:
    """The baselines that were registered with the newest approved version of the group."""
    group = task.text("group")
    if local_run():
        answer = (local_run().get("answers") or {}).get(task.step) or {}
        if set(wanted) - set(answer):
            advice = "a local run asks no registry for the baseline of {}: give it with --answer '{}=FILE.json' ({})"
            raise ContractError(advice.format(group, task.step, ", ".join(sorted(wanted))))
        return {name: answer[name] for name in wanted}
    service = vertex_ai(task.text("location"))
    models = "projects/{}/locations/{}/models".format(task.text("project"), task.text("location"))
    listed = service.call("GET", query(models, filter=display_name_filter(group), orderBy="create_time desc"))
    found = listed.get("models")
    version = service.found(found[0]["name"] + "@approved") if found else None
    if version is None:
        raise ContractError("there is no baseline to compare with: {} has no approved version".format(group))
    metrics = os.path.join(mounted(version["artifactUri"].rstrip("/")), "model-package", "metrics")
    return {name: read_document(os.path.join(metrics, kind)) for name, kind in wanted.items()}
