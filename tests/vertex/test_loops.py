"""ForEach steps: the loop as people read it, what runs, and what the checker sees."""

from __future__ import annotations

import json
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from support import Outcome

DEFINITION = Path(__file__).parent / "fixtures" / "loop" / "definition.json"
Command = Callable[..., Outcome]


@pytest.fixture(scope="module")
def loop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project, converted once."""
    out = tmp_path_factory.mktemp("loop") / "project"
    arguments = ["convert", str(DEFINITION), "--code", str(DEFINITION.parent / "code"), "--out", str(out)]
    subprocess.run([sys.executable, "-m", "smx2vertex", *arguments], check=True, capture_output=True)
    return out


def converted(smx2vertex: Command, folder: Path, change: Callable[[dict[str, Any]], object]) -> Outcome:
    """`convert` of a changed definition, into `project`."""
    document = json.loads(DEFINITION.read_text())
    change(document)
    definition = folder / "definition.json"
    definition.write_text(json.dumps(document))
    return smx2vertex("convert", definition, "--out", folder / "project")


def test_the_loop_reads_like_the_step(loop: Path) -> None:
    text = (loop / "definition" / "pipeline.py").read_text()
    assert text[text.index("    with dsl.ParallelFor") : text.index("    with dsl.If")] == (
        '    with dsl.ParallelFor(try_depths_task.outputs["items"], name="TryDepths", parallelism=2) as item:\n'
        '        train_one_task = on_machine(train_one, "n2-standard-4", timeout_s=3600)(\n'
        '            code=code("train_one"),\n'
        '            train=prepare_task.outputs["train"],\n'
        "            depth=item.depth,\n"
        "            name_part=item.name_part,\n"
        '            model_destination=f"gs://{buckets.acme_ml}/models",\n'
        "        ).set_caching_options(False)\n"
        "\n"
        "    try_depths_results_task = try_depths_results(\n"
        '        code=code("try_depths_results"),\n'
        '        items=try_depths_task.outputs["items"],\n'
        '        rmse=dsl.Collected(train_one_task.outputs["rmse"]),\n'
        '        model=dsl.Collected(train_one_task.outputs["model"]),\n'
        "    ).set_caching_options(False)\n"
        "\n"
    )


def test_the_command_lines_say_what_is_done(loop: Path) -> None:
    components = loop / "definition" / "components"
    options = {
        name: [line.strip(' ",') for line in (components / f"{name}.py").read_text().splitlines() if '"--' in line]
        for name in ("try_depths", "try_depths_results")
    }
    assert options == {
        "try_depths": [
            "--step=TryDepths",
            "--items={depths:str}",
            "--part=depth:depth",
            "--part=name_part:name",
            "--result=items",
        ],
        "try_depths_results": [
            "--step=TryDepths",
            "--items=items",
            "--count=input_item_count:InputItemCount",
            "--collected=FinalMetricDataList['rmse'].Value:rmse",
            "--output=rmse_selected:selected:FinalMetricDataList['rmse'].Value",
            "--collected=ModelArtifacts.S3ModelArtifacts:model",
            "--output=model_selected:selected:ModelArtifacts.S3ModelArtifacts",
            "--pick=MinBy:FinalMetricDataList['rmse'].Value",
        ],
    }


def test_the_loop_runs_here_and_picks_a_copy(loop: Path, tmp_path: Path, smx2vertex: Command) -> None:
    done = smx2vertex("run", loop, "--out", tmp_path / "run", "--format", "json")
    assert done.code == 0, done.out + done.err
    tasks = {task["id"]: task for task in json.loads(done.out)["tasks"]}
    copies = {name: task["parameters"]["rmse"] for name, task in tasks.items() if "train-one" in name}
    assert [copies[name] for name in sorted(copies)] == [5.5, 1.0]
    results = tasks["try-depths-results"]
    assert results["parameters"] == {"input_item_count": 2, "rmse_selected": 1.0}
    with tarfile.open(Path(results["artifacts"]["model_selected"]["uri"]) / "model.tar.gz") as archive:
        assert archive.extractfile("model.pth").read() == b"model-large"  # type: ignore[union-attr]


def test_every_field_is_accounted_for(smx2vertex: Command) -> None:
    mapped = json.loads(smx2vertex("map", DEFINITION, "--format", "json").out)
    assert mapped["ledger"]["unaccounted"] == []
    assert {step["name"]: step["verdict"] for step in mapped["steps"]}["TryDepths"] == "adapted"
    assert [step["name"] for step in mapped["steps"]].index("TrainOne") == 1


@pytest.mark.parametrize("compiled", ["vertex.yaml", "kubeflow.yaml"])
def test_the_compiled_loop_is_equivalent(smx2vertex: Command, loop: Path, compiled: str) -> None:
    done = smx2vertex("validate", DEFINITION, loop / "compiled" / compiled, "--strict")
    assert done.code == 0, done.out


MUTATIONS = {
    "other items": ("--items={depths:str}", "--items=[]", "SMX451"),
    "another field of the item": ("--part=depth:depth", "--part=depth:name", "SMX405"),
    "fields swapped": ('["name_part"]', '["depth"]', "SMX405"),
    "more copies at once": ("parallelismLimit: 2", "parallelismLimit: 3", "SMX423"),
    "as many copies as there are": ("parallelismLimit: 2", "parallelismLimit: 0", "SMX423"),
    "the worst instead of the best": ("--pick=MinBy", "--pick=MaxBy", "SMX451"),
    "nothing picks": ("--pick=MinBy:FinalMetricDataList['rmse'].Value", "--environment=A:b", "SMX451"),
    "another copy": ("--output=rmse_selected:selected:", "--output=rmse_selected:0:", "SMX4"),
    "another count": (":InputItemCount", ":FailedStepCount", "SMX4"),
    "something else is collected": (
        "ModelArtifacts.S3ModelArtifacts:model",
        "ModelArtifacts.S3ModelArtifacts:rmse",
        "SMX4",
    ),
}


@pytest.mark.parametrize("mutation", MUTATIONS)
def test_a_changed_loop_is_found(smx2vertex: Command, loop: Path, tmp_path: Path, mutation: str) -> None:
    old, new, code = MUTATIONS[mutation]
    text = (loop / "compiled" / "kubeflow.yaml").read_text()
    escaped, put = old.replace("'", "''"), new.replace("'", "''")
    found = old if old in text else escaped
    assert found in text
    changed = tmp_path / "changed.yaml"
    changed.write_text(text.replace(found, new if found == old else put))
    done = smx2vertex("validate", DEFINITION, changed)
    assert (done.code, code in done.out) == (1, True), done.out


def test_a_task_outside_of_its_loop_is_found(smx2vertex: Command, loop: Path, tmp_path: Path) -> None:
    document = yaml.safe_load((loop / "compiled" / "kubeflow.yaml").read_text())
    del document["root"]["dag"]["tasks"]["for-loop-1"]["parameterIterator"]
    changed = tmp_path / "changed.yaml"
    changed.write_text(yaml.safe_dump(document))
    done = smx2vertex("validate", DEFINITION, changed)
    assert (done.code, "SMX423" in done.out) == (1, True), done.out


def body_of(document: dict[str, Any]) -> dict[str, Any]:
    """The step that the loop repeats."""
    return dict(document)["Steps"][0]["Arguments"]["ForEachBody"][0]


def test_a_failing_copy_ends_the_run_and_a_count_of_failures_says_so(smx2vertex: Command, tmp_path: Path) -> None:
    def change(document: dict[str, Any]) -> None:
        message = document["Steps"][2]["Arguments"]["ElseSteps"][0]["Arguments"]["ErrorMessage"]
        message["Std:Join"]["Values"][1] = {"Get": "Steps.TryDepths.FailedStepCount"}

    done = converted(smx2vertex, tmp_path, change)
    assert done.code == 0, done.out
    assert "SMX309" in done.out and "SMX307" in done.out


def test_a_step_that_is_not_translated_fails_inside_its_loop(smx2vertex: Command, tmp_path: Path) -> None:
    done = converted(smx2vertex, tmp_path, lambda document: body_of(document).update(Type="Unheard"))
    assert done.code == 0, done.out
    text = (tmp_path / "project" / "definition" / "components" / "train_one.py").read_text()
    assert '"not-translated"' in text


def test_a_loop_without_items_fails_before_it_begins(smx2vertex: Command, tmp_path: Path) -> None:
    done = converted(smx2vertex, tmp_path, lambda document: document["Steps"][0]["Arguments"].pop("IterableItems"))
    assert done.code == 0, done.out
    assert "SMX308 warning TryDepths: the loop names no items" in done.out
    text = (tmp_path / "project" / "definition" / "pipeline.py").read_text()
    assert 'with dsl.ParallelFor(try_depths_task.outputs["items"]' in text


def test_who_waits_for_a_loop_waits_for_its_copies(smx2vertex: Command, tmp_path: Path) -> None:
    def change(document: dict[str, Any]) -> None:
        loop, prepare, _ = document["Steps"]
        loop["DependsOn"] = []
        loop["Arguments"].pop("Selector")
        body_of(document)["Arguments"]["InputDataConfig"] = []
        prepare["DependsOn"] = ["TryDepths"]
        document["Steps"] = [loop, prepare]

    done = converted(smx2vertex, tmp_path, change)
    assert done.code == 0, done.out
    text = (tmp_path / "project" / "definition" / "pipeline.py").read_text()
    assert ".after(train_one_task)" in text
    assert "prepare_task" not in text
    compiled = tmp_path / "project" / "compiled" / "kubeflow.yaml"
    document = yaml.safe_load(compiled.read_text())
    assert document["root"]["dag"]["tasks"]["prepare"]["dependentTasks"][0] == "for-loop-1"
    document["root"]["dag"]["tasks"]["prepare"]["dependentTasks"][0] = "try-depths"
    compiled.write_text(yaml.safe_dump(document))
    done = smx2vertex("validate", tmp_path / "definition.json", compiled)
    assert (done.code, "SMX408" in done.out) == (1, True), done.out


def test_a_loop_stands_in_its_branch(smx2vertex: Command, tmp_path: Path) -> None:
    def change(document: dict[str, Any]) -> None:
        loop, prepare, condition = document["Steps"]
        condition["Arguments"]["Conditions"][0]["LeftValue"] = {"Get": "Parameters.Limit"}
        condition["Arguments"]["IfSteps"].append(loop)
        document["Parameters"].append({"Name": "Limit", "Type": "Float", "DefaultValue": 1.0})
        condition["Arguments"]["ElseSteps"][0]["Arguments"]["ErrorMessage"] = "no"
        document["Steps"] = [prepare, condition]

    done = converted(smx2vertex, tmp_path, change)
    assert done.code == 0, done.out
    text = (tmp_path / "project" / "definition" / "pipeline.py").read_text()
    assert text.index("dsl.If(") < text.index("        with dsl.ParallelFor(") < text.index("dsl.Else()")
