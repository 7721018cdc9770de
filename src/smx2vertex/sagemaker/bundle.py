"""A bundle: a folder with pipeline definitions, what belongs to them, and the files that they name in S3.

```
manifest.json
definitions/<name>.json
code/<sha256>/<file name>
```

`manifest.json` holds `pipelines`, a list of objects with `name`, `definition` (a path in the bundle) and whatever else
is known (`role`, `tags`, `description`, `parallelism`, `parameters` of starts, `schedules`, `repaired`), and `code`, an
object with a path in the bundle for each S3 address. Beside the pickles that the SDK uploads for a function decorated
with `@step` stand, at addresses that only a bundle has, its call and its source (`function_calls`).
"""

from __future__ import annotations

import hashlib
import json
import posixpath
import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ..documents import load_json, read_text
from ..files import write_whole
from ..findings import Finding, InputError
from .definition import Definition
from .function_calls import function_calls
from .reader import load

MANIFEST = "manifest.json"


@dataclass(slots=True)
class Bundle:
    """A bundle on disk.

    Attributes:
        folder: where it stands.
        pipelines: the entries of the manifest, in order.
        code: path in the bundle by S3 address.
    """

    folder: Path
    pipelines: list[dict[str, Any]] = field(default_factory=list)
    code: dict[str, str] = field(default_factory=dict)

    def names(self) -> list[str]:
        """The names of the pipelines."""
        return [str(entry["name"]) for entry in self.pipelines]

    def definition(self, name: str) -> Definition:
        """Read the definition of a pipeline.

        Raises:
            InputError: there is no such pipeline, or its definition cannot be read.
        """
        entry = next((entry for entry in self.pipelines if entry["name"] == name), None)
        if entry is None:
            raise _error(self.folder, f"there is no pipeline {name!r}; there are: {', '.join(self.names())}")
        definition = load(_inside(self.folder, str(entry["definition"])), name)
        return replace(definition, functions=function_calls(definition, self.files()))

    def files(self) -> dict[str, Path]:
        """The files by their S3 addresses."""
        return {uri: _inside(self.folder, path) for uri, path in self.code.items()}

    def add_definition(self, name: str, document: Any, **more: Any) -> None:
        """Add a pipeline and write its definition; one of the same name is replaced."""
        self.pipelines = [entry for entry in self.pipelines if entry["name"] != name]
        path = f"definitions/{_file_name(name)}.json"
        if any(entry["definition"] == path for entry in self.pipelines):
            path = f"definitions/{_file_name(name)}-{hashlib.sha256(name.encode()).hexdigest()[:8]}.json"
        write_whole(self.folder / path, json.dumps(document, indent=2, ensure_ascii=False) + "\n")
        self.pipelines.append({"name": name, "definition": path, **more})

    def add_file(self, uri: str, content: bytes) -> None:
        """Add the content of an S3 object."""
        name = _file_name(posixpath.basename(uri.rstrip("/")))
        path = f"code/{hashlib.sha256(content).hexdigest()}/{name}"
        write_whole(self.folder / path, content)
        self.code[uri] = path

    def save(self) -> None:
        """Write the manifest."""
        document = {"pipelines": self.pipelines, "code": dict(sorted(self.code.items()))}
        write_whole(self.folder / MANIFEST, json.dumps(document, indent=2, ensure_ascii=False) + "\n")


def is_bundle(path: Path) -> bool:
    """Whether a path is a folder with a manifest."""
    return (path / MANIFEST).is_file()


def open_bundle(folder: Path) -> Bundle:
    """Open a bundle.

    Raises:
        InputError: its manifest cannot be read, or names files outside of the bundle.
    """
    try:
        document = load_json(read_text(folder / MANIFEST))
        pipelines, code = document["pipelines"], document.get("code", {})
        if not all(isinstance(entry["name"], str) and isinstance(entry["definition"], str) for entry in pipelines):
            raise ValueError("a pipeline needs a name and a definition")
        if not all(isinstance(path, str) for path in code.values()):
            raise ValueError("code must name a path for each address")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise _error(folder, f"the manifest cannot be read: {error}") from error
    bundle = Bundle(folder, list(pipelines), dict(code))
    for path in [*(entry["definition"] for entry in pipelines), *code.values()]:
        _inside(folder, path)
    return bundle


def _inside(folder: Path, path: str) -> Path:
    file = None if "\0" in path else (folder / path).resolve()
    if file is None or not file.is_relative_to(folder.resolve()):
        raise _error(folder, f"{path!r} leads out of the bundle")
    return file


def _file_name(name: str) -> str:
    """A name as the name of a file, whatever it holds."""
    return re.sub(r"[^\w.\- ]", "_", name).lstrip(".")[:100] or "file"


def _error(folder: Path, message: str) -> InputError:
    return InputError(Finding("SMX130", message, file=str(folder / MANIFEST)))
