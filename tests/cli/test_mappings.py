"""`mappings list|show|check`, and the mapping report in all its forms."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from support import Outcome

Run = Callable[..., Outcome]
EVIL = "=cmd|'/C calc'!A1 <script>alert(1)</script> [x](javascript:1) \x1b[31m"


@pytest.fixture
def lambda_definition(tmp_path: Path) -> Path:
    step = {
        "Name": "Notify",
        "Type": "Lambda",
        "Arguments": {"who": "team"},
        "FunctionArn": "arn:aws:lambda:us-east-1:111122223333:function:notify",
        "OutputParameters": [{"OutputName": "status", "OutputType": "String"}],
        "CacheConfig": {"Enabled": False},
    }
    return _written(tmp_path, [step])


def _written(folder: Path, steps: list[dict[str, Any]]) -> Path:
    file = folder / "definition.json"
    file.write_text(json.dumps({"Version": "2020-12-01", "Steps": steps}), encoding="utf-8")
    return file


def test_list_counts_the_rows_of_each_verdict(smx2vertex: Run) -> None:
    tables = {table["name"]: table for table in json.loads(smx2vertex("mappings", "list", "--format", "json").out)}
    assert tables["processing"]["step"] == "Processing"
    assert tables["processing"]["by_verdict"]["exact"] > 0
    assert tables["job"]["by_verdict"]["exact"] == tables["job"]["by_verdict"]["adapted"] == 0
    assert all(sum(table["by_verdict"].values()) == table["rows"] > 0 for table in tables.values())
    text = smx2vertex("mappings", "list").out
    assert all(name in text for name in tables)


@pytest.mark.parametrize("name", ["lambda", "Lambda"])
def test_show_finds_a_table_by_its_name_or_its_step_type(smx2vertex: Run, name: str) -> None:
    shown = json.loads(smx2vertex("mappings", "show", name, "--format", "json").out)
    row = next(row for row in shown["rows"] if row["rule"] == "lambda.step:FunctionArn")
    assert (row["verdict"], row["file"]) == ("adapted", "mappings/steps/lambda.yaml")
    assert shown["sources"][0]["url"].startswith("https://")
    assert "FunctionArn" in smx2vertex("mappings", "show", name).out


def test_show_as_markdown_escapes_its_cells(smx2vertex: Run) -> None:
    shown = smx2vertex("mappings", "show", "register_model", "--format", "md").out
    assert "| InferenceSpecification.Containers\\[\\].ModelDataUrl | model | exact |" in shown
    assert {line.count("|") - line.count("\\|") for line in shown.splitlines() if line.startswith("|")} == {7}


def test_show_names_the_tables_that_there_are(smx2vertex: Run) -> None:
    outcome = smx2vertex("mappings", "show", "nonsense")
    assert outcome.code == 2
    assert "processing" in outcome.err


def test_explain_knows_rules_beside_the_arguments(smx2vertex: Run) -> None:
    outcome = smx2vertex("explain", "quality_check.step:SkipCheck")
    assert outcome.code == 0
    assert "Becomes: skip-check" in outcome.out


def test_our_own_tables_have_no_mistakes(smx2vertex: Run) -> None:
    outcome = smx2vertex("mappings", "check")
    assert (outcome.code, outcome.out) == (0, "")


GOOD = """\
step: Mine
target: component of mine
verdict: adapted
fields:
  A: {to: b, verdict: exact}
sources: [{title: Mine, url: "https://example.com", checked: 2026-11-21}]
"""


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("A: {to: b, verdict: exact}", "A: {to: b, verdict: fine}", "5:23: 'fine' is no verdict"),
        ("A: {to: b, verdict: exact}", "A: {to: b}", "5:6: the row has no verdict"),
        ("A: {to: b, verdict: exact}", "A: {too: b, to: b, verdict: exact}", "5:7: a row has no key 'too'"),
        ("A: {to: b, verdict: exact}", "A: {to: b, verdict: adapted}", "5:6: a row with verdict adapted says why"),
        ("A: {to: b, verdict: exact}", "A: {drop: true, verdict: exact}", "5:6: what is dropped is not exact"),
        ("A: {to: b, verdict: exact}", "A: {drop: true, to: b, verdict: exact}", "5:6: a row says where a field goes"),
        ("A: {to: b, verdict: exact}", "A: {verdict: exact}", "5:6: a row says where a field goes"),
        ("A: {to: b, verdict: exact}", "A: {to: b, verdict: redesign, because: x}", "5:6: a row with verdict redesign"),
        (
            "A: {to: b, verdict: exact}",
            "A: {to: b, verdict: exact, code: SMX999}",
            "5:36: no finding has the code 'SMX999'",
        ),
        ("A: {to: b, verdict: exact}", "A: {to: b, verdict: exact, blocks: true}", "5:38: a row that blocks its step"),
        ("A: {to: b, verdict: exact}", "A: {to: b, verdict: exact, from: x}", "5:36: from is one of"),
        ("A: {to: b, verdict: exact}", "A: {to: b, verdict: exact, harmless: x}", "5:40: harmless is a list"),
        ("A: {to: b, verdict: exact}", "A: b", "5:6: a row is a mapping"),
        ("A: {", "A: {to: b, verdict: exact}\n  A: {", "6:3: 'A' stands here a second time"),
        ("fields:", "field:", "1:1: the table has no rows"),
        ("target: component of mine\n", "", "1:1: the table has no target"),
        ("https:", "ftp:", "6:30: the address of a source begins with https://"),
        ("2026-11-21", "today", "6:62: checked is a day"),
        ("verdict: adapted", "verdict: [", "5:4: this is no YAML"),
        (GOOD, "", "1:1: a table is a mapping"),
        (GOOD, "[" * 5000, "1:1: this is no YAML text"),
    ],
)
def test_check_says_where_a_mistake_is(smx2vertex: Run, tmp_path: Path, old: str, new: str, expected: str) -> None:
    file = tmp_path / "mine.yaml"
    assert old in GOOD
    file.write_text(GOOD.replace(old, new, 1), encoding="utf-8")
    outcome = smx2vertex("mappings", "check", file)
    assert outcome.code == 1
    assert f"{file}:{expected}" in outcome.out


def test_check_accepts_a_table_of_ones_own(smx2vertex: Run, tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(GOOD, encoding="utf-8")
    assert smx2vertex("mappings", "check", file).code == 0


def test_rows_need_no_finding_where_one_speaks_for_the_whole_step(smx2vertex: Run, tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    row = "A: {to: b, verdict: redesign, because: c}"
    text = GOOD.replace("A: {to: b, verdict: exact}", row).replace("verdict: adapted", "verdict: redesign")
    file.write_text(text, encoding="utf-8")
    assert smx2vertex("mappings", "check", file).code == 0


def test_check_of_a_file_that_is_not_there(smx2vertex: Run, tmp_path: Path) -> None:
    assert smx2vertex("mappings", "check", tmp_path / "none.yaml").code == 2


def test_a_step_that_is_not_translated_names_the_nearest_thing(smx2vertex: Run, tmp_path: Path) -> None:
    artifact = {"ArtifactName": "a", "Source": {"SourceUri": "s3://b/x"}}
    step = {"Name": "Link", "Type": "Lineage", "Arguments": {"Artifacts": [artifact]}, "CacheConfig": {"Enabled": True}}
    report = json.loads(smx2vertex("map", _written(tmp_path, [step]), "--format", "json").out)
    [step] = report["steps"]
    assert step["verdict"] == "redesign"
    assert step["target"].startswith("task that fails")
    rules = {field["source"]: (field["rule"], field["verdict"]) for field in step["fields"]}
    assert rules["/Steps/0/Name"] == ("step:Name", "adapted")
    assert rules["/Steps/0/Arguments/Artifacts/0/ArtifactName"] == ("lineage:Artifacts[].ArtifactName", "redesign")
    assert rules["/Steps/0/CacheConfig/Enabled"] == ("step:CacheConfig.Enabled", "redesign")
    assert report["ledger"]["unaccounted"] == []
    assert [finding["code"] for finding in report["findings"] if finding["step"]] == ["SMX399"]


def test_a_translated_type_whose_step_cannot_be_planned_promises_nothing(smx2vertex: Run, tmp_path: Path) -> None:
    arguments = {"HyperParameters": {"a": "1"}, "AlgorithmSpecification": {"TrainingInputMode": "File"}}
    report = json.loads(
        smx2vertex(
            "map", _written(tmp_path, [{"Name": "T", "Type": "Training", "Arguments": arguments}]), "--format", "json"
        ).out
    )
    verdicts = {field["source"]: field["verdict"] for field in report["steps"][0]["fields"]}
    assert verdicts["/Steps/0/Arguments/HyperParameters/a"] == "redesign"
    assert report["ledger"]["by_verdict"]["redesign"] == 2


def test_references_to_properties_of_other_steps(smx2vertex: Run, tmp_path: Path) -> None:
    outputs = [{"OutputName": "a", "OutputType": "String"}]
    steps = [
        {"Name": "Ask", "Type": "Callback", "Arguments": {}, "SqsQueueUrl": "q", "OutputParameters": outputs},
        {
            "Name": "Say",
            "Type": "Lambda",
            "FunctionArn": "arn:aws:lambda:us-east-1:111122223333:function:notify",
            "Arguments": {"known": {"Get": "Steps.Ask.OutputParameters['a']"}},
        },
        {
            "Name": "Shout",
            "Type": "Lambda",
            "FunctionArn": "arn:aws:lambda:us-east-1:111122223333:function:notify",
            "Arguments": {"unknown": {"Get": "Steps.Ask.Nothing"}},
        },
    ]
    report = json.loads(smx2vertex("map", _written(tmp_path, steps), "--format", "json").out)
    fields = {field["source"]: field["verdict"] for step in report["steps"] for field in step["fields"]}
    assert fields["/Steps/1/Arguments/known/Get"] == "adapted"
    assert fields["/Steps/2/Arguments/unknown/Get"] == "unsupported"
    assert {finding["step"] for finding in report["findings"] if finding["code"] == "SMX244"} == {"Shout"}


def test_the_body_of_a_loop_is_accounted_for(smx2vertex: Run, tmp_path: Path) -> None:
    body = {"Name": "One", "Type": "Lambda", "FunctionArn": "f", "Arguments": {"x": {"Get": "ForEach.CurrentItem.x"}}}
    loop = {"Name": "All", "Type": "ForEach", "Arguments": {"IterableItems": "[]", "ForEachBody": [body]}}
    report = json.loads(smx2vertex("map", _written(tmp_path, [loop]), "--format", "json").out)
    assert report["ledger"]["unaccounted"] == []
    assert "SMX251" not in {finding["code"] for finding in report["findings"]}
    fields = {field["source"]: field for step in report["steps"] for field in step["fields"]}
    assert fields["/Steps/0/Arguments/ForEachBody/0/Arguments/x/Get"]["verdict"] == "adapted"


class _Tags(HTMLParser):
    """The names of all elements, and all text but that of scripts."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        links = {value for name, value in attrs if name in ("src", "href") and value}
        assert all(link.startswith("#") for link in links), "the page stands alone"

    def handle_data(self, data: str) -> None:
        if self.tags[-1:] != ["script"]:
            self.text += data


@pytest.fixture
def evil(tmp_path: Path) -> Path:
    return _written(tmp_path, [{"Name": EVIL, "Type": "Lambda", "Arguments": {EVIL: 1}, "FunctionArn": "f"}])


def test_html_shows_text_as_text(smx2vertex: Run, evil: Path) -> None:
    page = _Tags()
    page.feed(smx2vertex("map", evil, "--format", "html").out)
    assert page.tags.count("script") == 2  # the data, and the page's own
    assert "<script>alert(1)</script>" in page.text
    assert page.tags.count("table") == 1  # the steps; it has no machine


def test_csv_holds_one_row_a_field_and_no_formulas(smx2vertex: Run, evil: Path) -> None:
    report = json.loads(smx2vertex("map", evil, "--format", "json").out)
    rows = list(csv.DictReader(io.StringIO(smx2vertex("map", evil, "--format", "csv").out)))
    assert len(rows) == report["ledger"]["fields"]
    assert not [cell for row in rows for cell in row.values() if cell.startswith(("=", "+", "-", "@"))]
    assert rows[0]["step"].startswith("'=cmd")
    assert rows[-1]["step"] == "–" and rows[-1]["field"] == "/Version"


@pytest.mark.parametrize("form", ["md", "csv", "html", "text"])
def test_no_form_lets_a_terminal_be_commanded(smx2vertex: Run, evil: Path, form: str) -> None:
    outcome = smx2vertex("map", evil, "--format", form)
    assert outcome.code == 0
    assert "\x1b" not in outcome.out


def test_markdown_shows_text_as_text(smx2vertex: Run, evil: Path) -> None:
    shown = smx2vertex("map", evil, "--format", "md").out
    assert "<script>" not in shown and "](javascript" not in shown
    assert all(line.startswith("|") and line.endswith("|") for line in shown.splitlines() if "Steps/0" in line)
