"""Writes the Vertex project of a plan: all of it, or nothing."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections import defaultdict
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
import yaml

from .. import __version__
from ..contract import one_file
from ..findings import Finding, by_severity
from ..mapping.correspondences import Correspondences
from ..mapping.ledger import MappedPipeline
from ..sagemaker.definition import Definition
from . import source
from .called import called, function_files
from .code_files import CodeSource, collect
from .names import docstring, plain
from .plan import Plan
from .planner import Planned, all_tasks

LOCK = "smx2vertex.lock"
TARGETS = ("vertex", "kubeflow")
# Vertex and Kubeflow store the document whole; above this size their stores begin to refuse it (facts: 5.4).
LARGE_BYTES = 1_000_000


class ProjectError(Exception):
    """The project cannot be written where it should stand."""


class CompileError(Exception):
    """The generated project does not compile: a fault of this tool."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What `--config` says about the project.

    Attributes:
        project: Google Cloud project.
        pipeline_root: the address below which runs and code artifacts are kept.
    """

    project: str = "my-project"
    pipeline_root: str | None = None
    service_account: str | None = None
    network: str | None = None
    encryption_key: str | None = None
    image_repository: str | None = None


@dataclass(slots=True)
class Project:
    """A written project.

    Attributes:
        path: where it stands.
        findings: what was found while writing it.
        sizes: bytes of each compiled file.
    """

    path: Path
    findings: list[Finding] = field(default_factory=list)
    sizes: dict[str, int] = field(default_factory=dict)


def write(
    planned: Planned,
    definition: Definition,
    mapped: MappedPipeline,
    correspondences: Correspondences,
    settings: Settings,
    code: CodeSource,
    out: Path,
) -> Project:
    """Write, format and compile the project.

    Raises:
        ProjectError: the place holds something that is no project of ours, or one that a person has changed.
        CompileError: the generated code does not compile.
    """
    out = out.absolute()
    previous = _previous(out)
    own = _own_files(out, previous)
    project = Project(out)
    files = _files(planned, definition, mapped, correspondences, settings, code, project, own)
    with _scratch_beside(out) as scratch:
        new = Path(scratch) / "project"
        for path, content in files.items():
            target = new / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content.encode() if isinstance(content, str) else content)
        _format(new)
        generated = _hashes(new)
        _keep_own_files(out, new, own)
        _compile(new)
        for target_name in TARGETS:
            project.sizes[target_name] = (new / "compiled" / f"{target_name}.yaml").stat().st_size
        _write_lock(new, planned, definition, correspondences, generated)
        _swap(out, new, Path(scratch) / "old")
    if max(project.sizes.values()) > LARGE_BYTES:
        size = max(project.sizes.values()) / 1e6
        project.findings.append(Finding("SMX351", f"the compiled pipeline has {size:.1f} MB", file=definition.file))
    return project


def _scratch_beside(out: Path) -> tempfile.TemporaryDirectory[str]:
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        return tempfile.TemporaryDirectory(prefix=f".{out.name}.", dir=out.parent)
    except OSError as error:
        raise ProjectError(f"{out} cannot be written: {error.strerror}") from error


# --- what stands there already ---


def _previous(out: Path) -> dict[str, str]:
    """The generated files of the project that stands at a place, with their hashes; empty if nothing stands there."""
    if out.is_symlink() or (out.exists() and not out.is_dir()):
        raise ProjectError(f"{out} is no folder")
    if not out.exists() or not any(out.iterdir()):
        return {}
    lock = out / LOCK
    if not lock.is_file():
        raise ProjectError(f"{out} holds files, but no {LOCK}: choose another folder for the project")
    try:
        hashes: dict[str, str] = json.loads(lock.read_text(encoding="utf-8"))["files"]
    except (ValueError, KeyError, TypeError) as error:
        raise ProjectError(f"{lock} cannot be read: {error}") from error
    # the note about a missing script says that the script takes its place
    changed = [
        path
        for path, digest in hashes.items()
        if not _is_unchanged(out / path, digest) and not (path.endswith(".missing") and not (out / path).exists())
    ]
    if changed:
        listed = "".join(f"\n  {path}" for path in sorted(changed))
        raise ProjectError(f"these files of {out} were changed or removed since they were written:{listed}")
    return hashes


def _is_unchanged(file: Path, digest: str) -> bool:
    return file.is_file() and hashlib.sha256(file.read_bytes()).hexdigest() == digest


def _own_files(out: Path, previous: dict[str, str]) -> list[Path]:
    """What people added to the project that stands at a place, relative to it."""
    if not previous:
        return []
    paths = (file.relative_to(out) for file in sorted(out.rglob("*")) if file.is_file() or file.is_symlink())
    return [
        path
        for path in paths
        if path.as_posix() not in {*previous, LOCK} and path.parts[0] != "compiled" and "__pycache__" not in path.parts
    ]


def _keep_own_files(out: Path, new: Path, own: list[Path]) -> None:
    """Carry over what people added.

    Raises:
        ProjectError: a generated file would take the place of one of theirs.
    """
    clashes = []
    for path in own:
        file = out / path
        if not (new / path).exists():
            (new / path).parent.mkdir(parents=True, exist_ok=True)
            os.link(file, new / path, follow_symlinks=False)
        elif not file.is_file() or file.read_bytes() != (new / path).read_bytes():
            clashes.append(f"\n  {path}")
    if clashes:
        raise ProjectError(f"generated files would replace your own ones in {out}:{''.join(clashes)}")


def _swap(out: Path, new: Path, old: Path) -> None:
    if out.exists():
        out.rename(old)
    try:
        new.rename(out)
    except OSError:
        if old.exists():
            old.rename(out)
        raise


# --- the files ---


def _files(
    planned: Planned,
    definition: Definition,
    mapped: MappedPipeline,
    correspondences: Correspondences,
    settings: Settings,
    code: CodeSource,
    project: Project,
    own: list[Path],
) -> dict[str, str | bytes]:
    plan = planned.plan
    package = plan.package
    context: dict[str, Any] = {
        "package": package,
        "name": plan.name,
        "source": plan.source,
        "folders": sorted(component.function for component in plan.components),
        "version": __version__,
        "called": list(called(plan, correspondences, settings.project)),
        "trials": any(task.trials for task in all_tasks(plan.body)),
    }
    files: dict[str, str | bytes] = {
        f"{package}/__init__.py": docstring(
            f"Vertex AI pipeline `{plan.name}`, converted from the SageMaker pipeline `{plan.source}`."
        )
        + "\n",
        f"{package}/pipeline.py": source.pipeline_module(plan),
        f"{package}/components/__init__.py": source.components_package(plan),
        f"{package}/contract.py": one_file.source(_verbs(plan)),
        "config.yaml": _config(planned, correspondences, settings),
    }
    for name in ("settings.py", "compute.py"):
        files[f"{package}/{name}"] = _render(name, context)
    for name in ("compile_pipeline.py", "run_pipeline.py", "requirements.txt", "pyproject.toml", ".gitignore"):
        files[name] = _render(name, context)
    for component in plan.components:
        files[f"{package}/components/{component.function}.py"] = source.component_module(component)
    files |= _code(planned, definition, code, project, own)
    files |= function_files(plan, code, project.findings, _render)
    addresses = _images(planned, settings)
    for identifier, choice in plan.images.items():
        if choice.dockerfile:
            folder = f"images/{identifier}"
            files[f"{folder}/Dockerfile"] = "\n".join(choice.dockerfile) + "\n"
            if any(line.startswith("COPY serve.py") for line in choice.dockerfile):
                files[f"{folder}/serve.py"] = one_file.source(["serve"])
            files[f"{folder}/cloudbuild.yaml"] = _cloud_build(folder, addresses[identifier])
    context |= {
        "groups": _grouped([*definition.findings, *mapped.findings, *planned.findings, *project.findings]),
        "excluded": planned.excluded,
        "images": [name for name, choice in plan.images.items() if choice.dockerfile],
        "repository": _repository(planned, settings),
        "copies": [(choice.uri, addresses[name]) for name, choice in plan.images.items() if choice.copy_command],
        "buckets": sorted(plan.buckets.values()),
        "target_bucket": correspondences.bucket,
        "tasks": [(component.function, component.title) for component in plan.components],
        "parameters": plan.parameters,
        "functions": list(plan.functions),
        "topics": list(plan.topics),
        "project": settings.project,
        "region": plan.region,
        "root": _pipeline_root(plan, settings),
    }
    files["definition.json"] = json.dumps(definition.raw, indent=2, ensure_ascii=False) + "\n"
    files[".github/workflows/pipeline.yml"] = _render("pipeline.yml", context)
    files["cloudbuild.yaml"] = _render("cloudbuild.yaml", context)
    files["MIGRATION.md"] = _render("MIGRATION.md", context)
    files["README.md"] = _render("README.md", context)
    return files


def _verbs(plan: Plan) -> set[str]:
    """The verbs and the built-in algorithms that the components ask for."""
    options = [option for each in plan.components for option in each.all_options if option.name == "algorithm"]
    algorithms = {field for option in options for field in option.fields if isinstance(field, str)}
    return algorithms | {component.verb for component in plan.components}


def _code(
    planned: Planned, definition: Definition, code: CodeSource, project: Project, own: list[Path]
) -> dict[str, str | bytes]:
    """The user's files; a script that is not there leaves a note, unless people have put it there themselves."""
    files: dict[str, str | bytes] = {}
    steps = {task.component.function: task.step for task in all_tasks(planned.plan.body)}
    for folder, wanted in sorted(planned.plan.code.items()):
        for file in wanted:
            for path, content in collect(code, folder, steps[folder], file).items():
                script = f"code/{folder}/{path}".removesuffix(".missing")
                if path.endswith(".missing"):
                    if Path(script) in own:
                        continue
                    message = f"{script.rpartition('/')[2]} was not found: put it into {script.rpartition('/')[0]}/"
                    finding = Finding("SMX360", message, file.pointer, steps[folder], definition.file)
                    project.findings.append(finding)
                files[f"code/{folder}/{path}"] = content
    return files


def _config(planned: Planned, correspondences: Correspondences, settings: Settings) -> str:
    plan = planned.plan
    environment = {
        "project": settings.project,
        "region": plan.region,
        "pipeline_root": _pipeline_root(plan, settings),
        "service_account": settings.service_account,
        "network": settings.network,
        "encryption_key": settings.encryption_key,
        "buckets": {name: correspondences.bucket(bucket) for name, bucket in sorted(plan.buckets.items())},
        "images": _images(planned, settings),
        **called(plan, correspondences, settings.project),
    }
    machines = {
        name: {"vcpus": machine.vcpus, "memory_gib": machine.memory_gib}
        for name, machine in sorted(plan.machines.items())
    }
    head = (
        "# The settings of the pipeline, one block per environment. Copy a block to add an environment:\n"
        "# `python compile_pipeline.py NAME` compiles for it.\n"
    )
    document = {"default_environment": "dev", "environments": {"dev": environment}, "machines": machines}
    return head + yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=1000)


def _pipeline_root(plan: Plan, settings: Settings) -> str:
    return settings.pipeline_root or f"gs://{settings.project}-pipelines/{plan.name}"


def _images(planned: Planned, settings: Settings) -> dict[str, str]:
    """The address of each image, by its identifier."""
    images = {"python": "python:3.11-slim"}
    for identifier, choice in sorted(planned.plan.images.items()):
        images[identifier] = choice.target or f"{_repository(planned, settings)}/{choice.name}"
    return images


def _repository(planned: Planned, settings: Settings) -> str:
    """The repository in Artifact Registry that holds the images."""
    plan = planned.plan
    return settings.image_repository or f"{plan.region}-docker.pkg.dev/{settings.project}/{plan.name}"


def _cloud_build(folder: str, address: str) -> str:
    """The configuration with which Cloud Build builds an image and pushes it to Artifact Registry."""
    head = (
        "# Builds the image and pushes it. Where config.yaml names another address, give it: --substitutions=_IMAGE=…\n"
        f"#   gcloud builds submit {folder} --config={folder}/cloudbuild.yaml\n"
    )
    document = {
        "steps": [{"name": "gcr.io/cloud-builders/docker", "args": ["build", "--tag", "$_IMAGE", "."]}],
        "images": ["$_IMAGE"],
        "substitutions": {"_IMAGE": address},
    }
    return head + yaml.safe_dump(document, sort_keys=False, width=1000)


@cache
def _environment() -> jinja2.Environment:
    loader = jinja2.PackageLoader("smx2vertex.vertex", "templates")
    made = jinja2.Environment(  # what it renders is Python and Markdown, no HTML; texts pass through filters
        loader=loader, undefined=jinja2.StrictUndefined, keep_trailing_newline=True, autoescape=False, trim_blocks=True
    )
    made.filters["md"] = _markdown
    return made


def _render(name: str, context: dict[str, Any]) -> str:
    return _environment().get_template(f"{name}.j2").render(context)


def _markdown(text: object) -> str:
    """Text of a definition as text of a Markdown document."""
    escaped = plain(str(text)).replace("&", "&amp;").replace("<", "&lt;")
    for character in "\\`*_[]|#":
        escaped = escaped.replace(character, "\\" + character)
    return escaped


def _grouped(findings: list[Finding]) -> list[tuple[str, list[Finding]]]:
    groups: dict[str, list[Finding]] = defaultdict(list)
    for finding in by_severity(findings):
        groups[finding.code].append(finding)
    return list(groups.items())


# --- formatting, compiling, the lock ---


def _format(folder: Path) -> None:
    for command in (["check", "--fix-only", "--select", "I", "--quiet"], ["format", "--quiet"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command, "--no-cache", "."], cwd=folder, capture_output=True, text=True
        )
        if done.returncode != 0:
            raise CompileError(done.stderr.strip() or done.stdout.strip())


def _compile(folder: Path) -> None:
    environment = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "PIPELINE_ENVIRONMENT")}
    environment["PYTHONDONTWRITEBYTECODE"] = "1"
    done = subprocess.run(
        [sys.executable, "compile_pipeline.py"], cwd=folder, capture_output=True, text=True, env=environment
    )
    if done.returncode != 0:
        raise CompileError(done.stderr.strip())


def _write_lock(
    new: Path,
    planned: Planned,
    definition: Definition,
    correspondences: Correspondences,
    generated: dict[str, str],
) -> None:
    plan = planned.plan
    raw = json.dumps(definition.raw, sort_keys=True).encode()
    document = {
        "smx2vertex": __version__,
        "source": {"pipeline": plan.source, "sha256": hashlib.sha256(raw).hexdigest()},
        "package": plan.package,
        "pipeline": plan.name,
        "parameters": {parameter.source: parameter.name for parameter in plan.parameters},
        "allowed": _allowed(plan, definition),
        "buckets": {bucket: correspondences.bucket(bucket) for bucket in sorted(plan.buckets.values())},
        "machines": dict(sorted(plan.instance_types.items())),
        "excluded": {step: finding.code for step, finding in sorted(planned.excluded.items())},
        "files": generated,
    }
    (new / LOCK).write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _allowed(plan: Plan, definition: Definition) -> dict[str, list[Any]]:
    """The values that SageMaker allows, by the parameter's name here: Kubeflow knows no such list."""
    names = {parameter.source: parameter.name for parameter in plan.parameters}
    return {
        names[name]: list(parameter.allowed)
        for name, parameter in definition.parameters.items()
        if parameter.allowed is not None and name in names
    }


def _hashes(folder: Path) -> dict[str, str]:
    return {
        file.relative_to(folder).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }
