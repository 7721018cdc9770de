"""What stops a step from being translated."""

from __future__ import annotations

from ..findings import Finding


class NotTranslated(Exception):  # noqa: N818 (an outcome, not an error)
    """A step, or something it needs, has no counterpart: the step becomes a task that fails and says so."""

    def __init__(self, finding: Finding) -> None:
        """Keep the finding that says what and why."""
        super().__init__(finding.message)
        self.finding = finding
