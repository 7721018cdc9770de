"""Spark programs of EMR, EMR Serverless and SageMaker's Spark containers: batches, findings, what validate finds."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from support import REPOSITORY, Outcome

SPARK = REPOSITORY / "tests" / "vertex" / "fixtures" / "spark"
SETTINGS = [
    'f"--runtime={spark.runtime}"',
    'f"--subnetwork={spark.subnetwork}"',
    'f"--service-account={service_account}"',
    'f"--encryption-key={encryption_key}"',
    'f"--project={project}"',
    'f"--location={region}"',
]
Command = Callable[..., Outcome]


def converted(smx2vertex: Command, out: Path, definition: Path = SPARK / "definition.json") -> Outcome:
    """Convert the fixture, or another definition with its code."""
    done = smx2vertex("convert", definition, "--code", SPARK / "code", "--out", out)
    assert done.code == 0, done.out + done.err
    return done


def command_line(out: Path, component: str) -> tuple[list[str], list[str]]:
    """The options of a component after the step, and its words."""
    [module] = out.glob(f"*/components/{component}.py")
    lines = [line.strip().rstrip(",") for line in module.read_text().splitlines()]
    start = lines.index('"spark-batch"') + 2
    options, words = lines[start : lines.index('"--"')], lines[lines.index('"--"') + 1 : lines.index("]", start)]
    assert options[-6:] == SETTINGS
    return options[:-6], [word.strip('"') for word in words]


def changed(tmp_path: Path, change: Callable[[list[Any]], object]) -> Path:
    """The fixture's definition with its steps changed."""
    document = json.loads((SPARK / "definition.json").read_text())
    change(document["Steps"])
    definition = tmp_path / "changed.json"
    definition.write_text(json.dumps(document))
    return definition


def test_spark_submit_on_a_cluster_becomes_a_batch(smx2vertex: Command, tmp_path: Path) -> None:
    out = tmp_path / "project"
    done = converted(smx2vertex, out)
    options, words = command_line(out, "clean")
    assert options == [
        '"--program=clean.py"',
        '"--python-file={python_file:str}"',
        '"--python-file={python_file_value:str}"',
        '"--property=spark.driver.memory:{memory:str}"',
        '"--property=spark.sql.shuffle.partitions:{partitions:int}"',
        '"--property=spark.executor.memory:{memory_value:str}"',
        '"--property=spark.executor.instances:{instances:int}"',
    ]
    assert words == ["--input", "{raw:str}", "--output", "{output:str}"]
    pipeline = (out / "definition" / "pipeline.py").read_text()
    for line in (
        'python_file=f"gs://{buckets.acme_lake}/lib/a.zip",',
        "partitions=64,",
        "memory_value=Memory,",
        'output=f"gs://{buckets.acme_lake}/clean",',
    ):
        assert line in pipeline
    assert (out / "code/clean/clean.py").is_file()
    dropped = re.findall(r"SMX382 +info +Clean: (.*)", done.out + done.err)
    assert dropped == [
        "--deploy-mode means something on a cluster only",
        "spark.yarn.submit.waitAppCompletion=true means something on a cluster only",
        "the configuration hive-site belongs to a cluster",
    ]


def test_a_serverless_job_becomes_a_batch(smx2vertex: Command, tmp_path: Path) -> None:
    out = tmp_path / "project"
    converted(smx2vertex, out)
    options, words = command_line(out, "aggregate")
    assert options == [
        '"--class={main_class:str}"',
        '"--program=aggregate.jar"',
        '"--jar={jar:str}"',
        '"--property=spark.driver.memory:{memory:str}"',
        '"--property=spark.sql.ansi.enabled:{enabled:str}"',
        '"--property=spark.app.note:{note:str}"',
        '"--property=spark.executor.cores:{cores:int}"',
        '"--property=spark.executor.memory:{memory_value:str}"',
        '"--label=team:{team:str}"',
        '"--timeout=1800"',
    ]
    assert words == ["{argument:str}", "{copies:int}"]
    pipeline = (out / "definition" / "pipeline.py").read_text()
    for line in (
        'note="two words",',
        'memory="2g",',
        "memory_value=Memory,",
        'argument=f"gs://{buckets.acme_lake}/clean",',
    ):
        assert line in pipeline


def test_sagemakers_spark_container_becomes_a_batch(smx2vertex: Command, tmp_path: Path) -> None:
    out = tmp_path / "project"
    converted(smx2vertex, out)
    options, words = command_line(out, "report")
    assert options == [
        '"--program=report.py"',
        '"--python-file=py-files"',
        '"--configuration=configuration"',
        '"--environment=STAGE:{stage:str}"',
        '"--timeout={timeout_value:int}"',
    ]
    assert words == ["--data", "{data:str}", "--copies", "{copies:int}"]
    files = {file.relative_to(out / "code/report").as_posix() for file in (out / "code/report").rglob("*.py")}
    assert files == {"report.py", "py-files/helper.py"}
    assert 'data(f"gs://{buckets.acme_lake}/jobs/1/configuration.json")' in (
        (out / "definition" / "pipeline.py").read_text().replace("\n", "").replace(" ", "").replace(",)", ")")
    )
    block = yaml.safe_load((out / "config.yaml").read_text())["environments"]["dev"]
    assert block["spark"] == {"runtime": "1.2", "subnetwork": ""}


DROPPED: list[tuple[int, str, Any]] = [
    (0, "StepConfig.Name", "clean it"),
    (0, "StepConfig.ActionOnFailure", "TERMINATE_CLUSTER"),
    (0, "StepConfig.HadoopJarStep.MainClass", "ignored.by.CommandRunner"),
    (0, "StepConfig.HadoopJarStep.Properties", []),
    (0, "ClusterConfig.BootstrapActions", []),
    (0, "ClusterConfig.ServiceRole", "EMR_DefaultRole_V2"),
    (1, "JobConfig.applicationId", "00abc"),
    (1, "JobConfig.name", "aggregate it"),
    (1, "JobConfig.clientToken", "12345"),
    (1, "ApplicationConfig.name", "spark"),
    (1, "ApplicationConfig.type", "SPARK"),
    (1, "ApplicationConfig.autoStartConfiguration.enabled", True),
    (1, "ApplicationConfig.autoStopConfiguration.enabled", True),
    (1, "ApplicationConfig.autoStopConfiguration.idleTimeoutMinutes", 15),
]


def test_what_is_dropped_changes_nothing(smx2vertex: Command, tmp_path: Path) -> None:
    def add(steps: list[Any]) -> None:
        for step, path, value in DROPPED:
            target = steps[step]["Arguments"]
            *parents, last = path.split(".")
            for name in parents:
                target = target.setdefault(name, {})
            target[last] = value

    def sources(definition: Path, out: Path) -> dict[str, str]:
        converted(smx2vertex, out, definition)
        files = [*out.glob("*/components/*.py"), *out.glob("*/pipeline.py")]
        return {file.name: file.read_text() for file in files}

    first = sources(changed(tmp_path, lambda steps: None), tmp_path / "first")
    assert sources(changed(tmp_path, add), tmp_path / "second") == first


def test_every_field_is_accounted_for(smx2vertex: Command) -> None:
    report = json.loads(smx2vertex("map", SPARK / "definition.json", "--format", "json").out)
    assert report["ledger"]["unaccounted"] == []
    fields = {field["source"].rpartition("/Arguments/")[2]: field for field in report["steps"][0]["fields"]}
    assert fields["ClusterConfig/ReleaseLabel"]["verdict"] == "redesign"
    assert fields["ClusterConfig/Applications/0/Name"]["verdict"] != "unsupported"
    codes = {finding["code"] for finding in report["findings"]}
    assert {"SMX290", "SMX292"} <= codes


def _jar(steps: list[Any]) -> None:
    steps[0]["Arguments"]["StepConfig"]["HadoopJarStep"] = {"Jar": "s3://acme-lake/hadoop.jar", "MainClass": "A"}


def _hive(steps: list[Any]) -> None:
    steps[1]["Arguments"]["JobConfig"]["jobDriver"] = {"hive": {"query": "s3://acme-lake/q.sql"}}


def _data(steps: list[Any]) -> None:
    local = {"S3Uri": "s3://acme-lake/raw", "LocalPath": "/opt/ml/processing/input/raw"}
    steps[2]["Arguments"]["ProcessingInputs"].append({"InputName": "raw", "S3Input": local})


def _output(steps: list[Any]) -> None:
    outputs = steps[2]["Arguments"]["ProcessingOutputConfig"]["Outputs"]
    outputs.append({"OutputName": "o", "S3Output": {"S3Uri": "s3://acme-lake/o", "LocalPath": "/opt/ml/processing/o"}})


def _on_the_cluster(steps: list[Any]) -> None:
    words = steps[0]["Arguments"]["StepConfig"]["HadoopJarStep"]["Args"]
    words[words.index("s3://acme-lake/app/clean.py")] = "/home/hadoop/clean.py"


def _option(steps: list[Any]) -> None:
    steps[0]["Arguments"]["StepConfig"]["HadoopJarStep"]["Args"][1:1] = ["--properties-file", "/etc/spark.conf"]


@pytest.mark.parametrize(
    ("change", "step", "code", "message"),
    [
        (_jar, "Clean", "SMX380", "s3://acme-lake/hadoop.jar is no call of spark-submit"),
        (_hive, "Aggregate", "SMX380", "the job runs Hive, and a batch runs Spark"),
        (_data, "Report", "SMX380", "reads the input 'raw' as files of its machine"),
        (_output, "Report", "SMX380", "writes the output 'o' on its machine"),
        (_on_the_cluster, "Clean", "SMX380", "'/home/hadoop/clean.py' lies on the cluster, not in S3"),
        (_option, "Clean", "SMX381", "a batch has nothing like the option '--properties-file'"),
    ],
)
def test_what_a_batch_cannot_do_becomes_a_task_that_fails(
    smx2vertex: Command, tmp_path: Path, change: Callable[[list[Any]], object], step: str, code: str, message: str
) -> None:
    definition = changed(tmp_path, change)
    done = converted(smx2vertex, tmp_path / "project", definition)
    text = " ".join((done.out + done.err).split())
    assert re.search(rf"{code} warning {step}: [^/]*", text) and message in text
    [component] = (tmp_path / "project").glob(f"*/components/{step.lower()}.py")
    assert '"not-translated"' in component.read_text()
    validated = smx2vertex("validate", definition, tmp_path / "project", "--format", "json")
    assert (validated.code, json.loads(validated.out)["excluded"]) == (0, [{"step": step, "code": code}])


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("--program=clean.py", "--program=other.py", "SMX448"),
        ("--program=aggregate.jar", "--program=gs://acme-lake/app/aggregate2.jar", "SMX448"),
        ("spark.sql.shuffle.partitions:{partitions:int}", "spark.sql.shuffle.partitions:9", "SMX451"),
        ("--property=spark.driver.memory:", "--property=spark.driver.cores:", "SMX451"),
        ("--python-file={python_file:str}", "--jar={python_file:str}", "SMX451"),
        ("--class={main_class:str}", "--class=com.acme.Other", "SMX451"),
        ("--timeout=1800", "--timeout=3600", "SMX451"),
        ("--label=team:{team:str}", "--label=group:{team:str}", "SMX450"),
        ("--environment=STAGE:{stage:str}", "--environment=STAGE:prod", "SMX446"),
        ("--python-file=py-files", "--python-file=other", "SMX451"),
        ("jobs/1/configuration.json", "jobs/2/configuration.json", "SMX451"),
        ("constant: gs://acme-lake/clean", "constant: gs://acme-lake/dirty", "SMX441"),
    ],
)
def test_validate_finds_a_change(smx2vertex: Command, tmp_path: Path, old: str, new: str, code: str) -> None:
    converted(smx2vertex, tmp_path / "project")
    compiled = tmp_path / "project" / "compiled" / "vertex.yaml"
    assert smx2vertex("validate", SPARK / "definition.json", compiled).code == 0
    text = compiled.read_text()
    assert old in text
    compiled.write_text(text.replace(old, new))
    done = smx2vertex("validate", SPARK / "definition.json", compiled, "--format", "json")
    found = {finding["code"] for check in json.loads(done.out)["checks"] for finding in check["findings"]}
    assert (done.code, code in found) == (1, True), found
