"""Loops: the items that they run over, and what their copies leave behind."""

import json
from typing import Any, Dict, List

from .command_line import ContractError
from .task import Task, verb


@verb("loop-items", {"items": "TEMPLATE", "part": "NAME[:FIELD]", "result": "PARAMETER"})
def loop_items(task: Task) -> int:
    """Before a loop: publishes its items as a list of objects that hold the parts that its steps read, as text."""
    items = json_list(task.text("items"), "the items")
    parts = task.options["part"]
    published = [
        {name: item_part(item, field, number) for name, field in parts} for number, item in enumerate(items, 1)
    ]
    print("{}: {} items".format(task.step, len(items)), flush=True)
    task.publish(task.only("result"), published)
    return 0


def json_list(value: Any, what: str) -> List[Any]:
    """A list, which may be JSON text."""
    try:
        found = json.loads(value) if isinstance(value, str) else value
    except ValueError:
        found = None
    if not isinstance(found, list):
        raise ContractError("{} are no JSON list: {!r:.200}".format(what, value))
    return found


def item_part(item: Any, field: str, number: int) -> str:
    """One field of an item, or all of it, as SageMaker writes it: text as it is, everything else as JSON.

    An item may be the JSON text of an object, which is how the SDK suggests to write them.
    """
    if not field:
        return item if isinstance(item, str) else json.dumps(item)
    try:
        entries = json.loads(item) if isinstance(item, str) else item
    except ValueError:
        entries = None
    if not isinstance(entries, dict) or field not in entries:
        raise ContractError("item {} has no field {}: {!r:.200}".format(number, field, item))
    return entries[field] if isinstance(entries[field], str) else json.dumps(entries[field])


@verb(
    "loop-results",
    {
        "items": "PARAMETER",
        "collected": "PROPERTY:INPUT",
        "pick": "PICK:PROPERTY",
        "count": "PARAMETER:COUNT",
        "output": "OUTPUT:COPY:PROPERTY",
    },
)
def loop_results(task: Task) -> int:
    """After a loop: publishes how many copies there were, and what one of them left behind."""
    total = len(json_list(task.parameters.get(task.only("items")), "the items"))
    for parameter, count in task.options["count"]:
        if count not in LOOP_COUNTS:
            raise ContractError("a loop has no " + count)
        task.publish(parameter, LOOP_COUNTS[count](total))
    collected = {name: collected_values(task, source) for name, source in task.options["collected"]}
    picks = task.options["pick"]
    chosen = picked_copy(picks[0][0], picks[0][1], collected) if picks else None
    for output, copy, name in task.options["output"]:
        if name not in collected:
            raise ContractError("nothing is collected of " + name)
        index = chosen if copy == "selected" else int(copy)
        if index is None or index >= len(collected[name]):
            raise ContractError("there is no copy {} of {}: the loop had {}".format(copy, name, total))
        value = collected[name][index]
        if isinstance(value, dict) and "uri" in value:
            task.handed_on[output] = value
        else:
            task.publish(output, value)
    task.publish_metadata()
    return 0


# This task runs only if every copy succeeded: a failed one ends the run.
LOOP_COUNTS: Dict[str, Any] = {
    "Status": lambda total: "Succeeded",
    "InputItemCount": lambda total: total,
    "TotalStepCount": lambda total: total,
    "SucceededStepCount": lambda total: total,
    "FailedStepCount": lambda total: 0,
    "StoppedStepCount": lambda total: 0,
}


def collected_values(task: Task, source: str) -> List[Any]:
    """What the copies of a task gave, in order: values of an output parameter, or artifacts."""
    if source in task.parameters:
        return json_list(task.parameters[source], "the values of " + source)
    return list(task.artifacts(source))


def picked_copy(pick: str, name: str, collected: Dict[str, List[Any]]) -> int:
    """The index of the copy with the greatest or smallest value; the first of equal ones."""
    if pick not in ("MaxBy", "MinBy"):
        raise ContractError("no such choice: " + pick)
    try:
        values = [float(value) for value in collected.get(name, [])]
    except (TypeError, ValueError):
        raise ContractError("{} cannot choose among {!r:.200}".format(pick, collected[name])) from None
    if not values:
        raise ContractError("{} cannot choose: the loop had no items".format(pick))
    return values.index(max(values) if pick == "MaxBy" else min(values))
