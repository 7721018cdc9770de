"""What a check says about a participant's work."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Status = Literal["right", "missing", "wrong"]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a check found.

    Attributes:
        check: what it is about; the name under which slips are counted.
        message: what is right, missing or wrong, and why.
        next: what to look at next; "" if it is right.
    """

    check: str
    status: Status
    message: str
    next: str = ""

    def to_dict(self) -> dict[str, str]:
        """As `workshop check --format json` prints it."""
        return {"check": self.check, "status": self.status, "message": self.message, "next": self.next}


def plain(text: object) -> str:
    """A text as answers are compared: letters and digits alone, in lower case."""
    return re.sub(r"[^a-z0-9]+", "", str(text).casefold())


def is_open(value: object) -> bool:
    """Whether a question of a sheet is still without an answer."""
    return value is None or str(value).strip() in ("", "?", "TODO")
