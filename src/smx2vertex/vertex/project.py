"""Writes the Vertex project of a plan: all of it, or nothing."""

from __future__ import annotations

import json
import posixpath
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
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
from ..sagemaker.trigger_file import Trigger
from . import source
from .again import Project, settle
from .called import called, function_files
from .code_files import CodeSource, collect
from .compiling import LINE_LENGTH, format_code
from .merge import MergeError
from .names import docstring, plain
from .plan import CodeFile, Plan
from .planner import Planned, all_tasks
from .previous import PreviousError, read_previous, sha256
from .start_script import NAME, is_written_here, script_to_start, start_script
from .triggers import in_words, plan_triggers, trigger_files
from .writing import Workplace, WritingError, dry_workplace, workplace

# Vertex and Kubeflow store the document whole; above this size their stores begin to refuse it (facts: 5.4).
LARGE_BYTES = 1_000_000
_AT_THE_TOP = (
    *("compile_pipeline.py", "run_pipeline.py", "requirements.txt", "requirements-dev.txt", "pyproject.toml"),
    ".gitignore",
)


class ProjectError(Exception):
    """The project cannot be written where it should stand."""


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


def write(
    planned: Planned,
    definition: Definition,
    mapped: MappedPipeline,
    correspondences: Correspondences,
    settings: Settings,
    code: CodeSource,
    out: Path,
    triggers: Sequence[Trigger] = (),
    *,
    dry: bool = False,
) -> Project:
    """Write, format and compile the project, merged with what people changed since the last time.

    Args:
        planned: the plan of the pipeline.
        definition: what is converted.
        mapped: its mapping.
        correspondences: what stands for what.
        settings: what `--config` says about the project.
        code: where scripts are looked for.
        out: where the project stands, or will stand.
        triggers: what starts the pipeline, and who is told of it.
        dry: only find out what would change.

    Raises:
        ProjectError: the place holds something that is no project of ours, or cannot be written.
        CompileError: the generated code does not compile: a fault of this tool.
    """
    out = out.absolute()
    project = Project(out)
    try:
        with dry_workplace(out) if dry else workplace(out) as place:
            previous = read_previous(out)
            known = replace(code, earlier=previous.code())
            own = previous.added("code")
            started_by = plan_triggers(triggers, planned.plan, correspondences, project.findings)
            files = _files(planned, definition, mapped, correspondences, settings, known, project, own, started_by)
            generated = _generated(files, place)
            settle(project, previous, generated, _lock(planned, definition, correspondences, generated), place)
            if project.changes and not dry:
                place.swap()
    except (PreviousError, MergeError, WritingError) as error:
        raise ProjectError(str(error)) from error
    if max(project.sizes.values(), default=0) > LARGE_BYTES:
        size = max(project.sizes.values()) / 1e6
        project.findings.append(Finding("SMX351", f"the compiled pipeline has {size:.1f} MB", file=definition.file))
    return project


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
    triggers: dict[str, dict[str, Any]],
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
        "images": [name for name, choice in plan.images.items() if choice.dockerfile],
        "triggers": triggers,
        "trigger_words": in_words,
        "line_length": LINE_LENGTH,
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
    for name in _AT_THE_TOP:
        files[name] = _render(name, context)
    files["tests/test_pipeline.py"] = _render("test_pipeline.py", context)
    for component in plan.components:
        files[f"{package}/components/{component.function}.py"] = source.component_module(component)
    files |= _code(planned, definition, code, project, own)
    files |= function_files(plan, code, project.findings, _render)
    files |= trigger_files(triggers, lambda name: _render(name, context))
    if context["images"]:
        files["build_images.py"] = _render("build_images.py", context)
    addresses = _images(planned, settings)
    files |= _image_files(plan, addresses)
    # what is left to do is known when all other files are made
    findings = [*definition.findings, *planned.with_tables(mapped), *project.findings]
    context |= _setting_up(planned, correspondences, settings, addresses) | {"groups": _grouped(findings)}
    files["definition.json"] = json.dumps(definition.raw, indent=2, ensure_ascii=False) + "\n"
    files[".github/workflows/pipeline.yml"] = _render("pipeline.yml", context)
    files["cloudbuild.yaml"] = _render("cloudbuild.yaml", context)
    files["MIGRATION.md"] = _render("MIGRATION.md", context)
    files["README.md"] = _render("README.md", context)
    return files


def _image_files(plan: Plan, addresses: dict[str, str]) -> dict[str, str | bytes]:
    """The images that are to be built; `addresses` by their identifiers."""
    files: dict[str, str | bytes] = {}
    for identifier, choice in plan.images.items():
        if choice.dockerfile:
            folder = f"images/{identifier}"
            files[f"{folder}/Dockerfile"] = "\n".join(choice.dockerfile) + "\n"
            if any(line.startswith("COPY serve.py") for line in choice.dockerfile):
                files[f"{folder}/serve.py"] = one_file.source(["serve"])
            files[f"{folder}/cloudbuild.yaml"] = _cloud_build(folder, addresses[identifier])
    return files


def _setting_up(
    planned: Planned, correspondences: Correspondences, settings: Settings, addresses: dict[str, str]
) -> dict[str, Any]:
    """What README.md, MIGRATION.md and the workflows say about the pipeline and the places that it needs."""
    plan = planned.plan
    return {
        "excluded": planned.excluded,
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
        found = {file: collect(code, folder, steps[folder], file) for file in wanted}
        for file in wanted:
            if (written := _start_script(file, found)) is not None:
                script, found[file] = written
                message = f"{NAME} was not found: it is written here, and starts {script}"
                finding = Finding("SMX618", message, file.pointer, steps[folder], definition.file)
                project.findings.append(finding)
            for path, content in found[file].items():
                script = f"code/{folder}/{path}".removesuffix(".missing")
                if path.endswith(".missing"):
                    if Path(script) in own:
                        continue
                    message = f"{script.rpartition('/')[2]} was not found: put it into {script.rpartition('/')[0]}/"
                    finding = Finding("SMX360", message, file.pointer, steps[folder], definition.file)
                    project.findings.append(finding)
                files[f"code/{folder}/{path}"] = content
    return files


def _start_script(file: CodeFile, found: Mapping[CodeFile, dict[str, bytes]]) -> tuple[str, dict[str, bytes]] | None:
    """The start script of a framework processor that was not found, and what it starts, if the sources tell."""
    content = found[file].get(posixpath.join(file.path, NAME))
    if file.starts is None or (content is not None and not is_written_here(content)):
        return None
    part, archive_folder = file.starts
    prefix = f"{part}/" if part else ""
    sources = {path: text for other in found.values() for path, text in other.items() if path.startswith(prefix)}
    script = script_to_start({path[len(prefix) :]: text for path, text in sources.items()})
    if script is None:
        return None
    return script, {posixpath.join(file.path, NAME): start_script(script, archive_folder)}


_OF_ONE_PROJECT = ("pipeline_root", "service_account", "network", "encryption_key")


def _config(planned: Planned, correspondences: Correspondences, settings: Settings) -> str:
    plan = planned.plan
    # What nobody has named yet is called in `prod` as in `dev`; its own account and keys are to be filled in.
    prod = replace(settings, project=f"{settings.project}-prod", **dict.fromkeys(_OF_ONE_PROJECT))
    blocks = {"dev": settings, "prod": prod}
    environments = {name: _block(planned, correspondences, chosen) for name, chosen in blocks.items()}
    machines = {
        name: {"vcpus": machine.vcpus, "memory_gib": machine.memory_gib}
        for name, machine in sorted(plan.machines.items())
    }
    head = (
        "# The settings of the pipeline, one block per environment; look `prod` through before use. Copy a block to\n"
        "# add an environment: `python compile_pipeline.py NAME` compiles for it.\n"
    )
    document = {"default_environment": "dev", "environments": environments, "machines": machines}
    return head + yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=1000)


def _block(planned: Planned, correspondences: Correspondences, settings: Settings) -> dict[str, Any]:
    """The settings of one environment."""
    plan = planned.plan
    return {
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


# --- the generated files as they stand, the lock ---


def _generated(files: Mapping[str, str | bytes], place: Workplace) -> dict[str, bytes]:
    """The files, written into a workplace and formatted."""
    for path, content in files.items():
        target = place.new / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content.encode() if isinstance(content, str) else content)
    format_code(place.new, place.inherited)
    return {path: (place.new / path).read_bytes() for path in sorted(files)}


def _lock(
    planned: Planned, definition: Definition, correspondences: Correspondences, generated: Mapping[str, bytes]
) -> str:
    """The content of smx2vertex.lock."""
    plan = planned.plan
    raw = json.dumps(definition.raw, sort_keys=True).encode()
    document = {
        "smx2vertex": __version__,
        "source": {"pipeline": plan.source, "sha256": sha256(raw)},
        "package": plan.package,
        "pipeline": plan.name,
        "parameters": {parameter.source: parameter.name for parameter in plan.parameters},
        "allowed": _allowed(plan, definition),
        "buckets": {bucket: correspondences.bucket(bucket) for bucket in sorted(plan.buckets.values())},
        "machines": dict(sorted(plan.instance_types.items())),
        "excluded": {step: finding.code for step, finding in sorted(planned.excluded.items())},
        "files": {path: sha256(content) for path, content in generated.items()},
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _allowed(plan: Plan, definition: Definition) -> dict[str, list[Any]]:
    """The values that SageMaker allows, by the parameter's name here: Kubeflow knows no such list."""
    names = {parameter.source: parameter.name for parameter in plan.parameters}
    return {
        names[name]: list(parameter.allowed)
        for name, parameter in definition.parameters.items()
        if parameter.allowed is not None and name in names
    }
