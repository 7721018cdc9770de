"""A pipeline definition as a diagram."""

from __future__ import annotations

from collections.abc import Iterator

from ..sagemaker.dataflow import Dataflow, StepFlow
from ..sagemaker.definition import Branch
from ..sagemaker.wording import conditions_text
from .diagram import Diagram, Edge, Group, Node, NodeKind

_KINDS: dict[str, NodeKind] = {"Condition": "decision", "Fail": "end"}


def definition_diagram(flow: Dataflow) -> Diagram:
    """The definition as a picture: data, dependencies, and branches."""
    ids = {each.step.name: each.step.pointer for each in flow.steps}
    labels = {(each.step.name, made.path): made.name for each in flow.steps for made in each.produces}
    branches = {each.step.name: each.step.branch for each in flow.steps}
    nodes: list[Node] = []
    edges: list[Edge] = []
    groups: dict[str, tuple[str, str]] = {}
    for each in flow.steps:
        step = each.step
        group = None
        if step.branch is not None:
            group = f"{ids.get(step.branch.condition, '')}/{step.branch.name}"
            groups.setdefault(group, (step.branch.condition, f"{step.branch.condition}: {step.branch.name}"))
        elif each.loop is not None:
            group = f"{ids.get(each.loop, '')}/each"
            groups.setdefault(group, (each.loop, f"{each.loop}: each item"))
        note = conditions_text(step.conditions) if step.type == "Condition" else ""
        subtitle = each.disguise or step.type
        nodes.append(Node(step.pointer, step.name, subtitle, _KINDS.get(step.type, "work"), group, note))
        edges.extend(_edges(each, ids, labels, branches))
    around = {each.step.name: node.group for each, node in zip(flow.steps, nodes, strict=True)}
    boxes = tuple(Group(id_, title, around.get(holder)) for id_, (holder, title) in groups.items())
    return Diagram(flow.definition.name, tuple(nodes), tuple(edges), boxes)


def _edges(
    flow: StepFlow, ids: dict[str, str], labels: dict[tuple[str, str], str], branches: dict[str, Branch | None]
) -> Iterator[Edge]:
    """The arrows into a step. The condition around it leads to the first steps of the branch only."""
    step = flow.step
    around = flow.loop if step.branch is None else step.branch.condition
    follows = step.branch is not None and any(branches.get(name) == step.branch for name in flow.waits_for)
    for producer in dict.fromkeys((*flow.waits_for, *(taken.step for taken in flow.consumes))):
        taken = (each for each in flow.consumes if each.step == producer)
        data = list(dict.fromkeys(labels.get((each.step, each.path), each.path) for each in taken))
        if producer == around and not data:
            if not follows:
                yield Edge(ids[producer], step.pointer, step.branch.name if step.branch else "each item", "branch")
        elif producer != step.name:
            yield Edge(ids[producer], step.pointer, ", ".join(data), "data" if data else "order")
