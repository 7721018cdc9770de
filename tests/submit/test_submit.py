"""`submit`: what is checked, what is uploaded, what is sent, with the real clients against a server on this machine."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import support
import yaml
from cloud_standin import Cloud
from support import Outcome

Command = Callable[..., Outcome]
LOCATION = "projects/acme-ml/locations/us-east4"
ROOT = "gs://acme-pipelines/lab-05"


def compiled(project: Path) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((project / "compiled" / "vertex.yaml").read_text(encoding="utf-8"))
    return document


def code_of(cloud: Cloud) -> dict[str, bytes]:
    """What was uploaded, by its path without the hash."""
    return {uri.removeprefix(f"{ROOT}/code/").split("/", 1)[1]: content for uri, content in cloud.objects.items()}


# --- one run ---


def test_a_run_as_the_service_receives_it(smx2vertex: Command, cloud: Cloud, project: Path) -> None:
    done = smx2vertex(
        *("submit", project, "--endpoint-url", cloud.url, "--job-id", "lab-7"),
        *("-p", "MinAccuracy=0.9", "-p", "ModelApprovalStatus=Approved", "--label", "team=risk"),
        *("--service-account", "runner@acme-ml.iam.gserviceaccount.com"),
        *("--network", "projects/1/global/networks/vpc", "--encryption-key", "projects/p/keys/k"),
    )
    assert done.code == 0, done.err
    [request] = cloud.sent("POST", "/pipelineJobs")
    assert request.path == f"/v1/{LOCATION}/pipelineJobs"
    assert request.query["pipelineJobId"] == "lab-7"
    assert request.json == {
        "displayName": "lab-05-accuracy-gate",
        "pipelineSpec": compiled(project),
        "runtimeConfig": {
            "gcsOutputDirectory": ROOT,
            "parameterValues": {"MinAccuracy": 0.9, "ModelApprovalStatus": "Approved"},
            "failurePolicy": 2,  # PIPELINE_FAILURE_POLICY_FAIL_FAST
        },
        "labels": {"team": "risk"},
        "serviceAccount": "runner@acme-ml.iam.gserviceaccount.com",
        "network": "projects/1/global/networks/vpc",
        "encryptionSpec": {"kmsKeyName": "projects/p/keys/k"},
    }
    assert f"{LOCATION}/pipelineJobs/lab-7" in done.out
    link = "https://console.cloud.google.com/vertex-ai/locations/us-east4/pipelines/runs/lab-7?project=acme-ml"
    assert link in done.out


def test_the_settings_come_from_config_yaml(smx2vertex: Command, cloud: Cloud, project: Path) -> None:
    config = yaml.safe_load((project / "config.yaml").read_text(encoding="utf-8"))
    config["environments"]["prod"] = config["environments"]["dev"] | {
        "project": "acme-prod",
        "service_account": "prod@acme-prod.iam.gserviceaccount.com",
    }
    (project / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    subprocess.run([sys.executable, "compile_pipeline.py", "prod"], cwd=project, check=True)
    done = smx2vertex("submit", project, "--environment", "prod", "--endpoint-url", cloud.url)
    assert done.code == 0, done.err
    [request] = cloud.sent("POST", "/pipelineJobs")
    assert request.path == "/v1/projects/acme-prod/locations/us-east4/pipelineJobs"
    assert request.json["serviceAccount"] == "prod@acme-prod.iam.gserviceaccount.com"
    assert "acme-prod" in json.dumps(request.json["pipelineSpec"])


@pytest.mark.parametrize(
    ("option", "caching"), [("--cache", {"enableCache": True}), ("--no-cache", {"enableCache": False})]
)
def test_caching_of_all_tasks(
    smx2vertex: Command, cloud: Cloud, project: Path, option: str, caching: dict[str, bool]
) -> None:
    assert smx2vertex("submit", project, "--endpoint-url", cloud.url, option).code == 0
    tasks = cloud.sent("POST", "/pipelineJobs")[0].json["pipelineSpec"]["root"]["dag"]["tasks"]
    assert {json.dumps(task.get("cachingOptions")) for task in tasks.values()} == {json.dumps(caching)}


def test_a_dry_run_shows_the_request_and_sends_nothing(smx2vertex: Command, cloud: Cloud, project: Path) -> None:
    options = ("submit", project, "--endpoint-url", cloud.url, "-p", "MinAccuracy=0.9", "--format", "json")
    dry = smx2vertex(*options, "--dry-run")
    assert dry.code == 0, dry.err
    assert cloud.requests == []
    plan = json.loads(dry.out)
    assert plan["sent"] is False
    assert plan["run"].startswith("lab-05-accuracy-gate-")
    assert [Path(each["uri"]).name for each in plan["code"] if "src/evaluation.py" in each["files"]] == [
        "evaluate_model"
    ]
    sent = json.loads(smx2vertex(*options).out)
    assert sent["sent"] is True
    body = cloud.sent("POST", "/pipelineJobs")[0].json
    plan["request"]["runtimeConfig"]["failurePolicy"] = 2
    assert plan["request"] == body


def test_a_dry_run_of_a_schedule_fits_on_a_page(smx2vertex: Command, cloud: Cloud, project: Path) -> None:
    done = smx2vertex("submit", project, "--dry-run", "--cron", "TZ=Europe/Berlin 0 6 * * 1")
    assert (done.code, cloud.requests) == (0, []), done.err
    assert '"cron": "TZ=Europe/Berlin 0 6 * * 1"' in done.out
    assert '"pipelineSpec": "…"' in done.out
    assert len(done.out.splitlines()) < 40
    assert done.out.endswith("nothing was sent\n")


# --- code ---


def test_the_code_is_uploaded_once(smx2vertex: Command, cloud: Cloud, project: Path) -> None:
    first = smx2vertex("submit", project, "--endpoint-url", cloud.url)
    assert first.code == 0, first.err
    code = code_of(cloud)
    assert code["evaluate_model/src/evaluation.py"] == (project / "code/evaluate_model/evaluation.py").read_bytes()
    assert code["train_model/__main__.py"] == (project / "lab_05_accuracy_gate" / "contract.py").read_bytes()
    order = [path for path in code if path.startswith("preprocess_data/")]
    assert order == ["preprocess_data/src/preprocessing.py", "preprocess_data/__main__.py"]
    named = json.dumps(compiled(project))
    assert all(uri.removesuffix("/__main__.py") in named for uri in cloud.objects if uri.endswith("/__main__.py"))
    uploads = len(cloud.objects)
    again = smx2vertex("submit", project, "--endpoint-url", cloud.url)
    assert again.out.count("there already") == 5
    assert len([each for each in cloud.requests if each.path.startswith("/upload/")]) == uploads


def test_an_upload_that_was_cut_short_is_made_good(smx2vertex: Command, cloud: Cloud, project: Path) -> None:
    assert smx2vertex("submit", project, "--endpoint-url", cloud.url).code == 0
    whole = dict(cloud.objects)
    del cloud.objects[next(uri for uri in whole if uri.endswith("evaluate_model/__main__.py"))]
    assert smx2vertex("submit", project, "--endpoint-url", cloud.url).code == 0
    assert cloud.objects == whole


def test_other_code_than_the_compiled_is_refused(smx2vertex: Command, cloud: Cloud, project: Path) -> None:
    (project / "code/evaluate_model/evaluation.py").write_text("print('new')\n", encoding="utf-8")
    done = smx2vertex("submit", project, "--endpoint-url", cloud.url)
    assert (done.code, cloud.requests) == (2, [])
    assert "SMX481" in done.err


@pytest.mark.parametrize("file", ["config.yaml", "lab_05_accuracy_gate/pipeline.py"])
def test_a_compiled_file_older_than_its_sources_is_refused(
    smx2vertex: Command, cloud: Cloud, project: Path, file: str
) -> None:
    with (project / file).open("a", encoding="utf-8") as source:
        source.write("# a change\n")
    done = smx2vertex("submit", project, "--endpoint-url", cloud.url)
    assert (done.code, cloud.requests) == (2, [])
    assert "SMX641" in done.err
    assert "compile_pipeline.py" in done.err


# --- parameters ---


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("Accuracy=0.9", "SMX601"),
        ("MinAccuracy=high", "SMX602"),
        ("ModelApprovalStatus=Perhaps", "SMX640"),
    ],
)
def test_a_wrong_value_is_refused_before_anything_is_sent(
    smx2vertex: Command, cloud: Cloud, project: Path, given: str, said: str
) -> None:
    done = smx2vertex("submit", project, "--endpoint-url", cloud.url, "-p", given)
    assert (done.code, cloud.requests) == (2, [])
    assert said in done.err


def test_a_required_parameter_is_missed(smx2vertex: Command, cloud: Cloud, project: Path) -> None:
    document = compiled(project)
    parameter = document["root"]["inputDefinitions"]["parameters"]["InputData"]
    del parameter["defaultValue"], parameter["isOptional"]
    (project / "compiled" / "vertex.yaml").write_text(yaml.safe_dump(document), encoding="utf-8")
    done = smx2vertex("submit", project, "--endpoint-url", cloud.url)
    assert (done.code, cloud.requests) == (2, [])
    assert "SMX603" in done.err


def test_values_of_sagemaker_are_translated(smx2vertex: Command, cloud: Cloud, project: Path) -> None:
    done = smx2vertex(
        *("submit", project, "--endpoint-url", cloud.url, "-p", "TrainingInstanceType=ml.m5.2xlarge"),
        *("-p", "InputData=s3://sagemaker-us-east-1-111122223333/new/"),
    )
    assert done.code == 0, done.err
    values = cloud.sent("POST", "/pipelineJobs")[0].json["runtimeConfig"]["parameterValues"]
    assert values == {"TrainingInstanceType": "n2-standard-8", "InputData": "gs://acme-data/new/"}
    assert "TrainingInstanceType = n2-standard-8  (given as ml.m5.2xlarge)" in done.out


def test_a_value_without_counterpart_is_sent_with_a_warning(smx2vertex: Command, cloud: Cloud, project: Path) -> None:
    done = smx2vertex("submit", project, "--endpoint-url", cloud.url, "-p", "InputData=s3://elsewhere/x/")
    assert done.code == 0
    assert "SMX651" in done.err


# --- the bucket, the place, the answers ---


def test_a_missing_bucket_is_not_made(smx2vertex: Command, cloud: Cloud, project: Path) -> None:
    cloud.buckets.clear()
    done = smx2vertex("submit", project, "--endpoint-url", cloud.url)
    assert done.code == 1
    assert "SMX642 gs://acme-pipelines does not exist" in done.err
    assert {each.method for each in cloud.requests} == {"GET"}


def test_a_bucket_in_several_regions_is_a_warning(smx2vertex: Command, cloud: Cloud, project: Path) -> None:
    cloud.buckets["acme-pipelines"] = {"location": "US", "locationType": "multi-region"}
    done = smx2vertex("submit", project, "--endpoint-url", cloud.url)
    assert done.code == 0
    assert "SMX643" in done.err


def test_another_region_than_the_compiled_is_a_warning(smx2vertex: Command, cloud: Cloud, project: Path) -> None:
    done = smx2vertex("submit", project, "--endpoint-url", cloud.url, "--project", "other", "--region", "us-central1")
    assert done.code == 0
    assert "SMX644" in done.err
    assert cloud.sent("POST", "/pipelineJobs")[0].path == "/v1/projects/other/locations/us-central1/pipelineJobs"


@pytest.mark.parametrize(
    ("call", "status"), [("POST .*/pipelineJobs", 403), ("POST /upload/", 403), ("GET .*/o/", 400)]
)
def test_a_refusal_is_a_finding(smx2vertex: Command, cloud: Cloud, project: Path, call: str, status: int) -> None:
    cloud.refusals[call] = (status, "permission denied by the test")
    done = smx2vertex("submit", project, "--endpoint-url", cloud.url)
    assert done.code == 1
    assert "SMX645" in done.err
    assert "permission denied by the test" in done.err
    assert "Traceback" not in done.err
    assert call.startswith("POST .*") or not cloud.sent("POST", "/pipelineJobs")


def test_what_the_client_refuses_is_a_finding(smx2vertex: Command, cloud: Cloud, project: Path) -> None:
    for options in (["--job-id", "Not Valid"], ["--label", "Team=x"], ["--cron", "every day"]):
        done = smx2vertex("submit", project, "--endpoint-url", cloud.url, *options)
        assert (done.code, cloud.requests) == (2, []), options
        assert "SMX650" in done.err


def test_what_is_no_project_is_refused(smx2vertex: Command, cloud: Cloud, project: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert "SMX647" in smx2vertex("submit", tmp_path / "empty").err
    assert "there is no environment 'test'" in smx2vertex("submit", project, "--environment", "test").err
    shutil.rmtree(project / "compiled")
    assert "SMX613" in smx2vertex("submit", project).err


# --- waiting ---


def state(name: str, tasks: dict[str, str], error: str = "") -> dict[str, Any]:
    details = [
        {"taskId": number, "taskName": task, "state": state}
        | ({"error": {"message": error}} if state == "FAILED" else {})
        for number, (task, state) in enumerate(tasks.items())
    ]
    found: dict[str, Any] = {"state": f"PIPELINE_STATE_{name}", "jobDetail": {"taskDetails": details}}
    return found | ({"error": {"code": 9, "message": error}} if error else {})


def test_waiting_follows_the_tasks(smx2vertex: Command, cloud: Cloud, project: Path) -> None:
    cloud.job_states.extend(
        [
            state("RUNNING", {"preprocess-data": "RUNNING"}),
            state("RUNNING", {"preprocess-data": "SUCCEEDED", "train-model": "RUNNING"}),
            state("SUCCEEDED", {"preprocess-data": "SUCCEEDED", "train-model": "SUCCEEDED"}),
        ]
    )
    done = smx2vertex("submit", project, "--endpoint-url", cloud.url, "--wait", "--poll", "0.01")
    assert done.code == 0, done.err
    assert [line.strip() for line in done.out.splitlines()][-5:] == [
        "preprocess-data  running",
        "preprocess-data  succeeded",
        "train-model  running",
        "train-model  succeeded",
        "succeeded",
    ]


def test_a_failed_run_ends_with_1(smx2vertex: Command, cloud: Cloud, project: Path) -> None:
    cloud.job_states.append(state("FAILED", {"train-model": "FAILED"}, "no such image"))
    options = ("--wait", "--poll", "0.01", "--format", "json")
    done = smx2vertex("submit", project, "--endpoint-url", cloud.url, *options)
    assert done.code == 1
    told = json.loads(done.out)
    assert (told["state"], told["error"]) == ("failed", "no such image")
    assert told["tasks"] == [{"task": "train-model", "state": "failed", "error": "no such image"}]


# --- schedules ---


def test_a_schedule_as_the_service_receives_it(smx2vertex: Command, cloud: Cloud, project: Path) -> None:
    done = smx2vertex(
        *("submit", project, "--endpoint-url", cloud.url, "--cron", "TZ=Europe/Berlin 0 6 * * 1"),
        *("--max-runs", "10", "--max-concurrent", "2", "-p", "MinAccuracy=0.9", "--label", "team=risk"),
        *("--service-account", "runner@acme-ml.iam.gserviceaccount.com"),
    )
    assert done.code == 0, done.err
    assert cloud.sent("POST", "/pipelineJobs") == []
    [request] = cloud.sent("POST", "/schedules")
    assert request.path == f"/v1/{LOCATION}/schedules"
    assert request.json == {
        "displayName": "lab-05-accuracy-gate",
        "cron": "TZ=Europe/Berlin 0 6 * * 1",
        "maxRunCount": "10",
        "maxConcurrentRunCount": "2",
        "createPipelineJobRequest": {
            "parent": LOCATION,
            "pipelineJob": {
                "pipelineSpec": compiled(project),
                "runtimeConfig": {
                    "gcsOutputDirectory": ROOT,
                    "parameterValues": {"MinAccuracy": 0.9},
                    "failurePolicy": 2,
                },
                "labels": {"team": "risk"},
                "serviceAccount": "runner@acme-ml.iam.gserviceaccount.com",
            },
        },
    }
    assert "pipelines/schedules/123?project=acme-ml" in done.out


# --- versions in Artifact Registry ---

REPOSITORY = "https://us-east4-kfp.pkg.dev/acme/pipelines"


def test_a_version_is_published(smx2vertex: Command, cloud: Cloud, project: Path) -> None:
    done = smx2vertex(
        "submit", project, "--endpoint-url", cloud.url, "--publish", REPOSITORY, "--tag", "v3", "--tag", "latest"
    )
    assert done.code == 0, done.err
    content = (project / "compiled" / "vertex.yaml").read_bytes()
    assert set(cloud.versions) == {f"lab-05-accuracy-gate/{version}" for version in ("sha256:0a1b", "v3", "latest")}
    assert set(cloud.versions.values()) == {content}
    assert cloud.sent("POST", "/acme/pipelines")[0].authorization == "Bearer a-token"
    assert len(code_of(cloud)) == 7
    assert cloud.sent("POST", "/pipelineJobs") == []
    assert f"registered {REPOSITORY}/lab-05-accuracy-gate/sha256:0a1b" in done.out


def test_a_version_is_published_and_run(smx2vertex: Command, cloud: Cloud, project: Path) -> None:
    done = smx2vertex(
        *("submit", project, "--endpoint-url", cloud.url, "--publish", REPOSITORY),
        *("--tag", "v3", "--run-version", "v3"),
    )
    assert done.code == 0, done.err
    [request] = cloud.sent("POST", "/pipelineJobs")
    assert request.json["templateUri"] == f"{REPOSITORY}/lab-05-accuracy-gate/v3"
    assert request.json["pipelineSpec"] == compiled(project)


def test_a_version_of_the_past_is_run_with_its_own_code(smx2vertex: Command, cloud: Cloud, project: Path) -> None:
    old = (project / "compiled" / "vertex.yaml").read_text(encoding="utf-8").replace("n2-standard-4", "n2-standard-16")
    cloud.versions["lab-05-accuracy-gate/v1"] = old.encode()
    version = f"{REPOSITORY}/lab-05-accuracy-gate/v1"
    command = ("submit", project, "--endpoint-url", cloud.url, "--run-version", version)
    without_code = smx2vertex(*command)
    assert without_code.code == 2
    assert "SMX648" in without_code.err
    assert smx2vertex("submit", project, "--endpoint-url", cloud.url, "--publish", REPOSITORY).code == 0
    done = smx2vertex(*command)
    assert done.code == 0, done.err
    [request] = cloud.sent("POST", "/pipelineJobs")
    assert request.json["pipelineSpec"] == yaml.safe_load(old)
    assert smx2vertex(*command[:-1], f"{REPOSITORY}/lab-05-accuracy-gate/v2").code == 1


def test_what_is_no_repository_is_refused(smx2vertex: Command, cloud: Cloud, project: Path) -> None:
    done = smx2vertex("submit", project, "--endpoint-url", cloud.url, "--publish", "us-east4-docker.pkg.dev/a/b")
    assert (done.code, cloud.requests) == (2, [])
    assert "SMX650" in done.err


def test_a_run_belongs_to_an_experiment(smx2vertex: Command, cloud: Cloud, project: Path) -> None:
    contexts = f"{LOCATION}/metadataStores/default/contexts"
    run = {"name": f"{contexts}/lab-7", "schemaTitle": "system.PipelineRun"}
    cloud.job_states.append({"state": "PIPELINE_STATE_RUNNING", "jobDetail": {"pipelineRunContext": run}})
    done = smx2vertex("submit", project, "--endpoint-url", cloud.url, "--job-id", "lab-7", "--experiment", "churn")
    assert done.code == 0, done.err
    [request] = cloud.sent("POST", "/contexts/churn:addContextChildren")
    assert request.json == {"childContexts": [f"{contexts}/lab-7"]}


def process(project: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """The command as a process of its own, in which nothing has been set up before."""
    command = [sys.executable, "-m", "smx2vertex", "submit", str(project), *options]
    return subprocess.run(command, capture_output=True, text=True)


def test_missing_credentials_are_a_finding(cloud: Cloud, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(project / "none.json"))
    done = process(project)
    assert (done.returncode, cloud.requests) == (2, [])
    assert "SMX649" in done.stderr
    assert "gcloud auth application-default login" in done.stderr


def test_only_data_goes_to_stdout(cloud: Cloud, project: Path) -> None:
    done = process(project, "--endpoint-url", cloud.url, "--format", "json")
    assert json.loads(done.stdout)["sent"] is True
    assert done.stderr == ""


# --- docs/submit.md ---


def test_the_commands_of_the_page_run(smx2vertex: Command, cloud: Cloud, project: Path) -> None:
    config = yaml.safe_load((project / "config.yaml").read_text(encoding="utf-8"))
    config["environments"]["prod"] = config["environments"]["dev"] | {"project": "acme-prod"}
    (project / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    for environment in ([], ["prod"]):
        subprocess.run([sys.executable, "compile_pipeline.py", *environment], cwd=project, check=True)
    cloud.job_states.append({"state": "PIPELINE_STATE_SUCCEEDED"})
    cloud.versions["lab-05-accuracy-gate/v1"] = (project / "compiled" / "vertex.yaml").read_bytes()
    page = (support.REPOSITORY / "docs" / "submit.md").read_text(encoding="utf-8")
    commands = [line[2:] for line in page.splitlines() if line.startswith("$ smx2vertex submit project")]
    assert len(commands) == 8
    for line in commands:
        options = shlex.split(line, comments=True)[3:]
        if "--host" in options:
            options = [cloud.url if option.startswith("http://localhost") else option for option in options]
            cloud.job_states[0] = {"state": "SUCCEEDED"}
        else:
            options += ["--endpoint-url", cloud.url]
        done = smx2vertex("submit", project, *options, "--poll", "0.01")
        assert done.code == 0, (line, done.err)
    assert len(cloud.sent("POST", "/pipelineJobs")) == 4
    assert len(cloud.sent("POST", "/schedules")) == 1
    assert len(cloud.sent("POST", "/runs")) == 1
