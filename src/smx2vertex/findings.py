"""What a person should know: codes, severities and places. The catalogue is `findings.yaml` beside this module."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Literal

import yaml

from .yaml_reading import LOADER

Severity = Literal["error", "warning", "info"]
_ORDER: dict[Severity, int] = {"error": 0, "warning": 1, "info": 2}


@dataclass(frozen=True, slots=True)
class Code:
    """An entry of the catalogue: what a finding means, for everyone who meets it."""

    code: str
    severity: Severity
    title: str
    why: str
    help: str


@dataclass(frozen=True, slots=True)
class Finding:
    """Something a person should know, and where.

    Attributes:
        code: its entry in the catalogue, such as `SMX214`.
        message: one sentence about this very place.
        pointer: JSON pointer into the definition (RFC 6901), or a path in a pipeline spec; "" is the whole document.
        step: the step concerned, if it is one.
        file: the file that the pointer is about.
        target: of a comparison, the place in the pipeline spec; `target_file` is its file.
    """

    code: str
    message: str
    pointer: str = ""
    step: str | None = None
    file: str | None = None
    target: str = ""
    target_file: str | None = None

    @property
    def severity(self) -> Severity:
        """How bad it is, as the catalogue says."""
        return catalogue()[self.code].severity

    @property
    def help(self) -> str:
        """What to do, as the catalogue says."""
        return catalogue()[self.code].help

    def to_dict(self) -> dict[str, Any]:
        """The finding in the form that every JSON output uses."""
        found = {
            "code": self.code,
            "severity": self.severity,
            "message": self.message,
            "source": {"file": self.file, "pointer": self.pointer},
            "step": self.step,
            "help": self.help,
        }
        target = {"file": self.target_file, "pointer": self.target}
        return {**found, "target": target} if self.target else found


@cache
def catalogue() -> dict[str, Code]:
    """All codes, by code, in order."""
    text = resources.files("smx2vertex").joinpath("findings.yaml").read_text(encoding="utf-8")
    entries = yaml.load(text, Loader=LOADER)
    return {code: Code(code, **entry) for code, entry in entries.items()}


def by_severity(findings: Iterable[Finding]) -> list[Finding]:
    """The findings, errors first; those of one severity keep their order."""
    return sorted(findings, key=lambda finding: _ORDER[finding.severity])


class InputError(Exception):
    """The input cannot be used; the command ends with exit code 2.

    Attributes:
        finding: what is wrong and where.
    """

    def __init__(self, finding: Finding) -> None:
        """Keep the finding; its message is the message of the error."""
        super().__init__(finding.message)
        self.finding = finding


class RefusedError(Exception):
    """A service, or what runs in it, said no; the command ends with exit code 1.

    Attributes:
        finding: what was asked, and what the answer was.
    """

    def __init__(self, finding: Finding) -> None:
        """Keep the finding; its message is the message of the error."""
        super().__init__(finding.message)
        self.finding = finding
