"""One measurement of `benchmarks.portfolio`, in a process of its own: `python -m benchmarks.assessing FOLDER OUT`.

Prints processor seconds for analysis, adding up and writing, and the peak memory in MiB, as a JSON list.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec, TypeVar

from smx2vertex.assess.effort import load_effort
from smx2vertex.assess.portfolio import Gathering
from smx2vertex.assess.run import Assessment, assess
from smx2vertex.assess.sources import find_sources
from smx2vertex.assess.store import Store, whole_binary_file, whole_file
from smx2vertex.report.portfolio import write_json
from smx2vertex.report.portfolio_csv import write_csv
from smx2vertex.report.portfolio_excel import write_workbook
from smx2vertex.report.portfolio_html import to_html
from smx2vertex.report.portfolio_markdown import to_markdown
from smx2vertex.report.portfolio_tables import findings_table, pipelines_table, tables

P = ParamSpec("P")
R = TypeVar("R")


class Clock:
    """Adds up the processor seconds of all calls of what it is put around."""

    def __init__(self) -> None:
        """Begin with none."""
        self.seconds = 0.0

    def __call__(self, action: Callable[P, R]) -> Callable[P, R]:
        """The same action, measured."""

        def timed(*arguments: P.args, **named: P.kwargs) -> R:
            begin = time.process_time()
            try:
                return action(*arguments, **named)
            finally:
                self.seconds += time.process_time() - begin

        return timed


def write(found: Assessment) -> None:
    """What `assess` writes, without the pages of pipelines."""
    single = findings_table(found.findings)
    with whole_file(found.out / "report.json") as file:
        write_json(found.portfolio, file)
    with whole_file(found.out / "index.html") as file:
        file.write(to_html(found.portfolio))
    with whole_file(found.out / "report.md") as file:
        file.writelines(f"{line}\n" for line in to_markdown(found.portfolio))
    for table in (pipelines_table(found.portfolio), single):
        with whole_file(found.out / f"{table.title}.csv") as file:
            write_csv(table, file)
    with whole_binary_file(found.out / "portfolio.xlsx") as workbook:
        write_workbook([*tables(found.portfolio), single], workbook)


def main(folder: Path, out: Path) -> list[float]:
    """Assess a folder."""
    whole, adding, writing = Clock(), Clock(), Clock()
    Gathering.add = adding(Gathering.add)  # type: ignore[method-assign]
    Gathering.portfolio = adding(Gathering.portfolio)  # type: ignore[method-assign]
    found = whole(assess)([folder], find_sources([folder], out), Store(out), table=load_effort())
    writing(write)(found)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return [whole.seconds - adding.seconds, adding.seconds, writing.seconds, peak]


if __name__ == "__main__":
    print(json.dumps(main(*map(Path, sys.argv[1:]))))
