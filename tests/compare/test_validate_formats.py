"""The forms of `validate`: a comment, JUnit, SARIF with places in both files; codes left out; matches in a file."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from html import unescape
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
import yaml
from support import Outcome
from test_behaviour import ACCURACY, LEAST, branches
from test_compare import FIXTURES, compared, text_of

from smx2vertex.report.junit import to_junit

SVG = "{http://www.w3.org/2000/svg}"
Smx2vertex = Callable[..., Outcome]
DEFINITION = FIXTURES / "exemplar.json"
EQUAL = FIXTURES / "exemplar_kubeflow.yaml"
BY_HAND = FIXTURES / "exemplar_by_hand.yaml"


@pytest.fixture
def differing(tmp_path: Path) -> Path:
    """A translation whose condition lets nothing pass that meets its threshold exactly."""
    document = yaml.safe_load(text_of("exemplar_kubeflow"))
    first, second = branches(document)
    first["condition"], second["condition"] = f"{ACCURACY} > {LEAST}", f"{ACCURACY} <= {LEAST}"
    file = tmp_path / "differing.yaml"
    file.write_text(yaml.safe_dump(document, sort_keys=False))
    return file


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    """The definition with a step whose name is markup."""
    changed = DEFINITION.read_text().replace("TooInaccurate", "</title><script>alert(1)</script>`@all`|")
    file = tmp_path / "hostile.json"
    file.write_text(changed)
    return file


# --- Markdown ---

COMMENT = """\
### ❌ churn-mini: not equivalent: 2 differences

| check | result |  |
| --- | --- | --- |
| structure | fail | 6 steps, 6 tasks, 7 data edges, 2 branches |
| parameters | pass | 6 of 6 |
| behaviour | fail | 4 of 15 scenarios differ |

"""


def test_a_comment_tells_the_differences_and_counts_the_notes(smx2vertex: Smx2vertex, differing: Path) -> None:
    done = smx2vertex("validate", DEFINITION, differing, "--format", "md")
    assert done.code == 1
    assert done.out.startswith(COMMENT)
    table, rest = done.out[len(COMMENT) :].split("\n\n", 1)
    assert [row.split(" | ")[:2] for row in table.splitlines()[2:]] == [
        ["| SMX411", "error"],
        ["| SMX490", "error"],
        ["| SMX454", "warning"],
    ]
    assert rest.startswith("5 notes.\n\n**The smallest execution in which the two differ**\n\n- parameters: all have")
    assert len(done.out) < 4000


def test_a_comment_stays_short_and_nothing_in_it_is_markup(smx2vertex: Smx2vertex, hostile: Path) -> None:
    done = smx2vertex("validate", hostile, FIXTURES / "gates_vertex.yaml", "--format", "md")
    rows = [line for line in done.out.splitlines() if line.startswith("| SMX")]
    assert len(rows) == 15
    assert "more errors" in done.out
    assert "<script>" not in done.out
    assert "@all" not in done.out


# --- JUnit ---

JUNIT = """\
<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="smx2vertex validate" tests="3" failures="2" errors="0" skipped="0">
  <testsuite name="churn-mini" tests="3" failures="2" errors="0" skipped="0">
    <testcase classname="churn-mini" name="structure">
      <system-out>6 steps, 6 tasks, 7 data edges, 2 branches</system-out>
    </testcase>
    <testcase classname="churn-mini" name="parameters">
      <failure message="1 difference" type="SMX434">SMX434 error the default of MaxDepth is 7 instead of 5 \
(root.inputDefinitions.parameters.MaxDepth) [{definition} /Parameters/2/DefaultValue]</failure>
      <system-out>6 of 6</system-out>
    </testcase>
    <testcase classname="churn-mini" name="behaviour">
      <failure message="1 difference" type="SMX491">SMX491 error Train: Train gets 5, the default of MaxDepth; here \
train gets 7 (with all defaults; root.inputDefinitions.parameters.MaxDepth) \
[{definition} /Steps/1/Arguments/HyperParameters/max_depth]</failure>
      <system-out>1 of 15 scenarios differ</system-out>
    </testcase>
  </testsuite>
</testsuites>
"""


def test_junit_has_a_test_case_for_each_check(smx2vertex: Smx2vertex, tmp_path: Path) -> None:
    text = text_of("exemplar_kubeflow")
    (tmp_path / "other.yaml").write_text(
        text.replace("MaxDepth:\n        defaultValue: 5.0", "MaxDepth:\n        defaultValue: 7.0")
    )
    ignored = ("SMX420", "SMX435", "SMX454", "SMX472")
    options = [part for code in ignored for part in ("--ignore", code)]
    done = smx2vertex("validate", DEFINITION, tmp_path / "other.yaml", "--format", "junit", *options)
    assert done.code == 1
    assert done.out == JUNIT.format(definition=DEFINITION)


def test_junit_fails_where_the_command_fails(smx2vertex: Smx2vertex, hostile: Path) -> None:
    hostile.write_text(hostile.read_text().replace("<script>", "\\u0001\\ufffe"))
    suites = ET.fromstring(smx2vertex("validate", hostile, FIXTURES / "gates_vertex.yaml", "--format", "junit").out)
    assert suites.get("failures") == str(len(suites.findall(".//failure")))
    assert any("��alert(1)" in (failure.text or "") for failure in suites.iter("failure"))


def test_junit_fails_for_what_is_left_out_if_that_is_strict() -> None:
    result = compared("exemplar_kubeflow").to_dict() | {"excluded": [{"step": "Tune", "code": "SMX418"}]}
    assert ET.fromstring(to_junit(result, "churn")).get("failures") == "0"
    suites = ET.fromstring(to_junit(result, "churn", strict=True))
    assert suites.get("failures") == "1"
    assert suites.findtext(".//testcase[@name='nothing left out']/failure") == "SMX418 Tune"


def test_junit_skips_what_no_engine_would_start(smx2vertex: Smx2vertex, tmp_path: Path) -> None:
    document = yaml.safe_load(text_of("exemplar_kubeflow"))
    document["root"]["dag"]["tasks"]["prepare"]["dependentTasks"] = ["train"]
    (tmp_path / "cycle.json").write_text(json.dumps(document))
    suites = ET.fromstring(smx2vertex("validate", DEFINITION, tmp_path / "cycle.json", "--format", "junit").out)
    skipped = suites.find("testsuite/testcase[@name='behaviour']/skipped")
    assert skipped is not None
    assert "no engine would start" in (skipped.get("message") or "")


# --- SARIF ---


def test_sarif_has_places_in_both_files(smx2vertex: Smx2vertex, differing: Path) -> None:
    run = json.loads(smx2vertex("validate", DEFINITION, differing, "--format", "sarif").out)["runs"][0]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert (
        {rules[result["ruleIndex"]] for result in run["results"]} == {r["ruleId"] for r in run["results"]} == set(rules)
    )
    assert all(result["message"]["text"] and result["locations"] for result in run["results"])
    result = next(result for result in run["results"] if result["ruleId"] == "SMX411")
    assert result["message"]["text"].endswith(
        "; it decides about Churn-RegisterModel, TooInaccurate [in the translation](1)"
    )
    assert r"inputs.parameter_values\['pipelinechannel" in result["message"]["text"]
    (place,), (other,) = result["locations"], result["relatedLocations"]
    assert place["logicalLocations"] == [{"fullyQualifiedName": "/Steps/3/Arguments/Conditions/0"}]
    assert line_of(place, DEFINITION) == "{"
    assert other["logicalLocations"] == [{"fullyQualifiedName": "components.comp-condition-2.dag.tasks.package-churn"}]
    assert line_of(other, differing) == "package-churn:"


def line_of(location: dict[str, dict[str, dict[str, int]]], file: Path) -> str:
    physical = location["physicalLocation"]
    assert str(physical["artifactLocation"]["uri"]).endswith(file.name)
    return file.read_text().splitlines()[physical["region"]["startLine"] - 1].strip()


# --- codes left out ---


def test_what_is_ignored_is_counted_and_does_not_fail(smx2vertex: Smx2vertex, differing: Path) -> None:
    assert smx2vertex("validate", DEFINITION, differing, "--ignore", "SMX411").code == 1
    options = ("--ignore", "smx411", "--ignore", "SMX490")
    done = smx2vertex("validate", DEFINITION, differing, *options)
    assert done.code == 0
    assert (
        "equivalent in structure and parameters, in 15 simulated executions too, apart from what is ignored" in done.out
    )
    assert "  ignored     SMX411 (1), SMX490 (1)\n" in done.out
    assert "the smallest execution" not in done.out


def test_scenarios_that_show_only_what_is_ignored_do_not_count_as_differing(
    smx2vertex: Smx2vertex, differing: Path
) -> None:
    def behaviour(*options: str) -> tuple[int, str, int]:
        document = json.loads(smx2vertex("validate", DEFINITION, differing, "--format", "json", *options).out)
        (check,) = [check for check in document["checks"] if check["name"] == "behaviour"]
        return document["scenarios"]["differing"], check["note"], len(document["scenarios"].get("stories", ()))

    number, note, stories = behaviour()
    assert (note, stories) == (f"{number} of 15 scenarios differ", 1)
    assert number > 0
    assert behaviour("--ignore", "SMX490") == (0, "15 scenarios", 0)


def test_an_unknown_code_is_wrong_usage(smx2vertex: Smx2vertex) -> None:
    done = smx2vertex("validate", DEFINITION, EQUAL, "--ignore", "SMX999")
    assert done.code == 2
    assert "SMX999 is no code" in done.err


# --- matches in a file ---


def test_matches_are_written_edited_and_read(smx2vertex: Smx2vertex, tmp_path: Path) -> None:
    file = tmp_path / "match.yaml"
    before = json.loads(smx2vertex("validate", DEFINITION, BY_HAND, "--write-match", file, "--format", "json").out)
    written = yaml.safe_load(file.read_text())
    assert written["Train"] == ["train-xgb"]
    assert written["CheckAccuracy"] == []
    assert [*written] == [entry["step"] for entry in before["alignment"]]
    after = json.loads(smx2vertex("validate", DEFINITION, BY_HAND, "--match-file", file, "--format", "json").out)
    assert after["checks"] == before["checks"]
    assert {entry["how"] for entry in after["alignment"] if entry["tasks"]} == {"--match"}
    file.write_text("Train: evaluate-model\nEvaluate: [train-xgb]\n")
    wrong = ("validate", DEFINITION, BY_HAND, "--match-file", file, "--ignore", "SMX430", "--ignore", "SMX474")
    assert smx2vertex(*wrong).code == 1
    assert (
        smx2vertex(*wrong, "--match", "Train=train-xgb", "--match", "Evaluate=evaluate-model").code == 0
    )  # the option counts more


def test_a_file_of_matches_is_not_overwritten(smx2vertex: Smx2vertex, tmp_path: Path) -> None:
    (tmp_path / "match.yaml").write_text("mine")
    done = smx2vertex("validate", DEFINITION, EQUAL, "--write-match", tmp_path / "match.yaml")
    assert done.code == 2
    assert (tmp_path / "match.yaml").read_text() == "mine"


@pytest.mark.parametrize(
    ("text", "fault"), [("- a", "tasks by step"), ("Train: {a: b}", "'Train' has no list"), ("a: [", "read")]
)
def test_another_file_is_wrong_usage(smx2vertex: Smx2vertex, tmp_path: Path, text: str, fault: str) -> None:
    (tmp_path / "match.yaml").write_text(text)
    done = smx2vertex("validate", DEFINITION, EQUAL, "--match-file", tmp_path / "match.yaml")
    assert done.code == 2
    assert fault in done.err


# --- pages ---


def test_the_page_shows_both_diagrams_and_each_finding(smx2vertex: Smx2vertex, differing: Path) -> None:
    result = json.loads(smx2vertex("validate", DEFINITION, differing, "--format", "json").out)
    done = smx2vertex("validate", DEFINITION, differing, "--format", "html")
    assert done.code == 1
    source, target = pictures(done.out)
    assert [node.get("class") for node in nodes(source) if "Churn-RegisterModel" in text(node)] == ["work mark-error"]
    assert [node.get("class") for node in nodes(target) if "package-churn" in text(node)] == ["work mark-error"]
    rows = unescape(done.out[done.out.index("<h2>Findings") :])
    for finding in (finding for check in result["checks"] for finding in check["findings"]):
        assert f"<td>{finding['code']}</td>" in rows
        assert finding["message"] in rows
        assert finding["source"]["pointer"] in rows
    ids = re.findall(r' id="([^"]+)"', done.out)
    assert len(ids) == len(set(ids))


def test_pages_hold_no_script_of_others_and_load_nothing(smx2vertex: Smx2vertex, hostile: Path) -> None:
    for options in (("--format", "html"), ("--story",)):
        page = smx2vertex("validate", hostile, FIXTURES / "gates_vertex.yaml", *options).out
        assert "&lt;script&gt;alert(1)" in page
        assert page.count("<script") == 1  # the button for light and dark
        assert "default-src 'none'; style-src 'sha256-" in unescape(page)
        assert not re.search(r"(src|href|@import|url\()=?[\"']?http", page)


def test_the_story_tells_the_execution_step_by_step_on_both_diagrams(smx2vertex: Smx2vertex, differing: Path) -> None:
    done = smx2vertex("validate", DEFINITION, differing, "--story")
    assert done.code == 1
    assert [" ".join(unescape(line).split()) for line in re.findall(r"<label><input[^>]*>(.*)</label>", done.out)] == [
        "Prepare: runs; in the translation: runs",
        "Train: runs; in the translation: runs",
        "Evaluate: runs; in the translation: runs",
        "CheckAccuracy: runs, is true",
        "Churn-RegisterModel: runs; in the translation: does not run",
        "TooInaccurate: does not run; in the translation: fails",
    ]
    source, target = pictures(done.out)
    marked = {text(node): node.get("class") for node in (*nodes(source), *nodes(target))}
    assert marked["Train · Training"] == "work mark-runs at-2"
    assert marked["train · custom · container"] == "work mark-runs at-2"
    assert marked["Churn-RegisterModel · RegisterModel"] == "work mark-differs at-5"
    assert marked["package-churn · custom · container"] == "work mark-differs at-5"
    assert marked["TooInaccurate · Fail"] == "end mark-differs at-6"
    assert done.out.count("--now: ") == 6


def test_no_story_says_so(smx2vertex: Smx2vertex) -> None:
    done = smx2vertex("validate", DEFINITION, EQUAL, "--story")
    assert done.code == 0
    assert "No simulated execution differs (15 were run)." in done.out


def pictures(page: str) -> list[ET.Element]:
    found = [ET.fromstring(svg) for svg in re.findall(r"<svg.*?</svg>", page, re.DOTALL)]
    assert len(found) == 2
    return found


def nodes(picture: ET.Element) -> list[ET.Element]:
    return [group for group in picture.iter(f"{SVG}g") if group.find(f"{SVG}title") is not None]


def text(node: ET.Element) -> str:
    return node.findtext(f"{SVG}title") or ""
