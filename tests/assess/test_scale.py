"""10,000 definitions: time in proportion, and little memory. `make bench` has the numbers."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.portfolio import CORPUS, growth, measure
from benchmarks.variants import renamed
from smx2vertex.assess.record import Record, analyse
from smx2vertex.sagemaker.definition import Definition
from smx2vertex.sagemaker.reader import load, read
from smx2vertex.vertex.config import load_config

PORTFOLIO = Path(__file__).parent / "portfolio"


def record(definition: Definition) -> Record:
    """What `assess` keeps of a definition."""
    return analyse(definition, load_config([]), "definition").record


@pytest.mark.parametrize("name", ["churn-eu", "scoring", "dashboard", "forecast", "hostile"])
def test_a_definition_under_other_names_is_the_same_for_assess(name: str) -> None:
    definition = load(PORTFOLIO / f"{name}.json")
    before, after = record(definition), record(read(renamed(definition, "-v12", "-team3")))
    assert after.shape == before.shape
    assert [step.name for step in after.steps] == [f"{step.name}-v12" for step in before.steps]
    assert [finding.code for finding in after.findings] == [finding.code for finding in before.findings]
    assert after.used["buckets"] == {f"{name}-team3": count for name, count in before.used["buckets"].items()}
    assert len(after.reads) == len(before.reads)
    assert len(after.writes) == len(before.writes)
    assert not set(after.reads) & set(before.reads)


@pytest.mark.slow
def test_ten_thousand_definitions_take_linear_time_and_flat_memory() -> None:
    if not CORPUS.is_dir():
        pytest.skip("the corpus of real definitions is not beside this checkout")
    runs = [measure(size) for size in (1, 1_000, 10_000)]
    assert runs[-1].peak < 500
    for seconds in (lambda run: run.analysis, lambda run: run.gathering, lambda run: run.writing):
        assert growth(runs, seconds) < 1.2  # twice as slow by other work on the machine is 1.3
