"""One run of a step: its inputs and outputs."""

import hashlib
import json
import os
import sys
import time
from typing import Any, Callable, Dict, List, Optional, Tuple, cast

from .command_line import FORMS, PLACEHOLDER, ContractError, decode, parse_command, typed
from .files import inside, mounted, read_text, readable, write_json, write_text

SECONDS_BETWEEN_LOOKS = 0.5  # at what the other hosts of a job left


class Task:
    """One run of a step: what Kubeflow gave it, what the command line asks for, and what it publishes.

    Attributes:
        step: the name of the step in SageMaker.
        job: the name of this job: the step and 12 hex digits that differ from run to run.
        document: the executor input.
        options, words: what `parse_command` read.
        hosts, rank: all hosts of the job, leader first, and the own place among them.
        machine: the machine type, or "local" where nothing tells it.
        metadata: what is published as metadata of an output artifact, by its name.
        handed_on: the input artifact that an output artifact stands for, by its name; nothing is copied.
    """

    def __init__(self, executor_input: str, verb: str, arguments: List[str]) -> None:
        """Read both, and refuse what the grammar does not know."""
        self.options, self.words = parse_command(verb, arguments)
        self.document = json.loads(executor_input)  # type: Dict[str, Any]
        inputs, outputs = self.document.get("inputs") or {}, self.document.get("outputs") or {}
        self.parameters = inputs.get("parameterValues") or {}  # type: Dict[str, Any]
        self._inputs = inputs.get("artifacts") or {}
        self._outputs = outputs.get("artifacts") or {}
        self._output_parameters = outputs.get("parameters") or {}
        self._output_file = outputs.get("outputFile") or ""
        self.step = self.only("step")
        self.job = "{}-{}".format(self.step or verb, hashlib.sha256(self._output_file.encode()).hexdigest()[:12])
        self.hosts, self.rank, self.machine = read_cluster(os.environ.get("CLUSTER_SPEC"))
        self.metadata = {}  # type: Dict[str, Dict[str, Any]]
        self.handed_on = {}  # type: Dict[str, Dict[str, Any]]

    def only(self, option: str, default: str = "") -> str:
        """The first field of an option that may stand once."""
        found = self.options[option]
        if len(found) > 1:
            raise ContractError("--{} stands more than once".format(option))
        return found[0][0] if found else default

    def text(self, option: str, default: str = "") -> str:
        """The rendered template of an option that may stand once; the default also stands in for empty text."""
        return self.render(self.only(option)) or default

    def render(self, template: str) -> str:
        """The text of a template, each placeholder replaced by its value, as SageMaker would have formatted it."""
        parts, position = [], 0
        for match in PLACEHOLDER.finditer(template):
            parts += [self._literal(template[position : match.start()]), self._value(*match.groups())]
            position = match.end()
        return "".join(parts + [self._literal(template[position:])])

    @staticmethod
    def _literal(text: str) -> str:
        if "{" in text or "}" in text:
            raise ContractError("cannot read the template " + text)
        return decode(text)

    def _value(self, name: str, kind: str) -> str:
        if kind == "uri":
            return str(self._artifact(name)["uri"])
        if name not in self.parameters:
            raise ContractError("there is no input parameter " + name)
        value = self.parameters[name]
        if kind == "json":
            return json.dumps(typed(value, "str"))
        return str(typed(value, kind))

    def artifacts(self, name: str) -> List[Dict[str, Any]]:
        """The artifacts of an input; several where a loop made them."""
        return (self._inputs.get(name) or {}).get("artifacts") or []

    def _artifact(self, name: str) -> Dict[str, Any]:
        for artifacts in (self._inputs, self._outputs):
            if (artifacts.get(name) or {}).get("artifacts"):
                return cast(Dict[str, Any], artifacts[name]["artifacts"][0])
        raise ContractError("there is no artifact " + name)

    def input_path(self, artifact: str, file: str = "") -> str:
        """Where an input artifact, or a file or folder of it, can be read."""
        uri = str(self._artifact(artifact)["uri"])
        return readable(inside(uri.rstrip("/"), file) if file else uri)

    def input_metadata(self, artifact: str) -> Dict[str, Any]:
        """What the task that made an input artifact says about it."""
        return cast(Dict[str, Any], self._artifact(artifact).get("metadata") or {})

    def output_path(self, artifact: str) -> str:
        """Where an output artifact is written."""
        return mounted(str(self._artifact(artifact)["uri"]))

    def output_uri(self, artifact: str) -> str:
        """The address of an output artifact, for services that write there themselves."""
        return str(self._artifact(artifact)["uri"])

    def output_parameter(self, name: str) -> str:
        """The file that takes the value of an output parameter."""
        if name not in self._output_parameters:
            raise ContractError("there is no output parameter " + name)
        return mounted(self._output_parameters[name]["outputFile"])

    def publish(self, parameter: str, value: Any) -> None:
        """Give an output parameter its value: text as it is, everything else as JSON."""
        write_text(self.output_parameter(parameter), value if isinstance(value, str) else json.dumps(value))

    def publish_metadata(self) -> None:
        """Write the executor output: the output artifacts that got metadata, or stand for another one."""
        changed = {**self.handed_on, **self.metadata}
        if changed and self._output_file:
            artifacts = {}
            for name in changed:
                artifact = self._artifact(name)
                given = self.handed_on.get(name) or artifact
                metadata = dict(given.get("metadata") or {}, **self.metadata.get(name, {}))
                artifacts[name] = {"artifacts": [dict(artifact, uri=given["uri"], metadata=metadata)]}
            write_json(mounted(self._output_file), {"artifacts": artifacts})

    def share(self, path: str) -> Tuple[int, int]:
        """Which files of an input at this PATH belong here: this host's, if they are divided among the hosts."""
        divided = [os.path.normpath(fields[0]) for fields in self.options["shard"]]
        return (self.rank, len(self.hosts)) if os.path.normpath(path) in divided else (0, 1)

    def begin(self) -> None:
        """Take back what an earlier attempt of this host said about its end."""
        if self._several and os.path.isfile(self._ending(self.rank)):
            os.remove(self._ending(self.rank))

    def end(self, code: int) -> None:
        """Say with which exit code this host ended."""
        if self._several:
            write_text(self._ending(self.rank), str(code))

    def together(self, code: int) -> int:
        """The exit code of this host; of the leader the first one of all hosts that is not 0, when all have ended.

        The leader waits, since the job ends with it.
        """
        if not self._several or self.rank:
            return code
        codes = [self._code_of(rank) for rank in range(len(self.hosts))]
        for host, ended in zip(self.hosts, codes):  # noqa: B905
            if ended:
                print("host {} ended with exit code {}".format(host, ended), file=sys.stderr, flush=True)
        return next((ended for ended in codes if ended), 0)

    @property
    def _several(self) -> bool:
        return len(self.hosts) > 1 and bool(self._output_file)

    def _code_of(self, rank: int) -> int:
        while True:
            try:
                text = read_text(self._ending(rank))
            except OSError:
                text = ""
            if text:
                return int(text)
            time.sleep(SECONDS_BETWEEN_LOOKS)

    def _ending(self, rank: int) -> str:
        # a job that Kubeflow starts again has another number, and must not read what the first one left
        job = "hosts" + os.environ.get("CLOUD_ML_JOB_ID", "")
        return os.path.join(os.path.dirname(mounted(self._output_file)), job, str(rank))

    def environment(self) -> Dict[str, str]:
        """The variables of --environment."""
        return {name: self.render(template) for name, template in self.options["environment"]}


def read_cluster(spec: Optional[str]) -> Tuple[List[str], int, str]:
    """Hosts, own rank and machine type, from the CLUSTER_SPEC that Vertex AI sets on every replica of a custom job."""
    document = json.loads(spec) if spec else {}
    hosts: List[str] = []
    rank, machine = 0, "local"
    own = document.get("task") or {}
    for number, pool in enumerate(sorted(document.get("cluster") or {})):
        if pool == own.get("type"):
            rank = len(hosts) + int(own.get("index", 0))
            machine = _machine_of_pool(document.get("job"), number) or machine
        hosts += [address.split(":")[0] for address in document["cluster"][pool]]
    return (hosts, rank, machine) if len(hosts) > 1 else (["algo-1"], 0, machine)


def _machine_of_pool(job: Any, number: int) -> str:
    try:
        job = json.loads(job) if isinstance(job, str) else job
        pool = (job.get("worker_pool_specs") or job.get("workerPoolSpecs"))[number]
        machine = pool.get("machine_spec") or pool.get("machineSpec")
        return str(machine.get("machine_type") or machine.get("machineType") or "")
    except (AttributeError, IndexError, TypeError, ValueError):
        return ""


Verb = Callable[[Task], int]
VERBS: Dict[str, Verb] = {}
# What is no task, but a process of its own: `python3 CODE NAME`.
PROGRAMS: Dict[str, Callable[[], int]] = {}


def verb(name: str, *options: Dict[str, str]) -> Callable[[Verb], Verb]:
    """Makes a function a verb with these options, beside --step, which every verb has; it returns the exit code."""

    def register(function: Verb) -> Verb:
        VERBS[name] = function
        FORMS[name] = {"step": "NAME"}
        for more in options:
            FORMS[name].update(more)
        return function

    return register
