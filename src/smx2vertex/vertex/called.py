"""What a pipeline calls: the functions, topics and Spark settings of config.yaml, and the sources of the functions."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from typing import Any

from ..findings import Finding
from ..mapping.correspondences import Correspondences
from .code_files import CodeSource, folder_or_script
from .names import docstring, literal, plain
from .plan import Function, Plan

# The last runtime with Scala 2.12, which is what EMR 6 and 7 have (facts: Dataproc Serverless runtimes).
SPARK_RUNTIME = "1.2"
HANDLERS = ("lambda_handler", "handler")


def called(plan: Plan, correspondences: Correspondences, project: str) -> dict[str, dict[str, str]]:
    """The blocks of config.yaml for what the tasks call; those that no task needs are left out."""
    functions, topics = correspondences.functions, correspondences.topics
    blocks = {
        "functions": {
            name: functions.get(function.address) or functions.get(function.name) or _to_do(name)
            for name, function in sorted(plan.functions.items())
        },
        "topics": {
            name: topics.get(queue) or topics.get(_last(queue)) or f"projects/{project}/topics/{topic_name(queue)}"
            for name, queue in sorted(plan.topics.items())
        },
        "spark": {"runtime": SPARK_RUNTIME, "subnetwork": ""} if plan.spark else {},
    }
    return {name: block for name, block in blocks.items() if block}


def _to_do(name: str) -> str:
    return f"TODO: deploy functions/{name} and write its https address here"


def _last(queue: str) -> str:
    return queue.rstrip("/").rpartition("/")[2]


def topic_name(queue: str) -> str:
    """The name of a queue as that of a topic: 3 to 255 characters, a letter first."""
    name = re.sub(r"[^A-Za-z0-9._~+-]", "-", _last(queue).removesuffix(".fifo"))
    return name[:200] if re.match(r"[A-Za-z].{2}", name) and not name.startswith("goog") else f"queue-{name[:200]}"


# --- the functions ---


def function_files(
    plan: Plan, code: CodeSource, findings: list[Finding], render: Callable[[str, dict[str, Any]], str]
) -> dict[str, str | bytes]:
    """A Cloud Run function for each Lambda function: the user's handler where it was found, else one that fails.

    Args:
        plan: the plan, which names the functions.
        code: where the users' files are looked for.
        findings: receives what is missing.
        render: renders a template of the project.
    """
    files: dict[str, str | bytes] = {}
    for identifier, function in plan.functions.items():
        found = _sources(code, identifier, function)
        handler = next(_handlers(found), None)
        own = found if handler else {}
        folder = f"functions/{identifier}"
        files |= {f"{folder}/code/{path}": content for path, content in own.items() if path != "requirements.txt"}
        files[f"{folder}/main.py"] = render("function.py", _context(function, identifier, handler))
        files[f"{folder}/requirements.txt"] = _requirements(own)
        if handler is None:
            message = (
                f"the code of {plain(function.name)!r} was not found: functions/{identifier} fails until it is there"
            )
            findings.append(Finding("SMX377", message, function.pointer, function.step))
        elif _uses_boto3(own):
            message = f"the code of {plain(function.name)!r} calls AWS with boto3: it needs credentials, or other calls"
            findings.append(Finding("SMX383", message, function.pointer, function.step))
    return files


def _context(function: Function, identifier: str, handler: tuple[str, str] | None) -> dict[str, Any]:
    module, name = handler or ("", "")
    advice = f"SMX377: put the code of {function.name} into functions/{identifier}/code and call it here"
    return {
        "title": docstring(f"The Cloud Run function in the place of the Lambda function `{function.name}`."),
        "module": module,
        "handler": name,
        "name": literal(function.name),
        "arn": literal(function.address),
        "advice": literal(advice),
    }


def _sources(code: CodeSource, identifier: str, function: Function) -> dict[str, bytes]:
    """The user's files of a function: a folder or a script of its name, or of the name of the step that calls it."""
    for name in (function.name, identifier, function.step):
        found = folder_or_script(code, name)
        if found:
            return found
    return _found_before(code, identifier)


def _found_before(code: CodeSource, identifier: str) -> dict[str, bytes]:
    """What an earlier conversion found; its requirements stand beside the code."""
    found = code.found_before(f"functions/{identifier}/code")
    requirements = code.found_before(f"functions/{identifier}").get("requirements.txt")
    return found | {"requirements.txt": requirements} if found and requirements is not None else found


def _handlers(files: dict[str, bytes]) -> Iterator[tuple[str, str]]:
    """Modules with a handler, and its name: AWS's usual names first."""
    for handler in HANDLERS:
        for path, content in sorted(files.items()):
            module = path.removesuffix(".py")
            if path.endswith(".py") and module.isidentifier() and module != "main" and handler in _functions(content):
                yield module, handler


def _functions(content: bytes) -> set[str]:
    try:
        tree = ast.parse(content)
    except (SyntaxError, ValueError):
        return set()
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def _requirements(files: dict[str, bytes]) -> str:
    """The user's requirements, what serves a function, and boto3 where the code uses it, since Lambda has that."""
    own = files.get("requirements.txt", b"").decode("utf-8", "replace").splitlines()
    more = ["functions-framework>=3"] + (["boto3"] if _uses_boto3(files) else [])
    names = {re.split(r"[\s<>=!~\[;]", line)[0].lower() for line in own}
    return "".join(f"{line}\n" for line in [*own, *(each for each in more if each.partition(">")[0] not in names)])


def _uses_boto3(files: dict[str, bytes]) -> bool:
    return any(re.search(rb"^\s*(import|from)\s+boto(3|core)\b", content, re.MULTILINE) for content in files.values())
