"""A pipeline spec as a flat graph of tasks, as `flattening` makes it."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

from ..findings import Finding
from . import conditions
from .origins import Origin
from .spec import Parameter, Retry


@dataclass(frozen=True, slots=True)
class Condition:
    """A trigger condition that guards a task.

    Attributes:
        group: id of the group or task that carries it.
        expression: None if the text cannot be read; a finding says so.
        operands: where the inputs that it reads come from, by the name used in the text.
    """

    group: str
    display_name: str
    text: str
    expression: conditions.Expression | None
    operands: dict[str, Origin]


@dataclass(frozen=True, slots=True)
class Loop:
    """A loop that repeats a task: id of its group, and where the items come from."""

    group: str
    items: Origin
    parallelism: int | None


@dataclass(frozen=True, slots=True)
class Machine:
    """What a task runs on, each value an origin; None where the spec says nothing.

    `disk_gb` in GB; `timeout` as written, such as `86400s`; limits and requests in Kubernetes' units (`4`, `16Gi`).
    """

    machine_type: Origin | None = None
    accelerator_type: Origin | None = None
    accelerator_count: Origin | None = None
    disk_gb: Origin | None = None
    disk_type: Origin | None = None
    replicas: Origin | None = None
    timeout: Origin | None = None
    cpu_limit: Origin | None = None
    cpu_request: Origin | None = None
    memory_limit: Origin | None = None
    memory_request: Origin | None = None


@dataclass(frozen=True, slots=True)
class Importer:
    """What an importer brings in, and whether it makes a new artifact at each run."""

    uri: Origin
    metadata: Origin
    reimport: bool
    artifact_type: str


@dataclass(frozen=True, slots=True)
class Task:
    """A leaf task.

    Attributes:
        id: its name; with the names of its groups before it where a name stands twice in a pipeline.
        path: ids of the groups around it, outermost first.
        kind: `container`, `importer`, `custom_job`, `model_upload`, or the job type of another prebuilt component in
            snake case (`batch_prediction_job`); `unknown` if it has no executor that can be read.
        image, command, args, env: of a custom job those of the container it runs (first worker pool).
        parameters, artifacts: the declared inputs by name, defaults included, without the fields of a custom job.
        declared: the input parameters that its component declares, by name.
        optional: names of the input artifacts that may be absent.
        job: the fields of a custom job (`service_account`, `network`, `labels`, …).
        after: ids of tasks it must wait for by an explicit dependency, its own or that of a group around it.
        waits: ids of all tasks it must wait for: data, explicit dependencies, and those of the groups around it.
        conditions: those that guard it, outermost first.
        output_parameters: `parameterType` by name.
        output_artifacts: schema title by name.
        at: its place in the pipeline spec.
    """

    id: str
    name: str
    path: tuple[str, ...]
    component: str
    kind: str
    image: Origin | None
    command: tuple[Origin, ...]
    args: tuple[Origin, ...]
    env: dict[str, Origin]
    parameters: dict[str, Origin]
    artifacts: dict[str, Origin]
    declared: Mapping[str, Parameter]
    optional: frozenset[str]
    job: dict[str, Origin]
    importer: Importer | None
    after: tuple[str, ...]
    waits: tuple[str, ...]
    conditions: tuple[Condition, ...]
    loops: tuple[Loop, ...]
    output_parameters: dict[str, str]
    output_artifacts: dict[str, str]
    caching: bool
    retry: Retry | None
    display_name: str
    machine: Machine
    strategy: str | None
    at: str

    @property
    def prebuilt(self) -> bool:
        """Whether it is a prebuilt component that calls a cloud service, custom jobs apart."""
        return self.kind not in ("container", "importer", "custom_job", "unknown")


@dataclass(frozen=True, slots=True)
class Group:
    """A nested DAG. Its dependencies hold for everything inside.

    Attributes:
        path: ids of the groups around it, outermost first.
        depends: ids of the tasks and groups beside it that it waits for.
        tasks: ids of the leaf tasks inside, at any depth.
    """

    id: str
    name: str
    path: tuple[str, ...]
    display_name: str
    condition: Condition | None
    loop: Loop | None
    depends: tuple[str, ...]
    tasks: tuple[str, ...]
    strategy: str | None


@dataclass(frozen=True, slots=True)
class Graph:
    """A pipeline: its parameters, its leaf tasks and groups by id, what is structurally wrong with it, its file."""

    name: str
    parameters: dict[str, Parameter]
    tasks: dict[str, Task]
    groups: dict[str, Group]
    findings: tuple[Finding, ...]
    file: str | None = None

    def order(self) -> list[Task]:
        """The tasks, each after those it waits for; tasks of a cycle stand last."""
        missing = {task.id: len(task.waits) for task in self.tasks.values()}
        followers: dict[str, list[str]] = {task: [] for task in self.tasks}
        for task in self.tasks.values():
            for producer in task.waits:
                followers[producer].append(task.id)
        ready = deque(task for task, count in missing.items() if not count)
        ordered: dict[str, Task] = {}
        while ready:
            task_id = ready.popleft()
            ordered[task_id] = self.tasks[task_id]
            for follower in followers[task_id]:
                missing[follower] -= 1
                if not missing[follower]:
                    ready.append(follower)
        return list((ordered | self.tasks).values())
