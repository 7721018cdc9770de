"""Executes one leaf task on this machine: an importer, a container, a custom job, or a stand-in for a cloud service."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ..files import write_whole
from . import cloud
from .flattening import job_type, kind_of
from .local import Interpreters, PrivateFolder, Processes, environment
from .origins import Placeholder, split, words
from .spec import Component, Retry
from .values import STUBS, fit, in_text, parse_value

INTERPRETERS = ("python", "python3")
# Kubeflow may wait an hour before it tries again; nobody watching a terminal would.
LONGEST_WAIT = 10.0
# the folder of a run that stands for the buckets it writes to
WRITTEN = "gcs"

Artifact = dict[str, Any]


class TaskError(Exception):
    """A task that fails; `code` is its entry in the catalogue of findings."""

    def __init__(self, code: str, message: str) -> None:
        """Keep the code; the message is the error's own."""
        super().__init__(message)
        self.code = code


class Observer:
    """Is told what happens in a run; this one does nothing. Methods may be called from several threads."""

    def started(self, task: str, kind: str) -> None:
        """A task starts."""

    def ended(self, run: TaskRun) -> None:
        """A task ended, or will never start."""

    def decided(self, decision: Decision) -> None:
        """A condition was evaluated."""

    def line(self, task: str, text: str) -> None:
        """A task wrote a line."""

    def requested(self, task: str, path: Path) -> None:
        """A request to a cloud service was recorded instead of sent."""

    def noted(self, task: str, text: str) -> None:
        """Something about the run that a person should know."""


@dataclass(slots=True)
class TaskRun:
    """What one execution of a leaf task did.

    Attributes:
        id: id of the task, with the number of the iteration inside loops.
        state: `succeeded`, `failed`, `skipped` (by a condition or with its upstream) or `cancelled` (another failed).
        seconds: how long it ran, all attempts together.
        code, message: why it did not succeed.
        parameters: its output parameters by name.
        artifacts: its output artifacts by name; `uri` is a path on this machine.
        requests: files that hold the requests it would have sent.
        kept: whether it is the result of an earlier run, not repeated.
    """

    id: str
    name: str
    kind: str
    state: str = "waiting"
    seconds: float = 0.0
    attempts: int = 0
    code: str = ""
    message: str = ""
    parameters: dict[str, Any] = field(default_factory=dict)
    artifacts: dict[str, Artifact] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    log: str = ""
    kept: bool = False

    def to_dict(self) -> dict[str, Any]:
        """The form of the index file."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class Decision:
    """A condition as it was evaluated: the group it guards, the text, the values it read, and whether it holds."""

    group: str
    display_name: str
    condition: str
    values: dict[str, Any]
    holds: bool

    def to_dict(self) -> dict[str, Any]:
        """The form of the index file."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class Folders:
    """The folders of a run."""

    run: Path

    def artifact(self, task: str, name: str) -> Path:
        """Where an output artifact of a task lies."""
        return self.run / "artifacts" / file_name(task) / file_name(name)

    def parameters(self, task: str) -> Path:
        """The output parameters of a task, one file each."""
        return self.run / "parameters" / file_name(task)

    def log(self, task: str) -> Path:
        """What a task wrote."""
        return self.run / "logs" / f"{file_name(task)}.log"

    def request(self, task: str) -> Path:
        """The request that the stand-in recorded; the folder of that name holds those of a container."""
        return self.run / "requests" / f"{file_name(task)}.json"

    def work(self, task: str) -> Path:
        """The working directory of a task, and its /opt/ml."""
        return self.run / "work" / file_name(task)


def file_name(name: str) -> str:
    """A name as one part of a path; names in a pipeline spec are not to be trusted."""
    kept = "".join(c if c.isalnum() or c in "-_." else f"%{ord(c):x}" for c in name)
    return kept if kept.strip(".") else f"_{kept}"


def locate(uri: str, mapping: Mapping[str, Path], written: Path) -> Path | None:
    """Where the content of an address lies on this machine.

    Args:
        uri: the address, or a path.
        mapping: folders and files by the address (or the start of it) that they stand for; the longest start wins.
        written: copies that earlier tasks wrote, as `<bucket>/<key>`.
    """
    plain = uri.rstrip("/")
    for start in sorted(mapping, key=len, reverse=True):
        prefix = start.rstrip("/")
        if plain == prefix or plain.startswith(prefix + "/"):
            found = _existing(mapping[start], plain[len(prefix) :])
            if found is not None:
                return found
    scheme, separator, rest = plain.partition("://")
    if not separator:
        return _existing(Path(plain), "") if Path(plain).is_absolute() else None
    return _existing(written, rest) if scheme == "gs" else None


def _existing(base: Path, rest: str) -> Path | None:
    parts = [part for part in rest.split("/") if part]
    path = base.joinpath(*parts)
    return path if ".." not in parts and path.exists() else None


@dataclass(frozen=True, slots=True)
class Work:
    """A leaf task that is ready to start.

    Attributes:
        parameters: its input parameters, resolved.
        templates: input constants as they stand in the spec, before their placeholders were resolved.
        artifacts: its input artifacts; several under one name were collected from a loop.
        caching: whether a result of an earlier run may stand for its own.
    """

    id: str
    name: str
    component: Component
    executor: Mapping[str, Any]
    parameters: dict[str, Any]
    templates: dict[str, Any]
    artifacts: dict[str, list[Artifact]]
    retry: Retry | None
    caching: bool = False

    @property
    def kind(self) -> str:
        """As in the graph."""
        if "container" not in self.executor:
            return "importer" if "importer" in self.executor else "unknown"
        container = self.executor["container"]
        return kind_of(job_type(container.get("image"), container.get("args") or []))

    def has(self, name: str) -> bool:
        """Whether it has an input of that name."""
        return self.parameters.get(name) is not None or name in self.artifacts


@dataclass(frozen=True, slots=True)
class _Program:
    command: list[str]
    environment: dict[str, str]
    timeout: float | None = None
    image: str = ""


class Texts:
    """Resolves the placeholders of one task."""

    def __init__(
        self, work: Work, executor_input: dict[str, Any], runtime: Mapping[str, str], inside_json: bool
    ) -> None:
        """`inside_json`: the texts stand inside a JSON text, which undoes one escape of the executor input."""
        self.work, self.executor_input = work, executor_input
        self.runtime = {**runtime, "pipeline_task_name": work.name, "pipeline_task_uuid": work.id}
        self.undone = int(inside_json)

    def resolve(self, value: Any) -> Any:
        """A text, or a structure that holds texts, without placeholders."""
        if isinstance(value, str):
            return "".join(part if isinstance(part, str) else self.placeholder(part) for part in split(value))
        if isinstance(value, list):
            return [self.resolve(item) for item in value]
        if isinstance(value, dict):
            return {key: self.resolve(item) for key, item in value.items()}
        return value

    def placeholder(self, found: Placeholder) -> str:
        """The text in place of one placeholder."""
        work, outputs = self.work, self.executor_input["outputs"]
        match found.kind:
            case "input_parameter" if found.key in work.component.parameters or found.key in work.parameters:
                return _escaped(in_text(self.parameter(found.key)), found.escapes)
            case "input_artifact" if work.artifacts.get(found.key):
                return _artifact_field(work.artifacts[found.key][0], found.field)
            case "output_parameter" if found.key in outputs["parameters"]:
                return str(outputs["parameters"][found.key]["outputFile"])
            case "output_artifact" if found.key in outputs["artifacts"]:
                return _artifact_field(outputs["artifacts"][found.key]["artifacts"][0], found.field)
            case "executor_input":
                return _escaped(json.dumps(self.executor_input), max(found.escapes - self.undone, 0))
            case "output_file":
                return str(outputs["outputFile"])
            case "runtime" if found.key in self.runtime:
                return self.runtime[found.key]
        raise TaskError("SMX614", f"{found.text} has no value")

    def parameter(self, name: str) -> Any:
        """An input; an optional one that was not given is empty."""
        value = self.work.parameters.get(name)
        if value is None:
            value = STUBS.get(self.work.component.parameters[name].type, "")
        return value


def _escaped(text: str, times: int) -> str:
    for _ in range(times):
        text = json.dumps(text)[1:-1]
    return text


def _artifact_field(artifact: Artifact, name: str) -> str:
    if name.startswith("metadata."):
        return in_text(artifact.get("metadata", {}).get(name.removeprefix("metadata."), ""))
    return str(artifact["name"] if name == "name" else artifact["uri"])


class Worker:
    """Executes leaf tasks; one object serves all threads of a run."""

    def __init__(
        self,
        folders: Folders,
        pythons: Interpreters,
        data: Mapping[str, Path],
        runtime: Mapping[str, str],
        private: PrivateFolder,
        observer: Observer,
        promised: frozenset[str] = frozenset(),
        answers: Mapping[str, Any] | None = None,
        variables: Mapping[str, str] | None = None,
    ) -> None:
        """The arguments are those of the run.

        `runtime` has the values of placeholders as `pipeline_job_uuid`; `promised` are addresses that tasks are given
        as texts, so that they may write there; `answers` are those of functions and workers, by step; `variables`
        are in the environment of every program.
        """
        self.promised = promised
        self.answers = dict(answers or {})
        self.late: set[str] = set()
        self.folders, self.pythons, self.data, self.runtime = folders, pythons, data, runtime
        self.variables = dict(variables or {})
        self.private, self.observer = private, observer
        self.processes = Processes()
        self.written = folders.run / WRITTEN

    def execute(self, work: Work) -> TaskRun:
        """Run a task, with its retries, to success or failure; a failure is never an exception."""
        run = TaskRun(work.id, work.name, work.kind)
        self.observer.started(work.id, work.kind)
        begin = time.monotonic()
        allowed = 1 + (work.retry.attempts if work.retry else 0)
        while run.state != "succeeded" and run.attempts < allowed:
            if run.attempts:
                self.wait(work, run)
            if self.processes.ended.is_set():
                break
            run.attempts += 1
            self.attempt(work, run)
        run.seconds = round(time.monotonic() - begin, 3)
        return run

    def wait(self, work: Work, run: TaskRun) -> None:
        """Before another attempt: the backoff of the policy, but never long."""
        assert work.retry is not None
        wanted = min(work.retry.backoff * work.retry.factor ** (run.attempts - 1), work.retry.longest_backoff)
        seconds = min(wanted, LONGEST_WAIT)
        self.observer.noted(work.id, f"{run.message}; attempt {run.attempts + 1} in {seconds:g} s")
        self.processes.ended.wait(seconds)

    def attempt(self, work: Work, run: TaskRun) -> None:
        """One attempt, its result written into `run`."""
        try:
            run.code, run.message = "", ""
            if work.kind == "importer":
                run.artifacts = self.import_artifact(work)
            elif work.kind in ("container", "custom_job"):
                self.run_program(self.brought_in(work), run)
            elif work.kind == "unknown":
                raise TaskError("SMX607", "its executor is neither a container nor an importer")
            else:
                self.stand_in(work, run)
            run.state = "succeeded"
        except TaskError as error:
            run.state, run.code, run.message = "failed", error.code, str(error)
        except OSError as error:
            run.state, run.code, run.message = "failed", "SMX606", f"{error.strerror}: {error.filename or work.id}"

    # --- importers and cloud services ---

    def import_artifact(self, work: Work) -> dict[str, Artifact]:
        """The artifact that an importer brings in, its address replaced by a path on this machine."""
        importer = work.executor["importer"]
        source = importer.get("artifactUri") or {}
        uri = work.parameters.get(str(source.get("runtimeParameter"))) or source.get("constant") or ""
        if self.is_promised(str(uri)):
            self.late.add(str(uri))
            found = str(uri)
        else:
            found = str(self.located(str(uri)))
        texts = Texts(work, _nothing(), self.runtime, inside_json=False)
        schema = importer.get("typeSchema") or {"schemaTitle": "system.Artifact"}
        artifact = {
            "name": work.id,
            "type": schema,
            "uri": found,
            "metadata": texts.resolve(importer.get("metadata") or {}),
        }
        return dict.fromkeys(work.component.output_artifacts, artifact)

    def is_promised(self, uri: str) -> bool:
        """Whether nothing is there yet, but another task may write it: engines look only when a task reads it."""
        return locate(uri, self.data, self.written) is None and any(
            f"{uri.rstrip('/')}/".startswith(f"{start.rstrip('/')}/") for start in self.promised
        )

    def located(self, uri: str) -> Path:
        """Where an address lies on this machine."""
        found = locate(uri, self.data, self.written)
        if found is None:
            start = uri.rstrip("/") or "ADDRESS"
            raise TaskError("SMX604", f"{uri} leads to nothing on this machine: give --data {start}=FOLDER")
        return found

    def brought_in(self, work: Work) -> Work:
        """The task with its input artifacts on this machine."""
        artifacts = {
            name: [
                {**artifact, "uri": str(self.located(artifact["uri"]))} if artifact["uri"] in self.late else artifact
                for artifact in several
            ]
            for name, several in work.artifacts.items()
        }
        return replace(work, artifacts=artifacts)

    def stand_in(self, work: Work, run: TaskRun) -> None:
        """Record the request that the task would send, and give stub outputs."""
        executor_input = self.executor_input(work)
        texts = Texts(work, executor_input, self.runtime, inside_json=False)
        arguments = [texts.resolve(word) for word in words(work.executor["container"].get("args") or [], work.has)]
        try:
            made = cloud.request(work.id, work.kind, arguments, executor_input)
        except ValueError as error:
            raise TaskError("SMX606", str(error)) from None
        path = self.folders.request(work.id)
        write_json(path, made)
        run.requests = [str(path)]
        self.observer.requested(work.id, path)
        run.parameters = cloud.stub_parameters(work.component, made)
        outputs = executor_input["outputs"]["artifacts"]
        run.artifacts = {name: cloud.stub_artifact(out["artifacts"][0], made) for name, out in outputs.items()}

    # --- programs ---

    def executor_input(self, work: Work) -> dict[str, Any]:
        """What Kubeflow puts in place of `{{$}}`."""
        parameters = self.folders.parameters(work.id)
        outputs = {
            name: {"artifacts": [{"name": name, "type": {"schemaTitle": out.type}, "uri": uri, "metadata": {}}]}
            for name, out in work.component.output_artifacts.items()
            for uri in [str(self.folders.artifact(work.id, name))]
        }
        # the worker pools of a custom job hold this very text
        values = {name: value for name, value in work.parameters.items() if name != "worker_pool_specs"}
        return {
            "inputs": {
                "parameterValues": values,
                "artifacts": {name: {"artifacts": several} for name, several in work.artifacts.items()},
            },
            "outputs": {
                "parameters": {
                    name: {"outputFile": str(parameters / file_name(name))} for name in work.component.output_parameters
                },
                "artifacts": outputs,
                "outputFile": str(parameters / "executor_output.json"),
            },
        }

    def run_program(self, work: Work, run: TaskRun) -> None:
        """Run the container of a task as a process, and read what it gives."""
        executor_input = self.executor_input(work)
        folder = self.folders.work(work.id)
        self.prepare(work, executor_input, folder)
        program = (
            self.custom_job(work, executor_input) if work.kind == "custom_job" else self.container(work, executor_input)
        )
        python = self.pythons.of(program.image)
        command = self.local_command(program.command, python)
        variables = environment(self.pythons.folders[python]) | program.environment | self.variables
        variables |= self.contract_environment(work)
        if not shutil.which(command[0], path=variables["PATH"]):
            raise TaskError("SMX615", f"{command[0]!r} is no program on this machine")
        log = self.folders.log(work.id)
        log.parent.mkdir(parents=True, exist_ok=True)
        run.log = str(log)
        with log.open("a", encoding="utf-8") as kept:

            def line(text: str) -> None:
                kept.write(text + "\n")
                kept.flush()
                self.observer.line(work.id, text)

            ending = self.processes.run(
                self.private.command(command, folder / "opt-ml"), variables, folder, line, program.timeout
            )
        run.requests = self.recorded(work)
        if ending.code is None:
            limit = f"it ran longer than {program.timeout:g} s" if program.timeout else "it was ended"
            raise TaskError("SMX606", ending.last_line if ending.last_line == "the run was ended" else limit)
        if ending.code != 0:
            raise TaskError("SMX606", ending.last_line or f"exit code {ending.code}")
        run.parameters, run.artifacts = self.outputs(work, executor_input)
        shutil.rmtree(folder, ignore_errors=True)

    def prepare(self, work: Work, executor_input: dict[str, Any], folder: Path) -> None:
        """Empty folders for what this attempt writes."""
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        self.private.prepare(folder / "opt-ml")
        shutil.rmtree(self.folders.parameters(work.id), ignore_errors=True)
        self.folders.parameters(work.id).mkdir(parents=True)
        for output in executor_input["outputs"]["artifacts"].values():
            path = Path(output["artifacts"][0]["uri"])
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)

    def container(self, work: Work, executor_input: dict[str, Any]) -> _Program:
        """The program of a container task."""
        container = work.executor["container"]
        texts = Texts(work, executor_input, self.runtime, inside_json=False)
        written = [*(container.get("command") or []), *(container.get("args") or [])]
        variables = {
            str(entry["name"]): texts.resolve(str(entry.get("value", ""))) for entry in container.get("env") or []
        }
        image = texts.resolve(str(container.get("image") or ""))
        return _Program([texts.resolve(word) for word in words(written, work.has)], variables, image=image)

    def custom_job(self, work: Work, executor_input: dict[str, Any]) -> _Program:
        """The program that a custom job runs on its first machine."""
        pools = work.templates.get("worker_pool_specs", work.parameters.get("worker_pool_specs"))
        resolved = Texts(work, executor_input, self.runtime, inside_json=True).resolve(pools)
        try:
            specs = json.loads(resolved) if isinstance(resolved, str) else resolved
            container = specs[0]["container_spec"]
            written = [*(container.get("command") or []), *(container.get("args") or [])]
            variables = {str(entry["name"]): str(entry.get("value", "")) for entry in container.get("env") or []}
        except (ValueError, LookupError, TypeError, AttributeError):
            raise TaskError("SMX607", "its worker pools run no container that can be read") from None
        if len(specs) > 1 or float(specs[0].get("replica_count") or 1) > 1:
            self.observer.noted(work.id, "several machines in the cloud; here the first one runs alone")
        timeout = str(work.parameters.get("timeout") or "").removesuffix("s")
        limit = float(timeout) if timeout.isdecimal() else None
        return _Program([str(word) for word in written], variables, limit, str(container.get("image_uri") or ""))

    def local_command(self, command: list[str], python: str) -> list[str]:
        """The command with the given interpreter in place of `python`."""
        if not command:
            raise TaskError("SMX607", "the container has no command: only its image knows what it runs")
        return [python, *command[1:]] if command[0] in INTERPRETERS else command

    def contract_environment(self, work: Work) -> dict[str, str]:
        """Tells the container contract what stands for the cloud here (docs/contract.md, local runs)."""
        path = self.folders.work(work.id) / "local.json"
        requests = self.folders.request(work.id).with_suffix("")
        data = {uri: str(found) for uri, found in self.data.items()}
        local = {"data": data, "written": str(self.written), "requests": str(requests), "answers": self.answers}
        write_json(path, local)
        return {"SMX2VERTEX_LOCAL": str(path)}

    def recorded(self, work: Work) -> list[str]:
        """The requests that the container contract recorded."""
        folder = self.folders.request(work.id).with_suffix("")
        found = sorted(folder.rglob("*.json")) if folder.is_dir() else []
        for path in found:
            self.observer.requested(work.id, path)
        return [str(path) for path in found]

    def outputs(self, work: Work, executor_input: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Artifact]]:
        """What a program left: output parameters fitted to their types, and output artifacts."""
        outputs = executor_input["outputs"]
        written = _executor_output(Path(outputs["outputFile"]))
        parameters = {}
        for name, parameter in work.component.output_parameters.items():
            try:
                if name in written.get("parameterValues", {}):
                    parameters[name] = fit(parameter.type, written["parameterValues"][name])
                elif name == "gcp_resources":
                    parameters[name] = "{}"  # the launcher of the custom job would write it
                else:
                    text = Path(outputs["parameters"][name]["outputFile"]).read_text(encoding="utf-8")
                    parameters[name] = parse_value(parameter.type, text)
            except FileNotFoundError:
                raise TaskError("SMX605", f"the output {name!r} was not written") from None
            except ValueError as error:
                raise TaskError("SMX605", f"the output {name!r}: {error}") from None
        artifacts = {}
        for name, output in outputs["artifacts"].items():
            given = (written.get("artifacts", {}).get(name, {}).get("artifacts") or [{}])[0]
            artifacts[name] = output["artifacts"][0] | {key: value for key, value in given.items() if key != "type"}
        return parameters, artifacts


def _executor_output(path: Path) -> dict[str, Any]:
    try:
        written = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise TaskError("SMX605", f"executor_output.json is no JSON: {error}") from None
    if not isinstance(written, dict):
        raise TaskError("SMX605", "executor_output.json holds no object")
    return written


def _nothing() -> dict[str, Any]:
    return {
        "inputs": {"parameterValues": {}, "artifacts": {}},
        "outputs": {"parameters": {}, "artifacts": {}, "outputFile": ""},
    }


def write_json(path: Path, value: Any) -> None:
    """Write a value as indented JSON, the folders above included, at once or not at all."""
    write_whole(path, json.dumps(value, indent=2, ensure_ascii=False, default=str) + "\n")
