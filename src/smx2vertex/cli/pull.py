"""`smx2vertex pull`: the pipelines of an AWS account into a bundle."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..words import counted
from .output import Format

if TYPE_CHECKING:
    from ..sagemaker.account import Account
    from ..sagemaker.pull import Pulled


def pull(
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder of the bundle; an earlier pull goes on.")],
    region: Annotated[str | None, typer.Option(help="Region; else that of the environment or profile.")] = None,
    profile: Annotated[str | None, typer.Option(help="Profile of the AWS configuration.")] = None,
    pipeline: Annotated[list[str] | None, typer.Option(metavar="NAME", help="Only this pipeline; repeatable.")] = None,
    no_code: Annotated[bool, typer.Option("--no-code", help="Leave the files that definitions name in S3.")] = False,
    endpoint_url: Annotated[str | None, typer.Option(metavar="URL", help="Another place than AWS.")] = None,
    format: Annotated[Format, typer.Option(help="Form of the output.")] = Format.text,
) -> None:
    """Fetch pipelines, parameters, code and triggers of an AWS account; nothing in the account is changed."""
    from ..sagemaker.account import connect
    from .output import print_json

    pulled = _pull(connect(profile, region, endpoint_url), out, pipeline or [], not no_code)
    if format is Format.json:
        print_json(pulled.to_dict())
    else:
        _print_text(pulled)
    if pulled.failed:
        raise typer.Exit(1)


def _pull(account: Account, out: Path, names: list[str], code: bool) -> Pulled:
    from rich.text import Text

    from ..sagemaker.pull import pull
    from .output import console

    try:
        if not sys.stderr.isatty():
            return pull(account, out, names, code)
        with console(to_stderr=True).status("pipelines") as status:
            # a Text, since names may look like markup
            return pull(account, out, names, code, lambda text: status.update(Text(text)))
    except OSError as error:
        raise typer.BadParameter(f"{error.filename or out}: {error.strerror}", param_hint="--out") from error


def _print_text(pulled: Pulled) -> None:
    from .output import console, print_findings

    out = console()
    out.print(
        f"{pulled.folder}: {counted(len(pulled.fetched), 'pipeline')} fetched, {len(pulled.unchanged)} unchanged, "
        f"{len(pulled.failed)} failed; {counted(pulled.files, 'file')} of code; {counted(pulled.triggers, 'trigger')}, "
        f"{counted(pulled.model_package_groups, 'model package group')}"
    )
    if pulled.failed:
        out.print(f"  failed: {', '.join(map(repr, pulled.failed))}")
    print_findings(pulled.findings)
