"""Every real definition converts, compiles for both targets, and validates without a false alarm."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from support import SHARED, Outcome

from smx2vertex.sagemaker.reader import load

DEFINITIONS = sorted((SHARED / "corpus" / "definitions").glob("*"))


@pytest.mark.slow
@pytest.mark.parametrize("source", DEFINITIONS or [None], ids=lambda source: source.stem if source else "absent")
def test_every_definition_of_the_corpus_converts_and_validates(
    smx2vertex: Callable[..., Outcome], tmp_path: Path, source: Path | None
) -> None:
    if source is None:
        pytest.skip("the corpus of real definitions is not beside this checkout")
    faults = [finding for finding in load(source).findings if finding.severity == "error"]
    done = smx2vertex("convert", source, "--out", tmp_path / "project")
    if faults:
        assert done.code == 2
        return
    assert done.code == 0, done.out + done.err
    checked = smx2vertex("validate", source, tmp_path / "project", "--format", "json")
    assert checked.code == 0, checked.out + checked.err
    assert json.loads(checked.out)["equivalent"] is True
    report = json.loads(smx2vertex("map", source, "--format", "json").out)
    assert report["ledger"]["unaccounted"] == []
