"""`smx2vertex convert`: a definition in, a compiled and validated Vertex project out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..words import counted, first_of, one_line
from .changes import print_changes, print_merges
from .source import Config, Python, open_source

if TYPE_CHECKING:
    from ..api import Conversion


def convert(
    source: Annotated[Path, typer.Argument(help="A definition, a bundle, a Python file[:FUNCTION] or a notebook.")],
    out: Annotated[Path, typer.Option(help="Folder of the project.")],
    code: Annotated[Path | None, typer.Option(help="Folder with your scripts.")] = None,
    config: Config = None,
    pipeline: Annotated[
        str | None, typer.Option(metavar="NAME", help="Which pipeline of a bundle; else its name.")
    ] = None,
    python: Python = None,
    strict: Annotated[bool, typer.Option("--strict", help="Fail if a step has no counterpart.")] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; fail and list the files if any would change.")
    ] = False,
    diff: Annotated[bool, typer.Option("--diff", help="Write nothing; show what would change.")] = False,
) -> None:
    """Generate the Vertex project of a pipeline, compile it for both targets, and validate it.

    What people changed in a project since it was last converted is merged, and stays.
    """
    from ..api import convert as converted
    from ..vertex.project import ProjectError
    from .output import usable

    if code is not None and not code.is_dir():
        raise typer.BadParameter(f"{code} is no folder", param_hint="--code")
    opened = open_source(source, pipeline, python)
    usable(opened.definition)
    try:
        conversion = converted(opened, out, code=code, config=config or [], dry=check or diff)
    except ProjectError as error:
        raise typer.BadParameter(str(error), param_hint="--out") from error
    if check or diff:
        print_changes(conversion.project, check, diff)
        return
    _print(conversion)
    comparison = conversion.comparison
    if comparison is None or not comparison.equivalent or (strict and conversion.planned.excluded):
        raise typer.Exit(1)


def _print(conversion: Conversion) -> None:
    from .output import console, print_findings

    out = console()
    definition, planned, project = conversion.definition, conversion.planned, conversion.project
    steps = counted(len(conversion.report.steps), "step")
    tasks = counted(len(planned.plan.components), "task")
    sizes = ", ".join(f"{target} {size / 1000:.0f} kB" for target, size in project.sizes.items()) or "not compiled"
    out.print(f"{definition.name}: {steps} became {tasks} in {project.path} ({sizes})")
    print_merges(project)
    findings = list(dict.fromkeys([*definition.findings, *planned.findings, *project.findings]))
    if findings:
        print_findings(findings)
    if planned.excluded:
        names = one_line(first_of(list(planned.excluded), 20, "steps"))
        out.print(f"  no counterpart yet, so that they fail and say why: {names}")
    comparison = conversion.comparison
    if comparison is None:
        out.print("  NOT compiled, and so not compared; what compiled/ holds is from before")
    else:
        out.print(f"  {comparison.in_words}" if comparison.equivalent else "  NOT equivalent:")
    if comparison is not None and not comparison.equivalent:
        print_findings([finding for check in comparison.checks for finding in check.findings])
    out.print(f"  what is left to do: {project.path / 'MIGRATION.md'}")
