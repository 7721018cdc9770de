"""A page that a test has opened."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass
class Opened:
    """A page in the browser, with all that it said and asked for."""

    page: Any
    said: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def text(self, selector: str) -> str:
        """What a person reads of an element."""
        return str(self.page.inner_text(selector))

    def names(self, selector: str) -> list[str]:
        """The texts of all elements of a selector that are to be seen."""
        return [each.inner_text().strip() for each in self.page.query_selector_all(selector) if each.is_visible()]
