"""From events of AWS that start pipelines to those of Eventarc (`mappings/triggers.yaml`)."""

from __future__ import annotations

from functools import cache
from typing import Any

from .data import load_yaml, mappings_dir


@cache
def _table() -> dict[str, Any]:
    table: dict[str, Any] = load_yaml(mappings_dir() / "triggers.yaml")
    return table


def storage_event(name: str) -> str | None:
    """The event of Cloud Storage that stands for one of S3, such as `s3:ObjectCreated:*`; None if none does."""
    events: dict[str, str] = _table()["storage_events"]
    return next((event for beginning, event in events.items() if name.startswith(beginning)), None)


def rule_advice(source: str) -> str | None:
    """What to do in the place of a rule for events of a service, such as `aws.sagemaker`; None if we know nothing."""
    advice: dict[str, str] = _table()["rule_advice"]
    return advice.get(source)
