"""The forms of the mapping report: one model, so that their numbers agree; no form tells a secret."""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from support import Outcome

Run = Callable[..., Outcome]
LAB = Path(__file__).parents[2] / "examples" / "lab-05-accuracy-gate" / "definition.json"
SECRET = "correct-horse-battery"  # of nothing


def test_numbers_agree_in_all_forms(smx2vertex: Run) -> None:
    ledger = json.loads(smx2vertex("map", LAB, "--format", "json").out)["ledger"]
    rows = list(csv.DictReader(io.StringIO(smx2vertex("map", LAB, "--format", "csv").out)))
    assert len(rows) == ledger["fields"] == ledger["accounted"]
    assert Counter(row["verdict"] for row in rows) == {k: v for k, v in ledger["by_verdict"].items() if v}
    counts = ", ".join(f"{count} {verdict}" for verdict, count in ledger["by_verdict"].items())
    summary = f"{ledger['fields']} fields: {counts}; 0 unaccounted"
    assert summary in smx2vertex("map", LAB, "--format", "md").out
    page = smx2vertex("map", LAB, "--format", "html").out
    assert summary in page
    data = json.loads(re.findall(r'<script type="application/json" id="data">(.*)</script>', page)[0])
    assert sum(len(step["fields"]) for step in data["steps"]) == ledger["fields"]
    assert f"{ledger['fields']} fields: {counts.replace(', ', ' · ')}" in smx2vertex("map", LAB).out


def test_markdown_shows_both_pipelines(smx2vertex: Run) -> None:
    source, target = re.findall(r"```mermaid\n(.*?)```", smx2vertex("map", LAB, "--format", "md").out, re.DOTALL)
    assert '["<b>TrainModel</b><br/>Training"]' in source
    assert '["<b>train_model_task</b><br/>training · machine from TrainingInstanceType"]' in target
    assert "<b>if CheckAccuracy</b><br/>dsl.If<br/>accuracy of evaluate_model_task is at least MinAccuracy" in target
    for picture in (source, target):
        assert picture.count("-->|") == 5 and picture.count("==>|") == 2


@pytest.mark.parametrize("form", ["html", "md", "csv", "json", "text"])
def test_no_form_tells_a_secret(smx2vertex: Run, tmp_path: Path, form: str) -> None:
    image = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"
    arguments = {
        "ProcessingResources": {"ClusterConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1}},
        "AppSpecification": {"ImageUri": image, "ContainerEntrypoint": ["python3", "/opt/ml/code/p.py"]},
        "Environment": {"DB_PASSWORD": SECRET, "Host": "s3.amazonaws.com"},
    }
    parameters = [
        {"Name": "ApiKey", "Type": "String", "DefaultValue": f"{SECRET}.s3.amazonaws.com"},
        {"Name": "Host", "Type": "String", "DefaultValue": "example.s3.amazonaws.com"},
    ]
    steps = [{"Name": "Load", "Type": "Processing", "Arguments": arguments}]
    file = tmp_path / "definition.json"
    file.write_text(json.dumps({"Version": "2020-12-01", "Parameters": parameters, "Steps": steps}))
    done = smx2vertex("map", file, "--format", form)
    assert done.code == 0
    assert SECRET not in done.out
    if form != "csv":  # which holds no messages
        shown = done.out.replace("\\", "")
        assert "***" in shown and "example.s3.amazonaws.com" in shown
