"""Which modules the scripts of a code artifact import, and which of them an interpreter lacks."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

_FIND = """
import importlib.util, json, sys
def lacks(name):
    try:
        return importlib.util.find_spec(name) is None
    except (ImportError, ValueError):
        return True
print(json.dumps([name for name in json.loads(sys.argv[1]) if lacks(name)]))
"""


def missing_modules(folders: Iterable[Path], python: str) -> dict[str, list[str]]:
    """The modules that scripts import and an interpreter lacks, each with the scripts that import it.

    A folder with a `requirements.txt`, `setup.py` or `pyproject.toml` installs what it needs by itself and is left out;
    so are imports inside functions or `try`, which a script may do without.

    Args:
        folders: code artifacts, the user's files in `src/`.
        python: the interpreter of the scripts.
    """
    wanted: dict[str, list[str]] = {}
    for folder in sorted(set(folders)):
        for name, script in sorted(_imports(folder / "src")):
            wanted.setdefault(name, []).append(f"{folder.name}/{script}")
    if not wanted:
        return {}
    command = [python, "-c", _FIND, json.dumps(sorted(wanted))]
    answer = subprocess.run(command, capture_output=True, text=True, check=True, cwd="/")
    return {name: wanted[name] for name in json.loads(answer.stdout)}


def listed(missing: Mapping[str, list[str]]) -> str:
    """Modules and scripts as people read them."""
    return "; ".join(f"{name} (imported by {', '.join(scripts)})" for name, scripts in missing.items())


def _imports(folder: Path) -> Iterator[tuple[str, str]]:
    """The modules that the scripts of a folder need, each with the script; not those that lie beside them."""
    if any((folder / name).exists() for name in ("requirements.txt", "setup.py", "pyproject.toml")):
        return
    own = {path.stem for path in folder.rglob("*.py")} | {path.name for path in folder.rglob("*") if path.is_dir()}
    for script in sorted(folder.rglob("*.py")):
        for name in set(top_level_imports(script)) - own - sys.stdlib_module_names:
            yield name, script.relative_to(folder).as_posix()


def top_level_imports(script: Path) -> Iterator[str]:
    """The packages that a script imports whenever it is run; none if it cannot be read as Python."""
    try:
        tree = ast.parse(script.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return
    for node in tree.body:
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module.partition(".")[0]
