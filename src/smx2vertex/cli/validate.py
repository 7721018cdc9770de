"""`smx2vertex validate`: whether a compiled pipeline, or a project, means the same as a definition."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .output import Format
from .source import Config, Python, open_source

if TYPE_CHECKING:
    from ..compare import Check, Comparison
    from ..compare.behaviour import Story


def validate(
    source: Annotated[Path, typer.Argument(help="A definition, a bundle, a Python file[:FUNCTION] or a notebook.")],
    target: Annotated[Path, typer.Argument(help="A compiled pipeline, or a generated project.")],
    match: Annotated[
        list[str] | None, typer.Option(metavar="STEP=TASK", help="The task that stands for a step; repeatable.")
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
    format: Annotated[Format, typer.Option(help="Form of the output.")] = Format.text,
) -> None:
    """Compare a definition with a compiled pipeline, whoever translated it: structure, parameters, behaviour."""
    from ..compare import compare
    from ..compare.project import compare_project, is_project
    from ..kubeflow.spec import load
    from .output import print_json, usable

    definition = usable(open_source(source, pipeline, python).definition)
    matches = _matches(match or [])
    if is_project(target):
        comparison = compare_project(definition, target, matches, scenarios, seed)
    else:
        comparison = compare(definition, load(target), matches, scenarios=scenarios, seed=seed)
    if config:
        comparison = replace(comparison, checks=(*comparison.checks, _config_check(comparison, config)))
    if format is Format.json:
        print_json(comparison.to_dict())
    else:
        _print_text(comparison)
    if not comparison.equivalent or (strict and comparison.excluded):
        raise typer.Exit(1)


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


def _matches(options: list[str]) -> dict[str, list[str]]:
    """Tasks by step. A step's name may hold an equals sign, a task's name never does."""
    matches: dict[str, list[str]] = {}
    for option in options:
        step, separator, task = option.rpartition("=")
        if not (separator and step and task):
            raise typer.BadParameter(f"{option!r} is not of the form STEP=TASK", param_hint="--match")
        matches.setdefault(step, []).append(task)
    return matches


def _print_text(comparison: Comparison) -> None:
    from rich.text import Text

    from .output import console, listed, print_findings

    out = console()
    failing = sum(1 for finding in comparison.findings if finding.severity == "error")
    if comparison.equivalent:
        out.print(Text(comparison.in_words, style="green"))
    else:
        out.print(Text(f"not equivalent: {failing} difference{'s' if failing > 1 else ''}", style="bold red"))
    out.print()
    if comparison.findings:
        print_findings(comparison.findings)
        out.print()
    for check in comparison.checks:
        out.print(f"  {check.name:<11} {check.status:<5} {_detail(check, comparison.counts)}".rstrip())
    if comparison.excluded:
        steps = [f"{excluded.step} ({excluded.code})" for excluded in comparison.excluded]
        out.print(f"  left out    {listed(steps, most=20)}")
    if comparison.behaviour is not None and comparison.behaviour.stories:
        out.print()
        _print_story(comparison.behaviour.stories[0])


def _print_story(story: Story) -> None:
    """The smallest execution that differs."""
    from rich.text import Text

    from .output import console

    out = console()
    out.print(Text("the smallest execution in which the two differ:", style="bold"))
    for label, lines in (
        ("parameters", story.parameters or ("all have their defaults",)),
        ("outcomes", story.outcomes or ("all steps succeed",)),
        ("SageMaker", story.there),
        ("translation", story.here),
        ("in", story.causes),
    ):
        for index, line in enumerate(lines):
            out.print(Text(f"  {'' if index else label:<11} {line}"), soft_wrap=True)


def _detail(check: Check, counts: dict[str, int]) -> str:
    if check.name == "structure":
        return ", ".join(
            f"{counts[what]} {one if counts[what] == 1 else many}"
            for what, one, many in (
                ("steps", "step", "steps"),
                ("tasks", "task", "tasks"),
                ("data_edges", "data edge", "data edges"),
                ("branches", "branch", "branches"),
            )
        )
    if check.name == "parameters":
        return "{parameters_found} of {parameters}".format(**counts)
    return check.note
