"""Reads YAML text as the JSON value that it stands for: no dates, no tags, no merge keys.

Only `true` and `false` are booleans: in YAML 1.1 the key `On` of a Join would be one too, and `2020-12-01` a date.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

from ..yaml_reading import LOADER, check_depth, fault_in_words

_SCALARS = (
    ("tag:yaml.org,2002:bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("tag:yaml.org,2002:int", r"-?(?:0|[1-9][0-9]*)", "-0123456789"),
    ("tag:yaml.org,2002:float", r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?", "-0123456789"),
    ("tag:yaml.org,2002:null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
)


class YamlError(ValueError):
    """The text is no YAML, or says what JSON cannot say."""


class DepthError(YamlError):
    """The text is nested too deeply."""


class _Loader(LOADER):  # type: ignore[misc]
    """A safe loader with the scalars of JSON, whose keys are text; it lists keys that stand twice."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - yaml's own protocol

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.duplicates: list[str] = []

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.value == "<<":
                what = "a merge key" if isinstance(key, yaml.ScalarNode) else "a key that is no text"
                raise yaml.constructor.ConstructorError(None, None, f"{what} cannot be read", key.start_mark)
            if key.value in found:
                self.duplicates.append(key.value)
            found[key.value] = self.construct_object(value, deep=deep)
        return found

    def construct_number(self, node: yaml.ScalarNode) -> float:
        return float(node.value)


_KINDS = ("str", "seq", "map", "bool", "int", "null", None)  # None: the error for any other tag, such as !!timestamp
_Loader.yaml_constructors = {
    tag: LOADER.yaml_constructors[tag] for kind in _KINDS for tag in [kind and f"tag:yaml.org,2002:{kind}"]
}
for _tag, _pattern, _first in _SCALARS:
    _Loader.add_implicit_resolver(_tag, re.compile(rf"^(?:{_pattern})$"), list(_first))
_Loader.add_constructor("tag:yaml.org,2002:float", _Loader.construct_number)


def loads(text: str, max_depth: int) -> tuple[Any, list[str]]:
    """Read one YAML document.

    Args:
        text: the document; its aliases may stand for any number of values, and for values that hold themselves.
        max_depth: how deeply collections may nest.

    Returns:
        The JSON value, and the keys that stand twice in one mapping (the last value counts).

    Raises:
        DepthError: it is nested too deeply.
        YamlError: it is no YAML, or says what JSON cannot say.
    """
    try:
        check_depth(text, max_depth)
        loader = _Loader(text)
        try:
            return loader.get_single_data(), loader.duplicates
        finally:
            loader.dispose()
    except RecursionError as error:
        raise DepthError from error
    except yaml.YAMLError as error:
        raise YamlError(fault_in_words(error)) from error
    except ValueError as error:
        raise YamlError(str(error)) if not isinstance(error, YamlError) else error from error
