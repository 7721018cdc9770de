"""Lambda and Callback steps: their components, the files around them, local runs, and what validate finds."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from support import REPOSITORY, Outcome

CALLS = REPOSITORY / "tests" / "vertex" / "fixtures" / "calls"
Command = Callable[..., Outcome]


def converted(smx2vertex: Command, out: Path, *options: object) -> Path:
    """The project of the fixture."""
    done = smx2vertex("convert", CALLS / "definition.json", "--code", CALLS / "code", "--out", out, *options)
    assert done.code == 0, done.out + done.err
    return out


def arguments(component: Path) -> list[str]:
    """The lines of a component that hold its command line, from the verb on."""
    lines = [line.strip().rstrip(",") for line in component.read_text().splitlines()]
    start = lines.index("dsl.PIPELINE_TASK_EXECUTOR_INPUT_PLACEHOLDER") + 1
    return lines[start : lines.index("]", start)]


def test_a_function_gets_its_arguments_and_gives_its_outputs(smx2vertex: Command, tmp_path: Path) -> None:
    out = converted(smx2vertex, tmp_path / "project")
    assert arguments(out / "definition" / "components" / "look_up_price.py") == [
        '"call-function"',
        '"--step=LookUpPrice"',
        '"--argument=item:{item:str}"',
        '"--argument=pieces:{pieces:int}"',
        '"--argument=currency:{currency:str}"',
        '"--argument=discount:{discount:float}"',
        '"--argument=code:{code_value:str}"',
        '"--argument=prices:{prices:str}"',
        '"--answer=status_code:String:statusCode"',
        '"--answer=price:Float:price"',
        'f"--url={functions.price_lookup}"',
    ]
    pipeline = (out / "definition" / "pipeline.py").read_text()
    for line in (
        "pieces=Pieces,",
        'code_value="007",',
        'prices=f"gs://{buckets.acme_shop}/prices.csv",',
        'with dsl.If(look_up_price_task.outputs["price"] > Budget, name="CheckBudget"):',
        'approver=ask_for_approval_task.outputs["approver"],',
    ):
        assert line in pipeline
    migration = (out / "MIGRATION.md").read_text()
    assert "gcloud run deploy price-lookup --source=functions/price_lookup --function=main" in migration


def test_a_worker_gets_the_message_and_its_reply_gives_the_outputs(smx2vertex: Command, tmp_path: Path) -> None:
    out = converted(smx2vertex, tmp_path / "project")
    assert arguments(out / "definition" / "components" / "ask_for_approval.py") == [
        '"callback"',
        '"--step=AskForApproval"',
        '"--execution={execution_name:str}"',
        '"--argument=item:{item:str}"',
        '"--argument=price:{price:float}"',
        '"--argument=text:status {status_code:str}"',
        '"--answer=approver:String:approver"',
        '"--answer=approved:Boolean:approved"',
        '"--timeout=604800"',
        'f"--topic={topics.approvals_fifo}"',
    ]
    assert "execution_name=dsl.PIPELINE_JOB_RESOURCE_NAME_PLACEHOLDER," in (out / "definition/pipeline.py").read_text()


def test_functions_and_topics_stand_in_config_yaml(smx2vertex: Command, tmp_path: Path) -> None:
    out = converted(smx2vertex, tmp_path / "project")
    block = yaml.safe_load((out / "config.yaml").read_text())["environments"]["dev"]
    assert block["functions"]["note"] == "TODO: deploy functions/note and write its https address here"
    assert block["topics"] == {"approvals_fifo": "projects/my-project/topics/approvals"}

    config = tmp_path / "mine.yaml"
    named = {
        "functions": {
            "note": "https://note-1.a.run.app",
            "arn:aws:lambda:us-east-1:111122223333:function:price-lookup": "https://prices-1.a.run.app",
        },
        "topics": {"approvals.fifo": "projects/acme/topics/yes"},
    }
    config.write_text(yaml.safe_dump(named))
    out = converted(smx2vertex, tmp_path / "second", "--config", config)
    block = yaml.safe_load((out / "config.yaml").read_text())["environments"]["dev"]
    assert block["functions"] == {"note": "https://note-1.a.run.app", "price_lookup": "https://prices-1.a.run.app"}
    assert block["topics"] == {"approvals_fifo": "projects/acme/topics/yes"}
    assert "--topic=projects/acme/topics/yes" in (out / "compiled/vertex.yaml").read_text()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("functions: {note: gs://x}", "mine.yaml:1:19: 'gs://x' is no address of a function"),
        ("topics: {q: approvals}", "mine.yaml:1:13: 'approvals' is no topic"),
    ],
    ids=["function", "topic"],
)
def test_mistakes_in_the_configuration_have_a_place(
    smx2vertex: Command, tmp_path: Path, text: str, message: str
) -> None:
    config = tmp_path / "mine.yaml"
    config.write_text(text)
    done = smx2vertex("convert", CALLS / "definition.json", "--out", tmp_path / "out", "--config", config)
    assert (done.code, message in done.err.replace("\n", " ")) == (2, True), done.err


def test_findings_say_what_is_to_be_done(smx2vertex: Command, tmp_path: Path) -> None:
    done = smx2vertex("convert", CALLS / "definition.json", "--code", CALLS / "code", "--out", tmp_path / "p")
    assert set(re.findall(r"(SMX\d+) +\w+ +(\w+):", done.out + done.err)) == {
        ("SMX376", "LookUpPrice"),
        ("SMX383", "LookUpPrice"),
        ("SMX379", "AskForApproval"),
        ("SMX376", "Note"),
        ("SMX377", "Note"),
    }


def test_every_field_is_accounted_for(smx2vertex: Command) -> None:
    report = json.loads(smx2vertex("map", CALLS / "definition.json", "--format", "json").out)
    assert report["ledger"]["unaccounted"] == []
    assert {step["name"]: step["verdict"] for step in report["steps"]}["AskForApproval"] == "adapted"


def test_a_local_run_takes_the_answers_it_was_given(smx2vertex: Command, tmp_path: Path) -> None:
    out = converted(smx2vertex, tmp_path / "project")
    done = smx2vertex("run", out, "--out", tmp_path / "run", "--no-cache")
    assert done.code == 1
    assert "give the answer (statusCode, price) with --answer 'LookUpPrice=FILE.json'" in " ".join(done.err.split())
    (tmp_path / "price.json").write_text('{"statusCode": 200, "price": 60}')
    (tmp_path / "approval.json").write_text('{"approver": "Ada", "approved": false}')
    answers = [f"--answer=LookUpPrice={tmp_path}/price.json", f"--answer=AskForApproval={tmp_path}/approval.json"]
    done = smx2vertex("run", out, "--out", tmp_path / "second", "--no-cache", "--format", "json", *answers)
    assert done.code == 0, done.out + done.err
    tasks = {task["name"]: task for task in json.loads(done.out)["tasks"]}
    assert tasks["look-up-price"]["parameters"] == {"price": 60.0, "status_code": "200"}
    assert tasks["ask-for-approval"]["parameters"] == {"approved": False, "approver": "Ada"}
    [request] = json.loads(next((tmp_path / "second").rglob("Note.json")).read_text())
    assert request["body"] == {"approver": "Ada", "approved": False}


@pytest.mark.parametrize("content", ["no JSON", "[1]"])
def test_answers_that_cannot_be_used_are_refused(smx2vertex: Command, tmp_path: Path, content: str) -> None:
    out = converted(smx2vertex, tmp_path / "project")
    (tmp_path / "answer.json").write_text(content)
    done = smx2vertex("run", out, "--out", tmp_path / "run", f"--answer=Note={tmp_path}/answer.json")
    assert (done.code, "--answer" in done.err) == (2, True)


# --- validate ---


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("--argument=item:{item:str}", "--argument=article:{item:str}", "SMX451"),
        ("--argument=pieces:{pieces:int}", "--argument=pieces:{pieces:float}", "SMX451"),
        ("--argument=code:{code_value:str}", "--argument=code:{code_value:int}", "SMX451"),
        ("--argument=currency:{currency:str}", "--argument=currency:{prices:str}", "SMX451"),
        ("--answer=price:Float:price", "--answer=price:Integer:price", "SMX451"),
        ("--answer=price:Float:price", "--answer=price:Float:prices", "SMX405"),
        ("--argument=text:status {status_code:str}", "--argument=text:state {status_code:str}", "SMX451"),
        ("--execution={execution_name:str}", "--execution={item:str}", "SMX451"),
        ("constant: EUR", "constant: USD", "SMX451"),
        ("constant: 0.25", "constant: 0.5", "SMX451"),
        ("--step=Note", "--step=LookUpPrice", "SMX402"),
    ],
)
def test_validate_finds_a_change(smx2vertex: Command, tmp_path: Path, old: str, new: str, code: str) -> None:
    compiled = converted(smx2vertex, tmp_path / "project") / "compiled" / "vertex.yaml"
    assert smx2vertex("validate", CALLS / "definition.json", compiled).code == 0
    text = compiled.read_text()
    assert old in text
    compiled.write_text(text.replace(old, new))
    done = smx2vertex("validate", CALLS / "definition.json", compiled, "--format", "json")
    found = {finding["code"] for check in json.loads(done.out)["checks"] for finding in check["findings"]}
    assert (done.code, code in found) == (1, True), found


def test_validate_finds_two_functions_in_the_place_of_one(smx2vertex: Command, tmp_path: Path) -> None:
    document: dict[str, Any] = json.loads((CALLS / "definition.json").read_text())
    again = {**document["Steps"][0], "Name": "LookUpAgain", "DependsOn": ["LookUpPrice"]}
    document["Steps"].append(again)
    definition = tmp_path / "twice.json"
    definition.write_text(json.dumps(document))
    assert smx2vertex("convert", definition, "--out", tmp_path / "project").code == 0
    compiled = tmp_path / "project/compiled/vertex.yaml"
    assert smx2vertex("validate", definition, compiled).code == 0
    compiled.write_text(compiled.read_text().replace("--url=TODO", "--url=https://other", 1))
    done = smx2vertex("validate", definition, compiled)
    assert "SMX471" in done.out


def test_validate_finds_a_call_that_would_be_cached(smx2vertex: Command, tmp_path: Path) -> None:
    definition = CALLS / "definition.json"
    compiled = converted(smx2vertex, tmp_path / "project") / "compiled" / "vertex.yaml"
    text = compiled.read_text()
    off = "      look-up-price:\n        cachingOptions: {}"
    assert off in text
    compiled.write_text(text.replace(off, "      look-up-price:\n        cachingOptions: {enableCache: true}"))
    done = smx2vertex("validate", definition, compiled)
    assert "SMX465" in done.out
