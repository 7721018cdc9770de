"""Redshift and Athena datasets of Processing steps: the query, its translation, and what the checker sees."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support import Outcome

DEFINITION = Path(__file__).parent / "fixtures" / "datasets" / "definition.json"
Command = Callable[..., Outcome]


@pytest.fixture(scope="module")
def datasets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project, converted once."""
    out = tmp_path_factory.mktemp("datasets") / "project"
    arguments = ["convert", str(DEFINITION), "--code", str(DEFINITION.parent / "code"), "--out", str(out)]
    subprocess.run([sys.executable, "-m", "smx2vertex", *arguments], check=True, capture_output=True)
    return out


def converted(smx2vertex: Command, folder: Path, change: Callable[[dict[str, Any]], object], *options: str) -> Outcome:
    """`convert` of a definition whose Redshift dataset is changed, into `project`."""
    document = json.loads(DEFINITION.read_text())
    change(document["Steps"][0]["Arguments"]["ProcessingInputs"][1]["DatasetDefinition"]["RedshiftDatasetDefinition"])
    definition = folder / "definition.json"
    definition.write_text(json.dumps(document))
    return smx2vertex("convert", definition, "--out", folder / "project", *options)


def options_of(project: Path, component: str) -> list[str]:
    """The options on the command line of a component."""
    text = (project / "definition" / "components" / f"{component}.py").read_text()
    return [line.strip().rstrip(",")[1:-1] for line in text.splitlines() if line.strip().startswith('"--')]


def test_a_query_becomes_a_task_before_the_step(datasets: Path) -> None:
    assert options_of(datasets, "join_sales") == [
        "--step=Join",
        "--sql=SELECT * FROM public.sales WHERE sold > DATE_ADD(CAST(CURRENT_TIMESTAMP() AS DATETIME), "
        "INTERVAL -{days:int} DAY) LIMIT 10",
        "--path=/opt/ml/processing/input/sales",
        "--format=CSV",
        "--compression=GZIP",
        "--output=rows",
        "--destination={destination:str}",
    ]
    text = (datasets / "definition" / "pipeline.py").read_text()
    assert 'sql="SELECT APPROX_COUNT_DISTINCT(visitor) AS visitors FROM web.clicks"' in text
    assert 'sales=join_sales_task.outputs["rows"],\n        clicks=join_clicks_task.outputs["rows"],' in text


def test_both_texts_of_a_query_can_be_read(datasets: Path) -> None:
    text = (datasets / "definition" / "components" / "join_sales.py").read_text()
    assert "In Redshift: select top 10 * from public.sales where sold > dateadd(day, -{Days}, getdate())" in text
    text = (datasets / "MIGRATION.md").read_text()
    assert "select approx" in text and "SELECT APPROX" in text and "SMX315" in text


def test_every_field_is_accounted_for(smx2vertex: Command) -> None:
    mapped = json.loads(smx2vertex("map", DEFINITION, "--format", "json").out)
    assert mapped["ledger"]["unaccounted"] == []
    assert {finding["code"] for finding in mapped["findings"]} >= {"SMX319"}


@pytest.mark.parametrize("compiled", ["vertex.yaml", "kubeflow.yaml"])
def test_the_compiled_queries_are_equivalent(smx2vertex: Command, datasets: Path, compiled: str) -> None:
    done = smx2vertex("validate", DEFINITION, datasets / "compiled" / compiled, "--strict")
    assert done.code == 0, done.out


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("LIMIT 10", "LIMIT 11"),
        ("sold >", "sold >="),
        ("-{days:int} DAY", "-7 DAY"),
        ("FROM public.sales WHERE", "FROM public.sales, public.more WHERE"),
        ("APPROX_COUNT_DISTINCT(visitor)", "COUNT(DISTINCT visitor)"),
        ("--format=CSV", "--format=JSON"),
        ("--compression=GZIP", "--compression=None"),
        ("--path=/opt/ml/processing/input/sales", "--path=/opt/ml/processing/input/other"),
    ],
)
def test_a_changed_query_is_found(smx2vertex: Command, datasets: Path, tmp_path: Path, old: str, new: str) -> None:
    text = (datasets / "compiled" / "kubeflow.yaml").read_text().replace("\n          ", " ")
    lines = (datasets / "compiled" / "kubeflow.yaml").read_text()
    assert old in lines or old in text
    changed = tmp_path / "changed.yaml"
    changed.write_text(lines.replace(old, new) if old in lines else text.replace(old, new))
    done = smx2vertex("validate", DEFINITION, changed)
    assert done.code == 1, done.out


def test_a_table_is_named_in_the_configuration(smx2vertex: Command, tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("tables: {public.sales: shop-data.warehouse.sales, web.clicks: web.clicks}\n")
    done = converted(smx2vertex, tmp_path, lambda dataset: None, "--config", str(config))
    assert done.code == 0, done.out
    assert "SMX315" not in done.out
    (sql,) = [option for option in options_of(tmp_path / "project", "join_sales") if option.startswith("--sql=")]
    assert "FROM `shop-data`.`warehouse`.`sales` WHERE" in sql
    compiled = tmp_path / "project" / "compiled" / "kubeflow.yaml"
    found = json.loads(smx2vertex("validate", tmp_path / "definition.json", compiled, "--format", "json").out)
    pairs = [(each["source"], each["target"]) for each in found["correspondences"] if each["kind"] == "table"]
    assert pairs == [("public.sales", "shop-data.warehouse.sales")]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"QueryString": "unload ('select 1') to 's3://b'"}, "SMX316 warning Join: the query is no single query"),
        ({"QueryString": "select (("}, "SMX316 warning Join: the query cannot be read"),
        ({"OutputFormat": "ORC"}, "SMX317 warning Join: BigQuery does not export ORC GZIP"),
        ({"OutputCompression": "BZIP2"}, "SMX317 warning Join: BigQuery does not export CSV BZIP2"),
    ],
)
def test_what_bigquery_cannot_do_fails_when_it_runs(
    smx2vertex: Command, tmp_path: Path, change: dict[str, str], message: str
) -> None:
    done = converted(smx2vertex, tmp_path, lambda dataset: dataset.update(change))
    assert (done.code, message in done.out) == (0, True), done.out
    text = (tmp_path / "project" / "definition" / "components" / "join.py").read_text()
    assert '"not-translated"' in text
    assert not (tmp_path / "project" / "definition" / "components" / "join_sales.py").exists()


def test_a_query_from_a_parameter_reaches_bigquery_as_it_is(smx2vertex: Command, tmp_path: Path) -> None:
    done = converted(smx2vertex, tmp_path, lambda dataset: dataset.update(QueryString={"Get": "Parameters.Days"}))
    assert (done.code, "SMX318 warning Join" in done.out) == (0, True), done.out
    assert "--sql={days:int}" in options_of(tmp_path / "project", "join_sales")


def test_a_local_run_takes_the_rows_from_folders(smx2vertex: Command, datasets: Path, tmp_path: Path) -> None:
    (tmp_path / "rows").mkdir()
    (tmp_path / "rows" / "part.csv").write_text("1\n")
    folder = tmp_path / "rows"
    given = [f"--data=s3://acme-ml/unloaded/{name}={folder}" for name in ("sales", "clicks")]
    done = smx2vertex("run", datasets, "--out", tmp_path / "run", *given)
    assert done.code == 0, done.out + done.err
    assert "part.csv" in done.out + done.err


def test_a_translated_query_is_reported_once(smx2vertex: Command) -> None:
    report = json.loads(smx2vertex("map", DEFINITION, "--format", "json").out)
    found = [finding["source"]["pointer"] for finding in report["findings"] if finding["code"] == "SMX314"]
    assert len(found) == len(set(found)) == 2
