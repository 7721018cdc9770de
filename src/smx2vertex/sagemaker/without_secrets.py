"""A definition without what is very likely a secret, so that no generated file holds one."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from ..findings import Finding
from .definition import Definition
from .expressions import pointer_token
from .reader import read
from .secrets import MASK, NO_VALUES, VALUE, VALUES, masked, name_beside

# Words of a vocabulary, such as those of `pad_token`, are shorter, or hold brackets.
_TOKEN = re.compile(r"[\w.~+/=-]{16,}")
_NO_SECRETS = frozenset({"", MASK, "true", "false", "none", "null"})


def without_secrets(definition: Definition) -> Definition:
    """The definition with `***` in the place of each secret, and a finding for each; itself if it has none.

    It takes away less than `masked` hides in reports: the pipeline misses it.
    """
    places: list[str] = []
    document = _copied(definition.raw, "", "", places)
    if not places:
        return definition
    message = f"what is likely a secret is {MASK} in the project"
    findings = [Finding("SMX196", message, pointer, file=definition.file) for pointer in places]
    bare = read(document, definition.name, definition.file)
    return replace(bare, findings=[*definition.findings, *findings], functions=definition.functions)


def _copied(value: Any, name: str, pointer: str, places: list[str]) -> Any:
    """A copy of a JSON value without secrets; their pointers are added to `places`."""
    if isinstance(value, dict):
        beside = name_beside(value)
        made = {
            key: item
            if key in NO_VALUES
            else _copied(item, beside if beside and key in VALUES else key, f"{pointer}/{pointer_token(key)}", places)
            for key, item in value.items()
        }
        if isinstance(made.get("EnumValues"), list) and MASK in made["EnumValues"]:
            del made["EnumValues"]  # else nothing but *** would be allowed
        return made
    if isinstance(value, list):  # the value of an option stands behind it
        options = [item if isinstance(item, str) and item.startswith("--") else name for item in value]
        return [
            _copied(item, before, f"{pointer}/{index}", places)
            for index, (before, item) in enumerate(zip([name, *options], value, strict=False))
        ]
    if not isinstance(value, str) or not _is_secret(name, value.strip('"')):
        return value
    places.append(pointer)
    return MASK


def _is_secret(name: str, value: str) -> bool:
    if value.lower() in _NO_SECRETS or masked(name, value) != MASK:
        return False
    if VALUE.search(value):
        return True
    is_place = value.startswith(("s3://", "arn:", "/", "--"))
    is_word = re.search(r"token$", name, re.IGNORECASE) and not _TOKEN.fullmatch(value)
    return not is_place and not is_word
