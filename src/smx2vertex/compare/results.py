"""Compares what a local run left with what a run in SageMaker left: values of JSON files, predictions, metrics."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .names import plain

# What is compared: results that people read. Models and other binary files differ without meaning anything.
COMPARED = (".json", ".csv", ".out", ".jsonl", ".txt")
MAX_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class Difference:
    """One value on both sides; None where a side has nothing there."""

    place: str
    there: Any
    here: Any

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {"place": self.place, "sagemaker": self.there, "here": self.here}


@dataclass(frozen=True, slots=True)
class Compared:
    """A file, or the metrics of a task, with its counterpart.

    Attributes:
        name: task and file, such as `evaluate-model/evaluation/evaluation.json`.
        counterpart: the file of the SageMaker run; None if there is none, or no single one.
        values: how many values were compared.
        differences: those that are not within the tolerance, at most 20.
    """

    name: str
    counterpart: str | None
    values: int
    differences: tuple[Difference, ...]

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "name": self.name,
            "counterpart": self.counterpart,
            "values": self.values,
            "differences": [difference.to_dict() for difference in self.differences],
        }


def compare_results(run: Mapping[str, Any], steps: Mapping[str, str], there: Path, tolerance: float) -> list[Compared]:
    """Compare the artifacts and metrics of a run.

    Args:
        run: the content of the run's `index.json`.
        steps: the step of each task, by task id.
        there: what a run in SageMaker left, in any folders: property files, predictions, and answers of
            `describe-training-job` (for `FinalMetricDataList`).
        tolerance: relative difference of numbers that does not count.

    Returns:
        One entry for each file of the run that can be compared, and for each task that has metrics on both sides.
    """
    files = [path for path in sorted(there.rglob("*")) if path.is_file() and path.stat().st_size <= MAX_BYTES]
    found: list[Compared] = []
    for task in run["tasks"]:
        step = steps.get(task["id"], task["name"])
        if task["kind"] == "importer" or task["state"] != "succeeded":
            continue
        for output, artifact in task["artifacts"].items():
            folder = Path(artifact["uri"])
            for file in sorted(folder.rglob("*")) if folder.is_dir() else [folder]:
                if file.suffix in COMPARED and file.is_file() and file.stat().st_size <= MAX_BYTES:
                    inside = file.relative_to(folder).as_posix() if folder.is_dir() else file.name
                    other = _counterpart(files, [step, output, *inside.split("/")], there)
                    found.append(_compared(f"{task['id']}/{output}/{inside}", file, other, there, tolerance))
        metrics = _metrics(files, step)
        if metrics is not None:
            found.append(_compared_metrics(task, *metrics, there, tolerance))
    return found


def _counterpart(files: Sequence[Path], wanted: Sequence[str], there: Path) -> Path | None:
    """The file of the same name that shares most of the wanted parts of its path; None if two share as many."""
    parts = {plain(part) for part in wanted[:-1]}
    same_name = [path for path in files if path.name == wanted[-1]]
    shared = {path: len(parts & {plain(p) for p in path.relative_to(there).parts[:-1]}) for path in same_name}
    best = [path for path in same_name if shared[path] == max(shared.values())]
    return best[0] if len(best) == 1 else None


def _compared(name: str, here: Path, there: Path | None, root: Path, tolerance: float) -> Compared:
    if there is None:
        return Compared(name, None, 0, ())
    first, second = dict(_values(there)), dict(_values(here))
    return _differences(name, there.relative_to(root).as_posix(), first, second, tolerance)


def _differences(
    name: str, counterpart: str, there: Mapping[str, Any], here: Mapping[str, Any], tolerance: float
) -> Compared:
    places = dict.fromkeys((*there, *here))
    differing = [
        Difference(place, there.get(place), here.get(place))
        for place in places
        if place not in there or place not in here or not same(there[place], here[place], tolerance)
    ]
    return Compared(name, counterpart, len(places), tuple(differing[:20]))


def same(there: Any, here: Any, tolerance: float) -> bool:
    """Whether two values are equal; numbers, also as text, within a relative tolerance."""
    first, second = _number(there), _number(here)
    if first is None or second is None or there == here:
        return bool(there == here)
    return math.isclose(first, second, rel_tol=tolerance, abs_tol=tolerance)


def _number(value: Any) -> float | None:
    if isinstance(value, bool):
        return None
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _values(path: Path) -> Iterator[tuple[str, Any]]:
    """The values of a file, each with its place: JSON pointers, or line and column."""
    text = path.read_text(encoding="utf-8", errors="replace")
    if path.suffix in (".json", ".jsonl", ".out"):
        try:
            yield from _leaves(json.loads(text), "")
            return
        except ValueError:
            pass
    for number, row in enumerate(csv.reader(text.splitlines()), 1):
        for column, cell in enumerate(row, 1):
            yield f"line {number}, column {column}", cell.strip()


def _leaves(value: Any, place: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from _leaves(item, f"{place}/{key}")
    elif isinstance(value, list) and value:
        for index, item in enumerate(value):
            yield from _leaves(item, f"{place}/{index}")
    else:
        yield place, value


def _metrics(files: Sequence[Path], step: str) -> tuple[Path, dict[str, float]] | None:
    """The final metrics of a step's training job, where a description of the job is among the files.

    SageMaker names a job `pipelines-EXECUTION-STEP-…`, with at most 63 characters in all.
    """
    for path in files:
        if path.suffix != ".json" or "FinalMetricDataList" not in path.read_text(encoding="utf-8", errors="replace"):
            continue
        document = json.loads(path.read_text(encoding="utf-8"))
        job = str(document.get("TrainingJobName", path.stem)) if isinstance(document, dict) else ""
        if plain(step)[:20] in plain(job) or plain(step) == plain(path.stem):
            return path, {entry["MetricName"]: entry["Value"] for entry in document["FinalMetricDataList"]}
    return None


def _compared_metrics(
    task: Mapping[str, Any], path: Path, there: Mapping[str, float], root: Path, tolerance: float
) -> Compared:
    here = {plain(name): value for name, value in task["parameters"].items()}
    both = {name: value for name, value in there.items() if plain(name) in here}
    ours = {name: here[plain(name)] for name in both}
    return _differences(f"{task['id']}: metrics", path.relative_to(root).as_posix(), both, ours, tolerance)
