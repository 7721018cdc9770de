"""Cells of spreadsheets: what a definition holds is text there, never a formula."""

from __future__ import annotations

# What a spreadsheet takes for the beginning of a formula [OWASP, CSV injection].
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")


def neutral(text: str) -> str:
    """A text for a cell; one that a spreadsheet would take for a formula begins with an apostrophe."""
    return f"'{text}" if text.startswith(_FORMULA) else text
