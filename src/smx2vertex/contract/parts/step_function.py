"""Functions that were decorated with `@step`: called with their arguments, their results handed on."""

import ast
import inspect
import json
import os
import pickle
import re
import subprocess
import sys
import traceback
import types
from typing import Any, Dict, List, Tuple

from .command_line import CONTAINER_OPTIONS, ContractError
from .files import empty, inside, local_run, place, read_text, write_json
from .function_slice import function_slice, imports_sdk
from .json_path import parse_json_path, select
from .scripts import Metrics, run, stage_code
from .task import PROGRAMS, Task, verb

# A result as the SageMaker SDK keeps it: a pickle for other functions, JSON for conditions and other steps.
PICKLED_RESULT = "payload.pkl"
JSON_RESULT = "results.json"


@verb(
    "step-function",
    CONTAINER_OPTIONS,
    {
        "function": "FILE:NAME",
        "requirements": "FILE",
        "argument": "NAME:FORM:TEMPLATE",
        "result-argument": "NAME:ARTIFACT[:KEYS]",
        "output": "ARTIFACT",
        "property": "PARAMETER:PATH",
    },
)
def step_function(task: Task) -> int:
    """A function that was decorated with @step: calls it, and publishes what it returns."""
    if task.rank:
        return 0
    for path, _, _ in task.options["code"]:
        empty(place(path))
    stage_code(task)
    folder = place(task.options["code"][0][0])
    file, name = task.options["function"][0]
    tree = sliced_module(inside(folder, file), name)
    _install_function_requirements(task, folder, imports_sdk(tree))
    target = os.path.abspath(task.output_path(task.only("output")))
    empty(target)
    arguments = [[name, form, task.render(template)] for name, form, template in task.options["argument"]]
    results = [
        [name, os.path.abspath(task.input_path(artifact, PICKLED_RESULT)), json.loads(keys or "[]")]
        for name, artifact, keys in task.options["result-argument"]
    ]
    request = {"file": file, "function": name, "arguments": arguments, "results": results, "target": target}
    write_json(place("/opt/ml/input/config/function.json"), request)
    code = run([sys.executable, os.path.abspath(__file__), "step-function"], task.environment(), folder, Metrics([]))
    if code == 0:
        _publish_properties(task, os.path.join(target, JSON_RESULT))
    return code


def _install_function_requirements(task: Task, folder: str, with_sdk: bool) -> None:
    """What the step's requirements ask for; the SDK adds itself to them, which only its own loader needs."""
    if local_run() or not task.options["requirements"]:
        return
    lines = read_text(inside(folder, task.only("requirements"))).splitlines()
    wanted = [line for line in lines if with_sdk or not re.match(r"\s*sagemaker\s*([<>=!~\[;#]|\Z)", line)]
    if not any(line.split("#")[0].strip() for line in wanted):
        return
    path = os.path.join(folder, "requirements.step.txt")
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(wanted) + "\n")
    if subprocess.call([sys.executable, "-m", "pip", "install", "-r", path]):
        raise ContractError("pip install -r {} failed".format(task.only("requirements")))


def _publish_properties(task: Task, file: str) -> None:
    if not task.options["property"]:
        return
    if not os.path.isfile(file):
        raise ContractError("the function's result cannot be written as JSON, and other steps read a part of it")
    document = json.loads(read_text(file))
    for parameter, path in task.options["property"]:
        try:
            task.publish(parameter, select(document, parse_json_path(path)))
        except (LookupError, TypeError):
            raise ContractError("there is no {} in the function's result".format(path)) from None


def sliced_module(path: str, function: str) -> ast.Module:
    """The statements of a module that a function needs."""
    try:
        return function_slice(read_text(path), path, function)
    except (SyntaxError, ValueError) as error:
        raise ContractError("cannot read {}: {}".format(os.path.basename(path), error)) from error


def call_step_function() -> int:
    """Calls the function, in a process of its own whose working folder holds its module."""
    request = json.loads(read_text(place("/opt/ml/input/config/function.json")))
    sys.path[0] = os.getcwd()
    try:
        module = _function_module(request["file"], request["function"])
        positional, named = _call_arguments(request)
        result = getattr(module, request["function"])(*positional, **named)
        if inspect.isawaitable(result):
            raise TypeError("the function is asynchronous: its result is no value that could be handed on")
        _keep_result(request["target"], result)
    except Exception:
        traceback.print_exc()
        return 1
    return 0


def _function_module(file: str, function: str) -> types.ModuleType:
    """The module, as far as a function or class needs it, under its name so that what it defines can be pickled."""
    name = re.sub(r"\.py\Z", "", file).replace("/", ".")
    module = sys.modules.setdefault(name, types.ModuleType(name))
    module.__file__ = os.path.abspath(file)
    module.__package__ = name.rpartition(".")[0]
    exec(compile(sliced_module(file, function), module.__file__, "exec", dont_inherit=True), vars(module))
    return module


class ResultReader(pickle.Unpickler):
    """Reads a result; classes that stand in the user's modules come from their sources."""

    def find_class(self, module: str, name: str) -> Any:
        """The class; a module of the user's is never imported as a whole, for that could build the pipeline."""
        file, top = module.replace(".", "/") + ".py", name.split(".")[0]
        if os.path.isfile(file) and not hasattr(sys.modules.get(module), top):
            _function_module(file, top)
        return super().find_class(module, name)


def _call_arguments(request: Dict[str, Any]) -> Tuple[List[Any], Dict[str, Any]]:
    """Arguments by position, whose names are numbers, and by name."""
    values = {}
    for name, form, text in request["arguments"]:
        values[name] = text if form == "text" else text == "True" if form == "bool" else json.loads(text)
    for name, path, keys in request["results"]:
        with open(path, "rb") as file:
            value = ResultReader(file).load()
        for key in keys:
            value = value[key]
        values[name] = value
    numbers = sorted((name for name in values if name.isdigit()), key=int)
    return [values.pop(number) for number in numbers], values


def _keep_result(target: str, result: Any) -> None:
    """Write the result, pickled, and as JSON if it can be."""
    with open(os.path.join(target, PICKLED_RESULT), "wb") as file:
        pickle.dump(result, file)
    try:
        text = json.dumps({"Result": result})
    except (TypeError, ValueError) as error:
        print("the result is no JSON: {}".format(error), flush=True)
        return
    with open(os.path.join(target, JSON_RESULT), "w", encoding="utf-8") as stream:
        stream.write(text)


PROGRAMS["step-function"] = call_step_function
