"""Running a script of the user and reading its log."""

import os
import re
import signal
import subprocess
import sys
import threading
from typing import IO, Callable, Dict, Iterable, List, Optional

from .archives import pack
from .command_line import ContractError
from .files import SOURCES, inside, local_run, place, read_text, stage
from .task import Task


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
