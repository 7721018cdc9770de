"""Results of earlier runs, found by the content of what went in; a task with caching on does not do the same twice."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .local import Interpreters
from .tasks import TaskRun, Work, write_json


class Cache:
    """The results that runs beside each other share.

    The key is made of all that can change the result: program, parameters, the names of the outputs, the interpreter,
    and the content of input artifacts. (Vertex AI goes by the identity of artifacts, so that it may run a task again
    where the content is the same.)
    """

    def __init__(self, folder: Path, pythons: Interpreters, variables: Mapping[str, str]) -> None:
        """Keep results in a folder; variables of the run, and the interpreters for a task, are part of its key."""
        self.folder, self.pythons, self.variables = folder, pythons, dict(variables)

    def key(self, work: Work) -> str:
        """What makes the result of a task, in 64 hexadecimal digits."""
        artifacts = {name: [_content(Path(a["uri"])) for a in found] for name, found in work.artifacts.items()}
        outputs = [sorted(work.component.output_parameters), sorted(work.component.output_artifacts)]
        program = _text([dict(work.executor), work.parameters])
        pythons = {image: python for image, python in self.pythons.of_images.items() if image in program}
        ingredients = [self.pythons.usual, pythons, self.variables, program, artifacts, outputs]
        return hashlib.sha256(_text(ingredients).encode()).hexdigest()

    def find(self, key: str, work: Work) -> TaskRun | None:
        """The result under a key, if all its artifacts are still there."""
        try:
            entry = json.loads((self.folder / f"{key}.json").read_text(encoding="utf-8"))
            found = TaskRun(**entry | {"id": work.id, "name": work.name, "kept": True})
        except (OSError, ValueError, TypeError):
            return None
        there = all(Path(artifact["uri"]).exists() for artifact in found.artifacts.values())
        return found if there else None

    def keep(self, key: str, run: TaskRun) -> None:
        """Note the result of a task that succeeded."""
        self.folder.mkdir(parents=True, exist_ok=True)
        write_json(self.folder / f"{key}.json", run.to_dict())


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str)


def _content(path: Path) -> str:
    """A digest of a file, or of the names and content of all files below a folder."""
    if not path.exists():
        return f"absent: {path}"
    digest = hashlib.sha256()
    files = [path] if path.is_file() else sorted(entry for entry in path.rglob("*") if entry.is_file())
    for file in files:
        content = hashlib.sha256()
        with file.open("rb") as stream:
            while block := stream.read(1 << 20):
                content.update(block)
        name = file.relative_to(path).as_posix()
        digest.update(name.encode("utf-8", "surrogateescape") + b"\0" + content.digest())
    return digest.hexdigest()
