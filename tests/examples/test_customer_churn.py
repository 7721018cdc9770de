"""Customer churn: its README, word for word, and what the runs leave."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

from readme import Command, commands
from support import REPOSITORY, Outcome

EXAMPLE = REPOSITORY / "examples" / "customer-churn"


def aliases(requests: Path) -> list[str]:
    """The aliases of the version that a recorded upload asks for."""
    (file,) = requests.iterdir()
    (upload,) = (request for request in json.loads(file.read_text()) if request["url"].endswith("models:upload"))
    return list(upload["body"]["model"]["versionAliases"])


def test_the_readme_holds_word_for_word(follow: Callable[[Command], Outcome], workplace: Callable[[str], Path]) -> None:
    folder = workplace("customer-churn")
    for command in commands(folder / "README.md"):
        if command.words[0] not in ("capture", "convert"):  # tests of all examples
            follow(command)

    first, second = (folder / "run" / f"customer-churn-{number}" for number in (1, 2))
    for step in ("evaluate-xgboost", "evaluate-forest"):
        report = json.loads((first / "artifacts" / step / "evaluation" / "evaluation.json").read_text())
        assert set(report["binary_classification_metrics"]) == {"accuracy", "precision", "recall", "f1", "auc"}
    statistics = json.loads((first / "artifacts" / "describe-data" / "statistics" / "statistics.json").read_text())
    assert statistics["rows"] == 2500

    assert aliases(first / "requests" / "register-xgboost-register-model") == ["pending-approval"]
    assert aliases(second / "requests" / "register-forest-register-model") == ["approved"]
    metrics = second / "artifacts" / "register-forest-register-model" / "serving_model" / "model-package" / "metrics"
    assert [path.name for path in metrics.rglob("*.json")] == ["evaluation.json"]


def test_allowed_instance_types_are_shown_as_machines() -> None:
    text = (EXAMPLE / "project" / "customer_churn" / "pipeline.py").read_text()
    assert '    TrainingInstanceType: str = "n2-standard-4",  # one of n2-standard-4, n2-standard-8\n' in text


def test_a_swapped_choice_is_found(smx2vertex: Callable[..., Outcome], workplace: Callable[[str], Path]) -> None:
    compiled = workplace("customer-churn") / "project" / "compiled" / "vertex.yaml"
    swapped, count = re.subn(r"(evaluate-xgboost-auc'\]\s+)>=", r"\1<", compiled.read_text())
    assert count == 1
    compiled.write_text(swapped)
    assert smx2vertex("validate", "bundle", compiled).code == 1
