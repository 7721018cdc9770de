"""`smx2vertex validate`: whether a compiled pipeline, or a project, means the same as a definition."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .source import Config, Python, open_source
from .validate_output import ValidateFormat, print_comparison, print_page

if TYPE_CHECKING:
    from ..compare import Check, Comparison
    from ..kubeflow.spec import PipelineSpec


def validate(
    source: Annotated[Path, typer.Argument(help="A definition, a bundle, a Python file[:FUNCTION] or a notebook.")],
    target: Annotated[Path, typer.Argument(help="A compiled pipeline, or a generated project.")],
    match: Annotated[
        list[str] | None, typer.Option(metavar="STEP=TASK", help="The task that stands for a step; repeatable.")
    ] = None,
    match_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Tasks by step, as --write-match writes them.")
    ] = None,
    write_match: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write which tasks stand for which step, for editing.")
    ] = None,
    ignore: Annotated[
        list[str] | None, typer.Option(metavar="CODE", help="Leave out findings of this code; repeatable.")
    ] = None,
    config: Config = None,
    strict: Annotated[bool, typer.Option("--strict", help="Fail if a step is left out of the comparison.")] = False,
    pipeline: Annotated[
        str | None, typer.Option(metavar="NAME", help="Which pipeline of a bundle; else its name.")
    ] = None,
    python: Python = None,
    scenarios: Annotated[
        int, typer.Option(min=1, metavar="N", help="How many executions are simulated at most, for each target.")
    ] = 256,
    seed: Annotated[int, typer.Option(help="Which scenarios are taken where there are more.")] = 0,
    story: Annotated[
        bool, typer.Option("--story", help="Only a page (HTML) of the smallest execution that differs, step by step.")
    ] = False,
    format: Annotated[ValidateFormat, typer.Option(help="Form of the output.")] = ValidateFormat.text,
) -> None:
    """Compare a definition with a compiled pipeline, whoever translated it: structure, parameters, behaviour."""
    from ..compare import compare
    from ..compare.project import compare_project, is_project
    from ..kubeflow.flattening import read_graph
    from .matches import matches, write
    from .output import hide_secrets, usable

    ignored = _codes(ignore or [])
    given = matches(match or [], match_file)
    definition = usable(open_source(source, pipeline, python).definition)
    spec = _spec(target)
    hide_secrets(definition.raw, spec.raw)
    graph = read_graph(spec)
    if is_project(target):
        comparison = compare_project(definition, target, given, scenarios, seed)
    else:
        comparison = compare(definition, graph, given, scenarios=scenarios, seed=seed)
    if config:
        comparison = replace(comparison, checks=(*comparison.checks, _config_check(comparison, config)))
    comparison = comparison.ignoring(ignored)
    if write_match:
        write(write_match, comparison, graph, given)
    if story or format is ValidateFormat.html:
        print_page(comparison, definition, graph, story)
    else:
        print_comparison(format, comparison, definition, strict)
    if not comparison.equivalent or (strict and comparison.excluded):
        raise typer.Exit(1)


def _spec(target: Path) -> PipelineSpec:
    """A compiled pipeline, or that of a project for Vertex AI."""
    from ..compare.project import compiled, is_project
    from ..kubeflow.spec import load

    return load(compiled(target, "vertex") if is_project(target) else target)


def _codes(given: list[str]) -> frozenset[str]:
    """The codes to leave out.

    Raises:
        typer.BadParameter: one of them is no code.
    """
    from ..findings import catalogue

    codes = frozenset(code.upper() for code in given)
    for code in sorted(codes - catalogue().keys()):
        raise typer.BadParameter(f"{code} is no code of a finding", param_hint="--ignore")
    return codes


def _config_check(comparison: Comparison, config: list[Path]) -> Check:
    """Whether the target has the buckets, images and machines that the user's configuration names."""
    from ..compare import Check
    from ..findings import Finding
    from ..vertex.config import load_config

    chosen = load_config(config)
    own = chosen.correspondences
    wanted = {("bucket", f"s3://{source}"): f"gs://{target}" for source, target in own.buckets.items()}
    wanted |= {(kind, source): own.images[source] for kind in ("image", "serving image") for source in own.images}
    wanted |= {("machine", source): target for source, target in own.machines.items()}
    found = []
    for pair in comparison.correspondences:
        target = wanted.get((pair["kind"], pair["source"]))
        if target not in (None, pair["target"]):
            message = f"the {pair['kind']} {pair['source']} is {pair['target']} in the target, not {target}"
            found.append(Finding("SMX265", message))
    return Check("config", (*chosen.findings, *found))
