"""Tuning steps: a search for the best hyperparameters, whose trials run the container contract."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...contract.grammar import encode_last_field
from ...sagemaker import steps
from ...sagemaker.definition import Step
from ...sagemaker.steps.tuning import ranked
from ..builder import Builder, Product
from ..errors import NotTranslated
from ..names import plain, snake_case
from ..plan import Machine, Option, Output, Plain, Port, Task
from ..trials import ranks_read
from .shared import environment, product_key
from .training import channel, hyperparameter, program

if TYPE_CHECKING:
    from ..planner import Planner

STRATEGIES = ("Bayesian", "Random", "Grid")
SETTINGS = {
    "project": "project",
    "location": "region",
    "service-account": "service_account",
    "network": "network",
    "encryption-key": "encryption_key",
}


def plan_tuning(planner: Planner, step: Step) -> Task:
    """A Tuning step: one task that starts the search, waits for it and publishes the best models."""
    tuning = steps.tuning(step, planner.names)
    _check(planner, step, tuning)
    builder = Builder(planner, step, planner.image(tuning.jobs[0].image, step), "tuning", "Tuning")
    builder.task.trials = True
    builder.option("step", step.name)
    _search(builder, tuning)
    for key, text in planner.machine(tuning.jobs[0].resources, step).labels:
        builder.option("label", key, text)
    builder.component.inputs.append(Port(builder.names.take("target", "target"), "str"))
    builder.option("target", last="{target:str}")
    for option, setting in SETTINGS.items():
        builder.setting(option, setting)
    _results(builder, step, tuning)
    several = len(tuning.jobs) > 1
    words: list[str | Option] = []
    for number, job in enumerate(tuning.jobs):
        words += ["--"] if words else []
        words += _trial(builder, step, job, f"job_{number + 1}" if several else "")
    builder.component.words = words
    planner.note("SMX374", "on Vertex the trials have machines of their own, elsewhere not", step.pointer, step)
    if several:
        message = f"each of the {len(tuning.jobs)} definitions gets an even share of the training jobs"
        planner.note("SMX373", message, step.pointer + "/Arguments/TrainingJobDefinitions", step)
    return builder.task


def _check(planner: Planner, step: Step, tuning: steps.Tuning) -> None:
    """Refuse what a study of Vertex AI cannot be asked for."""

    def refused(code: str, message: str, place: str) -> NotTranslated:
        return planner.not_translated(step, code, message, f"{step.pointer}/Arguments{place}")

    config = "/HyperParameterTuningJobConfig"
    if tuning.strategy not in STRATEGIES:
        strategy = f"the strategy {plain(str(tuning.strategy))!r} has no counterpart"
        raise refused("SMX370", strategy, f"{config}/Strategy")
    if tuning.max_jobs is None and tuning.strategy != "Grid":
        raise refused("SMX371", "nothing says how many training jobs to run", f"{config}/ResourceLimits")
    if not tuning.jobs:
        raise refused("SMX371", "there is no training job definition", "")
    if len({job.objective[1] for job in tuning.jobs}) > 1:
        raise refused("SMX371", "one definition maximizes and another one minimizes", "/TrainingJobDefinitions")
    for job in tuning.jobs:
        _check_job(planner, step, job)


def _check_job(planner: Planner, step: Step, job: steps.TunedJob) -> None:
    metric, kind = job.objective
    name = metric.text if metric is not None else None
    if not name or kind not in ("Maximize", "Minimize"):
        raise planner.not_translated(step, "SMX371", "nothing says which metric decides", job.pointer)
    if not job.ranges:
        raise planner.not_translated(step, "SMX371", "there is no hyperparameter to tune", job.pointer)
    for item in job.ranges:
        ends = item.values if item.kind == "categorical" else (item.low, item.high)
        if not item.name.strip() or any(mark in item.name for mark in " \t\n=") or not ends or None in ends:
            message = f"the range of {plain(item.name)!r} is none that a study takes"
            raise planner.not_translated(step, "SMX371", message, item.pointer)
    # SageMaker knows the metrics of its XGBoost image, with a script too
    choice = planner.correspondences.image(planner.constant(job.image) or "", serving=False)
    if name not in dict(job.metric_definitions) and choice.framework != "xgboost":
        message = f"no metric definition says how the log shows {plain(name)!r}"
        raise planner.not_translated(step, "SMX372", message, job.pointer + "/AlgorithmSpecification")


def _search(builder: Builder, tuning: steps.Tuning) -> None:
    """How the search goes on, and what ends it."""
    builder.option("strategy", tuning.strategy or "")
    for option, field in (
        ("max-jobs", tuning.max_jobs),
        ("max-parallel-jobs", tuning.max_parallel_jobs),
        ("max-runtime", tuning.max_runtime_s),
        ("max-jobs-without-progress", tuning.max_stale_jobs),
        ("target-value", tuning.target_value),
        ("random-seed", tuning.random_seed),
    ):
        if field is not None:
            builder.option(option, last=builder.value_template(field, option.replace("-", "_")))
    if tuning.early_stopping is not None:
        builder.option("early-stopping", tuning.early_stopping)


def _results(builder: Builder, step: Step, tuning: steps.Tuning) -> None:
    """The best model, and the models, names and values of training jobs that other steps read."""
    planner, variable = builder.planner, builder.task.variable
    builder.option("trials", builder.output("trials", "Output[Artifact]"))
    uses = [(use, found) for use in planner.uses.of_properties(step.name) if (found := ranked(use)) is not None]
    for rank in sorted({0, *ranks_read(planner, step)}):
        name = builder.output(_of_rank("model", rank), "Output[Model]")
        builder.option("model", name, str(rank))
        loose = tuning.jobs[0].compression == "NONE"
        product = Product(Output(variable, name), "artifact", "Model", "model" if loose else "model.tar.gz")
        planner.offer(step, ("model of trial", rank), product)
    given: dict[tuple[int, tuple[str, ...]], Product] = {}
    for use, found in uses:
        made = given.get(found) or _value(builder, *found)
        if made is not None:
            given[found] = made
            planner.offer(step, product_key(use), made)


def _of_rank(what: str, rank: int) -> str:
    return f"best_{what}" if rank == 0 else f"{what}_{rank + 1}"


def _value(builder: Builder, rank: int, rest: tuple[str, ...]) -> Product | None:
    """A property of the training job of a rank as an output parameter; None if it has no counterpart."""
    match rest:
        case ("TrainingJobName",):
            option, what, type_, more = "training-job", "training_job", "str", ""
        case ("FinalHyperParameterTuningJobObjectiveMetric", "Value"):
            option, what, type_, more = "value", "value", "float", ""
        case ("TunedHyperParameters", key):
            more = key[1:-1].strip("'\"")
            option, what, type_ = "tuned", snake_case(more) or "hyperparameter", "str"
        case _:
            return None
    name = builder.output(_of_rank(what, rank), f"OutputPath({type_})")
    builder.option(option, name, str(rank), *([more] if more else []))
    return Product(Output(builder.task.variable, name), type_)


def _trial(builder: Builder, step: Step, job: steps.TunedJob, folder: str) -> list[Option]:
    """The command line of a trial, without the verb."""
    outer, builder.component.options = builder.component.options, []
    planner, training = builder.planner, job.training
    builder.option("step", step.name)
    if folder:
        builder.option("definition", job.name or folder)
    metric, kind = job.objective
    builder.option("objective", kind or "", last=encode_last_field(metric.text or "" if metric else ""))
    _machine(builder, planner.machine(job.resources, step))
    builder.setting("image", f"images.{planner.image(job.image, step)}")
    for item in job.ranges:
        _range(builder, item)
    algorithm = planner.algorithm(training, step)
    if algorithm or training.program is not None:
        program(builder, training, algorithm, folder)
    else:
        planner.note("SMX336", "the image's program `train` is run by that name", job.pointer, step)
    for each in job.channels:
        channel(builder, each, "")
    for name, field in job.hyperparameters.items():
        hyperparameter(builder, name, field, quoted=training.program is not None)
    environment(builder, job.environment)
    for name, regex in job.metric_definitions:
        builder.option("metric-definition", name, last=encode_last_field(regex))
    if job.output_path is not None:
        builder.option("destination", last=builder.template(job.output_path, "model_destination"))
    if job.compression == "NONE":
        builder.option("compression", last="none")
    options, builder.component.options = builder.component.options, outer
    return options


def _machine(builder: Builder, machine: Machine) -> None:
    """What a trial runs on, as inputs, so that pipeline.py shows it."""
    name = builder.parameter("machine_type", "str", machine.type)
    builder.option("machine-type", last=f"{{{name}:str}}")
    if machine.accelerator is not None:
        kind = builder.parameter("accelerator", "str", Plain(machine.accelerator))
        count = builder.parameter("accelerator_count", "int", Plain(machine.accelerator_count))
        builder.option("accelerator", last=f"{{{kind}:str}}:{{{count}:int}}")
    for option, fields in (
        ("disk", (machine.disk_type or "pd-ssd", str(machine.disk_gb))),
        ("replicas", (str(machine.replicas),)),
        ("timeout", (str(machine.timeout_s),) if machine.timeout_s is not None else ()),
        ("spot", ("true",) if machine.spot else ()),
    ):
        if fields:
            builder.option(option, *fields)


def _range(builder: Builder, item: steps.Range) -> None:
    """A hyperparameter that is tuned: its ends are typed inputs, the words it may be stand in the component."""
    for field in item.values:
        text = field.text
        value = encode_last_field(text) if text is not None else builder.template(field, item.name)
        builder.option("categorical", item.name, last=value)
    if item.low is not None and item.high is not None:
        low = builder.value_template(item.low, f"{item.name}_min")
        high = builder.value_template(item.high, f"{item.name}_max")
        builder.option(item.kind, item.name, item.scaling or "Auto", last=f"{low} {high}")
