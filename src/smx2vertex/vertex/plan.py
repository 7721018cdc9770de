"""The plan: a typed model of the Vertex pipeline, from which the project is written."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypeAlias

from ..mapping.machines import MachineChoice
from .names import Names, snake_case

# What pipeline.py imports; `data_helper` is the name of `data` where a parameter is called so.
HELPERS = ("dsl", "buckets", "code", "data", "on_machine", "running_trials")


@dataclass(frozen=True, slots=True)
class Plain:
    """A plain value."""

    value: Any


@dataclass(frozen=True, slots=True)
class Parameter:
    """The value of a pipeline parameter, by its identifier."""

    name: str


@dataclass(frozen=True, slots=True)
class Output:
    """An output of a task."""

    task: str
    name: str


@dataclass(frozen=True, slots=True)
class Collected:
    """What a task inside a loop gives in all its copies, as a list."""

    output: Output


@dataclass(frozen=True, slots=True)
class Item:
    """A part of the current item of a loop, by the variable that holds the item."""

    loop: str
    part: str


@dataclass(frozen=True, slots=True)
class Address:
    """A Cloud Storage address: the identifier of its bucket in config.yaml, and what follows, with its slash."""

    bucket: str
    path: str


@dataclass(frozen=True, slots=True)
class BucketName:
    """The name of a bucket alone, by its identifier in config.yaml."""

    bucket: str


@dataclass(frozen=True, slots=True)
class Data:
    """Data from outside: an importer of an address or a parameter that holds one."""

    uri: Value


@dataclass(frozen=True, slots=True)
class Code:
    """The code artifact of a step."""

    folder: str


@dataclass(frozen=True, slots=True)
class Placeholder:
    """A value that the engine knows, by the name of its constant in `kfp.dsl`."""

    constant: str


Value: TypeAlias = Plain | Parameter | Output | Collected | Item | Address | BucketName | Data | Code | Placeholder


@dataclass(frozen=True, slots=True)
class PipelineParameter:
    """A parameter of the Vertex pipeline.

    Attributes:
        type: `str`, `int`, `float` or `bool`.
        default: the default, or None where an execution must give a value.
        comment: what Kubeflow cannot express, such as the allowed values.
    """

    name: str
    source: str
    type: str
    default: Plain | Address | BucketName | None
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Port:
    """An input or output of a component, with its annotation as Python source."""

    name: str
    annotation: str
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Setting:
    """A value that stands in settings.py, such as `images.python`."""

    name: str


@dataclass(frozen=True, slots=True)
class Option:
    """An option of the container contract, its fields encoded already."""

    name: str
    fields: tuple[str | Setting, ...]


@dataclass(slots=True)
class Component:
    """A container component that runs the container contract."""

    function: str
    title: str
    image: str
    verb: str
    inputs: list[Port] = field(default_factory=list)
    outputs: list[Port] = field(default_factory=list)
    options: list[Option] = field(default_factory=list)
    words: list[str | Option] | None = None
    notes: list[str] = field(default_factory=list)

    @property
    def all_options(self) -> list[Option]:
        """Its options, and those of the trials that it runs, which stand among the words."""
        return self.options + [word for word in self.words or () if isinstance(word, Option)]


@dataclass(frozen=True, slots=True)
class Machine:
    """What a task runs on.

    Attributes:
        type: a Compute Engine machine type, or the pipeline parameter that holds one.
        disk_gb: boot disk.
        timeout_s: longest run, in seconds; None for the default of a custom job.
        choice: how the machine was chosen, with what is gained or lost against the instance type.
        pointer: JSON pointer of the instance type in the definition.
        volume_gb: the volume that the step asks for; None where it does not say.
        labels: labels of the job.
    """

    type: Plain | Parameter
    choice: MachineChoice
    pointer: str
    accelerator: str | None = None
    accelerator_count: int = 0
    disk_type: str | None = None
    disk_gb: int = 100
    volume_gb: int | None = None
    timeout_s: int | None = None
    replicas: int = 1
    spot: bool = False
    labels: tuple[tuple[str, str], ...] = ()


@dataclass(slots=True)
class Retry:
    """Retries of a task: how often, first wait in seconds, growth of the wait."""

    attempts: int
    interval_s: float
    backoff: float


@dataclass(slots=True)
class Task:
    """A task of the pipeline.

    Attributes:
        step: the SageMaker step that it stands for.
        variable: its name in pipeline.py.
        inputs: the values of the component's inputs, in order.
        trials: whether it is a tuning job, whose trials need machines of their own.
        after: variables of tasks that it waits for without reading from them.
    """

    step: str
    variable: str
    component: Component
    inputs: dict[str, Value] = field(default_factory=dict)
    machine: Machine | None = None
    trials: bool = False
    after: list[str] = field(default_factory=list)
    caching: bool = False
    retry: Retry | None = None
    display_name: str | None = None


@dataclass(slots=True)
class Branches:
    """A condition: tasks that run if it holds, and tasks that run if not.

    Attributes:
        left, operator, right: the comparison, as Kubeflow expresses it.
    """

    step: str
    left: Value
    operator: str
    right: Value
    then: list[Node] = field(default_factory=list)
    otherwise: list[Node] = field(default_factory=list)


@dataclass(slots=True)
class Loop:
    """A loop: tasks that run once for each item of a list.

    Attributes:
        variable: what holds the current item in pipeline.py.
        items: the list, an output of a task.
        parallelism: how many copies run at once.
    """

    step: str
    variable: str
    items: Output
    parallelism: int
    body: list[Node] = field(default_factory=list)


Node: TypeAlias = Task | Branches | Loop


@dataclass(frozen=True, slots=True)
class CodeFile:
    """A file of a step's code artifact: where it goes below `code/`, where SageMaker had it, and who says so.

    Attributes:
        unpack: whether it is an archive whose files belong there.
        pointer: JSON pointer of the address in the definition.
        program: the script that an archive is known to hold, or None.
        starts: of the start script of a framework processor: the path of its sources below `code/`, and the folder in
            the container that holds their archive.
    """

    path: str
    uri: str
    pointer: str
    unpack: bool = False
    program: str | None = None
    starts: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Function:
    """A Lambda function, for which a Cloud Run function is to be deployed.

    Attributes:
        address: what the definition calls it, mostly its ARN.
        name: its name.
        step: the first step that calls it.
        pointer: JSON pointer of the address in the definition.
    """

    address: str
    name: str
    step: str
    pointer: str


@dataclass(slots=True)
class Plan:
    """A Vertex pipeline.

    Attributes:
        source: the name of the SageMaker pipeline.
        package, name: the Python package and the Kubeflow name.
        body: the tasks, branches and loops at top level, producers before consumers.
        code: the user's files, by code folder.
        buckets: bucket in S3 by identifier.
        images: image identifiers, with the choice made for each.
        machines: machine types that occur, with vCPUs and memory in GiB.
        functions: Lambda functions by identifier.
        topics: addresses of queues by identifier of the topic in their place.
        spark: whether a task runs a Spark program.
    """

    source: str
    package: str
    name: str
    region: str
    parameters: list[PipelineParameter] = field(default_factory=list)
    body: list[Node] = field(default_factory=list)
    components: list[Component] = field(default_factory=list)
    code: dict[str, list[CodeFile]] = field(default_factory=dict)
    buckets: dict[str, str] = field(default_factory=dict)
    images: dict[str, Any] = field(default_factory=dict)
    machines: dict[str, Any] = field(default_factory=dict)
    instance_types: dict[str, str] = field(default_factory=dict)
    functions: dict[str, Function] = field(default_factory=dict)
    topics: dict[str, str] = field(default_factory=dict)
    spark: bool = False

    def function(self, function: Function) -> str:
        """The identifier of a Lambda function; registers it."""
        known = next((name for name, each in self.functions.items() if each.address == function.address), None)
        if known is None:
            known = Names(self.functions).take(snake_case(function.name), "function")
            self.functions[known] = function
        return known

    def topic(self, queue: str) -> str:
        """The identifier of the topic in the place of a queue; registers it."""
        known = next((name for name, each in self.topics.items() if each == queue), None)
        if known is None:
            known = Names(self.topics).take(snake_case(queue.rstrip("/").rpartition("/")[2]), "topic")
            self.topics[known] = queue
        return known
