"""ClarifyCheck of data: the metrics of bias before training, by the formulas of SageMaker Clarify."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from contract_run import Sandbox

CHECK = ["bias-check", "--step=Bias", "--kind=DATA_BIAS", "--analysis-config=config", "--input=data",
         "--output=report", "--baseline-used=baseline"]  # fmt: skip
NEW_BASELINE = ["--skip-check=True", "--register-new-baseline=True"]
CONFIG = {
    "dataset_type": "text/csv",
    "headers": ["sex", "age", "hired", "town"],
    "label": "hired",
    "label_values_or_threshold": [1],
    "facet": [{"name_or_index": "sex", "value_or_threshold": ["f"]}],
    "group_variable": "town",
    "methods": {"pre_training_bias": {"methods": "all"}},
}
# Of 6 men 4 are hired, of 4 women 1.
# Of 60 men 40 are hired, of 40 women 10; so many that Clarify takes 0 and 1 for labels, not for a range of numbers.
ROWS = 10 * ["m,40,1,a", "m,41,1,a", "m,42,1,b", "m,43,1,b", "m,44,0,a", "m,45,0,b", "f,30,1,a", "f,31,0,a",
             "f,32,0,b", "f,33,0,b"]  # fmt: skip


def box(path: Path, rows: list[str] = ROWS, **changes: Any) -> Sandbox:
    found = Sandbox(path, outputs=["report", "baseline"])
    found.artifact("config", analysis_config__json=json.dumps({**CONFIG, **changes}))
    found.artifact("data", dataset__csv="\n".join(rows))
    return found


def metrics(box: Sandbox, facet: str = "sex", entry: int = 0) -> dict[str, Any]:
    report = json.loads((box.out("report") / "analysis.json").read_text())
    found = report["pre_training_bias_metrics"]["facets"][facet][entry]["metrics"]
    return {metric["name"]: metric["value"] for metric in found}


def test_the_metrics_are_those_of_the_formulas(tmp_path: Path) -> None:
    task = box(tmp_path)
    task.succeed(*CHECK, *NEW_BASELINE)
    a, d = (1 / 3, 2 / 3), (3 / 4, 1 / 4)  # shares of 0 and 1 among men and women
    p = [(x + y) / 2 for x, y in zip(a, d, strict=True)]

    def kl(first: Any, second: Any) -> float:
        return sum(x * math.log(x / y) for x, y in zip(first, second, strict=True))

    difference = 2 / 3 - 1 / 4
    town_a = 1 / 2 - 1 / 3  # the share of women among those not hired, less that among the hired
    town_b = 2 / 3 - 0
    assert metrics(task) == pytest.approx(
        {
            "CI": (6 - 4) / 10,
            "DPL": difference,
            "KL": kl(a, d),
            "JS": (kl(a, p) + kl(d, p)) / 2,
            "LP": math.sqrt(2) * difference,
            "TVD": difference,
            "KS": difference,
            "CDDL": (5 * town_a + 5 * town_b) / 10,
        }
    )


def test_the_metrics_of_a_published_report_of_clarify_come_out(tmp_path: Path) -> None:
    """Women's clothing reviews, facet product_category=Blouses (pranath.github.io/pds/report_unbalanced.html).

    The report prints no counts; these are the only ones near that size that give its CI, DPL and KL to all digits.
    """
    counts = {"Blouses": (2983, 2256), "Other": (19643, 15177)}  # rows, and those with a positive label
    rows = [f"{name},1,{int(i < positive)},x" for name, (count, positive) in counts.items() for i in range(count)]
    task = box(tmp_path, rows, facet=[{"name_or_index": "sex", "value_or_threshold": ["Blouses"]}], group_variable=None)
    task.succeed(*CHECK, *NEW_BASELINE)
    found = metrics(task)
    assert found.pop("CDDL") is None  # there is no group variable
    assert {name: round(value, 6) for name, value in found.items()} == {
        "CI": 0.736321, "DPL": 0.016356, "JS": 0.000186, "KL": 0.000737, "KS": 0.016356, "LP": 0.023131,
        "TVD": 0.016356,
    }  # fmt: skip


def test_each_value_of_a_facet_without_values_is_compared_with_the_rest(tmp_path: Path) -> None:
    task = box(tmp_path, facet=[{"name_or_index": "sex"}])
    task.succeed(*CHECK, *NEW_BASELINE)
    assert [metrics(task, entry=entry)["CI"] for entry in (0, 1)] == pytest.approx([0.2, -0.2])


def test_a_continuous_facet_is_split_at_its_threshold(tmp_path: Path) -> None:
    task = box(tmp_path, facet=[{"name_or_index": "age", "value_or_threshold": [41]}])
    task.succeed(*CHECK, *NEW_BASELINE)
    assert metrics(task, "age")["CI"] == pytest.approx((6 - 4) / 10)
    report = json.loads((task.out("report") / "analysis.json").read_text())
    assert report["pre_training_bias_metrics"]["facets"]["age"][0]["value_or_threshold"] == "(41.0, 45.0]"


@pytest.mark.parametrize(("rows", "broken"), [(ROWS, []), ([*ROWS, *(5 * ["f,30,0,a", "f,30,0,b"])], ["CDDL", "DPL"])])
def test_a_metric_farther_from_zero_than_the_baseline_is_a_violation(
    tmp_path: Path, rows: list[str], broken: list[str]
) -> None:
    before = box(tmp_path / "before")
    before.succeed(*CHECK, *NEW_BASELINE)
    methods = {"pre_training_bias": {"methods": ["CI", "DPL", "CDDL"]}}
    task = box(tmp_path / "now", rows, methods=methods)
    task.inputs["before"] = str(before.out("report"))
    done = task.run(*CHECK, "--baseline=analysis.json:{before:uri}/analysis.json", "--fail-on-violation=True")
    found = json.loads((task.out("report") / "constraint_violations.json").read_text())
    assert found["version"] == "1.0"
    assert [violation["metric_name"] for violation in found["violations"]] == broken
    assert done.returncode == (1 if broken else 0), done.stderr
    for violation in found["violations"]:
        assert (violation["facet"], violation["facet_value"]) == ("sex", "f")
        assert violation["constraint_check_type"] == "bias_drift_check"
        assert violation["description"].endswith("does not meet the constraint requirement")
