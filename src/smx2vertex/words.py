"""Counts, lists and texts as people read them."""

from __future__ import annotations

import re
from collections.abc import Sequence

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_UNSEEN = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]+")


def counted(number: int, what: str, several: str = "") -> str:
    """`1 step`, `2 steps`, `1,024 steps`; `several` for a word whose plural is another one."""
    return f"{number} {what}" if number == 1 else f"{number:,} {several or f'{what}s'}"


def first_of(names: Sequence[str], most: int, what: str = "") -> str:
    """Names in a sentence, the first of many: `a, b and 3 more`, with `what` `a, b and 3 more steps`.

    Args:
        names: the names, in order.
        most: how many parts the sentence has at most, `3 more` included; so it never says `1 more`.
        what: the plural of what they name.
    """
    if len(names) <= most:
        return ", ".join(names)
    rest = f"{len(names) - most + 1:,} more {what}".rstrip()
    return f"{', '.join(names[: most - 1])} and {rest}"


def one_line(text: str) -> str:
    """A text without line breaks, control characters, and those that turn the direction of writing."""
    return _UNSEEN.sub(" ", text).strip()


def harmless(text: str) -> str:
    """A text without characters that steer a terminal or turn the direction of writing; lines and tabs stay."""
    return _CONTROL.sub(" ", text)


def shortened(text: str, length: int) -> str:
    """A text in one line of at most this many characters."""
    line = one_line(text)
    return line if len(line) <= length else line[: length - 1] + "…"
