"""`make bench`: measures each budget as a ratio of two things that run in turn, and prints the median."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from smx2vertex.compare import compare
from smx2vertex.kubeflow.spec import load as load_spec
from smx2vertex.mapping.ledger import map_pipeline
from smx2vertex.sagemaker.reader import load, loads

ROOT = Path(__file__).resolve().parent.parent
DEFINITION = ROOT / "examples" / "lab-05-accuracy-gate" / "definition.json"
PAIRS = 7


@dataclass(frozen=True)
class Budget:
    """What is measured, against what, and the largest ratio."""

    name: str
    against: str
    most: float
    measured: Callable[[], object]
    reference: Callable[[], object]
    repeat: int = 1


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
    ]  # fmt: skip


def main() -> int:
    """Measure and print; the exit code is 0 whatever comes out, for a bench judges nothing."""
    console = Console()
    table = Table("what", "against", "ratio", "spread", "at most", box=None)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for budget in budgets(folder):
            ratios = []
            for pair in range(PAIRS + 1):
                measured = seconds(budget.measured, budget.repeat)
                reference = seconds(budget.reference, budget.repeat)
                if pair:  # the first pair warms up
                    ratios.append(measured / reference)
            median = statistics.median(ratios)
            style = "green" if median <= budget.most else "red"
            spread = f"{min(ratios):.2f} to {max(ratios):.2f}"
            table.add_row(budget.name, budget.against, f"[{style}]{median:.2f}[/]", spread, f"{budget.most:g}")
        definition = load(DEFINITION)
        spec = load_spec(folder / "project" / "compiled" / "vertex.yaml")
        milliseconds = statistics.median(seconds(lambda: compare(definition, spec), 5) / 5 for _ in range(PAIRS)) * 1e3
    console.print(table)
    console.print(f"validate, in process, structure and parameters of 6 steps: {milliseconds:.1f} ms")
    return 0


if __name__ == "__main__":
    sys.exit(main())
