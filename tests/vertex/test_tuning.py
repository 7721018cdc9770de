"""Tuning steps: the project, what runs here, what the checker finds, and what has no counterpart."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support import REPOSITORY, Outcome

FIXTURE = REPOSITORY / "tests" / "fixtures" / "tuning"
Command = Callable[..., Outcome]
Definition = dict[str, Any]

TRIAL = """            "--",
            "--step=Tune",
            "--objective=Maximize:validation:score",
            "--machine-type={machine_type:str}",
            "--disk=pd-ssd:150",
            "--replicas=1",
            "--timeout=3600",
            "--spot=true",
            f"--image={images.scikit_learn_1_2}",
            "--integer=depth:Linear:{depth_min:int} {depth_max:int}",
            "--continuous=rate:Logarithmic:{lowest_rate:float} {rate_max:float}",
            '--categorical=criterion:"gini"',
            '--categorical=criterion:"entropy"',
            "--program=train.py",
            "--code=/opt/ml/code",
            "--channel=train:text/csv",
            "--hyperparameter=trees:{trees:int}",
            "--environment=LEVEL:{level:str}",
            "--metric-definition=validation%3Ascore:score=([0-9.]+)",
            "--destination={model_destination:str}",
"""
TASK = """    tune_task = running_trials(tune)(
        code=code("tune"),
        max_jobs=MaxJobs,
        max_parallel_jobs=2,
        max_runtime=7200,
        max_jobs_without_progress=3,
        target_value=0.99,
        random_seed=7,
        machine_type=TrainingInstanceType,
        depth_min=2,
        depth_max=8,
        lowest_rate=LowestRate,
        rate_max=0.1,
        train=data(TrainData),
        trees=10,
        level="high",
        model_destination=f"gs://{buckets.acme_ml}/tuning/models",
    ).set_caching_options(True)
"""


def definition() -> Definition:
    """The pipeline of the fixture."""
    found: Definition = json.loads((FIXTURE / "definition.json").read_text())
    return found


def tuning_of(pipeline: Definition) -> Any:
    """The arguments of its Tuning step."""
    return pipeline["Steps"][0]["Arguments"]


@pytest.fixture
def converted(smx2vertex: Command, tmp_path: Path) -> Callable[[Definition], tuple[Outcome, Path]]:
    """Converts a pipeline; gives what the command said, and the project."""

    def convert(pipeline: Definition) -> tuple[Outcome, Path]:
        source, out = tmp_path / "definition.json", tmp_path / f"project{len(list(tmp_path.iterdir()))}"
        source.write_text(json.dumps(pipeline))
        return smx2vertex("convert", source, "--code", FIXTURE, "--out", out), out

    return convert


@pytest.fixture
def project(converted: Callable[[Definition], tuple[Outcome, Path]]) -> Path:
    """The project of the fixture."""
    done, out = converted(definition())
    assert done.code == 0, done.out + done.err
    assert "equivalent in structure and parameters" in done.out
    assert "no counterpart" not in done.out
    return out


def test_a_project_of_a_tuning_step(project: Path) -> None:
    component = (project / "definition" / "components" / "tune.py").read_text()
    assert TRIAL in component
    assert '"--label=team:risk"' in component
    assert TASK in (project / "definition" / "pipeline.py").read_text()
    assert (project / "code" / "tune" / "train.py").read_text() == (FIXTURE / "train.py").read_text()


def test_properties_of_the_best_training_jobs_reach_other_steps(project: Path) -> None:
    pipeline = (project / "definition" / "pipeline.py").read_text()
    for line in (
        'model=tune_task.outputs["best_model"],',
        'model=tune_task.outputs["model_2"],',
        'best_training_job=tune_task.outputs["best_training_job"],',
        'best_depth=tune_task.outputs["best_depth"],',
        'value_2=tune_task.outputs["value_2"],',
        'with dsl.If(tune_task.outputs["best_value"] < MinScore, name="Gate"):',
    ):
        assert line in pipeline


@pytest.mark.parametrize("target", ["vertex", "kubeflow"])
def test_both_targets_validate(smx2vertex: Command, project: Path, target: str) -> None:
    done = smx2vertex("validate", FIXTURE / "definition.json", project / "compiled" / f"{target}.yaml")
    assert done.code == 0, done.out + done.err
    text = (project / "compiled" / f"{target}.yaml").read_text()
    assert re.search(rf"target:\s+runtimeValue:\s+constant: {target}\n", text)
    assert ("cpuLimit" in text) == (target == "kubeflow")


def test_every_field_is_accounted_for(smx2vertex: Command) -> None:
    report = json.loads(smx2vertex("map", FIXTURE / "definition.json", "--format", "json").out)
    assert report["ledger"]["unaccounted"] == []
    (tune,) = [step for step in report["steps"] if step["name"] == "Tune"]
    assert tune["verdict"] == "adapted"


def test_the_trials_run_here(smx2vertex: Command, project: Path, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "rows.csv").write_text("1\n2\n3\n")
    out = tmp_path / "run"
    done = smx2vertex("run", project, "--data", f"s3://acme-ml/tuning/train/={tmp_path / 'data'}", "--out", out)
    assert done.code == 0, done.out + done.err
    summary = next(out.rglob("trials.json"))
    trials = json.loads(summary.read_text())
    assert len(trials) == 4, "as many as MaxJobs: the search has a seed, and never comes to the target value"
    ranked = sorted(trials, key=lambda trial: -trial["value"])
    assert ranked[0]["value"] == int(ranked[0]["hyperparameters"]["depth"]) / 10
    report = next(out.rglob("report.txt"))
    depth = ranked[1]["hyperparameters"]["depth"]
    assert report.read_text() == (
        f"{ranked[0]['name']}: depth {ranked[0]['hyperparameters']['depth']}\n"
        f"second: {ranked[1]['value']}, depth {depth} of 3 rows, 10 trees, level high\n"
    )
    copied = out / "gcs" / "acme-ml" / "tuning" / "models" / ranked[0]["name"] / "output" / "model.tar.gz"
    assert copied.is_file(), "where SageMaker would have put it"
    (request,) = json.loads(next(out.rglob("Tune.json")).read_text())
    assert request["url"].endswith("/hyperparameterTuningJobs")
    assert request["body"]["trialJobSpec"]["scheduling"] == {"strategy": "SPOT", "timeout": "3600s"}


# --- the checker


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("--strategy=Bayesian", "--strategy=Random"),
        ("--early-stopping=Auto", "--early-stopping=Off"),
        ("--max-jobs={max_jobs:int}", "--max-jobs={max_parallel_jobs:int}"),
        ("--max-runtime={max_runtime:int}", "--max-runtime=60"),
        ("--target-value={target_value:float}", "--target-value=0.5"),
        ("--objective=Maximize:", "--objective=Minimize:"),
        ("Maximize:validation:score", "Maximize:train:score"),
        ("{depth_min:int} {depth_max:int}", "{depth_max:int} {depth_min:int}"),
        ("--integer=depth:Linear", "--integer=depth:Logarithmic"),
        ("--integer=depth", "--continuous=depth"),
        ('--categorical=criterion:"gini"', '--categorical=criterion:"log"'),
        ("--program=train.py", "--program=other.py"),
        ("--hyperparameter=trees:{trees:int}", "--hyperparameter=trees:11"),
        ("--hyperparameter=trees:", "--hyperparameter=tree:"),
        ("--environment=LEVEL:{level:str}", "--environment=LEVEL:low"),
        ("score=([0-9.]+)", "score=([0-9]+)"),
        ("--spot=true", "--spot=false"),
        ("--channel=train:text/csv", "--channel=train:application/json"),
        ("--training-job=best_training_job:0", "--training-job=best_training_job:1"),
        ("--tuned=best_depth:0:depth", "--tuned=best_depth:0:rate"),
        ("--model=best_model:0", "--model=best_model:1"),
        ("--value=best_value:0", "--value=best_value:2"),
        ("--destination={model_destination:str}", "--destination=gs://elsewhere/models"),
    ],
)
def test_a_changed_value_is_found(smx2vertex: Command, project: Path, tmp_path: Path, old: str, new: str) -> None:
    text = (project / "compiled" / "vertex.yaml").read_text()
    assert old in text
    changed = tmp_path / "changed.yaml"
    changed.write_text(text.replace(old, new))
    done = smx2vertex("validate", FIXTURE / "definition.json", changed)
    assert done.code == 1, done.out


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("--replicas=1", "--replicas=2", "SMX462"),
        ("--disk=pd-ssd:150", "--disk=pd-ssd:100", "SMX463"),
        ("--timeout=3600", "--timeout=60", "SMX464"),
        ("--machine-type={machine_type:str}", "--machine-type=n2-standard-2", "SMX470"),
        (r"--image=\S+", "--image=europe-docker.pkg.dev/acme/other:1", "SMX470"),
    ],
)
def test_a_changed_machine_of_the_trials_is_found(
    smx2vertex: Command, project: Path, tmp_path: Path, old: str, new: str, code: str
) -> None:
    text = (project / "compiled" / "vertex.yaml").read_text()
    pattern = old if "\\" in old else re.escape(old)
    changed = tmp_path / "changed.yaml"
    changed.write_text(re.sub(pattern, new, text))
    done = smx2vertex("validate", FIXTURE / "definition.json", changed)
    assert code in done.out, done.out


# --- several kinds of training jobs


def several() -> Definition:
    """The pipeline with two definitions of training jobs."""
    pipeline = definition()
    arguments = tuning_of(pipeline)
    config = arguments["HyperParameterTuningJobConfig"]
    job = arguments.pop("TrainingJobDefinition")
    job["TuningObjective"] = config.pop("HyperParameterTuningJobObjective")
    job["HyperParameterRanges"] = config.pop("ParameterRanges")
    second = copy.deepcopy(job)
    second["StaticHyperParameters"]["trees"] = "50"
    second["HyperParameterTuningResourceConfig"] |= {"InstanceType": "ml.m5.4xlarge", "VolumeSizeInGB": 200}
    arguments["TrainingJobDefinitions"] = [{"DefinitionName": "small", **job}, {"DefinitionName": "large", **second}]
    return pipeline


def test_each_definition_is_a_study(
    converted: Callable[[Definition], tuple[Outcome, Path]], smx2vertex: Command, tmp_path: Path
) -> None:
    done, out = converted(several())
    assert done.code == 0 and "SMX373" in done.out, done.out + done.err
    assert "equivalent in structure and parameters" in done.out
    component = (out / "definition" / "components" / "tune.py").read_text()
    assert '"--definition=small"' in component and '"--definition=large"' in component
    assert '"--code=/opt/ml/code:job_2"' in component
    assert (out / "code" / "tune" / "job_2" / "train.py").is_file()
    text = (out / "compiled" / "vertex.yaml").read_text()
    for old, new in (
        ("{trees_value:int}", "{trees:int}"),
        ("--definition=large", "--definition=huge"),
    ):
        assert old in text
        (tmp_path / "changed.yaml").write_text(text.replace(old, new))
        assert smx2vertex("validate", tmp_path / "definition.json", tmp_path / "changed.yaml").code == 1


# --- what has no counterpart


def _set(path: str, value: Any) -> Callable[[Definition], None]:
    def change(pipeline: Definition) -> None:
        *way, last = path.split(".")
        place = tuning_of(pipeline)
        for key in way:
            place = place.setdefault(key, {})
        place[last] = value

    return change


CONFIG = "HyperParameterTuningJobConfig"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (_set(f"{CONFIG}.Strategy", "Hyperband"), "SMX370"),
        (_set(f"{CONFIG}.StrategyConfig", {"HyperbandStrategyConfig": {"MinResource": 1, "MaxResource": 9}}), "SMX280"),
        (_set("Autotune", {"Mode": "Enabled"}), "SMX281"),
        (_set(f"{CONFIG}.ParameterRanges.AutoParameters", [{"Name": "rate", "ValueHint": "0.1"}]), "SMX281"),
        (
            _set("WarmStartConfig", {"WarmStartType": "TransferLearning", "ParentHyperParameterTuningJobs": []}),
            "SMX255",
        ),
        (_set(f"{CONFIG}.ResourceLimits", {"MaxParallelTrainingJobs": 2}), "SMX371"),
        (_set(f"{CONFIG}.ParameterRanges", {}), "SMX371"),
        (_set(f"{CONFIG}.HyperParameterTuningJobObjective", {"MetricName": "score"}), "SMX371"),
        (_set("TrainingJobDefinition.AlgorithmSpecification.MetricDefinitions", []), "SMX372"),
        (_set("TrainingJobDefinition.AlgorithmSpecification.TrainingInputMode", "Pipe"), "SMX210"),
    ],
)
def test_what_has_no_counterpart_fails_when_it_runs(
    converted: Callable[[Definition], tuple[Outcome, Path]], change: Callable[[Definition], None], code: str
) -> None:
    pipeline = definition()
    change(pipeline)
    done, out = converted(pipeline)
    assert done.code == 0, done.out + done.err
    assert "no counterpart yet, so that they fail and say why: Tune\n" in done.out
    assert "equivalent in structure and parameters" in done.out
    component = (out / "definition" / "components" / "tune.py").read_text()
    assert '"not-translated"' in component and f'"--code={code}"' in component


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (
            _set(f"{CONFIG}.TuningJobCompletionCriteria.ConvergenceDetected", {"CompleteOnConvergence": "Enabled"}),
            "SMX282",
        ),
        (_set(f"{CONFIG}.RandomSeed", 3), "SMX283"),
        (_set("TrainingJobDefinition.CheckpointConfig", {"S3Uri": "s3://acme-ml/checkpoints"}), "SMX218"),
    ],
)
def test_what_is_lost_is_said(
    converted: Callable[[Definition], tuple[Outcome, Path]], change: Callable[[Definition], None], code: str
) -> None:
    pipeline = definition()
    change(pipeline)
    done, out = converted(pipeline)
    assert done.code == 0, done.out + done.err
    assert code in (out / "MIGRATION.md").read_text()


def test_what_is_dropped_changes_nothing(
    converted: Callable[[Definition], tuple[Outcome, Path]], project: Path
) -> None:
    pipeline = definition()
    arguments = tuning_of(pipeline)
    job = arguments["TrainingJobDefinition"]
    arguments["HyperParameterTuningJobName"] = "mine"
    job["DefinitionName"] = "only"
    job["AlgorithmSpecification"]["EnableSageMakerMetricsTimeSeries"] = True
    job["EnableInterContainerTrafficEncryption"] = True
    job["RetryStrategy"] = {"MaximumRetryAttempts": 3}
    job["HyperParameterTuningResourceConfig"]["AllocationStrategy"] = "Prioritized"
    job["ResourceConfig"] = {
        **job.pop("HyperParameterTuningResourceConfig"),
        "KeepAlivePeriodInSeconds": 60,
        "SelectedInstanceType": "ml.m5.xlarge",
        "SelectedInstanceCount": 1,
    }
    done, out = converted(pipeline)
    assert done.code == 0, done.out + done.err
    for name in ("definition/pipeline.py", "definition/components/tune.py", "compiled/vertex.yaml"):
        text = (out / name).read_text()
        wanted = (project / name).read_text()
        assert _unhashed(text) == _unhashed(wanted), name


def _unhashed(text: str) -> str:
    return re.sub(r"[0-9a-f]{64}", "", text)


@pytest.mark.parametrize(
    ("image", "algorithm"),
    [("683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1", True)],
)
def test_the_built_in_algorithm_knows_its_metrics(
    converted: Callable[[Definition], tuple[Outcome, Path]], image: str, algorithm: bool
) -> None:
    pipeline = definition()
    job = tuning_of(pipeline)["TrainingJobDefinition"]
    job["StaticHyperParameters"] = {"objective": "binary:logistic", "num_round": "5"}
    job["AlgorithmSpecification"] = {"TrainingInputMode": "File", "TrainingImage": image}
    done, out = converted(pipeline)
    assert "equivalent in structure and parameters" in done.out, done.out + done.err
    component = (out / "definition" / "components" / "tune.py").read_text()
    assert '"--algorithm=xgboost"' in component and "--metric-definition" not in component
