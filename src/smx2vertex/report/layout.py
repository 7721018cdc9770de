"""Places the nodes of a diagram in layers, by grandalf's version of Sugiyama's method."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .diagram import DiagramTooLargeError

# More takes grandalf more than a few seconds.
MAX_NODES = 600
MAX_BENDS = 6_000
_BEND_WIDTH = 1


@dataclass(slots=True)
class Layout:
    """Where things are.

    Attributes:
        layers: the ids of the nodes from left to right, layer by layer from the top.
        x: the middle of each node, in the unit of its width.
        bends: for each edge its x at each layer between its ends, from the upper to the lower.
        width: of the whole, in the same unit.
    """

    layers: list[list[str]] = field(default_factory=list)
    x: dict[str, float] = field(default_factory=dict)
    bends: dict[tuple[str, str], list[float]] = field(default_factory=dict)
    width: float = 0

    def layer_of(self) -> dict[str, int]:
        """The layer of each node."""
        return {node: index for index, layer in enumerate(self.layers) for node in layer}


def arrange(widths: Mapping[str, float], edges: Iterable[tuple[str, str]], gap: float, limit: float) -> Layout:
    """Place nodes in layers so that every edge leads down.

    Args:
        widths: the width of each node by id, in an order in which they can run; an edge against it is turned round.
        edges: pairs of ids.
        gap: the least space between two nodes of a layer.
        limit: parts that nothing connects stand side by side up to this width, then below each other.

    Raises:
        DiagramTooLargeError: a connected part is too large.
    """
    order = {node: index for index, node in enumerate(widths)}
    downwards = {(a, b) if order[a] < order[b] else (b, a) for a, b in edges if a != b}
    parts = [
        _part(members, widths, sorted(pair for pair in downwards if pair[0] in members), gap)
        for members in _components(widths, downwards)
    ]
    whole = Layout()
    band, left, height = 0, 0.0, 0
    for part in parts:
        if left and left + part.width > limit:
            band, left, height = band + height, 0.0, 0
        _add(whole, part, band, left)
        left += part.width + gap
        height = max(height, len(part.layers))
        whole.width = max(whole.width, left - gap)
    return whole


def _components(nodes: Iterable[str], edges: set[tuple[str, str]]) -> list[dict[str, None]]:
    neighbours: dict[str, list[str]] = defaultdict(list)
    for a, b in edges:
        neighbours[a].append(b)
        neighbours[b].append(a)
    found: list[dict[str, None]] = []
    seen: set[str] = set()
    nodes = list(nodes)
    for node in nodes:
        if node in seen:
            continue
        members, waiting = {node}, [node]
        while waiting:
            for neighbour in neighbours[waiting.pop()]:
                if neighbour not in members:
                    members.add(neighbour)
                    waiting.append(neighbour)
        seen |= members
        found.append(dict.fromkeys(each for each in nodes if each in members) if len(members) > 1 else {node: None})
    return found


@dataclass(slots=True)
class _View:
    """What grandalf asks of the view of a node."""

    w: float
    h: float = 1
    xy: tuple[float, float] = (0, 0)


def _part(members: Mapping[str, None], widths: Mapping[str, float], edges: list[tuple[str, str]], gap: float) -> Layout:
    if len(members) == 1:
        (node,) = members
        return Layout([[node]], {node: widths[node] / 2}, {}, widths[node])
    _check_size(members, edges)
    from grandalf.graphs import Edge, Vertex, graph_core
    from grandalf.layouts import SugiyamaLayout

    vertices: dict[str, Any] = {node: Vertex(node) for node in members}
    for node, vertex in vertices.items():
        vertex.view = _View(w=widths[node])
    arrows: dict[tuple[str, str], Any] = {pair: Edge(vertices[pair[0]], vertices[pair[1]]) for pair in edges}
    # grandalf's Graph would find the connected parts once more, in an order that changes from run to run
    sugiyama = SugiyamaLayout(graph_core(list(vertices.values()), list(arrows.values())))
    sugiyama.xspace = gap
    sugiyama.dw = _BEND_WIDTH
    sugiyama.init_all(inverted_edges=[])
    sugiyama.draw()
    x = _spread(sugiyama.layers, gap)
    left = min(x[point] - point.view.w / 2 for point in x)
    part = Layout([[point.data for point in layer if isinstance(point, Vertex)] for layer in sugiyama.layers])
    part.x = {node: x[vertex] - left for node, vertex in vertices.items()}
    for pair, arrow in arrows.items():
        ranks = range(sugiyama.grx[arrow.v[0]].rank + 1, sugiyama.grx[arrow.v[1]].rank)
        part.bends[pair] = [x[sugiyama.ctrls[arrow][rank]] - left for rank in ranks]
    part.width = max(x[point] + point.view.w / 2 for point in x) - left
    return part


def _spread(layers: Iterable[Iterable[Any]], gap: float) -> dict[Any, float]:
    """The x of all nodes and bends, moved to the right where grandalf puts one over the other."""
    found: dict[Any, float] = {}
    for layer in layers:
        end = float("-inf")
        for point in layer:
            half = point.view.w / 2
            found[point] = max(point.view.xy[0], end + gap + half)
            end = found[point] + half
    return found


def _check_size(members: Mapping[str, None], edges: list[tuple[str, str]]) -> None:
    depth = dict.fromkeys(members, 0)
    order = {node: index for index, node in enumerate(members)}
    for a, b in sorted(edges, key=lambda pair: order[pair[0]]):
        depth[b] = max(depth[b], depth[a] + 1)
    bends = sum(depth[b] - depth[a] - 1 for a, b in edges)
    if len(members) > MAX_NODES or bends > MAX_BENDS:
        raise DiagramTooLargeError(
            f"{len(members)} connected nodes with {len(edges)} connections are too many to place"
        )


def _add(whole: Layout, part: Layout, band: int, left: float) -> None:
    while len(whole.layers) < band + len(part.layers):
        whole.layers.append([])
    for index, layer in enumerate(part.layers):
        whole.layers[band + index].extend(layer)
    whole.x.update({node: x + left for node, x in part.x.items()})
    whole.bends.update({pair: [x + left for x in several] for pair, several in part.bends.items()})
