"""The effort table: what a migration costs, row by row; ours is `mappings/effort.yaml`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

from ..documents import DocumentError
from ..findings import Finding, InputError, catalogue
from ..mapping.data import load_yours, mappings_dir
from ..report.portfolio import Days, Driver
from .record import Record

Unit: TypeAlias = Literal[
    "portfolio", "pipeline", "step", "excluded", "decision", "branch", "parameter", "trigger",
    "image", "bucket", "role", "key", "network", "function",
]  # fmt: skip
# What is done once for all pipelines, with the kind of thing that a record lists.
SHARED: dict[Unit, str] = {
    "image": "own_images",
    "bucket": "buckets",
    "role": "roles",
    "key": "keys",
    "network": "networks",
    "function": "functions",
}
_ANY = "*"
_ROW_KEYS = {"label", "per", "types", "except", "days", "because"}
_KEYS = {"following", "repeated", "levels", "complex_types", "rows"}


@dataclass(frozen=True, slots=True)
class EffortRow:
    """A row: what is counted, and the person-days for each.

    Attributes:
        types: the step types that it is about; `*` for all that no other row names.
        exceptions: codes that do not count.
    """

    name: str
    label: str
    per: Unit
    days: Days
    because: str
    types: frozenset[str] = frozenset()
    exceptions: frozenset[str] = frozenset()

    def driver(self, count: int, days: Days) -> Driver:
        """What so many of it cost."""
        return Driver(self.name, self.label, count, days.rounded(), self.because)


@dataclass(frozen=True, slots=True)
class EffortTable:
    """The table.

    Attributes:
        following: the share of its own effort that a further pipeline of a template costs.
        repeated: the share of the first that a further step costs that is not translated for the same reason.
        c_above: above so many likely days the letter of the level is C.
        complex_types: step types that make a pipeline more difficult than branches do.
    """

    file: str
    following: Days
    following_because: str
    repeated: Days
    repeated_because: str
    c_above: float
    complex_types: frozenset[str]
    rows: tuple[EffortRow, ...]

    def drivers(self, record: Record, triggers: int) -> list[Driver]:
        """What a pipeline costs alone, the costliest first."""
        counts, repeated = self._counts(record, triggers)
        drivers = []
        for row in self.rows:
            again = repeated[row.name]
            if count := counts[row.name]:
                days = row.days * (count - again) + row.days.part(self.repeated) * again
                drivers.append(row.driver(count, days))
        return sorted(drivers, key=lambda driver: (-driver.days.likely, driver.row))

    def shared_drivers(self, things: Mapping[str, int]) -> list[Driver]:
        """What is done once: `things` are the numbers of images, buckets and so on by their kind in a record."""
        counts = {"portfolio": 1} | {per: things.get(kind, 0) for per, kind in SHARED.items()}
        return [row.driver(count, row.days * count) for row in self.rows if (count := counts.get(row.per, 0))]

    def level(self, record: Record, days: Days) -> str:
        """The level of a pipeline that costs so many days alone, from A-1 to C-5."""
        left_out = len(record.excluded)
        letter = "C" if days.likely > self.c_above else "B" if left_out else "A"
        if left_out:
            return f"{letter}-{5 if left_out * 3 > len(record.steps) else 4}"
        if any(step.type in self.complex_types for step in record.steps):
            return f"{letter}-3"
        return f"{letter}-{2 if record.branches else 1}"

    def _counts(self, record: Record, triggers: int) -> tuple[Counter[str], Counter[str]]:
        """How often each row counts, and how often of these for a reason that it counted for already."""
        simple = {"pipeline": 1, "branch": record.branches, "parameter": record.parameters, "trigger": triggers}
        counts: Counter[str] = Counter({row.name: simple.get(row.per, 0) for row in self.rows})
        repeated: Counter[str] = Counter()
        counts.update({row.name: _decisions(record, row.exceptions) for row in self.rows if row.per == "decision"})
        reasons: set[tuple[str, str]] = set()
        for step in record.steps:
            reason = record.excluded.get(step.name)
            row = self._row_of("step" if reason is None else "excluded", step.type)
            if row is None:
                continue
            counts[row.name] += 1
            if reason is not None:
                repeated[row.name] += (row.name, reason) in reasons
                reasons.add((row.name, reason))
        return counts, repeated

    def _row_of(self, per: Unit, type_: str) -> EffortRow | None:
        rows = [row for row in self.rows if row.per == per]
        named = (row for row in rows if type_ in row.types)
        return next(named, next((row for row in rows if _ANY in row.types), None))


def _decisions(record: Record, exceptions: frozenset[str]) -> int:
    codes = {finding.code for finding in record.findings if finding.step not in record.excluded}
    return sum(catalogue()[code].severity != "info" for code in codes - exceptions)


def load_effort(file: Path | None = None) -> EffortTable:
    """Read an effort table, ours if none is given.

    Raises:
        InputError: the file cannot be read, or holds a mistake (SMX174).
    """
    path = file or mappings_dir() / "effort.yaml"
    shown = str(file) if file else "mappings/effort.yaml"
    try:
        return _table(load_yours(path), shown)
    except OSError as error:
        raise _mistake(shown, f"cannot be read: {error.strerror}") from error
    except DocumentError as error:
        raise _mistake(shown, f"cannot be used: {error}") from error
    except _MistakeError as error:
        raise _mistake(shown, str(error)) from error


class _MistakeError(Exception):
    """What is wrong in a table."""


def _mistake(file: str, message: str) -> InputError:
    return InputError(Finding("SMX174", message, file=file))


def _table(document: Any, file: str) -> EffortTable:
    _known_keys(document, _KEYS, "the table")
    rows = _mapping(document.get("rows"), "rows")
    following = _mapping(document.get("following"), "following")
    repeated = _mapping(document.get("repeated"), "repeated")
    levels = _mapping(document.get("levels"), "levels")
    return EffortTable(
        file=file,
        following=_days(following, "following"),
        following_because=str(following.get("because", "")),
        repeated=_days(repeated, "repeated"),
        repeated_because=str(repeated.get("because", "")),
        c_above=_number(levels.get("c_above"), "levels.c_above"),
        complex_types=_texts(document.get("complex_types"), "complex_types"),
        rows=tuple(_row(str(name), entry) for name, entry in rows.items()),
    )


def _row(name: str, entry: Any) -> EffortRow:
    _known_keys(entry, _ROW_KEYS, f"rows.{name}")
    per = entry.get("per")
    if per not in get_args(Unit):
        raise _MistakeError(f"rows.{name}.per: {per!r} is none of {', '.join(get_args(Unit))}")
    return EffortRow(
        name=name,
        label=str(entry.get("label", name)),
        per=per,
        days=_days(_mapping(entry.get("days"), f"rows.{name}.days"), f"rows.{name}.days"),
        because=str(entry.get("because", "")),
        types=_texts(entry.get("types", []), f"rows.{name}.types"),
        exceptions=_texts(entry.get("except", []), f"rows.{name}.except"),
    )


def _known_keys(value: Any, keys: set[str], place: str) -> None:
    for key in _mapping(value, place):
        if key not in keys:
            raise _MistakeError(f"{place}: the key {key!r} is none of {', '.join(sorted(keys))}")


def _mapping(value: Any, place: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _MistakeError(f"{place}: must be a mapping")
    return value


def _texts(value: Any, place: str) -> frozenset[str]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise _MistakeError(f"{place}: must be a list of texts")
    return frozenset(value)


def _days(value: dict[str, Any], place: str) -> Days:
    days = Days(*(_number(value.get(key), f"{place}.{key}") for key in ("low", "likely", "high")))
    if not days.low <= days.likely <= days.high:
        raise _MistakeError(f"{place}: low, likely and high must be in this order")
    return days


def _number(value: Any, place: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e6:
        raise _MistakeError(f"{place}: must be a number, 0 or more")
    return float(value)
