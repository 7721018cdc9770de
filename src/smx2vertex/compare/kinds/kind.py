"""What is known of a kind of step: which steps and tasks are of it, how they show their facts, what they make."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from ...sagemaker.definition import Step
from ...sagemaker.expressions import PropertyReference
from ..commandline import CommandLine
from ..neutral import Node

if TYPE_CHECKING:
    from ..source import SourceReader
    from ..target import ContractReader

What: TypeAlias = tuple[str, ...]
"""What a node makes, as in `neutral.Product`; of a step also `("output", place, file)`, a file in an output."""

StepProduct: TypeAlias = "Callable[[SourceReader, Step, PropertyReference], What | None]"
TaskProduct: TypeAlias = Callable[[CommandLine, str], What | None]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of step.

    Attributes:
        name: what nodes of both sides are called.
        types: the step types of SageMaker.
        verb: the verb of the container contract, None where another kind has it.
        read_step, read_task: note what reaches a step, or a task.
        step_product: what a property of a step is; None if it is nothing that the task makes.
        task_product: what an output of a task is, by its name; None if the command line does not tell.
    """

    name: str
    types: tuple[str, ...]
    verb: str | None
    read_step: Callable[[SourceReader, Node, Step], None] | None
    read_task: Callable[[ContractReader], None] | None
    step_product: StepProduct = lambda reader, step, reference: None
    task_product: TaskProduct = lambda line, key: None


def named_properties(products: Mapping[str, What]) -> StepProduct:
    """Products by the pattern of the property, such as `ModelArtifacts.S3ModelArtifacts`."""
    return lambda reader, step, reference: products.get(reference.pattern)


def named_options(products: Mapping[str, What]) -> TaskProduct:
    """Products by the option whose only field names the output, such as `model`."""
    return lambda line, key: next((what for option, what in products.items() if line.one(option) == key), None)
