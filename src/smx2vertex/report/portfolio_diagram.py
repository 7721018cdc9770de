"""The dependencies of a portfolio as a picture."""

from __future__ import annotations

from .diagram import Diagram, Edge, Node
from .portfolio import Portfolio
from .portfolio_words import both_ends

# GitHub draws no larger diagram, and a larger one is no reading on a page.
_MOST_EDGES = 120
_LONGEST_NAME = 40


def dependencies_diagram(portfolio: Portfolio) -> tuple[Diagram, int]:
    """Pipelines and what they share, and how many dependencies are too large for the picture."""
    edges: list[Edge] = []
    nodes: dict[str, Node] = {}
    order = {entry.id: (entry.wave, 0) for entry in portfolio.pipelines}
    missing = 0
    for each in portfolio.dependencies:
        if len(edges) + len(each.sources) + len(each.users) > _MOST_EDGES:
            missing += 1
            continue
        shared = f"{each.kind} {each.name}"
        nodes |= {name: _node(name) for name in each.sources}
        order[shared] = (max(order[name][0] for name in each.sources), 1)
        nodes.setdefault(shared, Node(shared, both_ends(each.name, _LONGEST_NAME), each.kind, "data"))
        nodes |= {name: _node(name) for name in each.users}
        edges += [Edge(name, shared) for name in each.sources] + [Edge(shared, name) for name in each.users]
    ordered = sorted(nodes.values(), key=lambda node: order[node.id])  # as they move, so that arrows lead down
    return Diagram("Dependencies between pipelines", tuple(ordered), tuple(edges)), missing


def _node(pipeline: str) -> Node:
    return Node(pipeline, both_ends(pipeline, _LONGEST_NAME))
