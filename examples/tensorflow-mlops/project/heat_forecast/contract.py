"""The container contract: gives a script what Amazon SageMaker promises it, and publishes what it leaves behind.

    python3 CODE EXECUTOR_INPUT VERB OPTION... [-- WORD...]

CODE is the directory that holds this file as `__main__.py` and the user's files below `src/`; EXECUTOR_INPUT is the
JSON text that Kubeflow puts in place of `{{$}}`. The grammar of the rest, and what each verb does, is written in
smx2vertex's docs/contract.md. Standard library only, Python 3.6 and later; the built-in XGBoost algorithm and the
default inference functions import xgboost, numpy, pandas, scipy, scikit-learn or torch where they need them.
"""

# Written by smx2vertex from its parts; converting again puts in what the pipeline needs.
# Verbs: call-function, condition, deploy-model, endpoint-config, fail, processing, training, upload-model

import ast
import contextlib
import filecmp
import functools
import gzip
import hashlib
import http.client
import json
import math
import os
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from typing import Any, Callable, Dict, IO, Iterable, Iterator, List, Optional, Tuple, cast

# --- The grammar of the command line: verbs, options, fields, templates -----------------------------------------------

class ContractError(Exception):
    """The step cannot go on, for the reason in the text; the process ends with exit code 1."""


# The form of each option, by verb and option. A field called TEMPLATE, always the last, holds placeholders.
FORMS: Dict[str, Dict[str, str]] = {}
CONTAINER_OPTIONS = {"environment": "NAME:TEMPLATE", "code": "PATH[:FOLDER[:ARCHIVE]]"}

# Of verbs whose inputs may be divided among several hosts.
SHARD_OPTIONS = {"shard": "PATH"}

PLACEHOLDER = re.compile(r"\{(\w+):(str|int|float|bool|json|uri)\}")


def read_form(form: str) -> Tuple[List[str], int]:
    """The names of a form's fields, and how many of them must be there."""
    return re.sub(r"[\[\]]", "", form).split(":"), form.split("[")[0].count(":") + 1


def decode(text: str) -> str:
    """The text that a field or word stands for: each %XX is a byte of its UTF-8 form."""
    raw = urllib.parse.unquote_to_bytes(text.encode("utf-8", "surrogatepass"))
    return raw.decode("utf-8", "surrogatepass")


def parse_command(verb: str, arguments: List[str]) -> Tuple[Dict[str, List[List[str]]], List[str]]:
    """The options of a verb, each with the fields of all its occurrences, and the words after `--`.

    Fields are decoded, those left out are ""; templates and words are left to `Task.render`.
    """
    if verb not in FORMS:
        raise ContractError("no such verb: " + verb)
    end = arguments.index("--") if "--" in arguments else len(arguments)
    options: Dict[str, List[List[str]]] = {name: [] for name in FORMS[verb]}
    for argument in arguments[:end]:
        match = re.match(r"--([a-z-]+)=(.*)\Z", argument, re.DOTALL)
        if not match or match.group(1) not in options:
            raise ContractError("{} has no option {}".format(verb, argument.split("=")[0]))
        names, required = read_form(FORMS[verb][match.group(1)])
        fields = match.group(2).split(":", len(names) - 1)
        if len(fields) < required:
            raise ContractError("{} needs {}".format(argument, FORMS[verb][match.group(1)]))
        fields = [field if name == "TEMPLATE" else decode(field) for name, field in zip(names, fields)]  # noqa: B905
        options[match.group(1)].append(fields + [""] * (len(names) - len(fields)))
    return options, arguments[end + 1 :]


def typed(value: Any, kind: str) -> Any:
    """A parameter's value in its declared type: engines deliver 5 as `5`, `5.0` or `"5"`."""
    try:
        if kind == "int":
            number = int(value) if isinstance(value, (int, str)) and re.match(r"\s*[-+]?\d+\s*\Z", str(value)) else None
            if number is None and float(value) == int(float(value)):
                number = int(float(value))
            if number is not None:
                return number
        elif kind == "float":
            return float(value)
        elif kind == "bool" and str(value).lower() in ("true", "false"):
            return str(value).lower() == "true"
        elif kind == "str":
            return value if isinstance(value, str) else json.dumps(value)
    except (ValueError, TypeError, OverflowError):
        pass
    raise ContractError("{!r} is no {}".format(value, kind))


# --- Addresses and files: where things are read and written -----------------------------------------------------------

HERE = os.path.dirname(os.path.abspath(__file__))


SOURCES = os.path.join(HERE, "src")


MOUNTS = {"gs://": "/gcs/", "s3://": "/s3/", "minio://": "/minio/"}


COPY_AT_MOST = 1 << 30  # bytes; a bigger file is linked: a copy would fill the disk, and is read once or twice


@functools.lru_cache(maxsize=None)
def local_run() -> Dict[str, Any]:
    """What `smx2vertex run` says about this machine; empty elsewhere."""
    path = os.environ.get("SMX2VERTEX_LOCAL")
    if not path:
        return {}
    with open(path, encoding="utf-8") as file:
        return cast(Dict[str, Any], json.load(file))


def place(path: str) -> str:
    """Where a PATH of the command line lies: below SAGEMAKER_BASE_DIR, if that is set, instead of /opt/ml."""
    clean = os.path.normpath(path)
    if not clean.startswith("/opt/ml/"):
        raise ContractError(path + " is not below /opt/ml")
    return os.path.join(os.environ.get("SAGEMAKER_BASE_DIR", "/opt/ml"), clean[len("/opt/ml/") :])


def inside(folder: str, name: str) -> str:
    """The path of a name below a folder, which it must not leave."""
    if name.startswith("/") or ".." in name.split("/"):
        raise ContractError("{} leaves its folder".format(name))
    return os.path.join(folder, name) if name else folder


def channel_path(name: str) -> str:
    return inside("/opt/ml/input/data", name)


def mounted(uri: str) -> str:
    """The path at which Vertex AI and Kubeflow bring an address in; a plain path is itself."""
    for scheme, mount in MOUNTS.items():
        if uri.startswith(scheme):
            return inside(mount, uri[len(scheme) :].rstrip("/"))
    if "://" in uri:
        raise ContractError("cannot reach " + uri)
    return uri


def written(uri: str) -> str:
    """Where a local run keeps what is written to gs://BUCKET/KEY."""
    return inside(local_run()["written"], uri.split("://", 1)[1].rstrip("/"))


def readable(uri: str) -> str:
    """The path at which an address can be read here."""
    if "://" not in uri or not local_run():
        return mounted(uri)
    for prefix in sorted(local_run().get("data") or {}, key=len, reverse=True):
        folder, rest = local_run()["data"][prefix], uri[len(prefix.rstrip("/")) :]
        if uri.startswith(prefix.rstrip("/")) and rest[:1] in ("", "/"):
            found = inside(folder, rest.strip("/"))
            if os.path.exists(found):
                return found
    if not os.path.exists(written(uri)):
        raise ContractError("{0} is not on this machine: name its folder with --data {0}=DIR".format(uri))
    return written(uri)


def writable(uri: str) -> str:
    """The path to which a copy for a fixed address is written here."""
    if "://" in uri and local_run():
        return written(uri)
    path = mounted(uri)
    ancestors = [path[:end] for end in range(1, len(path)) if path[end] == "/"]
    if "://" in uri and not any(os.path.ismount(ancestor) for ancestor in ancestors):
        warn("no bucket is mounted at {}: the copy for {} stays in this container".format(path, uri))
    return path


def warn(message: str) -> None:
    """One line on stderr."""
    print("container contract: " + message, file=sys.stderr, flush=True)


def write_text(path: str, text: str) -> None:
    """Write a file, and the folders above it."""
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    with open(path, "w", encoding="utf-8", errors="surrogatepass") as file:
        file.write(text)


def write_json(path: str, value: Any) -> None:
    """Write a JSON file, keys in order."""
    write_text(path, json.dumps(value, indent=1, sort_keys=True))


def read_text(path: str, at_most: int = -1) -> str:
    """The first characters of a text file, or all."""
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read(at_most)


def files_below(folder: str, follow_links: bool = False) -> List[Tuple[str, str]]:
    """All regular files below a folder, as (path relative to it, path), in order."""
    found = []
    for root, _, names in os.walk(folder, followlinks=follow_links):
        for path in (os.path.join(root, name) for name in names):
            if os.path.isfile(path) and (follow_links or not os.path.islink(path)):
                found.append((os.path.relpath(path, folder), path))
    return sorted(found)


def empty(folder: str) -> None:
    """Make it an empty folder: a virtual machine that restarts runs this code again."""
    if os.path.islink(folder) or os.path.isfile(folder):
        os.remove(folder)
    elif os.path.isdir(folder):
        shutil.rmtree(folder)
    os.makedirs(folder)


def copy_file(source: str, target: str) -> None:
    """Copy the content of a file; the folders above it are made."""
    os.makedirs(os.path.dirname(target), exist_ok=True)
    shutil.copyfile(source, target)


def stage(source: str, folder: str, link_big_files: bool = True, share: Tuple[int, int] = (0, 1)) -> None:
    """Bring an input into a folder: a single file by its name, or the content of a folder.

    Files are copied, as scripts read them again and again and a mounted bucket is slow; a big one is linked, unless
    the folder is to be published. Of a `share` (I, N) the files I, I + N, I + 2 N … count, in order of their names.
    """
    if not os.path.exists(source):
        raise ContractError("there is nothing at {}".format(source))
    single = os.path.isfile(source)
    found = [(os.path.basename(source), source)] if single else files_below(source, follow_links=True)
    for name, path in found[share[0] :: share[1]]:
        target = os.path.join(folder, name)
        if link_big_files and os.path.getsize(path) > COPY_AT_MOST:
            os.makedirs(os.path.dirname(target), exist_ok=True)
            os.symlink(os.path.realpath(path), target)
        else:
            copy_file(path, target)
    os.makedirs(folder, exist_ok=True)


def copy_files(folder: str, target: str) -> None:
    """Copy all files of a folder into another one, which keeps what else it has. Links are not followed."""
    for name, path in files_below(folder):
        copy_file(path, os.path.join(target, name))


def add_files(folder: str, target: str) -> None:
    """As `copy_files`, for several hosts with one target: a file of the same name and another content is reported."""
    for name, path in files_below(folder):
        copy = os.path.join(target, name)
        if os.path.isfile(copy) and not filecmp.cmp(path, copy, shallow=False):
            warn("{} was there already, from another host or an earlier attempt; the last one counts".format(name))
        copy_file(path, copy)


def replace(folder: str, target: str) -> None:
    """Make a folder a copy of another one. Links are not followed."""
    empty(target)
    copy_files(folder, target)


# --- One run of a step: its inputs and outputs ------------------------------------------------------------------------

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


# --- Arguments and answers of steps that ask somebody else: a function, or whoever takes a message --------------------

ASKING_OPTIONS = {"argument": "NAME:TEMPLATE", "answer": "PARAMETER:TYPE:NAME"}


ANSWER_TYPES = {"String": "str", "Integer": "int", "Float": "float", "Boolean": "bool"}


def arguments_of(task: Task) -> Dict[str, Any]:
    """The arguments as JSON values: a template that is one number or boolean gives just that, any other one text."""
    found = {}  # type: Dict[str, Any]
    for name, template in task.options["argument"]:
        text = task.render(template)
        placeholder = PLACEHOLDER.fullmatch(template)
        kind = placeholder.group(2) if placeholder else "str"
        found[name] = typed(text, kind) if kind in ("int", "float", "bool") else text
    return found


def publish_answers(task: Task, given: Any) -> None:
    """Give the declared output parameters their values, in their types; all of them, or none."""
    found = []
    for parameter, kind, name in task.options["answer"]:
        if not isinstance(given, dict) or given.get(name) is None:
            named = ", ".join(sorted(given)) if isinstance(given, dict) and given else "nothing"
            raise ContractError("the answer holds no {}; it holds {}".format(name, named))
        if kind not in ANSWER_TYPES:
            raise ContractError("{} is no type of an output parameter".format(kind))
        try:
            found.append((parameter, typed(given[name], ANSWER_TYPES[kind])))
        except ContractError as error:
            raise ContractError("the answer's {}: {}".format(name, error)) from error
    for parameter, value in found:
        task.publish(parameter, value)


def answered_before(task: Task) -> bool:
    """Whether this very task got its answers before its machine restarted."""
    parameters = [parameter for parameter, _, _ in task.options["answer"]]
    return bool(parameters) and all(os.path.isfile(task.output_parameter(parameter)) for parameter in parameters)


def answer_locally(task: Task) -> int:
    """In a local run nobody is asked: the answers are those that `run` was given.

    A step whose answers nobody declared can do without.
    """
    answers = cast(Dict[str, Any], local_run().get("answers") or {})
    given = answers.get(task.step)
    if given is None and task.options["answer"]:
        names = ", ".join(name for _, _, name in task.options["answer"])
        advice = "a local run asks nobody: give the answer ({}) with --answer '{}=FILE.json'"
        raise ContractError(advice.format(names, task.step))
    publish_answers(task, given)
    return 0


# --- Google's REST interfaces -----------------------------------------------------------------------------------------

METADATA_SERVER = "http://{}/computeMetadata/v1/instance/service-accounts/default/"
LONGEST_PAUSE = 30  # seconds between two looks at a job; most take minutes or hours

Request = Tuple[str, str, Optional[Dict[str, Any]]]


class ServiceError(ContractError):
    """An answer that says no.

    Attributes:
        status: the HTTP status, such as 404 for what does not exist or 409 for what exists already.
    """

    def __init__(self, status: int, text: str) -> None:
        """The text says which request, and what the answer was."""
        ContractError.__init__(self, text)
        self.status = status


class Service:
    """A REST interface of Google Cloud.

    Attributes:
        url: its address, with the version.
        audience: whom identity tokens are for; "" where the service takes access tokens, as Google's own do.
        timeout: seconds that an answer may take.
    """

    def __init__(self, name: str, url: str = "", audience: str = "", timeout: int = 120) -> None:
        """SMX2VERTEX_<NAME>_URL replaces the address in tests and behind proxies."""
        usual = url or "https://{}.googleapis.com/v1".format(name)
        self.url = os.environ.get("SMX2VERTEX_{}_URL".format(name.upper()), usual).rstrip("/")
        self.audience = audience
        self.timeout = timeout

    def address(self, path: str) -> str:
        """The whole address of a path."""
        return self.url + "/" + path if path else self.url

    def call(self, method: str, path: str, body: Optional[Dict[str, Any]] = None) -> Dict[str, Any]:
        """Send a request and return its JSON answer; busy answers, and broken reads, are tried again."""
        if local_run():
            raise ContractError("a local run calls no service: {} {}".format(method, self.address(path)))
        data = json.dumps(body).encode("utf-8") if body is not None else None
        pauses = [1, 2, 4, 8]
        while True:
            try:
                return self._answer(method, path, data)
            except ServiceError as error:
                again = (429, 503) if method != "GET" else (429, 500, 502, 503, 504)
                if error.status not in again or not pauses:
                    raise
            except (OSError, http.client.HTTPException) as error:
                if method != "GET" or not pauses:
                    raise ContractError("{} {}: {}".format(method, path, error)) from error
            time.sleep(pauses.pop(0))

    def _answer(self, method: str, path: str, data: Optional[bytes]) -> Dict[str, Any]:
        token = identity_token(self.audience) if self.audience else access_token()
        headers = {"Authorization": "Bearer " + token, "Content-Type": "application/json"}
        request = urllib.request.Request(self.address(path), data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=self.timeout) as answer:
                return cast(Dict[str, Any], json.loads(answer.read().decode("utf-8") or "{}"))
        except urllib.error.HTTPError as error:
            text = error.read().decode("utf-8", "replace")
            message = "{} {}: {} {}".format(method, path, error.code, text)
            raise ServiceError(error.code, message) from error

    def found(self, path: str) -> Optional[Dict[str, Any]]:
        """What a GET returns, None if there is nothing of that name."""
        try:
            return self.call("GET", path)
        except ServiceError as error:
            if error.status != 404:
                raise
            return None

    def finish(self, operation: Dict[str, Any], what: str) -> Dict[str, Any]:
        """Wait for a long-running operation and return its response; `what` names it if it fails."""
        done = self.done(operation)
        if "error" in done:
            raise ContractError("{} failed: {}".format(what, done["error"].get("message")))
        return cast(Dict[str, Any], done.get("response") or {})

    def done(self, operation: Dict[str, Any]) -> Dict[str, Any]:
        """Wait for a long-running operation, however it ends."""

        def look() -> Optional[Dict[str, Any]]:
            current = self.call("GET", operation["name"])
            return current if current.get("done") else None

        return operation if operation.get("done") else poll(look)

    @contextlib.contextmanager
    def cancelling(self, *jobs: str) -> Iterator[None]:
        """Around the wait for remote jobs: whoever cancels this task cancels them."""

        def cancel(number: int, frame: Any) -> None:
            for job in jobs:
                print("cancelled: cancelling " + job, flush=True)
                self.call("POST", job + ":cancel", {})
            raise SystemExit(128 + number)

        before = signal.signal(signal.SIGTERM, cancel)
        try:
            yield
        finally:
            signal.signal(signal.SIGTERM, before)

    def record(self, step: str, requests: List[Request], outcome: str) -> None:
        """Write down the requests of a local run instead of sending them; `outcome` says what was not done."""
        entries = [{"method": method, "url": self.address(path), "body": body} for method, path, body in requests]
        file = os.path.join(local_run()["requests"], re.sub(r"\W", "_", step) + ".json")
        write_json(file, entries)
        print("local run: {}; the requests are in {}".format(outcome, file), flush=True)


def vertex_ai(location: str) -> Service:
    """Vertex AI in a region."""
    return Service("aiplatform", "https://{}-aiplatform.googleapis.com/v1".format(location))


def query(path: str, **parameters: str) -> str:
    """A path with a query."""
    return path + "?" + urllib.parse.urlencode(sorted(parameters.items()))


def display_name_filter(name: str) -> str:
    """A filter of Vertex AI's lists."""
    return "display_name=" + json.dumps(name, ensure_ascii=False)


def newest_first(collection: str, name: str) -> str:
    """The query for those of a display name, such as `projects/…/models` called `churn`."""
    return query(collection, filter=display_name_filter(name), orderBy="create_time desc")


def newest(service: Service, collection: str, name: str) -> Optional[Dict[str, Any]]:
    """The newest one of a display name, None if there is none."""
    found = service.call("GET", newest_first(collection, name)).get(collection.rpartition("/")[2]) or []
    return cast(Dict[str, Any], found[0]) if found else None


def label_text(text: str) -> str:
    """Text as a label takes it: lower case letters, digits, - and _, at most 63, a letter first in names and values."""
    return re.sub(r"\A[^a-z]+(?=.*[a-z])", "", re.sub(r"[^a-z0-9_-]", "-", text.lower()))[:63]


def poll(look: Callable[[], Optional[Dict[str, Any]]]) -> Dict[str, Any]:
    """Look again and again, with growing pauses, until there is something; that is returned."""
    pause = 0.5
    while True:
        seen = look()
        if seen is not None:
            return seen
        time.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE)


def access_token() -> str:
    """The token of the task's service account, from the metadata server."""
    return str(json.loads(_metadata_server("token"))["access_token"])


def identity_token(audience: str) -> str:
    """A token by which the task's service account shows who it is to an audience, such as a Cloud Run function."""
    return _metadata_server(query("identity", audience=audience)).strip()


def _metadata_server(path: str) -> str:
    server = os.environ.get("GCE_METADATA_HOST", "metadata.google.internal")
    request = urllib.request.Request(METADATA_SERVER.format(server) + path, headers={"Metadata-Flavor": "Google"})
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=30) as answer:
        return str(answer.read().decode("utf-8"))


# --- Lambda steps: a call of the Cloud Run function that took the Lambda function's place -----------------------------

FUNCTION_SECONDS = 600  # as long as SageMaker waits for a Lambda function


@verb("call-function", ASKING_OPTIONS, {"url": "TEMPLATE"})
def call_function(task: Task) -> int:
    """Post the arguments to the function, and publish what it returns."""
    url, arguments = task.text("url"), arguments_of(task)
    if local_run():
        Service("function", url).record(task.step, [("POST", "", arguments)], "the function was not called")
        return answer_locally(task)
    if not url.startswith(("http://", "https://")):
        raise ContractError("{!r} is no address of a function: write it into config.yaml".format(url))
    if answered_before(task):
        return 0
    try:
        answer = Service("function", url, audience=url, timeout=FUNCTION_SECONDS).call("POST", "", arguments)
    except ValueError as error:
        raise ContractError("the function's answer is no JSON: {}".format(error)) from error
    publish_answers(task, answer)
    return 0


# --- Conditions that are no single comparison -------------------------------------------------------------------------

COMPARISONS: Dict[Any, Callable[[Any, Any], bool]] = {
    ast.Eq: lambda a, b: a == b,
    ast.Gt: lambda a, b: a > b,
    ast.GtE: lambda a, b: a >= b,
    ast.Lt: lambda a, b: a < b,
    ast.LtE: lambda a, b: a <= b,
}


@verb("condition", {"operand": "PARAMETER:TYPE", "expression": "TEXT", "result": "PARAMETER", "outcome": "PARAMETER"})
def condition(task: Task) -> int:
    """A condition step whose conditions are no single comparison: publishes whether they hold."""
    operands = {}
    for name, kind in task.options["operand"]:
        if name not in task.parameters:
            raise ContractError("there is no input parameter " + name)
        operands[name] = typed(task.parameters[name], kind)
    result = evaluate(task.only("expression"), operands)
    print("{}: {}".format(task.step, result), flush=True)
    for (parameter,) in task.options["result"]:
        task.publish(parameter, result)
    for (parameter,) in task.options["outcome"]:
        task.publish(parameter, str(result))
    return 0


def evaluate(expression: str, operands: Dict[str, Any]) -> bool:
    """Whether an expression holds; it may name operands and write literals, compare and combine, and nothing else."""
    try:
        return _truth(ast.parse(expression, mode="eval").body, operands)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ContractError("cannot read the expression {}: {}".format(expression[:200], error)) from error


def _truth(node: ast.AST, operands: Dict[str, Any]) -> bool:
    if isinstance(node, ast.BoolOp):
        parts = [_truth(part, operands) for part in node.values]  # all of them: a mismatch counts wherever it stands
        return all(parts) if isinstance(node.op, ast.And) else any(parts)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return not _truth(node.operand, operands)
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        left, right, comparison = _operand(node.left, operands), node.comparators[0], node.ops[0]
        if isinstance(comparison, ast.In) and isinstance(right, ast.List):
            matches = [_compare(ast.Eq, left, _operand(item, operands)) for item in right.elts]
            return any(matches)
        if type(comparison) in COMPARISONS:
            return _compare(type(comparison), left, _operand(right, operands))
    value = _operand(node, operands)
    if isinstance(value, bool):
        return value
    raise ContractError("{!r} is neither true nor false".format(value))


def _operand(node: ast.AST, operands: Dict[str, Any]) -> Any:
    if isinstance(node, ast.Name) and node.id in operands:
        return operands[node.id]
    value = ast.literal_eval(node)  # type: ignore[arg-type, unused-ignore]
    if not isinstance(value, (bool, int, float, str)):
        raise ValueError("{!r} is neither a number nor text".format(value))
    return value


def _compare(comparison: Any, left: Any, right: Any) -> bool:
    if isinstance(left, str) != isinstance(right, str):
        raise ContractError("cannot compare {!r} with {!r}".format(left, right))
    return COMPARISONS[comparison](left, right)


# --- Endpoints: what shall serve, and the models that are deployed to it ----------------------------------------------

WHERE_IT_SERVES = {"project": "TEMPLATE", "location": "TEMPLATE"}
# Machines for what an inference component asks: GB of memory for each processor, and the most processors.
COMPONENT_MACHINES = [("e2-highcpu-{}", 1, 32), ("e2-standard-{}", 4, 32), ("e2-highmem-{}", 8, 16)]


@verb(
    "endpoint-config",
    {
        "name": "TEMPLATE",
        "variant": "VARIANT",
        "model": "VARIANT:ARTIFACT",
        "model-name": "VARIANT:TEMPLATE",
        "machine": "VARIANT:TEMPLATE",
        "accelerator": "VARIANT:TYPE:COUNT",
        "replicas": "VARIANT:TEMPLATE",
        "min-replicas": "VARIANT:TEMPLATE",
        "max-replicas": "VARIANT:TEMPLATE",
        "weight": "VARIANT:TEMPLATE",
        "log-percent": "TEMPLATE",
        "label": "NAME:TEMPLATE",
        "request": "PARAMETER",
    },
)
def endpoint_config(task: Task) -> int:
    """An endpoint configuration: the models, machines and shares of traffic that a later task deploys."""
    request = {
        "name": task.text("name"),
        "labels": endpoint_labels(task),
        "models": [variant_request(task, name) for (name,) in task.options["variant"]],
    }  # type: Dict[str, Any]
    if task.options["log-percent"]:
        percent = float(task.text("log-percent"))
        if not 0 < percent <= 100:
            raise ContractError("{} percent of the requests cannot be logged".format(percent))
        request["logging"] = {"enabled": True, "samplingRate": percent / 100}
    traffic_split([(model["deployedModel"]["displayName"], model["weight"]) for model in request["models"]])
    for (parameter,) in task.options["request"]:
        task.publish(parameter, request)
    return 0


def variant_request(task: Task, name: str) -> Dict[str, Any]:
    """A production variant: the model to deploy, on which machines, and its weight."""

    def number(option: str) -> Optional[int]:
        found = _of_variant(task, option, name)
        return None if found is None else whole_count(task.render(found[0]), "--" + option)

    machine, accelerator = _of_variant(task, "machine", name), _of_variant(task, "accelerator", name)
    if machine is None:
        raise ContractError("the variant {} has no machine".format(name))
    spec = {"machineType": task.render(machine[0])}  # type: Dict[str, Any]
    if accelerator is not None:
        spec.update(acceleratorType=accelerator[0], acceleratorCount=int(accelerator[1]))
    first, least, most = number("replicas"), number("min-replicas"), number("max-replicas")
    least = max(least or first or 1, 1)
    most = most or least
    if most < least:
        raise ContractError("the variant {} has at most {} machines, but at least {}".format(name, most, least))
    artifact, named = _of_variant(task, "model", name), _of_variant(task, "model-name", name)
    deployed = {"displayName": name, "dedicatedResources": dedicated_resources(spec, least, most)}
    found = {"deployedModel": deployed}  # type: Dict[str, Any]
    if artifact is not None:
        deployed["model"] = registered_model(task, artifact[0])
    elif named is not None:
        found["modelName"] = task.render(named[0])
    else:
        raise ContractError("the variant {} has no model".format(name))
    weight = _of_variant(task, "weight", name)
    found["weight"] = 1.0 if weight is None else float(task.render(weight[0]))
    return found


def traffic_split(weights: List[Tuple[str, float]]) -> Dict[str, int]:
    """Whole percentages that add up to 100, nearest to the shares of the weights; nothing for those of zero."""
    total = sum(weight for _, weight in weights)
    if not weights:
        return {}
    if not (total > 0 and math.isfinite(total)) or min(weight for _, weight in weights) < 0:
        raise ContractError("the weights of the variants cannot be shares of the traffic: {}".format(weights))
    exact = [(name, 100 * weight / total) for name, weight in weights]
    shares = {name: int(share) for name, share in exact}
    by_remainder = sorted(exact, key=lambda pair: int(pair[1]) - pair[1])
    for name, _ in by_remainder[: 100 - sum(shares.values())]:
        shares[name] += 1
    return {name: share for name, share in shares.items() if share}


def _of_variant(task: Task, option: str, name: str) -> Optional[List[str]]:
    found = [fields[1:] for fields in task.options[option] if fields[0] == name]
    if len(found) > 1:
        raise ContractError("--{} stands more than once for the variant {}".format(option, name))
    return found[0] if found else None


def whole_count(text: str, what: str) -> int:
    try:
        return int(float(text))
    except (ValueError, OverflowError):
        raise ContractError("{}: {!r} is no number".format(what, text)) from None


def dedicated_resources(machine: Dict[str, Any], least: int, most: int) -> Dict[str, Any]:
    return {"machineSpec": machine, "minReplicaCount": least, "maxReplicaCount": most}


def endpoint_labels(task: Task) -> Dict[str, str]:
    labels = {label_text(name): label_text(task.render(template)) for name, template in task.options["label"]}
    return {name: text for name, text in labels.items() if name}


def registered_model(task: Task, artifact: str) -> str:
    """The resource name of a model that `upload-model` published."""
    name = task.input_metadata(artifact).get("resourceName")
    if not name:
        raise ContractError("the model {} has no resource name: it is not in the registry".format(artifact))
    return str(name)


@verb(
    "deploy-model",
    {
        "name": "TEMPLATE",
        "config": "TEMPLATE",
        "label": "NAME:TEMPLATE",
        "endpoint-name": "PARAMETER",
        "resource-name": "PARAMETER",
    },
    WHERE_IT_SERVES,
)
def deploy_model(task: Task) -> int:
    """An endpoint: find or create it, deploy what the configuration says, move the traffic, undeploy what was there."""
    try:
        config = json.loads(task.text("config"))
        models = list(config["models"])
    except (ValueError, TypeError, KeyError):
        raise ContractError("the configuration of the endpoint is none that endpoint-config publishes") from None
    labels = dict(config.get("labels") or {}, **endpoint_labels(task))
    Deployment(task, labels, models, config.get("logging")).run()
    return 0


@verb(
    "deploy-component",
    {
        "name": "TEMPLATE",
        "endpoint": "TEMPLATE",
        "variant": "TEMPLATE",
        "model": "ARTIFACT",
        "model-name": "TEMPLATE",
        "cpus": "TEMPLATE",
        "memory-mb": "TEMPLATE",
        "copies": "TEMPLATE",
        "label": "NAME:TEMPLATE",
        "endpoint-name": "PARAMETER",
        "resource-name": "PARAMETER",
    },
    WHERE_IT_SERVES,
)
def deploy_component(task: Task) -> int:
    """An inference component: its model on an endpoint of its own, on machines that have what it asks for."""
    copies = whole_count(task.text("copies", "1"), "--copies")
    if copies < 1:
        raise ContractError("{} copies: a deployed model of Vertex AI needs one at least".format(copies))
    machine = component_machine(float(task.text("cpus", "1")), float(task.text("memory-mb", "128")))
    name = task.text("name")
    deployed = {
        "displayName": name,
        "dedicatedResources": dedicated_resources({"machineType": machine}, copies, copies),
    }
    model = {"deployedModel": deployed, "weight": 1.0}  # type: Dict[str, Any]
    if task.options["model"]:
        deployed["model"] = registered_model(task, task.only("model"))
    else:
        model["modelName"] = task.text("model-name")
    asked = {"sm-endpoint": task.text("endpoint"), "sm-variant": task.text("variant")}
    labels = {key: label_text(text) for key, text in asked.items() if text}
    Deployment(task, dict(labels, **endpoint_labels(task)), [model], None).run()
    return 0


def component_machine(cpus: float, memory_mb: float) -> str:
    """The smallest machine with so many processors and so much memory."""
    for count in (2, 4, 8, 16, 32):
        for name, gigabytes, most in COMPONENT_MACHINES:
            if most >= count >= cpus and count * gigabytes * 1024 >= memory_mb:
                return name.format(count)
    raise ContractError("no machine has {:g} processors and {:g} MB of memory".format(cpus, memory_mb))


class Deployment:
    """Brings an endpoint to a wanted state; the traffic moves when all new models are up.

    Attributes:
        wanted: the requests of the models, by the ids that they get on the endpoint. The ids are those of this task,
            so that a machine that restarts finds what it deployed.
    """

    def __init__(
        self, task: Task, labels: Dict[str, str], models: List[Any], logging: Optional[Dict[str, Any]]
    ) -> None:
        """Keep what is wanted."""
        self.task = task
        self.service = vertex_ai(task.text("location"))
        parent = "projects/{}/locations/{}".format(task.text("project"), task.text("location"))
        self.endpoints, self.models = parent + "/endpoints", parent + "/models"
        self.endpoint = {"displayName": task.text("name"), "labels": labels}  # type: Dict[str, Any]
        if logging:
            destination = {"outputUri": "bq://" + task.text("project")}
            self.endpoint["predictRequestResponseLoggingConfig"] = dict(logging, bigqueryDestination=destination)
        self.wanted = {self._id(model["deployedModel"]["displayName"]): model for model in models}
        self.traffic = traffic_split([(number, float(model["weight"])) for number, model in self.wanted.items()])

    def run(self) -> None:
        """Deploy and publish the endpoint; a local run writes the requests down."""
        if local_run():
            name = self.endpoints + "/not-deployed"
            self.service.record(self.task.step, self._requests(name), "nothing was deployed")
        else:
            name = self._deployed()
        for option, text in (("endpoint-name", self.endpoint["displayName"]), ("resource-name", name)):
            for (parameter,) in self.task.options[option]:
                self.task.publish(parameter, text)

    def _id(self, variant: str) -> str:
        """1 to 10 digits are what Vertex AI takes as the id of a deployed model."""
        digest = hashlib.sha256("{}/{}".format(self.task.job, variant).encode("utf-8")).hexdigest()
        return str(10**9 + int(digest, 16) % (9 * 10**9))

    def _deployed(self) -> str:
        endpoint = newest(self.service, self.endpoints, self.endpoint["displayName"]) or self._created()
        name = str(endpoint["name"])
        self._settle(name)
        before = [model["id"] for model in self.service.call("GET", name).get("deployedModels") or []]
        try:
            for number, model in self.wanted.items():
                if number not in before:
                    self._deploy(name, number, model)
        except (ContractError, SystemExit):
            self._clean_up(name)
            raise
        self.service.call("PATCH", query(name, updateMask=",".join(sorted(self._changes()))), self._changes())
        for number in before:
            if number not in self.wanted:
                self._undeploy(name, number)
        return name

    def _created(self) -> Dict[str, Any]:
        operation = self.service.call("POST", self.endpoints, self.endpoint)
        return self.service.finish(operation, "creating the endpoint")

    def _settle(self, endpoint: str) -> None:
        """Wait for changes that are under way: a machine that restarted began them before."""
        for operation in self.service.call("GET", endpoint + "/operations").get("operations") or []:
            if not operation.get("done"):
                print("waiting for {}".format(operation["name"]), flush=True)
                self.service.done(operation)

    def _deploy(self, endpoint: str, number: str, model: Dict[str, Any]) -> None:
        body = {"deployedModel": dict(model["deployedModel"], id=number)}
        if "modelName" in model:
            found = newest(self.service, self.models, model["modelName"])
            if found is None:
                raise ContractError("no model in the registry is called {}".format(model["modelName"]))
            body["deployedModel"]["model"] = found["name"]
        what = "the deployment of " + body["deployedModel"]["displayName"]
        print(what + " to " + endpoint, flush=True)
        operation = self.service.call("POST", endpoint + ":deployModel", body)
        with self.service.cancelling(operation["name"]):
            self.service.finish(operation, what)

    def _undeploy(self, endpoint: str, number: str) -> None:
        operation = self.service.call("POST", endpoint + ":undeployModel", {"deployedModelId": number})
        self.service.finish(operation, "undeploying " + number)

    def _clean_up(self, endpoint: str) -> None:
        """What did not come up as a whole must not stay and cost; the traffic has not moved yet."""
        self._settle(endpoint)
        serving = self.service.call("GET", endpoint).get("deployedModels") or []
        for number in [model["id"] for model in serving if model["id"] in self.wanted]:
            self._undeploy(endpoint, number)

    def _changes(self) -> Dict[str, Any]:
        return dict(
            {key: value for key, value in self.endpoint.items() if key != "displayName"}, trafficSplit=self.traffic
        )

    def _requests(self, name: str) -> List[Request]:
        """What a run would send where there is no endpoint yet."""
        requests = [
            ("GET", newest_first(self.endpoints, self.endpoint["displayName"]), None),
            ("POST", self.endpoints, self.endpoint),
        ]  # type: List[Request]
        for number, model in self.wanted.items():
            deployed = dict(model["deployedModel"], id=number)
            if "modelName" in model:
                requests.append(("GET", newest_first(self.models, model["modelName"]), None))
                deployed["model"] = self.models + "/not-looked-up"
            requests.append(("POST", name + ":deployModel", {"deployedModel": deployed}))
        mask = query(name, updateMask=",".join(sorted(self._changes())))
        return requests + [("PATCH", mask, self._changes())]


# --- Steps that fail, by wish or for want of a translation ------------------------------------------------------------

@verb("fail", {"message": "TEMPLATE"})
def fail(task: Task) -> int:
    """A fail step: says why, and fails."""
    print("{}: {}".format(task.step, task.text("message")), file=sys.stderr, flush=True)
    return 1


@verb("not-translated", {"code": "CODE", "message": "TEXT"})
def not_translated(task: Task) -> int:
    """Stands for a step that could not be translated."""
    message = "{} {} was not translated: {}"
    print(message.format(task.only("code"), task.step, task.only("message")), file=sys.stderr, flush=True)
    return 1


# --- Paths into JSON values, as property files and data filters have them ---------------------------------------------

JsonStep = Tuple[str, Any]


def parse_json_path(text: str) -> List[JsonStep]:
    """The steps of `a.b[0]`, `$.a['b.c']`, `$[0,-1]`, `$[1:]` or `$.*`.

    A step is ("names", [name...]), ("indices", [index...]), ("slice", slice) or ("all", None).
    """
    steps: List[JsonStep] = []
    position = 1 if text.startswith("$") else 0
    token = re.compile(r"""\.?([^.\[\]]+)|\[((?:'[^']*'|"[^"]*"|[^\]'"])*)\]""")
    while position < len(text):
        match = token.match(text, position)
        if not match:
            raise ContractError("cannot read the path {!r} from {!r} on".format(text, text[position:]))
        position = match.end()
        name, bracket = match.group(1), (match.group(2) or "").strip()
        if name == "*" or bracket == "*":
            steps.append(("all", None))
        elif name is not None:
            steps.append(("names", [name]))
        elif re.match(r"['\"]", bracket):
            steps.append(("names", [a or b for a, b in re.findall(r"""'([^']*)'|"([^"]*)\"""", bracket)]))
        elif re.match(r"-?\d*\s*:\s*-?\d*\Z", bracket):
            steps.append(("slice", slice(*[int(end) if end.strip() else None for end in bracket.split(":")])))
        elif re.match(r"-?\d+(\s*,\s*-?\d+)*\Z", bracket):
            steps.append(("indices", [int(index) for index in bracket.split(",")]))
        else:
            raise ContractError("cannot read [{}] in the path {!r}".format(bracket, text))
    return steps


def select(value: Any, steps: List[JsonStep]) -> Any:
    """What a path finds in a JSON value. Several names give an object, several indices, a slice or * an array."""
    if not steps:
        return value
    kind, wanted = steps[0]
    expected = dict if kind == "names" else (dict, list) if kind == "all" else list
    if not isinstance(value, expected):
        raise LookupError("{} in {}".format(wanted, type(value).__name__))
    if kind == "names" and len(wanted) > 1:
        return {name: select(value[name], steps[1:]) for name in wanted}
    if kind in ("names", "indices") and len(wanted) == 1:
        return select(value[wanted[0]], steps[1:])
    if kind == "indices":
        found = [value[index] for index in wanted]
    elif kind == "slice":
        found = value[wanted]
    else:
        found = list(value.values()) if isinstance(value, dict) else value
    return [select(item, steps[1:]) for item in found]


# --- Archives: written the same each time, unpacked inside their folder -----------------------------------------------

MEMBERS_AT_MOST = 1000000


def pack(folder: str, archive: str, without: Tuple[str, ...] = ()) -> None:
    """Write the files of a folder into a tar.gz whose bytes depend on their names and content alone."""
    os.makedirs(os.path.dirname(archive), exist_ok=True)
    with open(archive, "wb") as raw, gzip.GzipFile("", "wb", 6, raw, 0) as zipped, tarfile.open("", "w", zipped) as tar:
        tar.format = tarfile.GNU_FORMAT
        for name, path in files_below(folder):
            if name not in without:
                with open(path, "rb") as file:
                    tar.addfile(_member(name, path), file)


def _member(name: str, path: str) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size = os.path.getsize(path)
    member.mode = 0o755 if os.stat(path).st_mode & 0o100 else 0o644
    return member


def unpack(archive: str, folder: str) -> None:
    """Unpack a tar archive into a folder: nothing lands outside, links become what they point to in the archive.

    Devices, names that leave the folder, and more than the free space of the disk are refused.
    """
    os.makedirs(folder, exist_ok=True)
    room = shutil.disk_usage(folder).free
    with tarfile.open(archive) as tar:
        for number, member in enumerate(tar):
            name = os.path.normpath(member.name)
            if number >= MEMBERS_AT_MOST:
                raise ContractError("{} has more than {} members".format(archive, MEMBERS_AT_MOST))
            if member.isdir():
                os.makedirs(inside(folder, name), exist_ok=True)
            elif member.isfile() or member.islnk() or member.issym():
                room -= _unpack_file(tar, member, inside(folder, name), room)
            else:
                raise ContractError("{} in {} is no file".format(name, archive))


def _unpack_file(tar: tarfile.TarFile, member: tarfile.TarInfo, target: str, room: int) -> int:
    try:
        content = tar.extractfile(member)
    except (KeyError, RecursionError):
        content = None
    if content is None:
        raise ContractError("{} is a link to nothing in its archive".format(member.name))
    os.makedirs(os.path.dirname(target), exist_ok=True)
    size = 0
    with content, open(target, "wb") as file:
        for block in iter(lambda: content.read(1 << 20), b""):
            size += len(block)
            if size > room:
                raise ContractError("unpacked, the archive is bigger than the free space of the disk")
            file.write(block)
    os.chmod(target, 0o755 if member.mode & 0o100 else 0o644)
    return size


# --- Running a script of the user and reading its log -----------------------------------------------------------------

class Metrics:
    """Reads metric definitions from the log: the last value of each counts.

    Attributes:
        values: last value by name of metric.
    """

    def __init__(self, definitions: Iterable[List[str]], report: Optional[Callable[[str, float], None]] = None) -> None:
        """Compile the definitions, each a name and a regular expression whose first group is the value.

        Each value, with its name, goes to `report` as soon as the log shows it.
        """
        self.values = {}  # type: Dict[str, float]
        self.report = report
        try:
            self.definitions = [(name, re.compile(regex)) for name, regex in definitions]
        except re.error as error:
            raise ContractError("cannot read the regular expression of a metric: {}".format(error)) from error

    def read(self, line: str) -> None:
        """Look for all metrics in a line. CloudWatch shows a tab as #011, and regular expressions rely on it."""
        for name, regex in self.definitions:
            match = regex.search(line.replace("\t", "#011") if "#011" in regex.pattern else line)
            if match:
                try:
                    text = match.group(1) if regex.groups else match.group()
                    self.values[name] = float(text.split("#011")[0])
                except (AttributeError, ValueError):
                    continue
                if self.report:
                    self.report(name, self.values[name])


def raw_bytes(text: str) -> bytes:
    """Text as the operating system takes it, whatever the locale of the image."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")


def _tee(source: IO[bytes], target: IO[bytes], metrics: Metrics) -> None:
    line = b""
    for block in iter(lambda: os.read(source.fileno(), 1 << 16), b""):
        target.write(block)
        target.flush()
        lines = (line + block).split(b"\n")
        line = lines.pop()[-(1 << 20) :]
        for complete in lines:
            metrics.read(complete.decode("utf-8", "replace"))
    metrics.read(line.decode("utf-8", "replace"))


def run(command: List[str], environment: Dict[str, str], cwd: Optional[str], metrics: Metrics) -> int:
    """Run a command to its end, with its output shown live, and return its exit code (128 + n after signal n).

    In a local run, `python` and `python3` are the interpreter of this process, also further down in shell scripts.
    """
    if local_run():
        path = os.path.dirname(sys.executable) + os.pathsep + os.environ.get("PATH", os.defpath)
        environment = dict({"PATH": path}, **environment)
        if command[0] in ("python", "python3"):
            command = [sys.executable] + command[1:]
    variables = dict(os.environb)
    variables.update((raw_bytes(name), raw_bytes(value)) for name, value in environment.items())
    pipe = subprocess.PIPE if metrics.definitions else None
    arguments = [raw_bytes(word) for word in command]
    try:
        child = subprocess.Popen(arguments, env=variables, cwd=cwd, stdout=pipe, stderr=pipe)
    except OSError as error:
        raise ContractError("cannot run {}: {}".format(command[0], error)) from error
    signal.signal(signal.SIGTERM, lambda number, frame: child.terminate())
    ends = [(child.stdout, sys.stdout.buffer), (child.stderr, sys.stderr.buffer)]
    threads = [threading.Thread(target=_tee, args=(source, target, metrics)) for source, target in ends if source]
    for thread in threads:
        thread.start()
    code = child.wait()
    for thread in threads:
        thread.join()
    return code if code >= 0 else 128 - code


def stage_code(task: Task) -> None:
    """Put the user's files where --code says.

    A local run leaves requirements.txt out of an archive: the SDK's `runproc.sh`, which unpacks it, would install it.
    """
    for path, folder, archive in task.options["code"]:
        source = inside(SOURCES, folder)
        if archive:
            if not os.path.isdir(source):
                raise ContractError("there is no code at {}".format(source))
            pack(source, inside(place(path), archive), without=("requirements.txt",) if local_run() else ())
        else:
            stage(source, place(path))


def install_requirements(folder: str, *more: str) -> None:
    """Install with pip what the user's code asks for; not in a local run, whose interpreter is the user's own."""
    wanted = list(more)
    if os.path.exists(os.path.join(folder, "requirements.txt")):
        wanted += ["-r", "requirements.txt"]
    if not wanted or local_run():
        return
    if subprocess.call([sys.executable, "-m", "pip", "install"] + wanted, cwd=folder):
        raise ContractError("pip install {} failed".format(" ".join(wanted)))


def show_message(path: str) -> None:
    """Print what a failed script left as its reason."""
    if os.path.isfile(path):
        print(read_text(path, 1024), file=sys.stderr, flush=True)


# --- Processing jobs --------------------------------------------------------------------------------------------------

@verb(
    "processing",
    CONTAINER_OPTIONS,
    SHARD_OPTIONS,
    {
        "input": "ARTIFACT:PATH[:FILE]",
        "data": "PATH:TEMPLATE",
        "output": "ARTIFACT:PATH[:TEMPLATE]",
        "property": "PARAMETER:ARTIFACT/FILE:JSONPATH",
    },
)
def processing(task: Task) -> int:
    """A processing job: inputs and code at their paths, the entry point, outputs and values of property files."""
    task.begin()
    code = 1
    try:
        code = _run_processing(task)
    finally:
        task.end(code)
    code = task.together(code)
    if code == 0 and task.rank == 0:
        _publish_property_files(task)
    return code


def _run_processing(task: Task) -> int:
    """What each host does; returns the exit code of the entry point."""
    if not task.words:
        raise ContractError("there is no entry point after --")
    command = [task.render(word) for word in task.words]
    for path in sorted(_processing_folders(task)):  # all before anything is staged: code may lie below an input
        empty(path)
    stage_code(task)
    for artifact, path, file in task.options["input"]:
        stage(task.input_path(artifact, file), place(path), share=task.share(path))
    for path, template in task.options["data"]:
        stage(readable(task.render(template)), place(path), share=task.share(path))
    _write_processing_config(task, command)
    code = run(command, task.environment(), None, Metrics([]))
    if code:
        show_message(place("/opt/ml/output/message"))
    else:
        _publish_processing(task)
    return code


def _processing_folders(task: Task) -> List[str]:
    paths = [fields[0] for option in ("code", "data") for fields in task.options[option]]
    paths += [fields[1] for option in ("input", "output") for fields in task.options[option]]
    return [place(path) for path in paths + ["/opt/ml/config", "/opt/ml/output"]]


def _write_processing_config(task: Task, command: List[str]) -> None:
    named = [(fields[0], fields[1]) for fields in task.options["input"]]
    inputs = [{"InputName": name, "S3Input": _processing_input(task, path)} for name, path in named]
    outputs = [
        {"OutputName": fields[0], "S3Output": {"LocalPath": fields[1], "S3UploadMode": "EndOfJob"}}
        for fields in task.options["output"]
    ]
    job = {
        "ProcessingJobArn": None,
        "ProcessingJobName": task.job,
        "AppSpecification": {"ImageUri": None, "ContainerEntrypoint": command, "ContainerArguments": None},
        "Environment": task.environment() or None,
        "ProcessingInputs": inputs or None,
        "ProcessingOutputConfig": {"Outputs": outputs, "KmsKeyId": None},
        "ProcessingResources": None,
        "RoleArn": None,
        "StoppingCondition": None,
    }
    write_json(place("/opt/ml/config/processingjobconfig.json"), job)
    write_json(place("/opt/ml/config/resourceconfig.json"), resource_config(task))


def _processing_input(task: Task, path: str) -> Dict[str, str]:
    divided = {"S3DataDistributionType": "ShardedByS3Key"} if task.share(path) != (0, 1) else {}
    return dict(divided, LocalPath=path, S3DownloadMode="StartOfJob")


def resource_config(task: Task) -> Dict[str, Any]:
    """What SageMaker tells a container about its cluster."""
    group = {"instance_group_name": "homogeneousCluster", "instance_type": task.machine, "hosts": task.hosts}
    return {
        "current_host": task.hosts[task.rank],
        "current_instance_type": task.machine,
        "current_group_name": "homogeneousCluster",
        "hosts": task.hosts,
        "instance_groups": [group],
        "network_interface_name": "eth0",
    }


def _publish_processing(task: Task) -> None:
    """Each host publishes what it has, as in SageMaker."""
    alone = len(task.hosts) == 1
    for artifact, path, template in task.options["output"]:
        (replace if alone else add_files)(place(path), task.output_path(artifact))
        if template:
            copy_files(place(path), writable(task.render(template)))


def _publish_property_files(task: Task) -> None:
    folders = {fields[0]: task.output_path(fields[0]) for fields in task.options["output"]}
    for parameter, location, path in task.options["property"]:
        artifact, file = location.split("/", 1)
        if artifact not in folders:
            raise ContractError("there is no output " + artifact)
        task.publish(parameter, read_property(inside(folders[artifact], file), path))


def read_property(file: str, path: str) -> Any:
    """A value of a property file; a missing file, bad JSON or a missing path fails the step."""
    try:
        return select(json.loads(read_text(file)), parse_json_path(path))
    except (OSError, ValueError, LookupError) as error:
        raise ContractError("cannot read {} of {}: {!r}".format(path, file, error)) from error


# --- Script mode, as the sagemaker-training package does it -----------------------------------------------------------

RESERVED_HYPERPARAMETERS = {
    "sagemaker_program",
    "sagemaker_submit_directory",
    "sagemaker_enable_cloudwatch_metrics",
    "sagemaker_region",
    "sagemaker_container_log_level",
    "sagemaker_job_name",
    "default_user_module_name",
    "_tuning_objective_metric",
    "sagemaker_s3_output",
}


DISTRIBUTION_SWITCHES = (
    "sagemaker_mpi_enabled",
    "sagemaker_parameter_server_enabled",
    "sagemaker_distributed_dataparallel_enabled",
    "sagemaker_pytorch_ddp_enabled",
    "sagemaker_pytorch_xla_multi_worker_enabled",
    "sagemaker_multi_worker_mirrored_strategy_enabled",
    "sagemaker_torch_distributed_enabled",
)


def script_mode(
    program: str,
    hyperparameters: Dict[str, Any],
    channels: Dict[str, Dict[str, str]],
    resources: Dict[str, Any],
    environment: Dict[str, str],
) -> Tuple[List[str], Dict[str, str]]:
    """The command of the user's script and its SM_* variables."""
    own = {k: v for k, v in hyperparameters.items() if not _is_reserved(k)}
    arguments = command_arguments(own)
    variables = training_variables(program, hyperparameters, channels, resources, environment)
    variables["user_args"] = arguments
    named = {"SM_" + name.upper(): variable_text(value) for name, value in variables.items()}
    named["CURRENT_HOST"] = resources["current_host"]
    named["SAGEMAKER_JOB_NAME"] = str(hyperparameters.get("sagemaker_job_name", ""))
    named["SAGEMAKER_REGION"] = str(hyperparameters.get("sagemaker_region", os.environ.get("AWS_REGION", "")))
    code = place("/opt/ml/code")
    named["PYTHONPATH"] = os.pathsep.join(
        filter(None, [code, environment.get("PYTHONPATH", os.environ.get("PYTHONPATH"))])
    )
    kind = _program_kind(program)
    if kind == "package":
        return [sys.executable, "-m", re.sub(r"\.py\Z", "", program)] + arguments, named
    if kind == "program":
        return [sys.executable, program] + arguments, named
    return ["/bin/sh", "-c", './"$0" "$@"', program] + arguments, named


def _is_reserved(hyperparameter: str) -> bool:
    return hyperparameter in RESERVED_HYPERPARAMETERS or hyperparameter.startswith("sagemaker_")


def _program_kind(program: str) -> str:
    code = place("/opt/ml/code")
    if not os.path.exists(inside(code, program)) and not os.path.exists(os.path.join(code, "setup.py")):
        raise ContractError("there is no {} in {}".format(program, code))
    if program.endswith(".sh"):
        return "command"
    if os.path.exists(os.path.join(code, "setup.py")):
        return "package"
    return "program" if program.endswith(".py") else "command"


def install_program(program: str) -> None:
    code, kind = place("/opt/ml/code"), _program_kind(program)
    if kind == "command":
        os.chmod(os.path.join(code, program), 0o777)
    else:
        install_requirements(code, *(["."] if kind == "package" else []))


def command_arguments(hyperparameters: Dict[str, Any]) -> List[str]:
    """`--name value` for each hyperparameter, in order of their names; `-n value` for a name of one letter."""
    arguments = []
    for name in sorted(hyperparameters):
        value = hyperparameters[name]
        if isinstance(value, dict):
            value = ",".join("{}={}".format(key, value[key]) for key in sorted(value))
        arguments += [("--" if len(name) > 1 else "-") + name, "" if value is None else str(value)]
    return arguments


def variable_text(value: Any) -> str:
    """The value of an SM_* variable: text as it is, nothing for null, else compact JSON."""
    if value is None or isinstance(value, str):
        return value or ""
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def training_variables(
    program: str,
    hyperparameters: Dict[str, Any],
    channels: Dict[str, Dict[str, str]],
    resources: Dict[str, Any],
    environment: Dict[str, str],
) -> Dict[str, Any]:
    """The SM_* variables without their prefix, SM_USER_ARGS excepted."""
    own = {k: v for k, v in hyperparameters.items() if not _is_reserved(k)}
    framework = {k: v for k, v in hyperparameters.items() if _is_reserved(k) and k not in RESERVED_HYPERPARAMETERS}
    group = resources["current_group_name"]
    distributed = [group] if any(framework.get(switch) for switch in DISTRIBUTION_SWITCHES) else []
    directories = {name: place(channel_path(name)) for name in channels}
    shared = {
        "hosts": resources["hosts"],
        "network_interface_name": resources["network_interface_name"],
        "user_entry_point": program,
        "resource_config": resources,
        "input_data_config": channels,
        "output_data_dir": place("/opt/ml/output/data"),
        "current_host": resources["current_host"],
        "current_instance_type": resources["current_instance_type"],
        "current_instance_group": group,
        "current_instance_group_hosts": resources["hosts"],
        "instance_groups": [group],
        "instance_groups_dict": {group: resources["instance_groups"][0]},
        "distribution_instance_groups": distributed,
        "is_hetero": False,
        "module_name": re.sub(r"\.py\Z", "", program),
        "log_level": hyperparameters.get("sagemaker_container_log_level", 20),
        "framework_module": environment.get("SAGEMAKER_TRAINING_MODULE", os.environ.get("SAGEMAKER_TRAINING_MODULE")),
        "input_dir": place("/opt/ml/input"),
        "input_config_dir": place("/opt/ml/input/config"),
        "output_dir": place("/opt/ml/output"),
        "num_cpus": os.cpu_count(),
        "num_gpus": count_gpus(),
        "num_neurons": 0,
        "model_dir": place("/opt/ml/model"),
        "module_dir": str(hyperparameters.get("sagemaker_submit_directory", place("/opt/ml/code"))),
        "output_intermediate_dir": place("/opt/ml/output/intermediate"),
    }
    everything = dict(
        shared,
        additional_framework_parameters=framework,
        channel_input_dirs=directories,
        distribution_hosts=resources["hosts"] if distributed else [],
        hyperparameters=own,
        is_master=resources["current_host"] == resources["hosts"][0],
        is_modelparallel_enabled=None,
        is_smddpmprun_installed=False,
        is_smddprun_installed=False,
        job_name=environment["TRAINING_JOB_NAME"],
        master_hostname=resources["hosts"][0],
        topology=[],
    )
    variables = dict(shared, hps=own, framework_params=framework, channels=sorted(directories), training_env=everything)
    variables.update(("channel_" + name, path) for name, path in directories.items())
    variables.update(("hp_" + name, value) for name, value in own.items())
    return variables


def count_gpus() -> int:
    """How many GPUs nvidia-smi lists."""
    try:
        listed = subprocess.check_output(["nvidia-smi", "--list-gpus"], stderr=subprocess.DEVNULL)
    except (OSError, subprocess.CalledProcessError):
        return 0
    return sum(line.startswith(b"GPU ") for line in listed.splitlines())


# --- Training jobs ----------------------------------------------------------------------------------------------------

# Built-in algorithms by name; each is a process of its own, `python3 CODE NAME`: its log is read like any other.
ALGORITHMS: Dict[str, Callable[[], int]] = {}


# What a training job of its own and one of a tuning job have in common.
TRAINING_OPTIONS = {
    "shard": SHARD_OPTIONS["shard"],
    "program": "TEMPLATE",
    "algorithm": "NAME",
    "channel": "NAME:CONTENT_TYPE[:ARTIFACT[:FILE]]",
    "channel-code": "NAME:FOLDER",
    "channel-data": "NAME:CONTENT_TYPE:TEMPLATE",
    "hyperparameter": "NAME:TEMPLATE",
    "metric-definition": "NAME:REGEX",
    "compression": "NAME",
}


@verb(
    "training",
    CONTAINER_OPTIONS,
    TRAINING_OPTIONS,
    {"metric": "PARAMETER:NAME", "model": "ARTIFACT[:TEMPLATE]", "checkpoints": "PATH:TEMPLATE"},
)
def training(task: Task) -> int:
    """A training job: script mode, the XGBoost algorithm or a container with an entry point of its own."""
    hyperparameters = {name: task.render(template) for name, template in task.options["hyperparameter"]}
    metrics = Metrics(task.options["metric-definition"])
    for path, template in task.options["checkpoints"]:
        _link_checkpoints(place(path), task.render(template))
    code = run_training(task, task.job, hyperparameters, [task.render(word) for word in task.words], metrics)
    if code == 0 and task.rank == 0:
        _publish_training(task, metrics)
    return code


def run_training(
    task: Task, job: str, hyperparameters: Dict[str, str], entry_point: List[str], metrics: Metrics
) -> int:
    """Run a training job of this name; the entry point is the container's own. Returns the exit code."""
    channels = _stage_training(task)
    resources = resource_config(task)
    for name, value in (
        ("hyperparameters", hyperparameters),
        ("inputdataconfig", channels),
        ("resourceconfig", resources),
    ):
        write_json(place("/opt/ml/input/config/{}.json".format(name)), value)
    environment = dict(task.environment(), TRAINING_JOB_NAME=job)
    cwd = None
    if task.options["program"]:
        cwd = place("/opt/ml/code")
        values = {name: _json_or_text(value) for name, value in hyperparameters.items()}
        program = task.text("program")
        command, variables = script_mode(program, values, channels, resources, environment)
        install_program(program)
        environment.update(variables)
    elif task.only("algorithm") in ALGORITHMS:
        command = [sys.executable, os.path.abspath(__file__), task.only("algorithm")]
    elif entry_point:
        command = entry_point
    else:
        raise ContractError("there is neither a --program, a known --algorithm nor an entry point after --")
    code = run(command, environment, cwd, metrics)
    if code:
        show_message(place("/opt/ml/output/failure"))
    return code


def _link_checkpoints(folder: str, uri: str) -> None:
    """Let the folder be the address: what is there is found, and what the script writes is kept, whatever happens."""
    target = writable(uri)
    os.makedirs(target, exist_ok=True)
    if os.path.islink(folder):
        os.unlink(folder)
    elif os.path.isdir(folder):
        shutil.rmtree(folder)
    os.makedirs(os.path.dirname(folder), exist_ok=True)
    os.symlink(target, folder)


def _stage_training(task: Task) -> Dict[str, Dict[str, str]]:
    """Prepare the folders of a training job; returns the content of inputdataconfig.json."""
    channel_options = ("channel", "channel-code", "channel-data")
    names = [fields[0] for option in channel_options for fields in task.options[option]]
    paths = ["/opt/ml/model", "/opt/ml/output", "/opt/ml/input/config"] + [channel_path(name) for name in names]
    for path in sorted(paths + [fields[0] for fields in task.options["code"]]):
        empty(place(path))
    for path in ("/opt/ml/output/data", "/opt/ml/code"):
        os.makedirs(place(path), exist_ok=True)
    stage_code(task)
    config: Dict[str, Dict[str, str]] = {name: {} for name in names}
    for name, content_type, artifact, file in task.options["channel"]:
        path = channel_path(name)
        stage(task.input_path(artifact or name, file), place(path), share=task.share(path))
        config[name]["ContentType"] = content_type
    for name, folder in task.options["channel-code"]:
        stage(inside(SOURCES, folder), place(channel_path(name)))
    for name, content_type, template in task.options["channel-data"]:
        path = channel_path(name)
        stage(readable(task.render(template)), place(path), share=task.share(path))
        config[name]["ContentType"] = content_type
    for name in names:
        if task.share(channel_path(name)) != (0, 1):
            config[name]["S3DistributionType"] = "ShardedByS3Key"
    usual = {"TrainingInputMode": "File", "S3DistributionType": "FullyReplicated", "RecordWrapperType": "None"}
    return {name: dict(usual, **{key: text for key, text in own.items() if text}) for name, own in config.items()}


def _json_or_text(value: str) -> Any:
    try:
        return json.loads(value)
    except ValueError:
        return value


def _publish_training(task: Task, metrics: Metrics) -> None:
    """Model and output data to the artifact and to S3OutputPath's counterpart, and final metrics to their outputs."""
    for artifact, template in task.options["model"]:
        target = task.output_path(artifact)
        publish_model(target)
        if template:
            fixed = writable("{}/{}/output".format(task.render(template).rstrip("/"), task.job))
            copy_model(target, fixed, loose=task.only("compression").lower() == "none")
        finite = {name: value for name, value in metrics.values.items() if abs(value) < float("inf")}
        task.metadata[artifact] = {"training_job_name": task.job, "metrics": finite}
    for parameter, name in task.options["metric"]:
        if name not in metrics.values:
            raise ContractError("the log shows no value of the metric " + name)
        task.publish(parameter, metrics.values[name])
    task.publish_metadata()


def publish_model(target: str) -> None:
    """Write what a training job leaves to a folder: the model, packed and unpacked, and its output data."""
    model, data = place("/opt/ml/model"), place("/opt/ml/output/data")
    empty(target)
    pack(model, os.path.join(target, "model.tar.gz"))
    copy_files(model, os.path.join(target, "model"))
    if files_below(data):
        pack(data, os.path.join(target, "output.tar.gz"))


def copy_model(artifact: str, target: str, loose: bool) -> None:
    """Copy a published model as SageMaker lays it out: archives, or the loose files of the model."""
    if loose:
        copy_files(os.path.join(artifact, "model"), os.path.join(target, "model"))
    for name in ("output.tar.gz",) if loose else ("model.tar.gz", "output.tar.gz"):
        if os.path.exists(os.path.join(artifact, name)):
            copy_file(os.path.join(artifact, name), os.path.join(target, name))


# --- Models and model packages: versions in the Vertex AI Model Registry ----------------------------------------------

APPROVAL_ALIASES = {"PendingManualApproval": "pending-approval", "Approved": "approved", "Rejected": "rejected"}


PREBUILT_IMAGE = "-docker.pkg.dev/vertex-ai/prediction/"


@verb(
    "upload-model",
    {
        "environment": "NAME:TEMPLATE",
        "parent": "TEMPLATE",
        "model": "ARTIFACT[:FILE]",
        "code": "FOLDER",
        "serving-image": "IMAGE",
        "approval": "TEMPLATE",
        "description": "TEMPLATE",
        "label": "NAME:TEMPLATE",
        "content-type": "TYPE",
        "response-type": "TYPE",
        "metrics": "KIND:ARTIFACT[:FILE]",
        "project": "TEMPLATE",
        "location": "TEMPLATE",
        "serving-model": "ARTIFACT",
        "resource-name": "PARAMETER",
    },
)
def upload_model(task: Task) -> int:
    """A model package: lay the model out for serving and upload it as a version under one parent."""
    if task.rank:
        return 0
    artifact = task.only("serving-model")
    with tempfile.TemporaryDirectory() as folder:
        lay_out_model(task, folder)
        replace(folder, task.output_path(artifact))
    version = version_request(task, artifact)
    task.metadata[artifact] = {"containerSpec": version["model"]["containerSpec"]}
    name = _uploaded_before(task) or upload(task, version)
    task.metadata[artifact]["resourceName"] = name
    task.publish_metadata()
    for (parameter,) in task.options["resource-name"]:
        task.publish(parameter, name)
    return 0


def lay_out_model(task: Task, folder: str) -> None:
    """The unpacked model, the inference code in `code/`, and what Vertex AI has no field for in `model-package/`."""
    for artifact, file in task.options["model"]:
        source = task.input_path(artifact, file)
        archive = os.path.join(source, "model.tar.gz") if os.path.isdir(source) else source
        if os.path.isfile(archive) and tarfile.is_tarfile(archive):
            unpack(archive, folder)
        else:
            stage(source, folder, link_big_files=False)
    if task.options["code"]:
        stage(inside(SOURCES, task.only("code")), os.path.join(folder, "code"))
    booster = os.path.join(folder, "xgboost-model")
    if PREBUILT_IMAGE + "xgboost" in task.only("serving-image") and os.path.isfile(booster):
        copy_file(booster, os.path.join(folder, "model.bst"))  # the one name that the prebuilt container looks for
    notes = os.path.join(folder, "model-package")
    for kind, artifact, file in task.options["metrics"]:
        stage(task.input_path(artifact, file), inside(os.path.join(notes, "metrics"), kind))
    description = {
        "step": task.step,
        "model_package_group": task.text("parent"),
        "approval": task.text("approval"),
        "description": task.text("description"),
        "metadata": {name: task.render(template) for name, template in task.options["label"]},
        "content_types": [fields[0] for fields in task.options["content-type"]],
        "response_types": [fields[0] for fields in task.options["response-type"]],
        "metrics": {kind: "metrics/" + kind for kind, _, _ in task.options["metrics"]},
    }
    write_json(os.path.join(notes, "description.json"), description)


def version_request(task: Task, artifact: str) -> Dict[str, Any]:
    """The body of models:upload, but for the parent."""
    approval = task.text("approval")
    if approval and approval not in APPROVAL_ALIASES:
        raise ContractError("{} is no approval status".format(approval))
    labels = {label_text(name): label_text(task.render(template)) for name, template in task.options["label"]}
    container: Dict[str, Any] = {"imageUri": task.only("serving-image")}
    environment = task.environment()
    if environment:
        container["env"] = [{"name": name, "value": environment[name]} for name in sorted(environment)]
    if PREBUILT_IMAGE not in container["imageUri"]:  # SageMaker's routes; prebuilt containers have their own
        container.update(predictRoute="/invocations", healthRoute="/ping", ports=[{"containerPort": 8080}])
    model: Dict[str, Any] = {
        "displayName": task.text("parent"),
        "artifactUri": task.render("{%s:uri}" % artifact),
        "containerSpec": container,
        "labels": {name: text for name, text in labels.items() if name},
    }
    if approval:
        model["versionAliases"] = [APPROVAL_ALIASES[approval]]
        model["labels"]["sm-approval-status"] = APPROVAL_ALIASES[approval]
    if task.text("description"):
        model["versionDescription"] = task.text("description")
    return {"model": model}


def _uploaded_before(task: Task) -> str:
    """The version that this very task uploaded before its virtual machine restarted."""
    for (parameter,) in task.options["resource-name"]:
        path = task.output_parameter(parameter)
        if os.path.isfile(path) and read_text(path):
            return read_text(path)
    return ""


def upload(task: Task, version: Dict[str, Any]) -> str:
    """Upload the version and return its resource name, `projects/…/models/…@…`."""
    parent = "projects/{}/locations/{}/models".format(task.text("project"), task.text("location"))
    service = vertex_ai(task.text("location"))
    if local_run():
        find = newest_first(parent, task.text("parent"))
        service.record(task.step, [("GET", find, None), ("POST", parent + ":upload", version)], "no model was uploaded")
        return parent + "/not-uploaded@1"
    found = newest(service, parent, task.text("parent"))
    if found is not None:
        version = dict(version, parentModel=found["name"])
    response = service.finish(service.call("POST", parent + ":upload", version), "the upload")
    return "{}@{}".format(response["model"], response.get("modelVersionId", "1"))


# --- The container contract: gives a script what Amazon SageMaker promises it, and publishes what it leaves behind ----

def refuse_missing_scripts() -> None:
    """A file NAME.missing stands for a script that was not found when the pipeline was converted."""
    for name, path in files_below(SOURCES):
        if name.endswith(".missing"):
            raise ContractError(read_text(path))


def main(arguments: List[str]) -> int:
    """Run one task; returns the exit code of the process."""
    arguments = [os.fsencode(argument).decode("utf-8", "surrogateescape") for argument in arguments]
    programs = dict(ALGORITHMS, **PROGRAMS)
    if len(arguments) == 1 and arguments[0] in programs:
        return programs[arguments[0]]()
    if len(arguments) < 2:
        print(__doc__, file=sys.stderr)
        return 1
    step = ""
    try:
        task = Task(arguments[0], arguments[1], arguments[2:])
        step = task.step
        refuse_missing_scripts()
        return VERBS[arguments[1]](task)
    except (ContractError, OSError, tarfile.TarError) as error:
        print("step {}: {}".format(step, error), file=sys.stderr, flush=True)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
