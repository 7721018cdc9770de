"""QualityCheck: the files of SageMaker Model Monitor, its rules, and the life of a baseline."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from contract_run import Sandbox
from loopback import loopback

from smx2vertex.contract.grammar import encode_last_field

HEADER = 'environment=dataset_format:%7B"csv": %7B"header": true%7D%7D'
CHECK = ["quality-check", "--step=Check", "--input=data", "--output=report", "--baseline-used=baseline"]
DATA = [*CHECK, "--kind=DATA_QUALITY", f"--{HEADER}"]
MODEL = [*CHECK, "--kind=MODEL_QUALITY", f"--{HEADER}"]
NEW_BASELINE = ["--skip-check=True", "--register-new-baseline=True"]
SUPPLIED = [
    f"--baseline={name}:{{{name.split('.')[0]}:uri}}/{name}" for name in ("statistics.json", "constraints.json")
]


@pytest.fixture
def check(tmp_path: Path) -> Callable[..., Sandbox]:
    """A task that checks a CSV file, with the files of a supplied baseline if there is one."""

    def make(csv: str, name: str = "now", **baseline: Any) -> Sandbox:
        box = Sandbox(tmp_path / name, outputs=["report", "baseline"])
        box.artifact("data", data__csv=csv)
        for kind, document in baseline.items():
            box.artifact(kind, **{f"{kind}__json": json.dumps(document)})
        return box

    return make


def report(box: Sandbox, name: str = "statistics", output: str = "report") -> Any:
    return json.loads((box.out(output) / f"{name}.json").read_text())


def violations(box: Sandbox) -> list[tuple[str, str]]:
    found = report(box, "constraint_violations")["violations"]
    return [(each.get("feature_name") or each["metric_name"], each["constraint_check_type"]) for each in found]


@pytest.fixture
def baseline(check: Callable[..., Sandbox]) -> dict[str, Any]:
    """Statistics and constraints of 400 rows."""
    chance = random.Random(1)
    rows = [f"{i},{chance.gauss(5, 1):.3f},{'red' if i % 2 else 'blue'}" for i in range(400)]
    box = check("\n".join(["id,size,colour", *rows]), "baseline")
    box.succeed(*DATA, *NEW_BASELINE)
    return {name: report(box, name) for name in ("statistics", "constraints")}


def test_statistics_and_constraints_have_the_form_of_model_monitor(check: Callable[..., Sandbox]) -> None:
    box = check("age,score,city\n1,0.5,Rome\n2,,Oslo\n3,1.5,Rome\n")
    box.succeed(*DATA, *NEW_BASELINE)
    statistics = report(box)
    assert statistics["dataset"] == {"item_count": 3}
    age, score, city = statistics["features"]
    assert (age["name"], age["inferred_type"]) == ("age", "Integral")
    numbers = age["numerical_statistics"]
    distribution = numbers.pop("distribution")["kll"]
    assert numbers == {
        "common": {"num_present": 3, "num_missing": 0},
        "mean": 2.0, "sum": 6.0, "std_dev": pytest.approx(0.816496580927726), "min": 1.0, "max": 3.0,
    }  # fmt: skip
    assert distribution["sketch"] == {"parameters": {"c": 0.64, "k": 2048.0}, "data": [[1.0, 2.0, 3.0]]}
    assert [bucket["count"] for bucket in distribution["buckets"]] == [1, 0, 0, 0, 0, 1, 0, 0, 0, 1]
    assert score["inferred_type"] == "Fractional"
    assert score["numerical_statistics"]["common"] == {"num_present": 2, "num_missing": 1}
    assert city["string_statistics"] == {
        "common": {"num_present": 3, "num_missing": 0},
        "distinct_count": 2,
        "distribution": {"categorical": {"buckets": [{"value": "Oslo", "count": 1}, {"value": "Rome", "count": 2}]}},
    }
    assert report(box, "constraints")["features"] == [
        {"name": "age", "inferred_type": "Integral", "completeness": 1.0, "num_constraints": {"is_non_negative": True}},
        {
            "name": "score", "inferred_type": "Fractional", "completeness": pytest.approx(2 / 3),
            "num_constraints": {"is_non_negative": True},
        },
        {
            "name": "city", "inferred_type": "String", "completeness": 1.0,
            "string_constraints": {"domains": ["Oslo", "Rome"]},
        },
    ]  # fmt: skip
    assert not (box.out("report") / "constraint_violations.json").exists()
    assert report(box, output="baseline") == report(box)


def test_columns_without_header_are_numbered(check: Callable[..., Sandbox]) -> None:
    box = check("1,a\n2,b\n")
    box.succeed(*CHECK, "--kind=DATA_QUALITY", *NEW_BASELINE)
    assert [feature["name"] for feature in report(box)["features"]] == ["_c0", "_c1"]


GOOD = [f"{i},{5 + (i % 7 - 3) / 2},{'red' if i % 2 else 'blue'}" for i in range(400)]
BROKEN = {
    "the same kind of data": (lambda i: f"{i},{5 + (i % 7 - 3) / 2},{'red' if i % 2 else 'blue'}", []),
    "another type": (
        lambda i: f"{i}.5,{5 + (i % 7 - 3) / 2},{'red' if i % 2 else 'blue'}", [("id", "data_type_check")],
    ),
    "missing values": (
        lambda i: f"{i},{'' if i == 7 else 5 + (i % 7 - 3) / 2},{'red' if i % 2 else 'blue'}",
        [("size", "completeness_check")],
    ),
    "an unknown value": (
        lambda i: f"{i},{5 + (i % 7 - 3) / 2},{'pink' if i == 3 else 'red' if i % 2 else 'blue'}",
        [("colour", "categorical_values_check")],
    ),
    "drifted numbers": (
        lambda i: f"{i},{9 + (i % 7 - 3) / 2},{'red' if i % 2 else 'blue'}", [("size", "baseline_drift_check")],
    ),
    "drifted categories": (
        lambda i: f"{i},{5 + (i % 7 - 3) / 2},{'red' if i % 10 else 'blue'}", [("colour", "baseline_drift_check")],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_each_rule_of_data_quality_finds_its_violation(check: Callable[..., Sandbox], name: str) -> None:
    before = check("\n".join(["id,size,colour", *GOOD]), "before")
    before.succeed(*DATA, *NEW_BASELINE)
    row, expected = BROKEN[name]
    box = check(
        "\n".join(["id,size,colour", *map(row, range(400))]),
        statistics=report(before),
        constraints=report(before, "constraints"),
    )
    arguments = [*DATA, *SUPPLIED, "--fail-on-violation=True"]
    if expected:
        assert f"{len(expected)} violations of the baseline" in box.refuse(*arguments)
    else:
        box.succeed(*arguments)
    assert violations(box) == expected


@pytest.mark.parametrize(
    ("header", "check_type", "word"),
    [("id,size", "missing_column_check", "Missing"), ("id,size,colour,more", "extra_column_check", "Extra")],
)
def test_the_number_of_columns_must_be_that_of_the_baseline(
    check: Callable[..., Sandbox], baseline: dict[str, Any], header: str, check_type: str, word: str
) -> None:
    rows = [",".join([str(i), "5.1", "red", "x"][: header.count(",") + 1]) for i in range(3)]
    box = check("\n".join([header, *rows]), **baseline)
    box.succeed(*DATA, *SUPPLIED)  # violations do not fail a step that does not ask for it
    assert (f"{word} columns", check_type) in violations(box)


def test_the_thresholds_are_those_of_the_baseline(check: Callable[..., Sandbox], baseline: dict[str, Any]) -> None:
    rows = [f"{i},9.0,red" for i in range(400)]
    config = baseline["constraints"]["monitoring_config"]
    config["distribution_constraints"].update(comparison_threshold=1.0, categorical_comparison_threshold=1.0)
    box = check("\n".join(["id,size,colour", *rows]), **baseline)
    box.succeed(*DATA, *SUPPLIED, "--fail-on-violation=True")
    assert violations(box) == []


def test_a_large_column_keeps_a_sketch_whose_weights_are_its_rows(check: Callable[..., Sandbox]) -> None:
    box = check("n\n" + "\n".join(map(str, range(10_001))))
    box.succeed(*DATA, *NEW_BASELINE)
    levels = report(box)["features"][0]["numerical_statistics"]["distribution"]["kll"]["sketch"]["data"]
    assert sum(len(level) * 2**i for i, level in enumerate(levels)) == 10_001
    assert all(len(level) <= 2048 for level in levels)


# --- the quality of models, with the examples of the developer guide --------------------------------------------------


def test_the_binary_example_of_the_developer_guide(check: Callable[..., Sandbox]) -> None:
    box = check("truth,guess,chance\n0,0,0.1\n0,1,0.6\n0,1,0.7\n1,1,0.9\n")
    settings = ["problem_type:BinaryClassification", "ground_truth_attribute:truth", "inference_attribute:guess",
                "probability_attribute:chance"]  # fmt: skip
    box.succeed(*MODEL, *NEW_BASELINE, *(f"--environment={setting}" for setting in settings))
    metrics = report(box)["binary_classification_metrics"]
    values = {name: metric["value"] for name, metric in metrics.items() if "value" in metric}
    assert metrics["confusion_matrix"] == {"0": {"0": 1, "1": 2}, "1": {"0": 0, "1": 1}}
    assert values == pytest.approx(
        {
            "recall": 1.0, "precision": 1 / 3, "accuracy": 0.5,
            "recall_best_constant_classifier": 1.0, "precision_best_constant_classifier": 0.25,
            "accuracy_best_constant_classifier": 0.25,
            "true_positive_rate": 1.0, "true_negative_rate": 1 / 3, "false_positive_rate": 2 / 3,
            "false_negative_rate": 0.0, "auc": 1.0,
            "f0_5": 0.3846153846153846, "f1": 0.5, "f2": 0.7142857142857143,
            "f0_5_best_constant_classifier": 0.29411764705882354, "f1_best_constant_classifier": 0.4,
            "f2_best_constant_classifier": 0.625,
        }
    )  # fmt: skip
    assert {metric["standard_deviation"] for metric in metrics.values() if "value" in metric} == {"NaN"}
    constraints = report(box, "constraints")["binary_classification_constraints"]
    assert constraints["f1"] == {"threshold": 0.5, "comparison_operator": "LessThanThreshold"}
    assert constraints["false_positive_rate"]["comparison_operator"] == "GreaterThanThreshold"


def test_the_multiclass_example_of_the_developer_guide(check: Callable[..., Sandbox]) -> None:
    pairs = [("0", "0", 1180), ("0", "1", 510), ("1", "0", 268), ("1", "1", 138)]
    rows = [f"{truth},{guess}" for truth, guess, times in pairs for _ in range(times)]
    box = check("\n".join(["truth,guess", *rows]))
    settings = ["problem_type:MulticlassClassification", "ground_truth_attribute:0", "inference_attribute:$.guess"]
    box.succeed(*MODEL, *NEW_BASELINE, *(f"--environment={setting}" for setting in settings))
    metrics = report(box)["multiclass_classification_metrics"]
    assert metrics["confusion_matrix"] == {"0": {"0": 1180, "1": 510}, "1": {"0": 268, "1": 138}}
    assert {name: metrics[name]["value"] for name in metrics if name != "confusion_matrix"} == pytest.approx(
        {
            "accuracy": 0.6288167938931297,
            "weighted_recall": 0.6288167938931297,
            "weighted_precision": 0.6983172269629505,
            "weighted_f0_5": 0.6803947317178771,
            "weighted_f1": 0.6571162346664904,
            "weighted_f2": 0.6384024354394601,
        }
    )
    assert 0 < metrics["accuracy"]["standard_deviation"] < 0.02


@pytest.mark.parametrize(
    ("guesses", "expected"),
    [
        ("1.1 2.1 2.9", []),
        (
            "3 1 2",
            [("mae", "GreaterThanThreshold"), ("mse", "GreaterThanThreshold"), ("r2", "LessThanThreshold"),
             ("rmse", "GreaterThanThreshold")],
        ),
    ],
)  # fmt: skip
def test_regression_is_compared_metric_by_metric(
    check: Callable[..., Sandbox], guesses: str, expected: list[tuple[str, str]]
) -> None:
    settings = ["problem_type:Regression", "ground_truth_attribute:truth", "inference_attribute:guess"]
    arguments = [*MODEL, *(f"--environment={setting}" for setting in settings)]
    before = check("truth,guess\n1,1.5\n2,2\n3,3\n", "before")
    before.succeed(*arguments, *NEW_BASELINE)
    assert report(before)["regression_metrics"]["r2"]["value"] == pytest.approx(0.875)
    rows = [f"{i + 1},{guess}" for i, guess in enumerate(guesses.split())]
    box = check("\n".join(["truth,guess", *rows]), statistics=report(before), constraints=report(before, "constraints"))
    done = box.run(*arguments, *SUPPLIED, "--fail-on-violation=True")
    assert (done.returncode, violations(box)) == (1 if expected else 0, expected)
    if expected:
        assert "Metric mae with 1.3333333333333333 was GreaterThanThreshold 0.16666666666666666" in done.stderr


# --- the life of a baseline -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("skip", "register", "checked", "used"),
    [
        (False, False, True, "previous"),
        (False, True, True, "new"),
        (True, False, False, "previous"),
        (True, True, False, "new"),
    ],
)
def test_which_baseline_is_used_is_what_the_guide_says(
    check: Callable[..., Sandbox], baseline: dict[str, Any], skip: bool, register: bool, checked: bool, used: str
) -> None:
    box = check("id,size,colour\n1,5.5,red\n2,4.5,blue\n", **baseline)
    box.succeed(*DATA, *SUPPLIED, f"--skip-check={skip}", f"--register-new-baseline={register}")
    assert (box.out("report") / "constraint_violations.json").exists() == checked
    assert report(box, output="baseline")["dataset"]["item_count"] == (400 if used == "previous" else 2)


def test_without_a_baseline_the_step_fails(check: Callable[..., Sandbox]) -> None:
    box = check("a\n1\n")
    box.parameters = {"statistics": "", "constraints": ""}
    empty = [f"--baseline={name}.json:{{{name}:str}}" for name in ("statistics", "constraints")]
    assert "there is no baseline to compare with: supply constraints.json and statistics.json" in box.refuse(
        *DATA, *empty
    )


GROUP = [*DATA, "--group=churn", "--project=acme", "--location=us-central1", "--fail-on-violation=True"]


def test_the_baseline_of_the_newest_approved_version_is_taken(
    check: Callable[..., Sandbox], baseline: dict[str, Any]
) -> None:
    box = check("id,size,colour\n" + "\n".join(f"{i},55.5,red" for i in range(400)))
    for kind, document in (("Statistics", "statistics"), ("Constraints", "constraints")):
        folder = f"model/model-package/metrics/DriftCheckBaselines.ModelDataQuality.{kind}"
        box.file(f"{folder}/{document}.json", json.dumps(baseline[document]))
    version = {"name": "projects/1/locations/us-central1/models/7", "artifactUri": str(box.root / "model")}

    def answer(method: str, path: str, body: Any) -> tuple[int, Any]:
        return 200, version if path.endswith("@approved") else {"models": [version]}

    with loopback(answer) as service:
        box.environment.update(service.environment("aiplatform"))
        box.refuse(*GROUP)
    assert [path.partition("?")[0] for _, path, _ in service.requests] == [
        "projects/acme/locations/us-central1/models",
        "projects/1/locations/us-central1/models/7@approved",
    ]
    assert ("size", "baseline_drift_check") in violations(box)


def test_a_group_without_approved_version_has_no_baseline(check: Callable[..., Sandbox]) -> None:
    box = check("a\n1\n")
    with loopback(lambda method, path, body: (200, {})) as service:
        box.environment.update(service.environment("aiplatform"))
        assert "churn has no approved version" in box.refuse(*GROUP)


def test_a_local_run_takes_the_baseline_of_a_group_from_its_answers(
    check: Callable[..., Sandbox], tmp_path: Path
) -> None:
    box = check("a\n1\n")
    box.local_run({})
    assert "give it with --answer 'Check=FILE.json' (constraints.json, statistics.json)" in box.refuse(*GROUP)
    other = check("a\n1\n", "other")
    other.succeed(*DATA, *NEW_BASELINE)
    local = json.loads((box.root / "local.json").read_text())
    answer = {f"{name}.json": report(other, name) for name in ("statistics", "constraints")}
    box.file("local.json", json.dumps({**local, "answers": {"Check": answer}}))
    box.succeed(*GROUP)
    assert violations(box) == []


@pytest.mark.parametrize(
    ("setting", "why"),
    [
        ("dataset_format:csv", "dataset_format is 'csv'"),
        ("problem_type:Guess", "Guess is no problem type"),
        ("ground_truth_attribute:nobody", "the data has no column nobody"),
        ("inference_attribute:name", "'x' is no number"),
    ],
)
def test_settings_that_do_not_fit_are_refused(check: Callable[..., Sandbox], setting: str, why: str) -> None:
    settings = {
        "dataset_format": '{"csv": {"header": true}}',
        "problem_type": "Regression",
        "ground_truth_attribute": "truth",
        "inference_attribute": "guess",
    }
    name, _, value = setting.partition(":")
    settings[name] = value
    words = [f"--environment={key}:{encode_last_field(text)}" for key, text in settings.items()]
    box = check("truth,guess,name\n1,1,x\n2,3,x\n")
    assert why in box.refuse(*CHECK, "--kind=MODEL_QUALITY", *NEW_BASELINE, *words)
