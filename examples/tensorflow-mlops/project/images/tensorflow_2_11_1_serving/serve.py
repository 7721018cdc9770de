"""The container contract: gives a script what Amazon SageMaker promises it, and publishes what it leaves behind.

    python3 CODE EXECUTOR_INPUT VERB OPTION... [-- WORD...]

CODE is the directory that holds this file as `__main__.py` and the user's files below `src/`; EXECUTOR_INPUT is the
JSON text that Kubeflow puts in place of `{{$}}`. The grammar of the rest, and what each verb does, is written in
smx2vertex's docs/contract.md. Standard library only, Python 3.6 and later; the built-in XGBoost algorithm and the
default inference functions import xgboost, numpy, pandas, scipy, scikit-learn or torch where they need them.
"""

# Written by smx2vertex from its parts; converting again puts in what the pipeline needs.
# Verbs: condition, fail, processing, serve, training

import ast
import contextlib
import csv
import filecmp
import functools
import gzip
import hashlib
import http.client
import http.server
import importlib
import importlib.util
import inspect
import io
import json
import os
import pickle
import re
import shutil
import signal
import socketserver
import subprocess
import sys
import tarfile
import threading
import time
import traceback
import urllib.error
import urllib.parse
import urllib.request
import warnings
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


# --- The built-in XGBoost algorithm, as sagemaker-xgboost-container does it -------------------------------------------

# Those of all versions: `silent` is of 1.0-1 and before, `single_precision_histogram` of 1.2-1 to 1.5-1.
_HYPERPARAMETERS: Dict[Callable[[str], Any], str] = {
    int: "num_round csv_weights early_stopping_rounds verbosity nthread max_depth refresh_leaf max_leaves max_bin"
    " one_drop num_class seed num_parallel_tree prob_buffer_row _kfold _num_cv_round silent",
    float: "eta gamma min_child_weight max_delta_step subsample colsample_bytree colsample_bylevel colsample_bynode"
    " lambda alpha sketch_eps scale_pos_weight rate_drop skip_drop lambda_bias tweedie_variance_power base_score"
    " aft_loss_distribution_scale",
    str: "booster tree_method dsplit process_type grow_policy predictor sample_type normalize_type objective updater"
    " sampling_method single_precision_histogram aft_loss_distribution deterministic_histogram"
    " save_model_on_termination use_dask_gpu_training monotone_constraints interaction_constraints"
    " eval_metric _tuning_objective_metric",
}


XGBOOST_HYPERPARAMETERS = {name: kind for kind, names in _HYPERPARAMETERS.items() for name in names.split()}


XGBOOST_ALIASES = {"learning_rate": "eta", "min_split_loss": "gamma", "reg_lambda": "lambda", "reg_alpha": "alpha"}


NOT_FOR_XGBOOST = [
    "num_round",
    "csv_weights",
    "early_stopping_rounds",
    "save_model_on_termination",
    "use_dask_gpu_training",
    "eval_metric",
    "_tuning_objective_metric",
    "_num_cv_round",
]


# The metrics that the algorithm adds to xgboost's: function of sklearn.metrics, and its averaging.
ADDED_METRICS = {
    "accuracy": ("accuracy_score", ""),
    "balanced_accuracy": ("balanced_accuracy_score", ""),
    "f1": ("f1_score", "macro"),
    "f1_binary": ("f1_score", "binary"),
    "f1_macro": ("f1_score", "macro"),
    "precision": ("precision_score", "binary"),
    "precision_macro": ("precision_score", "macro"),
    "precision_micro": ("precision_score", "micro"),
    "recall": ("recall_score", "binary"),
    "recall_macro": ("recall_score", "macro"),
    "recall_micro": ("recall_score", "micro"),
    "mse": ("mean_squared_error", ""),
    "r2": ("r2_score", ""),
}


def xgboost_algorithm() -> int:
    """Train on the channels train and validation; a process of its own, so that its log is read like any other."""
    try:
        _train_xgboost()
    except ContractError as error:
        write_text(place("/opt/ml/output/failure"), str(error))
        return 1
    return 0


def _train_xgboost() -> None:
    import xgboost

    hyperparameters, channels, resources = (
        json.loads(read_text(place("/opt/ml/input/config/{}.json".format(name))))
        for name in ("hyperparameters", "inputdataconfig", "resourceconfig")
    )
    if len(resources["hosts"]) > 1:
        raise ContractError("the built-in algorithm trains on one host here")
    values = read_xgboost_hyperparameters(hyperparameters)
    parameters = {name: value for name, value in values.items() if name not in NOT_FOR_XGBOOST}
    metrics = evaluation_metrics(values)
    if set(metrics) - set(ADDED_METRICS):
        parameters["eval_metric"] = [name for name in metrics if name not in ADDED_METRICS]
    weights = bool(values.get("csv_weights"))
    train = read_channel("train", channels, weights)
    watched = [(train, "train")]
    if "validation" in channels:
        watched.append((read_channel("validation", channels, weights, train.num_col()), "validation"))
    arguments: Dict[str, Any] = {"verbose_eval": True}
    if set(metrics) & set(ADDED_METRICS):
        added = [name for name in metrics if name in ADDED_METRICS]
        arguments.update(_metric_arguments(xgboost, added, "num_class" in values))
    if "early_stopping_rounds" in values and metrics and len(watched) > 1:
        arguments.update(_stopping_arguments(xgboost, values["early_stopping_rounds"], metrics[-1]))
    rounds = values["num_round"]
    booster = xgboost.train(parameters, train, rounds, evals=watched, **arguments)
    with warnings.catch_warnings():  # the file has no extension, and is in xgboost's own default format
        warnings.simplefilter("ignore")
        booster.save_model(place("/opt/ml/model/xgboost-model"))


def evaluation_metrics(values: Dict[str, Any]) -> List[str]:
    """The metrics to evaluate; the last one, the tuning objective if there is one, is that of early stopping."""
    metrics = [name.strip() for name in values.get("eval_metric", "").split(",") if name.strip()]
    objective = values.get("_tuning_objective_metric", "").split(":")[-1]
    return [name for name in metrics if name != objective] + [objective] if objective else metrics


def read_xgboost_hyperparameters(texts: Dict[str, str]) -> Dict[str, Any]:
    """The hyperparameters in their types; an unknown name or a value of another type is an error, as in SageMaker."""
    values = {}
    for name, text in texts.items():
        name = XGBOOST_ALIASES.get(name, name)
        if name not in XGBOOST_HYPERPARAMETERS:
            raise ContractError("Extraneous hyperparameter found: {}".format(name))
        try:
            values[name] = XGBOOST_HYPERPARAMETERS[name](text)
        except ValueError:
            raise ContractError("Hyperparameter {}: could not parse value {!r}".format(name, text)) from None
    if values.get("num_round", 0) < 1:
        raise ContractError("Missing required hyperparameter: num_round, at least 1")
    if str(values.get("objective", "")).startswith("multi:") and "num_class" not in values:
        raise ContractError("Require input for parameter 'num_class' for multi-classification")
    if "_kfold" in values:
        raise ContractError("cross validation (_kfold) is not part of this adapter")
    return values


def _metric_arguments(xgboost: Any, names: List[str], multiclass: bool) -> Dict[str, Any]:
    """xgboost.train's arguments for the added metrics. `feval` sees margins since 1.2, `custom_metric` predictions."""
    custom = "custom_metric" in inspect.signature(xgboost.train).parameters
    version = tuple(int(part) for part in xgboost.__version__.split(".")[:2])
    threshold = 0.5 if custom or version < (1, 2) else 0.0
    metrics = importlib.import_module("sklearn.metrics")

    def evaluate(predictions: Any, matrix: Any) -> List[Tuple[str, float]]:
        classes = predictions.argmax(axis=1) if predictions.ndim == 2 else predictions
        if not multiclass:
            classes = (predictions > threshold).astype(int)
        results = []
        for name in names:
            function, average = ADDED_METRICS[name]
            arguments = {"average": average} if average else {}
            values = predictions if name in ("mse", "r2") else classes
            results.append((name, float(getattr(metrics, function)(matrix.get_label(), values, **arguments))))
        return results

    return {"custom_metric" if custom else "feval": evaluate}


def _stopping_arguments(xgboost: Any, rounds: int, metric: str) -> Dict[str, Any]:
    """xgboost.train's arguments for early stopping on the validation channel."""
    name = metric.split("@")[0]
    maximise = name in ("auc", "aucpr", "map", "ndcg") or (name in ADDED_METRICS and name != "mse")
    if not hasattr(xgboost.callback, "EarlyStopping"):  # before 1.3
        return {"early_stopping_rounds": rounds, "maximize": maximise}
    stop = xgboost.callback.EarlyStopping(
        rounds=rounds, metric_name=metric, data_name="validation", maximize=maximise, save_best=True
    )
    return {"callbacks": [xgboost.callback.EvaluationMonitor(), stop], "verbose_eval": False}


def read_channel(name: str, channels: Dict[str, Any], csv_weights: bool, columns: int = 0) -> Any:
    """The data matrix of a channel; the label comes first.

    Args:
        name: the channel.
        channels: the content of inputdataconfig.json.
        csv_weights: whether the second column of CSV holds the weights of the rows.
        columns: how many columns a libsvm matrix has at least.
    """
    if name not in channels:
        raise ContractError("there is no channel " + name)
    folder = place(channel_path(name))
    files = [path for relative, path in files_below(folder, follow_links=True) if _is_data_file(relative)]
    if not files:
        raise ContractError("No data in {} channel path {}".format(name, folder))
    return read_matrix(files, content_kind(channels["train"].get("ContentType")), csv_weights, columns)


def _is_data_file(relative: str) -> bool:
    return relative.count("/") < 3 and not os.path.basename(relative).startswith((".", "_"))


def content_kind(content_type: Optional[str]) -> str:
    """csv, libsvm or parquet. Without a content type SageMaker assumes libsvm."""
    parts = [part.strip() for part in (content_type or "text/libsvm").lower().split(";")]
    kind = re.sub(r"^(text|application)/(x-)?", "", parts[0])
    sizes = [part for part in parts[1:] if part.startswith("label_size") and part != "label_size=1"]
    if kind not in ("csv", "libsvm", "parquet") or sizes:
        raise ContractError("{} is not an accepted ContentType".format(content_type))
    return kind


def read_matrix(files: List[str], kind: str, csv_weights: bool, columns: int) -> Any:
    """The xgboost.DMatrix of some files."""
    import xgboost

    if kind == "libsvm":
        labels, weights, matrix = parse_libsvm((line for path in files for line in _lines(path)), columns)
        return xgboost.DMatrix(matrix, label=labels, weight=weights or None)
    table = read_parquet(files) if kind == "parquet" else read_csv(files)
    first = 2 if csv_weights and kind == "csv" else 1
    return xgboost.DMatrix(table[:, first:], label=table[:, 0], weight=table[:, 1] if first == 2 else None)


def _lines(path: str) -> Iterator[str]:
    with open(path, encoding="utf-8") as file:
        for line in file:
            if line.strip():
                yield line


def read_parquet(files: List[str]) -> Any:
    """All rows of some parquet files as an array."""
    import numpy
    import pandas

    return numpy.concatenate([pandas.read_parquet(path).to_numpy() for path in files])


def read_csv(files: List[str]) -> Any:
    """All rows of some CSV files without headers as an array; the first line tells the delimiter, empty is missing."""
    import numpy

    delimiter = sniff_delimiter(next(_lines(files[0]), ""))
    try:
        import pandas
    except ImportError:
        rows = [
            [float(cell or "nan") for cell in row]
            for path in files
            for row in csv.reader(_lines(path), delimiter=delimiter)
        ]
        return numpy.array(rows, dtype=numpy.float32)
    try:
        parts = [pandas.read_csv(path, header=None, sep=delimiter, dtype="float32").to_numpy() for path in files]
        return numpy.concatenate(parts)
    except ValueError as error:
        raise ContractError("Failed to load csv data: {}".format(error)) from error


def sniff_delimiter(line: str) -> str:
    """The delimiter of a CSV line."""
    try:
        delimiter = csv.Sniffer().sniff(line[:512]).delimiter
    except csv.Error as error:
        if re.match(r"\s*[-+.\deE]+\s*\Z", line):  # a single column
            return ","
        raise ContractError("Could not determine delimiter on line {}: {}".format(line[:50], error)) from error
    return "," if delimiter.isalnum() or delimiter == "." else delimiter


def parse_libsvm(lines: Iterable[str], columns: int = 0) -> Tuple[List[float], List[float], Any]:
    """Labels, weights (none, or one for each row) and sparse matrix of `label[:weight] index:value...`."""
    labels, weights = [], []  # type: List[float], List[float]
    starts, indices, values = [0], [], []  # type: List[int], List[int], List[float]
    for line in lines:
        try:
            label, _, weight = line.split(None, 1)[0].partition(":")
            labels.append(float(label))
            weights += [float(weight)] if weight else []
            for cell in line.split()[1:]:
                index, value = cell.split(":")
                indices.append(int(index))
                values.append(float(value))
        except ValueError:
            raise ContractError("First cells of {!r} are not 'LIBSVM' format".format(line[:50])) from None
        starts.append(len(values))
    if weights and len(weights) != len(labels):
        raise ContractError("only some rows have a weight")
    shape = (len(labels), max([columns] + [index + 1 for index in indices]))
    return labels, weights, importlib.import_module("scipy.sparse").csr_matrix((values, indices, starts), shape=shape)


ALGORITHMS["xgboost"] = xgboost_algorithm


# --- The serving code of a model: the built-in algorithm's, or the user's inference script ----------------------------

# Takes a payload, its content type and the accepted type; gives the answer.
Predictor = Callable[[bytes, str, str], bytes]


TEXT_TYPES = ("text/csv", "application/json")


def xgboost_predictor(model: str) -> Predictor:
    """The built-in algorithm's server in a batch transform: one prediction a line, whatever the accepted type."""
    import xgboost

    if "SAGEMAKER_INFERENCE_OUTPUT" in os.environ:
        raise ContractError("SAGEMAKER_INFERENCE_OUTPUT is not part of this adapter")
    names = [name for name in sorted(os.listdir(model)) if os.path.isfile(os.path.join(model, name)) and name[0] != "."]
    if not names:
        raise ContractError("there is no model file")
    booster = load_booster(os.path.join(model, "xgboost-model" if "xgboost-model" in names else names[0]))

    def predict(body: bytes, content_type: str, accept: str) -> bytes:
        matrix = _payload_matrix(xgboost, body.decode("utf-8"), content_kind(content_type))
        predictions = booster.predict(matrix, validate_features=False)
        return ("\n".join(map(str, predictions.tolist())) + "\n").encode("utf-8")

    return predict


def load_booster(path: str) -> Any:
    """The xgboost.Booster of a model file; those of before 1.0 are pickles."""
    import xgboost

    try:
        return xgboost.Booster(model_file=path)
    except xgboost.core.XGBoostError:
        with open(path, "rb") as file:
            return pickle.load(file)


def _payload_matrix(xgboost: Any, text: str, kind: str) -> Any:
    """The xgboost.DMatrix of a payload, which has no labels in CSV; in libsvm they are not looked at."""
    import numpy

    lines = text.strip().splitlines()
    if kind == "libsvm":
        labelled = [line if ":" not in line.split()[0] else "0 " + line for line in lines]
        return xgboost.DMatrix(parse_libsvm(labelled)[2])
    delimiter = sniff_delimiter(lines[0]) if lines else ","
    rows = [[float(cell.strip() or "nan") for cell in row] for row in csv.reader(lines, delimiter=delimiter)]
    return xgboost.DMatrix(numpy.array(rows))


def script_predictor(model: str, program: str) -> Predictor:
    """The user's inference script: model_fn, and transform_fn or input_fn, predict_fn and output_fn."""
    code = os.path.join(model, "code")
    if not os.path.isfile(inside(code, program)):
        raise ContractError("there is no {} in the model's code".format(program))
    install_requirements(code)
    script = _import_script(code, program)
    if not hasattr(script, "model_fn"):
        raise ContractError("{} has no model_fn".format(program))
    hooks = {name: getattr(script, name, None) for name in ("transform_fn", "input_fn", "predict_fn", "output_fn")}
    if hooks["transform_fn"] and (hooks["input_fn"] or hooks["predict_fn"] or hooks["output_fn"]):
        raise ContractError("transform_fn cannot stand beside input_fn, predict_fn or output_fn")
    loaded = _call(script.model_fn, model)

    def predict(body: bytes, content_type: str, accept: str) -> bytes:
        if accept in ("", "*/*"):
            accept = os.environ.get("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT", "application/json")
        payload = body.decode("utf-8") if content_type.split(";")[0].strip() in TEXT_TYPES else body
        if hooks["transform_fn"]:
            return _answer_bytes(_call(hooks["transform_fn"], loaded, payload, content_type, accept))
        read = hooks["input_fn"] or functools.partial(_default_input, loaded)
        value = _call(hooks["predict_fn"] or _default_predict, _call(read, payload, content_type), loaded)
        return _answer_bytes(_call(hooks["output_fn"] or _default_output, value, accept))

    return predict


def _import_script(code: str, program: str) -> Any:
    path = os.path.join(code, program)
    sys.path[:0] = [os.path.dirname(path), code]
    name = os.path.splitext(os.path.basename(program))[0]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ContractError("{} is no Python file".format(program))
    script = importlib.util.module_from_spec(spec)
    sys.modules[name] = script
    spec.loader.exec_module(script)
    return script


def _call(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call a hook; one that also takes a context gets None."""
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    taken = [p for p in inspect.signature(function).parameters.values() if p.kind in positional]
    with_context = len(taken) == len(arguments) + 1 and taken[-1].default is inspect.Parameter.empty
    return function(*arguments + (None,)) if with_context else function(*arguments)


def _answer_bytes(answer: Any) -> bytes:
    body = answer[0] if isinstance(answer, tuple) else getattr(answer, "response", answer)
    return body.encode("utf-8") if isinstance(body, str) else bytes(body)


def _is_kind(value: Any, module: str, name: str) -> bool:
    """Whether a value is of a class of a package, without importing the package."""
    return any(kind.__name__ == name and kind.__module__.split(".")[0] == module for kind in type(value).__mro__)


def _default_input(model: Any, body: Any, content_type: str) -> Any:
    """What the framework containers make of a payload: DMatrix for a Booster, tensor for a module, else array."""
    kind = content_type.split(";")[0].strip().split("/")[-1]
    if _is_kind(model, "xgboost", "Booster"):
        text = body if isinstance(body, str) else body.decode("utf-8")
        return _payload_matrix(importlib.import_module("xgboost"), text, content_kind(content_type))
    numpy = importlib.import_module("numpy")
    if kind == "csv":
        array = numpy.genfromtxt(io.StringIO(body), dtype=numpy.float32, delimiter=",")
        array = array.reshape(len(body.strip().splitlines()), -1)
    elif kind == "json":
        array = numpy.array(json.loads(body), dtype=numpy.float32)
    elif kind == "x-npy":
        array = numpy.load(io.BytesIO(body))
    else:
        raise ContractError("there is no input_fn, and none is built in for {}".format(content_type))
    array = array.reshape(1, -1) if array.ndim == 1 else array
    return importlib.import_module("torch").FloatTensor(array) if _is_kind(model, "torch", "Module") else array


def _default_predict(data: Any, model: Any) -> Any:
    if _is_kind(model, "xgboost", "Booster"):
        return model.predict(data, validate_features=False)
    if _is_kind(model, "torch", "Module"):
        with importlib.import_module("torch").no_grad():
            return model.eval()(data)
    return model.predict(data)


def _default_output(prediction: Any, accept: str) -> bytes:
    if _is_kind(prediction, "torch", "Tensor"):
        prediction = prediction.detach().cpu().numpy()
    numpy = importlib.import_module("numpy")
    body = io.BytesIO()
    if accept == "application/json":
        body.write(json.dumps(numpy.asarray(prediction).tolist()).encode("utf-8"))
    elif accept == "text/csv":
        numpy.savetxt(body, numpy.asarray(prediction), delimiter=",", fmt="%s")
    elif accept == "application/x-npy":
        numpy.save(body, prediction)
    else:
        raise ContractError("there is no output_fn, and none is built in for {}".format(accept))
    return body.getvalue()


# --- A server of a model: the user's inference script, or the built-in algorithm, behind Vertex AI's HTTP contract ----

MODEL_FOLDER = "/opt/ml/model"


def serve() -> int:
    """Load the model and answer until the process ends.

    Vertex AI tells the place of the model (AIP_STORAGE_URI), the port (AIP_HTTP_PORT) and the routes (AIP_HEALTH_ROUTE,
    AIP_PREDICT_ROUTE) in the environment; SageMaker's routes /ping and /invocations are always there.
    """
    try:
        predictor = load_model()
    except (ContractError, OSError) as error:
        print("the model cannot be served: {}".format(error), file=sys.stderr, flush=True)
        return 1
    address = ("", int(os.environ.get("AIP_HTTP_PORT", "8080")))
    with ModelServer(address, predictor) as server:
        print("serving on port {}".format(server.server_address[1]), flush=True)
        server.serve_forever()
    return 0


def load_model() -> Predictor:
    """Bring the model in and load it."""
    folder = place(MODEL_FOLDER)
    uri = os.environ.get("AIP_STORAGE_URI", "")
    if uri:
        empty(folder)
        if uri.startswith("gs://"):
            download(uri, folder)
        else:
            stage(uri, folder)
    program = os.environ.get("SAGEMAKER_PROGRAM", "")
    if not program and os.path.isfile(os.path.join(folder, "code", "inference.py")):
        program = "inference.py"
    if program:
        return script_predictor(folder, program)
    if os.path.isfile(os.path.join(folder, "xgboost-model")):
        return xgboost_predictor(folder)
    raise ContractError("there is neither code/inference.py nor a model of a built-in algorithm")


def download(uri: str, folder: str) -> None:
    """Copy all objects below a gs:// address; a server has no bucket mounted."""
    bucket, _, prefix = uri[len("gs://") :].partition("/")
    prefix = prefix.rstrip("/") + "/" if prefix else ""
    service = Service("storage", "https://storage.googleapis.com/storage/v1")
    objects = "b/{}/o".format(urllib.parse.quote(bucket, safe=""))
    page = service.call("GET", query(objects, prefix=prefix))
    while True:
        for entry in page.get("items") or []:
            if not entry["name"].endswith("/"):
                target = inside(folder, entry["name"][len(prefix) :])
                os.makedirs(os.path.dirname(target), exist_ok=True)
                address = "{}/{}?alt=media".format(objects, urllib.parse.quote(entry["name"], safe=""))
                _download_object(service.address(address), target)
        if "nextPageToken" not in page:
            return
        page = service.call("GET", query(objects, prefix=prefix, pageToken=page["nextPageToken"]))


def _download_object(url: str, target: str) -> None:
    request = urllib.request.Request(url, headers={"Authorization": "Bearer " + access_token()})
    with urllib.request.urlopen(request, timeout=600) as answer, open(target, "wb") as file:
        shutil.copyfileobj(answer, file)


class ModelServer(socketserver.ThreadingMixIn, http.server.HTTPServer):
    """Answers requests for one model, each in a thread."""

    daemon_threads = True

    def __init__(self, address: Tuple[str, int], predictor: Predictor) -> None:
        """Listen at an address; port 0 takes a free one."""
        http.server.HTTPServer.__init__(self, address, ModelRequest)
        self.predictor = predictor
        self.health = {"/ping", os.environ.get("AIP_HEALTH_ROUTE", "/ping")}
        self.predict = {"/invocations", os.environ.get("AIP_PREDICT_ROUTE", "/invocations")}


class ModelRequest(http.server.BaseHTTPRequestHandler):
    """One request: is the model there, or what does it say to this payload?"""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """The health check."""
        self.answer(200 if self.path in cast(ModelServer, self.server).health else 404, b"")

    def do_POST(self) -> None:
        """A prediction; a failure of the script is its text and status 500."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        server = cast(ModelServer, self.server)
        if self.path not in server.predict:
            self.answer(404, b"")
            return
        content_type = self.headers.get("Content-Type") or "application/json"
        accept = self.headers.get("Accept") or ""
        try:
            if is_vertex_request(body, content_type):
                self.answer(200, vertex_prediction(server.predictor, body), "application/json")
            else:
                self.answer(200, server.predictor(body, content_type, accept), answer_type(accept))
        except Exception as error:
            traceback.print_exc()
            self.answer(500, "{}: {}".format(type(error).__name__, error).encode("utf-8"), "text/plain")

    def answer(self, status: int, body: bytes, content_type: str = "text/plain") -> None:
        """Send an answer."""
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Only predictions are worth a line: health checks come every ten seconds."""
        if self.command != "GET":
            print("{} {}".format(self.path, format % arguments), flush=True)


def is_vertex_request(body: bytes, content_type: str) -> bool:
    """Whether a payload is what `:predict` sends: an object with `instances`, and at most `parameters` beside it."""
    if content_type.split(";")[0].strip() != "application/json":
        return False
    try:
        document = json.loads(body.decode("utf-8"))
    except ValueError:
        return False
    return isinstance(document, dict) and "instances" in document and set(document) <= {"instances", "parameters"}


def vertex_prediction(predictor: Predictor, body: bytes) -> bytes:
    """The answer to `:predict`: the instances go in as a JSON array, or as CSV where the script takes no JSON."""
    instances = json.loads(body.decode("utf-8"))["instances"]
    try:
        answer = predictor(json.dumps(instances).encode("utf-8"), "application/json", "application/json")
    except ContractError:
        answer = predictor(as_csv(instances), "text/csv", "application/json")
    return json.dumps({"predictions": predictions(answer.decode("utf-8"))}).encode("utf-8")


def as_csv(instances: Any) -> bytes:
    """Rows of numbers as CSV."""
    rows = instances if isinstance(instances, list) else [instances]
    lines = [",".join(str(cell) for cell in (row if isinstance(row, list) else [row])) for row in rows]
    return ("\n".join(lines) + "\n").encode("utf-8")


def predictions(text: str) -> Any:
    """An answer as the list that Vertex AI expects: of JSON, its `predictions` or itself; of text, its lines."""
    try:
        found = json.loads(text)
    except ValueError:
        found = [_number_or_text(line) for line in text.splitlines() if line]
    if isinstance(found, dict) and "predictions" in found:
        found = found["predictions"]
    return found if isinstance(found, list) else [found]


def _number_or_text(text: str) -> Any:
    try:
        return float(text)
    except ValueError:
        return text


def answer_type(accept: str) -> str:
    """The content type of an answer."""
    if accept not in ("", "*/*"):
        return accept
    return os.environ.get("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT", "application/json")


PROGRAMS["serve"] = serve


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
