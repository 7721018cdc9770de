"""`run --compare`: results of a local run beside those of a run in SageMaker."""

import json
from pathlib import Path
from typing import Any

import pytest

from smx2vertex.compare.results import compare_results, same

STEPS = {"evaluate-model": "EvaluateModel"}


@pytest.fixture
def index(tmp_path: Path) -> dict[str, Any]:
    """A run of one task with an evaluation, predictions, and a metric."""
    here = tmp_path / "here"
    for name, text in (
        ("report/evaluation.json", '{"accuracy": {"value": 0.91}, "n": 600}'),
        ("rows/a.csv.out", "1\n0.5\n"),
    ):
        (here / name).parent.mkdir(parents=True, exist_ok=True)
        (here / name).write_text(text)
    task = {
        "id": "evaluate-model",
        "name": "evaluate-model",
        "kind": "container",
        "state": "succeeded",
        "parameters": {"validation_rmse": 2.5},
        "artifacts": {name: {"uri": str(here / name)} for name in ("report", "rows")},
    }
    return {"tasks": [task]}


def left(folder: Path, **files: str) -> Path:
    """What SageMaker left, as the SDK's default addresses lay it out."""
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("_DOT_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def results(index: dict[str, Any], there: Path, tolerance: float = 1e-6) -> list[dict[str, Any]]:
    return [each.to_dict() for each in compare_results(index, STEPS, there, tolerance)]


def test_values_are_found_by_step_and_output_and_set_side_by_side(index: dict[str, Any], tmp_path: Path) -> None:
    there = left(
        tmp_path / "there",
        abc123__EvaluateModel__output__report__evaluation_DOT_json='{"accuracy": {"value": 0.92}, "n": 600}',
        abc123__OtherStep__output__report__evaluation_DOT_json="{}",
        EvaluateModel__rows__a_DOT_csv_DOT_out="1.0\n0.50000001\n",
    )
    assert results(index, there) == [
        {
            "name": "evaluate-model/report/evaluation.json",
            "counterpart": "abc123/EvaluateModel/output/report/evaluation.json",
            "values": 2,
            "differences": [{"place": "/accuracy/value", "sagemaker": 0.92, "here": 0.91}],
        },
        {
            "name": "evaluate-model/rows/a.csv.out",
            "counterpart": "EvaluateModel/rows/a.csv.out",
            "values": 2,
            "differences": [],
        },
    ]
    assert results(index, there, tolerance=0.02)[0]["differences"] == []


def test_a_missing_or_ambiguous_counterpart_is_said(index: dict[str, Any], tmp_path: Path) -> None:
    there = left(tmp_path / "there", a__evaluation_DOT_json="{}", b__evaluation_DOT_json="{}")
    assert [each["counterpart"] for each in results(index, there)] == [None, None]


def test_metrics_of_the_training_job_are_compared(index: dict[str, Any], tmp_path: Path) -> None:
    metrics = [{"MetricName": "validation:rmse", "Value": 2.25}, {"MetricName": "train:rmse", "Value": 1}]
    job = {"TrainingJobName": "pipelines-abc123-EvaluateModel-x1", "FinalMetricDataList": metrics}
    there = left(tmp_path / "there", job_DOT_json=json.dumps(job))
    assert results(index, there)[-1] == {
        "name": "evaluate-model: metrics",
        "counterpart": "job.json",
        "values": 1,
        "differences": [{"place": "validation:rmse", "sagemaker": 2.25, "here": 2.5}],
    }


@pytest.mark.parametrize(
    ("there", "here", "equal"),
    [
        (1, 1.0, True),
        ("1", 1, True),
        ("0.1", "0.1000000001", True),
        (1, 1.1, False),
        (0, 1e-9, True),
        ("a", "b", False),
        (None, 0, False),
        ("nan", "nan", True),
    ],
)
def test_numbers_are_equal_within_the_tolerance(there: Any, here: Any, equal: bool) -> None:
    assert same(there, here, 1e-6) is equal
