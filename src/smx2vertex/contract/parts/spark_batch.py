"""Spark programs: batches of Serverless for Apache Spark (Dataproc)."""

import json
import os
import re
import shutil
import subprocess
from typing import Any, Dict, List, Optional

from .command_line import ContractError
from .files import SOURCES, files_below, inside, local_run, readable, written
from .google import Service, label_text, poll, query
from .task import Task, verb

SPARK_ENDED = ("SUCCEEDED", "FAILED", "CANCELLED")


SPARK_FILES = {  # field of the batch, and option of spark-submit, by our option
    "python-file": ("pythonFileUris", "--py-files"),
    "jar": ("jarFileUris", "--jars"),
    "file": ("fileUris", "--files"),
    "archive": ("archiveUris", "--archives"),
}


@verb(
    "spark-batch",
    dict.fromkeys(SPARK_FILES, "TEMPLATE"),
    {
        "program": "TEMPLATE",
        "class": "TEMPLATE",
        "property": "NAME:TEMPLATE",
        "environment": "NAME:TEMPLATE",
        "configuration": "ARTIFACT[:FILE]",
        "label": "NAME:TEMPLATE",
        "runtime": "TEMPLATE",
        "subnetwork": "TEMPLATE",
        "service-account": "TEMPLATE",
        "encryption-key": "TEMPLATE",
        "timeout": "TEMPLATE",
        "project": "TEMPLATE",
        "location": "TEMPLATE",
    },
)
def spark_batch(task: Task) -> int:
    """Run a Spark program to its end, in a batch of this task's own."""
    parent = "projects/{}/locations/{}/batches".format(task.text("project"), task.text("location"))
    service = Service("dataproc")
    if local_run():
        requests = [("POST", query(parent, batchId=batch_id(task)), batch_request(task))]
        service.record(task.step, list(requests), "no batch was created")
        return run_spark_here(task)
    batch = _begun_batch(task, service, parent)
    print("waiting for {}".format(batch["name"]), flush=True)
    with service.cancelling(batch["operation"]):

        def look() -> Optional[Dict[str, Any]]:
            current = service.call("GET", batch["name"])
            return current if current.get("state") in SPARK_ENDED else None

        ended = poll(look)
    output = (ended.get("runtimeInfo") or {}).get("outputUri") or "nowhere"
    print("{}: {}; the driver's output is in {}".format(ended["name"], ended["state"], output), flush=True)
    if ended["state"] != "SUCCEEDED":
        raise ContractError(
            "the batch ended as {}: {}".format(ended["state"], ended.get("stateMessage") or "no message")
        )
    return 0


def batch_id(task: Task) -> str:
    """The id of the task's batch: 4 to 63 lower-case letters, digits and hyphens; the same after a restart."""
    return re.sub(r"[^a-z0-9]+", "-", task.job.lower()).strip("-")[-60:].strip("-")


def _begun_batch(task: Task, service: Service, parent: str) -> Dict[str, Any]:
    """The batch that this task began before its machine restarted, or a new one; one that failed is tried again."""
    attempt = 1
    while True:
        name = batch_id(task) + ("-{}".format(attempt) if attempt > 1 else "")
        there = service.found(parent + "/" + name)
        if there is None:
            service.call("POST", query(parent, batchId=name), batch_request(task))
            return service.call("GET", parent + "/" + name)
        if there.get("state") not in ("FAILED", "CANCELLED"):
            return there
        attempt += 1


def batch_request(task: Task) -> Dict[str, Any]:
    """The body of batches.create."""
    execution = {
        "serviceAccount": task.text("service-account"),
        "subnetworkUri": task.text("subnetwork"),
        "kmsKey": task.text("encryption-key"),
        "ttl": task.text("timeout") + "s" if task.text("timeout") else "",
    }
    runtime = {"version": task.text("runtime"), "properties": spark_properties(task)}
    request = {
        "labels": {label_text(name): label_text(task.render(template)) for name, template in task.options["label"]},
        "runtimeConfig": {name: value for name, value in runtime.items() if value},
        "environmentConfig": {"executionConfig": {name: value for name, value in execution.items() if value}},
    }
    request.update(_program_request(task))
    return request


def _program_request(task: Task) -> Dict[str, Any]:
    """The field of the batch that says what runs: Python, SQL, or a class or the main class of a jar."""
    program = spark_program(task)
    files = {field: uris for field, uris in _spark_files_by_field(task).items() if uris}
    arguments = [task.render(word) for word in task.words]
    if program.endswith(".py"):
        return {"pysparkBatch": dict(files, mainPythonFileUri=program, args=arguments)}
    if program.endswith(".sql"):
        return {"sparkSqlBatch": {"queryFileUri": program, "jarFileUris": files.get("jarFileUris", [])}}
    if task.text("class"):
        jars = [program] + files.pop("jarFileUris", [])
        return {"sparkBatch": dict(files, mainClass=task.text("class"), jarFileUris=jars, args=arguments)}
    return {"sparkBatch": dict(files, mainJarFileUri=program, args=arguments)}


def spark_program(task: Task) -> str:
    """The address of the program: one file."""
    found = spark_files(task, task.only("program"))
    if len(found) != 1:
        raise ContractError("the program is to be one file, and not {}".format(len(found)))
    return found[0]


def _spark_files_by_field(task: Task) -> Dict[str, List[str]]:
    return {
        field: [uri for (template,) in task.options[option] for uri in spark_files(task, template)]
        for option, (field, _) in SPARK_FILES.items()
    }


def spark_files(task: Task, template: str) -> List[str]:
    """The addresses of a file: of the code artifact, where it may also be a folder of files, or one in a bucket."""
    text = task.render(template)
    if "://" in text:
        addresses = [text]
    else:
        path = inside(SOURCES, text)
        if not os.path.exists(path):
            raise ContractError("there is no {} among the code of the step".format(text))
        names = [text + "/" + name for name, _ in files_below(path)] if os.path.isdir(path) else [text]
        base = SOURCES if local_run() else task.render("{code:uri}").rstrip("/") + "/src"
        addresses = [base + "/" + name for name in names]
    for address in addresses:
        if not address.startswith("gs://") and not local_run():
            raise ContractError("Spark cannot read {}: it must be in Cloud Storage".format(address))
    return addresses


def spark_properties(task: Task) -> Dict[str, str]:
    """The properties of Spark: those of configuration files, those of the command line, environment variables."""
    found = {}  # type: Dict[str, str]
    for artifact, file in task.options["configuration"]:
        for path in _configuration_files(task.input_path(artifact, file)):
            found.update(_spark_defaults(path))
    found.update({name: task.render(template) for name, template in task.options["property"]})
    for name, value in task.environment().items():
        found["spark.dataproc.driverEnv." + name] = value
        found["spark.executorEnv." + name] = value
    return found


def _configuration_files(path: str) -> List[str]:
    return [file for _, file in files_below(path)] if os.path.isdir(path) else [path]


def _spark_defaults(path: str) -> Dict[str, str]:
    """The properties in a configuration as EMR and SageMaker's Spark containers write it."""
    with open(path, encoding="utf-8") as file:
        document = json.load(file)
    found = {}
    for entry in document if isinstance(document, list) else [document]:
        if entry.get("Classification") != "spark-defaults":
            raise ContractError("a batch has no {}: {}".format(entry.get("Classification"), path))
        found.update({name: str(value) for name, value in (entry.get("Properties") or {}).items()})
    return found


def run_spark_here(task: Task) -> int:
    """A local run: the program under this machine's own Spark; addresses among its arguments become folders here."""
    spark = shutil.which("spark-submit")
    if spark is None:
        raise ContractError("this machine has no spark-submit, so that the step cannot run here")
    command = [spark]
    if task.text("class"):
        command += ["--class", task.text("class")]
    fields = _spark_files_by_field(task)
    for field, option in SPARK_FILES.values():
        if fields[field]:
            command += [option, ",".join(_spark_path(uri) for uri in fields[field])]
    for name, value in spark_properties(task).items():
        command += ["--conf", "{}={}".format(name, value)]
    program = spark_program(task)
    words = [task.render(word) for word in task.words]
    command += [_spark_path(program)] + [_spark_path(word) for word in words]
    return subprocess.call(command, env=dict(os.environ, **task.environment()))


def _spark_path(text: str) -> str:
    """The folder here that an address means: one that can be read, or one to write."""
    if not text.startswith("gs://"):
        return text
    try:
        return readable(text)
    except ContractError:
        return written(text)
