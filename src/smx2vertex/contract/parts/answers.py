"""Arguments and answers of steps that ask somebody else: a function, or whoever takes a message."""

import os
from typing import Any, Dict, cast

from .command_line import PLACEHOLDER, ContractError, typed
from .files import local_run
from .task import Task

ASKING_OPTIONS = {"argument": "NAME:TEMPLATE", "answer": "PARAMETER:TYPE:NAME"}


ANSWER_TYPES = {"String": "str", "Integer": "int", "Float": "float", "Boolean": "bool"}


def arguments_of(task: Task) -> Dict[str, Any]:
    """The arguments as JSON values: a template that is one number or boolean gives just that, any other one text."""
    found = {}  # type: Dict[str, Any]
    for name, template in task.options["argument"]:
        text = task.render(template)
        placeholder = PLACEHOLDER.fullmatch(template)
        kind = placeholder.group(2) if placeholder else "str"
        found[name] = typed(text, kind) if kind in ("int", "float", "bool") else text
    return found


def publish_answers(task: Task, given: Any) -> None:
    """Give the declared output parameters their values, in their types; all of them, or none."""
    found = []
    for parameter, kind, name in task.options["answer"]:
        if not isinstance(given, dict) or given.get(name) is None:
            named = ", ".join(sorted(given)) if isinstance(given, dict) and given else "nothing"
            raise ContractError("the answer holds no {}; it holds {}".format(name, named))
        if kind not in ANSWER_TYPES:
            raise ContractError("{} is no type of an output parameter".format(kind))
        try:
            found.append((parameter, typed(given[name], ANSWER_TYPES[kind])))
        except ContractError as error:
            raise ContractError("the answer's {}: {}".format(name, error)) from error
    for parameter, value in found:
        task.publish(parameter, value)


def answered_before(task: Task) -> bool:
    """Whether this very task got its answers before its machine restarted."""
    parameters = [parameter for parameter, _, _ in task.options["answer"]]
    return bool(parameters) and all(os.path.isfile(task.output_parameter(parameter)) for parameter in parameters)


def answer_locally(task: Task) -> int:
    """In a local run nobody is asked: the answers are those that `run` was given.

    A step whose answers nobody declared can do without.
    """
    answers = cast(Dict[str, Any], local_run().get("answers") or {})
    given = answers.get(task.step)
    if given is None and task.options["answer"]:
        names = ", ".join(name for _, _, name in task.options["answer"])
        advice = "a local run asks nobody: give the answer ({}) with --answer '{}=FILE.json'"
        raise ContractError(advice.format(names, task.step))
    publish_answers(task, given)
    return 0
