"""The pages of `validate` in a browser: of a pair that is equivalent, and of one with several differences."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from opened_page import Opened
from support import Outcome

Run = Callable[..., Outcome]
Open = Callable[..., Opened]
FIXTURES = Path(__file__).parents[1] / "compare" / "fixtures"
DEFINITION = FIXTURES / "exemplar.json"
EQUAL = FIXTURES / "exemplar_kubeflow.yaml"


@pytest.fixture
def differing(tmp_path: Path) -> Path:
    """A translation with another threshold, its branches swapped, and a hyperparameter dropped."""
    document = yaml.safe_load(EQUAL.read_text())
    document["root"]["inputDefinitions"]["parameters"]["MinAccuracy"]["defaultValue"] = 0.5
    tasks = document["components"]["comp-condition-branches-1"]["dag"]["tasks"]
    first, second = (task["triggerPolicy"] for task in tasks.values())
    first["condition"], second["condition"] = second["condition"], first["condition"]
    for executor in document["deploymentSpec"]["executors"].values():
        arguments: list[Any] = executor.get("container", {}).get("args", [])
        arguments[:] = [word for word in arguments if "num_round" not in str(word)]
    file = tmp_path / "differing.yaml"
    file.write_text(yaml.safe_dump(document, sort_keys=False))
    return file


SEEN = """() => [...document.querySelectorAll("figure:first-child [data-node]")]
  .filter((node) => getComputedStyle(node).opacity === "1")
  .map((node) => node.querySelector(".title").textContent)"""


def marked(shown: Opened, kind: str) -> list[str]:
    """The titles of the nodes with a mark."""
    return [each.text_content() for each in shown.page.query_selector_all(f"[data-node].mark-{kind} > .title")]


def test_an_equivalent_pair(smx2vertex: Run, opened: Open) -> None:
    shown = opened(smx2vertex("validate", DEFINITION, EQUAL, "--format", "html").out)
    assert shown.text(".verdict-line").startswith("✓ equivalent in structure and parameters")
    assert shown.names(".looked-at td:nth-child(2)") == ["✓ pass"] * 3
    assert marked(shown, "error") == []


def test_a_pair_with_several_differences(smx2vertex: Run, opened: Open, differing: Path) -> None:
    shown = opened(smx2vertex("validate", DEFINITION, differing, "--format", "html").out)
    assert shown.text(".verdict-line") == "✕ not equivalent: 4 differences"
    errors = [row for row in shown.names(".findings tr") if "✕ error" in row]
    assert [row.split()[0] for row in errors] == ["SMX410", "SMX434", "SMX442", "SMX491"]
    assert marked(shown, "error")[:2] == ["Train", "Churn-RegisterModel"]
    before = shown.page.locator("svg").first.bounding_box()["width"]
    shown.page.click("[data-zoom=in]")
    assert shown.page.locator("svg").first.bounding_box()["width"] == pytest.approx(before * 1.25, rel=0.01)
    assert shown.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_story_goes_step_by_step(smx2vertex: Run, opened: Open, differing: Path) -> None:
    shown = opened(smx2vertex("validate", DEFINITION, differing, "--story").out)

    def seen() -> list[str]:
        return list(shown.page.evaluate(SEEN))

    steps = ["Prepare", "Train", "Evaluate", "CheckAccuracy", "Churn-RegisterModel", "TooInaccurate"]
    assert seen() == steps
    shown.page.check("#moment-1")
    assert seen() == steps[:1]
    shown.page.keyboard.press("ArrowDown")
    assert seen() == steps[:2]
    assert marked(shown, "differs")[:3] == ["Train", "Churn-RegisterModel", "TooInaccurate"]
    assert "≠" in shown.text("li:has(#moment-2)"), "not told by colour alone"


def test_pages_of_a_real_definition(smx2vertex: Run, opened: Open, corpus: Path, tmp_path: Path) -> None:
    """31 conditions inside each other, compared with another translation: nothing of it belongs there."""
    name = "apache-airflow__example-sagemaker-pipeline-nested-31-conditions.json"
    done = smx2vertex("validate", corpus / "definitions" / name, EQUAL, "--format", "html")
    assert done.code == 1
    shown = opened(done.out)
    assert shown.page.locator("figure:first-child [data-node]").count() == 31
    assert shown.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
