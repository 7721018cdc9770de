"""AutoML steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...sagemaker import steps
from ...sagemaker.definition import Step
from ..neutral import Node
from .kind import Kind, named_options, named_properties

if TYPE_CHECKING:
    from ..source import SourceReader
    from ..target import ContractReader

REQUEST = ("target", "weight", "problem", "objective", "runtime", "validation-fraction")


def _read_step(reader: SourceReader, node: Node, step: Step) -> None:
    automl = steps.automl(step, reader.names)
    for kind, uri in automl.channels:
        if uri is not None:
            node.add(("channel", kind), reader.address_parts(uri), uri.pointer)
    fields = (
        automl.target, automl.weight, automl.prediction, automl.objective, automl.runtime_s, automl.validation_fraction,
    )  # fmt: skip
    for name, field in zip(REQUEST, fields, strict=True):
        reader.note(node, ("request", name), field)
    if automl.features is not None:
        node.add(("request", "features"), reader.address_parts(automl.features), automl.features.pointer)
    node.add(("output", "model"), ["model"])
    for key, text in step.tags.items():
        node.add(("label", key), [text], f"{step.pointer}/Arguments/Tags")


def _read_task(task: ContractReader) -> None:
    for option in task.line.of("channel"):
        kind, artifact, file = option.fields
        task.node.add(("channel", kind), task.artifact(artifact, file))
    for option in task.line.of("channel-data"):
        task.node.add(("channel", option.fields[0]), task.address(option.template))
    for name in REQUEST:
        for option in task.line.of(name):
            task.node.add(("request", name), task.parts(option.template))
    for option in task.line.of("features"):
        task.node.add(("request", "features"), task.artifact(*option.fields))
    for option in task.line.of("model"):
        task.node.add(("output", "model"), [option.fields[0]])
    task.named("label", "label")


AUTOML = Kind(
    "automl",
    ("AutoML",),
    "automl-tabular",
    _read_step,
    _read_task,
    named_properties({"BestCandidate.CandidateName": ("resource name",)}),
    named_options({"resource-name": ("resource name",), "model": ("model",), "dataset": ("output", "dataset")}),
)
