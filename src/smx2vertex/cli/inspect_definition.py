"""What `inspect` shows of a pipeline definition."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator

from ..report.outline import Entry, Outline, Table
from ..sagemaker.dataflow import Consumed, Dataflow, StepFlow, purpose
from ..sagemaker.definition import Parameter, Retry
from ..sagemaker.steps import Field, Resources
from ..sagemaker.wording import conditions_text, expression_text
from ..words import counted


def outline(flow: Dataflow) -> Outline:
    """The definition as a report."""
    definition = flow.definition
    kinds = Counter((_kind(each), purpose(each)) for each in flow.steps)
    return Outline(
        title=definition.name,
        summary=f"SageMaker pipeline definition · {counted(len(flow.steps), 'step')}"
        f" · {counted(len(definition.parameters), 'parameter')}",
        tables=(
            Table(
                "Parameters",
                ("name", "type", "default", "allowed", "used by"),
                tuple(_parameter_row(parameter, flow) for parameter in definition.parameters.values()),
            ),
            Table(
                "Kinds of steps",
                ("type", "count", "purpose"),
                tuple((type_, str(count), text) for (type_, text), count in kinds.items()),
            ),
        ),
        heading="Steps, in an order in which they can run",
        entries=tuple(_entry(each) for each in flow.steps),
    )


def _parameter_row(parameter: Parameter, flow: Dataflow) -> tuple[str, ...]:
    default = "(must be given)" if parameter.required else _value(parameter.default)
    allowed = ", ".join(_value(value) for value in parameter.allowed) if parameter.allowed is not None else ""
    uses = flow.uses.get(parameter.name, ())
    used = ", ".join(f"{use.step}: {use.field}" if use.step else use.field for use in uses)
    return parameter.name, parameter.type, default, allowed, used or "nothing"


def _value(value: object) -> str:
    return value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False)


def _entry(flow: StepFlow) -> Entry:
    step = flow.step
    kind = _kind(flow)
    facts = [(label, tuple(lines)) for label, lines in _facts(flow) if lines]
    return Entry(step.name, f"{kind} · {purpose(flow)}" if purpose(flow) else kind, tuple(facts))


def _kind(flow: StepFlow) -> str:
    return f"{flow.step.type} ({flow.disguise})" if flow.disguise else flow.step.type or "no type"


def _facts(flow: StepFlow) -> Iterator[tuple[str, list[str]]]:
    step = flow.step
    if step.branch is not None:
        yield "runs", [f"in the {step.branch.name} branch of {step.branch.condition}"]
    if flow.loop is not None:
        yield "runs", [f"for each item of {flow.loop}"]
    if step.type == "Condition":
        yield "if", [conditions_text(step.conditions)]
        yield "then", [", ".join(child.name for child in step.if_steps) or "nothing"]
        yield "else", [", ".join(child.name for child in step.else_steps) or "nothing"]
    yield "takes", [_taken(each) for each in flow.consumes]
    yield "reads", [f"{each.name}: {each.source}" for each in flow.inputs if not _of_a_step(each.source, flow)]
    yield "gives", [f"{each.name} ({each.path}){_for(each.consumers)}" for each in flow.produces]
    yield (
        "after",
        [
            each.step + (f" ({each.trigger.lower()})" if each.trigger != "Completed" else "")
            for each in step.dependencies
        ],
    )
    yield "parameters", [", ".join(flow.parameters)] if flow.parameters else []
    yield "image", list(flow.images)
    yield "machine", [_machine(each) for each in flow.compute]
    yield "retry", [_retry(each) for each in step.retries]
    if step.cache is not None:
        expiry = f", results expire after {step.cache.expire_after}" if step.cache.expire_after else ""
        yield "cache", [f"on{expiry}" if step.cache.enabled else "off"]


def _of_a_step(source: str, flow: StepFlow) -> bool:
    return any(source == "{" + f"{each.step}.{each.path}" + "}" for each in flow.consumes)


def _taken(taken: Consumed) -> str:
    inside = f", {taken.json_path} in it" if taken.json_path else ""
    how = ", by its address alone" if taken.by_address else ""
    return f"{taken.step}: {taken.path}{inside} → {taken.field}{how}"


def _for(consumers: tuple[str, ...]) -> str:
    return f" → {', '.join(consumers)}" if consumers else ""


def _machine(found: Resources) -> str:
    groups = found.groups or ((found.instance_type, found.instance_count),)
    machines = " + ".join(f"{_text(count) or '1'} × {_text(kind)}" for kind, count in groups)
    disk = f", {_text(found.volume_gb)} GB" if found.volume_gb else ""
    limit = f", at most {_text(found.max_runtime_s)} s" if found.max_runtime_s else ""
    return f"{machines}{disk}{limit}{', spot' if found.spot else ''}"


def _text(field: Field | None) -> str:
    return "" if field is None else expression_text(field.value)


def _retry(retry: Retry) -> str:
    times = f"up to {retry.max_attempts} times" if retry.max_attempts is not None else "again"
    limit = f", for {retry.expire_after:g} minutes" if retry.expire_after is not None else ""
    return f"{times}{limit} on {', '.join(retry.exceptions)}, after {retry.interval:g} s × {retry.backoff:g}"
