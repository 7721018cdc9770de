"""Runs a pipeline spec on this machine as Kubeflow would: containers as processes, no Docker, no cloud.

A task waits for all that it depends on; what depends on a skipped task or group is skipped; after a failure nothing new
starts and what runs may finish (failure policy `fast`).
"""

from __future__ import annotations

import json
import os
import queue
import shutil
import sys
import uuid
from collections import defaultdict, deque
from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from ..findings import Finding, InputError
from . import conditions
from .cache import Cache
from .earlier import INDEX, spared
from .flattening import read_graph, selected
from .graph import Graph
from .local import OPT_ML, Interpreters, PrivateFolder, usable_interpreter
from .modules import listed, missing_modules
from .origins import Constant, TaskOutput, split
from .rules import ALWAYS, Upstream, fate, group_state, item_part, loop_items, refuse_broken
from .spec import Component, Node, PipelineSpec
from .tasks import (
    WRITTEN,
    Artifact,
    Decision,
    Folders,
    Observer,
    TaskError,
    TaskRun,
    Texts,
    Work,
    Worker,
    write_json,
)
from .values import bound, fit

MAX_ITERATIONS = 1000


@dataclass(frozen=True, slots=True)
class Options:
    """How to run.

    Attributes:
        folder: folder of the run; must be absent or empty.
        python: the interpreter that stands for `python` and `python3` in commands and entry points.
        pythons: interpreters by image, where another one stands for them.
        environment: variables that every program gets.
        jobs: how many tasks run at a time.
        data: folders and files by the address, or the start of it, that they stand for.
        code: folders of code artifacts by their address.
        earlier: folder of an earlier run whose results are used for all that comes before the task `start`.
        start: id of the task to start from.
        cache: folder of results that runs share, for tasks with caching on; None to run everything.
        answers: what functions and workers would answer, by the step that asks them.
    """

    folder: Path
    python: str = sys.executable
    pythons: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    jobs: int = os.cpu_count() or 1
    data: Mapping[str, Path] = field(default_factory=dict)
    code: Mapping[str, Path] = field(default_factory=dict)
    earlier: Path | None = None
    start: str = ""
    cache: Path | None = None
    answers: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RunResult:
    """What a run did.

    Attributes:
        state: `succeeded`, `failed` or `interrupted`; in an `index.json` also `running`: it goes on, or was killed.
        tasks: every leaf task that ran, was skipped or cancelled, in the order in which that was known.
        decisions: the conditions in the order of their evaluation.
        failure: the task that failed first.
    """

    pipeline: str
    state: str
    folder: Path
    parameters: dict[str, Any]
    tasks: tuple[TaskRun, ...]
    decisions: tuple[Decision, ...]
    failure: TaskRun | None

    def to_dict(self) -> dict[str, Any]:
        """The form of `index.json` in the folder of the run."""
        return {
            "pipeline": self.pipeline,
            "state": self.state,
            "folder": str(self.folder),
            "parameters": self.parameters,
            "tasks": [task.to_dict() for task in self.tasks],
            "decisions": [decision.to_dict() for decision in self.decisions],
            "failure": self.failure.id if self.failure else None,
        }


def run(
    spec: PipelineSpec, parameters: Mapping[str, Any], options: Options, observer: Observer | None = None
) -> RunResult:
    """Run a pipeline; whatever its tasks do is in the result, and in `index.json` in the folder of the run.

    Args:
        spec: the pipeline.
        parameters: values of its parameters, of the declared types.
        options: how to run.
        observer: is told what happens.

    Raises:
        InputError: the run cannot start: broken pipeline, unfitting parameters, no interpreter, no folder
            (SMX600 to SMX616).
    """
    graph = read_graph(spec)
    refuse_broken(graph)
    values = bind(spec, parameters)
    usable_interpreter(options.python)
    kept = spared(options.earlier, graph, options.start, values) if options.earlier else {}
    folder = _new_folder(options.folder)
    if options.earlier and (options.earlier / WRITTEN).is_dir():
        shutil.copytree(options.earlier / WRITTEN, folder / WRITTEN)
    data = {uri: _absolute(path) for uri, path in (*options.data.items(), *options.code.items())}
    private = PrivateFolder.find(folder / "work")
    if private.how == "none":
        _refuse_hard_coded(graph, options.code)
    pythons = Interpreters(options.python, options.pythons, folder / "bin")
    observer = observer or Observer()
    _refuse_missing_modules(graph, options.code, kept, pythons, observer)
    worker = Worker(
        Folders(folder),
        pythons,
        data,
        _runtime(spec, folder),
        private,
        observer,
        _promised(graph),
        options.answers,
        options.environment,
    )
    jobs = 1 if private.how == "shared" else max(options.jobs, 1)
    try:
        cache = Cache(_absolute(options.cache), pythons, options.environment) if options.cache else None
        return _Scheduler(spec, graph, worker, observer, values, jobs, kept, cache).execute()
    finally:
        private.close()


def _promised(graph: Graph) -> frozenset[str]:
    """The addresses that tasks are given as texts."""
    values = (
        origin.value
        for task in graph.tasks.values()
        if task.importer is None
        for origin in task.parameters.values()
        if isinstance(origin, Constant)
    )
    return frozenset(value for value in values if isinstance(value, str) and value.startswith("gs://"))


def bind(spec: PipelineSpec, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The values of all parameters of a pipeline, defaults included.

    Raises:
        InputError: a name is unknown (SMX601), a value does not fit (SMX602), a required one is missing (SMX603).
    """
    return bound(spec.name, spec.root.parameters, parameters)


def _error(code: str, message: str) -> InputError:
    return InputError(Finding(code, message))


def _refuse_hard_coded(graph: Graph, code: Mapping[str, Path]) -> None:
    """Without a private /opt/ml only pipelines that never speak of it can run."""
    found = [task.id for task in graph.tasks.values() if str(OPT_ML) in f"{task.command}{task.args}"]
    for uri, path in code.items():
        for file in sorted(path.rglob("*.py")) if path.is_dir() else ():
            if str(OPT_ML) in file.read_text(encoding="utf-8", errors="replace"):
                found.append(f"{file.relative_to(path)} of {uri}")
    if found:
        places = ", ".join(dict.fromkeys(found[:10]))
        raise _error("SMX600", f"{OPT_ML} cannot be given to tasks on this machine, and is needed by: {places}")


def _refuse_missing_modules(
    graph: Graph, code: Mapping[str, Path], kept: Collection[str], pythons: Interpreters, observer: Observer
) -> None:
    """Name the modules that the interpreter lacks: an error, or a note where only a branch needs them."""
    folders: dict[tuple[str, bool], list[Path]] = defaultdict(list)
    for task in graph.tasks.values():
        image = str(task.image.value) if isinstance(task.image, Constant) else ""
        for origin in task.artifacts.values() if task.id not in kept else ():
            producer = graph.tasks.get(origin.task) if isinstance(origin, TaskOutput) else None
            uri = producer.importer.uri if producer is not None and producer.importer else None
            folder = code.get(str(uri.value)) if isinstance(uri, Constant) else None
            if folder is not None:
                folders[pythons.of(image), bool(task.conditions)].append(folder)
    for (python, in_branch), chosen in sorted(folders.items(), key=lambda entry: not entry[0][1]):
        missing = missing_modules(chosen, python)
        if missing and in_branch:
            observer.noted("", f"{python} lacks modules that scripts of branches import: {listed(missing)}")
        elif missing:
            raise _error("SMX617", f"{python} lacks modules that scripts import: {listed(missing)}")


def _new_folder(path: Path) -> Path:
    folder = _absolute(path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # code artifacts may have been put together there before
        if any(entry.name != "code" for entry in folder.iterdir()):
            raise _error("SMX611", f"{path} is not empty")
        (folder / "work").mkdir()
    except OSError as error:
        raise _error("SMX611", f"{path} cannot be used: {error.strerror}") from error
    return folder


def _absolute(path: Path) -> Path:
    return Path(path).expanduser().absolute()


def _runtime(spec: PipelineSpec, folder: Path) -> dict[str, str]:
    """The values of placeholders that only an engine knows."""
    now = datetime.now(timezone.utc)
    name = f"{spec.name}-{now:%Y%m%d%H%M%S}"
    return {
        "pipeline_job_name": name,
        "pipeline_job_uuid": str(uuid.uuid4()),
        "pipeline_job_resource_name": f"projects/local/locations/local/pipelineJobs/{name}",
        "pipeline_job_create_time_utc": f"{now:%Y-%m-%dT%H:%M:%SZ}",
        "pipeline_job_schedule_time_utc": f"{now:%Y-%m-%dT%H:%M:%SZ}",
        "pipeline_root": str(folder / "artifacts"),
        "workspace_path": str(folder / "workspace"),
        "pipeline_google_cloud_project_id": "local",
        "pipeline_google_cloud_location": "local",
        "pipeline_service_account": "",
        "pipeline_network": "",
        "pipeline_persistent_resource_id": "",
        "pipeline_encryption_key_name": "",
    }


@dataclass(slots=True)
class _Scope:
    """One execution of a DAG: its inputs, and its tasks and groups by name."""

    component: Component
    parameters: dict[str, Any]
    artifacts: dict[str, list[Artifact]]
    owner: _Item | None
    suffix: str = ""
    items: dict[str, _Item] = field(default_factory=dict)

    @property
    def ended(self) -> bool:
        return all(item.ended for item in self.items.values())


@dataclass(slots=True)
class _Item:
    """One execution of a task or group.

    Attributes:
        always: it starts whatever its upstream did (an exit handler), and so does all that is inside.
        scopes: of a group, one for each iteration.
        queued: iterations that wait for one before them to end.
    """

    node: Node
    scope: _Scope
    id: str
    always: bool
    state: str = "waiting"
    message: str = ""
    parameters: dict[str, Any] = field(default_factory=dict)
    artifacts: dict[str, list[Artifact]] = field(default_factory=dict)
    scopes: list[_Scope] = field(default_factory=list)
    queued: list[_Scope] = field(default_factory=list)

    @property
    def ended(self) -> bool:
        return self.state not in ("waiting", "running")


@dataclass(slots=True)
class _Inputs:
    """What a task or group receives; `templates` are its constants as they stand in the spec."""

    parameters: dict[str, Any] = field(default_factory=dict)
    artifacts: dict[str, list[Artifact]] = field(default_factory=dict)
    templates: dict[str, Any] = field(default_factory=dict)


class _Scheduler:
    def __init__(
        self,
        spec: PipelineSpec,
        graph: Graph,
        worker: Worker,
        observer: Observer,
        values: dict[str, Any],
        jobs: int,
        kept: dict[str, TaskRun],
        cache: Cache | None,
    ) -> None:
        self.spec, self.worker, self.observer, self.values = spec, worker, observer, values
        self.kinds = {task.id: task.kind for task in graph.tasks.values()}
        self.ids = {(task.path, task.name): task.id for task in graph.tasks.values()}
        self.ids |= {(group.path, group.name): group.id for group in graph.groups.values()}
        self.pool = ThreadPoolExecutor(max_workers=jobs)
        self.done: queue.Queue[tuple[_Item, TaskRun]] = queue.Queue()
        self.jobs, self.kept, self.cache = jobs, kept, cache
        self.running = 0
        self.ready: deque[tuple[_Item, Work]] = deque()
        self.waiting: list[_Item] = []
        self.runs: list[TaskRun] = []
        self.decisions: list[Decision] = []
        self.failure: TaskRun | None = None

    def execute(self) -> RunResult:
        state = "interrupted"
        try:
            self.open(_Scope(self.spec.root, self.values, {}, None), always=False)
            self.settle()
            while self.running:
                item, run = self.done.get()
                self.running -= 1
                self.finish(item, run)
                self.settle()
            state = "failed" if self.failure else "succeeded"
        except KeyboardInterrupt:
            self.observer.noted("", "interrupted: ending what runs")
        finally:
            self.worker.processes.close()
            self.pool.shutdown(wait=True, cancel_futures=True)
            while not self.done.empty():
                self.record(self.done.get()[1])
            result = self.written_result(state)
        return result

    def written_result(self, state: str) -> RunResult:
        """What the run did so far, also as its `index.json`."""
        result = RunResult(
            pipeline=self.spec.name,
            state=state,
            folder=self.worker.folders.run,
            parameters=self.values,
            tasks=tuple(self.runs),
            decisions=tuple(self.decisions),
            failure=self.failure,
        )
        write_json(result.folder / INDEX, result.to_dict())
        return result

    # --- opening and ending ---

    def open(self, scope: _Scope, always: bool) -> None:
        """Make the tasks and groups of a DAG, all waiting."""
        assert scope.component.dag is not None
        path = self.path(scope)
        for node in scope.component.dag.nodes.values():
            item_id = self.ids.get((path, node.name), node.name) + scope.suffix
            item = _Item(node, scope, item_id, always or node.strategy == ALWAYS)
            scope.items[node.name] = item
            self.waiting.append(item)

    def path(self, scope: _Scope) -> tuple[str, ...]:
        """The ids of the groups around the tasks of a scope, outermost first, as in the graph."""
        names: list[str] = []
        outer: _Scope | None = scope
        while outer is not None and outer.owner is not None:
            names.append(outer.owner.id.removesuffix(outer.owner.scope.suffix))
            outer = outer.owner.scope
        return tuple(reversed(names))

    def settle(self) -> None:
        """Do all that can be done until a running task ends."""
        self.advance()
        while self.launch():
            self.advance()

    def launch(self) -> bool:
        """Start ready tasks, as many as may run at a time; whether some were cancelled instead."""
        cancelled = False
        while self.ready and self.running < self.jobs:
            item, work = self.ready.popleft()
            if self.failure and not item.always:
                self.leave(item, "cancelled", f"not started: {self.failure.id} failed")
                cancelled = True
            else:
                self.running += 1
                self.pool.submit(self.work, item, work)
        return cancelled

    def advance(self) -> None:
        """Make ready, skip or cancel all that can be decided now."""
        progress = True
        while progress:
            waiting, self.waiting = self.waiting, []
            still = [item for item in waiting if not self.decide(item)]
            progress = len(still) < len(waiting)
            self.waiting = [*still, *self.waiting]

    def decide(self, item: _Item) -> bool:
        """Whether the item left its waiting state."""
        needed = dict.fromkeys((*item.node.depends, *item.node.producers))
        upstream = [item.scope.items[name] for name in needed]
        if not all(other.ended for other in upstream):
            return False
        ended = [Upstream(other.id, other.state) for other in upstream]
        found = fate(item.node.strategy, item.always, ended, self.failure.id if self.failure else None)
        if found is None:
            self.start(item)
        else:
            self.leave(item, *found)
        return True

    def start(self, item: _Item) -> None:
        component = self.spec.components[item.node.component]
        item.state = "running"
        try:
            inputs = self.inputs(item, component)
            if item.node.condition is not None and not self.holds(item, inputs.parameters):
                self.leave(item, "skipped", f"{item.node.condition} is false")
            elif item.id in self.kept:
                self.finish(item, self.kept[item.id])
            elif component.dag is not None:
                self.enter(item, component, inputs)
            else:
                self.prepare(item, component, inputs)
        except TaskError as error:
            kind = "group" if component.dag else self.kinds.get(item.id, "unknown")
            run = TaskRun(item.id, item.node.name, kind, "failed", code=error.code, message=str(error))
            for inner in self.inside(item, "cancelled", f"not started: {item.id} failed") if component.dag else ():
                self.record(inner)
            self.finish(item, run)

    def prepare(self, item: _Item, component: Component, inputs: _Inputs) -> None:
        executor = self.spec.executors.get(component.executor or "", {})
        work = Work(
            id=item.id,
            name=item.node.name,
            component=component,
            executor=executor,
            parameters=inputs.parameters,
            templates=inputs.templates,
            artifacts=inputs.artifacts,
            retry=item.node.retry,
            caching=item.node.caching,
        )
        self.ready.append((item, work))

    def work(self, item: _Item, work: Work) -> None:
        """In a thread of the pool: whatever happens, the scheduler hears of it."""
        run = TaskRun(item.id, item.node.name, work.kind, "failed", code="SMX606", message="it was ended")
        try:
            run = self.execute_or_find(work)
        except Exception as error:
            run.message = f"{type(error).__name__}: {error}"
        finally:
            self.done.put((item, run))

    def execute_or_find(self, work: Work) -> TaskRun:
        """Run a task, or take the result of one that did the same before."""
        if self.cache is None or not work.caching or work.kind not in ("container", "custom_job"):
            return self.worker.execute(work)
        key = self.cache.key(work)
        run = self.cache.find(key, work)
        if run is None:
            run = self.worker.execute(work)
            if run.state == "succeeded":
                self.cache.keep(key, run)
        return run

    def finish(self, item: _Item, run: TaskRun) -> None:
        """Take the result of a task; a failure that nothing recovers stops what has not started."""
        item.state, item.message = run.state, run.message
        item.parameters = run.parameters
        item.artifacts = {name: [artifact] for name, artifact in run.artifacts.items()}
        self.record(run)
        if run.state == "failed" and self.failure is None:
            self.failure = run
        if run.kind != "importer":  # a run that is killed later can be continued here
            self.written_result("running")
        self.close_groups(item.scope)

    def record(self, run: TaskRun) -> None:
        self.runs.append(run)
        self.observer.ended(run)

    def leave(self, item: _Item, state: str, message: str) -> None:
        """The item will not run, and nothing inside it."""
        item.state, item.message = state, message
        for run in self.inside(item, state, message):
            self.record(run)
        self.close_groups(item.scope)

    def inside(self, item: _Item, state: str, message: str) -> Iterator[TaskRun]:
        """What became of the leaf tasks of a group that was not entered, or of the task itself."""
        suffix = item.scope.suffix
        waiting = [(self.path(item.scope), item.id.removesuffix(suffix), item.node)]
        while waiting:
            path, item_id, node = waiting.pop()
            dag = self.spec.components[node.component].dag
            if dag is None:
                yield TaskRun(item_id + suffix, node.name, self.kinds.get(item_id, "unknown"), state, message=message)
                continue
            inner = (*path, item_id)
            waiting.extend((inner, self.ids[inner, child.name], child) for child in reversed(dag.nodes.values()))

    def close_groups(self, scope: _Scope) -> None:
        """End the groups whose last task just ended, from the inside out."""
        while scope.owner is not None and scope.ended:
            group = scope.owner
            if group.queued and not self.failure:
                following = group.queued.pop(0)
                group.scopes.append(following)
                self.open(following, group.always)
                return
            if group.state != "running" or not all(other.ended for other in group.scopes):
                return
            group.state = group_state(item.state for other in group.scopes for item in other.items.values())
            self.collect(group)
            scope = group.scope

    # --- groups ---

    def enter(self, item: _Item, component: Component, inputs: _Inputs) -> None:
        scopes = list(self.iterations(item, component, inputs))
        limit = item.node.iterator.parallelism if item.node.iterator else None
        started = scopes[: limit or len(scopes)]
        item.scopes, item.queued = started, scopes[len(started) :]
        for scope in started:
            self.open(scope, item.always)
        if not scopes or not any(scope.items for scope in started):
            item.queued = []
            item.state = "succeeded"
            self.collect(item)
            self.close_groups(item.scope)

    def iterations(self, item: _Item, component: Component, inputs: _Inputs) -> Iterator[_Scope]:
        iterator = item.node.iterator
        if iterator is None:
            yield _Scope(component, inputs.parameters, inputs.artifacts, item, item.scope.suffix)
            return
        if iterator.over_artifacts:
            raise TaskError("SMX607", "a loop over artifacts is not supported in a local run")
        items = _loop_items(item.node, inputs.parameters)
        for index, value in enumerate(items):
            parameters = inputs.parameters | {iterator.item: value}
            yield _Scope(component, parameters, inputs.artifacts, item, f"{item.scope.suffix}[{index}]")

    def collect(self, group: _Item) -> None:
        """The outputs of a group that ended: of a loop, lists."""
        dag = self.spec.components[group.node.component].dag
        if dag is None or group.state != "succeeded":
            return
        looping = group.node.iterator is not None
        for name, output in dag.parameter_outputs.items():
            values = [value for scope in group.scopes if (value := _selected_parameter(scope, output)) is not None]
            if looping:
                group.parameters[name] = values
            elif values:
                group.parameters[name] = values[0]
        for name, output in dag.artifact_outputs.items():
            group.artifacts[name] = [found for scope in group.scopes for found in _selected_artifacts(scope, output)]

    def holds(self, item: _Item, parameters: Mapping[str, Any]) -> bool:
        text = item.node.condition or ""
        try:
            expression = conditions.parse(text)
            read = {name: parameters.get(name) for name in conditions.inputs(expression)}
            holds = conditions.evaluate(expression, read)
        except conditions.ConditionError as error:
            raise TaskError("SMX608", str(error)) from None
        decision = Decision(item.id, item.node.display_name, text, read, holds)
        self.decisions.append(decision)
        self.observer.decided(decision)
        return holds

    # --- inputs ---

    def inputs(self, item: _Item, component: Component) -> _Inputs:
        inputs = _Inputs()
        for name, selector in item.node.artifacts.items():
            found = self.artifacts(item, selector)
            if found:
                inputs.artifacts[name] = found
            elif name not in component.artifacts or not component.artifacts[name].optional:
                raise TaskError("SMX614", f"its input {name!r} got no artifact")
        for name, selector in item.node.parameters.items():
            if "runtimeValue" in selector:
                inputs.templates[name] = selector["runtimeValue"].get("constant")
            elif (value := self.parameter(item, selector)) is not None:
                inputs.parameters[name] = value
        for name, parameter in component.parameters.items():
            if name not in inputs.parameters and name not in inputs.templates and parameter.default is not None:
                inputs.templates[name] = parameter.default
        self.fill(item, inputs, component)
        self.check(item, inputs, component)
        return inputs

    def fill(self, item: _Item, inputs: _Inputs, component: Component) -> None:
        """Resolve the constants, which may mention other inputs."""
        plain = {name: value for name, value in inputs.templates.items() if not _mentions_inputs(value)}
        inputs.parameters.update(plain)
        texts = _InputTexts(item, inputs.parameters, component, self.worker.runtime)
        inputs.parameters.update(
            {name: texts.resolve(value) for name, value in inputs.templates.items() if name not in plain}
        )

    def check(self, item: _Item, inputs: _Inputs, component: Component) -> None:
        item_input = item.node.iterator.item if item.node.iterator else None
        for name, parameter in component.parameters.items():
            value = inputs.parameters.get(name)
            if name == item_input or (value is None and parameter.optional):
                continue
            try:
                inputs.parameters[name] = fit(parameter.type, value)
            except ValueError as error:
                raise TaskError("SMX614", f"its input {name!r}: {error}") from None
        missing = [name for name, artifact in component.artifacts.items() if not artifact.optional]
        for name in missing:
            if name not in inputs.artifacts:
                raise TaskError("SMX614", f"its input {name!r} got no artifact")

    def parameter(self, item: _Item, selector: Mapping[str, Any]) -> Any:
        match selector:
            case {"componentInputParameter": outer}:
                value = item.scope.parameters.get(outer)
                part = selector.get("parameterExpressionSelector")
                return value if part is None else _part(value, part)
            case {"taskOutputParameter": {"producerTask": producer, "outputParameterKey": key}}:
                return item.scope.items[producer].parameters.get(key)
            case {"taskFinalStatus": {"producerTask": producer}}:
                return self.final_status(item.scope.items[producer])
        raise TaskError("SMX607", f"a source of no known kind: {', '.join(selector)}")

    def artifacts(self, item: _Item, selector: Mapping[str, Any]) -> list[Artifact]:
        match selector:
            case {"componentInputArtifact": outer}:
                return item.scope.artifacts.get(outer, [])
            case {"taskOutputArtifact": {"producerTask": producer, "outputArtifactKey": key}}:
                return item.scope.items[producer].artifacts.get(key, [])
        raise TaskError("SMX607", f"a source of no known kind: {', '.join(selector)}")

    def final_status(self, item: _Item) -> dict[str, Any]:
        """How a task or group ended, in the words of PipelineTaskFinalStatus."""
        failed = self.failure if item.state == "failed" else None
        return {
            "state": item.state.upper(),
            "pipelineJobResourceName": self.worker.runtime["pipeline_job_resource_name"],
            "pipelineTaskName": item.node.name,
            "error": {"code": 9, "message": failed.message} if failed else {},
        }


class _InputTexts(Texts):
    """Resolves placeholders in the constants of inputs; those that only the program can know stay."""

    def __init__(
        self, item: _Item, parameters: dict[str, Any], component: Component, runtime: Mapping[str, str]
    ) -> None:
        work = Work(item.id, item.node.name, component, {}, parameters, {}, {}, None)
        super().__init__(work, {"outputs": {"parameters": {}, "artifacts": {}}}, runtime, inside_json=False)

    def resolve(self, value: Any) -> Any:
        if not isinstance(value, str):
            return super().resolve(value)
        known = ("input_parameter", "runtime")
        return "".join(
            part if isinstance(part, str) else self.placeholder(part) if part.kind in known else part.text
            for part in split(value)
        )


def _mentions_inputs(value: Any) -> bool:
    return "{{$" in json.dumps(value, default=str)


def _part(value: Any, expression: Any) -> Any:
    try:
        return item_part(value, expression)
    except ValueError as error:
        raise TaskError("SMX614", str(error)) from None


def _loop_items(node: Node, parameters: Mapping[str, Any]) -> list[Any]:
    assert node.iterator is not None
    items = node.iterator.raw if node.iterator.items_input is None else parameters.get(node.iterator.items_input)
    try:
        found = loop_items(items)
    except ValueError as error:
        raise TaskError("SMX607", str(error)) from None
    if len(found) > MAX_ITERATIONS:
        raise TaskError("SMX607", f"a loop runs here over at most {MAX_ITERATIONS} items, not over {len(found)}")
    return found


def _selected_parameter(scope: _Scope, output: Mapping[str, Any]) -> Any:
    for task, key in selected(output):
        if task in scope.items and key in scope.items[task].parameters:
            return scope.items[task].parameters[key]
    return None


def _selected_artifacts(scope: _Scope, output: Mapping[str, Any]) -> list[Artifact]:
    for task, key in selected(output):
        if task in scope.items and scope.items[task].artifacts.get(key):
            return scope.items[task].artifacts[key]
    return []


__all__ = ["Decision", "Observer", "Options", "RunResult", "TaskRun", "bind", "run"]
