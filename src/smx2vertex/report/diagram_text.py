"""A diagram drawn with characters, for terminals and plain text."""

from __future__ import annotations

import textwrap
from collections import defaultdict
from dataclasses import dataclass

from rich.cells import cell_len

from ..words import one_line, shortened
from .diagram import Diagram, Node
from .layout import Layout, arrange

_UP, _RIGHT, _DOWN, _LEFT = 1, 2, 4, 8
_LINES = " ╵╶└╷│┌├╴┘─┴┐┤┬┼"
_PLAIN = str.maketrans("╵╶└╷│┌├╴┘─┴┐┤┬┼▼…≥≤", "|-+||++-+-+++++v.><")
_TEXT_WIDTH = 34
_WORD_WIDTH = 48
_GAP = 3
_WIDTH = 100


def to_text(diagram: Diagram, plain: bool = False) -> str:
    """The diagram as text: boxes in layers, arrows between them, and what flows along each arrow below.

    Args:
        diagram: any.
        plain: draw with ASCII alone, for terminals that know no other lines; names stay as they are.

    Raises:
        DiagramTooLargeError: it has too many nodes to be placed.
    """
    canvas = _Canvas(diagram)
    lines = canvas.lines()
    if plain:
        lines = [line.translate(_PLAIN) for line in lines]
    return "\n".join([*lines, "", *_legend(diagram, "->" if plain else "→")]).rstrip("\n") + "\n"


def _legend(diagram: Diagram, arrow: str) -> list[str]:
    titles = {node.id: one_line(node.title) for node in diagram.nodes}
    rows = [(titles[edge.source], titles[edge.target], one_line(edge.label)) for edge in diagram.edges if edge.label]
    widest = max((cell_len(source) + cell_len(target) for source, target, _ in rows), default=0)
    return [
        f"  {source} {arrow} {target}{' ' * (widest - cell_len(source) - cell_len(target) + 2)}{label}"
        for source, target, label in rows
    ]


@dataclass(slots=True)
class _Box:
    """A node as text."""

    node: Node
    texts: list[str]
    badge: str
    width: int

    @property
    def height(self) -> int:
        return len(self.texts) + 2


class _Canvas:
    """Lays a diagram out on a grid of characters."""

    def __init__(self, diagram: Diagram) -> None:
        self.edges = list(dict.fromkeys((edge.source, edge.target) for edge in diagram.edges))
        titles = {group.id: group.title for group in diagram.groups}
        incoming: dict[str, int] = defaultdict(int)
        for _, target in self.edges:
            incoming[target] += 1
        self.boxes = {
            node.id: _box(node, titles.get(node.group or "", ""), incoming[node.id]) for node in diagram.nodes
        }
        widths = {node: float(box.width) for node, box in self.boxes.items()}
        self.layout: Layout = arrange(widths, self.edges, _GAP, _WIDTH)
        self.layer_of = self.layout.layer_of()
        self.texts: dict[tuple[int, int], str] = {}
        self.cells: dict[tuple[int, int], dict[object, int]] = defaultdict(dict)
        self.rows = 0

    def left(self, node: str) -> int:
        return round(self.layout.x[node] - self.boxes[node].width / 2)

    def middle(self, node: str) -> int:
        return self.left(node) + self.boxes[node].width // 2

    def lines(self) -> list[str]:
        gaps = self.gaps()
        row = 0
        for index, layer in enumerate(self.layout.layers):
            height = max(self.boxes[node].height for node in layer)
            self.layer(index, layer, row, height)
            row += height
            if index + 1 < len(self.layout.layers):
                row += self.gap(gaps[index], row)
        self.rows = row
        return self.render()

    def layer(self, index: int, layer: list[str], top: int, height: int) -> None:
        outgoing = {pair[0] for pair in self.downwards()}
        for node in layer:
            box = self.boxes[node]
            self.box(box, top, self.left(node))
            if node in outgoing:
                self.connect(node, (top + box.height - 1, self.middle(node)), (top + height - 1, self.middle(node)))
        for pair, bends in self.layout.bends.items():
            place = index - self.layer_of[pair[0]] - 1
            if 0 <= place < len(bends):
                self.connect(pair, (top, round(bends[place])), (top + height - 1, round(bends[place])))

    def downwards(self) -> list[tuple[str, str]]:
        """The edges from the upper to the lower end."""
        return [(a, b) if self.layer_of[a] < self.layer_of[b] else (b, a) for a, b in self.edges if a != b]

    def ports(self) -> dict[tuple[str, str], int]:
        """Where the edges enter their lower ends: side by side, in the order in which they come."""
        arriving: dict[str, list[tuple[float, tuple[str, str]]]] = defaultdict(list)
        for pair in dict.fromkeys(self.downwards()):
            bends = self.layout.bends.get(pair) or [self.layout.x[pair[0]]]
            arriving[pair[1]].append((bends[-1], pair))
        found = {}
        for node, several in arriving.items():
            step = self.boxes[node].width / (len(several) + 1)
            for number, (_, pair) in enumerate(sorted(several), 1):
                found[pair] = self.left(node) + int(step * number)
        return found

    def gaps(self) -> list[dict[object, tuple[int, dict[int, bool]]]]:
        """For each gap between layers: what leads through it, from which column to which; True where it arrives."""
        ports = self.ports()
        gaps: list[dict[object, tuple[int, dict[int, bool]]]] = [{} for _ in self.layout.layers]
        for pair, port in ports.items():
            source, target = pair
            first, last = self.layer_of[source], self.layer_of[target]
            columns = [self.middle(source), *map(round, self.layout.bends.get(pair, [])), port]
            for index in range(first, last):
                here, there = columns[index - first], columns[index - first + 1]
                key: object = source if index == first else pair
                gaps[index].setdefault(key, (here, {}))[1][there] = index + 1 == last
        return gaps

    def gap(self, nets: dict[object, tuple[int, dict[int, bool]]], top: int) -> int:
        """Draw what leads through a gap; returns its height."""
        tracks = _tracks({net: (start, list(ends)) for net, (start, ends) in nets.items()})
        height = max(tracks.values(), default=-1) + 3
        for net, (start, ends) in nets.items():
            turn = top + 1 + tracks.get(net, 0)
            self.connect(net, (top - 1, start), (turn, start))
            for end, arrives in ends.items():
                self.connect(net, (turn, start), (turn, end))
                self.connect(net, (turn, end), (top + height, end))
                if arrives:
                    self.texts[top + height - 1, end] = "▼"
        return height

    def connect(self, net: object, start: tuple[int, int], end: tuple[int, int]) -> None:
        """A straight line on the grid; it may be a point."""
        (row, column), (last_row, last_column) = min(start, end), max(start, end)
        for each in range(row, last_row):
            self.mark(net, (each, column), _DOWN)
            self.mark(net, (each + 1, column), _UP)
        for each in range(column, last_column):
            self.mark(net, (row, each), _RIGHT)
            self.mark(net, (row, each + 1), _LEFT)

    def mark(self, net: object, cell: tuple[int, int], direction: int) -> None:
        nets = self.cells[cell]
        nets[net] = nets.get(net, 0) | direction

    def box(self, box: _Box, top: int, left: int) -> None:
        inner = box.width - 2
        badge = f"─ {box.badge} " if box.badge else ""
        self.write(top, left, "┌" + badge + "─" * (inner - cell_len(badge)) + "┐")
        for index, text in enumerate(box.texts, 1):
            space = inner - cell_len(text)
            self.write(top + index, left, "│" + " " * (space // 2) + text + " " * (space - space // 2) + "│")
        self.write(top + box.height - 1, left, "└" + "─" * inner + "┘")

    def write(self, row: int, column: int, text: str) -> None:
        for character in text:
            width = cell_len(character)
            if not width:  # it belongs to the character before
                self.texts[row, column - 1] = self.texts.get((row, column - 1), "") + character
                continue
            self.texts[row, column] = character
            if width == 2:
                self.texts[row, column + 1] = ""
            column += width

    def render(self) -> list[str]:
        rows: dict[int, dict[int, str]] = defaultdict(dict)
        for (row, column), nets in self.cells.items():
            rows[row][column] = _LINES[_shape(list(nets.values()))]
        for (row, column), text in self.texts.items():
            over = rows[row].get(column, "")
            # an arrow leaves a box through its lower edge
            rows[row][column] = "┬" if text == "─" and over in ("╷", "│") and not self.is_top(row, column) else text
        return [
            "".join(rows[row].get(column, " ") for column in range(max(rows[row], default=-1) + 1)).rstrip()
            for row in range(self.rows)
        ]

    def is_top(self, row: int, column: int) -> bool:
        return bool(self.cells[row, column] and all(mask & _UP for mask in self.cells[row, column].values()))


def _shape(masks: list[int]) -> int:
    """What to draw where several lines meet: a line that only crosses others passes below the upright one."""
    upright = [mask for mask in masks if mask != _LEFT | _RIGHT]
    found = 0
    for mask in upright or masks:
        found |= mask
    return found


def _box(node: Node, group: str, incoming: int) -> _Box:
    texts = [shortened(node.title, _TEXT_WIDTH)]
    if node.subtitle:
        texts.append(shortened(node.subtitle, _TEXT_WIDTH))
    if node.note:
        note = one_line(node.note)
        longest = max(len(word) for word in note.split(" "))
        width = max(_TEXT_WIDTH, min(longest, _WORD_WIDTH))
        texts += textwrap.wrap(note, width, max_lines=4, placeholder=" …")
    badge = shortened(group, _TEXT_WIDTH - 6)
    widest = max(*(cell_len(text) for text in texts), cell_len(badge) + 2 if badge else 0)
    return _Box(node, texts, badge, max(widest + 4, 2 * incoming + 3))


def _tracks(nets: dict[object, tuple[int, list[int]]]) -> dict[object, int]:
    """A row for each line that has to go sideways, as few as can be without running into each other.

    Where a line starts in the column in which another ends, it turns above the other.
    """
    sideways = {
        net: (min(start, *ends), max(start, *ends)) for net, (start, ends) in nets.items() if set(ends) != {start}
    }
    starts = {start: net for net, (start, _) in nets.items()}
    below: dict[object, set[object]] = {net: set() for net in sideways}
    for net in sideways:
        for end in nets[net][1]:
            other = starts.get(end)
            if other in sideways and other != net:
                below[net].add(other)
    taken: list[list[tuple[int, int]]] = []
    rows: dict[object, int] = {}
    waiting = sorted(sideways, key=lambda net: (sideways[net][1] - sideways[net][0], sideways[net]))
    while waiting:
        net = next((net for net in waiting if not below[net] - rows.keys()), waiting[0])
        waiting.remove(net)
        low, high = sideways[net]
        row = max((rows[other] + 1 for other in below[net] if other in rows), default=0)
        while row < len(taken) and any(low <= end + 1 and start - 1 <= high for start, end in taken[row]):
            row += 1
        while len(taken) <= row:
            taken.append([])
        taken[row].append((low, high))
        rows[net] = row
    return rows
