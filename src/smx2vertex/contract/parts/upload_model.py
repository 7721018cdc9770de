"""Models and model packages: versions in the Vertex AI Model Registry."""

import os
import tarfile
import tempfile
from typing import Any, Dict

from .archives import unpack
from .command_line import ContractError
from .files import SOURCES, copy_file, inside, local_run, read_text, replace, stage, write_json
from .google import label_text, newest, newest_first, vertex_ai
from .task import Task, verb

APPROVAL_ALIASES = {"PendingManualApproval": "pending-approval", "Approved": "approved", "Rejected": "rejected"}


PREBUILT_IMAGE = "-docker.pkg.dev/vertex-ai/prediction/"


@verb(
    "upload-model",
    {
        "environment": "NAME:TEMPLATE",
        "parent": "TEMPLATE",
        "model": "ARTIFACT[:FILE]",
        "code": "FOLDER",
        "serving-image": "IMAGE",
        "approval": "TEMPLATE",
        "description": "TEMPLATE",
        "label": "NAME:TEMPLATE",
        "content-type": "TYPE",
        "response-type": "TYPE",
        "metrics": "KIND:ARTIFACT[:FILE]",
        "project": "TEMPLATE",
        "location": "TEMPLATE",
        "serving-model": "ARTIFACT",
        "resource-name": "PARAMETER",
    },
)
def upload_model(task: Task) -> int:
    """A model package: lay the model out for serving and upload it as a version under one parent."""
    if task.rank:
        return 0
    artifact = task.only("serving-model")
    with tempfile.TemporaryDirectory() as folder:
        lay_out_model(task, folder)
        replace(folder, task.output_path(artifact))
    version = version_request(task, artifact)
    task.metadata[artifact] = {"containerSpec": version["model"]["containerSpec"]}
    name = _uploaded_before(task) or upload(task, version)
    task.metadata[artifact]["resourceName"] = name
    task.publish_metadata()
    for (parameter,) in task.options["resource-name"]:
        task.publish(parameter, name)
    return 0


def lay_out_model(task: Task, folder: str) -> None:
    """The unpacked model, the inference code in `code/`, and what Vertex AI has no field for in `model-package/`."""
    for artifact, file in task.options["model"]:
        source = task.input_path(artifact, file)
        archive = os.path.join(source, "model.tar.gz") if os.path.isdir(source) else source
        if os.path.isfile(archive) and tarfile.is_tarfile(archive):
            unpack(archive, folder)
        else:
            stage(source, folder, link_big_files=False)
    if task.options["code"]:
        stage(inside(SOURCES, task.only("code")), os.path.join(folder, "code"))
    booster = os.path.join(folder, "xgboost-model")
    if PREBUILT_IMAGE + "xgboost" in task.only("serving-image") and os.path.isfile(booster):
        copy_file(booster, os.path.join(folder, "model.bst"))  # the one name that the prebuilt container looks for
    notes = os.path.join(folder, "model-package")
    for kind, artifact, file in task.options["metrics"]:
        stage(task.input_path(artifact, file), inside(os.path.join(notes, "metrics"), kind))
    description = {
        "step": task.step,
        "model_package_group": task.text("parent"),
        "approval": task.text("approval"),
        "description": task.text("description"),
        "metadata": {name: task.render(template) for name, template in task.options["label"]},
        "content_types": [fields[0] for fields in task.options["content-type"]],
        "response_types": [fields[0] for fields in task.options["response-type"]],
        "metrics": {kind: "metrics/" + kind for kind, _, _ in task.options["metrics"]},
    }
    write_json(os.path.join(notes, "description.json"), description)


def version_request(task: Task, artifact: str) -> Dict[str, Any]:
    """The body of models:upload, but for the parent."""
    approval = task.text("approval")
    if approval and approval not in APPROVAL_ALIASES:
        raise ContractError("{} is no approval status".format(approval))
    labels = {label_text(name): label_text(task.render(template)) for name, template in task.options["label"]}
    container: Dict[str, Any] = {"imageUri": task.only("serving-image")}
    environment = task.environment()
    if environment:
        container["env"] = [{"name": name, "value": environment[name]} for name in sorted(environment)]
    if PREBUILT_IMAGE not in container["imageUri"]:  # SageMaker's routes; prebuilt containers have their own
        container.update(predictRoute="/invocations", healthRoute="/ping", ports=[{"containerPort": 8080}])
    model: Dict[str, Any] = {
        "displayName": task.text("parent"),
        "artifactUri": task.render("{%s:uri}" % artifact),
        "containerSpec": container,
        "labels": {name: text for name, text in labels.items() if name},
    }
    if approval:
        model["versionAliases"] = [APPROVAL_ALIASES[approval]]
        model["labels"]["sm-approval-status"] = APPROVAL_ALIASES[approval]
    if task.text("description"):
        model["versionDescription"] = task.text("description")
    return {"model": model}


def _uploaded_before(task: Task) -> str:
    """The version that this very task uploaded before its virtual machine restarted."""
    for (parameter,) in task.options["resource-name"]:
        path = task.output_parameter(parameter)
        if os.path.isfile(path) and read_text(path):
            return read_text(path)
    return ""


def upload(task: Task, version: Dict[str, Any]) -> str:
    """Upload the version and return its resource name, `projects/…/models/…@…`."""
    parent = "projects/{}/locations/{}/models".format(task.text("project"), task.text("location"))
    service = vertex_ai(task.text("location"))
    if local_run():
        find = newest_first(parent, task.text("parent"))
        service.record(task.step, [("GET", find, None), ("POST", parent + ":upload", version)], "no model was uploaded")
        return parent + "/not-uploaded@1"
    found = newest(service, parent, task.text("parent"))
    if found is not None:
        version = dict(version, parentModel=found["name"])
    response = service.finish(service.call("POST", parent + ":upload", version), "the upload")
    return "{}@{}".format(response["model"], response.get("modelVersionId", "1"))
