"""How much of a folder of definitions is translated: steps by type and verdict, fields by verdict, what stops the rest.

    python -m benchmarks.coverage [FOLDER] [--write]

FOLDER is `../shared/corpus/definitions` unless given; `--write` puts the table into docs/coverage.md.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from smx2vertex.findings import InputError
from smx2vertex.mapping.correspondences import Correspondences
from smx2vertex.mapping.ledger import map_pipeline
from smx2vertex.mapping.tables import VERDICTS
from smx2vertex.sagemaker.reader import load
from smx2vertex.vertex.planner import plan

ROOT = Path(__file__).resolve().parent.parent
CORPUS = ROOT.parent / "shared" / "corpus" / "definitions"
PAGE = ROOT / "docs" / "coverage.md"


@dataclass
class Coverage:
    """What was counted.

    Attributes:
        steps: verdicts by step type.
        fields: fields by verdict.
        stopped: the steps that became failing tasks, or nothing, by the code of the finding.
        refused: definitions that cannot be read.
    """

    definitions: int = 0
    refused: int = 0
    steps: dict[str, Counter[str]] = field(default_factory=dict)
    fields: Counter[str] = field(default_factory=Counter)
    unaccounted: int = 0
    stopped: Counter[str] = field(default_factory=Counter)

    def add(self, file: Path) -> None:
        """Count one definition."""
        self.definitions += 1
        try:
            definition = load(file)
        except InputError:
            self.refused += 1
            return
        if any(finding.severity == "error" for finding in definition.findings):
            self.refused += 1
            return
        mapped = map_pipeline(definition)
        planned = plan(definition, mapped, Correspondences())
        mapped = planned.settled(mapped)
        for step in mapped.steps.values():
            self.steps.setdefault(step.type or "none", Counter())[step.verdict] += 1
        self.stopped.update(finding.code for finding in planned.excluded.values())
        self.fields.update(mapped.by_verdict())
        self.unaccounted += len(mapped.unaccounted)

    def page(self) -> str:
        """The table as Markdown."""
        return "\n".join(self._lines()) + "\n"

    def _lines(self) -> Iterator[str]:
        total: Counter[str] = sum(self.steps.values(), Counter())
        yield "# Coverage"
        yield ""
        yield "The numbers are those of the corpus of real definitions. The verdict on a step is"
        yield "the worst of its fields that matter, or `redesign` where the step as a whole becomes a task that fails."
        yield ""
        yield f"{self.definitions} definitions, {self.refused} of them refused; {total.total()} steps,"
        yield f"{self.fields.total() + self.unaccounted} fields, {self.unaccounted} of them unaccounted for."
        yield ""
        yield from _table("Steps", [*sorted(self.steps.items(), key=lambda item: -item[1].total()), ("all", total)])
        yield ""
        yield from _table("Fields", [("all", self.fields)])
        yield ""
        yield "## What stops steps"
        yield ""
        yield "| finding | steps |"
        yield "|---|---|"
        yield from (
            f"| {code} | {count} |" for code, count in sorted(self.stopped.items(), key=lambda i: (-i[1], i[0]))
        )


def _table(what: str, rows: Iterable[tuple[str, Counter[str]]]) -> Iterator[str]:
    yield f"| {what} | number | {' | '.join(VERDICTS)} | exact or adapted |"
    yield "|---|---|" + "---|" * (len(VERDICTS) + 1)
    for name, verdicts in rows:
        number = verdicts.total()
        share = (verdicts["exact"] + verdicts["adapted"]) / number if number else 0
        yield f"| {name} | {number} | {' | '.join(str(verdicts[v]) for v in VERDICTS)} | {share:.0%} |"


def main(arguments: list[str]) -> None:
    """Count, print, and write the page if asked to."""
    folders = [Path(argument) for argument in arguments if not argument.startswith("-")] or [CORPUS]
    coverage = Coverage()
    for file in sorted(file for folder in folders for file in folder.glob("**/*.json")):
        coverage.add(file)
    page = coverage.page()
    print(page)
    if "--write" in arguments:
        PAGE.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
