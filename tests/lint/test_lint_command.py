"""`lint` on pipelines that kfp compiled, and on projects; its forms of output and its exit codes."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from support import REPOSITORY, SHARED, Outcome

Smx2vertex = Callable[..., Outcome]
SPECS = Path(__file__).parent / "specs"
KUBEFLOW_SPECS = sorted((REPOSITORY / "tests" / "kubeflow" / "specs").glob("*.yaml"))
PROJECT = REPOSITORY / "examples" / "lab-05-accuracy-gate" / "project"
DEFINITIONS = sorted((SHARED / "corpus" / "definitions").glob("*"))


def test_prebuilt_components_as_a_person_uses_them_first(smx2vertex: Smx2vertex) -> None:
    done = smx2vertex("lint", SPECS / "jobs.yaml", "--format", "json")
    findings = json.loads(done.out)["findings"]
    assert done.code == 1
    assert [(finding["code"], finding["step"]) for finding in findings] == [
        ("SMX535", "custom-training-job"),  # train "fast"
        ("SMX534", "custom-training-job"),  # Team
        ("SMX532", None),  # s3://acme-ml/churn
        ("SMX545", "custom-training-job"),  # 30 GB
        ("SMX541", "custom-training-job"),  # ml.m5.xlarge
        ("SMX532", None),
        ("SMX546", "custom-training-job-2"),  # the parameter gpus
        ("SMX533", "hyperparameter-tuning-job"),  # us-central1; custom jobs follow the pipeline
        ("SMX532", None),
        ("SMX543", "hyperparameter-tuning-job"),  # one of two L4
    ]
    lines = (SPECS / "jobs.yaml").read_text(encoding="utf-8").splitlines()
    assert "boot_disk_size_gb" in lines[findings[3]["source"]["line"] - 1]
    assert "machine_type: ml.m5.xlarge" in lines[findings[4]["source"]["line"] - 1]


def test_an_upload_that_is_cached_where_the_component_runs_it(smx2vertex: Smx2vertex) -> None:
    done = smx2vertex("lint", SPECS / "upload.yaml")
    assert done.code == 0
    assert "upload.yaml:181 SMX533 warning model-upload runs in us-central1, wherever the pipeline runs" in done.out
    assert "upload.yaml:181 SMX536 warning model-upload is skipped when its inputs are the same again" in done.out
    assert "1 file · 0 error · 2 warning · 0 info" in done.out


def test_the_same_components_as_they_should_be(smx2vertex: Smx2vertex) -> None:
    done = smx2vertex("lint", SPECS / "calm.yaml")
    assert (done.code, done.out) == (0, "1 file · 0 error · 0 warning · 0 info\n")


@pytest.mark.parametrize("spec", KUBEFLOW_SPECS, ids=lambda path: path.stem)
def test_pipelines_that_run_have_no_error(smx2vertex: Smx2vertex, spec: Path) -> None:
    done = smx2vertex("lint", spec)
    assert done.code == 0, done.out


def test_the_project_of_lab_05_has_no_hazard(smx2vertex: Smx2vertex) -> None:
    done = smx2vertex("lint", PROJECT)
    assert (done.code, done.out) == (0, "2 files · 0 error · 0 warning · 0 info\n")


@pytest.mark.slow
@pytest.mark.parametrize("source", DEFINITIONS or [None], ids=lambda source: source.stem if source else "absent")
def test_what_convert_makes_of_the_corpus_has_no_error(
    smx2vertex: Smx2vertex, tmp_path: Path, source: Path | None
) -> None:
    if source is None:
        pytest.skip("the corpus of real definitions is not beside this checkout")
    if smx2vertex("convert", source, "--out", tmp_path / "project").code == 2:
        pytest.skip("a broken definition, which is not converted")
    done = smx2vertex("lint", tmp_path / "project")
    assert done.code == 0, done.out


def test_codes_can_be_left_out_and_are_counted(smx2vertex: Smx2vertex) -> None:
    done = smx2vertex("lint", SPECS / "upload.yaml", "--ignore", "SMX533", "--ignore", "smx536")
    assert (done.code, done.out) == (0, "1 file · 0 error · 0 warning · 0 info · 2 ignored\n")


def test_sarif_names_the_line_of_each_hazard(smx2vertex: Smx2vertex) -> None:
    done = smx2vertex("lint", SPECS / "upload.yaml", "--format", "sarif")
    document = json.loads(done.out)
    run = document["runs"][0]
    assert document["version"] == "2.1.0"
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["SMX533", "SMX536"]
    assert [(result["ruleId"], result["level"]) for result in run["results"]] == [
        ("SMX533", "warning"),
        ("SMX536", "warning"),
    ]
    location = run["results"][0]["locations"][0]
    assert location["physicalLocation"]["artifactLocation"]["uri"].endswith("/tests/lint/specs/upload.yaml")
    assert location["physicalLocation"]["region"] == {"startLine": 181}
    assert location["logicalLocations"] == [{"fullyQualifiedName": "root.dag.tasks.model-upload"}]


def test_json_files_have_lines_too(smx2vertex: Smx2vertex, tmp_path: Path) -> None:
    import yaml

    spec = yaml.safe_load((SPECS / "upload.yaml").read_text(encoding="utf-8"))
    file = tmp_path / "upload.json"
    file.write_text(json.dumps(spec, indent="\t"), encoding="utf-8")
    done = smx2vertex("lint", file, "--format", "json")
    line = json.loads(done.out)["findings"][0]["source"]["line"]
    assert file.read_text(encoding="utf-8").splitlines()[line - 1].strip() == '"model-upload": {'


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["absent.yaml"], "SMX190"),
        ([Path(__file__)], "SMX19"),
        ([SPECS], "SMX482"),
        ([SPECS / "calm.yaml", "--ignore", "SMX201"], "SMX201 is no code of a hazard"),
    ],
)
def test_what_cannot_be_read_or_means_nothing_is_refused(
    smx2vertex: Smx2vertex, arguments: list[object], said: str
) -> None:
    done = smx2vertex("lint", *arguments)
    assert done.code == 2
    assert said in done.err


def test_lint_imports_neither_kfp_nor_google() -> None:
    program = (
        "import sys; sys.argv = ['smx2vertex', 'lint', sys.argv[1]]\n"
        "from smx2vertex.cli import run_command; assert run_command() == 0\n"
        "assert not {'kfp', 'google.cloud.aiplatform', 'sagemaker'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program, SPECS / "calm.yaml"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
