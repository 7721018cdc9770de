"""What a local run gives its programs: a private /opt/ml, a clean environment, processes that never outlive the run."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ..findings import Finding, InputError
from .watchdog import Watchdog, gated

OPT_ML = Path("/opt/ml")
# Builds a new /opt in $1 from what /opt holds and $2 as its ml, puts it over /opt, and becomes the program.
PRIVATE_OPT = """set -e
new=$1 ml=$2
shift 2
mount -t tmpfs tmpfs "$new"
for entry in /opt/* /opt/.[!.]*; do
  name=${entry##*/}
  if [ "$name" = ml ]; then continue
  elif [ -L "$entry" ]; then cp -P "$entry" "$new/$name"
  elif [ -d "$entry" ]; then mkdir "$new/$name"; mount --rbind "$entry" "$new/$name"
  elif [ -e "$entry" ]; then : > "$new/$name"; mount --bind "$entry" "$new/$name"
  fi
done
mkdir "$new/ml"
mount --bind "$ml" "$new/ml"
mount --rbind "$new" /opt
exec "$@"
"""
# Credentials and settings of this machine that no container would see.
PRIVATE_PREFIXES = ("AWS_", "GOOGLE_", "GCLOUD_", "CLOUDSDK_", "AIP_", "SM_", "CLOUD_ML_", "SMX2VERTEX_")
PRIVATE_NAMES = frozenset({"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "SAGEMAKER_PROGRAM", "TRAINING_JOB_NAME"})
SECONDS_TO_END = 3.0


def environment(path_first: Path) -> dict[str, str]:
    """The environment of a task: this one without credentials, `path_first` first on PATH, no package index."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(PRIVATE_PREFIXES) and name not in PRIVATE_NAMES
    }
    kept["PATH"] = os.pathsep.join([str(path_first), kept.get("PATH", os.defpath)])
    return kept | {"PIP_NO_INDEX": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PYTHONUNBUFFERED": "1"}


def usable_interpreter(python: str) -> str:
    """The absolute path of an interpreter, symlinks kept: a virtual environment is known by its link.

    Raises:
        InputError: it cannot be started (SMX612).
    """
    found = shutil.which(python)
    if found:
        absolute = os.path.abspath(found)  # noqa: PTH100 - Path.resolve would follow the link
        if subprocess.run([absolute, "-c", "import sys"], capture_output=True, check=False).returncode == 0:
            return absolute
    raise InputError(Finding("SMX612", f"{python} is no Python interpreter that can be started"))


def write_wrappers(folder: Path, python: str) -> None:
    """Make `python` and `python3` in a folder, both the given interpreter."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("python", "python3"):
        wrapper = folder / name
        quoted = "'" + python.replace("'", "'\\''") + "'"
        wrapper.write_text(f'#!/bin/sh\nexec {quoted} "$@"\n', encoding="utf-8")
        wrapper.chmod(0o755)


class Interpreters:
    """Which interpreter stands for `python` and `python3` in the tasks of which image.

    Attributes:
        usual: where no image says otherwise.
    """

    def __init__(self, usual: str, of_images: Mapping[str, str], folder: Path) -> None:
        """Find them, and make a folder for each, in which `python` is it.

        Args:
            usual: an interpreter.
            of_images: interpreters by image: its address, or what follows the last slash, with or without tag.
            folder: the wrappers go below it.

        Raises:
            InputError: one cannot be started (SMX612).
        """
        self.usual = usable_interpreter(usual)
        self.of_images = {image: usable_interpreter(python) for image, python in of_images.items()}
        self.folders: dict[str, Path] = {}
        for number, python in enumerate(dict.fromkeys((self.usual, *self.of_images.values()))):
            self.folders[python] = folder / str(number)
            write_wrappers(self.folders[python], python)

    def of(self, image: str) -> str:
        """The interpreter of an image."""
        name = image.rpartition("/")[2]
        for known in (image, name, name.partition(":")[0]):
            if known in self.of_images:
                return self.of_images[known]
        return self.usual


@dataclass(frozen=True, slots=True)
class PrivateFolder:
    """How each task gets an /opt/ml of its own.

    Attributes:
        how: `namespace` (any number at a time), `shared` (the real /opt/ml, one task at a time, cleaned before each),
            or `none`.
        mount_point: an empty folder on which a namespace builds its new /opt.
    """

    how: str
    mount_point: Path

    @classmethod
    def find(cls, scratch: Path) -> PrivateFolder:
        """Try what this machine allows; `scratch` is a folder of the run."""
        mount_point = scratch / "opt"
        mount_point.mkdir(parents=True, exist_ok=True)
        private = cls("namespace", mount_point)
        probe = scratch / "probe"
        probe.mkdir(exist_ok=True)
        works = private._works(probe)
        shutil.rmtree(probe)
        if works:
            return private
        return cls("shared" if _is_free(OPT_ML) else "none", mount_point)

    def _works(self, probe: Path) -> bool:
        if not sys.platform.startswith("linux") or not shutil.which("unshare"):
            return False
        command = self.command(["sh", "-c", "touch /opt/ml/here"], probe)
        subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, check=False)
        return (probe / "here").exists()

    def command(self, words: list[str], ml: Path) -> list[str]:
        """The command that runs these words with the folder `ml` at /opt/ml."""
        if self.how != "namespace":
            return words
        return ["unshare", "-rm", "sh", "-c", PRIVATE_OPT, "sh", str(self.mount_point), str(ml), *words]

    def prepare(self, ml: Path) -> None:
        """Make an empty /opt/ml ready for the next task."""
        if self.how == "shared":
            empty(OPT_ML)
        else:
            ml.mkdir(parents=True, exist_ok=True)
            empty(ml)

    def close(self) -> None:
        """Leave nothing in a shared /opt/ml."""
        if self.how == "shared":
            empty(OPT_ML)


def empty(folder: Path) -> None:
    """Make a folder that exists and holds nothing."""
    folder.mkdir(parents=True, exist_ok=True)
    for entry in folder.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry, ignore_errors=True)
        else:
            entry.unlink(missing_ok=True)


def _is_free(folder: Path) -> bool:
    """Whether a folder may be used and cleaned: it holds nothing of anyone else."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return not any(folder.iterdir()) and os.access(folder, os.W_OK | os.X_OK)
    except OSError:
        return False


@dataclass(frozen=True, slots=True)
class Ending:
    """How a program ended: its exit code (None after a timeout) and its last line that is not blank."""

    code: int | None
    last_line: str


class Processes:
    """The programs of a run. Each has a process group of its own, so that ending it ends all that it started.

    A watchdog ends them when the run itself is killed.
    """

    def __init__(self) -> None:
        """Nothing runs yet."""
        self._lock = threading.Lock()
        self._watchdog = Watchdog()
        self._running: set[subprocess.Popen[bytes]] = set()
        self.ended = threading.Event()

    def run(
        self,
        command: list[str],
        environment: Mapping[str, str],
        folder: Path,
        line: Callable[[str], None],
        timeout: float | None = None,
    ) -> Ending:
        """Run a program to its end.

        Args:
            command: the program and its arguments.
            environment: its environment, and nothing else.
            folder: where it starts.
            line: called with each line of its output and error stream, as it comes.
            timeout: seconds after which it is ended.

        Raises:
            OSError: it cannot be started.
        """
        with self._lock:
            if self.ended.is_set():
                return Ending(None, "the run was ended")
            process = subprocess.Popen(
                gated(command),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env=dict(environment),
                cwd=folder,
                start_new_session=True,
            )
            self._running.add(process)
            self._watchdog.release(process)
        last = [""]
        reader = threading.Thread(target=_read_lines, args=(process, line, last), daemon=True)
        reader.start()
        try:
            code: int | None = process.wait(timeout)
        except subprocess.TimeoutExpired:
            code = None
        finally:
            # What the program left running would hold its output open; in a container it would end now.
            _end([process])
            self._watchdog.forget(process)
            with self._lock:
                self._running.discard(process)
        reader.join(SECONDS_TO_END)
        return Ending(code, last[0])

    def close(self) -> None:
        """End all programs and let no other start."""
        with self._lock:
            self.ended.set()
            running = list(self._running)
        _end(running)
        self._watchdog.close()


def _read_lines(process: subprocess.Popen[bytes], line: Callable[[str], None], last: list[str]) -> None:
    assert process.stdout is not None
    with process.stdout as stream:
        for raw in stream:
            text = raw.decode("utf-8", errors="replace").rstrip("\r\n")
            last[0] = text.strip() or last[0]
            line(text)


def _end(processes: list[subprocess.Popen[bytes]]) -> None:
    for process in processes:
        _signal(process, signal.SIGTERM)
    for process in processes:
        with suppress(subprocess.TimeoutExpired):
            process.wait(SECONDS_TO_END)
        _signal(process, signal.SIGKILL)
        process.wait()


def _signal(process: subprocess.Popen[bytes], number: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)
