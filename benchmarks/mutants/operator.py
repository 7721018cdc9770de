"""What an operator is, and the catalogue of them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from .view import Edits, View

Sites = Callable[[View], Iterator[Edits]]


@dataclass(frozen=True)
class Operator:
    """A kind of fault.

    Attributes:
        name: in plain words.
        says: what is done.
        excluded: the rule for sites where nothing would change; "" where there are none.
        severity: what the comparison must report at least: `error` where the pipeline behaves otherwise.
        sites: the edits of each place where it applies.
    """

    name: str
    says: str
    excluded: str
    severity: str
    sites: Sites


CATALOGUE: dict[str, Operator] = {}


def operator(severity: str) -> Callable[[Sites], Sites]:
    """Put a function into the catalogue: its name and its docstring, where `Left out:` begins the rule, describe it."""

    def register(sites: Sites) -> Sites:
        name = sites.__name__.replace("_", " ")
        says, _, excluded = " ".join(inspect.getdoc(sites).split()).partition("Left out: ")  # type: ignore[union-attr]
        CATALOGUE[name] = Operator(name, says.strip(), excluded, severity, sites)
        return sites

    return register


error = operator("error")
warning = operator("warning")
