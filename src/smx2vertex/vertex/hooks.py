"""Step types of the user's own: a Python function plans the steps of a type.

A hook is a function of two arguments, the planner and the step. It returns the task that stands for the step, or
raises `planner.not_translated(...)` to make it a task that fails and says why. docs/config.md shows a whole one. What
hooks may count on is what this module exports.
"""

from __future__ import annotations

import ast
import importlib.util
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, TypeAlias

from ..contract.grammar import encode_word
from ..findings import Finding, InputError
from ..sagemaker.definition import Step
from ..sagemaker.steps import Field
from ..sagemaker.steps.fields import arguments
from .builder import Builder, Product
from .errors import NotTranslated
from .plan import CodeFile, Output, Task

if TYPE_CHECKING:
    from .planner import Planner

__all__ = [
    "Builder",
    "CodeFile",
    "Field",
    "Hook",
    "HookError",
    "NotTranslated",
    "Output",
    "Product",
    "Step",
    "Task",
    "arguments",
    "encode_word",
]

GROUP = "smx2vertex.step_types"
PlanStep: TypeAlias = "Callable[[Planner, Step], Task]"


class HookError(Exception):
    """The name of a hook leads to no function."""


@dataclass(frozen=True, slots=True)
class Hook:
    """A hook that is not loaded yet.

    Attributes:
        name: how people call it, `approval.py:plan_approval`.
        place: its file and function, or its entry point.
    """

    name: str
    place: tuple[Path, str] | EntryPoint

    def plan(self, planner: Planner, step: Step) -> Task:
        """Load the user's code, and have it plan a step.

        Raises:
            NotTranslated: the hook says that the step has no counterpart.
            InputError: the hook fails, or returns no task (SMX267).
        """
        try:
            task = _load(self)(planner, step)
        except (NotTranslated, InputError):
            raise
        except Exception as error:
            where = traceback.extract_tb(error.__traceback__)[-1]
            message = f"{type(error).__name__}: {error} ({where.filename}, line {where.lineno})"
            raise self._failed(message, step) from error
        if not isinstance(task, Task):
            raise self._failed(f"it returned {type(task).__name__}, not a task", step)
        return task

    def _failed(self, message: str, step: Step) -> InputError:
        return InputError(Finding("SMX267", f"step {step.name!r}: {message}", step.pointer, step.name, self.name))


def find_hook(name: str, folder: Path) -> Hook:
    """A hook by the name that a configuration gives it: `path/to/hook.py:function`, below the configuration's folder.

    Reads the file, but does not run it.

    Raises:
        HookError: there is no such file or function.
    """
    path, separator, function = name.rpartition(":")
    file = folder / path
    if not separator or not path or not function.isidentifier():
        raise HookError(f"{name!r} is no hook; one is of the form path/to/hook.py:function")
    try:
        module = ast.parse(file.read_bytes())
    except OSError as error:
        raise HookError(f"{path} cannot be read: {error.strerror}") from error
    except (SyntaxError, ValueError) as error:
        raise HookError(f"{path} is no Python: {error}") from error
    if not any(isinstance(node, ast.FunctionDef) and node.name == function for node in module.body):
        raise HookError(f"{path} defines no function {function!r}")
    return Hook(name, (file.resolve(), function))


@cache
def installed_hooks() -> dict[str, Hook]:
    """The hooks of installed packages, by step type: the entry points of the group `smx2vertex.step_types`."""
    return {point.name: Hook(point.value, point) for point in entry_points(group=GROUP)}


@cache
def _load(hook: Hook) -> PlanStep:
    if isinstance(hook.place, EntryPoint):
        loaded: PlanStep = hook.place.load()
        return loaded
    file, function = hook.place
    found: PlanStep = getattr(_module(file), function)
    return found


@cache
def _module(file: Path) -> ModuleType:
    """The module of a user's file; it is not found under its name by other code."""
    spec = importlib.util.spec_from_file_location(f"smx2vertex_hook_{file.stem}", file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
