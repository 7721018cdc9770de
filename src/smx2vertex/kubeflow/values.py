"""Values of parameters: read from text, fitted to a declared type, written into texts as the engines do."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any

from ..findings import Finding, InputError
from .spec import Parameter

NAMES = {
    "STRING": "a text",
    "NUMBER_INTEGER": "a whole number",
    "NUMBER_DOUBLE": "a number",
    "BOOLEAN": "true or false",
    "LIST": "a JSON list",
    "STRUCT": "a JSON object",
}
STUBS: dict[str, Any] = {"NUMBER_INTEGER": 0, "NUMBER_DOUBLE": 0.0, "BOOLEAN": False, "LIST": [], "STRUCT": {}}


def parse_value(type: str, text: str) -> Any:
    """The value that a text stands for on a command line or in an output file.

    Args:
        type: a `parameterType`; a STRING is taken as it is.
        text: the text.

    Raises:
        ValueError: the text is no value of that type; the message says what was expected.
    """
    if type == "STRING":
        return text
    try:
        value = json.loads(text.strip().lower() if type == "BOOLEAN" else text, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise _misfit(type, text) from None
    return fit(type, value)


def fit(type: str, value: Any) -> Any:
    """The value as its declared type wants it, as Kubeflow's driver does it.

    A STRING that is given something else receives its JSON text, a whole number may arrive as 5.0.

    Raises:
        ValueError: the value does not fit; the message says what was expected.
    """
    match type, value:
        case "STRING", str():
            return value
        case "STRING", _ if value is not None:
            return in_text(value)
        case ("BOOLEAN", bool()) | ("LIST", list()) | ("STRUCT", dict()):
            return value
        case (("NUMBER_INTEGER" | "NUMBER_DOUBLE"), bool()):
            raise _misfit(type, value)
        case "NUMBER_INTEGER", int():
            return value
        case "NUMBER_INTEGER", float() if value.is_integer():
            return int(value)
        case "NUMBER_DOUBLE", int() | float() if abs(value) <= sys.float_info.max:
            return float(value)
    if type in NAMES or value is None:
        raise _misfit(type, value)
    return value


def bound(pipeline: str, declared: Mapping[str, Parameter], given: Mapping[str, Any]) -> dict[str, Any]:
    """The values of all parameters of a pipeline, defaults included; optional ones may be absent.

    Raises:
        InputError: a name is unknown (SMX601), a value does not fit (SMX602), a required one is missing (SMX603).
    """
    names = ", ".join(sorted(declared)) or "none"
    for name in given:
        if name not in declared:
            raise _error("SMX601", f"{pipeline} has no parameter {name!r}; it has: {names}")
    values: dict[str, Any] = {}
    for name, parameter in declared.items():
        value = given.get(name, parameter.default)
        if value is None:
            if parameter.required:
                raise _error("SMX603", f"{pipeline} needs a value for its parameter {name!r}")
            continue
        try:
            values[name] = fit(parameter.type, value)
        except ValueError as error:
            raise _error("SMX602", f"parameter {name}: {error}") from None
    return values


def _error(code: str, message: str) -> InputError:
    return InputError(Finding(code, message))


def in_text(value: Any) -> str:
    """A value as it appears inside a text: a string as it is, anything else as JSON, whole numbers without `.0`."""
    if isinstance(value, str):
        return value
    return json.dumps(_whole(value), ensure_ascii=False)


def _whole(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    if isinstance(value, list):
        return [_whole(item) for item in value]
    if isinstance(value, dict):
        return {key: _whole(item) for key, item in value.items()}
    return value


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def _misfit(type: str, value: Any) -> ValueError:
    shown = repr(value)
    return ValueError(f"{shown if len(shown) < 200 else shown[:200] + '…'} is not {NAMES.get(type, type)}")
