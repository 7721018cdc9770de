"""Training jobs."""

import json
import os
import shutil
import sys
from typing import Any, Callable, Dict, List

from .archives import pack
from .command_line import CONTAINER_OPTIONS, SHARD_OPTIONS, ContractError
from .files import (
    SOURCES,
    channel_path,
    copy_file,
    copy_files,
    empty,
    files_below,
    inside,
    place,
    readable,
    stage,
    writable,
    write_json,
)
from .processing import resource_config
from .script_mode import install_program, script_mode
from .scripts import Metrics, run, show_message, stage_code
from .task import Task, verb

# Built-in algorithms by name; each is a process of its own, `python3 CODE NAME`: its log is read like any other.
ALGORITHMS: Dict[str, Callable[[], int]] = {}


# What a training job of its own and one of a tuning job have in common.
TRAINING_OPTIONS = {
    "shard": SHARD_OPTIONS["shard"],
    "program": "TEMPLATE",
    "algorithm": "NAME",
    "channel": "NAME:CONTENT_TYPE[:ARTIFACT[:FILE]]",
    "channel-code": "NAME:FOLDER",
    "channel-data": "NAME:CONTENT_TYPE:TEMPLATE",
    "hyperparameter": "NAME:TEMPLATE",
    "metric-definition": "NAME:REGEX",
    "compression": "NAME",
}


@verb(
    "training",
    CONTAINER_OPTIONS,
    TRAINING_OPTIONS,
    {"metric": "PARAMETER:NAME", "model": "ARTIFACT[:TEMPLATE]", "checkpoints": "PATH:TEMPLATE"},
)
def training(task: Task) -> int:
    """A training job: script mode, the XGBoost algorithm or a container with an entry point of its own."""
    hyperparameters = {name: task.render(template) for name, template in task.options["hyperparameter"]}
    metrics = Metrics(task.options["metric-definition"])
    for path, template in task.options["checkpoints"]:
        _link_checkpoints(place(path), task.render(template))
    code = run_training(task, task.job, hyperparameters, [task.render(word) for word in task.words], metrics)
    if code == 0 and task.rank == 0:
        _publish_training(task, metrics)
    return code


def run_training(
    task: Task, job: str, hyperparameters: Dict[str, str], entry_point: List[str], metrics: Metrics
) -> int:
    """Run a training job of this name; the entry point is the container's own. Returns the exit code."""
    channels = _stage_training(task)
    resources = resource_config(task)
    for name, value in (
        ("hyperparameters", hyperparameters),
        ("inputdataconfig", channels),
        ("resourceconfig", resources),
    ):
        write_json(place("/opt/ml/input/config/{}.json".format(name)), value)
    environment = dict(task.environment(), TRAINING_JOB_NAME=job)
    cwd = None
    if task.options["program"]:
        cwd = place("/opt/ml/code")
        values = {name: _json_or_text(value) for name, value in hyperparameters.items()}
        program = task.text("program")
        command, variables = script_mode(program, values, channels, resources, environment)
        install_program(program)
        environment.update(variables)
    elif task.only("algorithm") in ALGORITHMS:
        command = [sys.executable, os.path.abspath(__file__), task.only("algorithm")]
    elif entry_point:
        command = entry_point
    else:
        raise ContractError("there is neither a --program, a known --algorithm nor an entry point after --")
    code = run(command, environment, cwd, metrics)
    if code:
        show_message(place("/opt/ml/output/failure"))
    return code


def _link_checkpoints(folder: str, uri: str) -> None:
    """Let the folder be the address: what is there is found, and what the script writes is kept, whatever happens."""
    target = writable(uri)
    os.makedirs(target, exist_ok=True)
    if os.path.islink(folder):
        os.unlink(folder)
    elif os.path.isdir(folder):
        shutil.rmtree(folder)
    os.makedirs(os.path.dirname(folder), exist_ok=True)
    os.symlink(target, folder)


def _stage_training(task: Task) -> Dict[str, Dict[str, str]]:
    """Prepare the folders of a training job; returns the content of inputdataconfig.json."""
    channel_options = ("channel", "channel-code", "channel-data")
    names = [fields[0] for option in channel_options for fields in task.options[option]]
    paths = ["/opt/ml/model", "/opt/ml/output", "/opt/ml/input/config"] + [channel_path(name) for name in names]
    for path in sorted(paths + [fields[0] for fields in task.options["code"]]):
        empty(place(path))
    for path in ("/opt/ml/output/data", "/opt/ml/code"):
        os.makedirs(place(path), exist_ok=True)
    stage_code(task)
    config: Dict[str, Dict[str, str]] = {name: {} for name in names}
    for name, content_type, artifact, file in task.options["channel"]:
        path = channel_path(name)
        stage(task.input_path(artifact or name, file), place(path), share=task.share(path))
        config[name]["ContentType"] = content_type
    for name, folder in task.options["channel-code"]:
        stage(inside(SOURCES, folder), place(channel_path(name)))
    for name, content_type, template in task.options["channel-data"]:
        path = channel_path(name)
        stage(readable(task.render(template)), place(path), share=task.share(path))
        config[name]["ContentType"] = content_type
    for name in names:
        if task.share(channel_path(name)) != (0, 1):
            config[name]["S3DistributionType"] = "ShardedByS3Key"
    usual = {"TrainingInputMode": "File", "S3DistributionType": "FullyReplicated", "RecordWrapperType": "None"}
    return {name: dict(usual, **{key: text for key, text in own.items() if text}) for name, own in config.items()}


def _json_or_text(value: str) -> Any:
    try:
        return json.loads(value)
    except ValueError:
        return value


def _publish_training(task: Task, metrics: Metrics) -> None:
    """Model and output data to the artifact and to S3OutputPath's counterpart, and final metrics to their outputs."""
    for artifact, template in task.options["model"]:
        target = task.output_path(artifact)
        publish_model(target)
        if template:
            fixed = writable("{}/{}/output".format(task.render(template).rstrip("/"), task.job))
            copy_model(target, fixed, loose=task.only("compression").lower() == "none")
        finite = {name: value for name, value in metrics.values.items() if abs(value) < float("inf")}
        task.metadata[artifact] = {"training_job_name": task.job, "metrics": finite}
    for parameter, name in task.options["metric"]:
        if name not in metrics.values:
            raise ContractError("the log shows no value of the metric " + name)
        task.publish(parameter, metrics.values[name])
    task.publish_metadata()


def publish_model(target: str) -> None:
    """Write what a training job leaves to a folder: the model, packed and unpacked, and its output data."""
    model, data = place("/opt/ml/model"), place("/opt/ml/output/data")
    empty(target)
    pack(model, os.path.join(target, "model.tar.gz"))
    copy_files(model, os.path.join(target, "model"))
    if files_below(data):
        pack(data, os.path.join(target, "output.tar.gz"))


def copy_model(artifact: str, target: str, loose: bool) -> None:
    """Copy a published model as SageMaker lays it out: archives, or the loose files of the model."""
    if loose:
        copy_files(os.path.join(artifact, "model"), os.path.join(target, "model"))
    for name in ("output.tar.gz",) if loose else ("model.tar.gz", "output.tar.gz"):
        if os.path.exists(os.path.join(artifact, name)):
            copy_file(os.path.join(artifact, name), os.path.join(target, name))
