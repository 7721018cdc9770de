"""The built-in XGBoost algorithm: formats, hyperparameters, log, early stopping, and its predictor."""

import json
from typing import Any

import pytest
from contract_run import Sandbox

pytestmark = pytest.mark.filterwarnings("ignore:.*Unknown file format")
xgboost = pytest.importorskip("xgboost")

# y = 1 where x > 0.5; the second column is noise
CSV = "".join(f"{int(i > 25)},{i / 50:.2f},{i % 7}\n" for i in range(51))
LIBSVM = "".join(f"{int(i > 25)} 0:{i / 50:.2f} 2:{i % 7}\n" for i in range(51))
WEIGHTED = "".join(f"{int(i > 25)};{1 + i % 2};{i / 50:.2f};{i % 7}\n" for i in range(51))

OPTIONS = [
    "--step=Train",
    "--algorithm=xgboost",
    "--hyperparameter=objective:binary:logistic",
    "--hyperparameter=num_round:{rounds:int}",
    "--hyperparameter=learning_rate:0.5",
]


@pytest.fixture
def train(task: Sandbox) -> Sandbox:
    """A training task for the algorithm."""
    task.parameters = {"rounds": 5.0}
    task.outputs = ["model"]
    return task


def booster(task: Sandbox) -> Any:
    """The published model."""
    return xgboost.Booster(model_file=task.out("model") / "model/xgboost-model")


@pytest.mark.parametrize(
    ("content_type", "content", "more", "features"),
    [
        ("text/csv", CSV, [], 2),
        ("csv", CSV.replace("1,0.90,", "1,,"), [], 2),
        ("text/csv;label_size=1", WEIGHTED, ["--hyperparameter=csv_weights:1"], 2),
        ("text/libsvm", LIBSVM, [], 3),
        ("", LIBSVM.replace(" 0:", ":0.5 0:"), [], 3),
    ],
    ids=["csv", "missing value", "weights", "libsvm", "libsvm with weights, by default"],
)
def test_training_reads_the_formats_of_the_algorithm(
    train: Sandbox, content_type: str, content: str, more: list[str], features: int
) -> None:
    half = content.index("\n", len(content) // 2) + 1
    train.artifact("train", a__csv=content[:half], _ignored="x")
    train.file("in/train/sub/b.csv", content[half:])
    train.succeed("training", *OPTIONS, f"--channel=train:{content_type}", *more, "--model=model")
    assert (booster(train).num_features(), booster(train).num_boosted_rounds()) == (features, 5)


def test_the_log_has_the_lines_that_metric_definitions_look_for(train: Sandbox) -> None:
    train.artifact("train", data__csv=CSV)
    train.artifact("validation", data__csv=CSV)
    train.output_parameters = ["error", "accuracy"]
    done = train.succeed(
        "training",
        *OPTIONS,
        "--hyperparameter=eval_metric:error,accuracy",
        "--channel=train:text/csv",
        "--channel=validation:text/csv",
        r"--metric-definition=validation%3Aerror:.*\[[0-9]+\].*#011validation-error:(\S+)",
        r"--metric-definition=accuracy:validation-accuracy:([0-9.]+)",
        "--metric=error:validation:error",
        "--metric=accuracy:accuracy",
        "--model=model",
    )
    assert "[0]\ttrain-error:0.00000\ttrain-accuracy:1.00000\tvalidation-error:0.00000" in done.stdout
    assert (train.published("error"), train.published("accuracy")) == ("0.0", "1.0")


def test_early_stopping_keeps_the_best_model(train: Sandbox) -> None:
    train.artifact("train", data__csv=CSV)
    train.artifact("validation", data__csv="1,0.1,0\n0,0.9,1\n1,0.2,3\n")
    train.parameters = {"rounds": "50"}
    early = ["--hyperparameter=early_stopping_rounds:3", "--hyperparameter=eval_metric:auc,logloss"]
    channels = ["--channel=train:text/csv", "--channel=validation:text/csv"]
    done = train.succeed("training", *OPTIONS, *early, *channels, "--model=model")
    assert done.stdout.count("\tvalidation-logloss:") == 4
    assert booster(train).num_boosted_rounds() == 1


def test_hyperparameters_of_older_versions_are_known(train: Sandbox) -> None:
    train.artifact("train", data__csv=CSV)
    older = ["--hyperparameter=silent:0", "--hyperparameter=single_precision_histogram:false"]
    train.succeed("training", *OPTIONS, *older, "--channel=train:text/csv", "--model=model")


@pytest.mark.parametrize(
    ("option", "reason"),
    [
        ("--hyperparameter=max_dept:5", "Extraneous hyperparameter found: max_dept"),
        ("--hyperparameter=max_depth:5.5", "Hyperparameter max_depth: could not parse value '5.5'"),
        ("--hyperparameter=objective:multi:softmax", "Require input for parameter 'num_class'"),
    ],
)
def test_hyperparameters_are_checked_as_the_algorithm_does(train: Sandbox, option: str, reason: str) -> None:
    train.artifact("train", data__csv=CSV)
    rounds = "--hyperparameter=num_round:5"
    assert reason in train.refuse("training", "--algorithm=xgboost", "--channel=train:text/csv", rounds, option)


def test_csv_without_a_content_type_is_read_as_libsvm_and_fails(train: Sandbox) -> None:
    train.artifact("train", data__csv=CSV)
    assert "are not 'LIBSVM' format" in train.refuse("training", *OPTIONS, "--channel=train:")


@pytest.mark.parametrize(
    ("content_type", "payload"),
    [("text/csv", "0.10,3\n0.90,3\n"), ("text/libsvm", "0:0.10 1:3\n1 0:0.90 1:3\n")],
)
def test_the_predictor_answers_one_line_for_each_record(train: Sandbox, content_type: str, payload: str) -> None:
    train.artifact("train", data__csv=CSV)
    train.succeed("training", *OPTIONS, "--channel=train:text/csv", "--model=model")
    train.inputs["model"] = str(train.out("model") / "model")
    train.artifact("data", part=payload)
    train.outputs = ["predictions"]
    options = [f"--content-type={content_type}", "--split-type=Line", "--assemble-with=Line", "--accept=text/csv"]
    train.succeed("transform", "--model=model", "--algorithm=xgboost", "--input=data", *options, "--output=predictions")
    low, high = map(json.loads, (train.out("predictions") / "part.out").read_text().splitlines())
    assert low < 0.2 and high > 0.8
