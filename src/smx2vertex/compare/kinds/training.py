"""Training steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...contract.grammar import Template as Encoded
from ...sagemaker import steps
from ...sagemaker.definition import Step
from ...sagemaker.expressions import PropertyReference
from ..commandline import CommandLine
from ..names import folder
from ..neutral import Node
from .functions import function_product, note_function
from .kind import Kind, What
from .notebooks import note_notebook, notebook_product
from .processing import DIVIDED, note_divided
from .repack import note_repack

if TYPE_CHECKING:
    from ..source import SourceReader
    from ..target import ContractReader

FORMATS = ("str", "int", "float", "bool", "json")


def _read_step(reader: SourceReader, node: Node, step: Step) -> None:
    if steps.disguise(step) == "notebook job":
        note_notebook(reader, node, step)
        return
    call = reader.definition.functions.get(step.name)
    if call is not None and not call.problems:
        note_function(reader, node, step, call)
        return
    repack = steps.repack(step, reader.names)
    if repack is not None:
        note_repack(reader, node, step, repack)
        return
    note_training(reader, node, steps.training(step, reader.names), f"{step.pointer}/Arguments")


def note_training(reader: SourceReader, node: Node, training: steps.Training, pointer: str) -> None:
    """What reaches a training job, of its own or of a tuning job; `pointer` is the place of its request."""
    reader.note(node, ("image",), training.image)
    if training.program is not None:
        node.add(("program",), [training.program], training.hyperparameters["sagemaker_program"].pointer)
    else:
        reader.words(node, training.entrypoint, training.arguments)
    if training.submit_directory is not None:
        node.add(("code", "/opt/ml/code"), [], training.hyperparameters["sagemaker_submit_directory"].pointer)
    for channel in training.channels:
        if channel.uri is not None:
            node.add(("channel", channel.name), reader.address_parts(channel.uri), channel.uri.pointer)
        reader.note(node, ("content type", channel.name), channel.content_type)
        if reader.known(channel.distribution) == DIVIDED:
            path = folder(f"/opt/ml/input/data/{channel.name}")
            node.add(("divided", path), ["among the machines"], channel.pointer)
    for name, field in training.hyperparameters.items():
        if name not in ("sagemaker_program", "sagemaker_submit_directory"):
            reader.note(node, ("hyperparameter", name), field)
    at = f"{pointer}/AlgorithmSpecification/MetricDefinitions"
    for name, regex in training.metric_definitions:
        node.add(("metric definition", name), [regex], at)
    node.add(("output", "model"), ["model"], f"{pointer}/OutputDataConfig")
    if training.output_path is not None:
        node.add(("destination", "model"), reader.address_parts(training.output_path), training.output_path.pointer)
    if training.compression == "NONE":
        node.add(("compression",), ["none"], f"{pointer}/OutputDataConfig/CompressionType")
    if training.checkpoints is not None and training.checkpoint_folder.startswith("/opt/ml/"):
        place = folder(training.checkpoint_folder)
        node.add(("checkpoints", place), reader.address_parts(training.checkpoints), training.checkpoints.pointer)
    reader.environment(node, training.environment)
    reader.resources(node, training.resources)


def read_training(task: ContractReader) -> None:
    """What the command line of a training job says, of its own or of a tuning job."""
    task.texts(program="program", algorithm="algorithm", compression="compression")
    for option in task.line.of("channel"):
        name, content_type, artifact, file = option.fields
        task.node.add(("channel", name), task.artifact(artifact or name, file))
        _content_type(task, name, content_type)
    for option in task.line.of("channel-code"):
        task.node.add(("code", option.fields[0]), [])
    for option in task.line.of("channel-data"):
        task.node.add(("channel", option.fields[0]), task.address(option.template))
        _content_type(task, *option.fields)
    note_divided(task)
    for option in task.line.of("hyperparameter"):
        _hyperparameter(task, option.fields[0], option.template or ())
    for option in task.line.of("metric-definition"):
        task.node.add(("metric definition", option.fields[0]), [option.fields[1]])
    for option in task.line.of("checkpoints"):
        task.node.add(("checkpoints", folder(option.fields[0])), task.address(option.template))
    for option in task.line.of("model"):
        task.outputs("model", option.fields[0], option.template)


def _hyperparameter(task: ContractReader, name: str, value: Encoded) -> None:
    # An older grammar has the type alone, and the input under the hyperparameter's own name.
    if name in task.task.parameters and len(value) == 1 and value[0] in FORMATS:
        task.node.add(("hyperparameter", name), task.input(name, str(value[0])))
    else:
        task.node.add(("hyperparameter", name), task.parts(value))


def _content_type(task: ContractReader, channel: str, content_type: str) -> None:
    if content_type:
        task.node.add(("content type", channel), [content_type])


def _step_product(reader: SourceReader, step: Step, reference: PropertyReference) -> What | None:
    if steps.disguise(step) == "notebook job":
        return notebook_product(reference)
    if steps.disguise(step) == "function":
        return function_product(reference)
    if reference.path[:1] == ("FinalMetricDataList",) and reference.key is not None:
        return ("metric", reference.key)
    return ("model",) if reference.pattern == "ModelArtifacts.S3ModelArtifacts" else None


def _task_product(line: CommandLine, key: str) -> What | None:
    for option in line.of("metric"):
        if option.fields[0] == key:
            return ("metric", option.fields[1])
    return ("model",) if line.one("model") == key else None


TRAINING = Kind("training", ("Training",), "training", _read_step, read_training, _step_product, _task_product)
