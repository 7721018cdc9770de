"""Notebook jobs, run by papermill."""

import os
import sys
from typing import Dict

from .command_line import CONTAINER_OPTIONS, ContractError
from .files import copy_files, empty, inside, place, writable
from .scripts import Metrics, run, stage_code
from .task import Task, verb


@verb("notebook", CONTAINER_OPTIONS, {"parameter": "NAME:TEMPLATE", "output": "ARTIFACT[:TEMPLATE]"})
def notebook(task: Task) -> int:
    """A notebook job: the notebook with its parameters, each a text, and what it looked like in the end."""
    if task.rank:
        return 0
    settings = task.environment()
    name = settings.get("SM_INPUT_NOTEBOOK_NAME", "")
    if not name.endswith(".ipynb"):
        raise ContractError("SM_INPUT_NOTEBOOK_NAME names no notebook: {!r}".format(name))
    for path, _, _ in task.options["code"]:
        empty(place(path))
    stage_code(task)
    data = place("/opt/ml/output/data")
    empty(data)
    folder = place(task.only("code"))
    result = settings.get("SM_OUTPUT_NOTEBOOK_NAME") or name
    code = _run_init_script(settings.get("SM_INIT_SCRIPT", ""), settings, folder)
    if code:
        return code
    target = task.output_path(task.only("output"))
    empty(target)
    command = [sys.executable, "-m", "papermill", name, os.path.abspath(inside(target, result)), "--cwd", "."]
    if settings.get("SM_KERNEL_NAME"):
        command += ["--kernel", settings["SM_KERNEL_NAME"]]
    for parameter, template in task.options["parameter"]:
        command += ["--parameters_raw", parameter, task.render(template)]
    code = run(command, settings, folder, Metrics([]))
    copy_files(data, target)
    if code == 0:
        for _, template in task.options["output"]:
            if template:
                copy_files(target, writable(task.render(template)))
    return code


def _run_init_script(name: str, settings: Dict[str, str], folder: str) -> int:
    if not name:
        return 0
    if not os.path.isfile(inside(folder, name)):
        raise ContractError("there is no init script {}".format(name))
    return run(["bash", name], settings, folder, Metrics([]))
