"""Faults of inputs, parameters and addresses."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import combinations
from typing import Any

from .commands import RESOURCES, is_free_parent
from .operator import error, warning
from .view import CODE, DROPPED, Edits, Task, View, at, other_value, text_of

# Inputs of a custom job that say where and how it runs; those of resources have operators of their own.
PLATFORM = frozenset(
    {
        "base_output_directory",
        "display_name",
        "enable_web_access",
        "encryption_spec_key_name",
        "labels",
        "location",
        "max_wait_duration",
        "network",
        "persistent_resource_id",
        "project",
        "psc_interface_config",
        "reserved_ip_ranges",
        "restart_job_on_worker_restart",
        "service_account",
        "strategy",
        "tensorboard",
        "timeout",
        "worker_pool_specs",
    }
)
# What another registry calls them is its own affair, but not which of them is meant.
APPROVALS = {"Approved": "Rejected", "Rejected": "PendingManualApproval", "PendingManualApproval": "Approved"}
# A type of machine of Compute Engine.
MACHINE = re.compile(r"[a-z]+[0-9]+[a-z]*-[a-z]+-[0-9]+\w*")
OTHER_TYPE = {"STRING": "NUMBER_INTEGER", "NUMBER_INTEGER": "STRING", "NUMBER_DOUBLE": "STRING", "BOOLEAN": "STRING"}


def _live(view: View, task: Task, kind: str) -> dict[str, dict[str, Any]]:
    """The selectors that somebody reads: an input that no command line names changes nothing."""
    selectors: dict[str, dict[str, Any]] = task.raw.get("inputs", {}).get(kind, {})
    apart = PLATFORM | _machines(task)
    return {name: each for name, each in selectors.items() if name not in apart and view.is_read(task, name)}


def _machines(task: Task) -> set[str]:
    """The inputs that say what trials, or copies of a model, run on."""
    options = task.line.options(*RESOURCES, "machine")
    return {name for _, _, value in options for name in re.findall(r"\{(\w+):", value)}


def _swaps(view: View, kind: str) -> Iterator[Edits]:
    for task in view.tasks:
        selectors = _live(view, task, kind)
        for first, second in combinations(selectors, 2):
            if view.origin(task.dag, selectors[first]) != view.origin(task.dag, selectors[second]):
                one, other = task.input(kind, first), task.input(kind, second)
                yield [(one, selectors[second]), (other, selectors[first])]


@error
def artifacts_swapped(view: View) -> Iterator[Edits]:
    """Two artifacts that a task takes trade places.

    Left out: artifacts of the same origin; inputs that no command line names, or only as the machine of trials.
    """
    yield from _swaps(view, "artifacts")


@error
def parameters_swapped(view: View) -> Iterator[Edits]:
    """Two values that a task takes trade places.

    Left out: values of the same origin, or of the same text; inputs that no command line names, or only as the
    machine of trials.
    """
    yield from _swaps(view, "parameters")


@error
def artifact_of_another_output(view: View) -> Iterator[Edits]:
    """A task takes another output of the same task."""
    for task in view.tasks:
        for name, selector in _live(view, task, "artifacts").items():
            made = selector.get("taskOutputArtifact", {})
            producer = view.siblings(task).get(made.get("producerTask", ""))
            if producer is None or producer.kind != "container":
                continue
            outputs = at(view.components, (producer.component, "outputDefinitions", "artifacts")) or {}
            for other in outputs:
                if other != made["outputArtifactKey"]:
                    new = {"taskOutputArtifact": {**made, "outputArtifactKey": other}}
                    yield [(task.input("artifacts", name), new)]


@error
def artifact_of_another_task(view: View) -> Iterator[Edits]:
    """A task takes an artifact of another task of its group; the dependency is there, too.

    Left out: importers of the same address.
    """
    for task in view.tasks:
        for name, selector in _live(view, task, "artifacts").items():
            for other in view.siblings(task).values():
                outputs = at(view.components, (other.component, "outputDefinitions", "artifacts")) or {}
                after = {task.name, *selector.get("taskOutputArtifact", {}).values()}
                if other.name in after or task.name in view.before(task.dag, other.name) or not outputs:
                    continue
                new = {"taskOutputArtifact": {"producerTask": other.name, "outputArtifactKey": next(iter(outputs))}}
                if view.origin(task.dag, new) != view.origin(task.dag, selector):
                    waits = [*task.raw.get("dependentTasks", []), other.name]
                    yield [(task.input("artifacts", name), new), ((*task.path, "dependentTasks"), waits)]


@error
def artifact_lost(view: View) -> Iterator[Edits]:
    """A task is no longer given an artifact.

    Left out: inputs that no command line names, or only as the machine of trials.
    """
    for task in view.tasks:
        for name in _live(view, task, "artifacts"):
            yield [(task.input("artifacts", name), DROPPED)]


@error
def value_lost(view: View) -> Iterator[Edits]:
    """A task is no longer given a value.

    Left out: inputs that no command line names, or only as the machine of trials.
    """
    for task in view.tasks:
        for name in _live(view, task, "parameters"):
            yield [(task.input("parameters", name), DROPPED)]


@error
def constant_changed(view: View) -> Iterator[Edits]:
    """A fixed value that a task takes is another one.

    Left out: inputs that no command line names, or only as the machine of trials; the parent of a model whose
    definition names no group; queries, whose tables may have any name.
    """
    for task in view.tasks:
        for name, selector in _live(view, task, "parameters").items():
            if f"--sql={{{name}:str}}" in task.line.args:
                continue
            if "runtimeValue" in selector and not is_free_parent(view, task, f"{{{name}:str}}"):
                new = other_value(selector["runtimeValue"].get("constant"))
                yield [((*task.input("parameters", name), "runtimeValue", "constant"), new)]


@error
def value_of_another_parameter(view: View) -> Iterator[Edits]:
    """A task of no group takes another parameter of the pipeline of the same type.

    Left out: inputs that no command line names, or only as the machine of trials.
    """
    for task in view.tasks:
        for name, selector in _live(view, task, "parameters").items():
            wanted = selector.get("componentInputParameter")
            if wanted not in view.root_parameters or task.dag != ("root", "dag"):
                continue
            for other, declared in view.root_parameters.items():
                same_type = declared["parameterType"] == view.root_parameters[wanted]["parameterType"]
                if other != wanted and same_type:
                    yield [(task.input("parameters", name), {"componentInputParameter": other})]


@error
def parameter_frozen(view: View) -> Iterator[Edits]:
    """A task takes the default of a parameter, whatever value a run gives.

    Left out: parameters without a default; inputs that no command line names, or only as the machine of trials.
    """
    for task in view.tasks:
        for name, selector in _live(view, task, "parameters").items():
            declared = view.root_parameters.get(selector.get("componentInputParameter", ""))
            if (
                declared is not None
                and "defaultValue" in declared
                and not _is_machine(declared)
                and task.dag == ("root", "dag")
            ):
                yield [(task.input("parameters", name), {"runtimeValue": {"constant": declared["defaultValue"]}})]


# --- parameters of the pipeline ---

ROOT = ("root", "inputDefinitions", "parameters")


@error
def default_changed(view: View) -> Iterator[Edits]:
    """A parameter of the pipeline has another default: a word of approval another such word.

    Left out: types of machines, of which the next operator is.
    """
    for name, declared in view.root_parameters.items():
        if declared.get("defaultValue") is not None and not _is_machine(declared):
            value = declared["defaultValue"]
            yield [((*ROOT, name, "defaultValue"), APPROVALS.get(str(value), other_value(value)))]


@warning
def default_machine_changed(view: View) -> Iterator[Edits]:
    """A parameter for a type of machine has another default than the conversion chose."""
    for name, declared in view.root_parameters.items():
        if _is_machine(declared):
            yield [((*ROOT, name, "defaultValue"), f"{declared['defaultValue']}0")]


def _is_machine(declared: dict[str, Any]) -> bool:
    return MACHINE.fullmatch(str(declared.get("defaultValue"))) is not None


@error
def defaults_swapped(view: View) -> Iterator[Edits]:
    """Two parameters of the same type trade their defaults.

    Left out: equal defaults; two types of machines.
    """
    for (first, one), (second, other) in combinations(view.root_parameters.items(), 2):
        values = [declared.get("defaultValue") for declared in (one, other)]
        differ = None not in values and text_of(values[0]) != text_of(values[1])
        machines = _is_machine(one) and _is_machine(other)
        if differ and not machines and one["parameterType"] == other["parameterType"]:
            yield [((*ROOT, first, "defaultValue"), values[1]), ((*ROOT, second, "defaultValue"), values[0])]


@error
def default_lost(view: View) -> Iterator[Edits]:
    """A parameter with a default must be given."""
    for name, declared in view.root_parameters.items():
        if "defaultValue" in declared:
            yield [((*ROOT, name), {"parameterType": declared["parameterType"]})]


@error
def parameter_of_another_type(view: View) -> Iterator[Edits]:
    """A parameter of the pipeline is of another type."""
    for name, declared in view.root_parameters.items():
        if declared["parameterType"] in OTHER_TYPE:
            new = OTHER_TYPE[declared["parameterType"]]
            yield [((*ROOT, name), {"parameterType": new, "isOptional": declared.get("isOptional", False)})]


@error
def parameter_missing(view: View) -> Iterator[Edits]:
    """A parameter of the pipeline is not declared."""
    for name in view.root_parameters:
        yield [((*ROOT, name), DROPPED)]


@error
def required_parameter_added(view: View) -> Iterator[Edits]:
    """A run must give one value more."""
    yield [((*ROOT, "one_more"), {"parameterType": "STRING"})]


@warning
def optional_parameter_added(view: View) -> Iterator[Edits]:
    """A run may give one value more."""
    yield [((*ROOT, "one_more"), {"parameterType": "STRING", "isOptional": True, "defaultValue": "x"})]


@warning
def parameter_renamed(view: View) -> Iterator[Edits]:
    """A parameter has another name, everywhere.

    Left out: names that no function of Python can have.
    """
    for name, declared in view.root_parameters.items():
        edits: Edits = [((*ROOT, name), DROPPED), ((*ROOT, f"{name}_x"), declared)]
        for task in view.dags[("root", "dag")].values():
            for wanted, selector in task.parameters.items():
                if selector.get("componentInputParameter") == name:
                    edits.append(
                        (task.input("parameters", wanted), {**selector, "componentInputParameter": f"{name}_x"})
                    )
        yield edits


# --- addresses ---


def _addresses(view: View) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Where the fixed addresses of importers stand; code is no data."""
    for importer in view.importers:
        label = view.components[importer.component]["executorLabel"]
        for path in (
            ("deploymentSpec", "executors", label, "importer", "artifactUri", "constant"),
            (*importer.path, "inputs", "parameters", "uri", "runtimeValue", "constant"),
        ):
            uri = at(view.document, path)
            runtime = at(view.document, ("deploymentSpec", "executors", label, "importer", "artifactUri", "constant"))
            read = _is_read(view, importer) and (path[0] == "deploymentSpec" or runtime is None)
            if isinstance(uri, str) and not CODE.fullmatch(uri) and read:
                yield path, uri


def _is_read(view: View, importer: Task) -> bool:
    """Whether a step that the comparison speaks of reads what an importer brings."""
    return any(importer.name in task.producers for task in view.tasks if task.dag == importer.dag)


@error
def address_changed(view: View) -> Iterator[Edits]:
    """Data comes from another folder of the same bucket.

    Left out: the code of a step (its content is compared in a project); data that no compared step takes.
    """
    for path, uri in _addresses(view):
        if "/" in uri.removeprefix("gs://").rstrip("/"):
            bucket, slash, rest = uri.removeprefix("gs://").partition("/")
            yield [(path, f"gs://{bucket}{slash}x{rest}")]


@error
def bucket_changed(view: View) -> Iterator[Edits]:
    """Data comes from another bucket than the rest of what stood in it.

    Left out: buckets that no other data stands in, for any name may stand for a name.
    """
    places = list(_addresses(view))
    for path, uri in places:
        bucket, slash, rest = uri.removeprefix("gs://").partition("/")
        others = [each for where, each in places if where != path and each.startswith(f"gs://{bucket}/")]
        if uri.startswith("gs://") and any(each != uri for each in others):
            yield [(path, f"gs://{bucket}-x{slash}{rest}")]
