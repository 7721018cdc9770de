"""Whole pipelines run on this machine, and leave what their scripts leave when they are called by hand.

Each pipeline is a folder: `pipeline.py` for the SageMaker SDK, the definition that it gives, and the scripts.
"""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support import Outcome

PIPELINES = Path(__file__).parent
NAMES = ("scores", "gate", "plain", "framework", "divided")
sys.path.insert(0, str(PIPELINES))

import make_data  # noqa: E402
from by_hand import Machine, archived, files  # noqa: E402

Convert = Callable[..., Path]


class Run:
    """A run of a converted pipeline."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.index: dict[str, Any] = json.loads((folder / "index.json").read_text())
        self.tasks = {task["id"]: task for task in self.index["tasks"]}

    def artifact(self, task: str, name: str) -> Path:
        """The folder of an output artifact."""
        return Path(self.tasks[task]["artifacts"][name]["uri"])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of all that these tests make, with the data of each pipeline."""
    folder = tmp_path_factory.mktemp("pipelines")
    for name in NAMES:
        if hasattr(make_data, name):
            getattr(make_data, name)(folder / "data" / name)
    return folder


@pytest.fixture(scope="module")
def machine(folder: Path) -> Iterator[Machine]:
    """Runs scripts by hand, each in an /opt/ml of its own."""
    machine = Machine(folder / "by-hand")
    if machine.private.how != "namespace":
        pytest.skip("this machine does not permit `unshare -rm`, which gives scripts a private /opt/ml")
    yield machine


def converted(source: Path, out: Path, *options: object) -> Path:
    """The project that `convert` makes."""
    command = [sys.executable, "-m", "smx2vertex", "convert", source, "--out", out, *options]
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "SMX360" not in done.stdout, "a script is missing"
    return out


def project_of(name: str, folder: Path) -> Path:
    """A pipeline of this folder as a project."""
    pipeline = PIPELINES / name
    return converted(pipeline / "definition.json", folder / f"project-{name}", "--code", pipeline / "code")


def ran(project: Path, name: str, folder: Path, *options: object, code: int = 0) -> Run:
    """A run of a project with the pipeline's data."""
    out = folder / f"run-of-{project.name}"
    data = f"s3://acme-ml/{name}={folder / 'data' / name}"
    command = [sys.executable, "-m", "smx2vertex", "run", project, "--data", data, "--out", out, "--no-cache", *options]
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return Run(out)


@pytest.mark.slow
def test_scikit_learn_with_a_batch_transform(folder: Path, machine: Machine) -> None:
    run = ran(project_of("scores", folder), "scores", folder)
    code = PIPELINES / "scores" / "code"

    prepare = machine.job("prepare")
    prepare.put(folder / "data/scores/customers", "processing/input")
    prepare.put(code / "prepare/prepare.py", "processing/input/code")
    prepare.make("processing/train", "processing/holdout")
    prepare.run("python3", "/opt/ml/processing/input/code/prepare.py", "--holdout", "0.25")
    for name in ("train", "holdout"):
        assert files(run.artifact("prepare", name)) == files(prepare.ml / "processing" / name)

    train = machine.job("train")
    arguments = ["--bootstrap", "True", "--criterion", "gini", "--max-depth", "4", "--trees", "12"]
    hyperparameters = {"bootstrap": True, "criterion": "gini", "max-depth": 4, "trees": 12}
    train.train("train.py", code / "train", {"train": prepare.ml / "processing/train"}, arguments, **hyperparameters)
    model = run.artifact("train", "model")
    assert files(model / "model") == files(train.ml / "model")
    assert archived(model / "model.tar.gz") == files(train.ml / "model")
    assert archived(model / "output.tar.gz") == files(train.ml / "output/data")
    destination = list((run.folder / "gcs/acme-ml/scores/models").glob("*/output"))
    assert [sorted(files(each)) for each in destination] == [["model.tar.gz", "output.tar.gz"]]

    score = machine.job("score")
    score.put(train.ml / "model", "model")
    score.put(code / "serve", "model/code")
    score.put(prepare.ml / "processing/holdout", "given")
    score.put(PIPELINES / "score_by_hand.py", "program")
    score.run("python3", "/opt/ml/program/score_by_hand.py")
    expected = files(score.ml / "out")
    assert sorted(expected) == ["1/customers.csv.out", "2/customers.csv.out", "3/customers.csv.out"]
    assert files(run.artifact("score", "predictions")) == expected


@pytest.mark.slow
def test_xgboost_in_script_mode_behind_a_gate(folder: Path, machine: Machine) -> None:
    project = project_of("gate", folder)
    run = ran(project, "gate", folder)
    code, data = PIPELINES / "gate" / "code", folder / "data/gate/data"

    train = machine.job("gate-train")
    arguments = ["--eta", "0.3", "--num_round", "15", "--objective", "reg:squarederror"]
    channels = {"train": data / "train", "validation": data / "validation"}
    train.train("train.py", code / "train", channels, arguments, eta=0.3, num_round=15, objective="reg:squarederror")
    model = run.artifact("train", "model")
    assert archived(model / "model.tar.gz") == files(model / "model") == files(train.ml / "model")

    evaluate = machine.job("evaluate")
    evaluate.put(train.packed_model(), "processing/model")
    evaluate.put(data / "validation", "processing/test")
    evaluate.put(code / "evaluate.py", "processing/input/code")
    evaluate.make("processing/report")
    evaluate.run("python3", "/opt/ml/processing/input/code/evaluate.py")
    report = evaluate.ml / "processing/report"
    assert files(run.artifact("evaluate", "report")) == files(report)
    mse = json.loads((report / "evaluation.json").read_text())["regression_metrics"]["mse"]["value"]
    assert run.tasks["evaluate"]["parameters"] == {"mse": mse, "gcp_resources": "{}"}

    announce = machine.job("announce")
    announce.put(report, "processing/report")
    announce.put(code / "announce.py", "processing/input/code")
    announce.make("processing/announcement")
    announce.run("python3", "/opt/ml/processing/input/code/announce.py", "--at-most", "30.0")
    assert files(run.artifact("announce", "announcement")) == files(announce.ml / "processing/announcement")
    assert run.tasks["too-bad"]["state"] == "skipped"

    strict = folder / "strict"
    strict.symlink_to(project)
    refused = ran(strict, "gate", folder, "-p", "MostError=1", "-p", "Rounds=2", code=1)
    assert refused.tasks["too-bad"]["message"] == "TooBad: The error is too large"
    assert refused.tasks["announce"]["state"] == "skipped"


def test_plain_containers_in_parallel_do_not_see_each_other(folder: Path, machine: Machine) -> None:
    run = ran(project_of("plain", folder), "plain", folder, "--jobs", "2")
    code, data = PIPELINES / "plain" / "code", folder / "data/plain"

    merge = machine.job("merge")
    for language in ("en", "no"):
        count = machine.job(f"count-{language}")
        count.put(code / "count.py", "input/data/program")
        count.put(data / "texts" / language, "input/data/texts")
        count.make("model", "output/data", "input/config")
        configuration = count.ml / "input/config"
        usual = {"TrainingInputMode": "File", "S3DistributionType": "FullyReplicated", "RecordWrapperType": "None"}
        channels = {"program": usual, "texts": usual}
        (configuration / "inputdataconfig.json").write_text(json.dumps(channels))
        (configuration / "hyperparameters.json").write_text('{"minimum": "2"}')
        (configuration / "resourceconfig.json").write_text('{"current_host": "algo-1", "hosts": ["algo-1"]}')
        words = ["python3", "/opt/ml/input/data/program/count.py", "--language", language]
        count.run(*words, environment={"COUNTING_SALT": f"{language}: 7"})
        model = run.artifact(f"count-{language}", "model")
        assert archived(model / "model.tar.gz") == {
            "words.json": (count.ml / "model/words.json").read_bytes(),
            "show.sh*": (count.ml / "model/show.sh").read_bytes(),
        }
        assert archived(model / "output.tar.gz") == files(count.ml / "output/data")
        merge.put(count.packed_model(), f"processing/models/{language}")

    merge.put(code / "merge.py", "processing/input/program")
    merge.put(data / "stop-words.txt", "processing/stop")
    merge.make("processing/merged")
    merge.run("python3", "/opt/ml/processing/input/program/merge.py", "--sorted", "--most", "5")
    assert files(run.artifact("merge", "merged")) == files(merge.ml / "processing/merged")


def summarized(folder: Path, machine: Machine, name: str) -> dict[str, bytes]:
    """What the sources of `framework` give when they are unpacked and called by hand."""
    summarize = machine.job(name)
    summarize.put(folder / "data/framework/measurements", "processing/measurements")
    summarize.put(PIPELINES / "framework/code/summarize", "processing/input/code")
    summarize.make("processing/summary")
    words = ["python", "summarize.py", "--digits", "3", "--title", "two words"]
    summarize.run(*words, cwd="/opt/ml/processing/input/code")
    return files(summarize.ml / "processing/summary")


def test_a_framework_processor_whose_start_script_is_written_anew(folder: Path, machine: Machine) -> None:
    run = ran(project_of("framework", folder), "framework", folder)
    assert files(run.artifact("summarize", "summary")) == summarized(folder, machine, "summarize")


# --- the definitions are those of the SDK ---

needs_sdk = pytest.mark.skipif(
    importlib.util.find_spec("sagemaker") is None, reason="capturing needs the SageMaker SDK, version 2"
)


def captured(name: str, folder: Path, smx2vertex: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch) -> Path:
    """The bundle of a pipeline of this folder."""
    shutil.copytree(PIPELINES / name, folder / "sources")
    monkeypatch.chdir(folder / "sources")
    done = smx2vertex("capture", "pipeline.py", "--out", folder / "bundle")
    assert done.code == 0, done.err
    return folder / "bundle"


@needs_sdk
@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_the_definition_is_what_the_sdk_makes(
    name: str, tmp_path: Path, smx2vertex: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = captured(name, tmp_path, smx2vertex, monkeypatch)
    made = json.loads((bundle / "definitions" / f"{name}.json").read_text())
    assert made == json.loads((PIPELINES / name / "definition.json").read_text())


@needs_sdk
@pytest.mark.slow
def test_a_framework_processor_with_the_start_script_of_the_sdk(
    folder: Path,
    machine: Machine,
    tmp_path: Path,
    smx2vertex: Callable[..., Outcome],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bundle = captured("framework", tmp_path, smx2vertex, monkeypatch)
    project = converted(bundle, tmp_path / "project")
    assert (project / "code/summarize/entrypoint/runproc.sh").is_file()
    shutil.copytree(folder / "data", tmp_path / "data")
    run = ran(project, "framework", tmp_path)
    assert files(run.artifact("summarize", "summary")) == summarized(folder, machine, "summarize-of-the-sdk")
