"""Quality of data and of models, in the file formats of SageMaker Model Monitor."""

import json
import math
import re
from typing import Any, Dict, List, Tuple

from .baseline_check import CHECK_OPTIONS, Documents, run_check
from .command_line import ContractError
from .tabular_data import Table, data_files, read_table, row_count
from .task import Task, verb

INTEGRAL = re.compile(r"[-+]?\d+\Z")
NUMERIC = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\Z")
MOST_CATEGORIES = 120  # with more different texts than this, a column has no distribution (deequ's own limit)
SKETCH_SIZE = 2048
ROBUST = 1.8  # of deequ's two-sample Kolmogorov-Smirnov correction

MONITORING_CONFIG = {
    "evaluate_constraints": "Enabled",
    "emit_metrics": "Enabled",
    "datatype_check_threshold": 1.0,
    "domain_content_threshold": 1.0,
    "distribution_constraints": {
        "perform_comparison": "Enabled",
        "comparison_threshold": 0.1,
        "comparison_method": "Robust",
        "categorical_comparison_threshold": 0.1,
        "categorical_drift_method": "LInfinity",
    },
}

REGISTERED_AS = {"DATA_QUALITY": "ModelDataQuality", "MODEL_QUALITY": "ModelQuality"}
PROBLEMS = {
    "Regression": "regression",
    "BinaryClassification": "binary_classification",
    "MulticlassClassification": "multiclass_classification",
}
WORSE_WHEN_GREATER = ("mae", "mse", "rmse", "false_positive_rate", "false_negative_rate")


@verb("quality-check", CHECK_OPTIONS)
def quality_check(task: Task) -> int:
    """A QualityCheck step: statistics and constraints of the data or of the model, compared with a baseline."""
    if task.rank:
        return 0
    kind = task.only("kind")
    settings = task.environment()
    layout = _layout(settings.get("dataset_format") or "{}")
    form = next(iter(layout), "csv")
    table = read_table(data_files(task), form, bool((layout.get(form) or {}).get("header", form != "csv")))
    registered = {
        name: "DriftCheckBaselines.{}.{}".format(REGISTERED_AS[kind], name.split(".")[0].title())
        for name in ("statistics.json", "constraints.json")
    }
    if kind == "DATA_QUALITY":
        new = data_quality(table)
        return run_check(task, new, registered, lambda baseline: data_violations(table, new, baseline), {})
    new = model_quality(table, settings)
    return run_check(task, new, registered, lambda baseline: model_violations(new, baseline), {})


def _layout(text: str) -> Dict[str, Any]:
    """The setting dataset_format: `{"csv": {"header": true}}`."""
    try:
        layout = json.loads(text)
    except ValueError:
        layout = None
    if not isinstance(layout, dict):
        raise ContractError("dataset_format is {!r}".format(text))
    return layout


# Quality of data


def data_quality(table: Table) -> Documents:
    """statistics.json and constraints.json of a table."""
    statistics, constraints, count = [], [], row_count(table)
    for name in table:
        present = [value for value in table[name] if value is not None]
        type_ = inferred_type(present)
        statistics.append(dict({"name": name, "inferred_type": type_}, **_statistics(present, count, type_)))
        constraints.append(dict({"name": name, "inferred_type": type_}, **_constraints(present, count, type_)))
    return {
        "statistics.json": {"version": 0.0, "dataset": {"item_count": count}, "features": statistics},
        "constraints.json": {"version": 0.0, "features": constraints, "monitoring_config": MONITORING_CONFIG},
    }


def inferred_type(present: List[str]) -> str:
    """Integral, Fractional or String, whichever all values are; Unknown where there is none."""
    if not present:
        return "Unknown"
    if not all(NUMERIC.match(value) for value in present):
        return "String"
    return "Integral" if all(INTEGRAL.match(value) for value in present) else "Fractional"


def is_of_type(value: str, type_: str) -> bool:
    """Whether a value may stand in a column of a type; whole numbers are fractional ones too."""
    if type_ == "Integral":
        return INTEGRAL.match(value) is not None
    return type_ != "Fractional" or NUMERIC.match(value) is not None


def _statistics(present: List[str], count: int, type_: str) -> Dict[str, Any]:
    common = {"num_present": len(present), "num_missing": count - len(present)}
    if type_ in ("Integral", "Fractional"):
        return {"numerical_statistics": dict({"common": common}, **_numerical_statistics(present))}
    buckets = categories(present)
    text = {"common": common, "distinct_count": len(buckets)}  # type: Dict[str, Any]
    if 0 < len(buckets) <= MOST_CATEGORIES:
        listed = [{"value": value, "count": buckets[value]} for value in sorted(buckets)]
        text["distribution"] = {"categorical": {"buckets": listed}}
    return {"string_statistics": text}


def _numerical_statistics(present: List[str]) -> Dict[str, Any]:
    import numpy

    numbers = numpy.array([float(value) for value in present])
    counts, bounds = numpy.histogram(numbers, bins=10)
    buckets = [
        {"lower_bound": float(bounds[i]), "upper_bound": float(bounds[i + 1]), "count": float(counts[i])}
        for i in range(len(counts))
    ]
    sketch = {"parameters": {"c": 0.64, "k": float(SKETCH_SIZE)}, "data": sketch_of(numbers.tolist())}
    return {
        "mean": float(numbers.mean()),
        "sum": float(numbers.sum()),
        "std_dev": float(numbers.std()),
        "min": float(numbers.min()),
        "max": float(numbers.max()),
        "distribution": {"kll": {"buckets": buckets, "sketch": sketch}},
    }


def sketch_of(numbers: List[float]) -> List[List[float]]:
    """The levels of a KLL sketch, where a number of level i stands for 2**i; exact up to 2048 numbers."""
    levels = [sorted(numbers)]
    while len(levels[-1]) > SKETCH_SIZE:
        full = levels[-1]
        even = len(full) // 2 * 2
        levels[-1] = full[even:]
        levels.append(full[len(levels) % 2 : even : 2])
    return levels


def categories(present: List[str]) -> Dict[str, int]:
    counts = {}  # type: Dict[str, int]
    for value in present:
        counts[value] = counts.get(value, 0) + 1
    return counts


def _constraints(present: List[str], count: int, type_: str) -> Dict[str, Any]:
    found = {"completeness": len(present) / count if count else 0.0}  # type: Dict[str, Any]
    if type_ in ("Integral", "Fractional"):
        found["num_constraints"] = {"is_non_negative": all(float(value) >= 0 for value in present)}
    elif 0 < len(categories(present)) <= MOST_CATEGORIES:
        found["string_constraints"] = {"domains": sorted(categories(present))}
    return found


def data_violations(table: Table, new: Documents, baseline: Documents) -> List[Dict[str, str]]:
    """What breaks the constraints of the baseline, by the rules of SageMaker Model Monitor."""
    constraints = baseline["constraints.json"]
    config, count = constraints.get("monitoring_config") or {}, row_count(table)
    if config.get("evaluate_constraints", "Enabled") != "Enabled":
        return []
    features = constraints.get("features") or []
    found = _column_violations(len(table), len(features))
    before = {feature["name"]: feature for feature in baseline["statistics.json"].get("features") or []}
    now = {feature["name"]: feature for feature in new["statistics.json"]["features"]}
    for feature in features:
        name = feature["name"]
        if name not in now:
            continue
        overrides = feature.get("monitoringConfigOverrides") or feature.get("monitoring_config_overrides") or {}
        own = dict(config, **overrides)
        if own.get("evaluate_constraints", "Enabled") != "Enabled":
            continue
        present = [value for value in table[name] if value is not None]
        checks = [
            ("data_type_check", _wrong_type(present, feature, own)),
            ("completeness_check", _incomplete(present, count, feature)),
            ("categorical_values_check", _unknown_values(present, feature, own)),
            ("baseline_drift_check", _drift(now[name], before.get(name) or {}, own)),
        ]
        found += [_violation(name, check, why) for check, why in checks if why]
    return found


def _violation(feature: str, check: str, description: str) -> Dict[str, str]:
    return {"feature_name": feature, "constraint_check_type": check, "description": description}


def _column_violations(now: int, before: int) -> List[Dict[str, str]]:
    if now == before:
        return []
    word, check = ("Missing", "missing_column_check") if now < before else ("Extra", "extra_column_check")
    text = "There are {} columns in current dataset. Number of columns in current dataset: {}, "
    text += "Number of columns in baseline constraints: {}"
    return [_violation(word + " columns", check, text.format(word.lower(), now, before))]


def _wrong_type(present: List[str], feature: Dict[str, Any], config: Dict[str, Any]) -> str:
    type_ = feature.get("inferred_type")
    if not present or type_ not in ("Integral", "Fractional"):
        return ""
    share = sum(is_of_type(value, type_) for value in present) / len(present)
    needed = config.get("datatype_check_threshold", 1.0)
    if share >= needed:
        return ""
    text = "Data type match requirement is not met. Expected data type: {}, Expected match: {}%. "
    return (text + "Observed: Only {}% of data is {}.").format(type_, needed * 100, share * 100, type_)


def _incomplete(present: List[str], count: int, feature: Dict[str, Any]) -> str:
    share, needed = len(present) / count if count else 0.0, feature.get("completeness", 0.0)
    text = "Completeness requirement is not met. Expected: {}, observed: {}"
    return text.format(needed, share) if share < needed else ""


def _unknown_values(present: List[str], feature: Dict[str, Any], config: Dict[str, Any]) -> str:
    domains = (feature.get("string_constraints") or {}).get("domains")
    if not domains or not present:
        return ""
    share = sum(value in domains for value in present) / len(present)
    needed = config.get("domain_content_threshold", 1.0)
    text = "Value: {} does not meet the constraint requirement! Share of known values expected: {}"
    return text.format(share, needed) if share < needed else ""


def _drift(now: Dict[str, Any], before: Dict[str, Any], config: Dict[str, Any]) -> str:
    rules = config.get("distribution_constraints") or {}
    if rules.get("perform_comparison", "Enabled") != "Enabled":
        return ""
    # older files of SageMaker spell it `comparion_method`
    robust = (rules.get("comparison_method") or rules.get("comparion_method") or "Robust") == "Robust"
    limit = rules.get("comparison_threshold", 0.1)
    levels = [_sketch_levels(feature) for feature in (now, before)]
    if all(levels):
        distance = numerical_distance(levels[0], levels[1], robust)
        text = "Numerical distance: {} exceeds numerical threshold: {}"
        return text.format(distance, limit) if distance > limit else ""
    counts = [_category_counts(feature) for feature in (now, before)]
    if all(counts):
        if rules.get("categorical_drift_method", "LInfinity") != "LInfinity":
            raise ContractError(
                "the categorical drift method {} is not known here".format(rules["categorical_drift_method"])
            )
        distance = categorical_distance(counts[0], counts[1], robust)
        limit = rules.get("categorical_comparison_threshold", limit)
        text = "Categorical distance: {} exceeds categorical threshold: {}"
        return text.format(distance, limit) if distance > limit else ""
    return ""


def _sketch_levels(feature: Dict[str, Any]) -> List[List[float]]:
    kll = ((feature.get("numerical_statistics") or {}).get("distribution") or {}).get("kll") or {}
    levels = (kll.get("sketch") or {}).get("data") or []
    return levels if any(levels) else []


def _category_counts(feature: Dict[str, Any]) -> Dict[str, int]:
    text = (feature.get("string_statistics") or {}).get("distribution") or {}
    return {bucket["value"]: bucket["count"] for bucket in (text.get("categorical") or {}).get("buckets") or []}


def numerical_distance(first: List[List[float]], second: List[List[float]], robust: bool) -> float:
    """The greatest distance between the cumulative distributions of two sketches (deequ's linf_simple, linf_robust)."""
    import numpy

    points = numpy.unique(numpy.concatenate([numpy.array(level) for level in first + second]))
    shares, sizes = [], []
    for levels in (first, second):
        total = sum(len(level) << i for i, level in enumerate(levels))
        below = sum(numpy.searchsorted(sorted(level), points, "right") << i for i, level in enumerate(levels))
        shares.append(below / total)
        sizes.append(total)
    return _corrected(float(numpy.abs(shares[0] - shares[1]).max()), sizes[0], sizes[1], robust)


def categorical_distance(first: Dict[str, int], second: Dict[str, int], robust: bool) -> float:
    """The greatest difference between the shares of a value."""
    n, m = sum(first.values()), sum(second.values())
    greatest = max(abs(first.get(value, 0) / n - second.get(value, 0) / m) for value in set(first) | set(second))
    return _corrected(greatest, n, m, robust)


def _corrected(distance: float, n: float, m: float, robust: bool) -> float:
    return max(0.0, distance - ROBUST * math.sqrt((n + m) / (n * m))) if robust else distance


# Quality of models


def model_quality(table: Table, settings: Dict[str, str]) -> Documents:
    """statistics.json and constraints.json of predictions beside the truth."""
    problem = PROBLEMS.get(settings.get("problem_type", ""))
    if problem is None:
        raise ContractError("{} is no problem type".format(settings.get("problem_type")))
    rows = _rows(table, settings, problem)
    metrics = _metrics(problem, rows)
    spread = _spread(problem, rows)
    statistics = {}  # type: Dict[str, Any]
    for name, value in metrics.items():
        is_number = isinstance(value, float)
        statistics[name] = {"value": value, "standard_deviation": spread.get(name, "NaN")} if is_number else value
    constraints = {
        name: {
            "threshold": value,
            "comparison_operator": "{}ThanThreshold".format("Greater" if name in WORSE_WHEN_GREATER else "Less"),
        }
        for name, value in metrics.items()
        if isinstance(value, float) and not name.endswith("_best_constant_classifier")
    }
    dataset = {"item_count": len(rows)}
    return {
        "statistics.json": {"version": 0.0, "dataset": dataset, problem + "_metrics": statistics},
        "constraints.json": {"version": 0.0, problem + "_constraints": constraints},
    }


def _rows(table: Table, settings: Dict[str, str], problem: str) -> List[Tuple[Any, Any, Any]]:
    """Truth, prediction and probability (or None) of each row that has them."""
    truth = _attribute(table, settings, "ground_truth_attribute")
    predicted = _attribute(table, settings, "inference_attribute")
    probability = _attribute(table, settings, "probability_attribute")
    if truth is None or (predicted is None and probability is None):
        raise ContractError("the check needs ground_truth_attribute, and inference_attribute or probability_attribute")
    if problem == "regression":
        return [(_number(t), _number(p), None) for t, p in zip(truth, predicted or probability) if t and p]  # noqa: B905
    chances = [None] * len(truth) if probability is None else [None if p is None else _number(p) for p in probability]
    if predicted is None:
        limit = _number(settings.get("probability_threshold_attribute") or "0.5")
        predicted = [None if p is None else str(int(p > limit)) for p in chances]
    found = zip(truth, predicted, chances)  # noqa: B905
    return [(_label(t), _label(p), chance) for t, p, chance in found if t is not None and p is not None]


def _attribute(table: Table, settings: Dict[str, str], name: str) -> Any:
    """The column that a setting names: by its name, a JSON path of one name, or its number."""
    wanted = settings.get(name)
    if not wanted:
        return None
    if wanted.startswith("$."):
        wanted = wanted[2:]
    if wanted in table:
        return list(table[wanted])
    if wanted.isdigit() and int(wanted) < len(table):
        return list(table[list(table)[int(wanted)]])
    raise ContractError("the data has no column {} ({})".format(wanted, name))


def _number(text: str) -> float:
    if not NUMERIC.match(text):
        raise ContractError("{!r} is no number".format(text))
    return float(text)


def _label(text: str) -> str:
    """A class: 1.0 is 1."""
    return str(int(float(text))) if NUMERIC.match(text) and float(text) == int(float(text)) else text


def _metrics(problem: str, rows: List[Tuple[Any, Any, Any]]) -> Dict[str, Any]:
    if not rows:
        raise ContractError("no row has both the truth and a prediction")
    if problem == "regression":
        return _regression_metrics(rows)
    return _binary_metrics(rows) if problem == "binary_classification" else _multiclass_metrics(rows)


def _spread(problem: str, rows: List[Tuple[Any, Any, Any]]) -> Dict[str, float]:
    """Standard deviations, by the metrics of five samples of 80 %; for 200 rows and more, as in SageMaker."""
    import numpy

    if len(rows) < 200:
        return {}
    chance = numpy.random.RandomState(0)  # so that the same data gives the same file
    samples = []
    for _ in range(5):
        chosen = chance.choice(len(rows), len(rows) * 4 // 5, replace=False)
        samples.append(_metrics(problem, [rows[i] for i in chosen]))
    names = [name for name, value in samples[0].items() if isinstance(value, float)]
    return {
        name: float(numpy.std([sample[name] for sample in samples]))
        for name in names
        if all(name in s for s in samples)
    }


def _regression_metrics(rows: List[Tuple[Any, Any, Any]]) -> Dict[str, Any]:
    import numpy

    truth, predicted = numpy.array([row[0] for row in rows]), numpy.array([row[1] for row in rows])
    mse = float(((truth - predicted) ** 2).mean())
    spread = float(((truth - truth.mean()) ** 2).mean())
    found = {"mae": float(numpy.abs(truth - predicted).mean()), "mse": mse, "rmse": math.sqrt(mse)}
    return dict(found, r2=1 - mse / spread) if spread else found


def _confusion(rows: List[Tuple[Any, Any, Any]], labels: List[str]) -> Dict[str, Dict[str, int]]:
    matrix = {actual: dict.fromkeys(labels, 0) for actual in labels}
    for actual, guess, _ in rows:
        matrix[actual][guess] += 1
    return matrix


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


def _f(beta: float, precision: float, recall: float) -> float:
    return _ratio((1 + beta**2) * precision * recall, beta**2 * precision + recall)


def _f_scores(prefix: str, precision: float, recall: float) -> Dict[str, Any]:
    return {prefix + name: _f(beta, precision, recall) for name, beta in (("f0_5", 0.5), ("f1", 1.0), ("f2", 2.0))}


def _binary_metrics(rows: List[Tuple[Any, Any, Any]]) -> Dict[str, Any]:
    strange = sorted({label for row in rows for label in row[:2]} - {"0", "1"})
    if strange:
        raise ContractError("classes of a binary classification are 0 and 1, not {}".format(", ".join(strange)))
    matrix = _confusion(rows, ["0", "1"])
    (tn, fp), (fn, tp) = [(matrix[actual]["0"], matrix[actual]["1"]) for actual in "01"]
    recall, precision, share = _ratio(tp, tp + fn), _ratio(tp, tp + fp), (tp + fn) / len(rows)
    found = {
        "confusion_matrix": matrix,
        "recall": recall,
        "precision": precision,
        "accuracy": (tp + tn) / len(rows),
        "true_positive_rate": recall,
        "true_negative_rate": _ratio(tn, tn + fp),
        "false_positive_rate": _ratio(fp, tn + fp),
        "false_negative_rate": _ratio(fn, tp + fn),
    }  # type: Dict[str, Any]
    found.update(_f_scores("", precision, recall))
    constant = dict({"recall": 1.0, "precision": share, "accuracy": share}, **_f_scores("", share, 1.0))
    found.update({name + "_best_constant_classifier": value for name, value in constant.items()})
    if all(row[2] is not None for row in rows) and tp + fn and tn + fp:
        found.update(_curves(rows))
    return found


def _curves(rows: List[Tuple[Any, Any, Any]]) -> Dict[str, Any]:
    """The ROC and precision-recall curves over the distinct probabilities, and the area under the first."""
    positives = sum(row[0] == "1" for row in rows)
    negatives = len(rows) - positives
    tpr, fpr, precisions = [0.0], [0.0], [1.0]
    hits = misses = 0
    ordered = sorted(rows, key=lambda row: -row[2])
    for i, (actual, _, chance) in enumerate(ordered):
        hits, misses = hits + (actual == "1"), misses + (actual != "1")
        if i + 1 == len(ordered) or ordered[i + 1][2] != chance:
            tpr.append(hits / positives)
            fpr.append(misses / negatives)
            precisions.append(hits / (hits + misses))
    area = sum((fpr[i + 1] - fpr[i]) * (tpr[i + 1] + tpr[i]) / 2 for i in range(len(tpr) - 1))
    return {
        "receiver_operating_characteristic_curve": {"false_positive_rates": fpr, "true_positive_rates": tpr},
        "precision_recall_curve": {"precisions": precisions, "recalls": tpr},
        "auc": float(area),
    }


def _multiclass_metrics(rows: List[Tuple[Any, Any, Any]]) -> Dict[str, Any]:
    labels = sorted({label for row in rows for label in row[:2]})
    matrix = _confusion(rows, labels)
    weighted = {}  # type: Dict[str, float]
    for label in labels:
        support = sum(matrix[label].values())
        recall = _ratio(matrix[label][label], support)
        precision = _ratio(matrix[label][label], sum(matrix[actual][label] for actual in labels))
        scores = dict({"recall": recall, "precision": precision}, **_f_scores("", precision, recall))
        for name, value in scores.items():
            weighted["weighted_" + name] = weighted.get("weighted_" + name, 0.0) + value * support / len(rows)
    accuracy = sum(matrix[label][label] for label in labels) / len(rows)
    return dict({"confusion_matrix": matrix, "accuracy": accuracy}, **weighted)


def model_violations(new: Documents, baseline: Documents) -> List[Dict[str, str]]:
    """The metrics that are worse than the thresholds of the baseline."""
    metrics = {}  # type: Dict[str, Any]
    for key, value in new["statistics.json"].items():
        metrics.update(value if key.endswith("_metrics") else {})
    constraints = {}  # type: Dict[str, Any]
    for key, value in baseline["constraints.json"].items():
        constraints.update(value if key.endswith("_constraints") else {})
    if not constraints:
        raise ContractError("the baseline has no constraints of model metrics")
    found = []
    for name, constraint in constraints.items():
        operator, threshold = constraint["comparison_operator"], constraint["threshold"]
        if name not in metrics:
            found.append(
                _metric_violation(name, operator, "Metric {} cannot be calculated from this data".format(name))
            )
            continue
        value = metrics[name]["value"]
        if value < threshold if operator == "LessThanThreshold" else value > threshold:
            text = "Metric {} with {} was {} {}".format(name, value, operator, threshold)
            found.append(_metric_violation(name, operator, text))
    return found


def _metric_violation(name: str, operator: str, description: str) -> Dict[str, str]:
    return {"metric_name": name, "constraint_check_type": operator, "description": description}
