"""Steps that compare data or a model with a baseline: QualityCheck and ClarifyCheck."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from ..definition import Step
from .fields import Field, whole
from .jobs import Processing, processing


@dataclass(frozen=True, slots=True)
class Check:
    """A QualityCheck or ClarifyCheck step. Its arguments are a processing job, all else stands beside them.

    Attributes:
        kind: such as `DATA_QUALITY`, `MODEL_QUALITY`, `DATA_BIAS`, `MODEL_BIAS`, `MODEL_EXPLAINABILITY`.
        statistics, constraints: the baseline that was supplied; it beats that of the group's newest approved version.
        model_name: of a ClarifyCheck.
    """

    kind: str | None
    job: Processing
    group: Field | None
    skip: Field | None
    fail_on_violation: Field | None
    register_new_baseline: Field | None
    statistics: Field | None
    constraints: Field | None
    model_name: Field | None


def check(step: Step, names: Collection[str] = ()) -> Check:
    """What a QualityCheck or ClarifyCheck step says; `names` are the names of all steps."""
    look = whole(step, names)
    return Check(
        kind=look.text("CheckType"),
        job=processing(step, names),
        group=look.field("ModelPackageGroupName"),
        skip=look.field("SkipCheck"),
        fail_on_violation=look.field("FailOnViolation"),
        register_new_baseline=look.field("RegisterNewBaseline"),
        statistics=look.field("SuppliedBaselineStatistics"),
        constraints=look.field("SuppliedBaselineConstraints"),
        model_name=look.field("ModelName"),
    )
