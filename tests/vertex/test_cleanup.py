"""Cleanup steps: what they delete, what `validate` sees; what is not translated: Lineage and Job steps."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support import REPOSITORY, Outcome

FILE = REPOSITORY / "tests" / "fixtures" / "cleanup" / "definition.json"
Command = Callable[..., Outcome]


@pytest.fixture
def convert(smx2vertex: Command, tmp_path: Path) -> Callable[..., tuple[Path, Outcome]]:
    """Convert the definition, changed by a function if one is given."""

    def run(change: Callable[[Any], object] = lambda definition: None) -> tuple[Path, Outcome]:
        definition = json.loads(FILE.read_text())
        change(definition["Steps"][1])
        file = tmp_path / "definition.json"
        file.write_text(json.dumps(definition))
        done = smx2vertex("convert", file, "--out", tmp_path / "project")
        assert done.code == 0, done.out + done.err
        return tmp_path / "project", done

    return run


def test_a_cleanup_deletes_the_artifact_and_the_copy(convert: Any, smx2vertex: Command) -> None:
    project, done = convert()
    text = next(project.glob("*/components/clean.py")).read_text()
    assert re.findall(r'^            "(.*)",$', text, re.MULTILINE) == [
        "delete-objects",
        "--step=Clean",
        "--uri={train:uri}",
        "--uri={train_copy:str}{execution_id:str}/train",
        "--uri={uri:str}",
    ]
    assert "SMX279" in done.out + done.err
    for target in ("vertex", "kubeflow"):
        assert smx2vertex("validate", FILE, project / "compiled" / f"{target}.yaml", "--strict").code == 0


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("--uri={train_copy:str}{execution_id:str}/train", "--uri={train_copy:str}{execution_id:str}"),
        ("acme-ml/scratch", "acme-ml/precious"),
        ("--uri={train:uri}", "--uri={uri:str}"),
    ],
)
def test_another_address_is_found(convert: Any, smx2vertex: Command, tmp_path: Path, old: str, new: str) -> None:
    project, _ = convert()
    text = (project / "compiled" / "vertex.yaml").read_text()
    assert old in text
    changed = tmp_path / "changed.yaml"
    changed.write_text(text.replace(old, new))
    assert smx2vertex("validate", FILE, changed).code == 1


def test_the_name_of_the_step_says_nothing_more(convert: Any) -> None:
    def without_name(step: Any) -> None:
        del step["Arguments"]["Resources"]["S3"][0]["StepName"]

    plain = (convert()[0] / "compiled" / "vertex.yaml").read_text()
    assert (convert(without_name)[0] / "compiled" / "vertex.yaml").read_text() == plain


@pytest.mark.parametrize("uris", [["train"], []])
def test_what_is_no_address_fails_when_it_runs(convert: Any, uris: list[str]) -> None:
    def name_alone(step: Any) -> None:
        step["Arguments"]["Resources"]["S3"][0]["S3Uris"] = uris

    text = next(convert(name_alone)[0].glob("*/components/clean.py")).read_text()
    assert '"--code=SMX278"' in text


@pytest.mark.parametrize(("type_", "code"), [("Lineage", "SMX399"), ("Job", "SMX660")])
def test_records_and_jobs_of_sagemaker_fail_and_say_why(convert: Any, type_: str, code: str) -> None:
    def other(step: Any) -> None:
        step |= {"Type": type_, "Arguments": {"Contexts": [{"ContextName": "lineage"}]}}

    text = next(convert(other)[0].glob("*/components/clean.py")).read_text()
    assert f'"--code={code}"' in text
