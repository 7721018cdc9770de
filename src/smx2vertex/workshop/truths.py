"""What is true of the files that an exercise gives, as scan, inspect and map read them."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from ..compare import compare
from ..findings import catalogue
from ..kubeflow import conditions
from ..kubeflow.graph import Graph, Task
from ..kubeflow.origins import Origin, TaskOutput, origins_in
from ..mapping.tables import our_tables
from ..sagemaker.dataflow import dataflow
from ..scan import scan
from ..words import counted
from .exercise import Settings
from .work import Work

# What people call the two branches of a condition.
_LABELS = {"if": ("if", "true", "yes", "then"), "else": ("else", "false", "no", "otherwise")}
_HOLDS, _BROKEN = ("holds", "yes", "true"), ("broken", "no", "false")
_NO_SLIPS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Truth:
    """The accepted answers to a question, why they are right, where to look, and what to say to which slip."""

    accept: tuple[str, ...]
    why: str = ""
    look: str = ""
    slips: Mapping[str, str] = field(default_factory=lambda: _NO_SLIPS)


@dataclass(frozen=True, slots=True)
class Edges:
    """The arrows of a pipeline.

    Attributes:
        arrows: those that a drawing must have, each with its reason.
        branches: the labels that an arrow out of a condition may have.
        order: all pairs of which the one waits for the other.
        word: what the nodes are called.
    """

    arrows: Mapping[tuple[str, str], str]
    branches: Mapping[tuple[str, str], tuple[str, ...]]
    order: frozenset[tuple[str, str]]
    word: str


def step_classes(settings: Settings, work: Work) -> dict[str, Truth]:
    """By file, the step classes that it uses, as `scan` sees them; those that are only imported are slips."""
    found = {}
    for name in settings["files"]:
        [file] = scan([work.given(name)]).files
        used = tuple(dict.fromkeys(step.class_ for step in file.steps if step.class_))
        unused = {each.class_: f"{each.class_} is imported and never used." for each in file.imports}
        slips = {each: text for each, text in unused.items() if each not in used}
        found[name] = Truth(used, f"scan sees {counted(len(file.steps), 'step')}.", slips=slips)
    return found


def invented_classes(settings: Settings, work: Work) -> dict[str, Truth]:
    """The names that look like step classes and are in no SDK."""
    inventory = scan([work.given(name) for name in settings["files"]])
    absent = tuple(name for name, count in inventory.absent().items() if count)
    return {settings["item"]: Truth(absent, settings.get("why", ""))}


def producers(settings: Settings, work: Work) -> dict[str, Truth]:
    """By `CONSUMER/INPUT`, the step and the output that it comes from, as `inspect` reads them."""
    found = {}
    for flow in dataflow(work.given_definition(settings["definition"])).steps:
        for taken in flow.consumes:
            item = f"{flow.step.name}/{_place(taken.field, flow.step.type)}"
            product = _product(taken.path)
            why = f"{taken.field} is {taken.path} of {taken.step}."
            found[f"{item}/step"] = Truth((taken.step,), why)
            inside = f"At {taken.json_path} in it." if taken.json_path else ""
            found[f"{item}/output"] = Truth((product, taken.path), inside)
    return found


def _place(field_: str, type_: str) -> str:
    """What a participant calls the field: the name of the input or channel, or else its role."""
    named = re.search(r"\['([^']+)'\]", field_)
    return named[1] if named else {"Condition": "metric"}.get(type_, "model")


def _product(path: str) -> str:
    named = re.search(r"\['([^']+)'\]", path)
    return named[1] if named else {"ModelArtifacts.S3ModelArtifacts": "model"}.get(path, path.rpartition(".")[2])


def task_origins(settings: Settings, work: Work) -> dict[str, Truth]:
    """By task, whether its component is custom or prebuilt, as `inspect` reads a compiled pipeline."""
    tasks = work.given_graph(settings["pipeline"]).tasks.values()
    slips = {"prebuilt": "Its code is the project's own.", "custom": "No code of the project runs in it."}
    return {task.id: Truth((_origin(task),), _why(task), slips=slips) for task in tasks}


def _origin(task: Task) -> str:
    return "importer" if task.kind == "importer" else "prebuilt" if task.prebuilt else "custom"


def _why(task: Task) -> str:
    if task.prebuilt:
        return f"Google's image for cloud components runs it, as a job of type {task.kind}."
    if task.kind == "importer":
        return "Kubeflow itself brings the artifact in; no container runs."
    return "The project's own function or container runs."


def artifact_types(settings: Settings, work: Work) -> dict[str, Truth]:
    """By `TASK/OUTPUT`, the type of the artifact, as the compiled pipeline declares it."""
    found = {}
    for task in work.given_graph(settings["pipeline"]).tasks.values():
        for output, title in task.output_artifacts.items():
            found[f"{task.id}/{output}"] = Truth((title, title.rpartition(".")[2]), f"The file says {title}.")
    return found


def output_keys(settings: Settings, work: Work) -> dict[str, Truth]:
    """By `CONSUMER/INPUT`, as far as `only` lists it, the task and the output key that it takes."""
    found = {}
    for task in work.given_graph(settings["pipeline"]).tasks.values():
        for name, origin in (*task.artifacts.items(), *task.parameters.items()):
            for taken in _taken(origin):
                if f"{task.id}/{name}" in settings["only"]:
                    found[f"{task.id}/{name}/task"] = Truth((taken.task,))
                    found[f"{task.id}/{name}/output"] = Truth((taken.key,))
    return found


def differences(settings: Settings, work: Work) -> dict[str, Truth]:
    """By item of a checklist, whether it holds: none of its codes is among what `validate` finds."""
    comparison = compare(work.given_definition(settings["definition"]), work.given_graph(settings["pipeline"]))
    found = {}
    for item, codes in settings["items"].items():
        told = [finding for finding in comparison.findings if finding.code in codes]
        why = f"{told[0].step}: {catalogue()[told[0].code].title}." if told else "The validator finds nothing there."
        slips = {"holds": f"Look at {told[0].step}."} if told else {"broken": why}
        found[item] = Truth(_BROKEN if told else _HOLDS, why, slips=slips)
    return found


def severities(settings: Settings, work: Work) -> dict[str, Truth]:
    """By code, the severity of a finding."""
    del work
    return {code: Truth((catalogue()[code].severity,), f"{catalogue()[code].title}.") for code in settings["codes"]}


def verdicts(settings: Settings, work: Work) -> dict[str, Truth]:
    """By construct, the verdict of its table or rule; `rules` names which one."""
    del work
    return {item: Truth((_ruled(rule).verdict,), _ruled(rule).why) for item, rule in settings["rules"].items()}


def targets(settings: Settings, work: Work) -> dict[str, Truth]:
    """By construct, the options of which a phrase stands in what the tables say; `also` adds some."""
    del work
    found = {}
    for item, rule in settings["rules"].items():
        ruled = _ruled(rule)
        allowed = [option for option, phrase in settings["phrases"].items() if phrase in ruled.target]
        found[item] = Truth((*allowed, *settings.get("also", {}).get(item, ())), ruled.why)
    return found


@dataclass(frozen=True, slots=True)
class _Ruled:
    """What the tables say of a construct."""

    target: str
    verdict: str
    because: str

    @property
    def why(self) -> str:
        reason = f", because {self.because}" if self.because else ""
        return f"The tables say: {self.target}{reason}."


def _ruled(rule: str) -> _Ruled:
    """What a table, by its name, or a row, by its rule, says."""
    tables = our_tables()
    table = tables.find(rule)
    if table is not None:
        return _Ruled(table.target, table.verdict, "")
    row = next(row for each in tables.all() for row in each.all_rows if row.rule == rule)
    return _Ruled(row.to or "nothing", row.verdict, row.because)


TRUTHS: dict[str, Callable[[Settings, Work], dict[str, Truth]]] = {
    "step classes": step_classes,
    "invented classes": invented_classes,
    "producers": producers,
    "task origins": task_origins,
    "artifact types": artifact_types,
    "output keys": output_keys,
    "differences": differences,
    "severities": severities,
    "verdicts": verdicts,
    "targets": targets,
}


def edges_of(settings: Settings, work: Work) -> Edges:
    """The arrows of a given definition or compiled pipeline."""
    if "definition" in settings:
        return _step_edges(work, settings["definition"])
    return _task_edges(work.given_graph(settings["pipeline"]))


def _step_edges(work: Work, name: str) -> Edges:
    arrows: dict[tuple[str, str], str] = {}
    branches: dict[tuple[str, str], tuple[str, ...]] = {}
    order = set()
    for flow in dataflow(work.given_definition(name)).steps:
        step = flow.step
        order |= {(before, step.name) for before in flow.waits_for}
        for taken in flow.consumes:
            arrows.setdefault((taken.step, step.name), f"{_product(taken.path)} flows along it")
        for before in step.depends_on:
            arrows.setdefault((before, step.name), "the one waits for the other, though no data flows")
        if step.branch is not None:
            arrow = (step.branch.condition, step.name)
            arrows[arrow] = f"the {step.branch.name} branch"
            branches[arrow] = _LABELS[step.branch.name]
    return Edges(arrows, branches, frozenset(order), "step")


def _task_edges(graph: Graph) -> Edges:
    flows: dict[tuple[str, str], list[str]] = defaultdict(list)
    branches: dict[tuple[str, str], tuple[str, ...]] = {}
    for task in graph.tasks.values():
        for origin in (*task.parameters.values(), *task.artifacts.values(), *task.job.values()):
            for taken in _taken(origin):
                flows[taken.task, task.id].append(f"{taken.key} flows along it")
        for before in task.after:
            flows[before, task.id].append("set with .after(), though no data flows")
        for condition in task.conditions:
            branch = "else" if isinstance(condition.expression, conditions.Not) else "if"
            for taken in (each for operand in condition.operands.values() for each in _taken(operand)):
                flows[taken.task, task.id].append(f"the condition on {taken.key} decides about it")
                branches[taken.task, task.id] = _LABELS[branch]
    order = frozenset((before, task.id) for task in graph.tasks.values() for before in task.waits)
    return Edges({arrow: reasons[0] for arrow, reasons in flows.items()}, branches, order, "task")


def _taken(origin: Origin) -> Iterator[TaskOutput]:
    return (part for part in origins_in(origin) if isinstance(part, TaskOutput))
