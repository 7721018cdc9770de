"""The names that a scan looks for; they are data, in `mappings/sdk_classes.yaml` and `mappings/kfp_names.yaml`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from ..mapping.data import load_yaml, mappings_dir

STEP_DECORATOR = "@step"


@dataclass(frozen=True, slots=True)
class SdkClass:
    """A class of the SageMaker SDK.

    Attributes:
        group: `steps`, `parameters`, `conditions` or `others`.
        type: the type of a step in a definition; "" for what is no step.
        v2, v3: the module that holds it in that major version; None if the version lacks it.
        also: other modules from which it can be imported.
        instead: what takes its place in v3, if v3 lacks it.
    """

    name: str
    group: str
    type: str = ""
    v2: str | None = None
    v3: str | None = None
    also: tuple[str, ...] = ()
    instead: str = ""

    @property
    def home(self) -> str:
        """The module to import it from: that of v2, if v2 has it."""
        return self.v2 or self.v3 or ""


@cache
def sdk_classes() -> dict[str, SdkClass]:
    """All known classes of the SageMaker SDK, by name, steps first."""
    document = _sdk()
    return {
        name: SdkClass(name, group, **{**entry, "also": tuple(entry.get("also", ()))})
        for group in ("steps", "parameters", "conditions", "others")
        for name, entry in document[group].items()
    }


def step_classes() -> list[str]:
    """The names of all step classes, in the order of the table."""
    return [name for name, each in sdk_classes().items() if each.group == "steps"]


def absent_classes() -> dict[str, str]:
    """Names that look like step classes and are in no SDK: what to use instead."""
    absent: dict[str, str] = _sdk()["absent"]
    return absent


@cache
def _sdk() -> dict[str, Any]:
    document: dict[str, Any] = load_yaml(mappings_dir() / "sdk_classes.yaml")
    return document


@dataclass(frozen=True, slots=True)
class KfpNames:
    """The names of Kubeflow Pipelines and of Google's clients; paths as in kfp v2."""

    pipelines: tuple[str, ...]
    custom: dict[str, str]
    prebuilt: dict[str, str]
    prebuilt_packages: tuple[str, ...]
    helpers: tuple[str, ...]
    control_flow: tuple[str, ...]
    methods: dict[str, str]
    submissions: tuple[str, ...]


@cache
def kfp_names() -> KfpNames:
    """The table of Kubeflow's names."""
    document = load_yaml(mappings_dir() / "kfp_names.yaml")
    made: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in document.items()}
    del made["sources"]
    return KfpNames(**made)
