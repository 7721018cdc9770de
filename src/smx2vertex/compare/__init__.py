"""The checker: whether a pipeline spec means the same as a definition, without a look at how it was made."""

from __future__ import annotations

import gc
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

from ..findings import Finding
from ..kubeflow.flattening import read_graph
from ..kubeflow.graph import Graph
from ..kubeflow.spec import PipelineSpec
from ..sagemaker.definition import Definition
from ..sagemaker.secrets import MASK
from ..sagemaker.without_secrets import without_secrets
from .alignment import NO_STEP, NO_TASK, Alignment, align, merge
from .behaviour import Rehearsal, Sides
from .correspondences import Correspondences
from .matching import Matcher
from .neutral import Pipeline, Product
from .parameters import Parameters, parameter_names
from .scenarios import DEFAULT_SCENARIOS
from .source import SourceReader, never_starts
from .stories import Behaviour
from .structure import Structure, decides_unseen, fact_findings
from .target import TargetReader
from .verdict import Check, Comparison, Excluded

__all__ = ["DEFAULT_SCENARIOS", "NO_STEP", "NO_TASK", "Check", "Comparison", "Excluded", "compare"]

BROKEN = "not simulated: no engine would start a pipeline with such a structure"


def compare(
    definition: Definition,
    target: PipelineSpec | Graph,
    match: Mapping[str, Iterable[str]] | None = None,
    machines: Mapping[str, str] | None = None,
    scenarios: int = DEFAULT_SCENARIOS,
    seed: int = 0,
) -> Comparison:
    """Compare a definition with a compiled pipeline.

    Args:
        definition: the source; it must have no reading fault of severity error.
        target: the pipeline spec, or the graph of one.
        match: tasks by step, where a person knows better than names and data flow tell; `[NO_TASK]` for a step that
            has none, `NO_STEP` in the place of a step for tasks that stand for none.
        machines: the machine type that was chosen for each instance type, where that is known.
        scenarios: how many executions are simulated at most.
        seed: which of them are taken where there are more.

    Raises:
        InputError: `match` names a step or task that is not there, or contradicts itself.
    """
    with _no_collection():
        return _compared(_as_in(definition, target), target, match, machines, scenarios, seed)


def _as_in(definition: Definition, target: PipelineSpec | Graph) -> Definition:
    """The definition without its secrets, if the target was written without them."""
    bare = without_secrets(definition)
    return bare if bare is not definition and MASK in repr(target) else definition


@contextmanager
def _no_collection() -> Iterator[None]:
    """Keep Python from looking for garbage in cycles: a comparison leaves hardly any.

    Measured with 1,000 steps, the search takes as long as the comparison itself, for it goes over all steps and tasks
    again and again while scenarios come and go.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _compared(
    definition: Definition,
    target: PipelineSpec | Graph,
    match: Mapping[str, Iterable[str]] | None,
    machines: Mapping[str, str] | None,
    scenarios: int,
    seed: int,
) -> Comparison:
    graph = read_graph(target) if isinstance(target, PipelineSpec) else target
    source_reader, target_reader = SourceReader(definition), TargetReader(graph, graph.file)
    source, tasks = source_reader.pipeline(), target_reader.pipeline()
    alignment = align(source, tasks, match)
    merged = merge(tasks, alignment)
    excluded = _excluded(source, merged, alignment)
    correspondences = Correspondences(source.file, machines)
    matcher = Matcher(source, parameter_names(source, merged), correspondences, merged)
    edges, values = fact_findings(source, merged, matcher, excluded)
    structure = Structure(source, merged, matcher, alignment)
    of_structure = [*structure.findings(graph.findings), *edges]
    parameters = Parameters(source, merged, matcher, correspondences, excluded)
    of_parameters = list(parameters.findings(values))
    behaviour = None
    if not any(finding.severity == "error" for finding in graph.findings):
        sides = Sides(source_reader, target_reader, source, tasks, merged, alignment, matcher, parameters, excluded)
        behaviour = Rehearsal(sides).behaviour(scenarios, seed)
    checks = (
        Check("structure", _once(of_structure, graph.file)),
        Check("parameters", _once(of_parameters, graph.file)),
        _behaviour_check(behaviour, graph.file),
    )
    return Comparison(
        checks,
        tuple(alignment.entries.values()),
        tuple(Excluded(step, code) for step, code in excluded.items()),
        tuple(correspondences.to_list()),
        _counts(source, alignment, matcher),
        behaviour,
    )


def _behaviour_check(behaviour: Behaviour | None, file: str | None) -> Check:
    if behaviour is None:
        return Check("behaviour", (), BROKEN, skipped=True)
    return Check("behaviour", _once(behaviour.findings, file), behaviour.summary, skipped=not behaviour.run)


def _excluded(source: Pipeline, target: Pipeline, alignment: Alignment) -> dict[str, str]:
    """The steps that equality does not speak of, with the findings that say why.

    They never start, have no task because somebody says so, are not translated, or are conditions that a program
    decides which cannot be read.
    """
    found = {step.name: "SMX418" for step in source.nodes.values() if never_starts(step)}
    found |= dict.fromkeys(alignment.without, "SMX428")
    for node in target.nodes.values():
        if node.kind == "not translated":
            found[node.name] = node.code or ""
        elif decides_unseen(source.nodes[node.name], node):
            found[node.name] = "SMX425"
    return found


def _once(findings: Iterable[Finding], file: str | None) -> tuple[Finding, ...]:
    """Each finding once; places in the pipeline spec are places in this file."""
    return tuple(dict.fromkeys(replace(each, target_file=file) if each.target else each for each in findings))


def _counts(source: Pipeline, alignment: Alignment, matcher: Matcher) -> dict[str, int]:
    edges = {(node.name, part) for node in source.nodes.values() for part in node.parts() if isinstance(part, Product)}
    branches = {(guard.condition, guard.outcome) for node in source.nodes.values() for guard in node.guards}
    return {
        "steps": len(source.nodes),
        "tasks": len(alignment.owner) + len(alignment.extra),
        "data_edges": len(edges),
        "branches": len(branches),
        "parameters": len(source.parameters),
        "parameters_found": len(matcher.parameters),
    }
