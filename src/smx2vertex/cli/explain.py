"""`smx2vertex explain`: what a finding or a rule means, why, and what to do."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .source import Config


def explain(
    name: Annotated[str, typer.Argument(metavar="CODE_OR_RULE", help="Such as SMX201, or processing:Environment.*")],
    config: Config = None,
) -> None:
    """Explain a finding or a rule of the mapping tables."""
    from ..findings import catalogue

    code = catalogue().get(name.upper())
    if code is not None:
        typer.echo(f"{code.code} · {code.severity} · {code.title}\n\n{code.why}\n\nWhat to do: {code.help}")
        return
    rule = _rule(name, config or [])
    if rule is None:
        raise typer.BadParameter(f"{name!r} is neither a code of a finding nor a rule")
    typer.echo(rule)


def _rule(name: str, config: list[Path]) -> str | None:
    from ..vertex.config import load_config

    for each in load_config(config).tables.all():
        for row in each.all_rows:
            if row.rule == name:
                lines = [f"{row.rule} · {row.verdict}", "", f"Becomes: {row.to or 'nothing'}"]
                lines += [f"Because: {row.because}"] if row.because else []
                lines += [f"Finding: {row.code}"] if row.code else []
                lines += [f"Held by: {row.test}"] if row.test else []
                return "\n".join([*lines, f"From: {row.file}"])
    return None
