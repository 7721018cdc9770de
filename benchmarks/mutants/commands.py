"""Faults of command lines: arguments, hyperparameters, environment, places, JSON paths, requests."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator

from .operator import error, warning
from .view import DROPPED, Command, Edits, Task, View, at

# Where a task runs in Google Cloud: the definition knows nothing of it.
PLATFORM = frozenset({"project", "location", "service-account", "network", "subnetwork", "encryption-key"})
# What a trial or a variant runs on.
RESOURCES = frozenset({"image", "serving-image", "machine-type", "accelerator", "disk", "replicas", "timeout", "spot"})
OWN = frozenset({"step", "expression", "operand", "environment", "hyperparameter", "metric-definition", "property"})
PLACES = {"input", "data", "channel", "channel-data", "code", "channel-code", "shard"}
# Names and versions of Google Cloud that stand for nothing of the definition, or for a name that can be any.
FREE = frozenset(
    {
        ("tuning", "target"),
        ("spark-batch", "runtime"),
        ("endpoint-config", "machine"),
        ("query", "destination"),
        ("call-function", "url"),
        ("callback", "topic"),
    }
)
# Options of several verbs: those of processing and training jobs have operators of their own.
PARTLY = frozenset({"model", "property", "data"})
FORMATS = (":int}", ":float}")


def _commands(view: View) -> Iterator[Command]:
    yield from (task.command for task in view.tasks if task.command is not None)


def _options(view: View, *names: str) -> Iterator[tuple[Command, int, str, str]]:
    for command in _commands(view):
        for index, name, value in command.options(*names):
            yield command, index, name, value


def _altered(view: View, *names: str) -> Iterator[Edits]:
    """One letter more at the end of an option."""
    for command, index, name, value in _options(view, *names):
        yield command.at(index, f"--{name}={value}x")


def _dropped(view: View, *names: str) -> Iterator[Edits]:
    for command, index, _, _ in _options(view, *names):
        yield command.at(index, DROPPED)


def _renamed(view: View, *names: str) -> Iterator[Edits]:
    for command, index, name, value in _options(view, *names):
        first, colon, rest = value.partition(":")
        yield command.at(index, f"--{name}={first}x{colon}{rest}")


def _added(view: View, option: str, verbs: tuple[str, ...]) -> Iterator[Edits]:
    for command in _commands(view):
        if command.verb in verbs:
            yield command.with_args([*command.args[:3], option, *command.args[3:]])


# --- program and arguments ---


@error
def argument_dropped(view: View) -> Iterator[Edits]:
    """An argument of the user's program is not there."""
    for command in _commands(view):
        for index in command.words:
            yield command.at(index, DROPPED)


@error
def argument_changed(view: View) -> Iterator[Edits]:
    """An argument of the user's program is another one."""
    for command in _commands(view):
        for index in command.words:
            yield command.at(index, f"{command.args[index]}x")


@error
def arguments_in_another_order(view: View) -> Iterator[Edits]:
    """Two neighbours among the arguments change places.

    Left out: equal neighbours.
    """
    for command in _commands(view):
        for index in list(command.words)[:-1]:
            first, second = command.args[index : index + 2]
            if first != second:
                yield [*command.at(index, second), *command.at(index + 1, first)]


@error
def argument_added(view: View) -> Iterator[Edits]:
    """The user's program gets one argument more."""
    for command in _commands(view):
        if command.words:
            yield command.with_args([*command.args, "--more"])


@error
def program_changed(view: View) -> Iterator[Edits]:
    """Another script or algorithm runs."""
    yield from _altered(view, "program", "algorithm")


# --- hyperparameters and environment ---


@error
def hyperparameter_dropped(view: View) -> Iterator[Edits]:
    """A hyperparameter, or a parameter of a notebook, is not there."""
    yield from _dropped(view, "hyperparameter", "parameter")


@error
def hyperparameter_renamed(view: View) -> Iterator[Edits]:
    """A hyperparameter, or a parameter of a notebook, has another name."""
    yield from _renamed(view, "hyperparameter", "parameter")


@error
def hyperparameter_changed(view: View) -> Iterator[Edits]:
    """A hyperparameter, or a parameter of a notebook, has another value."""
    yield from _altered(view, "hyperparameter", "parameter")


@error
def hyperparameter_added(view: View) -> Iterator[Edits]:
    """A training job gets one hyperparameter more."""
    yield from _added(view, "--hyperparameter=more:1", ("training",))


@error
def number_of_another_type(view: View) -> Iterator[Edits]:
    """A value with a fraction is written as a whole number, a whole number with a fraction.

    Left out: the parent of a model whose definition names no group.
    """
    for task in view.tasks:
        for index, name, value in task.line.options():
            for old, new in (FORMATS, FORMATS[::-1]):
                if value.endswith(old) and not (name == "parent" and is_free_parent(view, task, value)):
                    yield task.line.at(index, f"--{name}={value.removesuffix(old)}{new}")


@error
def environment_dropped(view: View) -> Iterator[Edits]:
    """An environment variable is not set."""
    yield from _dropped(view, "environment")


@error
def environment_changed(view: View) -> Iterator[Edits]:
    """An environment variable has another value."""
    yield from _altered(view, "environment")


@error
def environment_renamed(view: View) -> Iterator[Edits]:
    """An environment variable has another name."""
    yield from _renamed(view, "environment")


@error
def environment_added(view: View) -> Iterator[Edits]:
    """One environment variable more is set."""
    yield from _added(view, "--environment=MORE:1", ("processing", "training", "transform", "notebook"))


# --- places and files ---


@error
def input_elsewhere(view: View) -> Iterator[Edits]:
    """An input of a processing job is mounted at another path, or another file of it is taken."""
    for command, index, name, value in _options(view, "input"):
        if command.verb == "processing":
            yield command.at(index, f"--{name}={value}x")


@error
def channel_renamed(view: View) -> Iterator[Edits]:
    """A channel of a training job has another name; it takes the same data."""
    for command, index, name, value in _options(view, "channel", "channel-data"):
        if command.verb in ("training", "tuning"):
            fields = value.split(":")
            if name == "channel" and len(fields) < 3:
                fields.append(fields[0])
            yield command.at(index, f"--{name}={fields[0]}x:{':'.join(fields[1:])}")


@error
def content_type_changed(view: View) -> Iterator[Edits]:
    """A channel says another content type of its data.

    Left out: channels that say none.
    """
    for command, index, name, value in _options(view, "channel", "channel-data"):
        fields = value.split(":")
        if command.verb in ("training", "tuning") and fields[1:2] not in ([], [""]):
            yield command.at(index, f"--{name}={':'.join([fields[0], fields[1] + 'x', *fields[2:]])}")


@error
def input_dropped(view: View) -> Iterator[Edits]:
    """The command line no longer says where data or code is put."""
    yield from _dropped(view, *PLACES)


@error
def code_elsewhere(view: View) -> Iterator[Edits]:
    """The user's files are put at another path than the program is looked for at."""
    for command, index, name, value in _options(view, "code"):
        if command.words:
            path, colon, rest = value.partition(":")
            yield command.at(index, f"--{name}={path}x{colon}{rest}")


@error
def output_elsewhere(view: View) -> Iterator[Edits]:
    """An output of a processing job is taken from another path."""
    for command, index, name, value in _options(view, "output"):
        if command.verb == "processing":
            fields = value.split(":")
            yield command.at(index, f"--{name}={':'.join([fields[0], fields[1] + 'x', *fields[2:]])}")


@error
def output_dropped(view: View) -> Iterator[Edits]:
    """What a job makes is not published: an output, a model."""
    for command, index, name, _ in _options(view, "output", "model"):
        if name == "output" or command.verb in ("training", "tuning", "repack-model", "automl-tabular"):
            yield command.at(index, DROPPED)


@error
def destination_changed(view: View) -> Iterator[Edits]:
    """What others read at a fixed address is written beside it."""
    for command, index, name, value in _options(view, "output", "model"):
        if value.endswith("}") and (name == "output" or command.verb in ("training", "repack-model")):
            yield command.at(index, f"--{name}={value}x")


@warning
def destination_dropped(view: View) -> Iterator[Edits]:
    """What a step makes gets no copy at its fixed address: only those outside of the pipeline notice."""
    for command, index, name, value in _options(view, "output", "model"):
        if value.endswith("}") and (name == "output" or command.verb in ("training", "repack-model")):
            yield command.at(index, f"--{name}={value.rpartition(':{')[0]}")
    for command, index, _, _ in _options(view, "destination"):
        if command.verb != "query":
            yield command.at(index, DROPPED)


# --- values of files ---


@error
def json_path_changed(view: View) -> Iterator[Edits]:
    """A value is read at another path of a file."""
    for command, index, name, value in _options(view, "property"):
        if command.verb in ("processing", "step-function"):
            yield command.at(index, f"--{name}={value}x")


@error
def property_file_changed(view: View) -> Iterator[Edits]:
    """A value is read from another file."""
    for command, index, name, value in _options(view, "property"):
        if command.verb == "processing":
            parameter, file, path = value.split(":", 2)
            yield command.at(index, f"--{name}={parameter}:{file}x:{path}")


@error
def property_dropped(view: View) -> Iterator[Edits]:
    """A value of a file, or of the result, is not published."""
    for command, index, _, _ in _options(view, "property"):
        if command.verb in ("processing", "step-function"):
            yield command.at(index, DROPPED)


@error
def operand_of_another_type(view: View) -> Iterator[Edits]:
    """An evaluator reads an operand as text, and not as a number, or the other way round."""
    for command, index, name, value in _options(view, "operand"):
        operand, _, kind = value.partition(":")
        yield command.at(index, f"--{name}={operand}:{'float' if kind == 'str' else 'str'}")


# --- what remains ---


def _metrics(view: View) -> Iterator[tuple[Command, int, str]]:
    for command, index, _, value in _options(view, "metric-definition"):
        if not any(command.options("algorithm")):
            yield command, index, value


@error
def metric_changed(view: View) -> Iterator[Edits]:
    """A metric is found by another regular expression.

    Left out: adapters of built-in algorithms, whose metrics no definition names.
    """
    for command, index, value in _metrics(view):
        yield command.at(index, f"--metric-definition={value}x")


@error
def metric_dropped(view: View) -> Iterator[Edits]:
    """A metric is not looked for.

    Left out: adapters of built-in algorithms, whose metrics no definition names.
    """
    for command, index, _ in _metrics(view):
        yield command.at(index, DROPPED)


def is_free_parent(view: View, task: Task, value: str) -> bool:
    """Whether a value is the parent of a model of no group: the definition has no name for it."""
    name = re.sub(r"\{(\w+):\w+\}", r"\1", value)
    constant = at(task.parameters, (name, "runtimeValue", "constant"))
    group = f'"ModelPackageGroupName": {json.dumps(constant)}'
    parents = task.line.options("parent")
    return constant is not None and group not in view.definition and any(text == value for _, _, text in parents)


def _others(view: View, make: Callable[[Command, int, str, str], Edits]) -> Iterator[Edits]:
    """Options that no other operator is about."""
    other = {"program", "algorithm", "parameter", *OWN, *PLATFORM, *RESOURCES, *PLACES, "output", "model", "metrics"}
    for task in view.tasks:
        command = task.line
        for index, name, value in command.options():
            is_other = name not in other or (name in PARTLY and command.verb not in ("processing", "training"))
            named = value.partition(":")[0]
            unread = ":" in value and view.makes(task, named) and not view.is_taken(task, named)
            unread = unread or (name == "parent" and is_free_parent(view, task, value))
            if is_other and not unread and (command.verb, name) not in FREE:
                yield make(command, index, name, value)


@error
def request_changed(view: View) -> Iterator[Edits]:
    """Another value in any other option: of a registration, a batch request, an endpoint, a check, a query, a loop.

    Left out: what the definition does not say (where a task runs in Google Cloud, and on which version of its
    services, the address of a function, the name of a topic, where the rows of a query are kept), and what is
    published under names that no task takes; the parent of a model whose definition names no group.
    """
    yield from _others(view, lambda command, index, name, value: command.at(index, f"--{name}={value}x"))


@error
def request_incomplete(view: View) -> Iterator[Edits]:
    """Any other option is not there.

    Left out: as before, outputs that no task takes, and copies at fixed addresses.
    """
    unread = {
        (task.line.path, index)
        for task in view.tasks
        for index, _, value in task.line.options()
        if view.makes(task, value.partition(":")[0]) and not view.is_taken(task, value.partition(":")[0])
    }
    for edits in _others(view, lambda command, index, name, value: command.at(index, DROPPED)):
        path, _ = edits[0]
        if (path[:-1], path[-1]) not in unread and not at(view.document, path).startswith("--destination="):
            yield edits


@warning
def model_metrics_dropped(view: View) -> Iterator[Edits]:
    """A registered model has no reference to a report: nothing in the pipeline reads it."""
    yield from _dropped(view, "metrics")


@error
def another_verb(view: View) -> Iterator[Edits]:
    """The contract is told to do something else."""
    for command in _commands(view):
        yield command.at(1, "transform" if command.verb == "processing" else "processing")


@error
def unknown_option(view: View) -> Iterator[Edits]:
    """The command line has an option that the contract does not know."""
    for command in _commands(view):
        yield command.with_args([*command.args[:2], "--more=1", *command.args[2:]])


@warning
def resources_of_trials(view: View) -> Iterator[Edits]:
    """The trials of a tuning job run on other machines, disks or images, for another time."""
    for command, index, name, value in _options(view, *RESOURCES):
        if command.verb == "tuning":
            yield command.at(index, f"--{name}={value}1")
