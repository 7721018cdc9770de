"""Schedules of EventBridge as the cron expressions of Vertex AI.

EventBridge has six fields, a year among them, counts the days of a week from 1 for Sunday, and knows `?`, `L`, `W` and
`#`. Vertex AI has the five fields of Unix, which count from 0 for Sunday.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

_FIELD = re.compile(r"[A-Z0-9*,/-]+")
# how often a field of cron begins anew, in the unit of a rate
_ROUNDS = {"minute": 60, "hour": 24, "day": 1}
# the last value of each field: `0/15` of EventBridge is `0-59/15` in cron
_LAST = (59, 23, 31, 12, 6)


class CronError(ValueError):
    """The expression has no counterpart; the text says why."""


@dataclass(frozen=True, slots=True)
class Cron:
    """When a schedule of Vertex AI runs.

    Attributes:
        expression: five fields, after the time zone if there is one.
        once: whether it runs one time only.
        shifted: whether it begins at another moment than in AWS, where a rate counts from its making.
    """

    expression: str
    once: bool = False
    shifted: bool = False


def cron_of(expression: str, timezone: str = "") -> Cron:
    """The cron expression of `cron(…)`, `rate(…)` or `at(…)`.

    Args:
        expression: as EventBridge has it.
        timezone: a name of the IANA database; UTC where there is none.

    Raises:
        CronError: there is none.
    """
    match = re.fullmatch(r"\s*(cron|rate|at)\((.*)\)\s*", expression)
    if match is None:
        raise CronError(f"{expression!r} is no expression of EventBridge")
    if not re.fullmatch(r"[\w+/-]*", timezone):
        raise CronError(f"{timezone!r} is no time zone")
    cron = {"cron": _cron, "rate": _rate, "at": _at}[match[1]](match[2].strip())
    zone = f"TZ={timezone} " if timezone else ""
    return Cron(zone + cron.expression, cron.once, cron.shifted)


def _cron(text: str) -> Cron:
    fields = text.upper().split()
    if len(fields) != 6:
        raise CronError(f"cron({text}) has {len(fields)} fields, not 6")
    minute, hour, day, month, weekday, year = fields
    if year != "*":
        raise CronError(f"cron({text}) names a year, which Vertex AI does not know")
    day, weekday = ("*" if each == "?" else each for each in (day, weekday))
    for each in (minute, hour, day, month, weekday):
        if not _FIELD.fullmatch(each) or (re.search(r"L|W", each) and not re.search(r"[A-Z]{3}", each)):
            raise CronError(f"cron({text}) uses {each}, which Vertex AI does not know")
    fields = [minute, hour, day, month, _weekdays(weekday)]
    return Cron(
        " ".join(re.sub(r"(?<![\d-])(\d+)/", rf"\1-{last}/", each) for each, last in zip(fields, _LAST, strict=True))
    )


def _weekdays(field: str) -> str:
    """Days of the week, counted from 0; `2-6` is `1-5`, names stay, and so does the number behind a slash."""
    parts = []
    for part in field.split(","):
        days, slash, every = part.partition("/")
        numbers = "-".join(str(int(each) - 1) if each.isdigit() else each for each in days.split("-"))
        parts.append(numbers + slash + every)
    return ",".join(parts)


def _rate(text: str) -> Cron:
    match = re.fullmatch(r"(\d+) (minute|hour|day)s?", text)
    if match is None:
        raise CronError(f"rate({text}) is no rate")
    number, unit = int(match[1]), match[2]
    if number == 7 and unit == "day":
        return Cron("0 0 * * 0", shifted=True)
    if number < 1 or _ROUNDS[unit] % number:
        raise CronError(f"rate({text}) does not divide {'an hour' if unit == 'minute' else 'a day'} evenly")
    every = "*" if number == 1 else f"*/{number}"
    fields = {"minute": f"{every} * * * *", "hour": f"0 {every} * * *", "day": "0 0 * * *"}
    if unit == "hour" and number == 24:
        return Cron("0 0 * * *", shifted=True)
    return Cron("0 * * * *" if (unit, number) == ("minute", 60) else fields[unit], shifted=True)


def _at(text: str) -> Cron:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise CronError(f"at({text}) is no moment") from error
    return Cron(f"{moment.minute} {moment.hour} {moment.day} {moment.month} *", once=True)
