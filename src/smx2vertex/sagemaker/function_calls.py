"""What a bundle knows of functions that were decorated with `@step`: their source, and what they are called with.

The SDK uploads a function and its arguments as pickles below `BASE/STEP/TIME/`, as the arguments of the job say.
`capture` keeps the same beside them in a form that can be read: `call.json`, and the source below `source/`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from . import steps
from .definition import Definition, FunctionArgument, FunctionCall, Step

LARGEST_CALL = 16 * 1024 * 1024


def function_calls(definition: Definition, files: Mapping[str, Path]) -> dict[str, FunctionCall]:
    """The calls of a pipeline's functions, by step, as far as the files of its bundle tell them."""
    found = {}
    for step in definition.all_steps(bodies=True):
        if steps.disguise(step) == "function":
            prefix = function_address(step)
            call = _read(prefix, files.get(f"{prefix}/call.json")) if prefix else None
            if call is not None:
                found[step.name] = call
    return found


def function_address(step: Step) -> str | None:
    """Where the SDK uploaded a function and its arguments; None if the step does not tell."""
    options = steps.function_options(step)
    parts = [options.get(name) for name in ("s3_base_uri", "pipeline_step_name", "func_step_s3_dir")]
    return "/".join(str(part).strip("/") for part in parts) if all(parts) else None


def _read(prefix: str, file: Path | None) -> FunctionCall | None:
    """A call; None if it was not kept, or is none."""
    if file is None or not file.is_file() or file.stat().st_size > LARGEST_CALL:
        return None
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
        arguments = tuple(map(_argument, document["arguments"]))
        problems = tuple(map(str, document["problems"]))
        name, function = document["file"] or "", document["function"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    if not (isinstance(name, str) and isinstance(function, str)) or (not problems and not function.isidentifier()):
        return None
    return FunctionCall(f"{prefix}/source", name, function, arguments, problems)


def _argument(entry: Any) -> FunctionArgument:
    if "unknown" in entry:
        return FunctionArgument(str(entry["name"]), None, False, str(entry["unknown"]))
    key = "expression" if "expression" in entry else "literal"
    return FunctionArgument(str(entry["name"]), entry[key], key == "expression")
