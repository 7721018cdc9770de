"""docs/coverage.md holds what the corpus gives now."""

from pathlib import Path

import pytest

from benchmarks.coverage import CORPUS, PAGE, Coverage

ONE = """\
| Steps | number | exact | adapted | redesign | unsupported | exact or adapted |
|---|---|---|---|---|---|---|
| Fail | 1 | 0 | 1 | 0 | 0 | 100% |
| Mystery | 1 | 0 | 0 | 0 | 1 | 0% |
| all | 2 | 0 | 1 | 0 | 1 | 50% |
"""


def test_steps_are_counted_by_type_and_verdict(tmp_path: Path) -> None:
    file = tmp_path / "definition.json"
    file.write_text(
        '{"Version": "2020-12-01", "Steps": ['
        '{"Name": "Stop", "Type": "Fail", "Arguments": {"ErrorMessage": "no"}},'
        '{"Name": "What", "Type": "Mystery", "Arguments": {}}]}'
    )
    coverage = Coverage()
    coverage.add(file)
    assert ONE in coverage.page()


@pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus is not beside the project")
def test_the_page_is_current() -> None:
    coverage = Coverage()
    for file in sorted(CORPUS.glob("**/*.json")):
        coverage.add(file)
    assert PAGE.read_text(encoding="utf-8") == coverage.page(), "run `make coverage`"
