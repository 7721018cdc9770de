"""Definitions and pipeline specs among JSON and YAML files. Their own readers read them; here they are told apart."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from ..findings import Finding, InputError
from ..kubeflow import spec
from ..kubeflow.spec import PipelineSpec
from ..sagemaker import reader
from ..sagemaker.definition import MISSING, Definition
from ..yaml_reading import LOADER, check_depth
from .model import KubeflowPipeline, Parameter, Pipeline, ScannedFile, Step, Task, masked, printable

# Words that every document of a kind holds: most JSON and YAML files are something else, and need no reading.
_DEFINITION = re.compile(r"\bPipelineDefinition\b|\bSteps\b")
_SPEC = re.compile(r"\bdeploymentSpec\b|\bschemaVersion\b|\bpipelineInfo\b|\bpipelineSpec\b")
_MAX_DEPTH = 400


def scan_document(path: Path, content: bytes, file: ScannedFile) -> None:
    """Add to a file what it holds if it is a definition or a pipeline spec; anything else stays plain.

    A document that looks like one and cannot be read becomes `unreadable`, with the reader's finding.
    """
    text = content.decode("utf-8-sig", "replace")
    try:
        if _SPEC.search(text) and "root" in text:
            _add_spec(spec.loads(text, file=file.path), file)
        elif _DEFINITION.search(text):
            _scan_definition(path, text, file)
    except InputError as error:
        # documents of other kinds have Steps too, and a schema of their own: they are none of ours
        if error.finding.code not in ("SMX105", "SMX194"):
            file.kind, file.because = "unreadable", error.finding.message
            file.findings.append(error.finding)


def _scan_definition(path: Path, text: str, file: ScannedFile) -> None:
    if path.suffix.lower() == ".json":
        definition = reader.loads(text, file=file.path)
    else:
        document = _load_yaml(text, file.path)
        if not isinstance(document, dict) or "Version" not in document:
            return
        definition = reader.read(document, file=file.path)
    if not _is_ours(definition.raw):
        return
    _add_definition(definition, file)


def _is_ours(document: dict[str, Any]) -> bool:
    """Whether a document with Steps has what only a definition has: the version, or steps with types and arguments."""
    steps = [step for step in document["Steps"] if isinstance(step, dict)]
    return document.get("Version") == "2020-12-01" or any({"Name", "Type", "Arguments"} <= set(step) for step in steps)


def _load_yaml(text: str, file: str) -> Any:
    """A YAML document without aliases, of bounded depth; None if the text is no YAML.

    Raises:
        InputError: it has aliases, or is nested too deeply (SMX145).
    """
    try:
        if check_depth(text, _MAX_DEPTH):
            raise InputError(Finding("SMX145", "has aliases", file=file))
        return yaml.load(text, Loader=LOADER)
    except RecursionError:
        raise InputError(Finding("SMX145", "is nested too deeply", file=file)) from None
    except (yaml.YAMLError, ValueError):
        # a template in YAML's clothes (Helm, CloudFormation) is no definition
        return None


def _add_definition(definition: Definition, file: ScannedFile) -> None:
    name = _text(definition.name)
    file.kind, file.because = "definition", f"holds the definition of {name}"
    file.pipelines.append(Pipeline(name, None))
    file.steps.extend(
        Step(None, _text(step.type), _text(step.name), None, depends_on=tuple(map(_text, step.depends_on)))
        for step in definition.all_steps()
    )
    for each in definition.parameters.values():
        default = None if each.default is MISSING else printable(each.default)
        file.parameters.append(Parameter(None, _text(each.name), masked(each.name, default), None))
    file.findings.extend(definition.findings)


def _add_spec(found: PipelineSpec, file: ScannedFile) -> None:
    name = _text(found.name)
    file.kind, file.because = "pipeline spec", f"holds the compiled pipeline {name}"
    file.kubeflow.pipelines.append(KubeflowPipeline(name, "", tuple(map(_text, found.root.parameters)), None))
    for component in (found.root, *found.components.values()):
        for node in component.dag.nodes.values() if component.dag else ():
            inner = found.components.get(node.component)
            is_group = inner is not None and inner.dag is not None
            file.kubeflow.tasks.append(Task(_text(node.name), _text(node.component), is_group))


def _text(text: str) -> str:
    return str(printable(text))
