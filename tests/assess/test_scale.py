"""10,000 definitions: time in proportion, and little memory. `make bench` has the numbers."""

from __future__ import annotations

import math

import pytest

from benchmarks.portfolio import CORPUS, measure


@pytest.mark.slow
def test_ten_thousand_definitions_take_linear_time_and_flat_memory() -> None:
    if not CORPUS.is_dir():
        pytest.skip("the corpus of real definitions is not beside this checkout")
    small, large = measure(1_000), measure(10_000)
    assert large.peak < 500
    assert math.log10(large.seconds / small.seconds) < 1.2  # twice as slow by other work on the machine is 1.3
