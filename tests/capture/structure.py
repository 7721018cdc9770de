"""The shape of a definition, for comparing two of them: parameters, steps with their branches, edges."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def structure(file: Path) -> dict[str, Any]:
    """What stays of a definition when values and addresses are left out."""
    document = json.loads(file.read_text())
    steps = list(_steps(document["Steps"], ""))
    return {
        "parameters": {each["Name"]: each["Type"] for each in document["Parameters"]},
        "steps": {step["Name"]: f"{step['Type']}{branch}" for step, branch in steps},
        "edges": sorted({f"{source} -> {step['Name']}" for step, _ in steps for source in _sources(step)}),
    }


def _steps(entries: list[Any], branch: str) -> Iterator[tuple[dict[str, Any], str]]:
    for step in entries:
        yield step, branch
        for name in ("IfSteps", "ElseSteps"):
            yield from _steps(step.get("Arguments", {}).get(name, []), f" in {name} of {step['Name']}")


def _sources(step: dict[str, Any]) -> list[str]:
    arguments = step.get("Arguments", {})
    own = arguments if step["Type"] != "Condition" else arguments["Conditions"]
    return [*re.findall(r'"Steps\.([\w-]+)', json.dumps(own)), *step.get("DependsOn", [])]
