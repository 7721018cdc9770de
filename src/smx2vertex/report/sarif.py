"""Findings as SARIF 2.1.0, which code hosts show beside the lines of a file."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import PurePath
from typing import Any
from urllib.parse import quote

from .. import __version__
from ..findings import Finding, catalogue

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
PAGE = "https://github.com/smx2vertex/smx2vertex/blob/main/docs/findings.md"
LEVELS = {"error": "error", "warning": "warning", "info": "note"}


def to_sarif(
    findings: Iterable[tuple[Finding, int | None]], target_lines: Mapping[Finding, int | None] | None = None
) -> dict[str, Any]:
    """The SARIF document of findings.

    Args:
        findings: each with its line in its file (from 1) if that is known.
        target_lines: of findings about two files, the line in the target's.
    """
    placed = list(findings)
    codes = sorted({finding.code for finding, _ in placed})
    driver = {
        "name": "smx2vertex",
        "version": __version__,
        "informationUri": PAGE,
        "rules": [_rule(code) for code in codes],
    }
    others = target_lines or {}
    results = [_result(finding, line, others.get(finding), codes.index(finding.code)) for finding, line in placed]
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [{"tool": {"driver": driver}, "results": results}]}


def _rule(code: str) -> dict[str, Any]:
    entry = catalogue()[code]
    return {
        "id": code,
        "shortDescription": {"text": entry.title},
        "fullDescription": {"text": entry.why},
        "help": {"text": entry.help},
        "helpUri": PAGE,
        "defaultConfiguration": {"level": LEVELS[entry.severity]},
    }


def _result(finding: Finding, line: int | None, target_line: int | None, index: int) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ruleId": finding.code,
        "ruleIndex": index,
        "level": LEVELS[finding.severity],
        "message": {"text": finding.message},
    }
    if location := _location(finding.file, finding.pointer, line):
        result["locations"] = [location]
    if finding.target and (other := _location(finding.target_file, finding.target, target_line)):
        # code hosts show a related location only where the message links to it
        escaped = re.sub(r"[\\\[\]]", r"\\\g<0>", finding.message)
        result["message"] = {"text": f"{escaped} [in the translation](1)"}
        result["relatedLocations"] = [{"id": 1, **other, "message": {"text": finding.target}}]
    return result


def _location(file: str | None, pointer: str, line: int | None) -> dict[str, Any]:
    location: dict[str, Any] = {}
    if file:
        location["physicalLocation"] = {"artifactLocation": {"uri": _uri(file)}}
        if line:
            location["physicalLocation"]["region"] = {"startLine": line}
    if pointer:
        location["logicalLocations"] = [{"fullyQualifiedName": pointer}]
    return location


def _uri(file: str) -> str:
    path = PurePath(file)
    return path.as_uri() if path.is_absolute() else quote(path.as_posix())
