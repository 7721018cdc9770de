"""Paths into JSON values, as property files and data filters have them."""

import re
from typing import Any, List, Tuple

from .command_line import ContractError

JsonStep = Tuple[str, Any]


def parse_json_path(text: str) -> List[JsonStep]:
    """The steps of `a.b[0]`, `$.a['b.c']`, `$[0,-1]`, `$[1:]` or `$.*`.

    A step is ("names", [name...]), ("indices", [index...]), ("slice", slice) or ("all", None).
    """
    steps: List[JsonStep] = []
    position = 1 if text.startswith("$") else 0
    token = re.compile(r"""\.?([^.\[\]]+)|\[((?:'[^']*'|"[^"]*"|[^\]'"])*)\]""")
    while position < len(text):
        match = token.match(text, position)
        if not match:
            raise ContractError("cannot read the path {!r} from {!r} on".format(text, text[position:]))
        position = match.end()
        name, bracket = match.group(1), (match.group(2) or "").strip()
        if name == "*" or bracket == "*":
            steps.append(("all", None))
        elif name is not None:
            steps.append(("names", [name]))
        elif re.match(r"['\"]", bracket):
            steps.append(("names", [a or b for a, b in re.findall(r"""'([^']*)'|"([^"]*)\"""", bracket)]))
        elif re.match(r"-?\d*\s*:\s*-?\d*\Z", bracket):
            steps.append(("slice", slice(*[int(end) if end.strip() else None for end in bracket.split(":")])))
        elif re.match(r"-?\d+(\s*,\s*-?\d+)*\Z", bracket):
            steps.append(("indices", [int(index) for index in bracket.split(",")]))
        else:
            raise ContractError("cannot read [{}] in the path {!r}".format(bracket, text))
    return steps


def select(value: Any, steps: List[JsonStep]) -> Any:
    """What a path finds in a JSON value. Several names give an object, several indices, a slice or * an array."""
    if not steps:
        return value
    kind, wanted = steps[0]
    expected = dict if kind == "names" else (dict, list) if kind == "all" else list
    if not isinstance(value, expected):
        raise LookupError("{} in {}".format(wanted, type(value).__name__))
    if kind == "names" and len(wanted) > 1:
        return {name: select(value[name], steps[1:]) for name in wanted}
    if kind in ("names", "indices") and len(wanted) == 1:
        return select(value[wanted[0]], steps[1:])
    if kind == "indices":
        found = [value[index] for index in wanted]
    elif kind == "slice":
        found = value[wanted]
    else:
        found = list(value.values()) if isinstance(value, dict) else value
    return [select(item, steps[1:]) for item in found]
