"""The command line as people meet it: reports, bad input, exit codes."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from support import REPOSITORY, Outcome

CHURN = REPOSITORY / "tests" / "fixtures" / "churn_mini" / "definition.json"
Command = Callable[..., Outcome]


def test_map_accounts_for_every_field(smx2vertex: Command) -> None:
    done = smx2vertex("map", CHURN, "--format", "json")
    report = json.loads(done.out)
    assert done.code == 0
    assert report["ledger"] == {
        "fields": 190,
        "accounted": 190,
        "unaccounted": [],
        "by_verdict": {"exact": 88, "adapted": 95, "redesign": 3, "unsupported": 4},
    }
    assert [(step["name"], step["target"], step["verdict"]) for step in report["steps"]] == [
        ("Prepare", "prepare · n2-standard-4 (2 -> 4 vCPU, 8 -> 16 GiB)", "adapted"),
        ("Train", "train · machine from TrainingInstanceType", "adapted"),
        ("Evaluate", "evaluate · n2-standard-4 (2 -> 4 vCPU, 8 -> 16 GiB)", "adapted"),
        ("CheckAccuracy", "dsl.If and dsl.Else", "exact"),
        ("Churn-RegisterModel", "churn_register_model", "adapted"),
        ("TooInaccurate", "too_inaccurate", "adapted"),
    ]
    places = {field["source"]: field for step in report["steps"] for field in step["fields"]}
    assert places["/Steps/0/Arguments/RoleArn"]["verdict"] == "redesign"
    assert places["/Steps/1/Arguments/ResourceConfig/InstanceType/Get"]["target"] == "machine_type"


def test_map_keeps_unknown_fields_and_step_types(smx2vertex: Command, tmp_path: Path) -> None:
    definition = json.loads(CHURN.read_text())
    definition["Novel"] = {"a": [1, {}]}
    definition["Steps"][0]["Arguments"]["Brand"] = "new"
    definition["Steps"].append({"Name": "Later", "Type": "Quantum", "Arguments": {"Qubits": 5}})
    source = tmp_path / "definition.json"
    source.write_text(json.dumps(definition))
    report = json.loads(smx2vertex("map", source, "--format", "json").out)
    assert report["ledger"]["unaccounted"] == []
    unknown = {finding["source"]["pointer"] for finding in report["findings"] if finding["code"] == "SMX251"}
    assert unknown == {"/Novel/a/0", "/Novel/a/1", "/Steps/0/Arguments/Brand"}
    later = report["steps"][-1]
    assert (later["type"], later["verdict"]) == ("Quantum", "unsupported")


BAD = {
    "not-json": ("{", "SMX102", "line 1, column 2"),
    "no-definition": ('{"Pipelines": []}', "SMX105", ""),
    "too-deep": ("[" * 10_000, "SMX104", ""),
    "cycle": (
        '{"Version": "2020-12-01", "Steps": [{"Name": "A", "Type": "Fail", "DependsOn": ["B"]},'
        ' {"Name": "B", "Type": "Fail", "DependsOn": ["A"]}]}',
        "SMX125",
        "A → B",
    ),
    "missing-step": (
        '{"Version": "2020-12-01", "Steps": [{"Name": "A", "Type": "Fail", "DependsOn": ["B"]}]}',
        "SMX123",
        "/Steps/0/DependsOn/0",
    ),
    "two-of-one-name": (
        '{"Version": "2020-12-01", "Steps": [{"Name": "A", "Type": "Fail"}, {"Name": "A", "Type": "Fail"}]}',
        "SMX122",
        "/Steps/1",
    ),
}


@pytest.mark.parametrize("command", ["map", "convert", "validate"])
@pytest.mark.parametrize("case", BAD)
def test_bad_input_gets_one_clear_message(smx2vertex: Command, tmp_path: Path, case: str, command: str) -> None:
    text, code, place = BAD[case]
    source = tmp_path / f"{case}.json"
    source.write_text(text)
    more = {"map": (), "convert": ("--out", tmp_path / "out"), "validate": (CHURN,)}[command]
    done = smx2vertex(command, source, *more)
    assert done.code == 2
    assert done.out == ""
    assert done.err.count("SMX") == 1
    assert code in done.err
    assert place in done.err
    assert {path.name for path in tmp_path.iterdir()} == {source.name}


def test_a_huge_file_is_refused_at_once(smx2vertex: Command, tmp_path: Path) -> None:
    source = tmp_path / "huge.json"
    with source.open("wb") as file:
        file.truncate(300 * 1024 * 1024)
    done = smx2vertex("convert", source, "--out", tmp_path / "out")
    assert (done.code, "SMX103" in done.err) == (2, True)
    assert not (tmp_path / "out").exists()


def test_wrong_usage_ends_with_2(smx2vertex: Command, tmp_path: Path) -> None:
    assert smx2vertex("convert").code == 2
    assert smx2vertex("map", CHURN, "--colour").code == 2
    assert smx2vertex("explain", "SMX999").code == 2
    config = tmp_path / "config.yaml"
    config.write_text("projekt: acme\n")
    done = smx2vertex("map", CHURN, "--config", config)
    assert done.code == 2
    assert f"{config}:1:1: a configuration has no key 'projekt'" in done.err
    config.write_text("buckets: {acme-ml: 'gs://acme-ml-vertex'}\n")
    done = smx2vertex("map", CHURN, "--config", config)
    assert (done.code, "buckets must be names" in done.err) == (2, True)


def test_explain_knows_codes_and_rules(smx2vertex: Command) -> None:
    assert "SMX201 · warning" in smx2vertex("explain", "smx201").out
    assert "Becomes: environment" in smx2vertex("explain", "processing:Environment.*").out


def test_a_config_chooses_buckets_images_and_machines(smx2vertex: Command, tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    xgboost = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1"
    config.write_text(
        "project: acme\nregion: europe-west3\nbuckets: {acme-ml: acme-vertex}\n"
        f"images: {{'{xgboost}': 'registry/xgb:1'}}\nmachines: {{ml.m5.large: e2-standard-8}}\n"
    )
    out = tmp_path / "project"
    done = smx2vertex("convert", CHURN, "--out", out, "--config", config)
    assert done.code == 0, done.out + done.err
    text = (out / "compiled" / "vertex.yaml").read_text()
    for word in ("gs://acme-vertex/churn/raw/", "registry/xgb:1", "e2-standard-8", "--location=europe-west3"):
        assert word in text
    assert "gs://acme-ml/" not in text


def test_light_commands_import_neither_kfp_nor_google_nor_the_sagemaker_sdk() -> None:
    program = (
        "import sys; from smx2vertex.cli import run_command; sys.argv = ['x', *sys.argv[1:]]; run_command();"
        "heavy = {'kfp', 'google.cloud.aiplatform', 'sagemaker', 'google_cloud_pipeline_components'};"
        "heavy &= set(sys.modules);"
        "sys.exit(f'imported {heavy}' if heavy else 0)"
    )
    for arguments in (["--help"], ["map", str(CHURN)], ["validate", str(CHURN), str(CHURN.parent / "none.yaml")]):
        done = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
