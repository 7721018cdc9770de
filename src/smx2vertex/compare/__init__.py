"""The checker: whether a pipeline spec means the same as a definition, without a look at how it was made."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ..findings import Finding
from ..kubeflow.graph import Graph, read_graph
from ..kubeflow.spec import PipelineSpec
from ..sagemaker.definition import Definition
from .alignment import Alignment, align, merge
from .correspondences import Correspondences
from .matching import Matcher
from .neutral import Pipeline, Product
from .parameters import Parameters, parameter_names
from .source import never_starts, read_source
from .structure import Structure, fact_findings
from .target import read_target
from .verdict import Check, Comparison, Excluded

__all__ = ["Check", "Comparison", "Excluded", "compare"]

NO_BEHAVIOUR = "the simulators are not part of this version"


def compare(
    definition: Definition,
    target: PipelineSpec | Graph,
    match: Mapping[str, Iterable[str]] | None = None,
    machines: Mapping[str, str] | None = None,
) -> Comparison:
    """Compare a definition with a compiled pipeline.

    Args:
        definition: the source; it must have no reading fault of severity error.
        target: the pipeline spec, or the graph of one.
        match: tasks by step, where a person knows better than names and data flow tell.
        machines: the machine type that was chosen for each instance type, where that is known.

    Raises:
        InputError: `match` names a step or task that is not there.
    """
    graph = read_graph(target) if isinstance(target, PipelineSpec) else target
    source, tasks = read_source(definition), read_target(graph)
    alignment = align(source, tasks, match)
    merged = merge(tasks, alignment)
    excluded = _excluded(source, merged)
    correspondences = Correspondences(source.file, machines)
    matcher = Matcher(source, parameter_names(source, merged), correspondences)
    edges, values = fact_findings(source, merged, matcher, excluded)
    structure = Structure(source, merged, matcher, alignment)
    of_structure = [*structure.findings(graph.findings), *edges]
    of_parameters = list(Parameters(source, merged, matcher, correspondences, excluded).findings(values))
    checks = (
        Check("structure", _once(of_structure)),
        Check("parameters", _once(of_parameters)),
        Check("behaviour", (), NO_BEHAVIOUR, skipped=True),
    )
    return Comparison(
        checks,
        tuple(alignment.entries.values()),
        tuple(Excluded(step, code) for step, code in excluded.items()),
        tuple(correspondences.to_list()),
        _counts(source, alignment, matcher),
    )


def _excluded(source: Pipeline, target: Pipeline) -> dict[str, str]:
    """The steps that equality does not speak of: those that never start, and those that a failing task stands for."""
    found = {step.name: "SMX418" for step in source.nodes.values() if never_starts(step)}
    untranslated = {node.name: node.code or "" for node in target.nodes.values() if node.kind == "not translated"}
    return {**found, **untranslated}


def _once(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    return tuple(dict.fromkeys(findings))


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
