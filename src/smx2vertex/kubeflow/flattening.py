"""Flattens a pipeline spec to a graph: every input is resolved to its true origin through all groups."""

from __future__ import annotations

import json
import re
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from typing import Any

from ..findings import Finding
from . import conditions
from .graph import Condition, Graph, Group, Importer, Loop, Machine, Task
from .origins import (
    ArtifactField,
    Collected,
    Constant,
    Entries,
    ExecutorInput,
    FinalStatus,
    Items,
    LoopItem,
    OneOf,
    Origin,
    OutputField,
    PipelineArtifact,
    PipelineParameter,
    Placeholder,
    Runtime,
    TaskOutput,
    Text,
    Unknown,
    entry,
    length,
    split,
    words,
)
from .spec import Component, Node, PipelineSpec

MAX_GROUPS = 100
# Vertex AI accepts 10,000 tasks a job; reused components can multiply without end.
MAX_TASKS = 20_000
PREBUILT_IMAGE = "google-cloud-pipeline-components"
KINDS = {"UploadModel": "model_upload"}
# The inputs of a custom job that are about the job, not about the program it runs [GCPC 2.22.0 custom_job].
JOB_FIELDS = frozenset(
    {
        "base_output_directory",
        "display_name",
        "enable_web_access",
        "encryption_spec_key_name",
        "labels",
        "location",
        "max_wait_duration",
        "network",
        "nfs_mounts",
        "persistent_resource_id",
        "project",
        "psc_interface_config",
        "reserved_ip_ranges",
        "restart_job_on_worker_restart",
        "service_account",
        "strategy",
        "tensorboard",
        "timeout",
        "worker_pool_specs",
    }
)


def read_graph(spec: PipelineSpec) -> Graph:
    """Flatten a pipeline spec. Structural faults are findings of the graph (SMX510 to SMX522), never exceptions."""
    return _Flattener(spec).graph()


def job_type(image: Any, arguments: list[Any]) -> str | None:
    """The `--type` of a prebuilt Google Cloud component; None for any other container."""
    if PREBUILT_IMAGE not in str(image):
        return None
    texts = [str(argument) for argument in arguments]
    return next((after for flag, after in pairwise(texts) if flag == "--type"), "Unknown")


def kind_of(job: str | None) -> str:
    """The kind of a task by the job type of its component."""
    if job is None:
        return "container"
    return KINDS.get(job) or re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", job).lower()


@dataclass(slots=True)
class _Place:
    """A node where it stands; the root is a place without a parent."""

    node: Node
    component: Component | None
    parent: _Place | None
    at: str
    depth: int
    id: str = ""
    children: dict[str, _Place] = field(default_factory=dict)
    parameters: dict[str, Origin] = field(default_factory=dict)
    artifacts: dict[str, Origin] = field(default_factory=dict)
    condition: Condition | None = None
    loop: Loop | None = None

    @property
    def around(self) -> list[_Place]:
        """The groups around it, outermost first, without the root."""
        groups, place = [], self.parent
        while place is not None and place.parent is not None:
            groups.append(place)
            place = place.parent
        return groups[::-1]

    @property
    def is_group(self) -> bool:
        return self.component is not None and self.component.dag is not None

    def leaves(self) -> Iterator[_Place]:
        waiting = [self]
        while waiting:
            place = waiting.pop()
            if place.is_group:
                waiting.extend(reversed(place.children.values()))
            else:
                yield place

    def siblings(self, names: tuple[str, ...] | list[str]) -> list[_Place]:
        beside = self.parent.children if self.parent else {}
        return [beside[name] for name in dict.fromkeys(names) if name in beside]


class _Flattener:
    def __init__(self, spec: PipelineSpec) -> None:
        self.spec = spec
        self.findings: list[Finding] = []
        node = Node(spec.name, "root", {}, {}, (), None, None, None, None, False, spec.name, {})
        self.root = _Place(node, spec.root, None, "root", 0)
        self.places: list[_Place] = []

    def report(self, code: str, message: str, place: _Place, at: str = "") -> None:
        finding = Finding(code, message, pointer=f"{place.at}{at}", step=place.node.name, file=self.spec.file)
        if finding not in self.findings[-50:]:
            self.findings.append(finding)

    def graph(self) -> Graph:
        self.expand()
        self.name_all()
        self.root.parameters = {name: PipelineParameter(name) for name in self.spec.root.parameters}
        self.root.artifacts = {name: PipelineArtifact(name) for name in self.spec.root.artifacts}
        for place in self.places:
            self.resolve(place)
        return Graph(
            name=self.spec.name,
            parameters=dict(self.spec.root.parameters),
            tasks={leaf.id: self.task(leaf) for leaf in self.root.leaves() if leaf is not self.root},
            groups={place.id: self.group(place) for place in self.places if place.is_group},
            findings=tuple(self.findings),
            file=self.spec.file,
        )

    # --- the tree of places ---

    def expand(self) -> None:
        waiting = deque([self.root])
        while waiting:
            group = waiting.popleft()
            self.check_order(group)
            for place in self.children(group):
                if len(self.places) >= MAX_TASKS:
                    return self.report("SMX519", f"the pipeline has more than {MAX_TASKS} tasks", place)
                group.children[place.node.name] = place
                self.places.append(place)
                if not place.is_group:
                    continue
                if place.depth > MAX_GROUPS:
                    self.report("SMX519", f"groups are nested more than {MAX_GROUPS} levels deep", place)
                else:
                    waiting.append(place)
        return None

    def children(self, group: _Place) -> Iterator[_Place]:
        dag = group.component.dag if group.component else None
        where = "root" if group is self.root else f"components.{group.node.component}"
        for node in dag.nodes.values() if dag else ():
            component = self.spec.components.get(node.component)
            place = _Place(node, component, group, f"{where}.dag.tasks.{node.name}", group.depth + 1)
            if component is None:
                self.report("SMX512", f"{node.name} uses the component {node.component!r}, which is not there", place)
            yield place

    def check_order(self, group: _Place) -> None:
        nodes = group.component.dag.nodes if group.component and group.component.dag else {}
        before = {
            node.name: {name for name in (*node.depends, *node.producers) if name in nodes} for node in nodes.values()
        }
        try:
            TopologicalSorter(before).prepare()
        except CycleError as error:
            # graphlib lists the cycle against the arrows, its first member twice
            cycle = " → ".join(reversed(error.args[1]))
            self.report("SMX510", f"these tasks wait for each other: {cycle}", group, ".dag")

    def name_all(self) -> None:
        count = Counter(place.node.name for place in self.places)
        for place in self.places:
            names = [group.node.name for group in place.around] + [place.node.name]
            place.id = place.node.name if count[place.node.name] == 1 else "/".join(names)

    # --- inputs ---

    def resolve(self, place: _Place) -> None:
        node, component = place.node, place.component
        templates: dict[str, Any] = {}
        for name, selector in node.parameters.items():
            if "runtimeValue" in selector:
                templates[name] = _constant(selector["runtimeValue"])
            else:
                place.parameters[name] = self.parameter(place, name, selector)
        for name, selector in node.artifacts.items():
            place.artifacts[name] = self.artifact(place, name, selector)
        for name, parameter in component.parameters.items() if component else ():
            if name not in node.parameters and parameter.default is not None:
                templates[name] = parameter.default
            elif name in templates and parameter.type == "NUMBER_INTEGER":
                templates[name] = _whole(templates[name])
        known = {*place.parameters, *templates}
        # Constants may mention inputs that are no constants, and constants without placeholders.
        plain = {name: value for name, value in templates.items() if not _has_placeholder(value)}
        place.parameters.update({name: Constant(value) for name, value in plain.items()})
        mixed = {name: self.template(value, place, known) for name, value in templates.items() if name not in plain}
        place.parameters.update(mixed)
        self.resolve_loop(place)
        self.check_required(place)
        self.check_dependencies(place)
        if node.condition is not None:
            place.condition = self.condition(place, node.condition)

    def resolve_loop(self, place: _Place) -> None:
        iterator = place.node.iterator
        if iterator is None:
            return
        items: Origin = Unknown("items")
        if iterator.items_input is not None:
            inputs = place.artifacts if iterator.over_artifacts else place.parameters
            items = inputs.get(iterator.items_input, Unknown(iterator.items_input))
        elif isinstance(iterator.raw, str):
            try:
                items = self.template(json.loads(iterator.raw), place, set(place.parameters))
            except (ValueError, RecursionError):
                self.report("SMX521", "the items of the loop are no JSON", place)
        place.loop = Loop(place.id, items, iterator.parallelism)
        inputs = place.artifacts if iterator.over_artifacts else place.parameters
        inputs[iterator.item] = LoopItem(place.id)

    def check_required(self, place: _Place) -> None:
        component = place.component
        if component is None:
            return
        for name, parameter in component.parameters.items():
            if parameter.required and name not in place.parameters:
                self.report("SMX514", f"{place.node.name} gets no value for its input {name!r}", place, ".inputs")
        for name, artifact in component.artifacts.items():
            if not artifact.optional and name not in place.artifacts:
                self.report("SMX514", f"{place.node.name} gets no artifact for its input {name!r}", place, ".inputs")

    def check_dependencies(self, place: _Place) -> None:
        beside = place.parent.children if place.parent else {}
        for name in place.node.depends:
            if name not in beside:
                message = f"{place.node.name} waits for {name!r}, which is not beside it"
                self.report("SMX511", message, place, ".dependentTasks")

    def parameter(self, place: _Place, name: str, selector: Mapping[str, Any]) -> Origin:
        match selector:
            case {"componentInputParameter": outer}:
                return self.outer(place, outer, selector.get("parameterExpressionSelector"), artifact=False)
            case {"taskOutputParameter": {"producerTask": producer, "outputParameterKey": key}}:
                return self.output(place, str(producer), str(key), artifact=False)
            case {"taskFinalStatus": {"producerTask": producer}}:
                found = place.siblings([str(producer)])
                return FinalStatus(found[0].id) if found else self.dangling(place, str(producer))
        self.report("SMX521", f"the input {name!r} has a source of no known kind", place, f".inputs.parameters.{name}")
        return Unknown(name)

    def artifact(self, place: _Place, name: str, selector: Mapping[str, Any]) -> Origin:
        match selector:
            case {"componentInputArtifact": outer}:
                return self.outer(place, outer, None, artifact=True)
            case {"taskOutputArtifact": {"producerTask": producer, "outputArtifactKey": key}}:
                return self.output(place, str(producer), str(key), artifact=True)
        self.report("SMX521", f"the input {name!r} has a source of no known kind", place, f".inputs.artifacts.{name}")
        return Unknown(name)

    def outer(self, place: _Place, name: Any, part: Any, artifact: bool) -> Origin:
        parent = place.parent or place
        found = (parent.artifacts if artifact else parent.parameters).get(str(name))
        if found is None:
            component = parent.component
            declared = (component.artifacts if artifact else component.parameters) if component else {}
            if str(name) not in declared:
                self.report(
                    "SMX516", f"{place.node.name} takes {name!r}, which the group around it does not have", place
                )
            return Unknown(str(name))
        if part is None:
            return found
        if isinstance(found, LoopItem) and (key := loop_part(part)):
            return LoopItem(found.group, key)
        self.report("SMX521", f"the expression {part!r} selects a part in a way that is not known", place)
        return Unknown(str(part))

    def dangling(self, place: _Place, producer: str) -> Unknown:
        message = f"{place.node.name} takes an output of {producer!r}, which is not beside it"
        self.report("SMX511", message, place, ".inputs")
        return Unknown(producer)

    def output(self, place: _Place, producer: str, key: str, artifact: bool) -> Origin:
        found = place.siblings([producer])
        return self.output_of(found[0], key, artifact, place) if found else self.dangling(place, producer)

    def output_of(self, producer: _Place, key: str, artifact: bool, consumer: _Place) -> Origin:
        component = producer.component
        if component is None:
            return Unknown(key)
        if key not in (component.output_artifacts if artifact else component.output_parameters):
            message = f"{consumer.node.name} takes the output {key!r} of {producer.node.name}, which does not have it"
            self.report("SMX515", message, consumer, ".inputs")
            return Unknown(key)
        if component.dag is None:
            return TaskOutput(producer.id, key, artifact)
        outputs = component.dag.artifact_outputs if artifact else component.dag.parameter_outputs
        options = [
            self.output_of(producer.children[task], inner, artifact, consumer)
            for task, inner in selected(outputs.get(key, {}))
            if task in producer.children
        ]
        if not options:
            self.report("SMX515", f"the output {key!r} of {producer.node.name} comes from no task", consumer, ".inputs")
            return Unknown(key)
        origin = options[0] if len(options) == 1 else OneOf(tuple(options))
        return Collected(origin) if producer.node.iterator else origin

    # --- texts ---

    def template(self, value: Any, place: _Place, known: set[str] | None = None) -> Origin:
        """A value of the spec whose texts may hold placeholders."""
        if isinstance(value, str):
            return self.text(value, place, known)
        if not _has_placeholder(value):
            return Constant(value)
        if isinstance(value, list):
            return Items(tuple(self.template(item, place, known) for item in value))
        return Entries(tuple((str(key), self.template(item, place, known)) for key, item in value.items()))

    def text(self, text: str, place: _Place, known: set[str] | None = None) -> Origin:
        if "{{channel:" in text:
            self.report(
                "SMX518", f"{place.node.name}: a reference was left unresolved by the compiler: {text!r}", place
            )
        parts: list[Origin] = [
            Constant(part) if isinstance(part, str) else self.placeholder(part, place, known) for part in split(text)
        ]
        if len(parts) == 1:
            return parts[0]
        return Text(tuple(parts)) if parts else Constant("")

    def placeholder(self, found: Placeholder, place: _Place, known: set[str] | None) -> Origin:
        component = place.component
        match found.kind:
            case "input_parameter" if found.key in place.parameters:
                return place.parameters[found.key]
            case "input_parameter" if found.key in (known or ()):
                return Unknown(found.text)
            case "input_parameter" if component and found.key in component.parameters:
                return Constant(None)
            case "input_artifact" if found.key in place.artifacts:
                return ArtifactField(place.artifacts[found.key], found.field)
            case "input_artifact" if component and found.key in component.artifacts:
                return Constant(None)
            case "output_parameter" if component and found.key in component.output_parameters:
                return OutputField(found.key, found.field)
            case "output_artifact" if component and found.key in component.output_artifacts:
                return OutputField(found.key, found.field)
            case "executor_input":
                return ExecutorInput(found.escapes)
            case "output_file":
                return OutputField("", "output_file")
            case "runtime":
                return Runtime(found.key)
        self.report("SMX518", f"{place.node.name}: {found.text} leads to nothing", place)
        return Unknown(found.text)

    # --- conditions, groups, tasks ---

    def condition(self, place: _Place, text: str) -> Condition:
        expression: conditions.Expression | None = None
        operands: dict[str, Origin] = {}
        try:
            expression = conditions.parse(text)
            for name in conditions.inputs(expression):
                if name not in place.parameters:
                    message = f"the condition of {place.node.name} reads {name!r}, which is no input of it"
                    self.report("SMX516", message, place, ".triggerPolicy.condition")
                operands[name] = place.parameters.get(name, Unknown(name))
        except conditions.ConditionError as error:
            self.report("SMX517", f"{place.node.name}: {error}", place, ".triggerPolicy.condition")
        return Condition(place.id, place.node.display_name, text, expression, operands)

    def group(self, place: _Place) -> Group:
        beside = place.siblings([*place.node.depends, *place.node.producers])
        return Group(
            id=place.id,
            name=place.node.name,
            path=tuple(group.id for group in place.around),
            display_name=place.node.display_name,
            condition=place.condition,
            loop=place.loop,
            depends=tuple(sibling.id for sibling in beside),
            tasks=tuple(leaf.id for leaf in place.leaves()),
            strategy=place.node.strategy,
        )

    def task(self, place: _Place) -> Task:
        node, component = place.node, place.component
        chain = [*place.around, place]
        make = partial(
            Task,
            id=place.id,
            name=node.name,
            path=tuple(group.id for group in place.around),
            component=node.component,
            artifacts=place.artifacts,
            declared=component.parameters if component else {},
            optional=_optional(component),
            after=_ids(self.after(link) for link in chain),
            waits=_ids(link.siblings([*link.node.depends, *link.node.producers]) for link in chain),
            conditions=tuple(link.condition for link in chain if link.condition),
            loops=tuple(link.loop for link in chain if link.loop),
            output_parameters={name: out.type for name, out in component.output_parameters.items()}
            if component
            else {},
            output_artifacts={name: out.type for name, out in component.output_artifacts.items()} if component else {},
            caching=node.caching,
            retry=node.retry,
            display_name=node.display_name,
            strategy=node.strategy,
            at=place.at,
        )
        executor = self.executor(place)
        if "container" in executor:
            return self.container(place, executor["container"], make)
        importer = self.importer(place, executor["importer"]) if "importer" in executor else None
        nothing: dict[str, Any] = {"image": None, "command": (), "args": (), "env": {}, "job": {}, "machine": Machine()}
        kind = "importer" if importer else "unknown"
        return make(kind=kind, importer=importer, parameters=self.declared(place), **nothing)

    def after(self, place: _Place) -> list[_Place]:
        data = set(place.node.producers)
        return place.siblings([name for name in place.node.depends if name not in data])

    def declared(self, place: _Place, without: frozenset[str] = frozenset()) -> dict[str, Origin]:
        names = place.component.parameters if place.component else {}
        return {name: value for name, value in place.parameters.items() if name in names and name not in without}

    def executor(self, place: _Place) -> Mapping[str, Any]:
        component = place.component
        if component is None or component.dag is not None:
            return {}
        executor = self.spec.executors.get(component.executor or "")
        if executor is None:
            message = f"the component {component.name!r} names the executor {component.executor!r}, which is not there"
            self.report("SMX513", message, place)
            return {}
        for kind in ("container", "importer"):
            if isinstance(executor.get(kind), Mapping):
                return {kind: executor[kind]}
        self.report("SMX522", f"the executor {component.executor!r} is neither a container nor an importer", place)
        return {}

    def importer(self, place: _Place, raw: Mapping[str, Any]) -> Importer:
        uri = raw.get("artifactUri")
        origin: Origin = Unknown("artifactUri")
        match uri:
            case {"runtimeParameter": str(name)} if name in place.parameters:
                origin = place.parameters[name]
            case {"constant": constant}:
                origin = self.template(constant, place)
            case _:
                self.report("SMX521", f"{place.node.name}: the importer has no address", place)
        schema = raw.get("typeSchema")
        title = schema.get("schemaTitle", "system.Artifact") if isinstance(schema, Mapping) else "system.Artifact"
        metadata = self.template(raw.get("metadata") or {}, place)
        return Importer(origin, metadata, raw.get("reimport") is True, str(title))

    def container(self, place: _Place, raw: Mapping[str, Any], make: partial[Task]) -> Task:
        job = job_type(raw.get("image"), _list(raw.get("args")))
        if job == "CustomJob":
            return self.custom_job(place, make)
        return make(
            kind=kind_of(job),
            importer=None,
            parameters=self.declared(place),
            image=self.text(str(raw.get("image", "")), place),
            command=self.words(place, raw.get("command")),
            args=self.words(place, raw.get("args")),
            env=self.environment(place, raw.get("env")),
            job={},
            machine=self.limits(place, raw.get("resources")),
        )

    def words(self, place: _Place, arguments: Any) -> tuple[Origin, ...]:
        def is_present(name: str) -> bool:
            return name in place.parameters or name in place.artifacts

        return tuple(self.text(word, place) for word in words(_list(arguments), is_present))

    def environment(self, place: _Place, raw: Any) -> dict[str, Origin]:
        entries = [variable for variable in _list(raw) if isinstance(variable, Mapping) and "name" in variable]
        return {str(entry["name"]): self.text(str(entry.get("value", "")), place) for entry in entries}

    def limits(self, place: _Place, raw: Any) -> Machine:
        if not isinstance(raw, Mapping):
            return Machine()
        accelerator = raw.get("accelerator")
        accelerator = accelerator if isinstance(accelerator, Mapping) else {}

        def text(found: Mapping[str, Any], *names: str) -> Origin | None:
            value = next((found[name] for name in names if found.get(name) not in (None, "")), None)
            return None if value is None else self.template(value, place)

        # Newer compilers write the resource… texts; the numbers are the older spelling (memory in GB).
        return Machine(
            cpu_limit=text(raw, "resourceCpuLimit", "cpuLimit"),
            cpu_request=text(raw, "resourceCpuRequest", "cpuRequest"),
            memory_limit=text(raw, "resourceMemoryLimit", "memoryLimit"),
            memory_request=text(raw, "resourceMemoryRequest", "memoryRequest"),
            accelerator_type=text(accelerator, "resourceType", "type"),
            accelerator_count=text(accelerator, "resourceCount", "count"),
        )

    def custom_job(self, place: _Place, make: partial[Task]) -> Task:
        pools = place.parameters.get("worker_pool_specs")
        first = entry(pools, 0)
        container = entry(first, "container_spec")
        if container is None:
            self.report("SMX520", f"{place.node.name}: the worker pools of the custom job cannot be read", place)
        variables = _entries(entry(container, "env"))
        job = {name: value for name, value in place.parameters.items() if name in JOB_FIELDS}
        return make(
            kind="custom_job",
            importer=None,
            parameters=self.declared(place, without=JOB_FIELDS),
            image=entry(container, "image_uri"),
            command=tuple(_inside_json(word) for word in _entries(entry(container, "command"))),
            args=tuple(_inside_json(word) for word in _entries(entry(container, "args"))),
            env={_constant_text(entry(v, "name")): entry(v, "value") or Constant("") for v in variables},
            job={name: value for name, value in job.items() if name != "worker_pool_specs"},
            machine=Machine(
                machine_type=entry(entry(first, "machine_spec"), "machine_type"),
                accelerator_type=entry(entry(first, "machine_spec"), "accelerator_type"),
                accelerator_count=_whole_constant(entry(entry(first, "machine_spec"), "accelerator_count")),
                disk_gb=_whole_constant(entry(entry(first, "disk_spec"), "boot_disk_size_gb")),
                disk_type=entry(entry(first, "disk_spec"), "boot_disk_type"),
                replicas=_replicas(pools),
                timeout=job.get("timeout"),
            ),
        )


def selected(output: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The (task, output) pairs that a DAG output is taken from; several are exclusive branches."""
    match output:
        case {"valueFromParameter": single}:
            selectors: list[Any] = [single]
        case {"valueFromOneof": {"parameterSelectors": list(several)}} | {"artifactSelectors": list(several)}:
            selectors = several
        case _:
            selectors = []
    return [
        (str(found["producerSubtask"]), str(found.get("outputParameterKey", found.get("outputArtifactKey"))))
        for found in selectors
        if isinstance(found, Mapping) and "producerSubtask" in found
    ]


def loop_part(expression: Any) -> str | None:
    """The key in `parseJson(string_value)["key"]`, by which the compiler takes one entry of a loop's item."""
    match = re.fullmatch(r"parseJson\(string_value\)\[(?:\"([^\"]*)\"|'([^']*)')\]", str(expression))
    return None if match is None else match[1] if match[1] is not None else match[2]


def _optional(component: Component | None) -> frozenset[str]:
    artifacts = component.artifacts.values() if component else ()
    return frozenset(artifact.name for artifact in artifacts if artifact.optional)


def _ids(places: Iterator[list[_Place]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(leaf.id for several in places for place in several for leaf in place.leaves()))


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _constant(runtime_value: Any) -> Any:
    """The value of `runtimeValue`; `constantValue` with a typed entry is the older spelling."""
    match runtime_value:
        case {"constant": constant}:
            return constant
        case {"constantValue": {**typed}} if len(typed) == 1:
            return next(iter(typed.values()))
    return None


def _whole(value: Any) -> Any:
    """The compiler writes whole numbers as 3.0."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _whole_constant(origin: Origin | None) -> Origin | None:
    return Constant(_whole(origin.value)) if isinstance(origin, Constant) else origin


def _has_placeholder(value: Any) -> bool:
    waiting = [value]
    while waiting:
        found = waiting.pop()
        if isinstance(found, str) and ("{{$" in found or "{{channel:" in found):
            return True
        if isinstance(found, dict):
            waiting.extend(found.values())
        elif isinstance(found, list):
            waiting.extend(found)
    return False


def _entries(origin: Origin | None) -> list[Origin]:
    return [found for index in range(length(origin)) if (found := entry(origin, index)) is not None]


def _constant_text(origin: Origin | None) -> str:
    return str(origin.value) if isinstance(origin, Constant) else ""


def _inside_json(origin: Origin) -> Origin:
    """A word of a custom job: it stands inside a JSON text, which undoes one escape of the executor input."""
    return ExecutorInput(max(origin.escapes - 1, 0)) if isinstance(origin, ExecutorInput) else origin


def _replicas(pools: Origin | None) -> Origin | None:
    """The machines of all pools together; the origin itself where a count is known at run time only."""
    counts = [entry(pool, "replica_count") or Constant(1) for pool in _entries(pools)]
    unknown = [count for count in counts if not isinstance(count, Constant)]
    if unknown or not counts:
        return unknown[0] if unknown else None
    numbers = [count.value for count in counts if isinstance(count, Constant)]
    return Constant(sum(int(float(n)) for n in numbers if re.fullmatch(r"\d+(\.0)?", str(n))))
