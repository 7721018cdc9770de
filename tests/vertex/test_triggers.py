"""What starts a pipeline: triggers.yaml of a bundle in, files and a function out, run against a local server."""

from __future__ import annotations

import base64
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml
from support import REPOSITORY, Outcome

from smx2vertex.vertex.cron import CronError, cron_of

Command = Callable[..., Outcome]
LAB = REPOSITORY / "examples" / "lab-05-accuracy-gate"
FINALIZED = "google.cloud.storage.object.v1.finalized"
ACCOUNT = "runner@acme-ml.iam.gserviceaccount.com"
CONFIG = {
    "project": "acme-ml",
    "pipeline_root": "gs://acme-runs/lab",
    "service_account": ACCOUNT,
    "buckets": {"arrivals-aws": "arrivals"},
}
NEW_DATA = {
    "kind": "notification",
    "name": "NewData",
    "pipeline": "Lab",
    "bucket": "arrivals-aws",
    "events": ["s3:ObjectCreated:*"],
    "prefix": "raw/",
    "suffix": ".csv",
    "via": ["arn:aws:lambda:us-east-1:111122223333:function:start"],
    "parameters": {"InputData": "s3://{bucket}/{folder}/", "MinAccuracy": "0.7"},
}
NIGHTLY = {
    "kind": "schedule",
    "name": "nightly",
    "pipeline": "Lab",
    "state": "ENABLED",
    "expression": "cron(0/30 3 ? * 2-6 *)",
    "timezone": "Europe/Berlin",
    "start": "2020-01-01T00:00:00+00:00",
    "end": "2099-01-01T00:00:00+00:00",
    "parameters": {"TrainingInstanceType": "ml.m5.2xlarge", "InputData": "s3://arrivals-aws/all/"},
}
NEWS = {
    "kind": "topic",
    "name": "training-news",
    "pipeline": "Lab",
    "arn": "arn:aws:sns:us-east-1:111122223333:training-news",
    "subscribers": [{"protocol": "email", "endpoint": "ml@example.com"}, {"protocol": "sms", "endpoint": "+15550100"}],
}


def bundle(folder: Path, triggers: Any) -> Path:
    """A bundle with the pipeline of lab 05, called Lab, and these triggers."""
    (folder / "bundle" / "definitions").mkdir(parents=True)
    shutil.copy(LAB / "definition.json", folder / "bundle" / "definitions" / "lab.json")
    manifest = {"pipelines": [{"name": "Lab", "definition": "definitions/lab.json"}], "code": {}}
    (folder / "bundle" / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    (folder / "bundle" / "triggers.yaml").write_text(yaml.safe_dump(triggers), encoding="utf-8")
    (folder / "config.yaml").write_text(yaml.safe_dump(CONFIG), encoding="utf-8")
    return folder / "bundle"


def converted(smx2vertex: Command, folder: Path, *triggers: dict[str, Any]) -> tuple[Path, Outcome]:
    """The project of a bundle with these triggers, and what convert said."""
    source, project = bundle(folder, list(triggers)), folder / "project"
    options = ("--code", LAB / "code", "--config", folder / "config.yaml", "--out", project)
    done = smx2vertex("convert", source, *options)
    assert done.code == 0, done.out + done.err
    return project, done


def trigger(project: Path, name: str) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((project / "triggers" / f"{name}.yaml").read_text(encoding="utf-8"))
    return document


@dataclass
class Cloud:
    """A stand-in for Vertex AI, Pub/Sub, Cloud Monitoring and the metadata server; it keeps what it was sent."""

    jobs: dict[str, Any] = field(default_factory=dict)
    messages: list[Any] = field(default_factory=list)
    made: list[tuple[str, str, Any]] = field(default_factory=list)
    tokens: set[str | None] = field(default_factory=set)
    refusal: int = 0
    url: str = ""

    def answer(self, method: str, path: str, query: dict[str, list[str]], body: Any) -> tuple[int, Any]:
        """Status and body for a request."""
        if path.startswith("/computeMetadata"):
            return 200, {"access_token": "a-token"}
        if self.refusal:
            return self.refusal, {"error": {"message": "not today"}}
        if path.endswith("/pipelineJobs"):
            job_id = query["pipelineJobId"][0]
            if job_id in self.jobs:
                return 409, {"error": {"message": "exists"}}
            self.jobs[job_id] = body
            return 200, {"name": f"{path}/{job_id}"}
        if path.endswith(":publish"):
            self.messages += [(path, base64.b64decode(each["data"]).decode()) for each in body["messages"]]
            return 200, {"messageIds": ["1"]}
        if method == "GET":
            kind = path.rpartition("/")[2]
            known = [name for verb, name, each in self.made if verb == "POST" and name.rpartition("/")[0] == path[4:]]
            return 200, {kind: [{"name": name} for name in known]}
        name = f"{path[4:]}/{len(self.made)}" if method == "POST" else path[4:]
        self.made.append((method, name, body))
        return 200, {"name": name}


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    made = Cloud()

    class Handler(BaseHTTPRequestHandler):
        def _handle(self) -> None:
            address = urlsplit(self.path)
            content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if not address.path.startswith("/computeMetadata"):
                made.tokens.add(self.headers["Authorization"])
            body = json.loads(content) if content else None
            status, answer = made.answer(self.command, address.path, parse_qs(address.query), body)
            data = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PATCH = _handle  # noqa: N815 - the base class names them so

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    made.url = f"http://127.0.0.1:{server.server_port}"
    yield made
    server.shutdown()
    server.server_close()


GCLOUD = """#!/bin/sh
# Keeps its arguments, and the folder of a function; knows a bucket and a token, and nothing else.
echo "$@" >> "$GCLOUD_FOLDER/commands"
case "$1 $2" in
    "auth print-access-token") echo a-token ;;
    "storage buckets") echo US-EAST4 ;;
    "run deploy")
        for word; do case $word in --source=*) cp -r "${word#--source=}" "$GCLOUD_FOLDER/function" ;; esac; done ;;
    *" describe" | *" topics" | *" triggers") case "$*" in *describe*) echo NOT_FOUND >&2; exit 1 ;; esac ;;
esac
"""


def deploy(project: Path, cloud: Cloud, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run deploy_triggers.py of a project, with a gcloud that only keeps what it is told."""
    program = folder / "bin" / "gcloud"
    program.parent.mkdir(exist_ok=True)
    program.write_text(GCLOUD, encoding="utf-8")
    program.chmod(0o755)
    places = dict.fromkeys(("VERTEX_AI_URL", "MONITORING_URL", "PUBSUB_URL"), cloud.url)
    path = f"{program.parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, **places, "PATH": path, "GCLOUD_FOLDER": str(folder), "no_proxy": "*"}
    command = [sys.executable, "deploy_triggers.py", *arguments]
    return subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True)


def commands(folder: Path) -> list[str]:
    """What gcloud was told, without its questions."""
    lines = (folder / "commands").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if "describe" not in line and not line.startswith("auth ")]


def module(folder: Path) -> ModuleType:
    """The deployed function."""
    spec = importlib.util.spec_from_file_location("deployed_function", folder / "function" / "main.py")
    assert spec is not None and spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


def event(key: str, generation: str = "1700", **more: str) -> Any:
    """An event of Cloud Storage as Eventarc delivers it."""
    data = {"bucket": "arrivals", "name": key, "generation": generation, "contentType": "text/csv", **more}
    return SimpleNamespace(headers={"ce-type": FINALIZED, "ce-id": "1"}, get_json=lambda: data)


# --- what is generated ---


def test_each_trigger_becomes_a_file(smx2vertex: Command, tmp_path: Path) -> None:
    project, done = converted(smx2vertex, tmp_path, NEW_DATA, NIGHTLY, NEWS)
    assert trigger(project, "new-data") == {
        "kind": "storage",
        "enabled": True,
        "bucket": "arrivals_aws",
        "events": [FINALIZED],
        "objects": [{"prefix": "raw/", "suffix": ".csv"}],
        "parameters": {"InputData": "gs://{bucket}/{folder}/", "MinAccuracy": "0.7"},
    }
    assert trigger(project, "nightly") == {
        "kind": "schedule",
        "enabled": True,
        "cron": "TZ=Europe/Berlin 0-59/30 3 * * 1-5",
        "start": "2020-01-01T00:00:00+00:00",
        "end": "2099-01-01T00:00:00+00:00",
        "parameters": {"TrainingInstanceType": "n2-standard-8", "InputData": "gs://arrivals/all/"},
    }
    assert trigger(project, "training-news") == {
        "kind": "news",
        "enabled": True,
        "topic": "training-news",
        "emails": ["ml@example.com"],
    }
    config = yaml.safe_load((project / "config.yaml").read_text(encoding="utf-8"))
    assert config["environments"]["dev"]["buckets"]["arrivals_aws"] == "arrivals"
    for name in ("README.md", "MIGRATION.md"):
        text = (project / name).read_text(encoding="utf-8")
        assert all(f"{each}.yaml" in text for each in ("new-data", "nightly", "training-news")), name
    assert "SMX355 warning topic 'training-news': it has subscribers by sms" in done.out


def test_the_files_are_clean_and_always_the_same(smx2vertex: Command, tmp_path: Path) -> None:
    project, _ = converted(smx2vertex, tmp_path, NEW_DATA, NIGHTLY, NEWS)
    for words in (("check",), ("format", "--check")):
        done = subprocess.run([sys.executable, "-m", "ruff", *words, "."], cwd=project, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout
    again = smx2vertex(
        *("convert", tmp_path / "bundle", "--code", LAB / "code", "--config", tmp_path / "config.yaml"),
        *("--out", project, "--check"),
    )
    assert again.code == 0, again.out


def test_what_people_wrote_into_a_trigger_stays(smx2vertex: Command, tmp_path: Path) -> None:
    project, _ = converted(smx2vertex, tmp_path, NEW_DATA)
    file = project / "triggers" / "new-data.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace("enabled: true", "enabled: false"), encoding="utf-8")
    changed = [{**NEW_DATA, "suffix": ".parquet"}]
    (tmp_path / "bundle" / "triggers.yaml").write_text(yaml.safe_dump(changed), encoding="utf-8")
    options = ("--code", LAB / "code", "--config", tmp_path / "config.yaml", "--out", project)
    assert smx2vertex("convert", tmp_path / "bundle", *options).code == 0
    assert trigger(project, "new-data")["enabled"] is False
    assert trigger(project, "new-data")["objects"] == [{"prefix": "raw/", "suffix": ".parquet"}]


def test_a_project_without_triggers_has_none_of_it(smx2vertex: Command, tmp_path: Path) -> None:
    project, _ = converted(smx2vertex, tmp_path, {**NEW_DATA, "pipeline": "Sales"})
    assert not (project / "triggers").exists()
    assert not (project / "deploy_triggers.py").exists()
    assert "deploy_triggers" not in (project / "cloudbuild.yaml").read_text(encoding="utf-8")


RULE = {"kind": "rule", "name": "rule", "pipeline": "Lab"}


def rule(**detail: Any) -> dict[str, Any]:
    return {**RULE, "pattern": {"source": ["aws.s3"], "detail-type": ["Object Created"], "detail": detail}}


def test_a_rule_for_objects_is_read_from_its_pattern(smx2vertex: Command, tmp_path: Path) -> None:
    keys: dict[str, list[Any]] = {
        "any": [],
        "below": [{"prefix": "raw/"}],
        "some": [{"wildcard": "raw/*.csv"}, "last.csv"],
    }
    rules = [{**rule(bucket={"name": ["b"]}, object={"key": each}), "name": name} for name, each in keys.items()]
    project, done = converted(smx2vertex, tmp_path, *rules)
    assert {name: trigger(project, name).get("objects") for name in keys} == {
        "any": None,
        "below": [{"prefix": "raw/"}],
        "some": [{"prefix": "raw/", "suffix": ".csv"}, {"equals": "last.csv"}],
    }
    assert "SMX325 info    rule 'below': its runs take the defaults of all parameters" in done.out


NOT_CARRIED = [
    (
        {**NEW_DATA, "pipeline": None},
        "SMX324 warning notification 'NewData': nothing says which pipeline it starts",
    ),
    (
        {**NEW_DATA, "events": ["s3:ObjectTagging:*"]},
        "SMX323 warning notification 'NewData': Cloud Storage has no event 's3:ObjectTagging:*'",
    ),
    (
        {**RULE, "pattern": {"source": ["aws.sagemaker"]}},
        "SMX323 warning rule 'rule': it waits for events of aws.sagemaker; have the approval of a model run",
    ),
    (
        rule(bucket={"name": ["b"]}, object={"key": [{"anything-but": "x"}]}),
        "SMX323 warning rule 'rule': its pattern asks for more than names, prefixes and suffixes",
    ),
    (
        rule(bucket={"name": ["b"]}, reason=["CopyObject"]),
        "SMX328 warning rule 'rule': its pattern looks at 'reason', which no event of Cloud Storage has",
    ),
    (
        {**NEW_DATA, "parameters": {"InputData": "***"}},
        "SMX328 warning notification 'NewData': the value of 'InputData' is not carried",
    ),
    (
        {**NEW_DATA, "parameters": {"InputData": "$.detail.requester"}},
        "SMX328 warning notification 'NewData': the value of 'InputData' is not carried",
    ),
    (
        {**NEW_DATA, "parameters": {"Nobody": "1"}},
        "SMX328 warning notification 'NewData': the pipeline has no parameter 'Nobody'",
    ),
    (
        {**NIGHTLY, "state": "DISABLED"},
        "SMX326 info    schedule 'nightly': triggers/nightly.yaml says enabled: false",
    ),
    (
        {**NIGHTLY, "expression": "cron(0 3 L * ? *)"},
        "SMX323 warning schedule 'nightly': cron(0 3 L * ? *) uses L, which Vertex AI does not know",
    ),
    ({**NIGHTLY, "expression": "rate(2 hours)"}, "SMX354 info    schedule 'nightly': rate(2 hours) is TZ="),
    (
        {"kind": "codepipeline", "name": "deliver", "pipeline": "Lab", "actions": [{"name": "Build"}]},
        "SMX327 info    codepipeline 'deliver': its actions were: Build",
    ),
]


def test_what_is_not_carried_is_told(smx2vertex: Command, tmp_path: Path) -> None:
    _, done = converted(smx2vertex, tmp_path, *(given for given, _ in NOT_CARRIED))
    for _, expected in NOT_CARRIED:
        assert expected in done.out


def test_entries_of_odd_forms_are_told_too(smx2vertex: Command, tmp_path: Path) -> None:
    odd = [
        {**RULE, "pattern": {"source": 5}},
        {**RULE, "pattern": {"source": ["aws.s3"], "detail": [{}], "detail-type": 7}},
        {**NEW_DATA, "bucket": None},
        {**NEW_DATA, "name": "other", "events": "all"},
        {**NIGHTLY, "timezone": "Mars; 0"},
        {**NIGHTLY, "expression": 5},
        {"kind": "codepipeline", "name": "x", "pipeline": "Lab", "actions": 5},
    ]
    _, done = converted(smx2vertex, tmp_path, *odd)
    assert [line.split()[0] for line in done.out.splitlines() if line.startswith("  SMX32")] == [
        *["SMX323"] * 6,
        "SMX327",
    ]


@pytest.mark.parametrize("content", [{"a": 1}, [{"kind": "moon", "name": "x"}], [{"kind": "rule", "name": 5}]])
def test_a_file_of_another_form_is_refused(smx2vertex: Command, tmp_path: Path, content: Any) -> None:
    done = smx2vertex("convert", bundle(tmp_path, content), "--out", tmp_path / "project")
    assert done.code == 2
    assert "SMX329" in done.err
    assert not (tmp_path / "project").exists()


# --- schedules ---


@pytest.mark.parametrize(
    ("expression", "cron"),
    [
        ("cron(0 3 * * ? *)", "0 3 * * *"),
        ("cron(15 10 ? * 6 *)", "15 10 * * 5"),
        ("cron(0 18 ? * MON-FRI *)", "0 18 * * MON-FRI"),
        ("cron(0/5 8-17 ? * 2-6 *)", "0-59/5 8-17 * * 1-5"),
        ("cron(0 0 1 JUL ? *)", "0 0 1 JUL *"),
        ("rate(1 minute)", "* * * * *"),
        ("rate(15 minutes)", "*/15 * * * *"),
        ("rate(1 hour)", "0 * * * *"),
        ("rate(60 minutes)", "0 * * * *"),
        ("rate(12 hours)", "0 */12 * * *"),
        ("rate(1 day)", "0 0 * * *"),
        ("rate(24 hours)", "0 0 * * *"),
        ("rate(7 days)", "0 0 * * 0"),
        ("at(2026-12-24T18:30:00)", "30 18 24 12 *"),
    ],
)
def test_expressions_of_eventbridge(expression: str, cron: str) -> None:
    assert cron_of(expression).expression == cron


@pytest.mark.parametrize(
    "expression",
    [
        "cron(0 3 * * ? 2027)",
        "cron(0 3 ? * 6#3 *)",
        "cron(0 3 15W * ? *)",
        "rate(7 hours)",
        "rate(2 days)",
        "at(noon)",
        "x",
    ],
)
def test_expressions_without_counterpart(expression: str) -> None:
    with pytest.raises(CronError):
        cron_of(expression)


def test_only_a_moment_is_for_once() -> None:
    assert [cron_of(each).once for each in ("at(2026-12-24T18:30:00)", "rate(1 day)")] == [True, False]


# --- the function ---


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a project that has a function and a topic, converted once."""
    made = tmp_path_factory.mktemp("triggers")
    source = bundle(made, [NEW_DATA, NEWS])
    options = ["--code", LAB / "code", "--config", made / "config.yaml", "--out", made / "project"]
    command = [sys.executable, "-m", "smx2vertex", "convert", source, *options]
    subprocess.run(list(map(str, command)), check=True, capture_output=True)
    return made


@pytest.fixture
def function(folder: Path, cloud: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The function of the project, deployed with the program of the project."""
    done = deploy(folder / "project", cloud, tmp_path)
    assert done.returncode == 0, done.stderr
    monkeypatch.setenv("GCE_METADATA_HOST", cloud.url.removeprefix("http://"))
    monkeypatch.setenv("no_proxy", "*")
    return module(tmp_path)


def test_an_object_starts_a_run(function: ModuleType, cloud: Cloud, folder: Path) -> None:
    message, status = function.main(event("raw/2026/day.csv"))
    [(job_id, job)] = cloud.jobs.items()
    assert (message, status) == (f"started {job_id}", 200)
    assert job_id.startswith("lab-")
    compiled = yaml.safe_load((folder / "project" / "compiled" / "vertex.yaml").read_text(encoding="utf-8"))
    assert job == {
        "displayName": "lab",
        "pipelineSpec": compiled,
        "runtimeConfig": {
            "gcsOutputDirectory": "gs://acme-runs/lab",
            "parameterValues": {"InputData": "gs://arrivals/raw/2026/", "MinAccuracy": 0.7},
            "failurePolicy": "PIPELINE_FAILURE_POLICY_FAIL_FAST",
        },
        "labels": {"trigger": "new-data"},
        "serviceAccount": ACCOUNT,
    }
    assert cloud.tokens == {"Bearer a-token"}
    [(topic, told)] = cloud.messages
    assert topic == "/v1/projects/acme-ml/topics/training-news:publish"
    assert json.loads(told) == {"pipeline": "lab", "run": job_id, "object": "gs://arrivals/raw/2026/day.csv"}


def test_an_event_that_comes_twice_starts_one_run(function: ModuleType, cloud: Cloud) -> None:
    function.main(event("raw/day.csv"))
    [job_id] = cloud.jobs
    assert function.main(event("raw/day.csv")) == (f"{job_id} was started before", 200)
    assert list(cloud.jobs) == [job_id]
    assert len(cloud.messages) == 2  # the first delivery may have failed after the start


def test_another_upload_of_the_same_name_starts_another_run(function: ModuleType, cloud: Cloud) -> None:
    function.main(event("raw/day.csv", generation="1"))
    function.main(event("raw/day.csv", generation="2"))
    assert len(cloud.jobs) == 2


@pytest.mark.parametrize(
    ("key", "more"), [("other/day.csv", {}), ("raw/day.txt", {}), ("raw/day.csv", {"bucket": "another"})]
)
def test_other_objects_are_ignored_and_logged(
    function: ModuleType, cloud: Cloud, capfd: pytest.CaptureFixture[str], key: str, more: dict[str, str]
) -> None:
    message, status = function.main(event(key, **more))
    assert (message, status) == ("ignored: no object that starts the pipeline", 200)
    assert cloud.jobs == {} and cloud.messages == []
    [line] = capfd.readouterr().out.splitlines()
    bucket = more.get("bucket", "arrivals")
    assert json.loads(line) == {"severity": "INFO", "message": message, "object": f"gs://{bucket}/{key}"}


def test_a_name_that_reads_as_a_placeholder_is_refused(function: ModuleType, cloud: Cloud) -> None:
    message, _ = function.main(event("raw/{{$.pipeline_job_name}}.csv"))
    assert message.startswith("refused")
    assert cloud.jobs == {}


def test_braces_in_a_name_stay(function: ModuleType, cloud: Cloud) -> None:
    function.main(event("raw/{key}/day.csv"))
    [job] = cloud.jobs.values()
    assert job["runtimeConfig"]["parameterValues"]["InputData"] == "gs://arrivals/raw/{key}/"


def test_a_refusal_fails_so_that_the_event_comes_again(function: ModuleType, cloud: Cloud) -> None:
    cloud.refusal = 503
    with pytest.raises(RuntimeError, match=r"Vertex AI answered 503: .*not today"):
        function.main(event("raw/day.csv"))


# --- setting up ---


def test_deploying_says_to_gcloud_what_the_files_say(smx2vertex: Command, cloud: Cloud, tmp_path: Path) -> None:
    project, _ = converted(smx2vertex, tmp_path, NEW_DATA, {**NIGHTLY, "state": "DISABLED"}, NEWS)
    done = deploy(project, cloud, tmp_path)
    assert done.returncode == 0, done.stderr
    run, eventarc, topic = commands(tmp_path)
    assert run.startswith("run deploy lab-new-data --source=")
    assert run.endswith(
        "--function=main --base-image=python312 --region=us-east4 "
        f"--service-account={ACCOUNT} --no-allow-unauthenticated --quiet --project=acme-ml"
    )
    assert eventarc == (
        "eventarc triggers create lab-new-data-finalized --location=us-east4 "
        f"--event-filters=type={FINALIZED} --event-filters=bucket=arrivals --destination-run-service=lab-new-data "
        f"--destination-run-region=us-east4 --service-account={ACCOUNT} --project=acme-ml"
    )
    assert topic == "pubsub topics create projects/acme-ml/topics/training-news --project=acme-ml"
    assert "triggers/nightly.yaml is not enabled" in done.stdout
    assert [kind for kind, _, _ in cloud.made] == ["POST", "POST"]
    (_, channel, about), (_, _, policy) = cloud.made
    assert about["labels"] == {"email_address": "ml@example.com"}
    assert policy["notificationChannels"] == [channel]
    assert policy["conditions"][0]["conditionMatchedLog"]["filter"] == (
        'logName="projects/acme-ml/logs/aiplatform.googleapis.com%2Fpipeline_job_events" '
        'AND jsonPayload.pipelineName="lab" '
        'AND jsonPayload.state=("PIPELINE_STATE_SUCCEEDED" OR "PIPELINE_STATE_FAILED" OR "PIPELINE_STATE_CANCELLED")'
    )


def test_a_schedule_is_made_once_and_changed_later(smx2vertex: Command, cloud: Cloud, tmp_path: Path) -> None:
    project, _ = converted(smx2vertex, tmp_path, NIGHTLY)
    for _ in range(2):
        done = deploy(project, cloud, tmp_path)
        assert done.returncode == 0, done.stderr
    (first, made, body), (second, changed, same) = cloud.made
    assert (first, second, changed, same) == ("POST", "PATCH", made, body)
    request = body.pop("createPipelineJobRequest")
    assert body == {
        "displayName": "lab nightly",
        "cron": "TZ=Europe/Berlin 0-59/30 3 * * 1-5",
        "endTime": "2099-01-01T00:00:00+00:00",  # the start lies in the past, which Vertex AI does not take
        "maxConcurrentRunCount": "1",
    }
    assert request["parent"] == "projects/acme-ml/locations/us-east4"
    values = request["pipelineJob"]["runtimeConfig"]["parameterValues"]
    assert values == {"TrainingInstanceType": "n2-standard-8", "InputData": "gs://arrivals/all/"}


def test_a_dry_run_does_nothing(folder: Path, cloud: Cloud, tmp_path: Path) -> None:
    done = deploy(folder / "project", cloud, tmp_path, "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "gcloud run deploy lab-new-data" in done.stdout
    assert "alertPolicies: displayName lab training-news" in done.stdout
    assert not (tmp_path / "commands").exists() and cloud.made == []


def test_another_environment_needs_its_account(folder: Path, cloud: Cloud, tmp_path: Path) -> None:
    project = shutil.copytree(folder / "project", tmp_path / "project")
    (project / "compiled" / "prod").mkdir()
    shutil.copy(project / "compiled" / "vertex.yaml", project / "compiled" / "prod")
    done = deploy(project, cloud, tmp_path, "prod", "--dry-run")
    assert (done.returncode, done.stderr) == (1, "config.yaml names no service_account, which Eventarc needs\n")


def test_the_delivery_sets_up_the_triggers(folder: Path) -> None:
    project = folder / "project"
    workflow = yaml.safe_load((project / ".github/workflows/pipeline.yml").read_text(encoding="utf-8"))
    for stage in ("dev", "prod"):
        assert workflow["jobs"][stage]["steps"][-1] == {"run": f"python deploy_triggers.py {stage}"}
    step = yaml.safe_load((project / "cloudbuild.yaml").read_text(encoding="utf-8"))["steps"][-1]
    assert step["args"] == ["deploy_triggers.py", "$_ENVIRONMENT"]
