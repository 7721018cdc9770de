"""Hyperparameter tuning: many training jobs, each with other values, and the best of them."""

import itertools
import json
import math
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
from typing import Any, Dict, Iterator, List, Optional, Tuple, cast

from .command_line import CONTAINER_OPTIONS, ContractError
from .files import HERE, empty, local_run, mounted, read_text, replace, warn, writable, write_json, write_text
from .google import Request, Service, display_name_filter, poll, query, vertex_ai
from .scripts import Metrics
from .task import Task, verb
from .training import TRAINING_OPTIONS, copy_model, publish_model, run_training

SEARCHES = {"Bayesian": "ALGORITHM_UNSPECIFIED", "Random": "RANDOM_SEARCH", "Grid": "GRID_SEARCH"}
SCALES = {
    "Auto": "UNIT_LINEAR_SCALE",
    "Linear": "UNIT_LINEAR_SCALE",
    "Logarithmic": "UNIT_LOG_SCALE",
    "ReverseLogarithmic": "UNIT_REVERSE_LOG_SCALE",
}
# How SageMaker reads the metrics of its XGBoost image, which no definition has to name; "#011" is CloudWatch's tab.
XGBOOST_LOG = r".*\[[0-9]+\].*#011{}:(\S+)"
HYPERTUNE_FILE = "/tmp/hypertune/output.metrics"
HYPERTUNE_LINES = 100


@verb(
    "trial",
    CONTAINER_OPTIONS,
    TRAINING_OPTIONS,
    {
        "definition": "NAME",
        "objective": "TYPE:NAME",
        "integer": "NAME:SCALING:TEMPLATE",
        "continuous": "NAME:SCALING:TEMPLATE",
        "categorical": "NAME:TEMPLATE",
        "destination": "TEMPLATE",
        "image": "IMAGE",
        "machine-type": "TEMPLATE",
        "accelerator": "TEMPLATE",
        "disk": "TYPE:GB",
        "replicas": "COUNT",
        "timeout": "SECONDS",
        "spot": "NAME",
    },
)
def trial(task: Task) -> int:
    """One training job of a tuning job; the words are the values to try, as Vertex AI appends them."""
    folder = os.environ.get("AIP_MODEL_DIR", "").rstrip("/")
    if not folder:
        raise ContractError("AIP_MODEL_DIR does not say where the model goes")
    number = os.path.basename(os.path.dirname(folder))
    name = trial_name(task, number)
    objective = objective_of(task)[1]
    values = {fields[0]: task.render(fields[1]) for fields in task.options["hyperparameter"]}
    values.update(tuned_values(task), _tuning_objective_metric=objective)
    metrics = Metrics(objective_definitions(task), TrialReport(objective, number))
    code = run_training(task, name, values, ["train"], metrics)
    if code or task.rank:
        return code
    if objective not in metrics.values:
        raise ContractError("the log shows no value of the metric " + objective)
    publish_model(mounted(folder))
    if task.only("destination"):
        fixed = writable("{}/{}/output".format(task.text("destination").rstrip("/"), name))
        copy_model(mounted(folder), fixed, loose=task.only("compression").lower() == "none")
    return 0


def trial_name(task: Task, number: str) -> str:
    """What stands for the name of a training job; several kinds of them are told apart."""
    return "-".join(filter(None, [task.job, task.only("definition"), number]))


def objective_of(task: Task) -> Tuple[str, str]:
    """Maximize or Minimize, and the name of the metric."""
    if len(task.options["objective"]) != 1 or task.options["objective"][0][0] not in ("Maximize", "Minimize"):
        raise ContractError("--objective must be Maximize:METRIC or Minimize:METRIC")
    kind, name = task.options["objective"][0]
    return kind, name


def objective_definitions(task: Task) -> List[List[str]]:
    """The metric definitions, with SageMaker's own for the objective of its XGBoost image."""
    definitions = task.options["metric-definition"]
    objective = objective_of(task)[1]
    if objective in [name for name, _ in definitions]:
        return definitions
    return definitions + [[objective, XGBOOST_LOG.format(re.escape(objective.replace(":", "-", 1)))]]


def tuned_values(task: Task) -> Dict[str, str]:
    """The values of this trial as SageMaker would write them; the service may send 3 as `3.0`."""
    integers = [fields[0] for fields in task.options["integer"]]
    known = set(integers) | {fields[0] for kind in ("continuous", "categorical") for fields in task.options[kind]}
    values, words = {}, list(task.words)
    while words:
        name, equals, text = words.pop(0)[2:].partition("=")
        if name not in known:
            raise ContractError("--{} is no hyperparameter of this trial".format(name))
        text = text if equals or not words else words.pop(0)
        values[name] = str(int(float(text))) if name in integers else text
    missing = sorted(known - set(values))
    if missing:
        raise ContractError("this trial has no value of " + ", ".join(missing))
    return values


class TrialReport:
    """Reports the values of the objective while the trial runs, in the file and form of cloudml-hypertune."""

    def __init__(self, objective: str, number: str) -> None:
        """The file is the one that Vertex AI reads, or that CLOUD_ML_HP_METRIC_FILE names."""
        self.objective = objective
        self.number = os.environ.get("CLOUD_ML_TRIAL_ID", number)
        self.path = os.environ.get("CLOUD_ML_HP_METRIC_FILE", HYPERTUNE_FILE)
        self.lines = []  # type: List[str]
        self.steps = 0
        self.lock = threading.Lock()

    def __call__(self, name: str, value: float) -> None:
        """Take a value that the log shows."""
        if name != self.objective or not math.isfinite(value):
            return
        with self.lock:
            self.steps += 1
            entry = {"timestamp": time.time(), "trial": self.number, "global_step": str(self.steps)}  # type: Dict[str, Any]
            entry[metric_id(name)] = str(value)
            self.lines = (self.lines + [json.dumps(entry, sort_keys=True)])[-HYPERTUNE_LINES:]
            write_text(self.path, "\n".join(self.lines) + "\n")


def metric_id(metric: str) -> str:
    """The name of a metric as a study takes it: without blanks and colons."""
    return re.sub(r"[^\w./-]", "_", metric)


# --- the whole tuning job


@verb(
    "tuning",
    {
        "strategy": "NAME",
        "max-jobs": "TEMPLATE",
        "max-parallel-jobs": "TEMPLATE",
        "max-runtime": "TEMPLATE",
        "max-jobs-without-progress": "TEMPLATE",
        "target-value": "TEMPLATE",
        "early-stopping": "NAME",
        "random-seed": "TEMPLATE",
        "label": "NAME:TEXT",
        "target": "TEMPLATE",
        "project": "TEMPLATE",
        "location": "TEMPLATE",
        "service-account": "TEMPLATE",
        "network": "TEMPLATE",
        "encryption-key": "TEMPLATE",
        "trials": "ARTIFACT",
        "model": "ARTIFACT:RANK",
        "training-job": "PARAMETER:RANK",
        "value": "PARAMETER:RANK",
        "tuned": "PARAMETER:RANK:NAME",
    },
)
def tuning(task: Task) -> int:
    """A tuning job: on Vertex AI a study for each kind of training job, elsewhere the trials run here one by one."""
    if task.rank:
        return 0
    studies = read_studies(task)
    if local_run():
        service, parent = _tuning_service(task)
        requests: List[Request] = [("POST", parent, study.request()) for study in studies]
        service.record(task.step, requests, "no tuning job was started on Vertex AI, the trials run here")
        trials = search_here(task, studies)
    elif task.text("target") == "vertex":
        trials = search_on_vertex(task, studies)
    elif len({study.task.only("image") for study in studies}) > 1:
        raise ContractError("the kinds of training jobs need images of their own: they run on Vertex AI only")
    else:
        trials = search_here(task, studies)
    publish_best(task, trials, studies[0])
    return 0


class Study:
    """One kind of training job of a tuning job, with its share of the trials.

    Attributes:
        tuning, task: the task of the tuning job, and the one that each trial is.
        command: the command line of a trial, from the verb on.
        index: its place among the studies.
        trials, parallel: how many trials, and how many of them at once.
    """

    def __init__(self, whole: Task, command: List[str], index: int) -> None:
        """Read the command line of a trial."""
        # A dollar sign in an argument can read as the name of a variable; in JSON it need not stand there.
        inputs = {"inputs": whole.document.get("inputs") or {}, "outputs": {}}
        inputs["outputs"]["outputFile"] = (whole.document.get("outputs") or {}).get("outputFile") or ""
        self.executor_input = json.dumps(inputs).replace("$", "\\u0024")
        self.tuning = whole
        self.task = Task(self.executor_input, "trial", command)
        self.command = ["trial"] + command + ["--"]
        self.index = index
        self.trials = self.parallel = 0

    @property
    def name(self) -> str:
        """The display name of the job on Vertex AI; a task that runs again finds it by that."""
        return "-".join(filter(None, [self.tuning.job, self.task.only("definition")]))[:128]

    @property
    def folder(self) -> str:
        """The address below which each trial has a folder with its number."""
        trials = self.tuning.render("{%s:uri}" % self.tuning.only("trials")).rstrip("/")
        return "{}/{}".format(trials, self.index)

    def ranges(self) -> Iterator[Tuple[str, str, str, List[str]]]:
        """Name, kind, scaling, and both ends or all values of each hyperparameter that is tuned."""
        for kind in ("integer", "continuous"):
            for name, scaling, template in self.task.options[kind]:
                ends = self.task.render(template).split()
                if len(ends) != 2 or scaling not in SCALES:
                    raise ContractError("cannot read the range of " + name)
                yield name, kind, scaling, ends
        choices = {}  # type: Dict[str, List[str]]
        for name, template in self.task.options["categorical"]:
            choices.setdefault(name, []).append(self.task.render(template))
        for name, values in choices.items():
            yield name, "categorical", "", values

    def request(self) -> Dict[str, Any]:
        """The HyperparameterTuningJob of Vertex AI."""
        goal, metric = objective_of(self.task)
        study = {
            "metrics": [{"metricId": metric_id(metric), "goal": goal.upper()}],
            "parameters": [_parameter_spec(*found) for found in self.ranges()],
            "algorithm": SEARCHES[self.tuning.only("strategy")],
            "measurementSelectionType": "LAST_MEASUREMENT",
        }  # type: Dict[str, Any]
        if self.tuning.only("early-stopping") == "Auto":
            study["medianAutomatedStoppingSpec"] = {"useElapsedDuration": False}
        stopping = _stopping_config(self.tuning)
        if stopping:
            study["studyStoppingConfig"] = stopping
        body = {
            "displayName": self.name,
            "studySpec": study,
            "maxTrialCount": self.trials,
            "parallelTrialCount": self.parallel,
            "trialJobSpec": self.job_request(),
        }
        labels = dict(self.tuning.options["label"])
        if labels:
            body["labels"] = labels
        if self.tuning.text("encryption-key"):
            body["encryptionSpec"] = {"kmsKeyName": self.tuning.text("encryption-key")}
        return body

    def job_request(self) -> Dict[str, Any]:
        """The job that each trial is: this same contract, to whose arguments the service adds the values."""
        task, whole = self.task, self.tuning
        machine = {"machineType": task.text("machine-type")}  # type: Dict[str, Any]
        if task.only("accelerator"):
            kind, _, count = task.text("accelerator").rpartition(":")
            machine.update(acceleratorType=kind, acceleratorCount=int(count))
        pool = {
            "machineSpec": machine,
            "replicaCount": 1,
            "containerSpec": {
                "imageUri": task.only("image"),
                "command": ["python3", HERE],
                "args": [self.executor_input] + self.command,
            },
        }  # type: Dict[str, Any]
        for kind, size in task.options["disk"]:
            pool["diskSpec"] = {"bootDiskType": kind, "bootDiskSizeGb": int(size)}
        replicas = int(task.only("replicas", "1"))
        job = {
            "workerPoolSpecs": [pool] + ([dict(pool, replicaCount=replicas - 1)] if replicas > 1 else []),
            "scheduling": {"strategy": "SPOT" if task.only("spot") == "true" else "STANDARD"},
            "baseOutputDirectory": {"outputUriPrefix": self.folder},
        }  # type: Dict[str, Any]
        if task.only("timeout"):
            job["scheduling"]["timeout"] = task.only("timeout") + "s"
        for option, key in (("service-account", "serviceAccount"), ("network", "network")):
            if whole.text(option):
                job[key] = whole.text(option)
        return job

    def result(self, number: str, values: Dict[str, str], value: Optional[float], state: str) -> Dict[str, Any]:
        """What is known of a trial; only one with a value and a model can be among the best."""
        return {
            "name": trial_name(self.task, number),
            "definition": self.task.only("definition"),
            "hyperparameters": values,
            "value": value if value is not None and math.isfinite(value) else None,
            "state": state,
            "folder": "{}/{}/model".format(self.folder, number),
        }


def read_studies(task: Task) -> List[Study]:
    """The kinds of training jobs, each a command line after `--`, with the trials divided evenly among them."""
    if task.only("strategy") not in SEARCHES:
        raise ContractError("{!r} is no strategy of search".format(task.only("strategy")))
    commands = [list(words) for end, words in itertools.groupby(task.words, lambda word: word == "--") if not end]
    studies = [Study(task, command, index) for index, command in enumerate(commands)]
    if not studies:
        raise ContractError("there is no command line of a trial after --")
    if len({objective_of(study.task)[0] for study in studies}) > 1:
        raise ContractError("one kind of training job maximizes and another one minimizes: there is no best of both")
    parallel = _whole_number(task, "max-parallel-jobs") or len(studies)
    for study in studies:
        share = _whole_number(task, "max-jobs")
        study.trials = _grid_size(study) if share is None else _share(share, len(studies), study.index)
        study.parallel = max(1, min(parallel // len(studies), study.trials))
    return [study for study in studies if study.trials > 0]


def _share(total: int, parts: int, index: int) -> int:
    return total // parts + (1 if index < total % parts else 0)


def _grid_size(study: Study) -> int:
    """A grid search may leave the number of jobs to the number of combinations."""
    if study.tuning.only("strategy") != "Grid":
        raise ContractError("--max-jobs does not say how many training jobs to run")
    size = 1
    for _, _, _, values in study.ranges():
        size *= len(values)
    return size


def _whole_number(task: Task, option: str) -> Optional[int]:
    text = task.text(option)
    try:
        return int(float(text)) if text else None
    except ValueError:
        raise ContractError("--{}: {!r} is no number".format(option, text)) from None


def _parameter_spec(name: str, kind: str, scaling: str, values: List[str]) -> Dict[str, Any]:
    if kind == "categorical":
        return {"parameterId": name, "categoricalValueSpec": {"values": values}}
    number = int if kind == "integer" else float
    ends = dict(zip(("minValue", "maxValue"), map(number, values)))  # noqa: B905
    spec = "integerValueSpec" if kind == "integer" else "doubleValueSpec"
    return {"parameterId": name, spec: ends, "scaleType": SCALES[scaling]}


def _stopping_config(task: Task) -> Dict[str, Any]:
    config = {}  # type: Dict[str, Any]
    seconds, stale = _whole_number(task, "max-runtime"), _whole_number(task, "max-jobs-without-progress")
    if seconds is not None:
        config.update(maximumRuntimeConstraint={"maxDuration": "{}s".format(seconds)}, shouldStopAsap=True)
    if stale is not None:
        config["maxNumTrialsNoProgress"] = stale
    return config


# --- on Vertex AI

TUNING_ENDED = ("JOB_STATE_SUCCEEDED", "JOB_STATE_PARTIALLY_SUCCEEDED")
TUNING_FAILED = ("JOB_STATE_FAILED", "JOB_STATE_EXPIRED")
TUNING_CANCELLED = "JOB_STATE_CANCELLED"


def _tuning_service(task: Task) -> Tuple[Service, str]:
    location = task.text("location")
    parent = "projects/{}/locations/{}/hyperparameterTuningJobs".format(task.text("project"), location)
    return vertex_ai(location), parent


def search_on_vertex(task: Task, studies: List[Study]) -> List[Dict[str, Any]]:
    """Start the tuning jobs, or find those that this task started before its machine restarted, and wait for them."""
    service, parent = _tuning_service(task)
    names = [_started(service, parent, study) for study in studies]
    with service.cancelling(*names):
        ended = poll(lambda: _look_at(service, names, studies))
    return cast(List[Dict[str, Any]], ended["trials"])


def _started(service: Service, parent: str, study: Study) -> str:
    found = service.call("GET", query(parent, filter=display_name_filter(study.name))).get("hyperparameterTuningJobs")
    alive = [job for job in found or [] if job.get("state") not in TUNING_FAILED + (TUNING_CANCELLED,)]
    job = alive[0] if alive else service.call("POST", parent, study.request())
    print("{}: {}".format("waiting for" if alive else "started", job["name"]), flush=True)
    return str(job["name"])


def _look_at(service: Service, names: List[str], studies: List[Study]) -> Optional[Dict[str, Any]]:
    """All trials, once all jobs have ended; a trial that reaches the target value ends them."""
    jobs = [service.call("GET", name) for name in names]
    trials = [result for study, job in zip(studies, jobs) for result in _results(study, job)]  # noqa: B905
    reached = _target_reached(studies[0], trials)
    running = [job for job in jobs if job.get("state") not in TUNING_ENDED + TUNING_FAILED + (TUNING_CANCELLED,)]
    failed = [job for job in jobs if job.get("state") in TUNING_FAILED or job.get("state") == TUNING_CANCELLED]
    for job in running if reached or failed else []:
        if job.get("state") != "JOB_STATE_CANCELLING":
            service.call("POST", job["name"] + ":cancel", {})
    if failed and not reached:
        reason = (failed[0].get("error") or {}).get("message") or failed[0]["state"]
        raise ContractError("{} failed: {}".format(failed[0]["name"], reason))
    return None if running else {"trials": trials}


def _results(study: Study, job: Dict[str, Any]) -> Iterator[Dict[str, Any]]:
    metric = metric_id(objective_of(study.task)[1])
    for found in job.get("trials") or []:
        measured = (found.get("finalMeasurement") or {}).get("metrics") or []
        values = [entry.get("value", 0.0) for entry in measured if entry.get("metricId") == metric]
        succeeded = found.get("state") == "SUCCEEDED" and values
        tuned = {entry["parameterId"]: _value_text(study, entry) for entry in found.get("parameters") or []}
        yield study.result(str(found["id"]), tuned, float(values[0]) if succeeded else None, found.get("state", ""))


def _value_text(study: Study, entry: Dict[str, Any]) -> str:
    if entry["parameterId"] in [fields[0] for fields in study.task.options["integer"]]:
        return str(int(float(entry["value"])))
    return str(entry["value"])


# --- here: on Kubeflow, which has no service for it, and in a local run


def search_here(task: Task, studies: List[Study]) -> List[Dict[str, Any]]:
    """Run the trials one after another in this container."""
    folder = task.output_path(task.only("trials"))
    empty(folder)
    print("the trials run here, one after another", flush=True)
    if task.only("strategy") == "Bayesian":
        warn("a Bayesian search is Vertex AI's: here the values are drawn at random")
    if task.only("early-stopping") == "Auto":
        warn("no trial is stopped early here")
    began, longest = time.time(), _whole_number(task, "max-runtime")
    trials = []  # type: List[Dict[str, Any]]
    for study in studies:
        if int(study.task.only("replicas", "1")) > 1:
            warn("a trial runs on one machine here")
        for number, values in enumerate(_candidates(study), 1):
            if _enough(study, trials) or (longest is not None and time.time() - began >= longest):
                break
            shown = " ".join("{}={}".format(name, text) for name, text in values.items())
            print("trial {} of {}: {}".format(number, study.trials, shown), flush=True)
            trials.append(_run_trial(study, str(number), values))
    return trials


def _candidates(study: Study) -> Iterator[Dict[str, str]]:
    """The values of each trial: all combinations of a grid, else drawn at random; the same each time."""
    ranges = list(study.ranges())
    if study.tuning.only("strategy") == "Grid":
        names = [name for name, _, _, _ in ranges]
        for values in itertools.islice(itertools.product(*(found[3] for found in ranges)), study.trials):
            yield dict(zip(names, values))  # noqa: B905
        return
    chance = random.Random((_whole_number(study.tuning, "random-seed") or 0) * 1000 + study.index)
    for _ in range(study.trials):
        yield {name: _drawn(chance, name, kind, scaling, values) for name, kind, scaling, values in ranges}


def _drawn(chance: random.Random, name: str, kind: str, scaling: str, values: List[str]) -> str:
    if kind == "categorical":
        return values[chance.randrange(len(values))]
    first, last = float(values[0]), float(values[1])
    # whole numbers are rounded: half of one more at both ends gives each of them the same room
    room = 0.5 if kind == "integer" else 0.0
    try:
        drawn = min(max(_scaled(chance, scaling, first - room, last + room), first), last)
    except ValueError:
        raise ContractError("{} cannot be {} from {} to {}".format(name, scaling, *values)) from None
    return str(round(drawn)) if kind == "integer" else repr(drawn)


def _scaled(chance: random.Random, scaling: str, low: float, high: float) -> float:
    if scaling == "Logarithmic":
        return math.exp(chance.uniform(math.log(low), math.log(high)))
    if scaling == "ReverseLogarithmic":
        return 1 - math.exp(chance.uniform(math.log(1 - high), math.log(1 - low)))
    return chance.uniform(low, high)


def _run_trial(study: Study, number: str, values: Dict[str, str]) -> Dict[str, Any]:
    folder = os.path.join(mounted(study.folder), number)
    report = os.path.join(folder, "output.metrics")
    environment = dict(
        os.environ,
        AIP_MODEL_DIR=os.path.join(folder, "model"),
        CLOUD_ML_TRIAL_ID=number,
        CLOUD_ML_HP_METRIC_FILE=report,
    )
    command = [sys.executable, HERE, study.executor_input] + study.command
    child = subprocess.Popen(command + ["--{}={}".format(*each) for each in values.items()], env=environment)

    def stop(signal_number: int, frame: Any) -> None:
        child.terminate()
        raise SystemExit(128 + signal_number)

    before = signal.signal(signal.SIGTERM, stop)
    try:
        code = child.wait()
    finally:
        signal.signal(signal.SIGTERM, before)
    value = None
    if code == 0:
        last = json.loads(read_text(report).splitlines()[-1])
        value = float(last[metric_id(objective_of(study.task)[1])])
    return study.result(number, values, value, "INFEASIBLE" if code else "SUCCEEDED")


def _enough(study: Study, trials: List[Dict[str, Any]]) -> bool:
    """Whether the target value is reached, or the last trials brought no progress."""
    stale = _whole_number(study.tuning, "max-jobs-without-progress")
    finished = [found for found in trials if found["value"] is not None]
    if stale is not None and finished:
        best = _ranked(study, finished)[0]
        if len(trials) - 1 - trials.index(best) >= stale:
            return True
    return _target_reached(study, trials)


def _target_reached(study: Study, trials: List[Dict[str, Any]]) -> bool:
    text = study.tuning.text("target-value")
    values = [found["value"] for found in trials if found["value"] is not None]
    if not text or not values:
        return False
    if objective_of(study.task)[0] == "Maximize":
        return bool(max(values) >= float(text))
    return bool(min(values) <= float(text))


# --- the best of them


def _ranked(study: Study, trials: List[Dict[str, Any]]) -> List[Dict[str, Any]]:
    """The trials that have a value, the best first, the earlier one first where two are alike."""
    sign = -1 if objective_of(study.task)[0] == "Maximize" else 1
    return sorted((found for found in trials if found["value"] is not None), key=lambda found: sign * found["value"])


def publish_best(task: Task, trials: List[Dict[str, Any]], study: Study) -> None:
    """The models, names and values of the best trials, by their rank, and `trials.json` with all of them."""
    write_json(os.path.join(task.output_path(task.only("trials")), "trials.json"), trials)
    ranked = []
    for found in _ranked(study, trials):
        if os.path.isdir(mounted(found["folder"])):
            ranked.append(found)
        else:
            warn("{} left no model, so it is not among the best".format(found["name"]))
    if not ranked:
        raise ContractError("none of {} training jobs succeeded".format(len(trials)))
    metric = objective_of(study.task)[1]
    for artifact, rank in task.options["model"]:
        best = _of_rank(ranked, rank)
        replace(mounted(best["folder"]), task.output_path(artifact))
        task.metadata[artifact] = {
            "training_job_name": best["name"],
            "metrics": {metric: best["value"]},
            "hyperparameters": best["hyperparameters"],
        }
    for parameter, rank in task.options["training-job"]:
        task.publish(parameter, _of_rank(ranked, rank)["name"])
    for parameter, rank in task.options["value"]:
        task.publish(parameter, _of_rank(ranked, rank)["value"])
    for parameter, rank, name in task.options["tuned"]:
        values = _of_rank(ranked, rank)["hyperparameters"]
        if name not in values:
            raise ContractError("{} is not tuned".format(name))
        task.publish(parameter, values[name])
    task.publish_metadata()


def _of_rank(ranked: List[Dict[str, Any]], rank: str) -> Dict[str, Any]:
    if int(rank) >= len(ranked):
        raise ContractError("a step reads training job {}, but {} succeeded".format(int(rank) + 1, len(ranked)))
    return ranked[int(rank)]
