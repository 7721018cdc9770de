"""Functions decorated with `@step`: capture keeps their source and arguments, and each becomes a task that calls it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support import REPOSITORY, Outcome

PROGRAM = REPOSITORY / "tests" / "capture" / "programs" / "functions" / "pipeline.py"
Command = Callable[..., Outcome]


def smx(*arguments: object, cwd: Path | None = None, code: int = 0) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "smx2vertex", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=cwd, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return done


def call_of(bundle: Path, step: str) -> dict[str, Any]:
    code = json.loads((bundle / "manifest.json").read_text())["code"]
    return json.loads(
        (bundle / next(path for uri, path in code.items() if f"/{step}/" in uri and "call" in uri)).read_text()
    )


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundle of the program."""
    out = tmp_path_factory.mktemp("functions") / "bundle"
    smx("capture", PROGRAM, "--out", out)
    return out


@pytest.fixture(scope="module")
def project(bundle: Path) -> Path:
    """The project of the bundle."""
    smx("convert", bundle, "--out", bundle.parent / "project")
    return bundle.parent / "project"


def arguments(project: Path, step: str) -> list[str]:
    text = (project / "functions" / "components" / f"{step}.py").read_text()
    lines = re.findall(r"""^            (["'].*["']),$""", text, re.MULTILINE)
    return [eval(line) for line in lines]


def test_capture_keeps_the_call_and_the_source(bundle: Path) -> None:
    assert call_of(bundle, "fill") == {
        "file": "pipeline.py",
        "function": "fill",
        "arguments": [
            {"name": "0", "expression": {"Get": "Parameters.Count"}},
            {"name": "1", "literal": "bread"},
            {"name": "2", "literal": "tea"},
            {"name": "label", "expression": {"Get": "Parameters.Label"}},
            {"name": "scale", "literal": 2},
            {"name": "tags", "literal": {"a": [1, None]}},
        ],
        "problems": [],
    }
    code = json.loads((bundle / "manifest.json").read_text())["code"]
    sources = {
        uri.partition("/source/")[2]: (bundle / path).read_bytes() for uri, path in code.items() if "/price/" in uri
    }
    assert sources["pipeline.py"] == PROGRAM.read_bytes()
    assert sources["rates.py"] == PROGRAM.with_name("rates.py").read_bytes()


def test_a_function_is_a_task_that_calls_it(project: Path) -> None:
    assert arguments(project, "fill") == [
        "step-function",
        "--step=fill",
        "--function=pipeline.py:fill",
        "--code=/opt/ml/code",
        next(text for text in arguments(project, "fill") if text.startswith("--requirements=requirements/")),
        "--argument=0:json:{count:int}",
        "--argument=1:text:{argument_1:str}",
        "--argument=2:text:{argument_2:str}",
        "--argument=label:text:{label:str}",
        "--argument=scale:json:{scale:int}",
        "--argument=tags:json:{tags:str}",
        "--environment=CURRENCY:{currency:str}",
        "--environment=AWS_DEFAULT_REGION:{aws_default_region:str}",
        "--output=result",
    ]
    assert arguments(project, "price")[5:] == [
        '--result-argument=prices:prices:["prices"]',
        "--argument=reduced:bool:{reduced:bool}",
        "--argument=limit:json:{limit:float}",
        "--environment=AWS_DEFAULT_REGION:{aws_default_region:str}",
        "--output=result",
        "--property=total:Result['total']",
    ]
    assert arguments(project, "count")[5] == "--result-argument=basket:basket"


def test_the_module_stands_in_the_code_unchanged(project: Path) -> None:
    assert (project / "code" / "price" / "pipeline.py").read_bytes() == PROGRAM.read_bytes()
    assert (project / "code" / "price" / "rates.py").is_file()


def test_the_image_has_the_version_of_python_that_built_the_pipeline(project: Path) -> None:
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    file = next((project / "images").glob("function_*/Dockerfile"))
    assert f"FROM python:{version}-slim" in file.read_text()


@pytest.mark.parametrize("target", ["vertex", "kubeflow"])
def test_both_sides_are_equivalent(smx2vertex: Command, bundle: Path, project: Path, target: str) -> None:
    done = smx2vertex("validate", bundle, project / "compiled" / f"{target}.yaml", "--strict")
    assert done.code == 0, done.out + done.err


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("--function=pipeline.py:fill", "--function=pipeline.py:price"),
        ("--argument=scale:json:{scale:int}", "--argument=scale:json:3"),
        ("--argument=scale:json:{scale:int}", "--argument=scale:text:{scale:int}"),
        ("--argument=1:text:{argument_1:str}", "--argument=1:text:{argument_2:str}"),
        ("--argument=label:text:{label:str}", "--argument=label:text:{argument_1:str}"),
        ("--argument=tags:json:{tags:str}", "--argument=labels:json:{tags:str}"),
        ('--result-argument=prices:prices:["prices"]', '--result-argument=prices:prices:["note"]'),
        ('--result-argument=prices:prices:["prices"]', "--result-argument=prices:prices"),
        ("--result-argument=basket:basket", "--result-argument=packed:basket"),
        ("--property=total:Result['total']", "--property=total:Result['limit']"),
        ("--argument=reduced:bool:{reduced:bool}", "--argument=reduced:text:{reduced:bool}"),
        ("--environment=CURRENCY:{currency:str}", "--environment=MONEY:{currency:str}"),
        ("--requirements=requirements/", "--requirements=requirements/other/"),
    ],
)
def test_a_changed_value_is_found(
    smx2vertex: Command, bundle: Path, project: Path, tmp_path: Path, old: str, new: str
) -> None:
    text = (project / "compiled" / "vertex.yaml").read_text()
    assert old in text
    changed = tmp_path / "vertex.yaml"
    changed.write_text(text.replace(old, new))
    assert smx2vertex("validate", bundle, changed).code == 1


def test_the_pipeline_runs_here(project: Path, tmp_path: Path) -> None:
    smx("run", project, "--python", sys.executable, "--out", tmp_path / "run")
    results = {
        file.parent.parent.name: json.loads(file.read_text())["Result"]
        for file in (tmp_path / "run").rglob("results.json")
    }
    assert results["fill"] == {"prices": [6.0, 8.0], "note": ["shop", "EUR", {"a": [1, None]}]}
    assert results["price"] == {"total": 7.0, "limit": 3.5}
    assert results["count"] == 2
    assert "pack" not in results


def test_the_other_branch_is_taken_too(project: Path, tmp_path: Path) -> None:
    done = smx("run", project, "--python", sys.executable, "--out", tmp_path / "run", "-p", "Limit=100", code=1)
    assert "too cheap" in done.stdout + done.stderr


def test_nothing_is_unaccounted_for(smx2vertex: Command, bundle: Path) -> None:
    report = json.loads(smx2vertex("map", bundle, "--format", "json").out)
    assert report["ledger"]["unaccounted"] == []


def test_a_definition_alone_says_how_to_get_at_the_source(smx2vertex: Command, bundle: Path, tmp_path: Path) -> None:
    done = smx2vertex("convert", bundle / "definitions" / "functions.json", "--out", tmp_path / "project")
    assert "SMX335" in done.out + done.err
    assert "smx2vertex capture" in smx2vertex("explain", "SMX335").out


PARTS = {
    "an object as argument": ("clean(1)", "clean(object)", "SMX661"),
    "commands that run first": ('name="clean"', 'name="clean", pre_execution_commands=["true"]', "SMX662"),
}
SMALL = """
from sagemaker.workflow.function_step import step
from sagemaker.workflow.pipeline import Pipeline

@step(name="clean", instance_type="ml.m5.large", role="arn:aws:iam::111122223333:role/R",
      image_uri="236514542706.dkr.ecr.us-east-1.amazonaws.com/sagemaker-base-python-310:1.0")
def clean(value):
    return value

pipeline = Pipeline(name="small", steps=[clean(1)])
"""


@pytest.mark.parametrize(("old", "new", "code"), PARTS.values(), ids=PARTS)
def test_what_cannot_be_called_so_fails_and_says_why(
    smx2vertex: Command, tmp_path: Path, old: str, new: str, code: str
) -> None:
    (tmp_path / "small.py").write_text(SMALL.replace(old, new, 1))
    done = smx2vertex("convert", tmp_path / "small.py", "--out", tmp_path / "project")
    text = (tmp_path / "project" / "small" / "components" / "clean.py").read_text()
    assert '"not-translated"' in text
    assert code in done.out


def test_a_function_inside_another_one_is_refused(smx2vertex: Command, tmp_path: Path) -> None:
    inner = SMALL.partition("@step")
    head, body = inner[0], "".join(inner[1:])
    nested = head + "def build():\n" + "".join(f"    {line}\n" for line in body.splitlines()) + "\nbuild()\n"
    (tmp_path / "small.py").write_text(nested)
    done = smx2vertex("convert", tmp_path / "small.py", "--out", tmp_path / "project")
    assert "SMX662" in done.out and "build.<locals>.clean" in done.out


def test_a_notebook_gives_the_code_of_its_cells(smx2vertex: Command, tmp_path: Path) -> None:
    cells = [
        "%matplotlib inline\n!pip install nothing\nimport math",
        SMALL.replace("return value", "return math.sqrt(value)"),
    ]
    document = {"cells": [{"cell_type": "code", "source": cell} for cell in cells], "nbformat": 4, "metadata": {}}
    (tmp_path / "small.ipynb").write_text(json.dumps(document))
    done = smx2vertex("convert", tmp_path / "small.ipynb", "--out", tmp_path / "project")
    assert done.code == 0, done.out + done.err
    module = (tmp_path / "project" / "code" / "clean" / "small.py").read_text()
    assert module.startswith("# Cell 1\npass  # left out: %matplotlib inline\npass  # left out: !pip install nothing\n")
    smx("run", tmp_path / "project", "--python", sys.executable, "--out", tmp_path / "run")
    assert [json.loads(file.read_text()) for file in (tmp_path / "run").rglob("results.json")] == [{"Result": 1.0}]


def test_a_bundle_whose_call_is_damaged_is_as_good_as_none(smx2vertex: Command, bundle: Path, tmp_path: Path) -> None:
    shutil.copytree(bundle, tmp_path / "bundle")
    for file in (tmp_path / "bundle").rglob("call.json"):
        file.write_text("[1]")
    done = smx2vertex("convert", tmp_path / "bundle", "--out", tmp_path / "project")
    assert "SMX335" in done.out + done.err
