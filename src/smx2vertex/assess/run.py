"""Assesses a portfolio: one definition after the other, in several processes if asked to; what was done is kept."""

from __future__ import annotations

import multiprocessing
import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from ..findings import Finding, InputError, by_severity
from ..report.portfolio import FindingRow, Portfolio
from ..sagemaker.secrets import masked
from ..vertex.config import Config, load_config
from .effort import EffortTable
from .portfolio import Gathering
from .prices import Prices
from .record import Analysis, Record, analyse
from .sources import Source, Sources
from .store import (
    PAGES,
    OutputError,
    Store,
    digest_of,
    digest_of_files,
    digest_of_program,
    read_record,
    whole_file,
    write_record,
)

# Makes the page about a pipeline; a function of a module, so that every process finds it.
PageMaker: TypeAlias = Callable[[Analysis, Config], str]
# What is said of a file that holds something else, and of YAML that the reader of definitions does not take.
_NO_DEFINITION, _NO_TEXT = "SMX105", "SMX102"
_CHUNK = 8


@dataclass(frozen=True, slots=True)
class Task:
    """How each definition is assessed.

    Attributes:
        out: the output folder.
        config_files: the user's configurations.
        digest: what all records rest on: the program, and what the configurations say.
        make_page: what makes the pages; None for none.
    """

    out: Path
    config_files: tuple[Path, ...] = ()
    digest: str = ""
    make_page: PageMaker | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a source: a record, or a problem; neither for a file that holds something else."""

    source: Source
    digest: str = ""
    record: Record | None = None
    page: str | None = None
    problem: Finding | None = None


@dataclass(slots=True)
class Assessment:
    """The report, and where the findings are kept: they are too many to hold."""

    portfolio: Portfolio
    out: Path
    digests: list[str] = field(default_factory=list)

    def findings(self) -> Iterator[FindingRow]:
        """All findings, pipeline by pipeline, errors first."""
        for entry, digest in zip(self.portfolio.pipelines, self.digests, strict=True):
            record = read_record(self.out, digest)
            if record is None:
                raise InputError(Finding("SMX172", "a record was removed during the run", file=str(self.out)))
            found = [Finding(each.code, each.message, each.pointer, each.step) for each in record.findings]
            for each in by_severity(found):
                yield FindingRow(
                    entry.id, each.step, each.code, each.severity, each.message, each.pointer, entry.file, each.help
                )


def assess(
    paths: Sequence[Path],
    sources: Sources,
    store: Store,
    *,
    config_files: Sequence[Path] = (),
    table: EffortTable,
    prices: Prices | None = None,
    make_page: PageMaker | None = None,
    jobs: int = 1,
    progress: Callable[[Outcome], None] = lambda _: None,
) -> Assessment:
    """Assess a portfolio. The result does not depend on the number of processes, nor on what was done before.

    Args:
        paths: what the user named.
        sources: what was found there.
        store: the output folder; records of earlier runs are used again.
        config_files: the user's configurations.
        table: what a migration costs.
        prices: what machines cost.
        make_page: what makes the page about a pipeline; None for none.
        jobs: how many processes.
        progress: called after each definition.

    Raises:
        InputError: a configuration cannot be read, or no file is a definition.
        OutputError: the output cannot be written.
    """
    config = load_config(config_files)
    hooks = [Path(hook.place[0]) for hook in config.hooks.values() if isinstance(hook.place, tuple)]
    digest = f"{digest_of_program()} {digest_of_files([*config_files, *hooks])}"
    task = Task(store.out, tuple(config_files), digest, make_page)
    gathering = Gathering(config, table, prices or Prices(), sources.triggers)
    problems, skipped, digests = list(sources.problems), [], []
    for outcome in _outcomes(task, sources.definitions, jobs):
        if outcome.record is not None:
            gathering.add(outcome.record, outcome.page)
            digests.append(outcome.digest)
        elif outcome.problem is not None:
            problems.append(outcome.problem)
        else:
            skipped.append(outcome.source.file)
        progress(outcome)
    if not digests and not problems:
        raise InputError(Finding("SMX170", "no file below these paths is a definition"))
    store.keep_only(digests)
    return Assessment(gathering.portfolio(paths, problems, skipped), store.out, digests)


def _outcomes(task: Task, sources: Sequence[Source], jobs: int) -> Iterator[Outcome]:
    """What becomes of each source, in their order."""
    if jobs < 2 or len(sources) < 2:
        worker = _Worker(task)
        yield from map(worker.outcome, sources)
        return
    # not a copy of this process: threads may run in it
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, context, _begin, (task,)) as pool:
        try:
            yield from pool.map(_outcome, sources, chunksize=_CHUNK)
        finally:
            pool.shutdown(cancel_futures=True)


_workers: list[_Worker] = []


def _begin(task: Task) -> None:
    _workers.append(_Worker(task))


def _outcome(source: Source) -> Outcome:
    return _workers[-1].outcome(source)


class _Worker:
    """Assesses definitions in one process."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self.config = load_config(task.config_files)

    def outcome(self, source: Source) -> Outcome:
        """Assess one definition; whatever is wrong with it, the others go on.

        Raises:
            OutputError: what was found cannot be kept.
        """
        try:
            return self._outcome(source)
        except OutputError:
            raise
        except InputError as error:
            if not source.given and _is_something_else(source.file, error.finding.code):
                return Outcome(source)
            return Outcome(source, problem=error.finding)
        except Exception as error:
            message = masked("", f"{type(error).__name__}: {error}"[:300])
            return Outcome(source, problem=Finding("SMX176", message, file=str(source.file)))

    def _outcome(self, source: Source) -> Outcome:
        digest = self._digest(source)
        record = None if digest is None else read_record(self.task.out, digest)
        if record is not None and digest is not None:
            page = self._page(record.name, digest)
            if page is None or (self.task.out / page).is_file():
                return Outcome(source, digest, record, page)
        definition = source.load()
        if definition.faults:
            return Outcome(source, problem=definition.faults[0])
        analysis = analyse(definition, self.config, source.kind)
        digest = digest or ""
        page = self._page(analysis.record.name, digest)
        if page is not None and self.task.make_page is not None:
            text = self.task.make_page(analysis, self.config)
            with whole_file(self.task.out / page) as file:
                file.write(text)
        write_record(self.task.out, digest, analysis.record)
        return Outcome(source, digest, analysis.record, page)

    def _digest(self, source: Source) -> str | None:
        """What the record rests on; None if the file cannot be read, which reading it will explain."""
        try:
            content = source.file.read_bytes()
            manifest = digest_of_files([source.bundle / "manifest.json"]) if source.bundle else ""
        except OSError:
            return None
        return digest_of(content, str(source.file), source.name or "", manifest, self.task.digest)

    def _page(self, name: str, digest: str) -> str | None:
        """Where the page about a pipeline stands, relative to the output."""
        if self.task.make_page is None:
            return None
        return f"{PAGES}/{re.sub(r'[^A-Za-z0-9_]+', '-', name).strip('-')[:60]}-{digest[:16]}.html"


def _is_something_else(file: Path, code: str) -> bool:
    """Whether a file that was only found in a folder is likely no definition: other tools write YAML with tags."""
    return code == _NO_DEFINITION or (code == _NO_TEXT and file.suffix.lower() != ".json")
