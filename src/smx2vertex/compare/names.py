"""Names of folders, JSON paths and options, written one way on both sides."""

from __future__ import annotations

import re


def folder(path: str) -> str:
    """A mount path without a slash at its end."""
    return path.rstrip("/") or "/"


def json_path(path: str) -> str:
    """A JSON path with dots alone: `a['b'][0]` is `a.b.0`."""
    found = re.findall(r"[^.\[\]'\"]+", path.removeprefix("$"))
    return ".".join(found)


def option_name(path: str) -> str:
    """A field of a request as the contract's option: `TransformInput.SplitType` is `split-type`."""
    name = path.rpartition(".")[2].replace("InMB", "Mb")
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", name).lower()
