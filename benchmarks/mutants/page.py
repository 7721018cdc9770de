"""The page docs/mutants.md."""

from __future__ import annotations

from collections.abc import Iterator

from .suite import SCENARIOS, Outcome, Suite

HEAD = """# Mutants

How good is the proof that a conversion means the same? Faults are put into the compiled pipelines of real conversions,
one at a time, and `validate`'s comparison must report each. `make mutants` writes this page; `--seed`, `--sites`,
`--all`, `--definitions` and `--operators` choose what is applied, as in `make mutants MUTANTS='--seed 1 --all'`.
A comparison of a mutant takes about 60 ms: 8,300 of them (`--sites 150`) took 8 minutes on one processor, so that all
sites, about 19,000, take about 20 minutes.

A fault that changes what the pipeline does must be reported as an **error**. One that changes only cost, time or what
those outside notice, such as another machine, must be reported as a **warning** at least. A warning counts only if
the translation without the fault has none of the same words.

Where a fault would change nothing, or something that no definition says, no mutant is made. The rules in the tables
decide that, from the text of the pipeline alone (one asks the definition for a name): nobody picks by hand, and the
simulators are not asked. One rule holds for all operators: tasks that `validate` leaves out, since they fail in the
place of a step without a counterpart, have no faults.

Not mutated at all: the files of the code itself, which the check `code` of a project compares by their hashes.
"""


def page(suite: Suite) -> str:
    """The results as Markdown."""
    return "\n".join(_lines(suite)) + "\n"


def _lines(suite: Suite) -> Iterator[str]:
    yield HEAD
    definitions = len({name.rpartition(" (")[0] for name in suite.used})
    yield f"{definitions} definitions, {len(suite.used)} compiled pipelines (both targets), seed {suite.seed},"
    sites = "all sites" if suite.most is None else f"at most {suite.most} sites for each operator"
    yield f"{sites}, {SCENARIOS} scenarios for each comparison. {suite.summary}."
    if suite.unusable:
        yield ""
        yield (
            "Left out, because the conversion itself is not reported as equivalent: " + ", ".join(suite.unusable) + "."
        )
    for severity, title in (("error", "Faults that change behaviour"), ("warning", "Faults of lower rank")):
        outcomes = [outcome for outcome in suite.outcomes if outcome.operator.severity == severity]
        yield f"\n## {title}\n"
        yield "| operator | what is done | left out | sites | caught / applied |"
        yield "|---|---|---|---|---|"
        yield from map(_row, outcomes)
    missed = [outcome for outcome in suite.outcomes if outcome.missed]
    yield "\n## Missed\n"
    if not missed:
        yield "Nothing."
    for outcome in missed:
        yield f"- **{outcome.operator.name}**: {len(outcome.missed)} of {outcome.applied}, such as"
        yield from (f"  - `{site}`" for site in map(str, outcome.missed[:3]))


def _row(outcome: Outcome) -> str:
    operator = outcome.operator
    caught = f"{outcome.caught} / {outcome.applied}"
    mark = f"**{caught}**" if outcome.missed else caught
    return f"| {operator.name} | {operator.says} | {operator.excluded or '–'} | {outcome.sites} | {mark} |"
