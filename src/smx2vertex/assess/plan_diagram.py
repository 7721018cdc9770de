"""The plan of a Vertex pipeline as a diagram: tasks, branches and loops."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

from ..report.diagram import Diagram, Edge, Group, Node, NodeKind
from ..vertex.plan import Branches, Collected, Item, Loop, Output, Parameter, Plain, Plan, Task, Value
from ..vertex.plan import Node as PlanNode
from ..vertex.planner import all_tasks, output_of

_COMPARED = {
    "==": "equals",
    "!=": "is not",
    ">": "is greater than",
    ">=": "is at least",
    "<": "is less than",
    "<=": "is at most",
}
# The verb of a task that fails when it runs.
_FAIL = "fail"
_Flows: TypeAlias = dict[str, dict[str, None]]


def plan_diagram(plan: Plan) -> tuple[Diagram, dict[str, str]]:
    """The diagram, and the step that each of its nodes belongs to, by the title of the node."""
    drawing = _Drawing({task.variable for task in all_tasks(plan.body)})
    drawing.draw(plan.body, None, None)
    diagram = Diagram(plan.name, tuple(drawing.nodes), tuple(drawing.edges), tuple(drawing.groups))
    return diagram, drawing.steps


class _Drawing:
    """A diagram that grows node by node."""

    def __init__(self, tasks: set[str]) -> None:
        self.tasks = tasks
        self.nodes: list[Node] = []
        self.edges: list[Edge] = []
        self.groups: list[Group] = []
        self.steps: dict[str, str] = {}

    def draw(self, nodes: Iterable[PlanNode], group: str | None, entry: tuple[str, str] | None) -> None:
        """Draw nodes; `entry` is the decision or loop that leads to the first of them, and the label of its arrow."""
        inside: set[str] = set()
        for node in nodes:
            flows = _flows(node)
            id_ = self.node(node, group)
            reads = [source for source in flows if source in self.tasks]
            for source in reads:
                self.edges.append(Edge(source, id_, ", ".join(flows[source]), "data" if flows[source] else "order"))
            if entry is not None and inside.isdisjoint(reads):
                self.edges.append(Edge(entry[0], id_, entry[1], "branch"))
            inside.update(_variables(node))
            self.below(node, id_, group)

    def node(self, node: PlanNode, group: str | None) -> str:
        if isinstance(node, Task):
            id_ = title = node.variable
            kind: NodeKind = "end" if node.component.verb == _FAIL else "work"
            self.nodes.append(Node(id_, title, _subtitle(node), kind, group))
        elif isinstance(node, Branches):
            id_, title = f"if {len(self.nodes)}", f"if {node.step}"
            note = f"{_words(node.left)} {_COMPARED[node.operator]} {_words(node.right)}"
            self.nodes.append(Node(id_, title, "dsl.If", "decision", group, note))
        else:
            id_, title = f"for {len(self.nodes)}", f"for each of {node.step}"
            note = f"{_words(node.items)}, {node.parallelism or 'all'} at once"
            self.nodes.append(Node(id_, title, "dsl.ParallelFor", "decision", group, note))
        self.steps[title] = node.step
        return id_

    def below(self, node: PlanNode, id_: str, group: str | None) -> None:
        """The branches of a decision, or the body of a loop."""
        if isinstance(node, Branches):
            parts = [("if", node.then), ("else", node.otherwise)]
        elif isinstance(node, Loop):
            parts = [("each item", node.body)]
        else:
            return
        for label, body in parts:
            if body:
                self.groups.append(Group(f"{id_} {label}", f"{node.step}: {label}", group))
                self.draw(body, f"{id_} {label}", (id_, label))


def _flows(node: PlanNode) -> _Flows:
    """The tasks that a node waits for, each with what it takes from it."""
    flows: _Flows = {}
    for value in _values(node):
        if (output := output_of(value)) is not None:
            flows.setdefault(output.task, {})[output.name] = None
    if isinstance(node, Task):
        for task in node.after:
            flows.setdefault(task, {})
    return flows


def _values(node: PlanNode) -> tuple[Value, ...]:
    if isinstance(node, Task):
        return tuple(node.inputs.values())
    return (node.left, node.right) if isinstance(node, Branches) else (node.items,)


def _variables(node: PlanNode) -> set[str]:
    """The tasks of a node, those in branches and loops too."""
    return {task.variable for task in all_tasks([node])}


def _subtitle(task: Task) -> str:
    if task.machine is None:
        return task.component.verb
    type_ = task.machine.type
    count = f"{task.machine.replicas} × " if task.machine.replicas > 1 else ""
    where = f"machine from {type_.name}" if isinstance(type_, Parameter) else type_.value
    return f"{task.component.verb} · {count}{where}"


def _words(value: Value) -> str:
    if isinstance(value, Plain):
        return repr(value.value)
    if isinstance(value, Parameter):
        return value.name
    if isinstance(value, Output):
        return f"{value.name} of {value.task}"
    if isinstance(value, Collected):
        return f"all of {_words(value.output)}"
    if isinstance(value, Item):
        return f"{value.part} of the item"
    return str(value)
