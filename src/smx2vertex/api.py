"""What programs may call: `load`, `capture`, `map_pipeline`, `convert`, `compare`, `assess`.

Nothing here prints. What the user can mend is an InputError, which holds a finding; what comes back is plain and typed,
and has `to_dict()`. All else in this package may change between versions.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .findings import Finding, InputError

if TYPE_CHECKING:
    from .compare import Comparison
    from .mapping.ledger import MappedPipeline
    from .report.pipeline import PipelineReport
    from .report.portfolio import Portfolio
    from .sagemaker.capture import Captured
    from .sagemaker.definition import Definition
    from .sagemaker.trigger_file import Trigger
    from .vertex.again import Project
    from .vertex.config import Config
    from .vertex.planner import Planned

__all__ = ["Conversion", "InputError", "Source", "assess", "capture", "compare", "convert", "load", "map_pipeline"]


@dataclass(frozen=True, slots=True)
class Source:
    """A definition, and what came with it.

    Attributes:
        definition: the definition.
        files: the files that it names by their S3 addresses, where they are known; they last as long as this object.
        triggers: what starts the pipeline.
        folder: where the files are, if it is a temporary one.
    """

    definition: Definition
    files: dict[str, Path] = field(default_factory=dict)
    triggers: list[Trigger] = field(default_factory=list)
    folder: tempfile.TemporaryDirectory[str] | None = None

    def to_dict(self) -> dict[str, Any]:
        """Parameters, steps and data flow, as `inspect --format json` prints them."""
        from .sagemaker.dataflow import dataflow, to_dict

        return to_dict(dataflow(self.definition))


@dataclass(frozen=True, slots=True)
class Conversion:
    """A written project, and what was found on the way.

    Attributes:
        definition: what was converted.
        report: what became of each step and field.
        planned: the plan of the Vertex pipeline.
        project: where it stands, what changed in it, the sizes of its compiled files.
        comparison: of the definition and the compiled pipeline; None if the project does not compile, as after a merge
            with conflicts, or if nothing was written.
    """

    definition: Definition
    report: PipelineReport
    planned: Planned
    project: Project
    comparison: Comparison | None

    def to_dict(self) -> dict[str, Any]:
        """The project's folder, sizes in bytes, changed files, and the results of mapping and comparison."""
        return {
            "project": str(self.project.path),
            "sizes": dict(self.project.sizes),
            "changes": [change.path for change in self.project.changes],
            "mapping": self.report.to_dict(),
            "comparison": self.comparison and self.comparison.to_dict(),
        }


def load(source: Path | str, pipeline: str | None = None) -> Source:
    """Read a definition.

    Args:
        source: a JSON or YAML file, or a bundle of `capture` or `pull`.
        pipeline: which pipeline of a bundle, or what to call that of a file.

    Raises:
        InputError: it cannot be read, or a bundle holds several pipelines and none is named (SMX114).
    """
    from .sagemaker.bundle import is_bundle, open_bundle
    from .sagemaker.reader import load as read
    from .sagemaker.trigger_file import read_triggers

    path = Path(source)
    if not is_bundle(path):
        return Source(read(path, pipeline))
    bundle = open_bundle(path)
    names = bundle.names()
    if pipeline is None and len(names) != 1:
        listed = "".join(f"\n  {name}" for name in names)
        raise InputError(
            Finding("SMX114", f"holds {len(names)} pipelines; name one of them:{listed}", file=str(source))
        )
    return Source(bundle.definition(pipeline or names[0]), bundle.files(), read_triggers(bundle.folder))


def capture(
    program: str,
    out: Path | str,
    *,
    python: Path | None = None,
    arguments: Sequence[str] = (),
    keywords: Mapping[str, str] | None = None,
    repair: bool = False,
    timeout: float = 300,
) -> Captured:
    """Run a program that builds pipelines with the SageMaker SDK, offline; `load` opens the bundle that it leaves.

    The program is code, and is executed: in a process of its own, without AWS credentials and without a network.

    Args:
        program: `x.py`, `x.py:function`, `module:function` or `x.ipynb`.
        out: folder of the bundle; a bundle that stands there is replaced.
        python: the interpreter with the SDK; else the one of the active virtual environment, else this one.
        arguments: what the program finds in `sys.argv`.
        keywords: arguments of the function, as text.
        repair: mend known mistakes of course code; each repair is a finding.
        timeout: seconds until the program is stopped.

    Raises:
        InputError: it is no program, cannot be run, or built no pipeline.
    """
    from .sagemaker.capture import capture as run
    from .sagemaker.capture import find_program

    found = find_program(program)
    if found is None:
        raise InputError(Finding("SMX160", "is no Python file, no notebook, and no MODULE:FUNCTION", file=program))
    return run(found, Path(out), python=python, arguments=arguments, keywords=keywords, repair=repair, timeout=timeout)


def map_pipeline(source: Source, config: Sequence[Path] = ()) -> PipelineReport:
    """What becomes of each step and each field of a definition.

    Args:
        source: what `load` gave.
        config: configurations of the user's; the last one is on top.

    Raises:
        InputError: the definition's structure is broken, or a configuration is.
    """
    from .assess.pipeline import report_pipeline

    chosen, mapped, planned = _planned(source.definition, config)
    return report_pipeline(source.definition, planned.settled(mapped), planned, chosen.row_files)


def convert(
    source: Source, out: Path | str, *, code: Path | None = None, config: Sequence[Path] = (), dry: bool = False
) -> Conversion:
    """Write the Vertex project of a definition, compile it for both targets, and compare it with the definition.

    Args:
        source: what `load` gave.
        out: the project's folder; what people changed there is merged, and stays.
        code: a folder with the scripts that the definition names.
        config: configurations of the user's; the last one is on top.
        dry: write nothing, only find out what would change.

    Raises:
        InputError: the definition's structure or a configuration is broken, or no step runs anything (SMX300).
        ProjectError: the folder holds something that is no project of ours, or cannot be written.
    """
    from .assess.pipeline import report_pipeline
    from .compare import compare as compared
    from .kubeflow.spec import load as load_spec
    from .sagemaker.without_secrets import without_secrets
    from .vertex.code_files import CodeSource
    from .vertex.project import write

    definition = without_secrets(source.definition)
    chosen, mapped, planned = _planned(definition, config)
    if not planned.plan.body:
        message = "no step ever runs anything: there is nothing to convert"
        raise InputError(Finding("SMX300", message, file=definition.file))
    project = write(
        planned,
        definition,
        mapped,
        chosen.correspondences,
        chosen.settings,
        CodeSource(code, source.files),
        Path(out),
        source.triggers,
        dry=dry,
    )
    written = bool(project.sizes) and not dry
    comparison = compared(definition, load_spec(project.path / "compiled" / "vertex.yaml")) if written else None
    report = report_pipeline(definition, planned.settled(mapped), planned, chosen.row_files)
    return Conversion(definition, report, planned, project, comparison)


def compare(
    source: Source,
    target: Path | str,
    *,
    match: Mapping[str, Iterable[str]] | None = None,
    scenarios: int = 256,
    seed: int = 0,
) -> Comparison:
    """Compare a definition with a compiled pipeline, or with both targets of a project, whoever wrote it.

    Args:
        source: what `load` gave.
        target: a compiled file, or a project's folder.
        match: tasks by step, where a person knows better than names and data flow tell.
        scenarios: how many executions are simulated at most, for each target.
        seed: which of them are taken where there are more.

    Raises:
        InputError: one of both cannot be read, the definition's structure is broken, or `match` contradicts itself.
    """
    from .compare import compare as compared
    from .compare.project import compare_project, is_project
    from .kubeflow.spec import load as load_spec

    definition, path = _sound(source.definition), Path(target)
    if is_project(path):
        return compare_project(definition, path, match, scenarios, seed)
    return compared(definition, load_spec(path), match, scenarios=scenarios, seed=seed)


def assess(
    paths: Sequence[Path | str],
    *,
    config: Sequence[Path] = (),
    effort: Path | None = None,
    prices: Path | None = None,
    jobs: int = 1,
) -> Portfolio:
    """Assess many pipelines: inventory, coverage, blockers, templates, dependencies, waves, effort.

    Args:
        paths: definitions, folders and bundles.
        config: configurations of the user's; the last one is on top.
        effort: an effort table of the user's.
        prices: what machines cost in an hour.
        jobs: how many processes.

    Raises:
        InputError: there is no definition below these paths, or a configuration or table is broken.
    """
    from .assess import run
    from .assess.effort import load_effort
    from .assess.prices import load_prices
    from .assess.sources import find_sources
    from .assess.store import Store

    given = [Path(path) for path in paths]
    table, costs = load_effort(effort), None if prices is None else load_prices(prices)
    with tempfile.TemporaryDirectory(prefix="assess-") as folder:
        out = Path(folder)
        sources = find_sources(given, leave_out=out)
        store = Store(out)
        try:
            found = run.assess(given, sources, store, config_files=config, table=table, prices=costs, jobs=jobs)
        finally:
            store.close()
    return found.portfolio


def _planned(definition: Definition, config: Sequence[Path]) -> tuple[Config, MappedPipeline, Planned]:
    from .mapping.ledger import map_pipeline as mapped_by
    from .vertex.config import load_config
    from .vertex.planner import plan

    chosen = load_config(config)
    mapped = mapped_by(_sound(definition), chosen.tables)
    planned = plan(definition, mapped, chosen.correspondences, chosen.hooks)
    planned.findings.extend(chosen.findings)
    return chosen, mapped, planned


def _sound(definition: Definition) -> Definition:
    """The definition, if its structure holds."""
    if definition.faults:
        raise InputError(definition.faults[0])
    return definition
