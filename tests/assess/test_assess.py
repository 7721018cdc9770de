"""`assess`: the pipelines in `portfolio/` show one thing each; `expected/` holds what is said of them.

After a change that is meant, write the expected files again: in this folder,
`smx2vertex assess portfolio --no-pages --out OUT`, and copy report.md and pipelines.csv.
"""

from __future__ import annotations

import csv
import json
import re
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import openpyxl
import pandas
import pytest
from support import REPOSITORY, Outcome

from smx2vertex.report.portfolio_words import approximately

HERE = Path(__file__).parent
FILES = ("index.html", "report.json", "report.md", "pipelines.csv", "findings.csv", "portfolio.xlsx")
Command = Callable[..., Outcome]


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Paths in reports are as the user wrote them."""
    monkeypatch.chdir(HERE)


@pytest.fixture
def out(tmp_path: Path, smx2vertex: Command) -> Path:
    """The report of the whole portfolio, without pages."""
    assert smx2vertex("assess", "portfolio", "--no-pages", "--out", tmp_path / "out").code == 1
    return tmp_path / "out"


def report(out: Path) -> dict[str, Any]:
    """The report as data."""
    document: dict[str, Any] = json.loads((out / "report.json").read_text(encoding="utf-8"))
    return document


def pipeline(document: dict[str, Any], name: str) -> dict[str, Any]:
    """What the report says of a pipeline."""
    return next(each for each in document["pipelines"] if each["name"] == name)


def copy(tmp_path: Path, *names: str) -> Path:
    """A folder with some of the definitions."""
    folder = tmp_path / "some"
    folder.mkdir()
    for name in names:
        shutil.copy(HERE / "portfolio" / name, folder)
    return folder


# --- the whole ---


@pytest.mark.parametrize("name", ["report.md", "pipelines.csv"])
def test_the_report_is_as_expected(out: Path, name: str) -> None:
    assert (out / name).read_text(encoding="utf-8") == (HERE / "expected" / name).read_text(encoding="utf-8")


def test_the_report_follows_its_schema(out: Path) -> None:
    schema = json.loads((REPOSITORY / "docs/schema/assess.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    document = report(out)
    jsonschema.validate(document, schema)
    document["totals"]["pipelines"] = "seven"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, schema)


def test_numbers_agree_everywhere(out: Path) -> None:
    document = report(out)
    totals, entries = document["totals"], document["pipelines"]
    assert totals["pipelines"] == len(entries) == sum(document["coverage"]["pipelines"].values())
    assert totals["steps"] == sum(len(each["steps"]) for each in entries) == sum(document["coverage"]["steps"].values())
    assert totals["fields"] == sum(document["coverage"]["fields"].values())
    assert totals["steps"] == sum(each["steps"] for each in document["inventory"]["step_types"])
    assert totals["unreadable"] == len(document["unreadable"])
    findings = list(csv.DictReader((out / "findings.csv").open(encoding="utf-8")))
    assert len(findings) == sum(totals["findings"].values()) == sum(each["count"] for each in document["findings"])
    for degree in ("low", "likely", "high"):
        effort = document["effort"]
        in_total = totals["days"][degree]
        assert in_total == pytest.approx(sum(each["days"][degree] for each in effort["drivers"]))
        assert in_total == pytest.approx(effort["pipelines"][degree] + effort["shared"][degree])
        assert effort["pipelines"][degree] == pytest.approx(sum(each["days"][degree] for each in document["waves"]))
        assert effort["pipelines"][degree] == pytest.approx(sum(each["days"][degree] for each in entries))


# --- single things ---


def test_two_of_one_structure_are_a_template_and_the_second_costs_less(out: Path) -> None:
    document = report(out)
    europe, america = pipeline(document, "churn-eu"), pipeline(document, "churn-us")
    assert europe["template"] == america["template"]
    assert america["similarity"] == 1.0
    assert america["days"]["likely"] == pytest.approx(0.3 * europe["days"]["likely"], abs=0.02)


def test_who_reads_what_another_writes_moves_after_it(out: Path) -> None:
    document = report(out)
    places = {
        each["name"]: (each["sources"], each["users"])
        for each in document["dependencies"]
        if each["kind"] == "location"
    }
    assert places == {
        "s3://acme-dashboard/site": (["dashboard"], ["nightly"]),
        "s3://acme-features/churn-eu": (["churn-eu"], ["scoring"]),
        "s3://acme-scores/forecast": (["forecast"], ["dashboard"]),
    }
    assert pipeline(document, "scoring")["depends_on"] == ["churn-eu"]
    assert pipeline(document, "scoring")["wave"] > pipeline(document, "churn-eu")["wave"]


def test_what_must_be_rewritten_and_what_needs_it_come_last(out: Path) -> None:
    document = report(out)
    waves = {each["name"]: each["wave"] for each in document["pipelines"]}
    assert waves["forecast"] < waves["dashboard"] < waves["nightly"]
    assert all(waves[name] < waves["forecast"] for name in ("churn-eu", "churn-us", "scoring", "hostile"))
    assert pipeline(document, "forecast")["excluded"] == [{"step": "Forecast", "code": "SMX238"}]
    assert pipeline(document, "forecast")["level"] == "B-5"
    assert pipeline(document, "dashboard")["why"].startswith("needs a pipeline with steps to be rewritten")


def test_what_leaves_steps_out_stands_first_then_what_most_wait_for(out: Path) -> None:
    blockers = report(out)["blockers"]
    assert [(each["kind"], each["name"], len(each["pipelines"])) for each in blockers[:3]] == [
        ("finding", "SMX238: A built-in algorithm has no exact open counterpart", 1),
        ("role", "AcmePipelines", 7),
        ("bucket", "acme-code", 6),
    ]
    image = next(each for each in blockers if each["kind"] == "image")
    assert image["pipelines"] == ["churn-eu", "churn-us", "scoring"]
    assert {each["name"] for each in blockers if each["blocks"]} == {
        "SMX238: A built-in algorithm has no exact open counterpart"
    }


def test_what_cannot_be_assessed_is_named_and_the_rest_goes_on(out: Path) -> None:
    document = report(out)
    assert {(each["file"], each["code"]) for each in document["unreadable"]} == {
        ("portfolio/broken.json", "SMX102"),
        ("portfolio/make_pipeline.py", "SMX173"),
    }
    assert document["skipped"] == ["portfolio/notes.json"]
    assert document["totals"]["pipelines"] == 7


def test_a_file_that_is_named_must_be_a_definition(tmp_path: Path, smx2vertex: Command) -> None:
    found = smx2vertex(
        "assess", "portfolio/notes.json", "portfolio/scoring.json", "--no-pages", "--out", tmp_path / "o"
    )
    assert found.code == 1
    assert [each["code"] for each in report(tmp_path / "o")["unreadable"]] == ["SMX105"]


def test_triggers_of_a_bundle_are_listed_and_cost(out: Path) -> None:
    document = report(out)
    assert document["inventory"]["triggers"] == [
        {
            "kind": "schedule",
            "name": "every-night",
            "pipeline": "nightly",
            "state": "ENABLED",
            "when": "cron(0 3 * * ? *)",
        }
    ]
    assert "trigger" in {each["row"] for each in pipeline(document, "nightly")["drivers"]}


def test_secrets_are_in_no_file(out: Path) -> None:
    texts = [file.read_bytes() for file in out.rglob("*") if file.is_file() and file.suffix != ".xlsx"]
    with zipfile.ZipFile(out / "portfolio.xlsx") as book:
        texts += [book.read(name) for name in book.namelist()]
    definition = (HERE / "portfolio/hostile.json").read_bytes()
    for secret in (b"hunter2-hunter2", b"AKIAABCDEFGHIJKLMNOP"):
        assert secret in definition
        assert not any(secret in text for text in texts)


def test_markup_and_formulas_are_text(out: Path) -> None:
    book = openpyxl.load_workbook(out / "portfolio.xlsx")
    steps = [row[1].value for row in book["Steps"].iter_rows(min_row=2)]
    assert "'=cmd|' /C calc'!A0" in steps
    assert all(cell.data_type != "f" for sheet in book for row in sheet.iter_rows() for cell in row)
    with (out / "findings.csv").open(encoding="utf-8", newline="") as file:
        cells = [cell for row in csv.reader(file) for cell in row]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
    assert "'=cmd|' /C calc'!A0" in cells
    markdown = (out / "report.md").read_text(encoding="utf-8")
    assert "<script>" not in markdown and "<img" not in markdown


def test_spreadsheets_read_back_with_types(out: Path) -> None:
    document = report(out)
    expected = {each["id"]: each for each in document["pipelines"]}
    sheets = pandas.read_excel(out / "portfolio.xlsx", sheet_name=None)
    for table in (pandas.read_csv(out / "pipelines.csv"), sheets["Pipelines"]):
        assert list(table.iloc[:, 0]) == list(expected)
        assert list(table["wave"]) == [each["wave"] for each in expected.values()]
        likely = next(column for column in table if column in ("days_likely", "days, likely"))
        assert list(table[likely]) == [each["days"]["likely"] for each in expected.values()]
        assert table["wave"].dtype == "int64" and table[likely].dtype == "float64"
    assert len(sheets["Findings"]) == len(pandas.read_csv(out / "findings.csv")) > 0
    assert len(sheets["Steps"]) == document["totals"]["steps"]
    summary = dict(zip(sheets["Summary"]["what"], sheets["Summary"]["value"], strict=True))
    assert summary["pipelines"] == document["totals"]["pipelines"]


def test_pipelines_of_one_name_are_told_apart_by_the_end_of_their_file(tmp_path: Path, smx2vertex: Command) -> None:
    for place in ("eu/daily", "us/daily", "us/weekly"):
        (tmp_path / "in" / place).mkdir(parents=True)
        shutil.copy(HERE / "portfolio/scoring.json", tmp_path / "in" / place)
    shutil.copy(HERE / "portfolio/hostile.json", tmp_path / "in")
    assert smx2vertex("assess", tmp_path / "in", "--no-pages", "--out", tmp_path / "out").code == 0
    assert sorted(each["id"] for each in report(tmp_path / "out")["pipelines"]) == [
        "hostile",
        "scoring (eu/daily/scoring.json)",
        "scoring (us/daily/scoring.json)",
        "scoring (us/weekly/scoring.json)",
    ]


def test_a_wave_begins_with_what_most_need_then_large_templates_then_little_effort(
    tmp_path: Path, smx2vertex: Command
) -> None:
    folder = copy(tmp_path, "churn-eu.json", "hostile.json", "scoring.json")
    for number in range(3):
        shutil.copy(folder / "hostile.json", folder / f"a-{number}.json")
    shutil.copy(HERE / "portfolio/forecast.json", folder / "z.json")
    assert smx2vertex("assess", folder, "--no-pages", "--out", tmp_path / "out").code == 0
    first = report(tmp_path / "out")["waves"][0]
    assert first["pipelines"] == ["churn-eu", "a-0", "a-1", "a-2", "hostile"]


@pytest.mark.parametrize(
    ("days", "shown"),
    [
        (0, "0"),
        (0.02, "<0.1"),
        (0.61, "0.6"),
        (2, "2"),
        (9.97, "10"),
        (57.47, "57"),
        (175.13, "180"),
        (5765.51, "5,800"),
    ],
)
def test_people_read_no_digits_that_nobody_knows(days: float, shown: str) -> None:
    assert approximately(days) == shown


# --- effort and prices ---


def test_a_table_of_ones_own_changes_the_effort(tmp_path: Path, smx2vertex: Command) -> None:
    table = (REPOSITORY / "mappings/effort.yaml").read_text(encoding="utf-8")
    days = "days: {low: 5, likely: 10, high: 20}"
    assert days in table
    own = tmp_path / "effort.yaml"
    own.write_text(table.replace(days, "days: {low: 50, likely: 100, high: 200}"), encoding="utf-8")
    arguments = ("assess", "portfolio/scoring.json", "--no-pages", "--out")
    assert smx2vertex(*arguments, tmp_path / "ours").code == 0
    assert smx2vertex(*arguments, tmp_path / "own", "--effort", own).code == 0
    ours, theirs = (report(tmp_path / name)["effort"]["shared"] for name in ("ours", "own"))
    assert theirs["likely"] - ours["likely"] == pytest.approx(90)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("per: portfolio", "per: planet"), "rows.landing_zone.per: 'planet' is none of"),
        (("likely: 10", "likely: ten"), "rows.landing_zone.days.likely: must be a number"),
        (("likely: 10", "likely: 30"), "low, likely and high must be in this order"),
        (("label: Set", "lable: Set"), "the key 'lable' is none of"),
    ],
)
def test_a_mistake_in_an_effort_table_is_named(
    tmp_path: Path, smx2vertex: Command, change: tuple[str, str], message: str
) -> None:
    own = tmp_path / "effort.yaml"
    own.write_text(
        (REPOSITORY / "mappings/effort.yaml").read_text(encoding="utf-8").replace(*change, 1), encoding="utf-8"
    )
    found = smx2vertex("assess", "portfolio", "--out", tmp_path / "out", "--effort", own)
    assert found.code == 2
    assert "SMX174" in found.err and message in found.err
    assert not (tmp_path / "out").exists()


def test_money_is_in_the_report_only_with_prices(tmp_path: Path, smx2vertex: Command) -> None:
    prices = tmp_path / "prices.yaml"
    prices.write_text(
        "currency: EUR\ninstance_types: {ml.m5.xlarge: 0.25}\nmachine_types: {n2-standard-4: 0.2}\n", encoding="utf-8"
    )
    arguments = ("assess", "portfolio/scoring.json", "portfolio/churn-eu.json", "--no-pages", "--out")
    assert smx2vertex(*arguments, tmp_path / "plain").code == 0
    assert report(tmp_path / "plain")["compute"]["source"]["cost"] is None
    assert smx2vertex(*arguments, tmp_path / "priced", "--prices", prices).code == 0
    compute = report(tmp_path / "priced")["compute"]
    assert (compute["currency"], compute["source"]["cost"], compute["target"]["cost"]) == ("EUR", 0.75, 0.6)
    assert (compute["source"]["vcpu_hours"], compute["source"]["memory_gib_hours"]) == (12, 48)


def test_a_type_without_a_price_is_named_and_no_sum_is_made_up(tmp_path: Path, smx2vertex: Command) -> None:
    prices = tmp_path / "prices.yaml"
    prices.write_text("currency: EUR\nmachine_types: {n2-standard-4: 0.2}\n", encoding="utf-8")
    arguments = ("assess", "portfolio/scoring.json", "--no-pages", "--out", tmp_path / "out", "--prices", prices)
    assert smx2vertex(*arguments).code == 0
    compute = report(tmp_path / "out")["compute"]
    assert (compute["unpriced"], compute["source"]["cost"], compute["target"]["cost"]) == (["ml.m5.xlarge"], None, 0.2)


@pytest.mark.parametrize(
    "text", ["instance_types: {}", "currency: EUR\nmachine_types: {n2-standard-4: cheap}", "{", "[]"]
)
def test_a_mistake_in_a_price_file_is_named(tmp_path: Path, smx2vertex: Command, text: str) -> None:
    prices = tmp_path / "prices.yaml"
    prices.write_text(text, encoding="utf-8")
    found = smx2vertex("assess", "portfolio", "--out", tmp_path / "out", "--prices", prices)
    assert found.code == 2
    assert "SMX175" in found.err


# --- the output folder ---


def test_several_processes_and_a_second_run_give_the_same_bytes(out: Path, tmp_path: Path, smx2vertex: Command) -> None:
    first = {name: (out / name).read_bytes() for name in FILES}
    smx2vertex("assess", "portfolio", "--no-pages", "--out", out)
    assert {name: (out / name).read_bytes() for name in FILES} == first
    smx2vertex("assess", "portfolio", "--no-pages", "--out", tmp_path / "other", "--jobs", 2)
    assert {name: (tmp_path / "other" / name).read_bytes() for name in FILES} == first


def test_a_run_goes_on_where_the_last_one_stopped(
    out: Path, smx2vertex: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = (out / "report.json").read_bytes()
    records = sorted((out / ".cache").glob("*/*.json"))
    records[0].unlink()
    records[1].write_text('["half a rec', encoding="utf-8")
    analysed: list[str] = []
    from smx2vertex.assess import run

    analyse = run.analyse
    monkeypatch.setattr(run, "analyse", lambda *each: analysed.append(each[0].name) or analyse(*each))
    smx2vertex("assess", "portfolio", "--no-pages", "--out", out)
    assert len(analysed) == 2
    assert (out / "report.json").read_bytes() == expected


def test_a_changed_definition_is_assessed_again_and_its_old_record_removed(tmp_path: Path, smx2vertex: Command) -> None:
    folder = copy(tmp_path, "scoring.json", "dashboard.json")
    out = tmp_path / "out"
    assert smx2vertex("assess", folder, "--no-pages", "--out", out).code == 0
    file = folder / "scoring.json"
    file.write_text(file.read_text(encoding="utf-8").replace("ml.m5.xlarge", "ml.m5.2xlarge"), encoding="utf-8")
    assert smx2vertex("assess", folder, "--no-pages", "--out", out).code == 0
    step = pipeline(report(out), "scoring")["steps"][0]
    assert (step["machines"]["instance_type"], step["machines"]["source"]["vcpu_hours"]) == ("ml.m5.2xlarge", 8)
    assert len(list((out / ".cache").glob("*/*"))) == 2


def test_a_fault_in_one_definition_does_not_stop_the_others(
    tmp_path: Path, smx2vertex: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    from smx2vertex.assess import run

    analyse = run.analyse

    def fails_once(definition: Any, *more: Any) -> Any:
        if definition.name == "scoring":
            raise KeyError("AKIAABCDEFGHIJKLMNOP")
        return analyse(definition, *more)

    monkeypatch.setattr(run, "analyse", fails_once)
    folder = copy(tmp_path, "scoring.json", "dashboard.json")
    assert smx2vertex("assess", folder, "--no-pages", "--out", tmp_path / "out").code == 1
    document = report(tmp_path / "out")
    assert [each["name"] for each in document["pipelines"]] == ["dashboard"]
    assert [(each["code"], each["message"]) for each in document["unreadable"]] == [("SMX176", "***")]


def test_a_folder_with_something_else_is_not_written_to(tmp_path: Path, smx2vertex: Command) -> None:
    (tmp_path / "mine.txt").write_text("mine", encoding="utf-8")
    found = smx2vertex("assess", "portfolio", "--out", tmp_path)
    assert found.code == 2
    assert "SMX172" in found.err
    assert [file.name for file in tmp_path.iterdir()] == ["mine.txt"]


def test_nothing_to_assess_is_an_error(tmp_path: Path, smx2vertex: Command) -> None:
    (tmp_path / "empty").mkdir()
    found = smx2vertex("assess", tmp_path / "empty", "--out", tmp_path / "out")
    assert found.code == 2
    assert "SMX170" in found.err
    assert not (tmp_path / "out").exists()


def test_the_output_below_a_path_is_not_assessed(tmp_path: Path, smx2vertex: Command) -> None:
    folder = copy(tmp_path, "scoring.json")
    for _ in range(2):
        assert smx2vertex("assess", folder, "--no-pages", "--out", folder / "report").code == 0
    assert report(folder / "report")["skipped"] == []


# --- what is printed ---


def test_forms_of_what_is_printed(tmp_path: Path, smx2vertex: Command) -> None:
    out = tmp_path / "out"

    def printed(form: str) -> str:
        return smx2vertex("assess", "portfolio", "--no-pages", "--out", out, "--format", form).out

    assert json.loads(printed("json")) == report(out)
    assert printed("csv") == (out / "pipelines.csv").read_text(encoding="utf-8")
    assert printed("md") == (out / "report.md").read_text(encoding="utf-8")
    text = printed("text")
    assert text.startswith("7 pipelines · 12 steps · 1 to be rewritten")
    assert "What moves first? 3 pipelines, ready to convert." in text
    assert re.search(r"role +AcmePipelines +7 +the first run", text)


def test_each_pipeline_has_a_page(tmp_path: Path, smx2vertex: Command) -> None:
    out = tmp_path / "out"
    assert smx2vertex("assess", "portfolio/hostile.json", "--out", out).code == 0
    (entry,) = report(out)["pipelines"]
    page = (out / entry["page"]).read_text(encoding="utf-8")
    alone = smx2vertex("map", "portfolio/hostile.json", "--format", "html").out
    back = '<p class="back"><a href="../index.html">← All pipelines</a></p>'
    assert page.replace(back, "", 1) == alone != page
    assert "hunter2-hunter2" not in page
