"""Steps that fail, by wish or for want of a translation."""

import sys

from .task import Task, verb


@verb("fail", {"message": "TEMPLATE"})
def fail(task: Task) -> int:
    """A fail step: says why, and fails."""
    print("{}: {}".format(task.step, task.text("message")), file=sys.stderr, flush=True)
    return 1


@verb("not-translated", {"code": "CODE", "message": "TEXT"})
def not_translated(task: Task) -> int:
    """Stands for a step that could not be translated."""
    message = "{} {} was not translated: {}"
    print(message.format(task.only("code"), task.step, task.only("message")), file=sys.stderr, flush=True)
    return 1
