"""Queries: what BigQuery is asked, what becomes of its answers, and local runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from contract_run import Sandbox
from loopback import loopback

OPTIONS = ["query", "--step=Join", "--sql=SELECT a FROM t WHERE n > {limit:int};", "--path=/opt/ml/processing/input/t"]
OPTIONS += ["--output=rows", "--destination=gs://acme/unloaded", "--project=shop", "--location=europe-west1"]
CSV = [*OPTIONS, "--format=CSV", "--compression=GZIP"]


def job(state: str, **status: Any) -> dict[str, Any]:
    """A job as BigQuery describes it."""
    return {"status": {"state": state, **status}}


def prepared(task: Sandbox) -> Sandbox:
    """A task whose artifact lies in Cloud Storage."""
    task.parameters = {"limit": 5.0}
    task.output_uris = {"rows": "gs://root/run/rows"}
    return task


@pytest.mark.parametrize(
    ("options", "export"),
    [
        (
            ["--format=CSV", "--compression=GZIP"],
            "EXPORT DATA OPTIONS(uri=\"gs://root/run/rows/part-*.csv\", format='CSV', overwrite=true, "
            "compression='GZIP')",
        ),
        (
            ["--format=PARQUET", "--compression=None"],
            "EXPORT DATA OPTIONS(uri=\"gs://root/run/rows/part-*.parquet\", format='PARQUET', overwrite=true)",
        ),
        (
            ["--format=TEXTFILE"],
            "EXPORT DATA OPTIONS(uri=\"gs://root/run/rows/part-*.csv\", format='CSV', overwrite=true, "
            "field_delimiter='\\x01')",
        ),
    ],
)
def test_the_rows_are_exported_into_the_artifact(task: Sandbox, options: list[str], export: str) -> None:
    states = iter([job("RUNNING"), job("DONE")])
    with loopback(lambda method, path, body: (200, {} if method == "POST" else next(states))) as service:
        prepared(task).environment |= service.environment("bigquery")
        task.succeed(*OPTIONS, *options)
    (first, sent), *rest = [((method, path), body) for method, path, body in service.requests]
    assert first == ("POST", "projects/shop/jobs")
    assert sent["configuration"] == {
        "query": {"query": f"{export} AS\nSELECT a FROM t WHERE n > 5", "useLegacySql": False}
    }
    name = sent["jobReference"]["jobId"]
    assert sent["jobReference"] == {"projectId": "shop", "jobId": name, "location": "europe-west1"}
    assert [request for request, _ in rest] == [("GET", f"projects/shop/jobs/{name}?location=europe-west1")] * 2


def test_a_restarted_machine_waits_for_the_job_that_is_there(task: Sandbox) -> None:
    def answer(method: str, path: str, body: Any) -> tuple[int, Any]:
        return (409, {"error": {"message": "Already Exists"}}) if method == "POST" else (200, job("DONE"))

    with loopback(answer) as service:
        prepared(task).environment |= service.environment("bigquery")
        task.succeed(*CSV)
        task.succeed(*CSV)
    names = {body["jobReference"]["jobId"] for method, _, body in service.requests if method == "POST"}
    assert len(names) == 1


def test_a_query_that_fails_fails_the_task(task: Sandbox) -> None:
    failed = job("DONE", errorResult={"message": "Table t was not found"})
    with loopback(lambda method, path, body: (200, {} if method == "POST" else failed)) as service:
        prepared(task).environment |= service.environment("bigquery")
        assert "the query failed: Table t was not found" in task.refuse(*CSV)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--format=ORC"], "BigQuery does not export ORC"),
        (["--format=CSV", "--compression=ZSTD"], "BigQuery does not export CSV ZSTD"),
    ],
)
def test_files_that_bigquery_does_not_write_are_refused(task: Sandbox, options: list[str], message: str) -> None:
    assert message in prepared(task).refuse(*OPTIONS, *options)


def test_rows_go_to_cloud_storage_only(task: Sandbox) -> None:
    task.parameters, task.outputs = {"limit": 5}, ["rows"]
    assert "BigQuery exports to Cloud Storage alone" in task.refuse(*CSV)


def test_a_local_run_takes_the_rows_from_a_folder(task: Sandbox, tmp_path: Path) -> None:
    task.parameters, task.outputs = {"limit": 5}, ["rows"]
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "rows.csv").write_text("1\n")
    task.local_run({"gs://acme/unloaded": tmp_path / "here"})
    task.succeed(*CSV)
    assert (task.out("rows") / "rows.csv").read_text() == "1\n"


def test_a_local_run_without_rows_says_how_to_give_them(task: Sandbox) -> None:
    task.parameters, task.outputs = {"limit": 5}, ["rows"]
    task.local_run({})
    assert "name their folder with --data gs://acme/unloaded=DIR" in task.refuse(*CSV)
