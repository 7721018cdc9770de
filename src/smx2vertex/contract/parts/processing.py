"""Processing jobs."""

import json
from typing import Any, Dict, List

from .command_line import CONTAINER_OPTIONS, SHARD_OPTIONS, ContractError
from .files import (
    add_files,
    copy_files,
    empty,
    inside,
    place,
    read_text,
    readable,
    replace,
    stage,
    writable,
    write_json,
)
from .json_path import parse_json_path, select
from .scripts import Metrics, run, show_message, stage_code
from .task import Task, verb


@verb(
    "processing",
    CONTAINER_OPTIONS,
    SHARD_OPTIONS,
    {
        "input": "ARTIFACT:PATH[:FILE]",
        "data": "PATH:TEMPLATE",
        "output": "ARTIFACT:PATH[:TEMPLATE]",
        "property": "PARAMETER:ARTIFACT/FILE:JSONPATH",
    },
)
def processing(task: Task) -> int:
    """A processing job: inputs and code at their paths, the entry point, outputs and values of property files."""
    task.begin()
    code = 1
    try:
        code = _run_processing(task)
    finally:
        task.end(code)
    code = task.together(code)
    if code == 0 and task.rank == 0:
        _publish_property_files(task)
    return code


def _run_processing(task: Task) -> int:
    """What each host does; returns the exit code of the entry point."""
    if not task.words:
        raise ContractError("there is no entry point after --")
    command = [task.render(word) for word in task.words]
    for path in sorted(_processing_folders(task)):  # all before anything is staged: code may lie below an input
        empty(path)
    stage_code(task)
    for artifact, path, file in task.options["input"]:
        stage(task.input_path(artifact, file), place(path), share=task.share(path))
    for path, template in task.options["data"]:
        stage(readable(task.render(template)), place(path), share=task.share(path))
    _write_processing_config(task, command)
    code = run(command, task.environment(), None, Metrics([]))
    if code:
        show_message(place("/opt/ml/output/message"))
    else:
        _publish_processing(task)
    return code


def _processing_folders(task: Task) -> List[str]:
    paths = [fields[0] for option in ("code", "data") for fields in task.options[option]]
    paths += [fields[1] for option in ("input", "output") for fields in task.options[option]]
    return [place(path) for path in paths + ["/opt/ml/config", "/opt/ml/output"]]


def _write_processing_config(task: Task, command: List[str]) -> None:
    named = [(fields[0], fields[1]) for fields in task.options["input"]]
    inputs = [{"InputName": name, "S3Input": _processing_input(task, path)} for name, path in named]
    outputs = [
        {"OutputName": fields[0], "S3Output": {"LocalPath": fields[1], "S3UploadMode": "EndOfJob"}}
        for fields in task.options["output"]
    ]
    job = {
        "ProcessingJobArn": None,
        "ProcessingJobName": task.job,
        "AppSpecification": {"ImageUri": None, "ContainerEntrypoint": command, "ContainerArguments": None},
        "Environment": task.environment() or None,
        "ProcessingInputs": inputs or None,
        "ProcessingOutputConfig": {"Outputs": outputs, "KmsKeyId": None},
        "ProcessingResources": None,
        "RoleArn": None,
        "StoppingCondition": None,
    }
    write_json(place("/opt/ml/config/processingjobconfig.json"), job)
    write_json(place("/opt/ml/config/resourceconfig.json"), resource_config(task))


def _processing_input(task: Task, path: str) -> Dict[str, str]:
    divided = {"S3DataDistributionType": "ShardedByS3Key"} if task.share(path) != (0, 1) else {}
    return dict(divided, LocalPath=path, S3DownloadMode="StartOfJob")


def resource_config(task: Task) -> Dict[str, Any]:
    """What SageMaker tells a container about its cluster."""
    group = {"instance_group_name": "homogeneousCluster", "instance_type": task.machine, "hosts": task.hosts}
    return {
        "current_host": task.hosts[task.rank],
        "current_instance_type": task.machine,
        "current_group_name": "homogeneousCluster",
        "hosts": task.hosts,
        "instance_groups": [group],
        "network_interface_name": "eth0",
    }


def _publish_processing(task: Task) -> None:
    """Each host publishes what it has, as in SageMaker."""
    alone = len(task.hosts) == 1
    for artifact, path, template in task.options["output"]:
        (replace if alone else add_files)(place(path), task.output_path(artifact))
        if template:
            copy_files(place(path), writable(task.render(template)))


def _publish_property_files(task: Task) -> None:
    folders = {fields[0]: task.output_path(fields[0]) for fields in task.options["output"]}
    for parameter, location, path in task.options["property"]:
        artifact, file = location.split("/", 1)
        if artifact not in folders:
            raise ContractError("there is no output " + artifact)
        task.publish(parameter, read_property(inside(folders[artifact], file), path))


def read_property(file: str, path: str) -> Any:
    """A value of a property file; a missing file, bad JSON or a missing path fails the step."""
    try:
        return select(json.loads(read_text(file)), parse_json_path(path))
    except (OSError, ValueError, LookupError) as error:
        raise ContractError("cannot read {} of {}: {!r}".format(path, file, error)) from error
