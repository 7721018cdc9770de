"""Reads a compiled pipeline spec (PipelineSpec, IR YAML) into a typed model that keeps the raw document."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import yaml

from ..findings import Finding, InputError
from ..yaml_reading import LOADER, check_depth, fault_in_words

MAX_BYTES = 64 * 1024 * 1024
MAX_DEPTH = 200
# An alias lets a small file stand for an endless document.
MAX_NODES = 1_000_000

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Parameter:
    """An input or output parameter; `type` is a `parameterType` such as `NUMBER_DOUBLE`."""

    name: str
    type: str
    default: Any = None
    optional: bool = False

    @property
    def required(self) -> bool:
        """Whether someone must give a value."""
        return not self.optional and self.default is None


@dataclass(frozen=True, slots=True)
class Artifact:
    """An input or output artifact; `type` is its schema title, such as `system.Model`."""

    name: str
    type: str
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Iterator:
    """The loop of a group: `item` is the input that holds the item; the items are `raw`, or the input `items_input`."""

    item: str
    raw: Any = None
    items_input: str | None = None
    over_artifacts: bool = False
    parallelism: int | None = None


@dataclass(frozen=True, slots=True)
class Retry:
    """A retry policy; times in seconds."""

    attempts: int
    backoff: float
    factor: float
    longest_backoff: float


@dataclass(frozen=True, slots=True)
class Node:
    """A task as its DAG writes it: a leaf or a group.

    Attributes:
        parameters, artifacts: the raw selectors (`runtimeValue`, `taskOutputParameter`, …) by input name.
        depends: the tasks of the same DAG that it names as dependencies, data edges included.
        condition: the text of its trigger condition, a CEL expression.
        strategy: its trigger strategy; `ALL_UPSTREAM_TASKS_COMPLETED` starts it whatever its upstream did.
    """

    name: str
    component: str
    parameters: Mapping[str, Mapping[str, Any]]
    artifacts: Mapping[str, Mapping[str, Any]]
    depends: tuple[str, ...]
    condition: str | None
    strategy: str | None
    iterator: Iterator | None
    retry: Retry | None
    caching: bool
    display_name: str
    raw: Mapping[str, Any]

    @property
    def producers(self) -> list[str]:
        """The tasks of the same DAG whose outputs it takes."""
        names = []
        for selector in (*self.parameters.values(), *self.artifacts.values()):
            for kind in ("taskOutputParameter", "taskOutputArtifact", "taskFinalStatus"):
                if isinstance(selector.get(kind), Mapping) and "producerTask" in selector[kind]:
                    names.append(str(selector[kind]["producerTask"]))
        return names


@dataclass(frozen=True, slots=True)
class Dag:
    """The tasks of a group by name, and the raw selectors of its outputs."""

    nodes: dict[str, Node]
    parameter_outputs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    artifact_outputs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Component:
    """A component: what it takes and gives, and the label of its executor or, for a group, its DAG."""

    name: str
    parameters: dict[str, Parameter]
    artifacts: dict[str, Artifact]
    output_parameters: dict[str, Parameter]
    output_artifacts: dict[str, Artifact]
    executor: str | None
    dag: Dag | None


@dataclass(frozen=True, slots=True)
class PipelineSpec:
    """A compiled pipeline. `raw` is the whole document, `platform` the second one, if there is one."""

    name: str
    root: Component
    components: dict[str, Component]
    executors: dict[str, Mapping[str, Any]]
    raw: Mapping[str, Any]
    platform: Mapping[str, Any] = field(default_factory=dict)
    sdk_version: str = ""
    file: str | None = None


def load(path: str | Path) -> PipelineSpec:
    """Read a pipeline spec from a YAML or JSON file of at most 64 MiB.

    Raises:
        InputError: the file cannot be read, or holds no pipeline spec (SMX190 to SMX195).
    """
    file = Path(path)
    try:
        if file.stat().st_size > MAX_BYTES:
            raise _error("SMX192", f"{file} is larger than {MAX_BYTES >> 20} MiB", file=str(path))
        text = file.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise _error("SMX190", f"{file} cannot be read: {error.strerror}", file=str(path)) from error
    except UnicodeDecodeError as error:
        raise _error("SMX191", f"{file} is no UTF-8 text (byte {error.start})", file=str(path)) from error
    return loads(text, file=str(path))


def loads(text: str, file: str | None = None) -> PipelineSpec:
    """Read a pipeline spec from YAML or JSON text; errors as for `load`."""
    if len(text) > MAX_BYTES:
        raise _error("SMX192", f"the text is larger than {MAX_BYTES >> 20} MiB", file=file)
    documents = _documents(text, file)
    if not documents or not isinstance(documents[0], Mapping) or "root" not in documents[0]:
        raise _error("SMX194", "the document has no `root`: it is no compiled pipeline", file=file)
    if len(documents) > 2:
        raise _error("SMX194", f"{len(documents)} documents in one file: a compiled pipeline has one or two", file=file)
    read = _Reader(file)
    platform = read.mapping(documents[1], "the second document") if len(documents) == 2 else {}
    return read.pipeline(documents[0], platform)


def _documents(text: str, file: str | None) -> list[Any]:
    try:
        if text.lstrip().startswith("{"):
            return [json.loads(text)]
        aliases = check_depth(text, MAX_DEPTH)
        documents = [document for document in yaml.load_all(text, Loader=LOADER) if document is not None]
    except RecursionError:
        message = f"the document is nested more than {MAX_DEPTH} levels deep"
        raise _error("SMX193", message, file=file) from None
    except (yaml.YAMLError, ValueError) as error:
        raise _error("SMX191", f"the document is no YAML: {fault_in_words(error)}", file=file) from error
    if aliases:
        _check_size(documents, file)
    return documents


def _check_size(documents: list[Any], file: str | None) -> None:
    waiting, seen = list(documents), 0
    while waiting:
        value = waiting.pop()
        seen += 1
        if seen + len(waiting) > MAX_NODES:
            raise _error("SMX192", f"the aliases of the document stand for more than {MAX_NODES} values", file=file)
        if isinstance(value, dict):
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)


def _error(code: str, message: str, pointer: str = "", file: str | None = None) -> InputError:
    return InputError(Finding(code, message, pointer=pointer, file=file))


class _Reader:
    """Builds the model; what has another shape than the format says is an error with its place."""

    def __init__(self, file: str | None) -> None:
        self.file = file

    def wrong(self, place: str, wanted: str) -> InputError:
        return _error("SMX195", f"{place or 'the document'} is not {wanted}", pointer=place, file=self.file)

    def mapping(self, value: Any, place: str) -> Mapping[str, Any]:
        if value is None:
            return {}
        if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
            raise self.wrong(place, "a mapping from text")
        return value

    def text(self, value: Any, place: str) -> str:
        if not isinstance(value, str):
            raise self.wrong(place, "text")
        return value

    def number(self, value: Any, place: str) -> float:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise self.wrong(place, "a number")
        return float(value)

    def texts(self, value: Any, place: str) -> tuple[str, ...]:
        if not isinstance(value or [], list):
            raise self.wrong(place, "a list")
        return tuple(self.text(item, f"{place}[{index}]") for index, item in enumerate(value or []))

    def each(self, value: Any, place: str, make: Callable[[str, Mapping[str, Any], str], Value]) -> dict[str, Value]:
        """What `make` gives for each entry of a mapping of mappings."""
        made = {}
        for name, entry in self.mapping(value, place).items():
            at = f"{place}.{name}"
            made[name] = make(name, self.mapping(entry, at), at)
        return made

    def pipeline(self, document: Any, platform: Mapping[str, Any]) -> PipelineSpec:
        raw = self.mapping(document, "")
        info = self.mapping(raw.get("pipelineInfo"), "pipelineInfo")
        deployment = self.mapping(raw.get("deploymentSpec"), "deploymentSpec")
        root = self.component("root", self.mapping(raw["root"], "root"), "root")
        if root.dag is None:
            raise self.wrong("root", "a DAG of tasks")
        return PipelineSpec(
            name=self.text(info.get("name", "pipeline"), "pipelineInfo.name"),
            root=root,
            components=self.each(raw.get("components"), "components", self.component),
            executors=self.each(deployment.get("executors"), "deploymentSpec.executors", lambda _, raw, __: raw),
            raw=raw,
            platform=platform,
            sdk_version=str(raw.get("sdkVersion", "")),
            file=self.file,
        )

    def component(self, name: str, raw: Mapping[str, Any], at: str) -> Component:
        inputs = self.mapping(raw.get("inputDefinitions"), f"{at}.inputDefinitions")
        outputs = self.mapping(raw.get("outputDefinitions"), f"{at}.outputDefinitions")
        label = raw.get("executorLabel")
        return Component(
            name=name,
            parameters=self.each(inputs.get("parameters"), f"{at}.inputDefinitions.parameters", self.parameter),
            artifacts=self.each(inputs.get("artifacts"), f"{at}.inputDefinitions.artifacts", self.artifact),
            output_parameters=self.each(
                outputs.get("parameters"), f"{at}.outputDefinitions.parameters", self.parameter
            ),
            output_artifacts=self.each(outputs.get("artifacts"), f"{at}.outputDefinitions.artifacts", self.artifact),
            executor=None if label is None else self.text(label, f"{at}.executorLabel"),
            dag=self.dag(self.mapping(raw["dag"], f"{at}.dag"), f"{at}.dag") if "dag" in raw else None,
        )

    def parameter(self, name: str, raw: Mapping[str, Any], at: str) -> Parameter:
        # `type` is the spelling of pipelines compiled before parameterType existed.
        kind = self.text(raw.get("parameterType", raw.get("type", "PARAMETER_TYPE_ENUM_UNSPECIFIED")), at)
        default = _typed_default(raw.get("defaultValue"), kind)
        return Parameter(name, kind, default, raw.get("isOptional") is True or default is not None)

    def artifact(self, name: str, raw: Mapping[str, Any], at: str) -> Artifact:
        schema = self.mapping(raw.get("artifactType"), f"{at}.artifactType")
        title = self.text(schema.get("schemaTitle", schema.get("instanceSchema", "system.Artifact")), at)
        return Artifact(name, title, raw.get("isOptional") is True)

    def dag(self, raw: Mapping[str, Any], at: str) -> Dag:
        outputs = self.mapping(raw.get("outputs"), f"{at}.outputs")
        return Dag(
            nodes=self.each(raw.get("tasks"), f"{at}.tasks", self.node),
            parameter_outputs=self.each(outputs.get("parameters"), f"{at}.outputs.parameters", lambda _, raw, __: raw),
            artifact_outputs=self.each(outputs.get("artifacts"), f"{at}.outputs.artifacts", lambda _, raw, __: raw),
        )

    def node(self, name: str, raw: Mapping[str, Any], at: str) -> Node:
        reference = self.mapping(raw.get("componentRef"), f"{at}.componentRef")
        inputs = self.mapping(raw.get("inputs"), f"{at}.inputs")
        trigger = self.mapping(raw.get("triggerPolicy"), f"{at}.triggerPolicy")
        caching = self.mapping(raw.get("cachingOptions"), f"{at}.cachingOptions")
        info = self.mapping(raw.get("taskInfo"), f"{at}.taskInfo")
        condition, strategy = trigger.get("condition"), trigger.get("strategy")
        return Node(
            name=name,
            component=self.text(reference.get("name"), f"{at}.componentRef.name"),
            parameters=self.each(inputs.get("parameters"), f"{at}.inputs.parameters", lambda _, raw, __: raw),
            artifacts=self.each(inputs.get("artifacts"), f"{at}.inputs.artifacts", lambda _, raw, __: raw),
            depends=self.texts(raw.get("dependentTasks"), f"{at}.dependentTasks"),
            condition=None if condition is None else self.text(condition, f"{at}.triggerPolicy.condition"),
            strategy=None if strategy is None else self.text(strategy, f"{at}.triggerPolicy.strategy"),
            iterator=self.iterator(raw, at),
            retry=self.retry(raw, at),
            caching=caching.get("enableCache") is True,
            display_name=str(info.get("name", name)),
            raw=raw,
        )

    def iterator(self, raw: Mapping[str, Any], at: str) -> Iterator | None:
        over_artifacts = "artifactIterator" in raw
        iterator = self.mapping(raw.get("artifactIterator" if over_artifacts else "parameterIterator"), at)
        if not iterator:
            return None
        items = self.mapping(iterator.get("items"), f"{at}.items")
        policy = self.mapping(raw.get("iteratorPolicy"), f"{at}.iteratorPolicy")
        limit = policy.get("parallelismLimit")
        return Iterator(
            item=self.text(iterator.get("itemInput"), f"{at}.itemInput"),
            raw=items.get("raw"),
            items_input=items.get("inputArtifact" if over_artifacts else "inputParameter"),
            over_artifacts=over_artifacts,
            parallelism=None if not limit else int(self.number(limit, f"{at}.iteratorPolicy.parallelismLimit")),
        )

    def retry(self, raw: Mapping[str, Any], at: str) -> Retry | None:
        policy = self.mapping(raw.get("retryPolicy"), f"{at}.retryPolicy")
        if not policy:
            return None
        number, at = self.number, f"{at}.retryPolicy"
        return Retry(
            attempts=int(number(policy.get("maxRetryCount", 0), f"{at}.maxRetryCount")),
            backoff=self.seconds(policy.get("backoffDuration", "0s"), f"{at}.backoffDuration"),
            factor=number(policy.get("backoffFactor", 2.0), f"{at}.backoffFactor"),
            longest_backoff=self.seconds(policy.get("backoffMaxDuration", "3600s"), f"{at}.backoffMaxDuration"),
        )

    def seconds(self, value: Any, place: str) -> float:
        match = re.fullmatch(r"(\d+(?:\.\d+)?)s", str(value))
        if not match:
            raise self.wrong(place, "a duration such as 30s")
        return float(match[1])


def _typed_default(value: Any, kind: str) -> Any:
    """The default of an integer parameter, which the compiler writes as 3.0, as 3."""
    if kind in ("NUMBER_INTEGER", "INT") and isinstance(value, float) and value.is_integer():
        return int(value)
    return value
