"""The command line: one module a command. A command parses options and prints; the work is done elsewhere."""

from __future__ import annotations

import os
import sys
import traceback
from typing import Annotated

import typer

from .. import __version__
from ..findings import InputError, RefusedError
from .assess import assess
from .capture import capture
from .convert import convert
from .explain import explain
from .inspect import inspect
from .lint import lint
from .map import map_
from .mappings import mappings
from .pull import pull
from .run import run
from .scan import scan
from .submit import submit
from .validate import validate
from .workshop import workshop

app = typer.Typer(
    name="smx2vertex",
    help="From SageMaker Pipelines to Vertex AI Pipelines, with proof that the translation means the same.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # rich help costs more than twice the start of the process
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("pull")(pull)
app.command("capture")(capture)
app.command("scan")(scan)
app.command("inspect")(inspect)
app.command("map")(map_)
app.command("convert")(convert)
app.command("validate")(validate)
app.command("lint")(lint)
app.command("run")(run)
app.command("submit")(submit)
app.command("assess")(assess)
app.command("explain")(explain)
app.add_typer(mappings, name="mappings")
app.add_typer(workshop, name="workshop")


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"smx2vertex {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of a fault.")] = False,
) -> None:
    if debug:
        os.environ["SMX2VERTEX_DEBUG"] = "1"


def main() -> None:
    """The entry point. Exit codes: 0 fine, 1 the answer is no, 2 wrong usage or input, 3 a fault of ours."""
    sys.exit(run_command())


def run_command() -> int:
    """Run the command that `sys.argv` names; returns the exit code."""
    try:
        app()  # ends by SystemExit, and has then said what was wrong with the usage
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0
    except (InputError, RefusedError) as error:
        from .output import print_input_error

        print_input_error(error)
        return 1 if isinstance(error, RefusedError) else 2
    except Exception as error:
        if os.environ.get("SMX2VERTEX_DEBUG"):
            traceback.print_exc()
        from ..words import harmless

        said = harmless(f"{type(error).__name__}: {error}")
        print(f"This is a fault of smx2vertex: {said}", file=sys.stderr)
        print("Please report it, with the output of the same command after `smx2vertex --debug`.", file=sys.stderr)
        return 3
    return 0
