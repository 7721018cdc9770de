"""A picture of a pipeline, whatever kind it is of: what it shows, and its texts for Mermaid and Graphviz.

Names are untrusted: every text is escaped for the form it is written in. SVG and text pictures are made by
`diagram_svg` and `diagram_text`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from ..words import counted, first_of, one_line

NodeKind = Literal["work", "decision", "end", "data"]
EdgeKind = Literal["data", "order", "branch"]


@dataclass(frozen=True, slots=True)
class Node:
    """A step or task.

    Attributes:
        id: unique in the diagram; never shown.
        title: its name.
        subtitle: what it is, such as `Processing`.
        kind: `work`; a `decision`; an `end`, where a run stops; or `data` that comes in.
        group: id of the innermost group that it stands in.
        note: more about it in one line, such as the condition of a decision.
    """

    id: str
    title: str
    subtitle: str = ""
    kind: NodeKind = "work"
    group: str | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Edge:
    """An arrow between two nodes: `data` flows, an `order` is kept, or a decision leads into a `branch`."""

    source: str
    target: str
    label: str = ""
    kind: EdgeKind = "data"


@dataclass(frozen=True, slots=True)
class Group:
    """A box around nodes, such as a branch; `parent` is the id of the group that it stands in."""

    id: str
    title: str
    parent: str | None = None


@dataclass(frozen=True, slots=True)
class Diagram:
    """A picture of a pipeline. Edges lead to nodes that are there; nodes stand in an order in which they can run."""

    title: str
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    groups: tuple[Group, ...] = ()

    @property
    def description(self) -> str:
        """The picture in a sentence, for those who don't see it."""
        names = first_of([one_line(node.title) for node in self.nodes], 20)
        return f"{counted(len(self.nodes), 'node')} and {counted(len(self.edges), 'connection')}: {names}"


class DiagramTooLargeError(ValueError):
    """The diagram has too many nodes or connections to be placed in useful time."""


def to_mermaid(diagram: Diagram) -> str:
    """The diagram as a Mermaid flowchart, as GitHub shows it between ```` ```mermaid ```` and ```` ``` ````."""
    ids = {node.id: f"n{index}" for index, node in enumerate(diagram.nodes)}
    lines = ["flowchart TD", f"  accTitle: {_mermaid(diagram.title)}", f"  accDescr: {_mermaid(diagram.description)}"]
    shapes = {"work": '["{}"]', "decision": '{{{{"{}"}}}}', "end": '(["{}"])', "data": '[("{}")]'}

    def draw(group: str | None, indent: str) -> Iterator[str]:
        for node in (node for node in diagram.nodes if node.group == group):
            texts = [f"<b>{_mermaid(node.title)}</b>", *(_mermaid(text) for text in (node.subtitle, node.note) if text)]
            yield f"{indent}{ids[node.id]}{shapes[node.kind].format('<br/>'.join(texts))}"
        for index, inner in enumerate(diagram.groups):
            if inner.parent == group:
                yield f'{indent}subgraph g{index}["{_mermaid(inner.title)}"]'
                yield from draw(inner.id, indent + "  ")
                yield f"{indent}end"

    arrows = {"data": "-->", "order": "-.->", "branch": "==>"}
    lines.extend(draw(None, "  "))
    for edge in diagram.edges:
        label = f'|"{_mermaid(edge.label)}"|' if edge.label else ""
        lines.append(f"  {ids[edge.source]} {arrows[edge.kind]}{label} {ids[edge.target]}")
    return "\n".join(lines) + "\n"


def _mermaid(text: str) -> str:
    """Text for Mermaid: all that could be syntax, markup or a directive as a numbered entity."""
    return re.sub(r"[^\w \-.,:/()='…≥≤→·–]", lambda found: f"#{ord(found[0])};", one_line(text))


def to_dot(diagram: Diagram) -> str:
    """The diagram in the language of Graphviz."""
    ids = {node.id: f"n{index}" for index, node in enumerate(diagram.nodes)}
    shapes = {"work": "box", "decision": "hexagon", "end": "octagon", "data": "cylinder"}
    styles = {"data": "solid", "order": "dashed", "branch": "bold"}

    def draw(group: str | None, indent: str) -> Iterator[str]:
        for node in (node for node in diagram.nodes if node.group == group):
            label = "\\n".join(_dot(text) for text in (node.title, node.subtitle, node.note) if text)
            yield f'{indent}{ids[node.id]} [label="{label}", shape={shapes[node.kind]}];'
        for index, inner in enumerate(diagram.groups):
            if inner.parent == group:
                yield f"{indent}subgraph cluster_{index} {{"
                yield f'{indent}  label="{_dot(inner.title)}";'
                yield from draw(inner.id, indent + "  ")
                yield f"{indent}}}"

    lines = [
        f'digraph "{_dot(diagram.title)}" {{',
        '  node [fontname="sans-serif"];',
        '  edge [fontname="sans-serif"];',
    ]
    lines.extend(draw(None, "  "))
    for edge in diagram.edges:
        label = f', label="{_dot(edge.label)}"' if edge.label else ""
        lines.append(f"  {ids[edge.source]} -> {ids[edge.target]} [style={styles[edge.kind]}{label}];")
    return "\n".join([*lines, "}"]) + "\n"


def _dot(text: str) -> str:
    """Text for Graphviz, where a backslash starts an escape of a string, and of a label, and `&` an entity."""
    return one_line(text).replace("&", "&amp;").replace("\\", "\\\\").replace('"', '\\"')
