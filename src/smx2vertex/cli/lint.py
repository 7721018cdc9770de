"""`smx2vertex lint`: hazards in any pipeline spec, without a source."""

from __future__ import annotations

from collections import Counter
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..words import counted, one_line

if TYPE_CHECKING:
    from ..findings import Finding
    from ..kubeflow.hazards import Limits

Placed = list[tuple["Finding", "int | None"]]


class LintFormat(str, Enum):
    """Forms of output of `lint`."""

    text = "text"
    json = "json"
    sarif = "sarif"


def lint(
    target: Annotated[Path, typer.Argument(help="A compiled pipeline, whoever wrote it, or a generated project.")],
    ignore: Annotated[
        list[str] | None, typer.Option("--ignore", metavar="CODE", help="Leave out findings of this code; repeatable.")
    ] = None,
    format: Annotated[LintFormat, typer.Option(help="Form of the output.")] = LintFormat.text,
) -> None:
    """Find what compiles without a word, and fails or surprises when it runs."""
    from .output import print_json

    ignored = _codes(ignore or [])
    files = _files(target)
    found = [pair for file in files for pair in _hazards(file)]
    kept = [(finding, line) for finding, line in found if finding.code not in ignored]
    if format is LintFormat.json:
        print_json(_document(files, kept, len(found) - len(kept)))
    elif format is LintFormat.sarif:
        from ..report.sarif import to_sarif

        print_json(to_sarif(kept))
    else:
        _print_text(files, kept, len(found) - len(kept))
    if any(finding.severity == "error" for finding, _ in kept):
        raise typer.Exit(1)


def _codes(given: list[str]) -> frozenset[str]:
    """The codes to leave out.

    Raises:
        typer.BadParameter: one of them is none of a hazard.
    """
    from ..kubeflow.hazards import GRAPH_CODES, RULES

    codes = frozenset(code.upper() for code in given)
    for code in sorted(codes - RULES.keys() - set(GRAPH_CODES)):
        raise typer.BadParameter(
            f"{code} is no code of a hazard; they are SMX510 to {max(RULES)}", param_hint="--ignore"
        )
    return codes


def _files(target: Path) -> list[Path]:
    """The compiled files of a project, or the file itself.

    Raises:
        InputError: the folder is no project.
    """
    from ..findings import Finding, InputError

    if not target.is_dir():
        return [target]
    files = sorted((target / "compiled").glob("*.yaml"))
    if not files:
        raise InputError(Finding("SMX482", f"{target} holds no compiled pipeline", file=str(target / "compiled")))
    return files


def _hazards(file: Path) -> Placed:
    """The hazards of one file, each with its line, in the order of the file; those of the whole file first."""
    from ..kubeflow.hazards import find_hazards
    from ..kubeflow.lines import Lines
    from ..kubeflow.spec import load

    spec = load(file)
    found = find_hazards(spec, limits(), file.stat().st_size)
    if not found:
        return []
    lines = Lines(file.read_text(encoding="utf-8-sig"))
    placed = [(finding, lines.line(finding.pointer)) for finding in found]
    return sorted(placed, key=lambda pair: (pair[1] or 0, pair[0].code))


def limits() -> Limits:
    """What custom training accepts, as the tables say."""
    from ..kubeflow.hazards import Limits, MachineLimits
    from ..mapping import machines

    accepted: dict[str, MachineLimits] = {}
    for name in machines.machine_names():
        found = machines.machine(name)
        has_own = found is not None and found.accelerator
        built_in = {found.accelerator: found.accelerator_count} if found and found.accelerator else {}
        attachable = {} if has_own else machines.attachable(name)
        accepted[name] = MachineLimits(built_in, attachable, machines.only_disk_type(name))
    kinds, smallest, largest = machines.disk_rules()
    return Limits(
        machines=accepted,
        refused=machines.refused_names(),
        accelerators=frozenset(
            kind for each in accepted.values() for kind in (*each.built_in, *(each.attachable or ()))
        ),
        disk_types=kinds,
        smallest_disk_gb=smallest,
        largest_disk_gb=largest,
    )


def _document(files: list[Path], placed: Placed, ignored: int) -> dict[str, object]:
    findings = []
    for finding, line in placed:
        entry = finding.to_dict()
        findings.append(entry | {"source": entry["source"] | {"line": line}})
    return {
        "files": [str(file) for file in files],
        "findings": findings,
        "counts": _counts(placed),
        "ignored": ignored,
    }


def _counts(placed: Placed) -> dict[str, int]:
    counts = Counter(finding.severity for finding, _ in placed)
    return {"error": counts["error"], "warning": counts["warning"], "info": counts["info"]}


def _print_text(files: list[Path], placed: Placed, ignored: int) -> None:
    from rich.text import Text

    from .output import STYLES, console

    out = console()
    for finding, line in placed:
        place = f"{finding.file}:{line}" if line else str(finding.file)
        severity = (f"{finding.severity:<8}", STYLES[finding.severity])
        out.print(Text.assemble((place, "dim"), " ", (finding.code, "bold"), " ", severity, one_line(finding.message)))
    counts = " · ".join(f"{count} {severity}" for severity, count in _counts(placed).items())
    left_out = f" · {ignored} ignored" if ignored else ""
    out.print(f"{counted(len(files), 'file')} · {counts}{left_out}")
    if placed:
        out.print(Text("smx2vertex explain CODE tells why, and what to do", style="dim"))
