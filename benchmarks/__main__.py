"""`make bench`: measures each budget as a ratio of two things that run in turn, and prints the median."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import yaml
from rich.console import Console
from rich.table import Table

from smx2vertex.contract.one_file import source as contract_source
from smx2vertex.kubeflow.executor import Options, run
from smx2vertex.kubeflow.spec import load as load_spec
from smx2vertex.mapping.ledger import map_pipeline
from smx2vertex.sagemaker.reader import loads

from . import portfolio
from .scale import Pair, exponent, points

ROOT = Path(__file__).resolve().parent.parent
DEFINITION = ROOT / "examples" / "lab-05-accuracy-gate" / "definition.json"
PAIRS = 7
MANY_TASKS = 11
LIGHTWEIGHT = """
import sys, time
from kfp import dsl, local

@dsl.component(install_kfp_package=False)
def nothing() -> None:
    pass

def seconds(count):
    @dsl.pipeline(name="tasks")
    def tasks() -> None:
        before = nothing().set_caching_options(False)
        for _ in range(count - 1):
            before = nothing().set_caching_options(False).after(before)

    begin = time.perf_counter()
    tasks()
    return time.perf_counter() - begin

local.init(local.SubprocessRunner(use_venv=False))
many = int(sys.argv[1])
seconds(1)
print((seconds(many) - seconds(1)) / (many - 1))
"""


@dataclass(frozen=True)
class Budget:
    """What is measured, against what, and the largest ratio; unless `timed`, both give their seconds themselves."""

    name: str
    against: str
    most: float
    measured: Callable[[], object]
    reference: Callable[[], object]
    repeat: int = 1
    timed: bool = True


def seconds(action: Callable[[], object], repeat: int) -> float:
    """The time that a number of calls take."""
    started = time.perf_counter()
    for _ in range(repeat):
        action()
    return time.perf_counter() - started


def process(*arguments: str | Path, cwd: Path | None = None) -> Callable[[], object]:
    """A call of this interpreter in a process of its own."""
    command = [sys.executable, *map(str, arguments)]
    return lambda: subprocess.run(command, check=True, capture_output=True, cwd=cwd)


def budgets(folder: Path) -> list[Budget]:
    """The budgets that can be measured today."""
    project = folder / "project"
    process("-m", "smx2vertex", "convert", DEFINITION, "--out", project)()
    (project / "compile_one.py").write_text(
        "from lab_05_accuracy_gate import compute, pipeline\nfrom kfp import compiler, dsl\n"
        "with compute.compiling_for('vertex'):\n"
        "    made = dsl.pipeline(name='lab')(pipeline.lab_05_accuracy_gate)\n"
        "compiler.Compiler().compile(made, 'compiled/one.yaml')\n"
    )
    text = DEFINITION.read_text()
    numbers = iter(range(10**6))

    def convert() -> None:
        process("-m", "smx2vertex", "convert", DEFINITION, "--out", folder / f"made-{next(numbers)}")()

    return [
        Budget("smx2vertex --help", "python -c 'import typer, rich'", 2.0,
               process("-m", "smx2vertex", "--help"), process("-c", "import typer, rich")),
        Budget("read + map a definition", "json.loads of it", 60.0,
               lambda: map_pipeline(loads(text)), lambda: json.loads(text), repeat=20),
        Budget("convert with validate, whole process", "compiling one target with kfp", 1.4,
               convert, process("compile_one.py", cwd=project)),
        container_task(folder),
    ]  # fmt: skip


def container_task(folder: Path) -> Budget:
    """What a task costs over its script, here and in kfp.local: a pipeline of many tasks less one of a single task.

    The script of the container task does nothing, and the lightweight task is an empty function. What each side spends
    once (imports, reading the pipeline) is not measured; the time of `python -c ""` is taken off on our side alone,
    where the script is such a process.
    """
    code = folder / "code-of-task"
    (code / "src").mkdir(parents=True)
    (code / "src" / "nothing.py").write_text("")
    (code / "__main__.py").write_text(contract_source(["processing"]))
    for count in (1, MANY_TASKS):
        (folder / f"ours-{count}.yaml").write_text(json.dumps(_tasks(count, code)))
    (folder / "theirs.py").write_text(LIGHTWEIGHT)
    numbers = iter(range(10**6))

    def ours(count: int) -> float:
        spec = load_spec(folder / f"ours-{count}.yaml")
        return seconds(lambda: run(spec, {}, Options(folder / f"run-{next(numbers)}", jobs=1)), 1)

    def reference() -> float:
        command = [sys.executable, "theirs.py", str(MANY_TASKS)]
        done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=folder)
        return float(done.stdout.splitlines()[-1])

    def measured() -> float:
        more = MANY_TASKS - 1
        return (ours(MANY_TASKS) - ours(1)) / more - seconds(process("-c", ""), more) / more

    return Budget("run, a container task over its script", "a lightweight task in kfp.local", 1.0, measured,
                  reference, timed=False)  # fmt: skip


def _tasks(count: int, code: Path) -> dict[str, Any]:
    """A pipeline spec with so many container tasks, one after another."""
    words = [str(code), "{{$}}", "processing", "--step=S", "--code=/opt/ml/processing/input/code"]
    words += ["--", "python3", "/opt/ml/processing/input/code/nothing.py"]
    container = {"image": "none", "command": ["python3"], "args": words}
    tasks = {
        f"task-{number}": {
            "componentRef": {"name": "task"},
            "taskInfo": {"name": f"task-{number}"},
            "dependentTasks": [f"task-{number - 1}"] if number else [],
        }
        for number in range(count)
    }
    return {
        "pipelineInfo": {"name": "tasks"},
        "root": {"dag": {"tasks": tasks}},
        "components": {"task": {"executorLabel": "task"}},
        "deploymentSpec": {"executors": {"task": {"container": container}}},
        "schemaVersion": "2.1.0",
    }


def growth(pair: Pair) -> Iterator[tuple[str, str, str, str, str]]:
    """Rows about what `validate` costs in process, without loading the YAML, and how that grows with the steps."""
    small, *large = points(pair)
    few, most = large[0].steps, large[-1].steps
    sizes = [point.steps for point in large]
    for name, value, spread, budget in (
        (f"validate, a scenario of {small.steps} steps, in ms", small.scenario, "", 1.0),
        ("validate, time of a scenario", exponent(sizes, [point.scenario for point in large]),
         f"{large[-1].scenario:.0f} ms at {most}", 1.1),
        ("validate, structure and parameters", exponent(sizes, [point.rest for point in large]),
         f"{small.rest:.0f} ms at {small.steps}, {large[-1].rest:.0f} ms at {most}", 1.2),
    ):  # fmt: skip
        against = "–" if not spread.endswith(f"at {most}") else f"steps, {few} to {most} (exponent)"
        yield name, against, f"[{'green' if value <= budget else 'red'}]{value:.2f}[/]", spread, f"{budget:g}"


def main() -> int:
    """Measure and print; the exit code is 0 whatever comes out, for a bench judges nothing."""
    console = Console()
    table = Table("what", "against", "ratio", "spread", "at most", box=None)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for budget in budgets(folder):
            ratios = []
            for pair in range(PAIRS + 1):
                measured, reference = (
                    seconds(action, budget.repeat) if budget.timed else cast(float, action())
                    for action in (budget.measured, budget.reference)
                )
                if pair:  # the first pair warms up
                    ratios.append(measured / reference)
            median = statistics.median(ratios)
            style = "green" if median <= budget.most else "red"
            spread = f"{min(ratios):.2f} to {max(ratios):.2f}"
            table.add_row(budget.name, budget.against, f"[{style}]{median:.2f}[/]", spread, f"{budget.most:g}")
        document = next(yaml.safe_load_all((folder / "project" / "compiled" / "vertex.yaml").read_text()))
    for row in growth(Pair(json.loads(DEFINITION.read_text()), document, "PreprocessData", "EvaluateModel")):
        table.add_row(*row)
    for row in portfolio.rows():
        table.add_row(*row)
    console.print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
