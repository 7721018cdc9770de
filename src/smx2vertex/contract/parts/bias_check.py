"""Bias of data before training, in the file formats of SageMaker Clarify."""

import math
import os
from typing import Any, Callable, Dict, List, Tuple

from .baseline_check import CHECK_OPTIONS, Documents, read_document, run_check
from .command_line import ContractError
from .tabular_data import Table, data_files, read_table
from .task import Task, verb

UNIQUE_SHARE = 0.05  # whole numbers of which more than this share are different count as continuous

Flags = List[bool]
Metric = Callable[[Flags, Flags, List[Any]], float]


@verb("bias-check", CHECK_OPTIONS, {"analysis-config": "ARTIFACT[:FILE]"})
def bias_check(task: Task) -> int:
    """A ClarifyCheck step of the kind DATA_BIAS: metrics of bias before training, compared with a baseline."""
    if task.rank:
        return 0
    ((artifact, file),) = task.options["analysis-config"]
    config = read_document(_only_file(task.input_path(artifact, file)))
    new = {"analysis.json": bias_analysis(config, data_files(task))}
    return run_check(
        task,
        new,
        {"analysis.json": "DriftCheckBaselines.Bias.PreTrainingConstraints"},
        lambda baseline: bias_violations(new, baseline),
        {"version": "1.0"},
    )


def _only_file(path: str) -> str:
    return os.path.join(path, "analysis_config.json") if os.path.isdir(path) else path


def bias_analysis(config: Dict[str, Any], files: List[str]) -> Dict[str, Any]:
    """analysis.json for an analysis_config.json."""
    forms = {"text/csv": "csv", "application/jsonlines": "json", "application/x-parquet": "parquet"}
    form = forms.get(config.get("dataset_type", "text/csv"))
    if form is None:
        raise ContractError("the dataset type {} is not known here".format(config["dataset_type"]))
    headers = config.get("headers")
    table = read_table(files, form, header=not headers)
    if headers:
        table = dict(zip(headers, table.values()))  # noqa: B905
    label = _column_name(table, config.get("label"))
    values = config.get("label_values_or_threshold") or []
    if not values:
        raise ContractError("label_values_or_threshold is missing")
    positive, label_text = flags(list(table[label]), values)
    group = config.get("group_variable")
    groups = [] if group is None else list(table[_column_name(table, group)])
    facets = config.get("facet") or []
    facets = facets if isinstance(facets, list) else [facets]
    report = {}  # type: Dict[str, Any]
    for facet in facets:
        name = _column_name(table, facet["name_or_index"])
        report[name] = _facet_report(config, list(table[name]), facet.get("value_or_threshold"), positive, groups)
    return {
        "version": "1.0",
        "pre_training_bias_metrics": {"label": label, "label_value_or_threshold": label_text, "facets": report},
    }


def _column_name(table: Table, name: Any) -> str:
    if isinstance(name, int) and 0 <= name < len(table):
        return list(table)[name]
    if name in table:
        return str(name)
    raise ContractError("the data has no column {}".format(name))


def _facet_report(
    config: Dict[str, Any], column: List[Any], values: Any, positive: Flags, groups: List[Any]
) -> List[Dict[str, Any]]:
    """The metrics for each sensitive value, or for the given ones together."""
    chosen = [values] if values else [[value] for value in sorted({text for text in column if text is not None})]
    wanted = ((config.get("methods") or {}).get("pre_training_bias") or {}).get("methods", "all")
    report = []
    for each in chosen:
        sensitive, text = flags(column, each)
        metrics = [
            _measured(name, title, metric, sensitive, positive, groups)
            for name, (title, metric) in sorted(BIAS_METRICS.items())
            if wanted == "all" or name in wanted
        ]
        report.append({"value_or_threshold": text, "metrics": metrics})
    return report


def _measured(
    name: str, title: str, metric: Metric, sensitive: Flags, positive: Flags, groups: List[Any]
) -> Dict[str, Any]:
    found = {"name": name, "description": title, "value": None}  # type: Dict[str, Any]
    try:
        found["value"] = metric(sensitive, positive, groups)
    except ValueError as error:
        found["error"] = str(error)
    return found


def flags(column: List[Any], values: List[Any]) -> Tuple[Flags, str]:
    """Which rows have one of the values, or lie above the threshold of a continuous column; and what those are."""
    numbers = _numbers(column)
    if len(values) == 1 and numbers is not None and _is_continuous(column):
        limit, greatest = float(values[0]), max(numbers)
        return [number > limit for number in numbers], "({}, {}]".format(limit, greatest)
    wanted = {_same(value) for value in values}
    return [_same(cell) in wanted for cell in column], ",".join(map(str, values))


def _numbers(column: List[Any]) -> Any:
    try:
        return [float(cell) for cell in column]
    except (TypeError, ValueError):
        return None


def _is_continuous(column: List[str]) -> bool:
    if any("." in cell or "e" in cell.lower() for cell in column):
        return True
    return len(set(column)) / len(column) >= UNIQUE_SHARE


def _same(value: Any) -> Any:
    """A value by which 1, 1.0 and "1" are the same."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return value


# The formulas of SageMaker Clarify; `sensitive` marks the disadvantaged facet d, its opposite is a.


def _split(sensitive: Flags, positive: Flags) -> Tuple[Flags, Flags]:
    a = [label for label, is_d in zip(positive, sensitive) if not is_d]  # noqa: B905
    d = [label for label, is_d in zip(positive, sensitive) if is_d]  # noqa: B905
    if not a or not d:
        raise ValueError("one of the two groups is empty")
    return a, d


def _imbalance(sensitive: Flags, positive: Flags, groups: List[Any]) -> float:
    a, d = _split(sensitive, positive)
    return (len(a) - len(d)) / len(sensitive)


def _difference(sensitive: Flags, positive: Flags, groups: List[Any]) -> float:
    a, d = _split(sensitive, positive)
    return sum(a) / len(a) - sum(d) / len(d)


def _distributions(sensitive: Flags, positive: Flags) -> List[Tuple[float, float]]:
    """The shares of each label in both groups; labels that one of them lacks are left out, as Clarify does."""
    a, d = _split(sensitive, positive)
    shares = [(a.count(label) / len(a), d.count(label) / len(d)) for label in (False, True)]
    found = [pair for pair in shares if pair[0] and pair[1]]
    if not found:
        raise ValueError("no label occurs in both groups")
    return found


def _divergence(pairs: List[Tuple[float, float]]) -> float:
    return sum(p * math.log(p / q) for p, q in pairs)


def _kullback_leibler(sensitive: Flags, positive: Flags, groups: List[Any]) -> float:
    return _divergence(_distributions(sensitive, positive))


def _jensen_shannon(sensitive: Flags, positive: Flags, groups: List[Any]) -> float:
    pairs = _distributions(sensitive, positive)
    both = [_divergence([(pair[i], sum(pair) / 2) for pair in pairs]) for i in (0, 1)]
    return sum(both) / 2


def _norm(sensitive: Flags, positive: Flags, groups: List[Any]) -> float:
    return math.sqrt(sum((p - q) ** 2 for p, q in _distributions(sensitive, positive)))


def _total_variation(sensitive: Flags, positive: Flags, groups: List[Any]) -> float:
    return sum(abs(p - q) for p, q in _distributions(sensitive, positive)) / 2


def _kolmogorov_smirnov(sensitive: Flags, positive: Flags, groups: List[Any]) -> float:
    return max(abs(p - q) for p, q in _distributions(sensitive, positive))


def _conditional_disparity(sensitive: Flags, positive: Flags, groups: List[Any]) -> float:
    if not groups:
        raise ValueError("Group variable is empty or not provided")
    if all(positive) or not any(positive):
        raise ValueError("all labels are the same")
    total = 0.0
    for group in set(groups):
        shares = []
        for wanted in (False, True):
            # whether each row of the group with this label belongs to the sensitive facet
            triples = zip(sensitive, positive, groups)  # noqa: B905
            rows = [is_d for is_d, label, own in triples if own == group and label == wanted]
            shares.append(sum(rows) / len(rows) if rows else 0.0)
        total += groups.count(group) * (shares[0] - shares[1])
    return total / len(groups)


BIAS_METRICS = {
    "CDDL": ("Conditional Demographic Disparity in Labels (CDDL)", _conditional_disparity),
    "CI": ("Class Imbalance (CI)", _imbalance),
    "DPL": ("Difference in Positive Proportions in Labels (DPL)", _difference),
    "JS": ("Jensen-Shannon Divergence (JS)", _jensen_shannon),
    "KL": ("Kullback-Liebler Divergence (KL)", _kullback_leibler),
    "KS": ("Kolmogorov-Smirnov Distance (KS)", _kolmogorov_smirnov),
    "LP": ("L-p Norm (LP)", _norm),
    "TVD": ("Total Variation Distance (TVD)", _total_variation),
}  # type: Dict[str, Tuple[str, Metric]]


def bias_violations(new: Documents, baseline: Documents) -> List[Dict[str, str]]:
    """The metrics that are farther from zero than in the baseline."""
    before = _by_facet(baseline["analysis.json"])
    found = []
    for key, value in _by_facet(new["analysis.json"]).items():
        limit = before.get(key)
        if value is not None and limit is not None and abs(value) > abs(limit):
            facet, facet_value, metric = key
            found.append(
                {
                    "facet": facet,
                    "facet_value": facet_value,
                    "metric_name": metric,
                    "constraint_check_type": "bias_drift_check",
                    "description": "Value {} does not meet the constraint requirement".format(value),
                }
            )
    return found


def _by_facet(analysis: Dict[str, Any]) -> Dict[Tuple[str, str, str], Any]:
    facets = (analysis.get("pre_training_bias_metrics") or {}).get("facets") or {}
    return {
        (name, entry["value_or_threshold"], metric["name"]): metric.get("value")
        for name, entries in facets.items()
        for entry in entries
        for metric in entry["metrics"]
    }
