"""Translations that people wrote: `validate` says of each what a careful reviewer says.

`reviewer.md` of a folder was written first; `expected.json` holds the same for machines. What executions show (SMX49x)
repeats it, and is not listed there.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from support import Outcome

HERE = Path(__file__).parent
FOLDERS = ["bigquery", "lightweight", "slips"]
PROGRAMS = [*FOLDERS, "prebuilt"]
Smx2vertex = Callable[..., Outcome]


def paths(name: str) -> tuple[Path, Path]:
    return HERE / name / "definition.json", HERE / name / "pipeline.yaml"


def validated(smx2vertex: Smx2vertex, name: str, *options: object) -> Any:
    return json.loads(smx2vertex("validate", *paths(name), "--format", "json", *options).out)


def summary(result: Any) -> dict[str, Any]:
    """The alignment, and the codes of each step."""
    steps: dict[str, list[str]] = {}
    for check in result["checks"]:
        for finding in check["findings"]:
            if not finding["code"].startswith("SMX49"):
                steps.setdefault(finding["step"] or "the pipeline", []).append(finding["code"])
    return {
        "equivalent": result["equivalent"],
        "alignment": {
            entry["step"]: {key: entry[key] for key in ("tasks", "how", "confidence")} for entry in result["alignment"]
        },
        "findings": {step: sorted(codes) for step, codes in steps.items()},
    }


@pytest.mark.parametrize("name", FOLDERS)
def test_validate_says_what_a_reviewer_says(smx2vertex: Smx2vertex, name: str) -> None:
    assert summary(validated(smx2vertex, name)) == json.loads((HERE / name / "expected.json").read_text())


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_compiled_pipeline_is_that_of_the_program(name: str, tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-W", "ignore", HERE / name / "pipeline.py"], cwd=tmp_path, check=True)
    assert yaml.safe_load((tmp_path / "pipeline.yaml").read_text()) == yaml.safe_load(paths(name)[1].read_text())


SLIPS = [
    (
        "SMX405",
        "train gets {test_set of PreprocessData} instead of {output /opt/ml/processing/train of PreprocessData}",
    ),
    ("SMX408", "TrainModel does not wait for ProfileData"),
    ("SMX410", "became not ({auc of EvaluateModel} > {parameter accuracy_threshold})"),
    ("SMX411", "became not ({auc of EvaluateModel} > {parameter accuracy_threshold})"),
    ("SMX413", "{metrics.accuracy.value in evaluation.json of EvaluateModel} >= {parameter MinAccuracy} became not"),
    ("SMX434", "the default of MinAccuracy is 0.81 instead of 0.8"),
    ("SMX438", "eta gets 0.02 instead of 0.2"),
    ("SMX438", "approval gets Approved instead of {parameter ModelApprovalStatus}"),
    ("SMX442", "hyperparameter 'subsample' (0.8) is not there"),
    ("SMX450", "group gets lab-05-accuracy instead of lab-05-accuracy-gate"),
    ("SMX474", "caching is on: with the same inputs, it is done once only"),
]


@pytest.mark.parametrize(("code", "words"), SLIPS)
def test_a_slip_is_told_in_words(smx2vertex: Smx2vertex, code: str, words: str) -> None:
    findings = [each for check in validated(smx2vertex, "slips")["checks"] for each in check["findings"]]
    told = [each for each in findings if each["code"] == code and words in each["message"]]
    assert [each["severity"] for each in told] == ["error"]


FURTHER_SLIPS = [
    ("outputArtifactKey: validation_set", "outputArtifactKey: training_set", "SMX405", "validation gets {training_set"),
    ("outputArtifactKey: test_set", "outputArtifactKey: training_set", "SMX405", "test gets {training_set"),
    ("its accuracy is below", "accuracy below", "SMX449", "instead of The model is not registered: its accuracy"),
    ("constant: 60.0", "constant: 6.0", "SMX438", "num_round gets 6 instead of 60"),
    ("constant: 0.05", "constant: 0.5", "SMX438", "most-missing gets 0.5 instead of 0.05"),
    ("lab-05-accuracy-gate/data/", "lab-05/data/", "SMX434", "the default of InputData is"),
    (
        "defaultValue: PendingManualApproval",
        "defaultValue: Approved",
        "SMX434",
        "the default of ModelApprovalStatus is",
    ),
]


@pytest.mark.parametrize(("old", "new", "code", "words"), FURTHER_SLIPS)
def test_one_slip_is_one_finding(
    smx2vertex: Smx2vertex, tmp_path: Path, old: str, new: str, code: str, words: str
) -> None:
    definition, spec = paths("lightweight")
    before, separator, after = spec.read_text().rpartition(old)
    assert separator
    file = tmp_path / "pipeline.yaml"
    file.write_text(before + new + after)
    result = json.loads(smx2vertex("validate", definition, file, "--format", "json").out)
    found = [each for check in result["checks"] for each in check["findings"] if each["severity"] == "error"]
    added = [each for each in found if each["code"] != "SMX430" and not each["code"].startswith("SMX49")]
    assert [(each["code"], words in each["message"]) for each in added] == [(code, True)]


def test_the_rows_of_two_queries_are_told_apart_by_what_people_call_them(
    smx2vertex: Smx2vertex, tmp_path: Path
) -> None:
    definition, spec = paths("bigquery")
    document = yaml.safe_load(spec.read_text())
    tasks = document["root"]["dag"]["tasks"]
    first, second = (tasks[name]["inputs"]["artifacts"]["rows"] for name in ("train-forest", "score-forest"))
    tasks["train-forest"]["inputs"]["artifacts"]["rows"] = second
    tasks["score-forest"]["inputs"]["artifacts"]["rows"] = first
    (tmp_path / "swapped.json").write_text(json.dumps(document))
    done = smx2vertex("validate", definition, tmp_path / "swapped.json")
    assert "SMX405 error   FitForest: train gets {destination_table of query-test-rows of PrepareEmployees}" in done.out
    assert "SMX405 error   ScoreForest: test gets {destination_table of query-train-rows of" in done.out


def test_the_text_says_who_stands_for_whom_and_how_sure_that_is(smx2vertex: Smx2vertex) -> None:
    done = smx2vertex("validate", *paths("lightweight"))
    assert "    TrainModel: fit-booster (name, kind, data flow and position, 80%)\n" in done.out
    assert (
        "    CheckAccuracy: is-accurate (it decides about RegisterModel-RegisterModel, AccuracyTooLow, 69%)\n"
        in done.out
    )


def test_what_rests_on_one_occurrence_is_told_apart(smx2vertex: Smx2vertex) -> None:
    pairs = {pair["kind"]: pair for pair in validated(smx2vertex, "bigquery")["correspondences"]}
    assert pairs["image"]["occurrences"] == 2
    text = smx2vertex("validate", *paths("lightweight")).out
    _, _, once = text.partition("These rest on one occurrence: nothing else shows that the value is the right one.\n")
    assert once.startswith("    bucket s3://sagemaker-us-east-1-111122223333 = gs://acme-labs\n")
    assert "rests on one occurrence" in smx2vertex("validate", *paths("lightweight"), "--format", "md").out.lower()


def test_prebuilt_components_are_known(smx2vertex: Smx2vertex) -> None:
    """A custom job that trains, an upload, and queries; the steps that nothing stands for are named."""
    definition, prebuilt = paths("bigquery")[0], HERE / "prebuilt" / "pipeline.yaml"
    result = json.loads(smx2vertex("validate", definition, prebuilt, "--format", "json").out)
    assert {entry["step"]: entry["tasks"] for entry in result["alignment"] if entry["tasks"]} == {
        "PrepareEmployees": ["bigquery-query-job"],
        "FitForest": ["custom-training-job"],
        "RegisterForest-RegisterModel": ["model-upload", "importer"],
    }
    told = {(finding["code"], finding["step"]) for check in result["checks"] for finding in check["findings"]}
    assert {("SMX426", "PrepareEmployees"), ("SMX400", "ScoreForest"), ("SMX400", "NotGoodEnough")} <= told
    assert ("SMX442", "FitForest") not in told  # its arguments stand in the worker pool
    assert ("SMX454", "FitForest") not in told  # nor is its output directory another one


# --- a check in a component ---


def changed(tmp_path: Path, name: str, *replacements: tuple[str, str]) -> Path:
    """The compiled pipeline of a folder with other text."""
    text = paths(name)[1].read_text()
    for old, new in replacements:
        assert old in text
        text = text.replace(old, new)
    file = tmp_path / "changed.yaml"
    file.write_text(text)
    return file


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("return least <= accuracy", set()),
        ("return bool(accuracy >= least)", set()),
        ("return accuracy > least", {"SMX411"}),
        ("return accuracy < least", {"SMX410"}),
        ("return accuracy >= 0.7", {"SMX414"}),
    ],
)
def test_a_check_is_read(smx2vertex: Smx2vertex, tmp_path: Path, code: str, found: set[str]) -> None:
    file = changed(tmp_path, "lightweight", ("return accuracy >= least", code))
    result = json.loads(smx2vertex("validate", paths("lightweight")[0], file, "--format", "json").out)
    structure = result["checks"][0]["findings"]
    assert {each["code"] for each in structure if each["severity"] == "error"} == found
    assert result["excluded"] == []


def test_a_check_that_cannot_be_read_is_named_and_left_out(smx2vertex: Smx2vertex, tmp_path: Path) -> None:
    file = changed(tmp_path, "lightweight", ("return accuracy >= least", "return round(accuracy, 2) >= least"))
    options = ("--ignore", "SMX430")  # the machine
    done = smx2vertex("validate", paths("lightweight")[0], file, *options)
    assert done.code == 0
    assert "SMX425 warning CheckAccuracy: CheckAccuracy is decided by a program that is no plain comparison" in done.out
    assert smx2vertex("validate", paths("lightweight")[0], file, *options, "--strict").code == 1
    blind = changed(
        tmp_path,
        "lightweight",
        ("return accuracy >= least", "return round(accuracy, 2) >= least"),
        ("producerTask: measure-quality", "producerTask: split-rows"),
    )
    assert "does not reach what decides" in smx2vertex("validate", paths("lightweight")[0], blind, *options).out


# --- what a person says ---


def test_a_file_of_matches_goes_round(smx2vertex: Smx2vertex, tmp_path: Path) -> None:
    file = tmp_path / "match.yaml"
    before = validated(smx2vertex, "bigquery", "--write-match", file)
    assert yaml.safe_load(file.read_text())["PrepareEmployees"] == ["bigquery-query-job", "bigquery-query-job-2"]
    assert validated(smx2vertex, "bigquery", "--match-file", file)["checks"] == before["checks"]

    accepted = file.read_text().replace("# no step: [approve]", "no step: [approve]")
    file.write_text(accepted.replace("NotGoodEnough: [reject]", "NotGoodEnough: no task") + "\n")
    after = validated(smx2vertex, "bigquery", "--match-file", file, "--write-match", tmp_path / "again.yaml")
    codes = {finding["code"]: finding["severity"] for finding in after["checks"][0]["findings"]}
    assert (codes["SMX427"], codes["SMX428"]) == ("info", "info")
    assert {"step": "NotGoodEnough", "code": "SMX428"} in after["excluded"]
    again = validated(smx2vertex, "bigquery", "--match-file", tmp_path / "again.yaml")
    assert again["checks"] == after["checks"]


def test_an_option_says_the_same(smx2vertex: Smx2vertex) -> None:
    options = ("--match", "no step=approve", "--match", "no step=reject", "--match", "NotGoodEnough=no task")
    result = validated(smx2vertex, "bigquery", *options)
    codes = [finding["code"] for finding in result["checks"][0]["findings"]]
    assert codes.count("SMX427") == 2
    assert "SMX401" not in codes
    assert "SMX400" not in codes


WRONG = [
    ("FitForest: [train-forest]\nScoreForest: [train-forest]\n", "SMX429", "that task is given to FitForest too"),
    ("FitForest: [train-forest]\nno step: [train-forest]\n", "SMX429", "that task is given to FitForest too"),
    ("FitForest: [train-forest, no task]\n", "SMX429", "it is given tasks as well"),
    ("FitForrest: [train-forest]\n", "SMX403", "there is no step 'FitForrest'; did you mean 'FitForest'?"),
    ("FitForest: [train-forrest]\n", "SMX403", "there is no task 'train-forrest'; did you mean 'train-forest'?"),
    ("FitForest: []\nFitForest: [train-forest]\n", "", "names 'FitForest' twice"),
]


@pytest.mark.parametrize(("text", "code", "words"), WRONG)
def test_a_file_of_matches_that_cannot_be_is_refused(
    smx2vertex: Smx2vertex, tmp_path: Path, text: str, code: str, words: str
) -> None:
    file = tmp_path / "match.yaml"
    file.write_text(text)
    done = smx2vertex("validate", *paths("bigquery"), "--match-file", file)
    assert done.code == 2
    assert code in done.err
    assert words in " ".join(done.err.replace("│", " ").split())


def test_two_options_for_one_task_are_refused(smx2vertex: Smx2vertex) -> None:
    done = smx2vertex(
        "validate", *paths("bigquery"), "--match", "FitForest=train-forest", "--match", "ScoreForest=train-forest"
    )
    assert done.code == 2
    assert "that task is given to FitForest too" in done.err
