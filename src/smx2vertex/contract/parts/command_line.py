"""The grammar of the command line: verbs, options, fields, templates."""

import json
import re
import urllib.parse
from typing import Any, Dict, List, Tuple


class ContractError(Exception):
    """The step cannot go on, for the reason in the text; the process ends with exit code 1."""


# The form of each option, by verb and option. A field called TEMPLATE, always the last, holds placeholders.
FORMS: Dict[str, Dict[str, str]] = {}
CONTAINER_OPTIONS = {"environment": "NAME:TEMPLATE", "code": "PATH[:FOLDER[:ARCHIVE]]"}

# Of verbs whose inputs may be divided among several hosts.
SHARD_OPTIONS = {"shard": "PATH"}

PLACEHOLDER = re.compile(r"\{(\w+):(str|int|float|bool|json|uri)\}")


def read_form(form: str) -> Tuple[List[str], int]:
    """The names of a form's fields, and how many of them must be there."""
    return re.sub(r"[\[\]]", "", form).split(":"), form.split("[")[0].count(":") + 1


def decode(text: str) -> str:
    """The text that a field or word stands for: each %XX is a byte of its UTF-8 form."""
    raw = urllib.parse.unquote_to_bytes(text.encode("utf-8", "surrogatepass"))
    return raw.decode("utf-8", "surrogatepass")


def parse_command(verb: str, arguments: List[str]) -> Tuple[Dict[str, List[List[str]]], List[str]]:
    """The options of a verb, each with the fields of all its occurrences, and the words after `--`.

    Fields are decoded, those left out are ""; templates and words are left to `Task.render`.
    """
    if verb not in FORMS:
        raise ContractError("no such verb: " + verb)
    end = arguments.index("--") if "--" in arguments else len(arguments)
    options: Dict[str, List[List[str]]] = {name: [] for name in FORMS[verb]}
    for argument in arguments[:end]:
        match = re.match(r"--([a-z-]+)=(.*)\Z", argument, re.DOTALL)
        if not match or match.group(1) not in options:
            raise ContractError("{} has no option {}".format(verb, argument.split("=")[0]))
        names, required = read_form(FORMS[verb][match.group(1)])
        fields = match.group(2).split(":", len(names) - 1)
        if len(fields) < required:
            raise ContractError("{} needs {}".format(argument, FORMS[verb][match.group(1)]))
        fields = [field if name == "TEMPLATE" else decode(field) for name, field in zip(names, fields)]  # noqa: B905
        options[match.group(1)].append(fields + [""] * (len(names) - len(fields)))
    return options, arguments[end + 1 :]


def typed(value: Any, kind: str) -> Any:
    """A parameter's value in its declared type: engines deliver 5 as `5`, `5.0` or `"5"`."""
    try:
        if kind == "int":
            number = int(value) if isinstance(value, (int, str)) and re.match(r"\s*[-+]?\d+\s*\Z", str(value)) else None
            if number is None and float(value) == int(float(value)):
                number = int(float(value))
            if number is not None:
                return number
        elif kind == "float":
            return float(value)
        elif kind == "bool" and str(value).lower() in ("true", "false"):
            return str(value).lower() == "true"
        elif kind == "str":
            return value if isinstance(value, str) else json.dumps(value)
    except (ValueError, TypeError, OverflowError):
        pass
    raise ContractError("{!r} is no {}".format(value, kind))
