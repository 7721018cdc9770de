"""Local runs with real processes: what runs, what is skipped, what fails, and what is left behind."""

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from smx2vertex.findings import InputError
from smx2vertex.kubeflow import executor
from smx2vertex.kubeflow.executor import Observer, Options, RunResult, run
from smx2vertex.kubeflow.local import PrivateFolder, environment
from smx2vertex.kubeflow.spec import PipelineSpec, load, loads
from smx2vertex.kubeflow.tasks import locate

SPECS = Path(__file__).parent / "specs"
Start = Callable[..., RunResult]


@pytest.fixture
def start(tmp_path: Path) -> Start:
    """Runs a pipeline of `specs/`, or another one, in a folder of the test."""

    def started(
        pipeline: str | PipelineSpec, observer: Observer | None = None, data: Any = None, **values: Any
    ) -> RunResult:
        spec = load(SPECS / f"{pipeline}.yaml") if isinstance(pipeline, str) else pipeline
        return run(spec, values, Options(tmp_path / "run", jobs=4, data=data or {}), observer)

    return started


def states(result: RunResult) -> dict[str, str]:
    return {task.id: task.state for task in result.tasks}


def changed(name: str, change: Callable[[dict[str, Any]], None]) -> PipelineSpec:
    document = yaml.safe_load((SPECS / f"{name}.yaml").read_text())
    change(document)
    return loads(yaml.safe_dump(document))


def one_task(command: list[str], outputs: str = "{}", inputs: str = "{}", more: str = "{}") -> PipelineSpec:
    """A pipeline of a single container `it`."""
    return loads(f"""
pipelineInfo: {{name: one}}
root:
  dag: {{tasks: {{it: {{componentRef: {{name: c}}, inputs: {{parameters: {more}}}}}}}}}
components:
  c: {{executorLabel: e, inputDefinitions: {{parameters: {inputs}}}, outputDefinitions: {outputs}}}
deploymentSpec: {{executors: {{e: {{container: {{image: i, command: {json.dumps(command)}}}}}}}}}
""")


def is_running(pid: Path) -> bool:
    """Whether the process whose number a file holds runs; a zombie that nobody reaps does not."""
    status = Path("/proc") / pid.read_text().strip() / "stat"
    return status.exists() and status.read_text().rpartition(")")[2].split()[0] != "Z"


# --- branches ---


def test_the_branch_whose_condition_holds_runs_with_all_that_follows_in_it(start: Start) -> None:
    result = start("branches", score=0.7, word="fine")
    assert result.state == "succeeded"
    assert states(result) == {
        "measure": "succeeded",
        "say": "succeeded",
        "say-2": "succeeded",
        "say-3": "skipped",
        "say-4": "skipped",
        "say-5": "succeeded",
        "fail": "skipped",
    }
    decisions = {decision.display_name: decision.holds for decision in result.decisions}
    assert decisions == {"GoodEnough": True, "condition-4": False, "condition-5": False, "WordIsOk": False}
    assert next(task for task in result.tasks if task.id == "say-2").parameters == {"said": "good fine 3"}


def test_a_nested_condition_that_holds(start: Start) -> None:
    assert states(start("branches", score=1.0))["say-3"] == "succeeded"


def test_else_fails_with_the_message_of_the_task(start: Start) -> None:
    result = start("branches", score=0.2)
    assert result.state == "failed"
    assert result.failure is not None
    assert (result.failure.id, result.failure.code, result.failure.message) == (
        "fail",
        "SMX606",
        "score 0.2 is too low",
    )
    assert "too low" in (result.folder / "logs" / "fail.log").read_text()


@pytest.mark.parametrize(("flag", "said"), [(True, "yes"), (False, "no")])
def test_one_of(start: Start, flag: bool, said: str) -> None:
    result = start("oneof", flag=flag)
    outputs = {task.id: task.parameters.get("said") for task in result.tasks}
    assert outputs["say"] == said
    assert (outputs["for-loop-2/say-2[0]"], outputs["for-loop-2/say-2[1]"]) == ("x", "y")


def test_what_depends_on_a_skipped_group_is_skipped_and_what_depends_on_that(start: Start) -> None:
    def change(document: dict[str, Any]) -> None:
        tasks = document["root"]["dag"]["tasks"]
        branches = document["components"]["comp-condition-branches-1"]["dag"]["tasks"]
        group = tasks["condition-branches-1"]
        group["triggerPolicy"] = {"condition": "'a' == 'b'"}
        assert branches
        tasks["say-5"]["dependentTasks"] = ["condition-branches-1"]
        tasks["last"] = {
            "componentRef": {"name": "comp-say-5"},
            "inputs": {
                "parameters": {"text": {"taskOutputParameter": {"producerTask": "say-5", "outputParameterKey": "said"}}}
            },
        }

    result = start(changed("branches", change))
    assert result.state == "succeeded"
    assert {task for task, state in states(result).items() if state == "skipped"} == states(result).keys() - {"measure"}


def test_a_condition_on_a_missing_value_fails_the_run(start: Start) -> None:
    def change(document: dict[str, Any]) -> None:
        document["root"]["inputDefinitions"]["parameters"]["word"].pop("defaultValue")

    result = start(changed("branches", change), score=0.9)
    assert result.state == "failed"
    assert {task.code for task in result.tasks if task.state == "failed"} <= {"SMX608", "SMX614"}


def test_a_condition_over_different_types_is_an_error_not_false(start: Start) -> None:
    def change(document: dict[str, Any]) -> None:
        trigger = document["components"]["comp-condition-3"]["dag"]["tasks"]["condition-2"]["triggerPolicy"]
        trigger["condition"] = trigger["condition"].replace("'ok'", "1")

    result = start(changed("branches", change), score=0.9)
    assert result.failure is not None
    assert result.failure.code == "SMX608"
    assert states(result)["say-3"] == "cancelled"


def test_after_a_failure_nothing_new_starts(tmp_path: Path) -> None:
    spec = one_task(["false"])
    for name in ("second", "third"):
        spec.root.dag.nodes[name] = replace(spec.root.dag.nodes["it"], name=name)
    result = run(spec, {}, Options(tmp_path / "run", jobs=1))
    assert states(result) == {"it": "failed", "second": "cancelled", "third": "cancelled"}


# --- the flow of data ---


def test_importers_retries_loops_nested_pipelines_and_exit_handlers(start: Start, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "words.txt").write_text("one two three")
    seen: dict[str, list[str]] = {}

    class Lines(Observer):
        def line(self, task: str, text: str) -> None:
            seen.setdefault(task, []).append(text)

    result = start(
        "flow",
        Lines(),
        {"gs://b/x": tmp_path / "data"},
        source="gs://b/x/words.txt",
        counter=str(tmp_path / "counter"),
        numbers=[3, 4],
    )
    assert result.state == "succeeded"
    runs = {task.id: task for task in result.tasks}
    assert runs["join"].parameters == {"joined": "3:[9, 16]"}
    assert runs["flaky"].attempts == 2
    assert seen["flaky"] == ["try 0", "not yet", "try 1"]
    assert seen["echo"][0].startswith("<plain> no note true echo flow-")
    assert seen["echo-2"][0].startswith("<noted> --note hear, hear false echo-2 flow-")
    assert '"state": "SUCCEEDED"' in seen["report"][0]
    index = json.loads((result.folder / "index.json").read_text())
    assert index["state"] == "succeeded"
    assert len(index["tasks"]) == len(result.tasks)


def test_a_task_that_never_succeeds_uses_up_its_retries_and_the_exit_handler_still_runs(
    start: Start, tmp_path: Path
) -> None:
    (tmp_path / "words.txt").write_text("one")
    (tmp_path / "counter").write_text("-10")
    result = start("flow", None, {"gs://b": tmp_path}, source="gs://b/words.txt", counter=str(tmp_path / "counter"))
    runs = {task.id: task for task in result.tasks}
    assert result.state == "failed"
    assert (runs["flaky"].attempts, runs["flaky"].state, runs["flaky"].message) == (3, "failed", "not yet")
    assert runs["report"].state == "succeeded"


def test_an_address_that_leads_nowhere_names_the_option(start: Start) -> None:
    result = start("flow", source="gs://acme/data/", counter="/nowhere/c", numbers=[])
    assert result.state == "failed"
    importer = next(task for task in result.tasks if task.id == "importer")
    assert (importer.code, importer.state) == ("SMX604", "failed")
    assert "--data gs://acme/data=" in importer.message


def test_the_longest_start_of_an_address_wins(tmp_path: Path) -> None:
    for name in ("short", "long", "written/b2/k"):
        (tmp_path / name / "sub").mkdir(parents=True)
    mapping = {"gs://b": tmp_path / "short", "gs://b/x/": tmp_path / "long", "s3://b": tmp_path / "short"}
    written = tmp_path / "written"
    assert locate("gs://b/x/sub", mapping, written) == tmp_path / "long" / "sub"
    assert locate("gs://b/x", mapping, written) == tmp_path / "long"
    assert locate("gs://b/sub/", mapping, written) == tmp_path / "short" / "sub"
    assert locate("gs://b/xy", mapping, written) is None
    assert locate("gs://b2/k/sub", mapping, written) == tmp_path / "written/b2/k/sub"
    assert locate("gs://b/../../etc", mapping, written) is None
    assert locate("s3://b/sub", mapping, written) == tmp_path / "short" / "sub"


@pytest.mark.parametrize(
    ("type", "text", "code"),
    [
        ("NUMBER_INTEGER", "5.0", None),
        ("NUMBER_INTEGER", "5.5", "SMX605"),
        ("NUMBER_DOUBLE", "nan", "SMX605"),
        ("BOOLEAN", "True", None),
        ("BOOLEAN", "1", "SMX605"),
        ("LIST", "[1, 2]", None),
        ("STRUCT", "[1]", "SMX605"),
        ("STRING", "[1]", None),
    ],
)
def test_outputs_are_checked_against_their_type(start: Start, type: str, text: str, code: str | None) -> None:
    outputs = f"{{parameters: {{o: {{parameterType: {type}}}}}}}"
    command = ["sh", "-c", f"printf '{text}' > $0", "{{$.outputs.parameters['o'].output_file}}"]
    assert (start(one_task(command, outputs)).tasks[0].code or None) == code


def test_an_output_that_is_not_written_fails_the_task(start: Start) -> None:
    result = start(one_task(["true"], "{parameters: {o: {parameterType: STRING}}}"))
    assert result.failure is not None
    assert (result.failure.code, result.failure.message) == ("SMX605", "the output 'o' was not written")


# --- the environment of tasks ---


def test_two_tasks_at_a_time_see_an_opt_ml_of_their_own(start: Start, tmp_path: Path) -> None:
    if PrivateFolder.find(tmp_path / "scratch").how != "namespace":
        pytest.skip("this machine allows no mount namespaces")
    (tmp_path / "meeting").mkdir()
    result = start("machines", meeting=str(tmp_path / "meeting"))
    seen = {task.id: task.parameters.get("seen") for task in result.tasks}
    assert (seen["meet"], seen["meet-2"]) == ("[] left 2", "[] right 2")


def test_what_opt_holds_stays_visible(start: Start, tmp_path: Path) -> None:
    if PrivateFolder.find(tmp_path / "scratch").how != "namespace":
        pytest.skip("this machine allows no mount namespaces")
    outputs = "{parameters: {o: {parameterType: STRING}}}"
    command = ["sh", "-c", "ls /opt | grep -v '^ml$' | tr '\\n' ' ' > $0", "{{$.outputs.parameters['o'].output_file}}"]
    here = "".join(f"{entry.name} " for entry in sorted(Path("/opt").iterdir()) if entry.name != "ml")
    assert start(one_task(command, outputs)).tasks[0].parameters["o"] == here


def test_without_a_private_opt_ml_a_pipeline_that_needs_it_is_refused(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PrivateFolder, "find", lambda scratch: PrivateFolder("none", scratch))
    with pytest.raises(InputError) as caught:
        start("machines", meeting=str(tmp_path))
    assert caught.value.finding.code == "SMX600"
    assert "meet" in caught.value.finding.message


def test_a_shared_opt_ml_is_empty_for_each_task_in_turn(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = tmp_path / "ml"
    monkeypatch.setattr("smx2vertex.kubeflow.local.OPT_ML", shared)
    monkeypatch.setattr(PrivateFolder, "find", lambda scratch: PrivateFolder("shared", scratch))
    command = ["sh", "-c", f"ls {shared} > $0; touch {shared}/mark", "{{$.outputs.parameters['o'].output_file}}"]
    spec = one_task(command, "{parameters: {o: {parameterType: STRING}}}")
    spec.root.dag.nodes["again"] = replace(spec.root.dag.nodes["it"], name="again")
    assert [task.parameters for task in start(spec).tasks] == [{"o": ""}, {"o": ""}]
    assert list(shared.iterdir()) == []


def test_credentials_stay_here_and_python_is_the_given_one(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_SECRET_ACCESS_KEY", "GOOGLE_APPLICATION_CREDENTIALS", "PYTHONPATH"):
        monkeypatch.setenv(name, "secret")
    program = (
        "import json, os, subprocess, sys;"
        "inner = subprocess.check_output(['python', '-c', 'import sys; print(sys.prefix)'], text=True).strip();"
        "json.dump({'names': sorted(os.environ), 'inner': inner, 'own': sys.prefix}, open(sys.argv[1], 'w'))"
    )
    outputs = "{parameters: {o: {parameterType: STRUCT}}}"
    result = start(one_task(["python3", "-c", program, "{{$.outputs.parameters['o'].output_file}}"], outputs))
    seen = result.tasks[0].parameters["o"]
    assert {"PIP_NO_INDEX", "SMX2VERTEX_LOCAL"} <= set(seen["names"])
    assert not {"AWS_SECRET_ACCESS_KEY", "GOOGLE_APPLICATION_CREDENTIALS", "PYTHONPATH"} & set(seen["names"])
    assert seen["inner"] == seen["own"] == sys.prefix
    assert "AWS_SECRET_ACCESS_KEY" not in environment(Path("/"))


def test_a_program_that_is_not_here(start: Start) -> None:
    result = start(one_task(["no-such-program"]))
    assert result.failure is not None
    assert result.failure.code == "SMX615"


def test_what_a_task_leaves_running_ends_with_it(start: Start, tmp_path: Path) -> None:
    begin = time.monotonic()
    result = start(one_task(["sh", "-c", f"(sleep 60; touch {tmp_path}/late) & echo $! > {tmp_path}/pid"]))
    assert result.state == "succeeded"
    assert time.monotonic() - begin < 20
    assert not is_running(tmp_path / "pid")


def test_an_interrupt_ends_all_programs(start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Interrupt(Observer):
        def line(self, task: str, text: str) -> None:
            threading.Thread(target=os.kill, args=(os.getpid(), 2)).start()

    # a shell that starts tests in the background lets them ignore interrupts
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    begin = time.monotonic()
    result = start(one_task(["sh", "-c", f"echo $$ > {tmp_path}/pid; echo here; sleep 60"]), Interrupt())
    signal.signal(signal.SIGINT, before)
    assert result.state == "interrupted"
    assert time.monotonic() - begin < 20
    assert json.loads((result.folder / "index.json").read_text())["state"] == "interrupted"
    assert not is_running(tmp_path / "pid")


# --- cloud services and custom jobs ---


def test_the_request_of_a_model_upload_is_recorded_as_it_would_be_sent(start: Start, tmp_path: Path) -> None:
    (tmp_path / "meeting").mkdir()
    noted: list[str] = []

    class Notes(Observer):
        def noted(self, task: str, text: str) -> None:
            noted.append(task)

    result = start("machines", Notes(), meeting=str(tmp_path / "meeting"), alias="approved")
    upload = next(task for task in result.tasks if task.id == "model-upload")
    [path] = upload.requests
    assert Path(path) == result.folder / "requests" / "model-upload.json"
    recorded = json.loads(Path(path).read_text())
    model = recorded["request"]["model"]
    assert (recorded["project"], recorded["location"], recorded["sent"]) == ("acme", "europe-west4", False)
    assert (model["display_name"], model["version_aliases"]) == ("churn", ["approved"])
    assert model["container_spec"] == {"image_uri": "serve:1"}
    assert (Path(model["artifact_uri"]) / "model.bst").read_text() == "blue"
    assert upload.artifacts["model"]["metadata"]["resourceName"].startswith(
        "projects/acme/locations/europe-west4/models/"
    )
    assert noted == ["train"]  # two machines in the cloud, one here


# --- what cannot start ---


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"nothing": 1}, "SMX601"),
        ({"score": "high"}, "SMX602"),
        ({"tries": 2.5}, "SMX602"),
        ({"tries": True}, "SMX602"),
    ],
)
def test_values_that_do_not_fit_are_refused(start: Start, values: dict[str, Any], code: str) -> None:
    with pytest.raises(InputError) as caught:
        start("branches", **values)
    assert caught.value.finding.code == code


def test_a_required_parameter_is_asked_for(start: Start) -> None:
    with pytest.raises(InputError) as caught:
        start("flow", source="gs://b/x")
    assert (caught.value.finding.code, "'counter'" in caught.value.finding.message) == ("SMX603", True)


def test_a_broken_pipeline_does_not_start(start: Start) -> None:
    def change(document: dict[str, Any]) -> None:
        document["root"]["dag"]["tasks"]["measure"]["dependentTasks"] = ["say-5"]

    with pytest.raises(InputError) as caught:
        start(changed("branches", change))
    assert caught.value.finding.code == "SMX609"


def test_a_used_folder_and_a_missing_interpreter_are_refused(tmp_path: Path) -> None:
    spec = load(SPECS / "branches.yaml")
    (tmp_path / "used").mkdir()
    (tmp_path / "used" / "file").touch()
    for options, code in (
        (Options(tmp_path / "used"), "SMX611"),
        (Options(tmp_path / "new", python=str(tmp_path / "no-python")), "SMX612"),
    ):
        with pytest.raises(InputError) as caught:
            run(spec, {}, options)
        assert caught.value.finding.code == code


def test_names_of_a_pipeline_are_never_paths(start: Start) -> None:
    spec = one_task(["true"])
    spec.root.dag.nodes["../../it"] = replace(spec.root.dag.nodes.pop("it"), name="../../it")
    result = start(spec)
    assert result.state == "succeeded"
    assert Path(result.tasks[0].log).parent == result.folder / "logs"


def test_a_loop_over_no_list_is_not_supported(start: Start) -> None:
    def change(document: dict[str, Any]) -> None:
        loop = document["root"]["dag"]["tasks"]["for-loop-2"]
        loop["parameterIterator"]["items"] = {"raw": '{"a": 1}'}

    result = start(changed("oneof", change))
    assert result.failure is not None
    assert result.failure.code == "SMX607"
    assert executor.MAX_ITERATIONS >= 100


# --- surroundings ---


def test_an_image_may_have_an_interpreter_of_its_own(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_text(f'#!/bin/sh\nOTHER=yes exec {sys.executable} "$@"\n')
    other.chmod(0o755)
    command = ["python3", "-c", "import os, sys; sys.exit(0 if os.environ.get('OTHER') == 'yes' else 3)"]
    for image, state in (("i", "succeeded"), ("another", "failed")):
        options = Options(tmp_path / image, pythons={image: str(other)})
        assert run(one_task(command), {}, options).state == state


def test_variables_reach_every_program(tmp_path: Path) -> None:
    command = ["sh", "-c", 'test "$GREETING" = "hello there"']
    assert run(one_task(command), {}, Options(tmp_path / "a")).state == "failed"
    assert run(one_task(command), {}, Options(tmp_path / "b", environment={"GREETING": "hello there"})).state == (
        "succeeded"
    )


# --- caching ---


CACHED = """
pipelineInfo: {name: cached}
root:
  inputDefinitions: {parameters: {word: {parameterType: STRING}, cached: {parameterType: BOOLEAN}}}
  dag:
    tasks:
      data: {componentRef: {name: data}}
      it:
        componentRef: {name: c}
        cachingOptions: {enableCache: %s}
        dependentTasks: [data]
        inputs:
          parameters: {word: {componentInputParameter: word}}
          artifacts: {data: {taskOutputArtifact: {producerTask: data, outputArtifactKey: artifact}}}
components:
  data: {executorLabel: data, outputDefinitions: {artifacts: {artifact: {}}}}
  c:
    executorLabel: e
    inputDefinitions: {parameters: {word: {parameterType: STRING}}, artifacts: {data: {}}}
    outputDefinitions: {parameters: {said: {parameterType: STRING}}}
deploymentSpec:
  executors:
    data: {importer: {artifactUri: {constant: "gs://b/data"}}}
    e:
      container:
        image: i
        command: [sh, -c, 'mkdir -p $(dirname "$1"); echo "$0" > "$1"; exit $2']
        args: ["{{$.inputs.parameters['word']}}", "{{$.outputs.parameters['said'].output_file}}", "%d"]
"""


@pytest.mark.parametrize(
    ("enabled", "code", "changed", "kept"),
    [
        ("true", 0, None, True),
        ("true", 0, "word", False),
        ("true", 0, "data", False),
        ("false", 0, None, False),
        ("true", 1, None, False),
    ],
)
def test_a_task_with_caching_runs_once_for_the_same_inputs(
    tmp_path: Path, enabled: str, code: int, changed: str | None, kept: bool
) -> None:
    (tmp_path / "data").mkdir()
    results = []
    for number in (1, 2):
        text = f"content {number}" if changed == "data" else "content"
        (tmp_path / "data" / "file").write_text(text)
        options = Options(tmp_path / f"run-{number}", data={"gs://b/data": tmp_path / "data"}, cache=tmp_path / "cache")
        word = f"word {number}" if changed == "word" else "word"
        spec = loads(CACHED % (enabled, code))
        results.append(run(spec, {"word": word, "cached": True}, options).tasks[-1])
    assert [result.kept for result in results] == [False, kept]
    assert results[1].parameters == ({} if code else {"said": f"{word}\n"})


@pytest.mark.parametrize(("image", "kept"), [("i", False), ("another", True)])
def test_the_interpreter_of_an_image_matters_to_its_tasks_alone(tmp_path: Path, image: str, kept: bool) -> None:
    (tmp_path / "data").mkdir()
    results = []
    for number, pythons in enumerate(({}, {image: sys.executable})):
        options = Options(
            tmp_path / f"run-{number}",
            pythons=pythons,
            data={"gs://b/data": tmp_path / "data"},
            cache=tmp_path / "cache",
        )
        spec = loads(CACHED % ("true", 0))
        results.append(run(spec, {"word": "word", "cached": True}, options).tasks[-1])
    assert [result.kept for result in results] == [False, kept]
