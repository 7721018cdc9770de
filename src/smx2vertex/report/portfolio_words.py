"""How the report of a portfolio speaks to people: headings, rounded numbers, and the answers that stand first.

Forms for programs (JSON, CSV) keep the names and the digits.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from ..words import counted, one_line
from .portfolio import Compute, Days, Portfolio

Cell: TypeAlias = "str | int | float | None"

_HEADINGS = {
    "id": "pipeline",
    "days_low": "days, low",
    "days_likely": "days, likely",
    "days_high": "days, high",
    "excluded_steps": "steps to rewrite",
    "depends_on": "needs",
}
_SIDES = {"source": "SageMaker", "target": "Vertex AI"}
# What machines take in an hour, by the names of `Compute`.
HOURS = {"vcpu_hours": "vCPU-hours", "gpu_hours": "GPU-hours", "memory_gib_hours": "GiB-hours", "cost": "cost"}
# A pipeline that takes so much of all is named: without it, the forecast is another one.
_LARGE_SHARE = 0.25


@dataclass(frozen=True, slots=True)
class Answer:
    """What is asked first, in a few words; `notes` are sentences that belong to it."""

    question: str
    text: str
    notes: tuple[str, ...]


def heading(column: str) -> str:
    """The heading of a column for people."""
    side, _, rest = column.partition("_")
    if side in _SIDES and rest in HOURS:
        return f"{HOURS[rest]}, {_SIDES[side]}"
    return _HEADINGS.get(column, column.replace("_", " "))


def cell_text(column: str, cell: Cell) -> str:
    """A cell for people: days as exact as a forecast is, similarity in percent."""
    if cell is None:
        return "–"
    if isinstance(cell, str):
        return one_line(cell)
    if column.startswith("days_"):
        return approximately(cell)
    if column == "similarity":
        return f"{cell:.0%}"
    return f"{cell:,}" if isinstance(cell, int) else f"{cell:,.2f}".rstrip("0").rstrip(".")


def approximately(value: float) -> str:
    """A forecast without digits that nobody knows: `<0.1`, `2.2`, `58`, `1,200`."""
    if 0 < value < 0.05:
        return "<0.1"
    if value < 9.95:
        return f"{value:.1f}".removesuffix(".0")
    digits = min(0, 2 - len(str(round(value))))
    return f"{round(value, digits):,.0f}"


def share_text(count: int, whole: int) -> str:
    """A share in percent; what is there is never 0%, and what is not all never 100%."""
    if 0 < count * 200 < whole:
        return "<1%"
    if count < whole and count * 200 >= 199 * whole:
        return ">99%"
    return f"{count / whole:.0%}" if whole else "–"


def both_ends(text: str, length: int) -> str:
    """A text in one line of at most so many characters, without its middle: names often differ at the end alone."""
    line = one_line(text)
    return line if len(line) <= length else f"{line[: length // 2 - 1]} … {line[len(line) - length // 2 + 2 :]}"


def days_text(days: Days) -> str:
    """`12 (5 to 30)`."""
    return f"{approximately(days.likely)} ({approximately(days.low)} to {approximately(days.high)})"


def summary(portfolio: Portfolio) -> str:
    """How much there is."""
    totals = portfolio.totals
    parts = [
        counted(totals.pipelines, "pipeline"),
        counted(totals.steps, "step"),
        f"{totals.excluded_steps:,} to be rewritten",
        counted(totals.templates, "template"),
        counted(totals.waves, "wave"),
        *([f"{counted(totals.unreadable, 'file')} not assessed"] if totals.unreadable else []),
    ]
    return " · ".join(parts)


def answers(portfolio: Portfolio) -> list[Answer]:
    """What moves first, what it costs, what is at risk."""
    return [
        Answer("What moves first?", *_first(portfolio)),
        Answer("What does it cost?", *_cost(portfolio)),
        Answer("What is at risk?", *_risk(portfolio)),
    ]


def _first(portfolio: Portfolio) -> tuple[str, tuple[str, ...]]:
    if not portfolio.waves:
        return "Nothing", ()
    wave, *rest = portfolio.waves
    days = f"They take about {days_text(wave.days)} person-days."
    later = sum(len(each.pipelines) for each in rest)
    notes = (days, f"{later:,} more follow in {counted(len(rest), 'wave')}." if rest else "There is no other wave.")
    return f"{counted(len(wave.pipelines), 'pipeline')}, {wave.title}", notes


def _cost(portfolio: Portfolio) -> tuple[str, tuple[str, ...]]:
    effort = portfolio.effort
    low, high = approximately(effort.days.low), approximately(effort.days.high)
    notes = [
        f"It may be {low}, it may be {high}; {approximately(effort.shared.likely)} are for what is done once for all."
    ]
    costliest = max(portfolio.pipelines, key=lambda entry: entry.days.likely, default=None)
    if costliest is not None and len(portfolio.pipelines) > 1:
        share = costliest.days.likely / effort.days.likely if effort.days.likely else 0
        if share > _LARGE_SHARE:
            name, steps = both_ends(costliest.id, 60), counted(len(costliest.steps), "step")
            notes.append(f"{name}, with {steps}, takes {approximately(costliest.days.likely)} of them alone.")
    return f"About {approximately(effort.days.likely)} person-days", tuple(notes)


def _risk(portfolio: Portfolio) -> tuple[str, tuple[str, ...]]:
    totals = portfolio.totals
    waiting = sum(bool(entry.excluded) for entry in portfolio.pipelines)
    notes = []
    if reasons := [each for each in portfolio.blockers if each.blocks]:
        most = max(reasons, key=lambda each: len(each.pipelines))
        notes.append(f"The most frequent reason: {most.name} ({counted(len(most.pipelines), 'pipeline')}).")
    if totals.unreadable:
        notes.append(f"{counted(totals.unreadable, 'file')} could not be assessed: not in these numbers.")
    if not waiting:
        return "No step must be rewritten", tuple(notes)
    of = f"{waiting:,} of {counted(totals.pipelines, 'pipeline')}"
    return f"{counted(totals.excluded_steps, 'step')} to be rewritten, in {of}", tuple(notes)


def before(blocks: bool) -> str:
    """What cannot happen before a blocker is settled."""
    return "converting" if blocks else "the first run"


def hours(one: Compute, other: Compute) -> Iterator[tuple[str, float, float, str]]:
    """What machines take on both sides: the unit, before, after, and the difference in percent."""
    for name, unit in HOURS.items():
        pair = getattr(one, name), getattr(other, name)
        if None not in pair and any(pair):
            yield unit, *pair, _change(*pair)


def _change(one: float, other: float) -> str:
    if one == other:
        return "the same"
    return f"{other / one - 1:+.0%}" if one else "–"


def listed(names: Iterable[str]) -> str:
    """Names in one cell."""
    return "; ".join(names)
