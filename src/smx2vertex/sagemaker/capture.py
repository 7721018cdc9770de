"""Captures pipelines from the programs that build them: runs a program offline and keeps what it would send to AWS.

The program runs in the user's own interpreter, with the SageMaker SDK that is there, under `capture_runner.py`. It is
code, and it is executed: AWS credentials and settings are withheld, the network is closed, and that is all.
"""

from __future__ import annotations

import ast
import contextlib
import gzip
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from ..findings import Finding, InputError
from .bundle import Bundle, is_bundle
from .reader import read
from .secrets import masked
from .trigger_calls import OPERATIONS, TriggerCalls

RUNNER = Path(__file__).with_name("capture_runner.py")
TRIGGERS = "triggers.yaml"
REGION = "us-east-1"
# A source archive is made anew to be the same in each run; one that is larger holds something other than sources.
MAX_ARCHIVE_BYTES = 64 * 1024 * 1024
# Compiled modules differ from machine to machine; the SDK uploads what lies in a folder.
_CACHE = "/__pycache__/"


@dataclass(frozen=True, slots=True)
class Program:
    """What to run.

    Attributes:
        source: absolute path of a Python file or a notebook, or the name of a module.
        function: the function to call, or None to run the file itself.
        folder: the working folder: that of the file, or the current one for a module.
        shown: the program as the user named it, without the function.
    """

    source: str
    function: str | None
    folder: Path
    shown: str


@dataclass(frozen=True, slots=True)
class Captured:
    """What a program did.

    Attributes:
        bundle: definitions, and the files they name.
        triggers: what the program set up to start pipelines, in the form of `triggers.yaml`.
        findings: what a person should know about it.
        complete: whether the program ran to its end.
        output: what the program printed.
    """

    bundle: Bundle
    triggers: list[dict[str, Any]]
    findings: list[Finding]
    complete: bool
    output: str


class ProgramError(InputError):
    """The program gave no pipeline.

    Attributes:
        output: what it printed.
    """

    def __init__(self, finding: Finding, output: str) -> None:
        """Keep the finding and the output."""
        super().__init__(finding)
        self.output = output


def find_program(source: str) -> Program | None:
    """The program that a source names: `x.py`, `x.py:function`, `module:function` or `x.ipynb`; None if it names none.

    Raises:
        InputError: it names a Python file or a notebook that is not there.
    """
    head, colon, function = source.rpartition(":")
    wanted = function if colon and re.fullmatch(r"[^\W\d]\w*(\.[^\W\d]\w*)*", function) else None
    name = head if wanted else source
    path = Path(name)
    if path.suffix == ".py" or (path.suffix == ".ipynb" and wanted is None):
        if not path.is_file():
            raise InputError(Finding("SMX160", "there is no such file", file=name))
        path = path.resolve()
        return Program(str(path), wanted, path.parent, name)
    if wanted and re.fullmatch(r"[^\W\d]\w*(\.[^\W\d]\w*)*", name) and not Path(source).exists():
        return Program(name, wanted, Path.cwd(), name)
    return None


def capture(
    program: Program,
    out: Path,
    *,
    python: Path | None = None,
    arguments: Sequence[str] = (),
    keywords: Mapping[str, str] | None = None,
    repair: bool = False,
    timeout: float = 300,
) -> Captured:
    """Run a program and write a bundle of the pipelines that it builds.

    Args:
        program: what to run.
        out: folder of the bundle; a bundle that stands there is replaced.
        python: the interpreter; else the one of the active virtual environment, else this one.
        arguments: what the program finds in `sys.argv`.
        keywords: arguments of the function, as text; read as JSON where the function wants no text.
        repair: mend known mistakes of course code; each repair is a finding, and the bundle says so.
        timeout: seconds until the program is stopped.

    Raises:
        InputError: the program cannot be run, or built no pipeline; then it is a ProgramError.
    """
    if out.exists() and not is_bundle(out) and not (out.is_dir() and not any(out.iterdir())):
        raise InputError(Finding("SMX160", "stands in the way: it is neither empty nor a bundle", file=str(out)))
    interpreter = _interpreter(python)
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="capture-") as work, _folder_for(out) as made:
        request = {
            "folder": work,
            "source": program.source,
            "function": program.function,
            "keywords": dict(keywords or {}),
            "arguments": list(arguments),
            "region": os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or REGION,
            "repair": repair,
        }
        ended = _run(interpreter, program.folder, request, Path(work), timeout)
        output = _without_tracebacks((Path(work) / "output.txt").read_text(encoding="utf-8", errors="replace"))
        reading = _Reading(Path(work), program, Bundle(made))
        reading.read()
        if not ended:
            reading.errors.append(
                Finding("SMX163", f"the program did not end within {timeout:g} s", file=program.shown)
            )
        if not reading.bundle.pipelines:
            raise ProgramError(_why_nothing(program, reading.errors), output)
        reading.finish()
        _replace(out, made)
    return Captured(
        Bundle(out, reading.bundle.pipelines, reading.bundle.code),
        reading.triggers,
        [*reading.errors, *reading.findings],
        not reading.errors,
        output,
    )


@cache
def has_network_namespace() -> bool:
    """Whether this machine can run a program without any network."""
    unshare = shutil.which("unshare")
    return unshare is not None and subprocess.run([unshare, "-rn", "true"], capture_output=True).returncode == 0


# --- running ----------------------------------------------------------------------------------------------------------

_PROBE = """
import json, sys
from importlib.util import find_spec
print(json.dumps([sys.executable, sys.version_info >= (3, 8), bool(find_spec("boto3")), bool(find_spec("sagemaker"))]))
"""


def _interpreter(python: Path | None) -> str:
    """The interpreter for a program, as an absolute path that needs nothing of the environment."""
    active = os.environ.get("VIRTUAL_ENV")
    # A path is meant from here, a bare name from PATH; links are kept, for they are what tells environments apart.
    named = str(python.absolute() if python and len(python.parts) > 1 else python)
    candidates = [named] if python else [*([f"{active}/bin/python"] if active else []), sys.executable]
    for candidate in candidates:
        try:
            command = [candidate, "-c", _PROBE]
            done = subprocess.run(command, capture_output=True, text=True, cwd=tempfile.gettempdir(), timeout=60)
            executable, recent, boto3, sdk = json.loads(done.stdout)
        except (OSError, ValueError, subprocess.TimeoutExpired):
            continue
        if recent and (sdk or (python and boto3)):
            return str(executable)
    raise InputError(Finding("SMX161", f"no SageMaker SDK was found for {' or '.join(candidates)}"))


def _environment(work: Path) -> dict[str, str]:
    """The environment of a program: the user's, without AWS credentials and settings, and with a home of its own."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AWS_", "BOTO_")) and not re.fullmatch(r"SAGEMAKER_\w+_CONFIG_OVERRIDE", name)
    }
    home, temporary = work / "home", work / "tmp"
    home.mkdir()
    temporary.mkdir()
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or REGION
    return {
        # Packages that were installed for the user alone are found below the home folder.
        "PYTHONUSERBASE": str(Path.home() / ".local"),
        **kept,
        "AWS_ACCESS_KEY_ID": "capture",
        "AWS_SECRET_ACCESS_KEY": "capture",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_DEFAULT_REGION": region,
        "AWS_REGION": region,
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home),
        "XDG_CONFIG_DIRS": str(home),
        "XDG_CACHE_HOME": str(home),
        "TMPDIR": str(temporary),
        "MPLBACKEND": "Agg",
        "PYTHONHASHSEED": "0",
        "SAGEMAKER_SUPPRESS_V2_WARNING": "1",
    }


def _run(interpreter: str, folder: Path, request: dict[str, Any], work: Path, timeout: float) -> bool:
    """Run the runner in a process group of its own; returns whether it ended by itself."""
    (work / "request.json").write_text(json.dumps(request), encoding="utf-8")
    command = [interpreter, str(RUNNER), str(work / "request.json")]
    if has_network_namespace():
        command = ["unshare", "-rn", *command]
    with (work / "output.txt").open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=_environment(work),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            process.wait(timeout)
            return True
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGTERM)  # the runner still writes down what was built
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(10)
            return False
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


# --- reading ----------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Reading:
    """Reads the journal of a run into a bundle."""

    work: Path
    program: Program
    bundle: Bundle
    sdk: str | None = None
    pipelines: dict[str, dict[str, Any]] = field(default_factory=dict)
    starts: dict[str, list[Any]] = field(default_factory=dict)
    objects: dict[str, str] = field(default_factory=dict)
    calls: TriggerCalls = field(default_factory=TriggerCalls)
    triggers: list[dict[str, Any]] = field(default_factory=list)
    repairs: list[str] = field(default_factory=list)
    errors: list[Finding] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    def read(self) -> None:
        """Read all lines; then the definitions stand in the bundle."""
        journal = self.work / "journal.jsonl"
        lines = journal.read_text(encoding="utf-8").splitlines() if journal.is_file() else []
        entries = [entry for line in lines if (entry := _entry(line)) is not None]
        for entry in entries:
            getattr(self, entry["kind"])(**{key: value for key, value in entry.items() if key != "kind"})
        if not entries or entries[-1]["kind"] != "end":
            self.errors.append(Finding("SMX163", "the program ended its own process", file=self.program.shown))
        for name, known in self.pipelines.items():
            self.add_definition(name, known)

    def add_definition(self, name: str, known: dict[str, Any]) -> None:
        text = known.pop("definition")
        try:
            document = json.loads(text)
            read(document)
        except (ValueError, RecursionError):
            self.findings.append(Finding("SMX171", f"the definition of {name!r} is no JSON", file=self.program.shown))
            return
        except InputError as error:
            message = f"the definition of {name!r} {error.finding.message}"
            self.findings.append(Finding("SMX171", message, file=self.program.shown))
            return
        more = {key: value for key, value in known.items() if value}
        self.bundle.add_definition(name, document, source=Path(self.program.shown).name, sdk=self.sdk, **more)

    def finish(self) -> None:
        """Complete the bundle: the files, the triggers, the manifest."""
        for uri, file in self.objects.items():
            self.bundle.add_file(uri, _stable((self.work / file).read_bytes()))
        self.triggers = self.calls.triggers(self.bundle.names())
        for entry in self.bundle.pipelines:
            name = entry["name"]
            schedules = [each for each in self.triggers if (each["kind"], each["pipeline"]) == ("schedule", name)]
            known = {
                "parameters": self.starts.get(name),
                "schedules": schedules,
                "repaired": list(dict.fromkeys(self.repairs)),
            }
            entry.update({key: value for key, value in known.items() if value})
        if self.triggers:
            text = yaml.safe_dump(self.triggers, sort_keys=False, allow_unicode=True, width=120)
            (self.bundle.folder / TRIGGERS).write_text(text, encoding="utf-8")
        self.bundle.save()

    # One method a kind of line, named after it.

    def begin(self, sdk: str | None, python: str) -> None:
        self.sdk = f"sagemaker {sdk}, Python {python}" if sdk else f"Python {python}"

    def end(self) -> None:
        pass

    def pipeline(self, name: str, uploaded: str | None = None, **known: Any) -> None:
        self.pipelines[name] = {**self.pipelines.get(name, {}), **known}
        if uploaded:
            self.objects.pop(uploaded, None)  # it stands among the definitions

    def execution(self, pipeline: str, parameters: dict[str, Any]) -> None:
        self.starts.setdefault(pipeline, []).append({name: masked(name, value) for name, value in parameters.items()})

    def object(self, uri: str, file: str) -> None:
        if _CACHE not in uri:
            self.objects[uri] = file

    def call(self, service: str, operation: str, request: dict[str, Any], place: Any) -> None:
        if (service, operation) in OPERATIONS:
            self.calls.add(operation, request)
        else:
            self.note("SMX166", f"{service}.{operation} was called; nothing happened", place)

    def connection(self, host: str) -> None:
        self.note("SMX165", f"a connection to {host} was refused", None)

    def repair(self, what: str, place: Any) -> None:
        self.repairs.append(what)
        self.note("SMX167", what, place)

    def left_out(self, what: str, place: Any) -> None:
        self.note("SMX168", f"left out: {what}", place)

    def error(self, message: str, place: Any) -> None:
        self.errors.append(self.finding("SMX163", message, place))

    def note(self, code: str, message: str, place: Any) -> None:
        finding = self.finding(code, message, place)
        if finding not in self.findings:
            self.findings.append(finding)

    def finding(self, code: str, message: str, place: Any) -> Finding:
        if not place:
            return Finding(code, message, file=self.program.shown)
        cell = f"cell {place['cell']}, " if "cell" in place else ""
        return Finding(code, message, f"{cell}line {place['line']}", file=self.shown(Path(place["file"])))

    def shown(self, file: Path) -> str:
        """A file of the program, by the path through which the user named the program."""
        if file == Path(self.program.source):
            return self.program.shown
        folder = self.program.folder.resolve()
        return file.relative_to(folder).as_posix() if file.is_relative_to(folder) else str(file)


_KINDS = frozenset(
    ("begin", "end", "pipeline", "execution", "object", "call", "connection", "repair", "left_out", "error")
)


def _entry(line: str) -> dict[str, Any] | None:
    """A line of the journal; the last may be cut off by a crash, and text may hold what no file can."""
    try:
        entry = json.loads(json.dumps(json.loads(line), ensure_ascii=False).encode("utf-8", "replace"))
    except ValueError:
        return None
    return entry if isinstance(entry, dict) and entry.get("kind") in _KINDS else None


def _without_tracebacks(output: str) -> str:
    """What a program printed, without the tracebacks that libraries log; the program's own error is a finding."""
    return re.sub(r"^Traceback \(most recent call last\):\n(?:[ \t].*\n|\n)*.*\n?", "", output, flags=re.MULTILINE)


def _why_nothing(program: Program, errors: list[Finding]) -> Finding:
    """Why there is no pipeline."""
    if errors:
        return Finding("SMX162", errors[0].message, errors[0].pointer, file=errors[0].file)
    builders = _builders(program) if program.function is None else []
    hint = f"; it has functions that build one: {', '.join(f'{program.shown}:{name}' for name in builders)}"
    return Finding("SMX164", f"it ran to its end and built no pipeline{hint if builders else ''}", file=program.shown)


def _builders(program: Program) -> list[str]:
    """The functions of a file that call `Pipeline(…)`."""
    try:
        tree = ast.parse(Path(program.source).read_bytes())
    except (OSError, SyntaxError, ValueError):
        return []
    return [
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef)
        for call in ast.walk(node)
        if isinstance(call, ast.Call) and getattr(call.func, "id", getattr(call.func, "attr", None)) == "Pipeline"
    ]


def _stable(content: bytes) -> bytes:
    """A source archive without what differs from run to run: times, owners, names of temporary files."""
    if not content.startswith(b"\x1f\x8b") or len(content) > MAX_ARCHIVE_BYTES:
        return content
    try:
        with tarfile.open(fileobj=io.BytesIO(content), mode="r:gz") as archive:
            members = sorted(_members(archive), key=lambda member: member[0].name)
    except (tarfile.TarError, OSError, EOFError):
        return content
    made = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=made, mode="wb", filename="", mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w") as archive,
    ):
        for info, body in members:
            archive.addfile(info, io.BytesIO(body))
    return made.getvalue()


def _members(archive: tarfile.TarFile) -> Iterable[tuple[tarfile.TarInfo, bytes]]:
    total = 0
    for member in archive:
        total += member.size
        if total > 8 * MAX_ARCHIVE_BYTES:
            raise tarfile.TarError("too large")
        if _CACHE in f"/{member.name}/":
            continue
        file = archive.extractfile(member) if member.isfile() else None
        member.mtime, member.uid, member.gid, member.uname, member.gname = 0, 0, 0, "", ""
        member.pax_headers = {}
        yield member, file.read() if file else b""


# --- writing ----------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _folder_for(out: Path) -> Any:
    """A folder beside the target, to be moved there; removed if it was not."""
    made = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    made.chmod(0o755)
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _replace(out: Path, made: Path) -> None:
    if out.exists():
        old = made.with_name(made.name + "-old")
        out.rename(old)
        made.rename(out)
        shutil.rmtree(old, ignore_errors=True)
    else:
        made.rename(out)
