"""Values that are likely secrets are not written down."""

from __future__ import annotations

import re

MASK = "***"
_NAME = re.compile(r"passw(or)?d|secret|credential|(api|access|private)_?key|(?<!max_)token$", re.IGNORECASE)
# Access keys of AWS, of GitHub and of Google, and PEM
_VALUE = re.compile(r"\b(AKIA|ASIA)[0-9A-Z]{16}\b|\bgh[pousr]_\w{20,}|\bAIza[\w-]{30,}|-----BEGIN [A-Z ]*PRIVATE KEY")


def masked(name: str, value: str) -> str:
    """A value by its name, or `***` if it is likely a secret."""
    return MASK if _NAME.search(name) or _VALUE.search(value) else value
