"""Which table speaks of a step that is something else than its type says."""

from __future__ import annotations

from collections.abc import Collection

from ..sagemaker import steps
from ..sagemaker.definition import Step


def disguise(step: Step, names: Collection[str]) -> str | None:
    """The name of its table in `mappings/disguises/`; None if the step is what its type says.

    `names` are the names of all steps.
    """
    found = steps.disguise(step)
    if found == "repack" and steps.repack(step, names) is None:
        return None
    return found and found.replace(" ", "_")
