"""Models that get an inference script."""

import os
import tarfile

from .archives import unpack
from .command_line import ContractError
from .files import SOURCES, copy_file, empty, files_below, inside, place, readable, writable
from .task import Task, verb
from .training import copy_model, publish_model

# What the SageMaker SDK adds to the user's code for its own job.
REPACK_SCRIPTS = ("_repack_model.py", "_repack_script_launcher.sh")


@verb(
    "repack-model",
    {
        "archive": "ARTIFACT[:FILE]",
        "archive-data": "TEMPLATE",
        "script": "FILE",
        "contents": "NAME",
        "dependency": "FILE",
        "model": "ARTIFACT[:TEMPLATE]",
    },
)
def repack_model(task: Task) -> int:
    """A model with an inference script in its folder `code`, as the SageMaker SDK packs it."""
    if task.rank:
        return 0
    for folder in ("/opt/ml/model", "/opt/ml/output/data"):
        empty(place(folder))
    model = place("/opt/ml/model")
    unpack(_archive_to_repack(task), model)
    code = os.path.join(model, "code")
    if task.only("contents") == "folder":
        empty(code)
        _copy_user_code(code)
    else:
        copy_file(inside(SOURCES, task.only("script")), inside(code, os.path.basename(task.only("script"))))
    for (name,) in task.options["dependency"]:
        _add_dependency(name, os.path.join(code, "lib"))
    for artifact, template in task.options["model"]:
        publish_model(task.output_path(artifact))
        if template:
            fixed = writable("{}/{}/output".format(task.render(template).rstrip("/"), task.job))
            copy_model(task.output_path(artifact), fixed, loose=False)
        task.metadata[artifact] = {"training_job_name": task.job}
    task.publish_metadata()
    return 0


def _archive_to_repack(task: Task) -> str:
    """The model archive: the file that the input is, or the one in it."""
    for artifact, file in task.options["archive"]:
        path = task.input_path(artifact, file)
    for (template,) in task.options["archive-data"]:
        path = readable(task.render(template))
    archive = os.path.join(path, "model.tar.gz") if os.path.isdir(path) else path
    if not os.path.isfile(archive) or not tarfile.is_tarfile(archive):
        raise ContractError("there is no model archive at {}".format(path))
    return archive


def _copy_user_code(target: str) -> None:
    for name, path in files_below(SOURCES):
        if name not in REPACK_SCRIPTS:
            copy_file(path, os.path.join(target, name))


def _add_dependency(name: str, target: str) -> None:
    """A file goes into the folder; in the place of a folder the SDK takes all of the code."""
    file = inside(SOURCES, name)
    if os.path.isfile(file):
        copy_file(file, inside(target, name))
    else:
        empty(target)
        _copy_user_code(target)
