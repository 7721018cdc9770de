"""Faults of tasks, edges, branches and loops."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Callable, Iterator
from typing import Any

from smx2vertex.contract.grammar import decode, encode_last_field

from .operator import error, warning
from .view import DROPPED, INPUTS, Edits, Task, View, at

NEXT = {">=": ">", ">": ">=", "<=": "<", "<": "<="}
REVERSED = {">=": "<=", "<=": ">=", ">": "<", "<": ">", "==": "!=", "!=": "=="}
SIGN = re.compile(r"(?<= )(>=|<=|==|!=|>|<)(?= )")
INPUT = re.compile(r"inputs\.parameter_values\['([^']+)'\]")
LITERAL = re.compile(r"(?<= )(?:(?P<number>-?\d+(?:\.\d+)?)|'(?P<text>[^']*)')(?=\)*$)")

# --- tasks ---


def _without_naming(view: View, task: Task) -> Edits:
    """Take a task out of the dependencies of its siblings."""
    edits: Edits = []
    for other in view.siblings(task).values():
        names = other.raw.get("dependentTasks", [])
        if task.name in names:
            edits.append(((*other.path, "dependentTasks"), [name for name in names if name != task.name]))
    return edits


@error
def task_missing(view: View) -> Iterator[Edits]:
    """A task is taken out, with the dependencies on it; who takes its outputs is left without them."""
    for task in view.tasks:
        if len(view.siblings(task)) > 1:
            yield [*_without_naming(view, task), (task.path, DROPPED)]


@error
def task_doubled(view: View) -> Iterator[Edits]:
    """A task stands a second time beside the first."""
    for task in view.tasks:
        yield [((*task.dag, "tasks", f"{task.name}-again"), task.raw)]


@error
def task_added(view: View) -> Iterator[Edits]:
    """A task of no step, which runs a program of its own, is added to a group."""
    container = {"image": "python:3.11-slim", "command": ["python3", "-c", "print('more')"]}
    for dag in view.dags:
        task = {"componentRef": {"name": "comp-more"}, "taskInfo": {"name": "more"}, "cachingOptions": {}}
        yield [
            ((*dag, "tasks", "more"), task),
            (("components", "comp-more"), {"executorLabel": "exec-more"}),
            (("deploymentSpec", "executors", "exec-more"), {"container": container}),
        ]


@error
def task_of_another_component(view: View) -> Iterator[Edits]:
    """A task runs the component of another task of its group.

    Left out: components that differ only in the command line, where the task brings its own, and in the declared types
    of the artifacts that they take, which no container sees.
    """
    for task in view.tasks:
        others = [
            other for other in view.siblings(task).values() if other.translated and other.component != task.component
        ]
        others = [other for other in others if _interface(view, task, other) != _interface(view, task, task)]
        if others:
            yield [((*task.path, "componentRef", "name"), others[0].component)]


def _interface(view: View, task: Task, other: Task) -> Any:
    """What a task would get of the component of another one, apart from what it gives itself."""
    component = view.components[other.component]
    if "worker_pool_specs" not in task.parameters:
        return component
    inputs = {
        name: each
        for name, each in (at(component, INPUTS) or {}).items()
        if name not in ("worker_pool_specs", "display_name")
    }
    return inputs, sorted(at(component, ("inputDefinitions", "artifacts")) or {}), component.get("outputDefinitions")


@error
def step_of_another_name(view: View) -> Iterator[Edits]:
    """The command line says that the task stands for a step that is not there."""
    for task in view.tasks:
        for index, _, value in task.line.options("step"):
            if index == 2:
                yield task.line.at(index, f"--step={value}x")


# --- order ---


@error
def order_dropped(view: View) -> Iterator[Edits]:
    """A task no longer waits for another one.

    Left out: edges along which data flows, importers, tasks that the comparison leaves out,
    and edges that others imply (the transitive closure of the group stays the same, or that of the loops
    for which a task makes the items ready).
    """
    compared = {task.path for task in [*view.tasks, *view.groups]}
    for task in [*view.tasks, *view.groups]:
        for name in task.raw.get("dependentTasks", []):
            other = view.siblings(task).get(name)
            if other is None or other.path not in compared or name in task.producers:
                continue
            if name not in view.before(task.dag, task.name, without=name) and not _loops_wait(view, task, name):
                rest = [each for each in task.raw["dependentTasks"] if each != name]
                yield [((*task.path, "dependentTasks"), rest)]


def _loops_wait(view: View, task: Task, name: str) -> bool:
    """Whether a task only makes items ready, for loops that wait by themselves."""
    loops = [
        other
        for other in view.siblings(task).values()
        if "parameterIterator" in other.raw and task.name in other.producers
    ]
    waits = [name in other.producers or name in other.raw.get("dependentTasks", []) for other in loops]
    return task.kind != "group" and task.line.verb == "loop-items" and bool(waits) and all(waits)


@warning
def order_added(view: View) -> Iterator[Edits]:
    """A task waits for one that it has nothing to do with: slower, the results are the same.

    Left out: tasks of which one waits for the other already; tasks in branches and loops; helpers of the same step.
    """
    tasks = [task for task in view.tasks if task.dag == ("root", "dag")]
    for task in tasks:
        for other in (other for other in tasks if other.step != task.step):
            around = view.before(task.dag, task.name) | {task.name}
            if other.name not in around and task.name not in view.before(other.dag, other.name):
                yield [((*task.path, "dependentTasks"), [*task.raw.get("dependentTasks", []), other.name])]


@error
def cycle(view: View) -> Iterator[Edits]:
    """A task waits for one that waits for it."""
    for task in view.tasks:
        for name in sorted(view.before(task.dag, task.name)):
            other = view.siblings(task)[name]
            yield [((*other.path, "dependentTasks"), [*other.raw.get("dependentTasks", []), task.name])]


@error
def join_whatever_happened(view: View) -> Iterator[Edits]:
    """A task starts when those before it have ended, failed or not.

    Left out: tasks that wait for nothing but importers.
    """
    for task in view.tasks:
        before = [view.siblings(task)[name] for name in view.before(task.dag, task.name)]
        if any(other.kind != "importer" for other in before):
            trigger = {**task.raw.get("triggerPolicy", {}), "strategy": "ALL_UPSTREAM_TASKS_COMPLETED"}
            yield [((*task.path, "triggerPolicy"), trigger)]


# --- scopes ---


@error
def task_out_of_its_branch(view: View) -> Iterator[Edits]:
    """A task, with the importers that it needs, moves out of the condition around it.

    Left out: groups that are no condition, and tasks that take what others in the group make.
    """
    for group in view.groups:
        if not _condition(group):
            continue
        dag = ("components", group.component, "dag")
        for task in view.dags[dag].values():
            needed = [view.dags[dag][name] for name in view.before(dag, task.name)]
            if task.translated and all(other.kind == "importer" for other in needed):
                yield [edit for moved in (task, *needed) for edit in _moved(moved, group, last=moved is task)]


def _moved(task: Task, group: Task, last: bool) -> Edits:
    raw = dict(task.raw)
    inputs = {kind: dict(selectors) for kind, selectors in task.raw.get("inputs", {}).items()}
    for kind, key in (("parameters", "componentInputParameter"), ("artifacts", "componentInputArtifact")):
        for name, selector in inputs.get(kind, {}).items():
            if key in selector:
                inputs[kind][name] = at(group.raw, ("inputs", kind, selector[key]))
            elif "taskOutputArtifact" in selector:
                made = selector["taskOutputArtifact"]
                inputs[kind][name] = {"taskOutputArtifact": {**made, "producerTask": f"{made['producerTask']}-moved"}}
    raw["inputs"] = inputs
    if "dependentTasks" in raw:
        raw["dependentTasks"] = [f"{name}-moved" for name in raw["dependentTasks"]]
    name = task.name if last else f"{task.name}-moved"
    edits: Edits = [((*group.dag, "tasks", name), raw)]
    return [*edits, (task.path, DROPPED)] if last else edits


@error
def scope_broken(view: View) -> Iterator[Edits]:
    """A task takes the output of a task that stands in a group, without the group giving it."""
    inner = [task for task in view.tasks if task.dag != ("root", "dag")]
    for task in view.tasks:
        for name, selector in task.artifacts.items():
            hidden = next((other for other in inner if other.dag != task.dag and other.name != task.name), None)
            if hidden is not None and "taskOutputArtifact" in selector:
                made = {**selector["taskOutputArtifact"], "producerTask": hidden.name}
                yield [(task.input("artifacts", name), {"taskOutputArtifact": made})]


# --- branches ---


def _condition(task: Task) -> str:
    text: str = task.raw.get("triggerPolicy", {}).get("condition", "")
    return text


def _triggered(view: View) -> Iterator[tuple[Task, str]]:
    for group in [*view.groups, *view.tasks]:
        if _condition(group):
            yield group, _condition(group)


def _comparisons(view: View, change: Callable[[str], Iterator[str]]) -> Iterator[Edits]:
    """Each change of a comparison, made in all the branches that ask it, and of the expression of each evaluator."""
    for _, tasks in view.dags.items():
        asked: dict[str, list[tuple[Task, str]]] = {}
        for task in tasks.values():
            text = _condition(task)
            if text and (task.translated or (task.kind == "group" and any(view.inside(task)))):
                asked.setdefault(_core(text), []).append((task, text))
        for core, places in asked.items():
            for new in change(core):
                yield [((*task.path, "triggerPolicy", "condition"), text.replace(core, new)) for task, text in places]
    for task in view.tasks:
        for index, _, value in task.line.options("expression"):
            for new in change(decode(value)):
                yield task.line.at(index, f"--expression={encode_last_field(new)}")


def _core(text: str) -> str:
    return text[2:-1] if text.startswith("!(") else text


def _signs(text: str, signs: dict[str, str]) -> Iterator[str]:
    for match in SIGN.finditer(text):
        if match[0] in signs:
            yield text[: match.start()] + signs[match[0]] + text[match.end() :]


@error
def comparison_with_or_without_equality(view: View) -> Iterator[Edits]:
    """A comparison with `>=` becomes one with `>`, and so on: only what meets the threshold goes elsewhere."""
    yield from _comparisons(view, lambda text: _signs(text, NEXT))


@error
def comparison_reversed(view: View) -> Iterator[Edits]:
    """A comparison with `>=` becomes one with `<=`, `==` becomes `!=`, and so on."""
    yield from _comparisons(view, lambda text: _signs(text, REVERSED))


@error
def threshold_moved(view: View) -> Iterator[Edits]:
    """A number that a condition compares with moves by a thousandth, a text gets a letter more."""
    yield from _comparisons(view, _other_literals)


def _other_literals(text: str) -> Iterator[str]:
    if INPUT.search(text):
        for match in LITERAL.finditer(text):
            new = repr(float(match["number"]) + 0.001) if match["number"] else f"'{match['text']}x'"
            yield text[: match.start()] + new + text[match.end() :]
        return
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type in (tokenize.NUMBER, tokenize.STRING):
            value = ast.literal_eval(token.string)
            new = repr(f"{value}x" if isinstance(value, str) else value + 0.001)
            yield text[: token.start[1]] + new + text[token.end[1] :]


@error
def comparison_with_another_value(view: View) -> Iterator[Edits]:
    """A condition reads another of the values that reach it.

    Left out: values of the same origin.
    """
    for task, text in _triggered(view):
        for name in dict.fromkeys(INPUT.findall(text)):
            here = view.origin(task.dag, task.parameters[name])
            for other, selector in task.parameters.items():
                if other != name and view.origin(task.dag, selector) != here:
                    yield [((*task.path, "triggerPolicy", "condition"), text.replace(f"'{name}'", f"'{other}'"))]


@error
def and_for_or(view: View) -> Iterator[Edits]:
    """In the expression of an evaluator, one `and` becomes `or`, or the other way round."""
    for task in view.tasks:
        for index, _, value in task.line.options("expression"):
            text = decode(value)
            for match in re.finditer(r"(?<= )(and|or)(?= )", text):
                word = "or" if match[0] == "and" else "and"
                new = text[: match.start()] + word + text[match.end() :]
                yield task.line.at(index, f"--expression={encode_last_field(new)}")


@error
def part_of_a_condition_lost(view: View) -> Iterator[Edits]:
    """In the expression of an evaluator, one of several conditions is no longer asked, or a `not`.

    Left out: conditions that stand twice.
    """
    for task in view.tasks:
        for index, _, value in task.line.options("expression"):
            for new in _shorter(decode(value)):
                yield task.line.at(index, f"--expression={encode_last_field(new)}")


def _shorter(text: str) -> Iterator[str]:
    for number, node in enumerate(ast.walk(ast.parse(text, mode="eval"))):
        parts = len(node.values) if isinstance(node, ast.BoolOp) else int(isinstance(node, ast.UnaryOp))
        for part in range(parts):
            tree = ast.parse(text, mode="eval")
            same = list(ast.walk(tree))[number]
            if isinstance(same, ast.BoolOp):
                dumps = [ast.dump(each) for each in same.values]
                if dumps.count(dumps[part]) == 1:
                    del same.values[part]
                    yield ast.unparse(_single(tree))
            elif isinstance(same, ast.UnaryOp) and isinstance(same.op, ast.Not):
                yield ast.unparse(_replaced(tree, same, same.operand))


def _single(tree: ast.Expression) -> ast.Expression:
    """Without connectives of one part."""

    class Single(ast.NodeTransformer):
        def visit_BoolOp(self, node: ast.BoolOp) -> ast.AST:
            self.generic_visit(node)
            return node.values[0] if len(node.values) == 1 else node

    single: ast.Expression = Single().visit(tree)
    return single


def _replaced(tree: ast.Expression, old: ast.AST, new: ast.expr) -> ast.Expression:
    class Replace(ast.NodeTransformer):
        def visit(self, node: ast.AST) -> ast.AST:
            return new if node is old else self.generic_visit(node)

    Replace().visit(tree)
    return tree


@error
def condition_negated(view: View) -> Iterator[Edits]:
    """A branch runs where it should not, and the other way round."""
    for task, text in _triggered(view):
        yield [((*task.path, "triggerPolicy", "condition"), text[2:-1] if text.startswith("!(") else f"!({text})")]


@error
def branches_swapped(view: View) -> Iterator[Edits]:
    """Two groups of tasks trade their conditions.

    Left out: groups of the same condition.
    """
    for task, text in _triggered(view):
        for other, wanted in _triggered(view):
            if other.dag == task.dag and other.name > task.name and wanted != text:
                trigger = ("triggerPolicy", "condition")
                yield [((*task.path, *trigger), wanted), ((*other.path, *trigger), text)]


@error
def condition_always_true(view: View) -> Iterator[Edits]:
    """A branch runs whatever the condition says."""
    for task, _ in _triggered(view):
        yield [((*task.path, "triggerPolicy"), DROPPED)]


@error
def condition_always_false(view: View) -> Iterator[Edits]:
    """A branch never runs."""
    for task, _ in _triggered(view):
        yield [((*task.path, "triggerPolicy", "condition"), "false")]


@error
def condition_added(view: View) -> Iterator[Edits]:
    """A task without a condition gets one, about one of its own inputs."""
    for task in view.tasks:
        name = next((name for name in task.parameters if name != "worker_pool_specs"), None)
        if name is not None and not _condition(task):
            text = f"inputs.parameter_values['{name}'] == 'yes'"
            yield [((*task.path, "triggerPolicy", "condition"), text)]


# --- loops ---


@error
def loop_of_another_width(view: View) -> Iterator[Edits]:
    """Another number of copies runs at once."""
    for group in view.groups:
        if "parameterIterator" in group.raw:
            limit = group.raw.get("iteratorPolicy", {}).get("parallelismLimit", 0)
            yield [((*group.path, "iteratorPolicy", "parallelismLimit"), limit + 1)]


@error
def loop_lost(view: View) -> Iterator[Edits]:
    """A group runs once, and not for each item."""
    for group in view.groups:
        if "parameterIterator" in group.raw:
            yield [((*group.path, "parameterIterator"), DROPPED)]
