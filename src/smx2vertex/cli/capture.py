"""`smx2vertex capture`: runs a program offline, and keeps the pipelines that it builds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .output import Format

if TYPE_CHECKING:
    from ..sagemaker.capture import Captured, Program

LAST_LINES = 20


def capture(
    source: Annotated[
        str, typer.Argument(metavar="SOURCE[:FUNCTION]", help="A Python file, a module with a function, or a notebook.")
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder of the bundle.")],
    arguments: Annotated[
        list[str] | None, typer.Argument(metavar="[-- ARGS...]", help="Arguments of the program.")
    ] = None,
    python: Annotated[
        Path | None, typer.Option(metavar="EXE", help="The interpreter with your SageMaker SDK; else the active one.")
    ] = None,
    kw: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="Argument of the function; repeatable.")
    ] = None,
    repair: Annotated[bool, typer.Option("--repair", help="Mend known mistakes of course code, and say so.")] = False,
    timeout: Annotated[float, typer.Option(metavar="S", help="Seconds until the program is stopped.", min=1)] = 300,
    format: Annotated[Format, typer.Option(help="Form of the output.")] = Format.text,
) -> None:
    """Run SageMaker SDK code offline, and keep its pipelines and the scripts that it would upload.

    Your code is executed, without AWS credentials and without a network.
    """
    from ..sagemaker.capture import find_program
    from .output import print_json

    program = find_program(source)
    if program is None:
        raise typer.BadParameter(f"{source!r} is no Python file, no notebook, and no MODULE:FUNCTION")
    keywords = _keywords(kw or [])
    if keywords and program.function is None:
        raise typer.BadParameter(f"a function takes them: {source}:FUNCTION", param_hint="--kw")
    captured = run_program(
        program, out, python=python, arguments=arguments or [], keywords=keywords, repair=repair, timeout=timeout
    )
    if format is Format.json:
        print_json(_document(captured))
    else:
        _print_text(captured)
    if not captured.complete:
        raise typer.Exit(1)


def run_program(program: Program, out: Path, **options: Any) -> Captured:
    """Capture a program; say before that it is executed, and show what it printed if it failed."""
    from ..sagemaker.capture import ProgramError, capture, has_network_namespace
    from .output import message

    guard = "without a network" if has_network_namespace() else "with a guard against connections"
    message(f"{program.shown} is executed, without AWS credentials and {guard}")
    try:
        captured = capture(program, out, **options)
    except ProgramError as error:
        _show(error.output)
        raise
    if not captured.complete:
        _show(captured.output)
    return captured


def _show(output: str) -> None:
    """The end of what a program printed, without what boto3 and the SDK log on their own."""
    from .output import message

    logged = ("sagemaker.config INFO", "INFO:botocore")
    lines = [line for line in output.splitlines() if not any(each in line for each in logged)]
    for line in lines[-LAST_LINES:]:
        message(f"  | {line}")


def _keywords(options: list[str]) -> dict[str, str]:
    keywords: dict[str, str] = {}
    for option in options:
        name, separator, value = option.partition("=")
        if not (separator and name.isidentifier()):
            raise typer.BadParameter(f"{option!r} is not of the form NAME=VALUE", param_hint="--kw")
        keywords[name] = value
    return keywords


def _document(captured: Captured) -> dict[str, Any]:
    return {
        "bundle": str(captured.bundle.folder),
        "complete": captured.complete,
        "pipelines": captured.bundle.pipelines,
        "code": captured.bundle.code,
        "triggers": captured.triggers,
        "findings": [finding.to_dict() for finding in captured.findings],
    }


def _print_text(captured: Captured) -> None:
    from .output import console, print_findings

    bundle = captured.bundle
    counts = (
        (len(bundle.pipelines), "pipeline"),
        (len(bundle.code), "file"),
        (len(captured.triggers), "trigger"),
    )
    listed = ", ".join(f"{count} {what}{'s' * (count != 1)}" for count, what in counts if count)
    console().print(f"{bundle.folder}: {listed}")
    for name in bundle.names():
        console().print(f"  {name}")
    print_findings(captured.findings)
