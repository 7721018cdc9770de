"""AutoML on tables: training pipelines of Vertex AI."""

import csv
import gzip
import io
import json
import os
from typing import Any, Dict, Iterator, List, Optional, Tuple, cast

from .command_line import ContractError
from .files import files_below, local_run, read_text, readable
from .google import Service, display_name_filter, label_text, poll, query, vertex_ai
from .task import Task, verb

TABULAR_DATA = "gs://google-cloud-aiplatform/schema/dataset/metadata/tabular_1.0.0.yaml"
TABULAR_TRAINING = "gs://google-cloud-aiplatform/schema/trainingjob/definition/automl_tabular_1.0.0.yaml"
SPLIT = "smx2vertex_split"
MOST_CLASSES = 20  # a column of numbers with more different values than this is regression, if nobody says
BUDGETS = (1000, 72000)  # milli node hours that Vertex AI allows

# The objective of Vertex AI that ranks models as SageMaker's metric does, by the kind of prediction.
OBJECTIVES = {
    ("classification", "AUC"): "maximize-au-roc",
    ("regression", "RMSE"): "minimize-rmse",
    ("regression", "MSE"): "minimize-rmse",
    ("regression", "R2"): "minimize-rmse",
    ("regression", "MAE"): "minimize-mae",
}
COLUMN_TYPES = {"numeric": "numeric", "categorical": "categorical", "text": "text", "datetime": "timestamp"}


@verb(
    "automl-tabular",
    {
        "channel": "KIND:ARTIFACT[:FILE]",
        "channel-data": "KIND:TEMPLATE",
        "target": "TEMPLATE",
        "weight": "TEMPLATE",
        "problem": "TEMPLATE",
        "objective": "TEMPLATE",
        "runtime": "TEMPLATE",
        "validation-fraction": "TEMPLATE",
        "features": "ARTIFACT[:FILE]",
        "label": "NAME:TEMPLATE",
        "dataset": "ARTIFACT",
        "model": "ARTIFACT",
        "resource-name": "PARAMETER",
        "project": "TEMPLATE",
        "location": "TEMPLATE",
    },
)
def automl_tabular(task: Task) -> int:
    """Train a model with AutoML on a table, and hand its resource name on."""
    if task.rank:
        return 0
    name, columns, values = write_table(task)
    inputs = training_inputs(task, columns, values)
    parent = "projects/{}/locations/{}".format(task.text("project"), task.text("location"))
    service = vertex_ai(task.text("location"))
    dataset, training = dataset_request(task, name), training_request(task, inputs)
    if local_run():
        requests = [
            ("POST", parent + "/datasets", dataset),
            ("POST", parent + "/trainingPipelines", dict(training, inputDataConfig=split_request(task, "DATASET"))),
        ]
        service.record(task.step, list(requests), "nothing was trained")
        model = _model_of_answer(task)
    else:
        model = _trained(task, service, parent, dataset, training)
    task.metadata[task.only("model")] = {"resourceName": model}
    task.publish_metadata()
    for (parameter,) in task.options["resource-name"]:
        task.publish(parameter, model)
    return 0


def _model_of_answer(task: Task) -> str:
    answer = (local_run().get("answers") or {}).get(task.step) or {}
    if not isinstance(answer, dict) or not answer.get("model"):
        advice = "a local run trains nothing by AutoML: give a model with --answer '{}=FILE.json' ({{\"model\": NAME}})"
        raise ContractError(advice.format(task.step))
    return str(answer["model"])


def _trained(task: Task, service: Service, parent: str, dataset: Dict[str, Any], training: Dict[str, Any]) -> str:
    """The resource name of the model; a task that starts again goes on waiting for what it began."""
    pipeline = _begun(service, parent + "/trainingPipelines", task.job)
    if pipeline is None:
        made = _begun(service, parent + "/datasets", task.job)
        if made is None:
            made = service.finish(service.call("POST", parent + "/datasets", dataset), "the dataset")
        body = dict(training, inputDataConfig=split_request(task, made["name"].rpartition("/")[2]))
        pipeline = service.call("POST", parent + "/trainingPipelines", body)
    print("waiting for {}".format(pipeline["name"]), flush=True)
    name = pipeline["name"]

    def look() -> Optional[Dict[str, Any]]:
        current = service.call("GET", name)
        return current if current.get("state", "").endswith(("SUCCEEDED", "FAILED", "CANCELLED")) else None

    with service.cancelling(name):
        ended = poll(look)
    if not ended["state"].endswith("SUCCEEDED"):
        why = (ended.get("error") or {}).get("message") or "no message"
        raise ContractError("the training ended as {}: {}".format(ended["state"], why))
    return str(ended["modelToUpload"]["name"])


def _begun(service: Service, collection: str, name: str) -> Optional[Dict[str, Any]]:
    listed = service.call("GET", query(collection, filter=display_name_filter(name)))
    found = [each for entries in listed.values() if isinstance(entries, list) for each in entries]
    running = [each for each in found if not each.get("state", "").endswith(("FAILED", "CANCELLED"))]
    return running[0] if running else None


# The table


def _channel_files(task: Task) -> Iterator[Tuple[str, str]]:
    """The files of all channels, each with the kind of its channel: training or validation."""
    paths = [(kind, task.input_path(artifact, file)) for kind, artifact, file in task.options["channel"]]
    paths += [(kind, readable(task.render(template))) for kind, template in task.options["channel-data"]]
    for kind, path in paths:
        files = [path] if os.path.isfile(path) else [found for _, found in files_below(path, follow_links=True)]
        for file in files:
            if not os.path.basename(file).startswith((".", "_")):
                yield kind or "training", file


def write_table(task: Task) -> Tuple[str, List[str], List[str]]:
    """Write all rows as one CSV file into the dataset artifact.

    Returns its address, its columns, and the values of the target. Where there is a validation channel, a column says
    which set a row belongs to: Vertex AI wants a third one, so every other row of the validation is for the test.
    """
    has_validation = any(
        fields[0] == "validation" for option in ("channel", "channel-data") for fields in task.options[option]
    )
    artifact, target = task.only("dataset"), task.text("target")
    folder = task.output_path(artifact)
    os.makedirs(folder, exist_ok=True)
    columns = []  # type: List[str]
    values = []  # type: List[str]
    with open(os.path.join(folder, "data.csv"), "w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out)
        validated = 0
        for kind, path in _channel_files(task):
            rows = _rows_of(path)
            header = next(rows, [])
            if not columns:
                columns = header
                if target not in columns:
                    raise ContractError("{} has no column {}".format(path, target))
                writer.writerow(columns + ([SPLIT] if has_validation else []))
            if header != columns:
                raise ContractError("{} has other columns than the files before".format(path))
            for row in rows:
                validated += kind == "validation"
                split = kind if kind != "validation" or validated % 2 else "test"
                writer.writerow(row + ([split] if has_validation else []))
                values.append(row[columns.index(target)])
    if not values:
        raise ContractError("there is no data")
    return task.render("{%s:uri}" % artifact).rstrip("/") + "/data.csv", columns, values


def _rows_of(path: str) -> Iterator[List[str]]:
    with open(path, "rb") as raw:
        packed = raw.read(2) == b"\x1f\x8b"
    with gzip.open(path) if packed else open(path, "rb") as file:
        for row in csv.reader(io.TextIOWrapper(file, encoding="utf-8", newline="")):  # type: ignore[arg-type, unused-ignore]
            if row:
                yield row


# The requests


def dataset_request(task: Task, uri: str) -> Dict[str, Any]:
    """The body of datasets.create."""
    return {
        "displayName": task.job,
        "metadataSchemaUri": TABULAR_DATA,
        "metadata": {"inputConfig": {"gcsSource": {"uri": [uri]}}},
    }


def training_request(task: Task, inputs: Dict[str, Any]) -> Dict[str, Any]:
    """The body of trainingPipelines.create, but for the data."""
    labels = {label_text(name): label_text(task.render(template)) for name, template in task.options["label"]}
    return {
        "displayName": task.job,
        "trainingTaskDefinition": TABULAR_TRAINING,
        "trainingTaskInputs": inputs,
        "modelToUpload": {"displayName": task.step, "labels": labels},
        "labels": labels,
    }


def split_request(task: Task, dataset: str) -> Dict[str, Any]:
    """Which rows are for training, validation and test."""
    if any(fields[0] == "validation" for option in ("channel", "channel-data") for fields in task.options[option]):
        return {"datasetId": dataset, "predefinedSplit": {"key": SPLIT}}
    share = float(task.text("validation-fraction", "0.2"))
    fractions = {"trainingFraction": 1 - share, "validationFraction": share / 2, "testFraction": share / 2}
    return {"datasetId": dataset, "fractionSplit": fractions}


def training_inputs(task: Task, columns: List[str], values: List[str]) -> Dict[str, Any]:
    """What is to be trained, and how long."""
    kind = prediction_type(task.text("problem"), values)
    objective = OBJECTIVES.get((kind, task.text("objective")))
    budget = int(float(task.text("runtime", "3600")) / 3.6)
    inputs = {
        "targetColumn": task.text("target"),
        "predictionType": kind,
        "transformations": transformations(task, columns),
        "trainBudgetMilliNodeHours": str(min(max(budget, BUDGETS[0]), BUDGETS[1])),
    }  # type: Dict[str, Any]
    if objective:
        inputs["optimizationObjective"] = objective
    if task.text("weight"):
        inputs["weightColumnName"] = task.text("weight")
    return inputs


def prediction_type(problem: str, values: List[str]) -> str:
    """Classification or regression; if nobody says, a column of many different numbers is regression."""
    if problem:
        return "regression" if problem == "Regression" else "classification"
    try:
        numbers = {float(value) for value in values}
    except ValueError:
        return "classification"
    return "regression" if len(numbers) > MOST_CLASSES else "classification"


def transformations(task: Task, columns: List[str]) -> List[Dict[str, Any]]:
    """Which columns are used, and as what: those of the feature specification, or all, as Vertex AI sees fit."""
    wanted, types = columns, {}  # type: List[str], Dict[str, str]
    for artifact, file in task.options["features"]:
        specification = _specification(task.input_path(artifact, file))
        wanted = specification.get("FeatureAttributeNames") or columns
        types = specification.get("FeatureDataTypes") or {}
    others = (task.text("target"), task.text("weight"))
    chosen = [column for column in columns if column in wanted and column not in others]
    return [{COLUMN_TYPES.get(types.get(column, ""), "auto"): {"column_name": column}} for column in chosen]


def _specification(path: str) -> Dict[str, Any]:
    try:
        return cast(Dict[str, Any], json.loads(read_text(path)))
    except ValueError as error:
        raise ContractError("cannot read {}: {}".format(path, error)) from error
