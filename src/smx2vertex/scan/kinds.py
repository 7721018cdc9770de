"""What a file is, and what shows it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePath

from .model import ScannedFile
from .names import Import, Names, Scope
from .sagemaker import pointer_of

DEFINES = "defines a pipeline"
STEPS = "defines steps"
KUBEFLOW = "kubeflow pipeline"
COMPONENTS = "kubeflow components"
IMPORTS = "imports a pipeline"
SUBMITS = "submits a kubeflow pipeline"
CONTAINER = "container script"
BOTO3 = "boto3 set-up"
SDK = "SageMaker SDK, no pipeline"
PLAIN = "plain"

_HOOKS = frozenset({"model_fn", "input_fn", "predict_fn", "output_fn", "transform_fn"})
_SCRIPT_ARGUMENTS = frozenset({"code", "entry_point", "entry_script", "inference_script", "script", "submit_app"})
_GETS_A_PIPELINE = re.compile(r"(^|_)(get|create|build|make|define)_?(\w+_)?pipeline", re.IGNORECASE)
# libraries whose pipelines are something else
_OTHER_PIPELINES = frozenset(
    {"sklearn", "imblearn", "transformers", "diffusers", "spacy", "pyspark", "kfp", "sagemaker"}
)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the kind of a program depends on besides what it holds.

    Attributes:
        imports: what it imports.
        scripts: the scripts that it gives to jobs, as written.
        container: what shows that it runs in a container, or "".
        boto3: what shows that it calls AWS by itself, or "".
        sdk: what shows that it uses the SageMaker SDK, or "".
        gets: what shows that it gets a pipeline from another module, or "".
    """

    imports: tuple[Import, ...]
    scripts: frozenset[str]
    container: str
    boto3: str
    sdk: str
    gets: str


def evidence(names: Names) -> Evidence:
    """Collect what shows the kind of a program."""

    def where(line: int) -> str:
        return pointer_of(*names.program.place(line))

    container = next((f"{what} ({where(line)})" for what, line in _container_signs(names)), "")
    boto3 = next((each for each in names.imports if each.module.partition(".")[0] in ("boto3", "botocore")), None)
    sdk = next((each for each in names.imports if each.module.partition(".")[0] == "sagemaker"), None)
    gets = next((each for each in names.imports if _gets_a_pipeline(each)), None)
    return Evidence(
        imports=tuple(names.imports),
        scripts=frozenset(_scripts(names)),
        container=container,
        boto3=f"imports {boto3.module} ({where(boto3.line)})" if boto3 else "",
        sdk=f"imports {sdk.module} ({where(sdk.line)})" if sdk else "",
        gets=f"imports {gets.name} from {gets.module or '.'} ({where(gets.line)})" if gets else "",
    )


def _container_signs(names: Names) -> Iterator[tuple[str, int]]:
    for found in names.nodes:
        node = found.node
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name in _HOOKS:
            yield f"defines {node.name}", node.lineno
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and len(node.value) < 500:
            if node.value.startswith("/opt/ml"):
                yield f"uses {node.value}", node.lineno
            elif re.fullmatch(r"SM_[A-Z][A-Z_]+", node.value):
                yield f"reads {node.value}", node.lineno


def _gets_a_pipeline(each: Import) -> bool:
    root = each.module.partition(".")[0]
    return each.name is not None and root not in _OTHER_PIPELINES and bool(_GETS_A_PIPELINE.search(each.name))


def _scripts(names: Names) -> Iterator[str]:
    for found in names.nodes:
        if isinstance(found.node, ast.Call):
            for keyword in found.node.keywords:
                if keyword.arg in _SCRIPT_ARGUMENTS:
                    yield from _script_names(names, keyword.value, found.scope)


def _script_names(names: Names, value: ast.expr, scope: Scope) -> Iterator[str]:
    """The names of scripts in an argument; in `os.path.join(BASE_DIR, "preprocess.py")` the last part."""
    for inner in ast.walk(value):
        constant: object = inner.value if isinstance(inner, ast.Constant) else None
        if isinstance(inner, (ast.Name, ast.Attribute)):
            constant = names.constant(inner, scope)
        if isinstance(constant, str) and constant.endswith(".py"):
            yield constant


def own_kind(file: ScannedFile, found: Evidence) -> tuple[str, str]:
    """The kind of a program by itself, and what shows it."""
    for pipeline in file.pipelines:
        return DEFINES, f"creates the pipeline {pipeline.name or pipeline.text or ''}".rstrip() + _at(pipeline)
    for function in file.kubeflow.pipelines:
        return KUBEFLOW, f"defines the pipeline function {function.function}" + _at(function)
    for step in file.steps:
        return STEPS, f"creates {step.class_}" + _at(step)
    for construct in file.kubeflow.control_flow:
        return KUBEFLOW, f"uses dsl.{construct.call}" + _at(construct)
    for component in file.kubeflow.components:
        return COMPONENTS, f"makes or uses the component {component.name}" + _at(component)
    if found.gets:
        return IMPORTS, found.gets
    for call in file.kubeflow.submissions:
        return SUBMITS, f"uses {call.call}" + _at(call)
    if file.imports:
        return IMPORTS, f"imports {file.imports[0].class_} and creates no step" + _at(file.imports[0])
    if found.container and not found.sdk:
        return CONTAINER, found.container
    if found.boto3:
        return BOTO3, found.boto3
    if found.sdk:
        return SDK, found.sdk
    return PLAIN, ""


def _at(item: object) -> str:
    place = pointer_of(getattr(item, "line", None), getattr(item, "cell", None))
    return f" ({place})" if place else ""


def relate(files: list[tuple[ScannedFile, Evidence]]) -> None:
    """Correct the kinds by what the files say of each other: who imports a pipeline, who is the script of a job."""
    with_pipeline = {
        PurePath(file.path).with_suffix("").parts: file.path
        for file, _ in files
        if file.kind in (DEFINES, KUBEFLOW) and file.path.endswith(".py")
    }
    by_end = _Ends(with_pipeline)
    scripts = {PurePath(script).name: file.path for file, found in files for script in sorted(found.scripts)}
    for file, found in files:
        if file.kind in (DEFINES, KUBEFLOW, STEPS, COMPONENTS):
            continue
        imported = next((path for each in found.imports for path in by_end.imported(file.path, each)), None)
        if imported is not None:
            file.kind, file.because = IMPORTS, f"imports {imported}, which defines a pipeline"
        elif file.kind in (PLAIN, BOTO3, CONTAINER) and PurePath(file.path.rpartition("::")[2]).name in scripts:
            user = scripts[PurePath(file.path.rpartition("::")[2]).name]
            if user != file.path and not file.because.startswith(("uses /opt/ml", "reads SM_", "defines ")):
                file.kind, file.because = CONTAINER, f"is the script of a job in {user}"


class _Ends:
    """Modules by the ends of their paths: `pipelines.abalone.pipeline` may be `src/pipelines/abalone/pipeline.py`."""

    def __init__(self, modules: dict[tuple[str, ...], str]) -> None:
        self.by_end: dict[tuple[str, ...], list[tuple[tuple[str, ...], str]]] = {}
        for parts, path in modules.items():
            own = parts[:-1] if parts[-1] == "__init__" else parts
            for length in range(1, min(len(own), 8) + 1):
                self.by_end.setdefault(own[-length:], []).append((own, path))

    def imported(self, importer: str, each: Import) -> Iterator[str]:
        """The modules that an import may lead to: those below one of the folders above the importing file."""
        folder = PurePath(importer.partition("::")[0]).parent.parts
        module = tuple(part for part in each.module.split(".") if part)
        for name in (module, (*module, each.name or "")):
            for own, path in self.by_end.get(name, ()):
                root = own[: len(own) - len(name)]
                if each.level:
                    near = root == folder[: len(folder) - each.level + 1]
                else:
                    near = root == folder[: len(root)] or len(name) > 1 or root[-1:] == ("src",)
                if near and path != importer:
                    yield path
