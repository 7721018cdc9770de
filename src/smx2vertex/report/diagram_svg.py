"""A diagram as an SVG picture, readable by screen readers: on its own, or as a part of a page.

The styles of a picture in a page are those of the page, `templates/page.css`. One that stands alone has plain
colours instead of variables, which not every program that shows SVG knows.
"""

from __future__ import annotations

import textwrap
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import escape

from ..words import one_line, shortened
from .diagram import Diagram, Edge, Group, Node
from .layout import arrange

# Pixels; a character of the fonts is about this wide.
_TITLE_CHARACTER, _TEXT_CHARACTER = 8.0, 6.6
_LINE = 16
_PADDING = 12
_GAP = 36
_BETWEEN_LAYERS = 64
_MARGIN = 40
_WIDTH = 1200
_STYLE = """
  .page { fill: #ffffff } .box { fill: #f6f8fa; stroke: #57606a } .decision .box { fill: #fff8c5; stroke: #9a6700 }
  .end .box { fill: #ffebe9; stroke: #cf222e } .data .box { fill: #ddf4ff; stroke: #0969da }
  .group { fill: none; stroke: #8c959f; stroke-dasharray: 6 4 } .caption, .subtitle, .note, .label { fill: #57606a }
  .title { fill: #1f2328; font-weight: 600; font-size: 13px } .line { fill: none; stroke: #57606a; stroke-width: 1.3 }
  .order .line { stroke-dasharray: 4 4 } .branch .line { stroke: #9a6700; stroke-width: 2 }
  .tip { fill: #57606a } .label { paint-order: stroke; stroke: #ffffff; stroke-width: 4px }
  text { font: 11px system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif }
  @media (prefers-color-scheme: dark) {
    .page { fill: #0d1117 } .box { fill: #161b22; stroke: #8b949e } .decision .box { fill: #2d2413; stroke: #d29922 }
    .end .box { fill: #2d1214; stroke: #f85149 } .data .box { fill: #0c2d4a; stroke: #58a6ff }
    .group { stroke: #6e7681 } .caption, .subtitle, .note, .label { fill: #9da7b1 } .title { fill: #e6edf3 }
    .line { stroke: #8b949e } .branch .line { stroke: #d29922 } .tip { fill: #8b949e } .label { stroke: #0d1117 }
  }
"""


@dataclass(frozen=True, slots=True)
class Mark:
    """What a page says about a node.

    Attributes:
        kind: a word for the page's style sheet; the node is of class `mark-<kind>`.
        text: one or two words that stand on the node.
        at: when it happens, counted from 1; the node is of class `at-<number>` then.
    """

    kind: str
    text: str
    at: int = 0


def to_svg(diagram: Diagram) -> str:
    """The diagram as an SVG document.

    Raises:
        DiagramTooLargeError: it has too many nodes to be placed.
    """
    return "\n".join(_Picture(diagram, "diagram", {}, in_page=False).elements()) + "\n"


def to_page_svg(diagram: Diagram, name: str, marks: Mapping[str, Mark]) -> str:
    """The diagram as an element of a page; nodes and edges have their numbers in `data-node` and `data-edge`.

    Args:
        diagram: any.
        name: what the ids in it begin with: a page with several pictures has a name for each.
        marks: by the title of a node.

    Raises:
        DiagramTooLargeError: it has too many nodes to be placed.
    """
    return "\n".join(_Picture(diagram, name, marks, in_page=True).elements()) + "\n"


class _Picture:
    """A diagram with the place of everything, in pixels."""

    def __init__(self, diagram: Diagram, name: str, marks: Mapping[str, Mark], in_page: bool) -> None:
        self.diagram = diagram
        self.name = name
        self.marks = marks
        self.in_page = in_page
        self.group_titles = {group.id: group.title for group in diagram.groups}
        self.lines = {node.id: list(self.node_lines(node)) for node in diagram.nodes}
        self.widths = {node: _width(lines) for node, lines in self.lines.items()}
        self.heights = {node: 2 * _PADDING + _LINE * len(lines) for node, lines in self.lines.items()}
        pairs = [(edge.source, edge.target) for edge in diagram.edges]
        self.layout = arrange(self.widths, pairs, _GAP, _WIDTH)
        self.layer_of = self.layout.layer_of()
        self.labels: list[tuple[float, float, float]] = []
        self.tops: list[float] = []
        self.bottoms: list[float] = []
        top = float(_MARGIN)
        for layer in self.layout.layers:
            self.tops.append(top)
            self.bottoms.append(top + max(self.heights[node] for node in layer))
            top = self.bottoms[-1] + _BETWEEN_LAYERS
        self.width = self.layout.width + 2 * _MARGIN
        self.height = (self.bottoms[-1] if self.bottoms else _MARGIN) + _MARGIN

    def elements(self) -> Iterator[str]:
        width, height = _number(self.width), _number(self.height)
        yield (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
            f' role="{"group" if self.in_page else "img"}" aria-labelledby="{self.name}-title {self.name}-description">'
        )
        yield f'<title id="{self.name}-title">{_text(self.diagram.title)}</title>'
        yield f'<desc id="{self.name}-description">{_text(self.diagram.description)}</desc>'
        if not self.in_page:
            yield f"<style>{_STYLE}</style>"
        yield (
            f'<defs><marker id="{self.name}-tip" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="9" markerHeight="9"'
            ' markerUnits="userSpaceOnUse"'
            ' orient="auto-start-reverse"><path class="tip" d="M0 0 10 5 0 10z"/></marker></defs>'
        )
        yield f'<rect class="page" width="{width}" height="{height}"/>'
        yield from self.groups()
        yield from self.edges()
        for number, node in enumerate(self.diagram.nodes):
            yield from self.node(node, number)
        yield "</svg>"

    def x(self, node: str) -> float:
        return self.layout.x[node] + _MARGIN

    def top(self, node: str) -> float:
        return self.tops[self.layer_of[node]]

    def numbered(self, what: str, number: int) -> str:
        """The attribute by which the script of a page finds a node or an edge."""
        return f' data-{what}="{number}"' if self.in_page else ""

    def node_lines(self, node: Node) -> Iterator[tuple[str, str]]:
        """The lines that stand in the box of a node, each with its class."""
        yield "title", shortened(node.title, 40)
        if node.subtitle:
            yield "subtitle", shortened(node.subtitle, 48)
        for note in _notes(node, self.group_titles.get(node.group or "", "")):
            yield "note", note
        if mark := self.marks.get(node.title):
            yield "mark", shortened(mark.text, 48)

    def node(self, node: Node, number: int) -> Iterator[str]:
        width, height, x, top = self.widths[node.id], self.heights[node.id], self.x(node.id), self.top(node.id)
        full = " · ".join(one_line(text) for text in (node.title, node.subtitle, node.note) if text)
        mark = self.marks.get(node.title)
        kind = f"{node.kind} mark-{mark.kind}" if mark else node.kind
        kind += f" at-{mark.at}" if mark and mark.at else ""
        yield f'<g class="{kind}"{self.numbered("node", number)}><title>{_text(full)}</title>'
        yield (
            f'<rect class="box" x="{_number(x - width / 2)}" y="{_number(top)}" width="{_number(width)}"'
            f' height="{_number(height)}" rx="{16 if node.kind == "end" else 6}"/>'
        )
        for index, (kind, line) in enumerate(self.lines[node.id]):
            y = top + _PADDING + _LINE * index + 12
            yield f'<text class="{kind}" x="{_number(x)}" y="{_number(y)}" text-anchor="middle">{_text(line)}</text>'
        yield "</g>"

    def groups(self) -> Iterator[str]:
        """A box around each group, where no other node would stand in it."""
        inside = {group.id: self.members(group) for group in self.diagram.groups}
        for group in self.diagram.groups:
            members = inside[group.id]
            if not members:
                continue
            depth = max((self.depth(inner) for inner in self.diagram.groups if self.within(inner, group)), default=0)
            space = 10 + 6 * (depth - self.depth(group))
            left = min(self.x(node) - self.widths[node] / 2 for node in members) - space
            right = max(self.x(node) + self.widths[node] / 2 for node in members) + space
            top = min(self.top(node) for node in members) - space - 8
            bottom = max(self.top(node) + self.heights[node] for node in members) + space + 10
            if self.is_free(members, left, top, right, bottom):
                yield (
                    f'<rect class="group" x="{_number(left)}" y="{_number(top)}" width="{_number(right - left)}"'
                    f' height="{_number(bottom - top)}" rx="10"/>'
                )
                yield (
                    f'<text class="caption" x="{_number(left + 8)}" y="{_number(bottom - 5)}">'
                    f"{_text(shortened(group.title, 60))}</text>"
                )

    def members(self, group: Group) -> set[str]:
        inner = {each.id for each in self.diagram.groups if self.within(each, group)}
        return {node.id for node in self.diagram.nodes if node.group in inner}

    def within(self, inner: Group, outer: Group) -> bool:
        return inner.id == outer.id or outer.id in self.around(inner)

    def around(self, group: Group) -> list[str]:
        parents = {each.id: each.parent for each in self.diagram.groups}
        found: list[str] = []
        parent = group.parent
        while parent is not None and parent not in found:
            found.append(parent)
            parent = parents.get(parent)
        return found

    def depth(self, group: Group) -> int:
        return len(self.around(group))

    def is_free(self, members: set[str], left: float, top: float, right: float, bottom: float) -> bool:
        return not any(
            node.id not in members
            and self.x(node.id) + self.widths[node.id] / 2 > left
            and self.x(node.id) - self.widths[node.id] / 2 < right
            and self.top(node.id) + self.heights[node.id] > top
            and self.top(node.id) < bottom
            for node in self.diagram.nodes
        )

    def edges(self) -> Iterator[str]:
        arriving: dict[str, list[tuple[float, int]]] = defaultdict(list)
        leaving: dict[str, list[tuple[float, int]]] = defaultdict(list)
        paths = []
        for index, edge in enumerate(self.diagram.edges):
            upper, lower = edge.source, edge.target
            if self.layer_of[upper] > self.layer_of[lower]:
                upper, lower = lower, upper
            bends = [x + _MARGIN for x in self.layout.bends.get((upper, lower), [])]
            paths.append((upper, lower, bends))
            arriving[lower].append((bends[-1] if bends else self.x(upper), index))
            leaving[upper].append((bends[0] if bends else self.x(lower), index))
        ends = self.ports(arriving)
        starts = self.ports(leaving)
        labels: list[str] = []
        for index, edge in enumerate(self.diagram.edges):
            upper, lower, bends = paths[index]
            if upper == lower:
                continue
            points = [(starts[index], self.top(upper) + self.heights[upper])]
            for number, x in enumerate(bends, self.layer_of[upper] + 1):
                points += [(x, self.tops[number]), (x, self.bottoms[number])]
            points.append((ends[index], self.top(lower)))
            tip = "end" if upper == edge.source else "start"
            yield (
                f'<g class="{edge.kind}"{self.numbered("edge", index)}>'
                f'<path class="line" marker-{tip}="url(#{self.name}-tip)" d="{_curve(points)}">'
                f"<title>{_text(self.sentence(edge))}</title></path></g>"
            )
            if edge.label:
                labels.append(self.label(edge, index, points))
        yield from labels

    def ports(self, edges: dict[str, list[tuple[float, int]]]) -> dict[int, float]:
        """Where edges touch a node: side by side, in the order in which they come."""
        found = {}
        for node, several in edges.items():
            step = self.widths[node] / (len(several) + 1)
            for number, (_, index) in enumerate(sorted(several), 1):
                found[index] = self.x(node) - self.widths[node] / 2 + step * number
        return found

    def sentence(self, edge: Edge) -> str:
        titles = {node.id: node.title for node in self.diagram.nodes}
        return f"{titles[edge.source]} → {titles[edge.target]}" + (f": {edge.label}" if edge.label else "")

    def label(self, edge: Edge, number: int, points: list[tuple[float, float]]) -> str:
        """The label on the last part of the line, where it hides no other."""
        text = shortened(edge.label, 28)
        half = len(text) * _TEXT_CHARACTER / 2
        curve = (_on_curve(points[-2], points[-1], share) for share in (0.5, 0.4, 0.62, 0.3, 0.72))
        left, right = half + 4, max(self.width - half - 4, half + 4)  # so that it stands within the picture
        places = [(min(max(x, left), right), y) for x, y in curve]
        x, y = next((place for place in places if not self.hides(place, half)), places[0])
        self.labels.append((x, y, half))
        place = f'x="{_number(x)}" y="{_number(y + 4)}" text-anchor="middle"'
        return f'<text class="label"{self.numbered("edge", number)} {place}>{_text(text)}</text>'

    def hides(self, place: tuple[float, float], half: float) -> bool:
        x, y = place
        return any(abs(x - other) < half + width + 2 and abs(y - high) < 13 for other, high, width in self.labels)


def _curve(points: list[tuple[float, float]]) -> str:
    """A line that leaves and enters every layer upright."""
    (x, y), *rest = points
    parts = [f"M{_number(x)} {_number(y)}"]
    for next_x, next_y in rest:
        if abs(next_x - x) < 0.5:
            parts.append(f"L{_number(next_x)} {_number(next_y)}")
        else:
            half = (y + next_y) / 2
            parts.append(
                f"C{_number(x)} {_number(half)} {_number(next_x)} {_number(half)} {_number(next_x)} {_number(next_y)}"
            )
        x, y = next_x, next_y
    return "".join(parts)


def _on_curve(start: tuple[float, float], end: tuple[float, float], share: float) -> tuple[float, float]:
    """A point of the curve that `_curve` draws between two others."""
    (x, y), (last_x, last_y) = start, end
    rest = 1 - share
    middle = 3 * share * rest * (y + last_y) / 2
    return x + (last_x - x) * share**2 * (3 - 2 * share), y * rest**3 + middle + last_y * share**3


def _notes(node: Node, group: str) -> list[str]:
    note = textwrap.wrap(one_line(node.note), 48, max_lines=4, placeholder=" …")
    return [*note, *([shortened(group, 48)] if group else [])]


def _width(lines: list[tuple[str, str]]) -> float:
    widths = (len(text) * (_TITLE_CHARACTER if kind == "title" else _TEXT_CHARACTER) for kind, text in lines)
    return max(*widths, 80) + 2 * _PADDING


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _text(text: str) -> str:
    return escape(one_line(text))
