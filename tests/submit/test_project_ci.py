"""What a generated project brings for CI and for cleaning up: the files hold together, and their commands run."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from cloud_standin import Cloud
from support import REPOSITORY, Outcome

Command = Callable[..., Outcome]
SUBSTITUTIONS = {"$_ENVIRONMENT": "dev", "$COMMIT_SHA": "0a1b2c3d", "$GITHUB_SHA": "0a1b2c3d"}


def workflow(project: Path) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((project / ".github/workflows/pipeline.yml").read_text(encoding="utf-8"))
    return document


def cloud_build(project: Path) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((project / "cloudbuild.yaml").read_text(encoding="utf-8"))
    return document


def of_workflow(project: Path) -> Iterator[list[str]]:
    for job in workflow(project)["jobs"].values():
        yield from (shlex.split(step["run"]) for step in job["steps"] if "run" in step)


def of_cloud_build(project: Path) -> Iterator[list[str]]:
    for step in cloud_build(project)["steps"]:
        yield [Path(step["entrypoint"]).name.removesuffix("3"), *map(str, step["args"])]


def test_the_workflow_goes_from_check_over_dev_to_an_approved_prod(project: Path) -> None:
    jobs = workflow(project)["jobs"]
    assert [(name, job.get("needs"), job.get("environment")) for name, job in jobs.items()] == [
        ("check", None, None),
        ("dev", "check", "dev"),
        ("prod", "dev", "prod"),
    ]
    for name in ("dev", "prod"):
        assert jobs[name]["permissions"]["id-token"] == "write"
        assert any(step.get("uses", "").startswith("google-github-actions/auth@") for step in jobs[name]["steps"])
    assert "secrets." not in (project / ".github/workflows/pipeline.yml").read_text(encoding="utf-8")
    used = [step["uses"] for job in jobs.values() for step in job["steps"] if "uses" in step]
    # a tag can be moved, a commit cannot
    assert all(re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", each) for each in used)


def test_cloud_build_takes_the_same_steps(project: Path) -> None:
    document = cloud_build(project)
    assert [step["id"] for step in document["steps"]][2:] == [
        "lint",
        "format",
        "compile",
        "test",
        "validate",
        "build images",
        "compile for the environment",
        "submit",
    ]
    named = set(re.findall(r"\$(_\w+)", json.dumps(document["steps"])))
    assert named == set(document["substitutions"])


@pytest.mark.parametrize("commands_of", [of_workflow, of_cloud_build])
def test_the_commands_run(
    smx2vertex: Command,
    cloud: Cloud,
    project: Path,
    monkeypatch: pytest.MonkeyPatch,
    commands_of: Callable[[Path], Iterator[list[str]]],
) -> None:
    config = yaml.safe_load((project / "config.yaml").read_text(encoding="utf-8"))
    config["environments"]["prod"] = config["environments"]["dev"] | {"project": "acme-prod"}
    (project / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    cloud.job_states.append({"state": "PIPELINE_STATE_SUCCEEDED"})
    monkeypatch.chdir(project)
    told = _gcloud(project.parent, monkeypatch)
    ran = []
    for command in commands_of(project):
        program, *arguments = (_substituted(word) for word in command)
        if program == "smx2vertex":
            place = ["--endpoint-url", cloud.url, "--poll", "0.01"] if arguments[0] == "submit" else []
            done = smx2vertex(*arguments, *place)
            assert done.code == 0, (command, done.out, done.err)
        elif (program, arguments[0]) in [("pip", "install"), ("python", "-m")] and arguments[-1] != "pytest":
            continue
        else:
            module = ["-m", "ruff"] if program == "ruff" else []
            subprocess.run([sys.executable, *module, *arguments], check=True)
        ran.append(arguments[0])
    assert ran[:5] == ["check", "format", "compile_pipeline.py", "-m", "validate"]
    assert ran[5:8] == ["build_images.py", "compile_pipeline.py", "submit"]
    # one image is there already, two are built: with their address in each environment
    built = [line.split() for line in told.read_text(encoding="utf-8").splitlines() if line.startswith("builds")]
    places = [word for words in built for word in words if word.startswith("--substitutions=_IMAGE=")]
    repository = "--substitutions=_IMAGE=us-east4-docker.pkg.dev/acme-ml/lab-05-accuracy-gate"
    assert set(places) == {f"{repository}/xgboost:1.7-1", f"{repository}/xgboost-serving:1.7-1"}
    assert len(built) == 2 * ran.count("build_images.py")
    submitted = [request.path.split("/")[3] for request in cloud.sent("POST", "/pipelineJobs")]
    assert submitted == (["acme-ml", "acme-prod"] if commands_of is of_workflow else ["acme-ml"])
    assert cloud.sent("POST", "/pipelineJobs")[0].json["labels"] == {"commit": "0a1b2c3d"}


def _gcloud(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A gcloud that keeps what it is told, in the file that is returned, and knows the image of scikit-learn alone."""
    program, told = folder / "bin" / "gcloud", folder / "told"
    program.parent.mkdir()
    known = 'case "$*" in artifacts*) case "$*" in *scikit-learn*) ;; *) exit 1 ;; esac ;; esac'
    program.write_text(f'#!/bin/sh\necho "$@" >> "{told}"\n{known}\n', encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=os.pathsep)
    return told


def _substituted(word: str) -> str:
    for name, value in SUBSTITUTIONS.items():
        word = word.replace(name, value)
    return word


def test_strict_only_where_nothing_is_left_out(smx2vertex: Command, tmp_path: Path) -> None:
    """A workflow that could never pass would be of no use: what is left out stands in MIGRATION.md."""
    definition = json.loads((REPOSITORY / "tests/fixtures/churn_mini/definition.json").read_text(encoding="utf-8"))
    definition["Steps"].append({"Name": "Unknown", "Type": "Quantum", "Arguments": {}})
    (tmp_path / "definition.json").write_text(json.dumps(definition), encoding="utf-8")
    smx2vertex("convert", tmp_path / "definition.json", "--code", REPOSITORY / "tests", "--out", tmp_path / "project")
    assert ["smx2vertex", "validate", "definition.json", "."] in list(of_workflow(tmp_path / "project"))


def test_an_unknown_environment_is_named(project: Path) -> None:
    done = subprocess.run([sys.executable, "compile_pipeline.py", "test"], cwd=project, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr == "config.yaml has no environment test; it has: dev, prod\n"


def test_the_readme_removes_schedules_and_runs(cloud: Cloud, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The program of the README, run with the real client."""
    from google.auth.credentials import AnonymousCredentials
    from google.cloud import aiplatform

    real = aiplatform.init
    place = {"api_endpoint": cloud.url, "api_transport": "rest", "credentials": AnonymousCredentials()}
    monkeypatch.setattr(aiplatform, "init", lambda **given: real(**given, **place))
    monkeypatch.syspath_prepend(str(project))
    program = re.search(r"```python\n(.*?)```", (project / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    assert program is not None
    cloud.removable = {"schedules": ["7"], "pipelineJobs": ["old-1", "old-2"]}
    exec(program[1], {})
    deleted = [request.path.rsplit("/", 2)[1:] for request in cloud.requests if request.method == "DELETE"]
    assert deleted == [["schedules", "7"], ["pipelineJobs", "old-1"], ["pipelineJobs", "old-2"]]
    asked = {request.query.get("filter") for request in cloud.requests if request.method == "GET"} - {None}
    assert asked == {'display_name="lab-05-accuracy-gate"', 'pipeline_name="lab-05-accuracy-gate"'}


def test_run_pipeline_submits_the_same(
    smx2vertex: Command, cloud: Cloud, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """run_pipeline.py needs no smx2vertex; what it uploads and sends is the same."""
    from google.auth.credentials import AnonymousCredentials
    from google.cloud import aiplatform

    assert smx2vertex("submit", project, "--endpoint-url", cloud.url, "-p", "MinAccuracy=0.9").code == 0
    [expected] = cloud.sent("POST", "/pipelineJobs")
    uploaded = dict(cloud.objects)
    cloud.objects.clear()
    real = aiplatform.init
    place = {"api_endpoint": cloud.url, "api_transport": "rest", "credentials": AnonymousCredentials()}
    monkeypatch.setattr(aiplatform, "init", lambda **given: real(**given, **place))
    monkeypatch.setattr(
        "google.cloud.aiplatform.utils.gcs_utils.create_gcs_bucket_for_pipeline_artifacts_if_it_does_not_exist",
        lambda **_: None,
    )
    monkeypatch.setattr(sys, "argv", ["run_pipeline.py", "MinAccuracy=0.9"])
    monkeypatch.syspath_prepend(str(project))
    for module in [name for name in sys.modules if name.split(".")[0] in ("lab_05_accuracy_gate", "run_pipeline")]:
        monkeypatch.delitem(sys.modules, module)
    exec(
        compile((project / "run_pipeline.py").read_text(encoding="utf-8"), "run_pipeline.py", "exec"),
        {"__name__": "__main__"},
    )
    assert cloud.sent("POST", "/pipelineJobs")[1].json == expected.json
    assert cloud.objects == uploaded
