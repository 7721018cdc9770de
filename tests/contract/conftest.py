"""A task in a folder of its own."""

from pathlib import Path

import pytest
from contract_run import Sandbox


@pytest.fixture
def task(tmp_path: Path) -> Sandbox:
    """A task without inputs and outputs."""
    return Sandbox(tmp_path)
