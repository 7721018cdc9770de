"""The built-in XGBoost algorithm, as sagemaker-xgboost-container does it."""

import csv
import importlib
import inspect
import json
import os
import re
import warnings
from typing import Any, Callable, Dict, Iterable, Iterator, List, Optional, Tuple

from .command_line import ContractError
from .files import channel_path, files_below, place, read_text, write_text
from .training import ALGORITHMS

# Those of all versions: `silent` is of 1.0-1 and before, `single_precision_histogram` of 1.2-1 to 1.5-1.
_HYPERPARAMETERS: Dict[Callable[[str], Any], str] = {
    int: "num_round csv_weights early_stopping_rounds verbosity nthread max_depth refresh_leaf max_leaves max_bin"
    " one_drop num_class seed num_parallel_tree prob_buffer_row _kfold _num_cv_round silent",
    float: "eta gamma min_child_weight max_delta_step subsample colsample_bytree colsample_bylevel colsample_bynode"
    " lambda alpha sketch_eps scale_pos_weight rate_drop skip_drop lambda_bias tweedie_variance_power base_score"
    " aft_loss_distribution_scale",
    str: "booster tree_method dsplit process_type grow_policy predictor sample_type normalize_type objective updater"
    " sampling_method single_precision_histogram aft_loss_distribution deterministic_histogram"
    " save_model_on_termination use_dask_gpu_training monotone_constraints interaction_constraints"
    " eval_metric _tuning_objective_metric",
}


XGBOOST_HYPERPARAMETERS = {name: kind for kind, names in _HYPERPARAMETERS.items() for name in names.split()}


XGBOOST_ALIASES = {"learning_rate": "eta", "min_split_loss": "gamma", "reg_lambda": "lambda", "reg_alpha": "alpha"}


NOT_FOR_XGBOOST = [
    "num_round",
    "csv_weights",
    "early_stopping_rounds",
    "save_model_on_termination",
    "use_dask_gpu_training",
    "eval_metric",
    "_tuning_objective_metric",
    "_num_cv_round",
]


# The metrics that the algorithm adds to xgboost's: function of sklearn.metrics, and its averaging.
ADDED_METRICS = {
    "accuracy": ("accuracy_score", ""),
    "balanced_accuracy": ("balanced_accuracy_score", ""),
    "f1": ("f1_score", "macro"),
    "f1_binary": ("f1_score", "binary"),
    "f1_macro": ("f1_score", "macro"),
    "precision": ("precision_score", "binary"),
    "precision_macro": ("precision_score", "macro"),
    "precision_micro": ("precision_score", "micro"),
    "recall": ("recall_score", "binary"),
    "recall_macro": ("recall_score", "macro"),
    "recall_micro": ("recall_score", "micro"),
    "mse": ("mean_squared_error", ""),
    "r2": ("r2_score", ""),
}


def xgboost_algorithm() -> int:
    """Train on the channels train and validation; a process of its own, so that its log is read like any other."""
    try:
        _train_xgboost()
    except ContractError as error:
        write_text(place("/opt/ml/output/failure"), str(error))
        return 1
    return 0


def _train_xgboost() -> None:
    import xgboost

    hyperparameters, channels, resources = (
        json.loads(read_text(place("/opt/ml/input/config/{}.json".format(name))))
        for name in ("hyperparameters", "inputdataconfig", "resourceconfig")
    )
    if len(resources["hosts"]) > 1:
        raise ContractError("the built-in algorithm trains on one host here")
    values = read_xgboost_hyperparameters(hyperparameters)
    parameters = {name: value for name, value in values.items() if name not in NOT_FOR_XGBOOST}
    metrics = evaluation_metrics(values)
    if set(metrics) - set(ADDED_METRICS):
        parameters["eval_metric"] = [name for name in metrics if name not in ADDED_METRICS]
    weights = bool(values.get("csv_weights"))
    train = read_channel("train", channels, weights)
    watched = [(train, "train")]
    if "validation" in channels:
        watched.append((read_channel("validation", channels, weights, train.num_col()), "validation"))
    arguments: Dict[str, Any] = {"verbose_eval": True}
    if set(metrics) & set(ADDED_METRICS):
        added = [name for name in metrics if name in ADDED_METRICS]
        arguments.update(_metric_arguments(xgboost, added, "num_class" in values))
    if "early_stopping_rounds" in values and metrics and len(watched) > 1:
        arguments.update(_stopping_arguments(xgboost, values["early_stopping_rounds"], metrics[-1]))
    rounds = values["num_round"]
    booster = xgboost.train(parameters, train, rounds, evals=watched, **arguments)
    with warnings.catch_warnings():  # the file has no extension, and is in xgboost's own default format
        warnings.simplefilter("ignore")
        booster.save_model(place("/opt/ml/model/xgboost-model"))


def evaluation_metrics(values: Dict[str, Any]) -> List[str]:
    """The metrics to evaluate; the last one, the tuning objective if there is one, is that of early stopping."""
    metrics = [name.strip() for name in values.get("eval_metric", "").split(",") if name.strip()]
    objective = values.get("_tuning_objective_metric", "").split(":")[-1]
    return [name for name in metrics if name != objective] + [objective] if objective else metrics


def read_xgboost_hyperparameters(texts: Dict[str, str]) -> Dict[str, Any]:
    """The hyperparameters in their types; an unknown name or a value of another type is an error, as in SageMaker."""
    values = {}
    for name, text in texts.items():
        name = XGBOOST_ALIASES.get(name, name)
        if name not in XGBOOST_HYPERPARAMETERS:
            raise ContractError("Extraneous hyperparameter found: {}".format(name))
        try:
            values[name] = XGBOOST_HYPERPARAMETERS[name](text)
        except ValueError:
            raise ContractError("Hyperparameter {}: could not parse value {!r}".format(name, text)) from None
    if values.get("num_round", 0) < 1:
        raise ContractError("Missing required hyperparameter: num_round, at least 1")
    if str(values.get("objective", "")).startswith("multi:") and "num_class" not in values:
        raise ContractError("Require input for parameter 'num_class' for multi-classification")
    if "_kfold" in values:
        raise ContractError("cross validation (_kfold) is not part of this adapter")
    return values


def _metric_arguments(xgboost: Any, names: List[str], multiclass: bool) -> Dict[str, Any]:
    """xgboost.train's arguments for the added metrics. `feval` sees margins since 1.2, `custom_metric` predictions."""
    custom = "custom_metric" in inspect.signature(xgboost.train).parameters
    version = tuple(int(part) for part in xgboost.__version__.split(".")[:2])
    threshold = 0.5 if custom or version < (1, 2) else 0.0
    metrics = importlib.import_module("sklearn.metrics")

    def evaluate(predictions: Any, matrix: Any) -> List[Tuple[str, float]]:
        classes = predictions.argmax(axis=1) if predictions.ndim == 2 else predictions
        if not multiclass:
            classes = (predictions > threshold).astype(int)
        results = []
        for name in names:
            function, average = ADDED_METRICS[name]
            arguments = {"average": average} if average else {}
            values = predictions if name in ("mse", "r2") else classes
            results.append((name, float(getattr(metrics, function)(matrix.get_label(), values, **arguments))))
        return results

    return {"custom_metric" if custom else "feval": evaluate}


def _stopping_arguments(xgboost: Any, rounds: int, metric: str) -> Dict[str, Any]:
    """xgboost.train's arguments for early stopping on the validation channel."""
    name = metric.split("@")[0]
    maximise = name in ("auc", "aucpr", "map", "ndcg") or (name in ADDED_METRICS and name != "mse")
    if not hasattr(xgboost.callback, "EarlyStopping"):  # before 1.3
        return {"early_stopping_rounds": rounds, "maximize": maximise}
    stop = xgboost.callback.EarlyStopping(
        rounds=rounds, metric_name=metric, data_name="validation", maximize=maximise, save_best=True
    )
    return {"callbacks": [xgboost.callback.EvaluationMonitor(), stop], "verbose_eval": False}


def read_channel(name: str, channels: Dict[str, Any], csv_weights: bool, columns: int = 0) -> Any:
    """The data matrix of a channel; the label comes first.

    Args:
        name: the channel.
        channels: the content of inputdataconfig.json.
        csv_weights: whether the second column of CSV holds the weights of the rows.
        columns: how many columns a libsvm matrix has at least.
    """
    if name not in channels:
        raise ContractError("there is no channel " + name)
    folder = place(channel_path(name))
    files = [path for relative, path in files_below(folder, follow_links=True) if _is_data_file(relative)]
    if not files:
        raise ContractError("No data in {} channel path {}".format(name, folder))
    return read_matrix(files, content_kind(channels["train"].get("ContentType")), csv_weights, columns)


def _is_data_file(relative: str) -> bool:
    return relative.count("/") < 3 and not os.path.basename(relative).startswith((".", "_"))


def content_kind(content_type: Optional[str]) -> str:
    """csv, libsvm or parquet. Without a content type SageMaker assumes libsvm."""
    parts = [part.strip() for part in (content_type or "text/libsvm").lower().split(";")]
    kind = re.sub(r"^(text|application)/(x-)?", "", parts[0])
    sizes = [part for part in parts[1:] if part.startswith("label_size") and part != "label_size=1"]
    if kind not in ("csv", "libsvm", "parquet") or sizes:
        raise ContractError("{} is not an accepted ContentType".format(content_type))
    return kind


def read_matrix(files: List[str], kind: str, csv_weights: bool, columns: int) -> Any:
    """The xgboost.DMatrix of some files."""
    import xgboost

    if kind == "libsvm":
        labels, weights, matrix = parse_libsvm((line for path in files for line in _lines(path)), columns)
        return xgboost.DMatrix(matrix, label=labels, weight=weights or None)
    table = read_parquet(files) if kind == "parquet" else read_csv(files)
    first = 2 if csv_weights and kind == "csv" else 1
    return xgboost.DMatrix(table[:, first:], label=table[:, 0], weight=table[:, 1] if first == 2 else None)


def _lines(path: str) -> Iterator[str]:
    with open(path, encoding="utf-8") as file:
        for line in file:
            if line.strip():
                yield line


def read_parquet(files: List[str]) -> Any:
    """All rows of some parquet files as an array."""
    import numpy
    import pandas

    return numpy.concatenate([pandas.read_parquet(path).to_numpy() for path in files])


def read_csv(files: List[str]) -> Any:
    """All rows of some CSV files without headers as an array; the first line tells the delimiter, empty is missing."""
    import numpy

    delimiter = sniff_delimiter(next(_lines(files[0]), ""))
    try:
        import pandas
    except ImportError:
        rows = [
            [float(cell or "nan") for cell in row]
            for path in files
            for row in csv.reader(_lines(path), delimiter=delimiter)
        ]
        return numpy.array(rows, dtype=numpy.float32)
    try:
        parts = [pandas.read_csv(path, header=None, sep=delimiter, dtype="float32").to_numpy() for path in files]
        return numpy.concatenate(parts)
    except ValueError as error:
        raise ContractError("Failed to load csv data: {}".format(error)) from error


def sniff_delimiter(line: str) -> str:
    """The delimiter of a CSV line."""
    try:
        delimiter = csv.Sniffer().sniff(line[:512]).delimiter
    except csv.Error as error:
        if re.match(r"\s*[-+.\deE]+\s*\Z", line):  # a single column
            return ","
        raise ContractError("Could not determine delimiter on line {}: {}".format(line[:50], error)) from error
    return "," if delimiter.isalnum() or delimiter == "." else delimiter


def parse_libsvm(lines: Iterable[str], columns: int = 0) -> Tuple[List[float], List[float], Any]:
    """Labels, weights (none, or one for each row) and sparse matrix of `label[:weight] index:value...`."""
    labels, weights = [], []  # type: List[float], List[float]
    starts, indices, values = [0], [], []  # type: List[int], List[int], List[float]
    for line in lines:
        try:
            label, _, weight = line.split(None, 1)[0].partition(":")
            labels.append(float(label))
            weights += [float(weight)] if weight else []
            for cell in line.split()[1:]:
                index, value = cell.split(":")
                indices.append(int(index))
                values.append(float(value))
        except ValueError:
            raise ContractError("First cells of {!r} are not 'LIBSVM' format".format(line[:50])) from None
        starts.append(len(values))
    if weights and len(weights) != len(labels):
        raise ContractError("only some rows have a weight")
    shape = (len(labels), max([columns] + [index + 1 for index in indices]))
    return labels, weights, importlib.import_module("scipy.sparse").csr_matrix((values, indices, starts), shape=shape)


ALGORITHMS["xgboost"] = xgboost_algorithm
