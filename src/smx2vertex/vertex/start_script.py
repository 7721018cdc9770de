"""The start script of framework processors, `runproc.sh`, where only the sources are at hand.

The SageMaker SDK writes it when the pipeline is built (`sagemaker.processing.FrameworkProcessor`, version 2.257): it
unpacks `sourcedir.tar.gz`, installs requirements.txt and starts the user's script. The definition names neither that
script nor the command before it, which is `python` unless the program says otherwise.
"""

from __future__ import annotations

import ast
import shlex
from collections.abc import Iterator, Mapping

NAME = "runproc.sh"
ARCHIVE = "sourcedir.tar.gz"
_HEAD = "#!/bin/bash\n# Written by smx2vertex, "


def is_written_here(content: bytes) -> bool:
    """Whether a start script is one of this module."""
    return content.startswith(_HEAD.encode())


def start_script(script: str, folder: str) -> bytes:
    """The text of `runproc.sh`.

    Args:
        script: the script to start, by its path in the archive.
        folder: the folder that holds the archive in the container.
    """
    return f"""{_HEAD}since the one that the SageMaker SDK made was not at hand.
# That it starts {script} is concluded from the sources: check it.
set -e
cd {shlex.quote(folder)}
tar -xzf {ARCHIVE}
if [ -f requirements.txt ]; then
    python -m pip install -r requirements.txt
fi
exec python {shlex.quote(script)} "$@"
""".encode()


def script_to_start(sources: Mapping[str, bytes]) -> str | None:
    """The one script at the top of the sources that no other one imports; of several, the one with a main part.

    None if that leaves several, or none.
    """
    trees = {path: tree for path, content in sources.items() if (tree := _parsed(path, content)) is not None}
    imported = {name for tree in trees.values() for name in _imports(tree)}
    top = [path for path in trees if "/" not in path and path != "setup.py"]
    free = [path for path in top if path.removesuffix(".py") not in imported]
    chosen = free if len(free) == 1 else [path for path in free if _has_main_part(trees[path])]
    return chosen[0] if len(chosen) == 1 else None


def _parsed(path: str, content: bytes) -> ast.Module | None:
    try:
        return ast.parse(content) if path.endswith(".py") else None
    except (SyntaxError, ValueError):
        return None


def _imports(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield (node.module or "").partition(".")[0]
            yield from (alias.name for alias in node.names if node.level)


def _has_main_part(tree: ast.Module) -> bool:
    return any(isinstance(node, ast.If) and "__main__" in ast.unparse(node.test) for node in tree.body)
