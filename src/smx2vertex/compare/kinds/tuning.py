"""Tuning steps: the search, and the training jobs that it starts."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import TYPE_CHECKING

from ...sagemaker import steps
from ...sagemaker.definition import Step
from ...sagemaker.expressions import PropertyReference
from ...sagemaker.steps.tuning import ranked
from ..commandline import CommandLine
from ..names import label_of
from ..neutral import Node, Part, Product, Template, template
from .kind import Kind, What
from .training import note_training, read_training

if TYPE_CHECKING:
    from ..source import SourceReader
    from ..target import ContractReader

# What each training job runs on, apart from what the task runs on.
RESOURCES = ("image", "machine", "count", "disk", "timeout")
SEARCH = ("max-jobs", "max-parallel-jobs", "max-runtime", "max-jobs-without-progress", "target-value", "random-seed")

# Where trials run: training jobs of their own, or inside the task.
PLACES = (("vertex",), ("kubeflow",))


def _read_step(reader: SourceReader, node: Node, step: Step) -> None:
    tuning = steps.tuning(step, reader.names)
    at = f"{step.pointer}/Arguments/HyperParameterTuningJobConfig"
    for what, text in (("strategy", tuning.strategy), ("early-stopping", tuning.early_stopping)):
        if text is not None:
            node.add(("request", what), [text], at)
    limits = (tuning.max_jobs, tuning.max_parallel_jobs, tuning.max_runtime_s, tuning.max_stale_jobs)
    for what, field in zip(SEARCH, (*limits, tuning.target_value, tuning.random_seed), strict=True):
        reader.note(node, ("request", what), field)
    for key, text in step.tags.items():
        name, value = label_of(key, text)
        node.add(("label", name), [value], f"{step.pointer}/Arguments/Tags")
    for job in tuning.jobs:
        own = Node(node.name, node.kind, job.pointer)
        note_training(reader, own, job.training, job.pointer)
        metric, kind = job.objective
        own.add(("request", "objective"), [f"{kind}:", *reader.value(metric)], metric.pointer if metric else "")
        for item in job.ranges:
            if item.kind == "categorical":
                values = [part for value in item.values for part in (" ", *reader.value(value))]
            else:
                values = [f" {item.scaling or 'Auto'} ", *reader.value(item.low), " ", *reader.value(item.high)]
            own.add(("request", f"range of {item.name}"), [item.kind, *values], item.pointer)
        if job.resources.spot:
            own.add(("request", "spot"), ["true"], job.pointer)
        _adopt(node, own, (job.name or "") if len(tuning.jobs) > 1 else "")
    for job in tuning.jobs[:1]:
        reader.note(node, ("image",), job.image)


def _read_task(task: ContractReader) -> None:
    task.node.add(("output", "model"), ["model"])
    for what in ("strategy", "early-stopping"):
        for option in task.line.of(what):
            task.node.add(("request", what), option.fields)
    for what in SEARCH:
        for option in task.line.of(what):
            task.node.add(("request", what), task.parts(option.template))
    for option in task.line.of("label"):
        name, value = option.fields
        task.node.add(("label", name), [value])
    for option in task.line.of("target"):
        place = template(task.parts(option.template))
        if place not in PLACES:
            task.node.add(("unread", "target"), ["--target=", *place])
    for line in task.line.inner:
        own = Node(task.node.name, task.node.kind, task.node.at)
        _read_trial(type(task)(task.reader, task.task, line, own))
        _adopt(task.node, own, line.one("definition") or "")


def _read_trial(trial: ContractReader) -> None:
    node, line = trial.node, trial.line
    trial.named("environment", "environment")
    for option in line.of("code"):
        node.add(("code", option.fields[0].rstrip("/")), [])
    read_training(trial)
    for option in line.of("destination"):
        node.add(("destination", "model"), trial.address(option.template))
    for option in line.of("objective"):
        node.add(("request", "objective"), [":".join(option.fields)])
    for kind in ("integer", "continuous"):
        for option in line.of(kind):
            name, scaling = option.fields
            node.add(("request", f"range of {name}"), [f"{kind} {scaling} ", *trial.parts(option.template)])
    choices: dict[str, list[Part]] = {}
    for option in line.of("categorical"):
        choices.setdefault(option.fields[0], []).extend([" ", *trial.parts(option.template)])
    for name, values in choices.items():
        node.add(("request", f"range of {name}"), ["categorical", *values])
    trial.texts(image="image", machine_type="machine", replicas="count", timeout="timeout")
    for option in line.of("disk"):
        node.add(("disk",), [option.fields[1]])
    for option in line.of("spot"):
        node.add(("request", "spot"), option.fields)
    for argument in line.unread:
        node.add(("unread", argument), [argument])


def _adopt(node: Node, job: Node, definition: str) -> None:
    """Take over what is known of a kind of training job; the name of its definition tells it from others."""
    for (what, *more), fact in job.facts.items():
        if what in RESOURCES:
            more = [definition or "trial"]
        elif definition and what not in ("output", "unread"):
            more = ["/".join([definition, *more])]
        node.facts.setdefault((what, *more), fact)


# --- what it makes


def _what(rank: int, rest: tuple[str, ...]) -> What | None:
    match rest:
        case ("TrainingJobName",):
            return ("training job", str(rank))
        case ("FinalHyperParameterTuningJobObjectiveMetric", "Value"):
            return ("objective of training job", str(rank))
        case ("TunedHyperParameters", key):
            return ("tuned value of training job", str(rank), key[1:-1].strip("'\""))
    return None


def _step_product(reader: SourceReader, step: Step, reference: PropertyReference) -> What | None:
    found = ranked(reference)
    return None if found is None else _what(*found)


def _task_product(line: CommandLine, key: str) -> What | None:
    for option, what in (
        ("training-job", "training job"),
        ("value", "objective of training job"),
        ("tuned", "tuned value of training job"),
        ("model", "model of training job"),
    ):
        for found in line.of(option):
            if found.fields[0] == key:
                return (what, *found.fields[1:])
    return None


def model_of_trial(reader: SourceReader, value: Iterable[Part]) -> Template:
    """An address; where it is that of the model of a training job, as `get_top_model_s3_uri` writes it, the model."""
    parts = tuple(value)
    for part, following in pairwise(parts):
        if not isinstance(part, Product) or part.what[0] != "training job" or following != "/output/model.tar.gz":
            continue
        jobs = steps.tuning(reader.steps[part.owner], reader.names).jobs
        folders = [template([*reader.parts(job.output_path.value), "/"]) for job in jobs if job.output_path is not None]
        if _slash(parts[:-2]) in [_slash(folder) for folder in folders]:
            return (Product(part.owner, ("model of training job", part.what[1])), "/model.tar.gz")
    return parts


def _slash(value: Template) -> Template:
    """An address with one slash at its end."""
    text = value[-1] if value and isinstance(value[-1], str) else None
    return value if text is None else (*value[:-1], text.rstrip("/") + "/")


TUNING = Kind("tuning", ("Tuning",), "tuning", _read_step, _read_task, _step_product, _task_product)
