"""Runs a program that builds SageMaker pipelines, plays AWS for it, and writes down what it does.

This file is a script: the interpreter that holds the program's SageMaker SDK executes it, so it needs nothing but the
standard library of Python 3.8, and boto3 and the SDK (version 2 or 3) as far as the program uses them.

    python capture_runner.py REQUEST

REQUEST is a JSON file with `folder` (where to write), `source` (a file, or the name of a module), `function` (or
null), `keywords`, `arguments`, `region` and `repair`. The folder receives `journal.jsonl`, one JSON object a line with
its `kind`, and the content of each uploaded object. The journal is written as things happen, so that it holds whatever
came before a crash.
"""

from __future__ import annotations

import ast
import asyncio
import builtins
import contextlib
import datetime
import errno
import functools
import importlib
import inspect
import io
import json
import linecache
import os
import random
import re
import runpy
import signal
import socket
import sys
import tempfile
import threading
import time
import traceback
import types
import uuid
from importlib.machinery import PathFinder
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple

ACCOUNT = "111122223333"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/SageMakerExecution"
MAX_OBJECT_BYTES = 256 * 1024 * 1024
MAX_MESSAGE = 2000
READING = re.compile(r"(BatchDescribe|BatchGet|Check|Describe|Get|Head|List|Lookup|Query|Scan|Search|Select|Simulate)")
# Operations that are part of defining and running a pipeline, and so are no news.
EXPECTED = {
    "s3": {"CreateBucket", "PutObject", "CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload"},
    "sagemaker": {"CreatePipeline", "UpdatePipeline", "DeletePipeline", "StartPipelineExecution", "AddTags"},
}
DONE = ("Succeeded", "Completed", "InService", "Active", "ACTIVE", "Available", "Enabled", "ENABLED")
MOMENT = datetime.datetime(2000, 1, 1, tzinfo=datetime.timezone.utc)

Place = Dict[str, Any]


class Stopped(BaseException):
    """The parent asked to stop: the time is up."""


class Journal:
    """What happened, line by line, and the bodies of objects as files beside it."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.file = open(os.path.join(folder, "journal.jsonl"), "a", encoding="utf-8")  # noqa: SIM115
        self.lock = threading.RLock()
        self.objects = 0

    def write(self, kind: str, **fields: Any) -> None:
        """Add a line at once."""
        line = json.dumps({"kind": kind, **fields}, default=self.plain)
        with self.lock:
            self.file.write(line + "\n")
            self.file.flush()

    def keep(self, body: bytes) -> str:
        """Write the content of an object; returns the name of its file."""
        with self.lock:
            self.objects += 1
            name = f"object-{self.objects}"
        with open(os.path.join(self.folder, name), "wb") as file:
            file.write(body)
        return name

    def plain(self, value: Any) -> Any:
        """A value of a request that JSON lacks."""
        if isinstance(value, (bytes, bytearray)):
            return {"object": self.keep(bytes(value))}
        if isinstance(value, datetime.datetime):
            return value.isoformat()
        if isinstance(value, (set, frozenset)):
            return sorted(value, key=str)
        return f"<{type(value).__name__}>"


class Places:
    """Tells lines of the program from lines of libraries."""

    def __init__(self, folder: str) -> None:
        self.folder = os.path.join(os.path.realpath(folder), "")
        self.cells: Dict[str, Place] = {}
        self.library = os.path.dirname(os.__file__)

    def of(self, file: str, line: Optional[int]) -> Optional[Place]:
        """The place of a line, if it is the program's."""
        if file in self.cells:
            return {**self.cells[file], "line": line}
        path = os.path.realpath(file)
        if not path.startswith(self.folder) or path.startswith(self.library):
            return None
        if "site-packages" in path or "dist-packages" in path or path == os.path.realpath(__file__):
            return None
        return {"file": path, "line": line}

    def here(self) -> Optional[Place]:
        """The line of the program that is at work."""
        frame = sys._getframe(1)
        while frame is not None:
            place = self.of(frame.f_code.co_filename, frame.f_lineno)
            if place:
                return place
            frame = frame.f_back  # type: ignore[assignment]
        return None

    def of_error(self, error: BaseException) -> Optional[Place]:
        """The innermost line of the program that an error passed."""
        if isinstance(error, SyntaxError) and error.filename:
            place = self.of(error.filename, error.lineno)
            if place:
                return place
        places = (self.of(frame.f_code.co_filename, line) for frame, line in traceback.walk_tb(error.__traceback__))
        return next(iter([place for place in places if place][::-1]), None)


# --- the network ------------------------------------------------------------------------------------------------------


def close_network(journal: Journal) -> None:
    """Refuse all internet connections of this process, for good, and write down where they would have gone.

    An audit hook sees each call whatever library makes it, and cannot be removed. It is a guard against accidents;
    the parent adds a network namespace where the machine has them.
    """
    known = set()

    def refuse(host: Any, error: OSError) -> None:
        if host not in known:
            known.add(host)
            journal.write("connection", host=str(host))
        raise error

    def hook(event: str, arguments: Tuple[Any, ...]) -> None:
        if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
            endpoint, address = arguments
            if endpoint.family in (socket.AF_INET, socket.AF_INET6) and address:
                refuse(address[0], ConnectionRefusedError(errno.ECONNREFUSED, "the network is closed during a capture"))
        elif (
            event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr")
            and arguments[0]
            and arguments[0] not in ("localhost", "127.0.0.1", "::1", "0.0.0.0")
        ):
            refuse(arguments[0], socket.gaierror(socket.EAI_NONAME, "the network is closed during a capture"))

    sys.addaudithook(hook)


# --- AWS --------------------------------------------------------------------------------------------------------------


class Aws:
    """Answers what clients of boto3 ask, whichever service it is."""

    def __init__(self, journal: Journal, places: Places, region: str) -> None:
        self.journal = journal
        self.places = places
        self.region = region
        self.objects: Dict[str, bytes] = {}
        self.parts: Dict[str, Dict[int, bytes]] = {}
        self.pipelines: Dict[str, Dict[str, Any]] = {}
        self.created: Dict[Tuple[str, str, str], Dict[str, Any]] = {}
        self.executions = 0
        self.functions = Functions(journal, places)
        self.own: Dict[Tuple[str, str], Callable[[Dict[str, Any]], Dict[str, Any]]] = {
            ("sts", "GetCallerIdentity"): self.identity,
            ("iam", "GetRole"): self.role,
            ("s3", "ListBuckets"): self.buckets,
            ("s3", "PutObject"): self.put_object,
            ("s3", "CreateMultipartUpload"): self.start_upload,
            ("s3", "UploadPart"): self.upload_part,
            ("s3", "CompleteMultipartUpload"): self.end_upload,
            ("s3", "CopyObject"): self.copy_object,
            ("s3", "HeadObject"): self.head_object,
            ("s3", "GetObject"): self.get_object,
            ("s3", "ListObjectsV2"): self.list_objects,
            ("s3", "ListObjects"): self.list_objects,
            ("sqs", "GetQueueAttributes"): self.queue,
            ("sagemaker", "CreatePipeline"): self.create_pipeline,
            ("sagemaker", "UpdatePipeline"): self.create_pipeline,
            ("sagemaker", "DescribePipeline"): self.describe_pipeline,
            ("sagemaker", "StartPipelineExecution"): self.start_pipeline,
        }

    def install(self) -> None:
        """Take the place of the service behind all clients, those of the SDK and the program's own."""
        try:
            client = importlib.import_module("botocore.client").BaseClient
            session = importlib.import_module("botocore.session").Session
        except ImportError:
            return

        def call(client: Any, operation: str, request: Dict[str, Any]) -> Dict[str, Any]:
            return self.answer(client, operation, request)

        client._make_api_call = call
        # Answers come at once, and are final: there is nothing to wait for between two of them.
        sleep = time.sleep
        time.sleep = lambda seconds: sleep(min(float(seconds), 0.01))
        # A named profile of the user is not there, and not needed.
        session.get_scoped_config = lambda _session: {}

    def answer(self, client: Any, operation: str, request: Dict[str, Any]) -> Dict[str, Any]:
        """What the service would say, as far as a program that defines pipelines needs it."""
        service = client.meta.service_model.service_name
        if not READING.match(operation) and operation not in EXPECTED.get(service, ()):
            self.journal.write("call", service=service, operation=operation, request=request, place=self.places.here())
        own = self.own.get((service, operation))
        if own is not None:
            return {"ResponseMetadata": {"HTTPStatusCode": 200, "HTTPHeaders": {}}, **own(request)}
        shape = client.meta.service_model.operation_model(operation).output_shape
        made = self.structure(shape, request, service, 0) if shape is not None else {}
        made.update(self.remembered(service, operation, request, shape))
        return {"ResponseMetadata": {"HTTPStatusCode": 200, "HTTPHeaders": {}}, **made}

    def remembered(self, service: str, operation: str, request: Dict[str, Any], shape: Any) -> Dict[str, Any]:
        """What a resource was created with, when it is described."""
        verb = re.match(r"Create|Describe", operation)
        name = next((value for key, value in request.items() if key.endswith("Name")), None)
        if verb is None or name is None:
            return {}
        resource = (service, operation[verb.end() :], name)
        if verb[0] == "Create":
            self.created[resource] = request
            return {}
        known = self.created.get(resource, {})
        return {key: value for key, value in known.items() if shape is not None and key in shape.members}

    def structure(self, shape: Any, request: Dict[str, Any], service: str, depth: int) -> Dict[str, Any]:
        """An answer with what is required, what names things, and what says that all is well."""
        made: Dict[str, Any] = {}
        for name, member in shape.members.items():
            required = name in shape.required_members
            if name.startswith("Next") or "Failure" in name:
                continue
            if member.type_name == "structure":
                inner = self.structure(member, request, service, depth + 1) if depth < 3 else {}
                if inner or required:
                    made[name] = inner
            elif (
                required
                or (depth == 0 and member.type_name in ("list", "blob"))
                or (member.type_name == "string" and re.search(r"(Arn|Url|Id|Name|Status)$", name))
            ):
                made[name] = self.value(name, member, request, service)
        return made

    def value(self, name: str, shape: Any, request: Dict[str, Any], service: str) -> Any:
        """A value of a kind, the request's own where it has one of that name."""
        kind = shape.type_name
        if kind == "string":
            return self.text(name, shape, request, service)
        if kind == "blob":
            body = importlib.import_module("botocore.response").StreamingBody
            return body(io.BytesIO(b""), 0) if shape.serialization.get("streaming") else b""
        kinds: Dict[str, Any] = {"list": [], "map": {}, "boolean": False, "timestamp": MOMENT}
        return kinds.get(kind, 0)

    def text(self, name: str, shape: Any, request: Dict[str, Any], service: str) -> str:
        if isinstance(request.get(name), str):
            return str(request[name])
        if shape.enum:
            return str(next((value for value in DONE if value in shape.enum), shape.enum[0]))
        named = next((str(value) for key, value in request.items() if key.endswith("Name")), "")
        named = named or str(request.get("Name", name))
        if name.lower().endswith("arn"):
            return f"arn:aws:{service}:{self.region}:{ACCOUNT}:{named}"
        if name.endswith("Url"):
            return f"https://{service}.{self.region}.amazonaws.com/{ACCOUNT}/{named}"
        return named

    def identity(self, _request: Dict[str, Any]) -> Dict[str, Any]:
        # The SDK finds its role by this form of an ARN alone.
        arn = f"arn:aws:sts::{ACCOUNT}:assumed-role/SageMakerExecution/capture"
        return {"Account": ACCOUNT, "UserId": "AROAEXAMPLE:capture", "Arn": arn}

    def role(self, request: Dict[str, Any]) -> Dict[str, Any]:
        name = request["RoleName"]
        return {"Role": {"RoleName": name, "Arn": f"arn:aws:iam::{ACCOUNT}:role/{name}", "Path": "/"}}

    def buckets(self, _request: Dict[str, Any]) -> Dict[str, Any]:
        return {"Buckets": [{"Name": f"sagemaker-{self.region}-{ACCOUNT}", "CreationDate": MOMENT}]}

    def queue(self, request: Dict[str, Any]) -> Dict[str, Any]:
        name = request["QueueUrl"].rsplit("/", 1)[-1]
        return {"Attributes": {"QueueArn": f"arn:aws:sqs:{self.region}:{ACCOUNT}:{name}"}}

    def upload(self, bucket: str, key: str, body: bytes) -> Dict[str, Any]:
        uri = f"s3://{bucket}/{key}"
        if len(body) > MAX_OBJECT_BYTES:
            self.journal.write("left_out", what=f"{uri}: {len(body) >> 20} MiB are not kept", place=self.places.here())
        else:
            self.objects[uri] = body
            self.journal.write("object", uri=uri, file=self.journal.keep(body))
            self.functions.uploaded(uri, body)
        return {"ETag": '"0"'}

    def put_object(self, request: Dict[str, Any]) -> Dict[str, Any]:
        return self.upload(request["Bucket"], request["Key"], _bytes(request.get("Body", b"")))

    def start_upload(self, request: Dict[str, Any]) -> Dict[str, Any]:
        upload = str(len(self.parts) + 1)
        self.parts[upload] = {}
        return {"UploadId": upload, "Bucket": request["Bucket"], "Key": request["Key"]}

    def upload_part(self, request: Dict[str, Any]) -> Dict[str, Any]:
        self.parts[request["UploadId"]][request["PartNumber"]] = _bytes(request["Body"])
        return {"ETag": '"0"'}

    def end_upload(self, request: Dict[str, Any]) -> Dict[str, Any]:
        parts = self.parts[request["UploadId"]]
        return self.upload(request["Bucket"], request["Key"], b"".join(parts[number] for number in sorted(parts)))

    def copy_object(self, request: Dict[str, Any]) -> Dict[str, Any]:
        source = request["CopySource"]
        source = f"{source['Bucket']}/{source['Key']}" if isinstance(source, dict) else str(source).lstrip("/")
        body = self.objects.get(f"s3://{source}")
        if body is not None:
            self.upload(request["Bucket"], request["Key"], body)
        return {"CopyObjectResult": {"ETag": '"0"', "LastModified": MOMENT}}

    def found(self, request: Dict[str, Any], operation: str) -> bytes:
        body = self.objects.get(f"s3://{request['Bucket']}/{request['Key']}")
        if body is None:
            raise _client_error("404" if operation == "HeadObject" else "NoSuchKey", "Not Found", operation)
        return body

    def head_object(self, request: Dict[str, Any]) -> Dict[str, Any]:
        return {"ContentLength": len(self.found(request, "HeadObject")), "ETag": '"0"', "LastModified": MOMENT}

    def get_object(self, request: Dict[str, Any]) -> Dict[str, Any]:
        body = self.found(request, "GetObject")
        stream = importlib.import_module("botocore.response").StreamingBody(io.BytesIO(body), len(body))
        return {"Body": stream, "ContentLength": len(body), "ETag": '"0"', "LastModified": MOMENT}

    def list_objects(self, request: Dict[str, Any]) -> Dict[str, Any]:
        bucket, prefix = f"s3://{request['Bucket']}/", request.get("Prefix", "")
        keys = [uri[len(bucket) :] for uri in sorted(self.objects) if uri.startswith(bucket + prefix)]
        contents = [{"Key": key, "Size": len(self.objects[bucket + key]), "LastModified": MOMENT} for key in keys]
        return {"Contents": contents, "KeyCount": len(keys), "IsTruncated": False, "Name": request["Bucket"]}

    def create_pipeline(self, request: Dict[str, Any]) -> Dict[str, Any]:
        name = request["PipelineName"]
        known = self.pipelines.get(name, {})
        self.pipelines[name] = {**known, **request}
        location = request.get("PipelineDefinitionS3Location")
        text = request.get("PipelineDefinition")
        if location:
            # The SDK uploads definitions of 100 KiB and more.
            body = self.objects.get(f"s3://{location['Bucket']}/{location['ObjectKey']}")
            text = None if body is None else body.decode("utf-8", "replace")
        if text is not None:
            self.journal.write(
                "pipeline",
                name=name,
                definition=text,
                uploaded=f"s3://{location['Bucket']}/{location['ObjectKey']}" if location else None,
                role=request.get("RoleArn"),
                tags=request.get("Tags"),
                description=request.get("PipelineDescription"),
                parallelism=request.get("ParallelismConfiguration"),
            )
        return {"PipelineArn": self.pipeline_arn(name)}

    def describe_pipeline(self, request: Dict[str, Any]) -> Dict[str, Any]:
        name = request["PipelineName"].rsplit("/", 1)[-1]
        if name not in self.pipelines:
            raise _client_error("ResourceNotFound", f"Pipeline '{name}' does not exist.", "DescribePipeline")
        times = {"CreationTime": MOMENT, "LastModifiedTime": MOMENT}
        return {**self.pipelines[name], "PipelineArn": self.pipeline_arn(name), "PipelineStatus": "Active", **times}

    def start_pipeline(self, request: Dict[str, Any]) -> Dict[str, Any]:
        name = request["PipelineName"].rsplit("/", 1)[-1]
        values = {each["Name"]: each["Value"] for each in request.get("PipelineParameters", ())}
        self.journal.write("execution", pipeline=name, parameters=values)
        self.executions += 1
        return {"PipelineExecutionArn": f"{self.pipeline_arn(name)}/execution/{self.executions:012}"}

    def pipeline_arn(self, name: str) -> str:
        return f"arn:aws:sagemaker:{self.region}:{ACCOUNT}:pipeline/{name}"


def _bytes(body: Any) -> bytes:
    content = body.read() if hasattr(body, "read") else body
    return content.encode() if isinstance(content, str) else bytes(content)


def _client_error(code: str, message: str, operation: str) -> Exception:
    error = importlib.import_module("botocore.exceptions").ClientError
    made: Exception = error({"Error": {"Code": code, "Message": message}}, operation)
    return made


# --- the SDK ----------------------------------------------------------------------------------------------------------


class WhenImported:
    """Does something to modules of the SDK at the moment the program imports them, and costs nothing if it does not."""

    def __init__(self) -> None:
        self.actions: Dict[str, List[Callable[[Any], None]]] = {}
        sys.meta_path.insert(0, self)

    def do(self, name: str, action: Callable[[Any], None]) -> None:
        """Call `action` with the module of a name."""
        self.actions.setdefault(name, []).append(action)

    def find_spec(self, name: str, path: Any, _target: Any = None) -> Any:
        """What Python asks at each import; None leaves it to the others."""
        actions = self.actions.pop(name, None)
        spec = PathFinder.find_spec(name, path) if actions else None
        if spec is None or spec.loader is None:
            return None
        execute = spec.loader.exec_module

        def exec_module(module: types.ModuleType) -> None:
            execute(module)
            for action in actions or ():
                action(module)

        spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


class Pipelines:
    """The pipelines that the program built, whether or not it sent them to AWS."""

    MODULES = ("sagemaker.workflow.pipeline", "sagemaker.mlops.workflow.pipeline")  # SDK v2, SDK v3

    def __init__(self, journal: Journal, aws: Aws) -> None:
        self.journal = journal
        self.aws = aws
        self.built: List[Any] = []

    def watch(self, imports: WhenImported) -> None:
        """Remember each instance of Pipeline from now on."""
        for name in self.MODULES:
            imports.do(name, lambda module: self.remember(module.Pipeline))

    def remember(self, pipeline: Any) -> None:
        original = pipeline.__init__

        @functools.wraps(original)
        def init(instance: Any, *arguments: Any, **keywords: Any) -> None:
            original(instance, *arguments, **keywords)
            if not any(instance is known for known in self.built):
                self.built.append(instance)

        pipeline.__init__ = init

    def collect(self) -> None:
        """Write down the definitions of those that were built and not sent."""
        for pipeline in self.built:
            if pipeline.name in self.aws.pipelines:
                continue
            try:
                definition = pipeline.definition()
            except Exception as error:
                message = f"pipeline {pipeline.name!r} has no definition: {type(error).__name__}: {error}"
                self.journal.write("error", message=message[:MAX_MESSAGE], place=self.aws.places.of_error(error))
            else:
                self.journal.write("pipeline", name=pipeline.name, definition=definition)


class Functions:
    """The functions that the program decorated with `@step`, and what it called them with.

    The SDK uploads both as pickles, which nobody can read unseen. Beside them go `call.json`, with the function's file
    and name and its arguments, and below `source/` the file and the modules of the program that it imports.
    """

    MODULES = ("sagemaker.workflow.function_step", "sagemaker.mlops.workflow.function_step")  # SDK v2, SDK v3
    # What a job does before it calls the function, and what it runs in, other than Python with some requirements.
    SETTINGS = ("pre_execution_commands", "pre_execution_script", "job_conda_env", "spark_config")

    def __init__(self, journal: Journal, places: Places) -> None:
        self.journal = journal
        self.places = places
        self.steps: List[Any] = []

    def watch(self, imports: WhenImported) -> None:
        """Remember each function step from now on."""
        for name in self.MODULES:
            imports.do(name, lambda module: self.remember(module._FunctionStep))

    def remember(self, function_step: Any) -> None:
        original = function_step.__init__

        @functools.wraps(original)
        def init(instance: Any, *arguments: Any, **keywords: Any) -> None:
            original(instance, *arguments, **keywords)
            self.steps.append(instance)

        function_step.__init__ = init

    def uploaded(self, uri: str, body: bytes) -> None:
        """Write down the call whose pickled arguments were uploaded to `…/STEP/TIME/arguments/payload.pkl`."""
        parts = uri.split("/")
        if parts[-2:] != ["arguments", "payload.pkl"]:
            return
        for step in self.steps[::-1]:
            if [step.name] == parts[-4:-3] and step._serialized_data.args == body:
                self.write("/".join(parts[:-2]), step)
                return

    def write(self, prefix: str, step: Any) -> None:
        function = inspect.unwrap(step.func)
        sources = self.sources(function.__code__.co_filename)
        call = {
            "file": next(iter(sources), None),
            "function": function.__name__,
            "arguments": list(_arguments(step.func, step.func_args, step.func_kwargs)),
            "problems": list(self.problems(step, function, bool(sources))),
        }
        self.keep(f"{prefix}/call.json", json.dumps(call, indent=1).encode())
        for name, content in sources.items():
            self.keep(f"{prefix}/source/{name}", content)

    def keep(self, uri: str, content: bytes) -> None:
        self.journal.write("object", uri=uri, file=self.journal.keep(content))

    def problems(self, step: Any, function: Any, has_source: bool) -> Iterator[str]:
        """Why the call is not all that happens, or its function cannot be found again."""
        settings = step._step_kwargs
        yield from (f"it is given {name}" for name in self.SETTINGS if settings.get(name))
        if str(settings.get("dependencies") or "").endswith((".yml", ".yaml")):
            yield "its dependencies are a conda environment"
        if not has_source:
            yield "its source is no file of the program"
        if not function.__qualname__.isidentifier():
            yield f"it is defined inside something else: {function.__qualname__}"
        if inspect.iscoroutinefunction(function):
            yield "it is asynchronous"

    def sources(self, file: str) -> Dict[str, bytes]:
        """The program's file of this name, and the modules of the program that it imports; the file comes first."""
        root = os.getcwd()
        place = self.places.of(file, None)
        if place is None:
            return {}
        found: Dict[str, bytes] = {}
        waiting = [os.path.realpath(place["file"])]
        while waiting:
            path = waiting.pop(0)
            name = os.path.relpath(path, os.path.realpath(root)).replace(os.sep, "/")
            if name.startswith("..") or not os.path.isfile(path):
                continue
            if path.endswith(".ipynb"):
                name = name[: -len(".ipynb")] + ".py"
            if name not in found:
                found[name] = _module_of(path)
                waiting.extend(_imported_files(found[name], path, os.path.realpath(root)))
        return found


def _module_of(path: str) -> bytes:
    """The source of a module; of a notebook its code cells, with a note in the place of what is no Python."""
    with open(path, "rb") as file:
        content = file.read()
    if not path.endswith(".ipynb"):
        return content
    cells = [cell.get("source", "") for cell in json.loads(content)["cells"] if cell.get("cell_type") == "code"]
    texts = (cell if isinstance(cell, str) else "".join(cell) for cell in cells)
    return "\n\n".join(f"# Cell {number}\n{_plain_cell(text)}" for number, text in enumerate(texts, 1)).encode()


def _plain_cell(text: str) -> str:
    lines = text.splitlines()
    if text.lstrip().startswith("%%"):
        return "\n".join(["# left out, as it is no Python:", *(f"# {line}" for line in lines)])
    return "\n".join(re.sub(r"^(\s*)([%!?].*)$", r"\1pass  # left out: \2", line) for line in lines)


def _imported_files(source: bytes, path: str, root: str) -> Iterator[str]:
    """The files that a module imports, if they were the program's."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return
    for node in ast.walk(tree):
        base, names = root, []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [".".join(filter(None, [node.module, alias.name])) for alias in node.names]
            if node.level:
                base = os.path.normpath(os.path.join(path, *[os.pardir] * node.level))
        for parts in (name.split(".") for name in names):
            for end in range(1, len(parts) + 1):
                place = os.path.join(base, *parts[:end])
                yield from (f"{place}.py", os.path.join(place, "__init__.py"))


def _arguments(function: Any, arguments: Tuple[Any, ...], keywords: Dict[str, Any]) -> Iterator[Dict[str, Any]]:
    """The arguments of a call, by name where the function takes them so, else by position."""
    signature = inspect.signature(function)
    bound = signature.bind(*arguments, **keywords).arguments
    kinds = {name: signature.parameters[name].kind for name in bound}
    by_position = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.POSITIONAL_ONLY)
    if any(kind in by_position for kind in kinds.values()):
        named = {**{str(number): value for number, value in enumerate(arguments)}, **keywords}
    else:
        rest = {name for name, kind in kinds.items() if kind is inspect.Parameter.VAR_KEYWORD}
        named = {name: value for name, value in bound.items() if name not in rest}
        named.update({name: value for each in rest for name, value in bound[each].items()})
    for name, value in named.items():
        if _is_plain(value):
            yield {"name": name, "literal": value}
        elif hasattr(value, "expr") and all(
            type(key) in (int, str) for _, key in getattr(value, "_reference_path", ())
        ):
            yield {"name": name, "expression": value.expr}
        else:
            yield {"name": name, "unknown": type(value).__name__}


def _is_plain(value: Any) -> bool:
    """Whether a value is the same after a trip through JSON."""
    if type(value) is list:
        return all(map(_is_plain, value))
    if type(value) is dict:
        return all(type(key) is str and _is_plain(each) for key, each in value.items())
    return type(value) in (str, int, bool, type(None)) or (type(value) is float and value - value == 0)


class Clock:
    """Shows the same times in each run, one second later whenever it is asked: it stands in for module `time`."""

    def __init__(self) -> None:
        self.asked = 0

    def time(self) -> float:
        self.asked += 1
        return round(MOMENT.timestamp() + self.asked + 0.001, 3)

    def gmtime(self, moment: Optional[float] = None) -> Any:
        return time.gmtime(self.time() if moment is None else moment)

    def strftime(self, form: str, moment: Any = None) -> str:
        return time.strftime(form, self.gmtime() if moment is None else moment)

    def __getattr__(self, name: str) -> Any:
        return getattr(time, name)

    def datetime(self) -> type:
        """A class `datetime` that shows the time of this clock."""
        clock = self

        class Datetime(datetime.datetime):
            @classmethod
            def now(cls, tz: Optional[datetime.tzinfo] = None) -> Datetime:
                moment = cls.fromtimestamp(clock.time(), tz or datetime.timezone.utc)
                return moment if tz else moment.replace(tzinfo=None)

        return Datetime


# The modules that make names for jobs and uploads, of SDK v2 and v3.
NAMING = (
    *("sagemaker.utils", "sagemaker.fw_utils", "sagemaker.workflow.pipeline"),
    *("sagemaker.core.common_utils", "sagemaker.train.utils", "sagemaker.mlops.workflow.pipeline"),
)


def freeze(imports: WhenImported) -> None:
    """Make the names that the SDK gives to jobs and uploads the same in each run.

    It makes them of the time, of random numbers from `uuid4`, and of the names of temporary files.
    """
    numbers = random.Random(0)
    tempfile._RandomNameSequence.rng = random.Random(1)  # type: ignore[attr-defined]
    uuid.uuid4 = lambda: uuid.UUID(int=numbers.getrandbits(128), version=4)
    random.seed(0)
    listdir = os.listdir
    os.listdir = lambda *path: sorted(listdir(*path))  # type: ignore[assignment] # the order of files in archives
    clock = Clock()

    def stop_clock(module: Any) -> None:
        if getattr(module, "time", None) is time:
            module.time = clock
        if getattr(module, "datetime", None) is datetime.datetime:
            module.datetime = clock.datetime()

    for name in NAMING:
        imports.do(name, stop_clock)


def _sdk_version() -> Optional[str]:
    from importlib import metadata

    with contextlib.suppress(metadata.PackageNotFoundError):
        return metadata.version("sagemaker")
    return None


# --- repairs ----------------------------------------------------------------------------------------------------------

# Where SDK v2 has the names that fragments of course code use without importing them.
MODULES = (
    *("sagemaker", "sagemaker.estimator", "sagemaker.inputs", "sagemaker.model", "sagemaker.model_metrics"),
    *("sagemaker.processing", "sagemaker.sklearn.processing", "sagemaker.sklearn.estimator", "sagemaker.transformer"),
    *("sagemaker.xgboost.estimator", "sagemaker.xgboost.processing", "sagemaker.tensorflow", "sagemaker.pytorch"),
    *("sagemaker.tuner", "sagemaker.lambda_helper", "sagemaker.workflow.pipeline", "sagemaker.workflow.parameters"),
    *("sagemaker.workflow.pipeline_context", "sagemaker.workflow.steps", "sagemaker.workflow.model_step"),
    *("sagemaker.workflow.step_collections", "sagemaker.workflow.condition_step", "sagemaker.workflow.conditions"),
    *("sagemaker.workflow.functions", "sagemaker.workflow.properties", "sagemaker.workflow.fail_step"),
    *("sagemaker.workflow.callback_step", "sagemaker.workflow.lambda_step"),
    "sagemaker.workflow.execution_variables",
)
# What a program can leave to the course's text, as an expression of the names above and of each other.
NAMES = {
    **dict.fromkeys(("sagemaker_session", "pipeline_session", "session", "sess"), "PipelineSession()"),
    **dict.fromkeys(("role", "role_arn", "sagemaker_role"), repr(ROLE)),
    **dict.fromkeys(("region", "aws_region"), "PipelineSession().boto_region_name"),
    **dict.fromkeys(("bucket", "bucket_name", "s3_bucket", "default_bucket"), "PipelineSession().default_bucket()"),
    "prefix": "'prefix'",
    **dict.fromkeys(
        ("xgb_image", "xgb_image_uri", "xgboost_image_uri"),
        "image_uris.retrieve('xgboost', PipelineSession().boto_region_name, version='1.7-1')",
    ),
    **dict.fromkeys(
        ("xgb_estimator", "xgb_train", "estimator"),
        "Estimator(image_uri=xgb_image, role=role, instance_count=1, instance_type='ml.m5.large',"
        " output_path=f's3://{bucket}/{prefix}/output', sagemaker_session=PipelineSession(),"
        " hyperparameters={'objective': 'binary:logistic', 'num_round': '100'})",
    ),
}
# Methods that describe a step under a PipelineSession, and start a job at once under a plain Session.
RUNS = (
    *("sagemaker.processing:Processor.run", "sagemaker.processing:ScriptProcessor.run"),
    *("sagemaker.processing:FrameworkProcessor.run", "sagemaker.estimator:EstimatorBase.fit"),
    *("sagemaker.transformer:Transformer.transform", "sagemaker.tuner:HyperparameterTuner.fit"),
    *("sagemaker.model:Model.create", "sagemaker.model:Model.register"),
)


class Builtins(Dict[str, Any]):
    """The builtins of the program, and the names that it forgot: Python asks here last."""

    def __init__(self, journal: Journal, places: Places) -> None:
        super().__init__(vars(builtins))
        self.journal = journal
        self.places = places

    def __missing__(self, name: str) -> Any:
        value = self.make(name)
        meaning = NAMES.get(name, f"{getattr(value, '__module__', 'sagemaker')}.{name}")
        self.journal.write("repair", what=f"{name} is not defined; it became {meaning}", place=self.places.here())
        self[name] = value
        return value

    def make(self, name: str) -> Any:
        if name in NAMES:
            return eval(NAMES[name], {"__builtins__": _Quiet(self)})
        for module in MODULES:
            with contextlib.suppress(Exception):
                return getattr(importlib.import_module(module), name)
        raise KeyError(name)


class _Quiet(Dict[str, Any]):
    """The same names for the expressions above, without a word about them."""

    def __init__(self, names: Builtins) -> None:
        super().__init__(vars(builtins))
        self.names = names

    def __missing__(self, name: str) -> Any:
        return self.names.make(name)


class Sessions:
    """Gives a PipelineSession to what runs with a plain Session, and to models without any."""

    def __init__(self, journal: Journal, places: Places) -> None:
        self.journal = journal
        self.places = places
        self.lent: Dict[int, Any] = {}

    def repair(self, imports: WhenImported) -> None:
        """Wrap the methods that need one."""
        for module, name in (each.split(":") for each in RUNS):
            imports.do(module, functools.partial(self.wrap, name))
        imports.do("sagemaker.model", lambda module: self.wrap_init(module.Model))

    def lend(self, instance: Any, why: str) -> None:
        session = importlib.import_module("sagemaker.workflow.pipeline_context").PipelineSession
        plain = instance.sagemaker_session
        if isinstance(plain, session):
            return
        if id(plain) not in self.lent:
            self.lent[id(plain)] = session() if plain is None else session(boto_session=plain.boto_session)
        instance.sagemaker_session = self.lent[id(plain)]
        self.journal.write("repair", what=f"{type(instance).__name__} {why}", place=self.places.here())

    def wrap(self, name: str, module: Any) -> None:
        owner, method = name.split(".")
        original = getattr(getattr(module, owner), method)

        @functools.wraps(original)
        def run(instance: Any, *arguments: Any, **keywords: Any) -> Any:
            self.lend(instance, f"had a plain Session at .{method}(); it became a PipelineSession")
            return original(instance, *arguments, **keywords)

        setattr(getattr(module, owner), method, run)

    def wrap_init(self, model: Any) -> None:
        original = model.__init__

        @functools.wraps(original)
        def init(instance: Any, *arguments: Any, **keywords: Any) -> None:
            original(instance, *arguments, **keywords)
            if instance.sagemaker_session is None:
                self.lend(instance, "had no session; it got a PipelineSession")

        model.__init__ = init


# --- notebooks --------------------------------------------------------------------------------------------------------


class Shell:
    """What `get_ipython()` gives in a notebook: Python runs, files are written, and all else is left out."""

    SILENT = ("autoreload", "config", "load_ext", "matplotlib", "pylab", "reload_ext")

    def __init__(self, journal: Journal, places: Places, names: Dict[str, Any]) -> None:
        self.journal = journal
        self.places = places
        self.names = names
        self.file = ""

    def run_cell(self, source: str) -> None:
        """Run a cell, or the Python below a magic; the last is a cell of its own, one line lower."""
        with contextlib.suppress(SyntaxError):
            return self.run_python(source)
        self.run_python(_without_magics(source))
        return None

    def run_python(self, source: str) -> None:
        code = compile(source, self.file, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
        result = eval(code, self.names)
        if inspect.iscoroutine(result):
            asyncio.run(result)

    def run_cell_magic(self, name: str, line: str, body: str) -> None:
        """`%%name line` over a cell."""
        if name in ("writefile", "file"):
            path = os.path.expanduser(line.split()[-1])
            with open(path, "a" if "-a" in line.split() else "w", encoding="utf-8") as file:
                file.write(body)
        elif name in ("time", "timeit", "capture", "prun"):
            self.run_cell("\n" + body)
        else:
            self.leave_out(f"%%{name}")

    def run_line_magic(self, name: str, line: str, *_: Any, **__: Any) -> None:
        """`%name line`."""
        if name in ("time", "timeit"):
            self.run_cell(line)
        elif name not in self.SILENT:
            self.leave_out(f"%{name} {line}")

    def system(self, command: str) -> None:
        """`!command`."""
        self.leave_out(f"!{command}")

    def getoutput(self, command: str) -> List[str]:
        """`x = !command`."""
        self.leave_out(f"!{command}")
        return []

    def leave_out(self, what: str) -> None:
        self.journal.write("left_out", what=what[:200].rstrip(), place=self.places.here())


def _without_magics(source: str) -> str:
    """A cell as Python, as IPython translates it if it is there."""
    try:
        manager = importlib.import_module("IPython.core.inputtransformer2").TransformerManager()
    except ImportError:
        return "".join(_translated(source))
    return str(manager.transform_cell(source))


def _translated(source: str) -> Iterator[str]:
    lines = source.splitlines(keepends=True)
    first = re.match(r"%%(\w+)[ \t]*(.*)", source.lstrip())
    if first:
        start = next(index for index, line in enumerate(lines) if line.strip())
        yield f"get_ipython().run_cell_magic({first[1]!r}, {first[2].strip()!r}, {''.join(lines[start + 1 :])!r})\n"
        return
    for line in lines:
        magic = re.match(r"(\s*(?:[\w., ]+=\s*)?)([%!])(?!\s*$)(.*)", line)
        if magic and magic[2] == "!":
            method = "getoutput" if "=" in magic[1] else "system"
            yield f"{magic[1]}get_ipython().{method}({magic[3].strip()!r})\n"
        elif magic:
            name, _, rest = magic[3].strip().partition(" ")
            yield f"{magic[1]}get_ipython().run_line_magic({name!r}, {rest.strip()!r})\n"
        elif re.match(r"\s*\?|.*\?\s*$", line) and "#" not in line:
            yield "\n"
        else:
            yield line


def run_notebook(path: str, names: Dict[str, Any], journal: Journal, places: Places) -> None:
    """Run the code cells of a notebook, one by one, in one namespace."""
    with open(path, encoding="utf-8") as file:
        document = json.load(file)
    if not isinstance(document, dict) or not isinstance(document.get("cells"), list):
        raise ValueError("the file holds no cells of a notebook")
    shell = Shell(journal, places, names)
    names.update(display=lambda *_, **__: None, get_ipython=lambda: shell)
    cells = [cell for cell in document["cells"] if cell.get("cell_type") == "code"]
    for number, cell in enumerate(cells, 1):
        source = cell.get("source", "")
        source = source if isinstance(source, str) else "".join(source)
        shell.file = f"{os.path.basename(path)}, cell {number}"
        places.cells[shell.file] = {"file": path, "cell": number}
        linecache.cache[shell.file] = (len(source), None, source.splitlines(keepends=True), shell.file)
        shell.run_cell(source)


# --- the program ------------------------------------------------------------------------------------------------------


def run_function(function: Any, keywords: Dict[str, str]) -> None:
    """Call a function with values from the command line, read as JSON where it wants no text."""
    parameters = inspect.signature(function).parameters

    def value(name: str, text: str) -> Any:
        parameter = parameters.get(name)
        if parameter is None or parameter.annotation in (str, "str") or isinstance(parameter.default, str):
            return text
        if parameter.annotation is parameter.empty and parameter.default in (parameter.empty, None):
            return text
        try:
            return json.loads(text)
        except ValueError:
            return text

    function(**{name: value(name, text) for name, text in keywords.items()})


def run(request: Dict[str, Any], journal: Journal, places: Places) -> None:
    """Run the program of a request."""
    source, function = request["source"], request["function"]
    names = {"__builtins__": Builtins(journal, places)} if request["repair"] else {}
    sys.argv = [source, *request["arguments"]]
    sys.path.insert(0, os.getcwd())
    if source.endswith(".ipynb"):
        main = types.ModuleType("__main__")
        sys.modules["__main__"] = main
        vars(main).update(names)
        run_notebook(source, vars(main), journal, places)
    elif function is None:
        runpy.run_path(source, init_globals=names, run_name="__main__")
    else:
        is_file = source.endswith(".py")
        module = importlib.import_module(os.path.basename(source)[:-3] if is_file else source)
        run_function(functools.reduce(getattr, function.split("."), module), request["keywords"])


def _stop(*_: Any) -> None:
    raise Stopped("the time was up")


def main() -> None:
    """Run the request that the command line names; the journal tells how it went."""
    if sys.path and os.path.realpath(sys.path[0]) == os.path.dirname(os.path.realpath(__file__)):
        del sys.path[0]  # modules beside this file are no modules of the program
    with open(sys.argv[1], encoding="utf-8") as file:
        request = json.load(file)
    journal = Journal(request["folder"])
    places = Places(os.getcwd())
    aws = Aws(journal, places, request["region"])
    pipelines = Pipelines(journal, aws)
    version = _sdk_version()
    journal.write("begin", sdk=version, python=sys.version.split()[0])
    signal.signal(signal.SIGTERM, _stop)
    close_network(journal)
    aws.install()
    imports = WhenImported()
    freeze(imports)
    pipelines.watch(imports)
    aws.functions.watch(imports)
    if request["repair"]:
        Sessions(journal, places).repair(imports)
    try:
        run(request, journal, places)
    except SystemExit as end:
        if end.code not in (None, 0):
            journal.write("error", message=f"the program ended with {end.code!r}", place=places.of_error(end))
    except BaseException as error:
        text = error.msg if isinstance(error, SyntaxError) else error
        message = f"{type(error).__name__}: {text}"[:MAX_MESSAGE]
        journal.write("error", message=message, place=places.of_error(error))
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        pipelines.collect()
        journal.write("end")
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)  # threads that the program left behind hold nothing up


if __name__ == "__main__":
    main()
