"""`--config`: rows, hooks and values of the user's own, and the mistakes in them."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest
import yaml
from support import REPOSITORY, Outcome

from smx2vertex.vertex import hooks

CHURN = REPOSITORY / "tests" / "fixtures" / "churn_mini" / "definition.json"
GUIDE = (REPOSITORY / "docs" / "config.md").read_text(encoding="utf-8")
Run = Callable[..., Outcome]


@pytest.fixture
def config(tmp_path: Path) -> Callable[[str], Path]:
    """Write a configuration."""

    def write(text: str, name: str = "config.yaml") -> Path:
        (tmp_path / name).write_text(text, encoding="utf-8")
        return tmp_path / name

    return write


def fields_of(smx2vertex: Run, definition: Path, *configs: Path) -> dict[str, dict[str, Any]]:
    """The mapped fields by their pointers."""
    options = [part for file in configs for part in ("--config", file)]
    done = smx2vertex("map", definition, *options, "--format", "json")
    assert done.code == 0, done.err
    return {field["source"]: field for step in json.loads(done.out)["steps"] for field in step["fields"]}


# --- rows ---

ROLE = "/Steps/0/Arguments/RoleArn"
TYPE = "/Steps/0/Arguments/ProcessingResources/ClusterConfig/InstanceType"


def test_a_row_of_ones_own_comes_before_ours(smx2vertex: Run, config: Callable[..., Path]) -> None:
    before = fields_of(smx2vertex, CHURN)[ROLE]
    assert (before["rule"], before["file"]) == ("processing:RoleArn", "mappings/steps/processing.yaml")
    mine = config(
        "rules:\n  Processing:\n    fields:\n      RoleArn: {drop: true, verdict: adapted, because: one role}\n"
    )
    after = fields_of(smx2vertex, CHURN, mine)[ROLE]
    assert (after["rule"], after["file"], after["note"]) == ("processing:RoleArn", str(mine), "one role")
    text = smx2vertex("map", CHURN, "--config", mine).out
    assert re.search(rf"{ROLE} +processing:RoleArn +{re.escape(str(mine))} +adapted", text)


def test_a_row_replaces_all_our_rows_below_it_and_no_others(smx2vertex: Run, config: Callable[..., Path]) -> None:
    mine = config("rules: {processing: {fields: {ProcessingResources: {to: cluster, verdict: exact}}}}")
    before, after = fields_of(smx2vertex, CHURN), fields_of(smx2vertex, CHURN, mine)
    changed = {pointer for pointer in before if before[pointer] != after[pointer]}
    assert TYPE in changed
    assert {re.sub(r"/Steps/\d+/Arguments/(\w+)/.*", r"\1", pointer) for pointer in changed} == {"ProcessingResources"}


def test_a_star_of_ones_own_covers_what_ours_names(smx2vertex: Run, config: Callable[..., Path]) -> None:
    mine = config("rules: {processing: {fields: {'*': {to: mine, verdict: exact}}}}")
    rules = {
        field["rule"]
        for pointer, field in fields_of(smx2vertex, CHURN, mine).items()
        if pointer.startswith("/Steps/0/Arguments/")
    }
    assert rules >= {"processing:*"}
    assert not {rule for rule in rules if rule.startswith("processing:") and rule != "processing:*"}


def test_the_last_configuration_is_on_top(smx2vertex: Run, config: Callable[..., Path]) -> None:
    one, two = (
        config(f"rules: {{processing: {{fields: {{RoleArn: {{to: {name}, verdict: exact}}}}}}}}", f"{name}.yaml")
        for name in ("one", "two")
    )
    assert fields_of(smx2vertex, CHURN, one, two)[ROLE]["target"] == "two"
    assert fields_of(smx2vertex, CHURN, two, one)[ROLE]["target"] == "one"


def test_rows_for_conditions_and_properties(smx2vertex: Run, config: Callable[..., Path]) -> None:
    mine = config(
        "rules:\n  conditions: {conditions: {GreaterThanOrEqualTo: {to: mine, verdict: exact}}}\n"
        "  properties: {properties: {Training: {ModelArtifacts.S3ModelArtifacts:\n"
        "    {to: my model, verdict: redesign, because: it moved, code: SMX244}}}}\n"
    )
    own = [field for field in fields_of(smx2vertex, CHURN, mine).values() if field["file"] == str(mine)]
    assert {field["rule"] for field in own} >= {
        "conditions:GreaterThanOrEqualTo",
        "properties:Training.ModelArtifacts.S3ModelArtifacts",
    }


def test_rows_of_a_type_and_of_a_disguise(smx2vertex: Run, config: Callable[..., Path]) -> None:
    """A notebook job is a Training step with rows of its own; the user's come before both."""
    notebooks = REPOSITORY / "tests" / "fixtures" / "notebooks" / "definition.json"
    place = "/Steps/0/Arguments/AlgorithmSpecification/TrainingImage"
    assert fields_of(smx2vertex, notebooks)[place]["file"] == "mappings/disguises/notebook_job.yaml"
    for table in ("Training", "notebook_job"):
        row = "AlgorithmSpecification.TrainingImage: {to: my image, verdict: exact}"
        mine = config(f"rules: {{{table}: {{fields: {{{row}}}}}}}")
        after = fields_of(smx2vertex, notebooks, mine)[place]
        assert (after["file"], after["target"], after["verdict"]) == (str(mine), "my image", "exact")


def test_a_whole_table_gives_an_unknown_step_type_its_rows(
    smx2vertex: Run, config: Callable[..., Path], tmp_path: Path
) -> None:
    table = config(
        "step: Quantum\ntarget: component of ours\nverdict: redesign\n"
        "fields: {Qubits: {to: qubits, verdict: redesign, because: no such machine}}\n"
        'sources: [{title: Ours, url: "https://example.com", checked: 2026-11-21}]\n',
        "quantum.yaml",
    )
    definition = tmp_path / "definition.json"
    step = {"Name": "Q", "Type": "Quantum", "Arguments": {"Qubits": 5}}
    definition.write_text(json.dumps({"Version": "2020-12-01", "Steps": [step]}))
    mine = config("mappings: [quantum.yaml]\n")
    field = fields_of(smx2vertex, definition, mine)["/Steps/0/Arguments/Qubits"]
    assert (field["rule"], field["verdict"], field["file"]) == ("Quantum:Qubits", "redesign", str(table))
    assert "component of ours" in smx2vertex("mappings", "show", "Quantum", "--config", mine).out
    assert "Quantum" in smx2vertex("mappings", "list", "--config", mine).out
    assert f"From: {table}" in smx2vertex("explain", "Quantum:Qubits", "--config", mine).out
    assert smx2vertex("explain", "Quantum:Qubits").code == 2


# --- mistakes ---

MISTAKES = {
    "unknown key": ("projekt: acme", "1:1: a configuration has no key 'projekt'"),
    "no text": ("project: [acme]", "1:10: project must be text"),
    "twice": ("project: a\nproject: b", "2:1: 'project' stands here a second time"),
    "no region": ("region: europe-west33", "1:9: 'europe-west33' is no region of Vertex AI that we know; near to it: "),
    "scheme": ("buckets:\n  acme-ml: gs://acme", "2:12: buckets must be names, without s3:// or gs://"),
    "root": ("pipeline_root: s3://acme", "1:16: pipeline_root is an address that begins with gs://"),
    "bucket": ("buckets: {acme-ml: Acme_}", "1:20: 'Acme_' is no name of a bucket"),
    "no machine": (
        "machines:\n  ml.m5.large: n2-standrad-4",
        "2:16: 'n2-standrad-4' is no machine of Vertex AI custom",
    ),
    "no instance type": ("machines: {nonsense: n2-standard-4}", "1:12: 'nonsense' is no instance type"),
    "machines is text": ("machines: nonsense", "1:11: machines is a mapping"),
    "no image": ("images: {'s3://a': 'x:1'}", "1:10: 's3://a' is no address of an image"),
    "aws region": ("regions: {nowhere: us-central1}", "1:11: 'nowhere' is no region of AWS"),
    "no table": (
        "rules: {procesing: {fields: {A: {to: b, verdict: exact}}}}",
        "1:9: 'procesing' is no table or step type",
    ),
    "no verdict": ("rules: {fail: {fields: {A: {to: b, verdict: fine}}}}", "1:45: 'fine' is no verdict"),
    "no group": ("rules: {fail: {field: {}}}", "1:16: a table of rules has no key 'field'"),
    "no code": ("rules: {fail: {fields: {A: {to: b, verdict: exact, code: X}}}}", "1:58: no finding has the code 'X'"),
    "no reason": (
        "rules: {fail: {fields: {A: {to: b, verdict: adapted}}}}",
        "1:28: a row with verdict adapted says why",
    ),
    "no switch": (
        "rules: {fail: {fields: {A: {to: b, verdict: exact, blocks: maybe}}}}",
        "1:60: blocks is true or false",
    ),
    "truth value": ("rules: {fail: {fields: {yes: {to: b, verdict: exact}}}}", "1:25: a key is text"),
    "date": ("rules: {fail: {target: 2026-11-21}}", "1:24: target is text; put quotes around it"),
    "no path": ("rules: {fail: {fields: {'A[0]': {to: b, verdict: exact}}}}", "1:25: 'A[0]' is no path of a field"),
    "no file": ("mappings: [none.yaml]", "1:12: none.yaml is no file"),
    "no hook": ("step_types: {Approval: none.py:plan}", "1:24: none.py cannot be read"),
    "no function": ("step_types: {Approval: hook.py:plan}", "1:24: hook.py defines no function 'plan'"),
    "no python": ("step_types: {Approval: broken.py:plan}", "1:24: broken.py is no Python"),
    "no yaml": ("a: [", "1:5: this is no YAML"),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_a_mistake_is_refused_with_its_place(
    smx2vertex: Run, config: Callable[..., Path], tmp_path: Path, case: str
) -> None:
    text, expected = MISTAKES[case]
    (tmp_path / "hook.py").write_text("def other(planner, step): ...\n")
    (tmp_path / "broken.py").write_text("def plan(:\n")
    mine = config(text)
    out = tmp_path / "project"
    for command in (("map", CHURN), ("convert", CHURN, "--out", out), ("mappings", "list")):
        done = smx2vertex(*command, "--config", mine)
        assert (done.code, done.out) == (2, "")
        assert f"{mine}:{expected}" in done.err
    assert not out.exists()
    checked = smx2vertex("mappings", "check", "--config", mine)
    assert checked.code == 1
    assert f"{mine}:{expected}" in checked.out


def test_what_our_tables_do_not_know_is_a_warning(smx2vertex: Run, config: Callable[..., Path]) -> None:
    mine = config(
        "machines: {ml.m99.large: n2-standard-4}\n"
        "rules: {processing: {fields: {Enviroment.*: {to: environment, verdict: exact}}}}\n"
    )
    checked = smx2vertex("mappings", "check", mine)
    assert checked.code == 1
    assert f"{mine}:1:12: 'ml.m99.large' is no instance type that we know" in checked.out
    assert (
        f"{mine}:2:31: this row never applies: 'Enviroment.*' is in no table; did you mean 'Environment'?"
        in checked.out
    )
    findings = json.loads(smx2vertex("map", CHURN, "--config", mine, "--format", "json").out)["findings"]
    assert {each["source"]["file"] for each in findings if each["code"] == "SMX266"} == {f"{mine}:1:12", f"{mine}:2:31"}


def test_a_condition_that_there_is_not_is_a_warning(smx2vertex: Run, config: Callable[..., Path]) -> None:
    mine = config("rules: {conditions: {conditions: {GreaterThen: {to: mine, verdict: exact}}}}")
    checked = smx2vertex("mappings", "check", mine)
    assert checked.code == 1
    expected = "'GreaterThen' is no condition; did you mean 'GreaterThan'?"
    assert checked.out == f"{mine}:1:35: this row never applies: {expected}\n"


def test_a_row_below_another_one_never_applies(smx2vertex: Run, config: Callable[..., Path]) -> None:
    table = config(
        "step: Processing\ntarget: mine\nverdict: adapted\n"
        "fields:\n  Environment.A: {to: a, verdict: exact}\n"
        'sources: [{title: Ours, url: "https://example.com", checked: 2026-11-21}]\n',
        "mine.yaml",
    )
    mine = config(
        "mappings: [mine.yaml]\nrules:\n  processing:\n    fields:\n      Environment: {to: b, verdict: exact}\n"
    )
    checked = smx2vertex("mappings", "check", mine)
    assert checked.code == 1
    assert f"{table}:5:3: this row never applies" in checked.out


def test_the_example_of_the_guide_has_no_mistakes(smx2vertex: Run, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(_block("yaml"), encoding="utf-8")
    (tmp_path / "approval.py").write_text(_block("python"), encoding="utf-8")
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables" / "approval.yaml").write_text(
        "step: Approval\ntarget: component\nverdict: adapted\nfields: {Question: {to: question, verdict: exact}}\n"
        'sources: [{title: Ours, url: "https://example.com", checked: 2026-11-21}]\n'
    )
    done = smx2vertex("mappings", "check", "--config", tmp_path / "config.yaml")
    assert (done.code, done.out) == (0, "")


# --- regions, images, machines ---


def test_a_region_of_ones_own(smx2vertex: Run, config: Callable[..., Path], tmp_path: Path) -> None:
    mine = config("regions: {us-east-1: europe-west4}")
    done = smx2vertex("convert", CHURN, "--out", tmp_path / "project", "--config", mine)
    assert done.code == 0, done.out + done.err
    settings = yaml.safe_load((tmp_path / "project" / "config.yaml").read_text())
    assert settings["environments"]["dev"]["region"] == "europe-west4"


def test_validate_asks_whether_the_target_uses_the_configuration(
    smx2vertex: Run, config: Callable[..., Path], tmp_path: Path
) -> None:
    mine = config("buckets: {acme-ml: acme-vertex}\nmachines: {ml.m5.large: e2-standard-8}\n")
    for name, options in (("with", ("--config", mine)), ("without", ())):
        assert smx2vertex("convert", CHURN, "--out", tmp_path / name, *options).code == 0
    good = smx2vertex("validate", CHURN, tmp_path / "with", "--config", mine)
    assert good.code == 0, good.out
    bad = smx2vertex("validate", CHURN, tmp_path / "without", "--config", mine, "--format", "json")
    assert bad.code == 1
    check = json.loads(bad.out)["checks"][-1]
    assert (check["name"], check["status"]) == ("config", "fail")
    assert {finding["message"] for finding in check["findings"]} == {
        "the bucket s3://acme-ml is gs://acme-ml in the target, not gs://acme-vertex",
        "the machine ml.m5.large is n2-standard-4 in the target, not e2-standard-8",
    }


# --- hooks ---


def _block(language: str) -> str:
    """The first block of a language in the guide."""
    found = re.search(rf"```{language}\n(.*?)```", GUIDE, re.DOTALL)
    assert found is not None
    return found[1]


@pytest.fixture
def office() -> Iterator[tuple[str, dict[str, Any]]]:
    """Somebody who is asked: the address, and what was asked and is answered."""
    state: dict[str, Any] = {"approved": True, "asked": []}

    class Office(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            state["asked"].append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps({"approved": state["approved"]}).encode())

        def log_message(self, *_: object) -> None:
            """Be quiet."""

    server = HTTPServer(("127.0.0.1", 0), Office)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/", state
    server.shutdown()
    server.server_close()


QUESTION = "Is 50% {fine}, $(or) not: {{x}}?"


def _approval(folder: Path, address: str) -> Path:
    steps = [
        {
            "Name": "Ask",
            "Type": "Approval",
            "Arguments": {"Question": QUESTION, "Address": {"Get": "Parameters.Address"}},
        },
        {"Name": "Stop", "Type": "Fail", "Arguments": {"ErrorMessage": "the end"}, "DependsOn": ["Ask"]},
    ]
    parameters = [{"Name": "Address", "Type": "String", "DefaultValue": address}]
    file = folder / "definition.json"
    file.write_text(json.dumps({"Version": "2020-12-01", "Parameters": parameters, "Steps": steps}))
    return file


@pytest.mark.parametrize("approved", [True, False])
def test_the_hook_of_the_guide_plans_steps_that_run(
    smx2vertex: Run, config: Callable[..., Path], tmp_path: Path, office: tuple[str, dict[str, Any]], approved: bool
) -> None:
    address, state = office
    state["approved"] = approved
    definition, out = _approval(tmp_path, address), tmp_path / "project"
    (tmp_path / "approval.py").write_text(_block("python"), encoding="utf-8")
    mine = config("step_types: {Approval: approval.py:plan_approval}")
    done = smx2vertex("convert", definition, "--out", out, "--config", mine)
    assert done.code == 0, done.out + done.err
    checked = json.loads(smx2vertex("validate", definition, out, "--format", "json").out)
    assert (checked["equivalent"], checked["excluded"]) == (True, [])
    ran = smx2vertex("run", out, "--out", tmp_path / "run")
    assert state["asked"] == [{"question": QUESTION}]
    assert ran.code == 1  # either the answer is no, or the pipeline comes to its end
    assert ("the end" in ran.out + ran.err) == approved


def test_a_hooked_step_is_mapped_by_the_hook(smx2vertex: Run, config: Callable[..., Path], tmp_path: Path) -> None:
    definition = _approval(tmp_path, "http://127.0.0.1:9/")
    without = json.loads(smx2vertex("map", definition, "--format", "json").out)["steps"][0]
    assert (without["verdict"], without["target"]) == ("unsupported", "task that fails and says so")
    (tmp_path / "approval.py").write_text(_block("python"), encoding="utf-8")
    mine = config(
        "step_types: {Approval: approval.py:plan_approval}\n"
        "rules: {Approval: {fields: {Question: {to: question, verdict: exact}}}}\n"
    )
    found = json.loads(smx2vertex("map", definition, "--config", mine, "--format", "json").out)["steps"][0]
    assert (found["verdict"], found["target"]) == ("adapted", "ask")
    by_field = {field["source"]: (field["rule"], field["file"]) for field in found["fields"]}
    assert by_field["/Steps/0/Arguments/Question"] == ("Approval:Question", str(mine))
    assert by_field["/Steps/0/Arguments/Address/Get"] == ("Approval:*", "approval.py:plan_approval")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("return 1 // 0", "ZeroDivisionError"),
        ("return step", "it returned Step, not a task"),
        ("raise SystemError", "SystemError"),
    ],
)
def test_a_hook_that_fails_is_named(
    smx2vertex: Run, config: Callable[..., Path], tmp_path: Path, body: str, expected: str
) -> None:
    (tmp_path / "hook.py").write_text(f"def plan(planner, step):\n    {body}\n")
    mine = config("step_types: {Approval: hook.py:plan}")
    done = smx2vertex("map", _approval(tmp_path, "http://127.0.0.1:9/"), "--config", mine)
    assert done.code == 2
    assert "SMX267 hook.py:plan /Steps/0" in done.err and expected in done.err


def test_a_hook_may_say_that_a_step_has_no_counterpart(
    smx2vertex: Run, config: Callable[..., Path], tmp_path: Path
) -> None:
    (tmp_path / "hook.py").write_text(
        'def plan(planner, step):\n    raise planner.not_translated(step, "SMX330", "not today", step.pointer)\n'
    )
    mine = config("step_types: {Approval: hook.py:plan}")
    done = smx2vertex("map", _approval(tmp_path, "http://127.0.0.1:9/"), "--config", mine, "--format", "json")
    step = json.loads(done.out)["steps"][0]
    assert (done.code, step["verdict"], step["target"]) == (0, "redesign", "task that fails and says so")
    assert "not today" in done.out


def test_an_installed_package_offers_a_hook(smx2vertex: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "acme_pipelines.py").write_text(_block("python"), encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    point = EntryPoint("Approval", "acme_pipelines:plan_approval", hooks.GROUP)
    monkeypatch.setattr(hooks, "entry_points", lambda group: [point] if group == hooks.GROUP else [])
    hooks.installed_hooks.cache_clear()
    try:
        definition = _approval(tmp_path, "http://127.0.0.1:9/")
        step = json.loads(smx2vertex("map", definition, "--format", "json").out)["steps"][0]
        assert (step["verdict"], step["target"]) == ("adapted", "ask")
    finally:
        hooks.installed_hooks.cache_clear()


def test_a_hook_is_not_run_where_no_step_needs_it(smx2vertex: Run, config: Callable[..., Path], tmp_path: Path) -> None:
    (tmp_path / "hook.py").write_text("raise SystemExit('it ran')\ndef plan(planner, step): ...\n")
    mine = config("step_types: {Approval: hook.py:plan}")
    assert smx2vertex("mappings", "check", mine).code == 0
    assert smx2vertex("map", CHURN, "--config", mine).code == 0
