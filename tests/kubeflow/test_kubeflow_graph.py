"""The flat graph: origins through groups, what guards a task, and structural faults."""

import copy
from pathlib import Path

import pytest
import yaml

from smx2vertex.kubeflow.flattening import read_graph
from smx2vertex.kubeflow.graph import Graph
from smx2vertex.kubeflow.origins import (
    ArtifactField,
    Collected,
    Constant,
    ExecutorInput,
    FinalStatus,
    Items,
    LoopItem,
    OneOf,
    PipelineParameter,
    Runtime,
    TaskOutput,
    Text,
)
from smx2vertex.kubeflow.spec import load, loads

SPECS = Path(__file__).parent / "specs"


def graph_of(name: str) -> Graph:
    graph = read_graph(load(SPECS / f"{name}.yaml"))
    assert graph.findings == ()
    return graph


@pytest.fixture(scope="module")
def vertex() -> Graph:
    return graph_of("exemplar_vertex")


@pytest.fixture(scope="module")
def kubeflow() -> Graph:
    return graph_of("exemplar_kubeflow")


def test_both_targets_have_the_same_tasks_edges_and_conditions(vertex: Graph, kubeflow: Graph) -> None:
    assert vertex.tasks.keys() == kubeflow.tasks.keys()
    for name, task in vertex.tasks.items():
        other = kubeflow.tasks[name]
        assert (task.parameters, task.artifacts, task.waits) == (other.parameters, other.artifacts, other.waits)
        assert (task.image, task.command, task.args) == (other.image, other.command, other.args)
        assert (task.conditions, task.caching, task.retry) == (other.conditions, other.caching, other.retry)
    kinds = {name: task.kind for name, task in vertex.tasks.items() if not name.startswith("importer")}
    assert kinds == {
        "prepare": "custom_job",
        "train": "custom_job",
        "evaluate": "custom_job",
        "package-churn": "container",
        "model-upload": "model_upload",
        "too-inaccurate": "container",
    }
    assert {kubeflow.tasks[name].kind for name in ("prepare", "train", "evaluate")} == {"container"}


def test_a_custom_job_is_seen_through(vertex: Graph) -> None:
    train = vertex.tasks["train"]
    assert train.image == Constant("us-central1-docker.pkg.dev/acme/ml/xgboost:1.7-1")
    assert train.command == (Constant("python3"), ArtifactField(TaskOutput("importer-3", "artifact", True), "path"))
    assert train.args[:2] == (ExecutorInput(), Constant("training"))
    assert train.machine.machine_type == PipelineParameter("TrainingInstanceType")
    assert (train.machine.disk_gb, train.machine.replicas) == (Constant(100), Constant(1))
    assert train.machine.timeout == Constant("7200s")
    assert train.parameters == {
        "max_depth": PipelineParameter("MaxDepth"),
        "eta": Constant(0.2),
        "num_round": Constant(50),
        "objective": Constant("binary:logistic"),
    }
    assert train.job["project"] == Runtime("pipeline_google_cloud_project_id")


def test_origins_lead_through_groups_to_the_producer(vertex: Graph) -> None:
    package = vertex.tasks["package-churn"]
    assert package.artifacts["model"] == TaskOutput("train", "model", True)
    assert package.path == ("condition-branches-1", "condition-2")
    assert set(package.waits) == {"evaluate", "train", "importer-5"}
    assert package.after == ()
    [condition] = package.conditions
    assert condition.display_name == "CheckAccuracy"
    assert list(condition.operands.values()) == [TaskOutput("evaluate", "accuracy"), PipelineParameter("MinAccuracy")]


def test_texts_and_lists_keep_their_placeholders_as_origins(vertex: Graph) -> None:
    message = vertex.tasks["too-inaccurate"].parameters["message"]
    assert message == Text((Constant("Accuracy is below "), PipelineParameter("MinAccuracy")))
    upload = vertex.tasks["model-upload"]
    assert upload.parameters["version_aliases"] == Items((TaskOutput("package-churn", "version_alias"),))
    # IfPresent of an artifact that nobody passes leaves no words
    assert upload.args[-1] == ExecutorInput()


def test_importers_and_limits(vertex: Graph, kubeflow: Graph) -> None:
    importer = vertex.tasks["importer-2"].importer
    assert (importer.uri, importer.reimport, importer.artifact_type) == (
        PipelineParameter("InputData"),
        False,
        "system.Dataset",
    )
    assert vertex.tasks["importer"].display_name == "code: prepare"
    machine = kubeflow.tasks["prepare"].machine
    assert (machine.cpu_limit, machine.memory_limit) == (Constant("4"), Constant("16Gi"))


def test_machines_of_several_pools_and_environment() -> None:
    graph = graph_of("machines")
    train = graph.tasks["train"]
    assert train.machine.replicas == Constant(2)
    assert train.env == {"COLOUR": Constant("blue")}
    assert train.job["service_account"] == Constant("runner@acme.iam.gserviceaccount.com")
    assert graph.tasks["meet"].env == {"A": Constant("b")}


def test_nested_conditions_and_explicit_dependencies() -> None:
    graph = graph_of("branches")
    nested = graph.tasks["say-3"]
    assert [condition.display_name for condition in nested.conditions] == ["GoodEnough", "WordIsOk"]
    assert nested.conditions[1].operands == {"pipelinechannel--word": PipelineParameter("word")}
    assert graph.tasks["say-5"].after == ("measure",)
    assert graph.tasks["say-2"].after == ()
    order = [task.id for task in graph.order()]
    assert order.index("measure") < order.index("say") < order.index("say-2") < order.index("say-3")


def test_loops_fan_in_nested_pipelines_and_exit_handlers() -> None:
    graph = graph_of("flow")
    square = graph.tasks["square"]
    assert square.parameters["number"] == LoopItem("for-loop-2")
    [loop] = square.loops
    assert (loop.items, loop.parallelism) == (PipelineParameter("numbers"), 2)
    join = graph.tasks["join"]
    assert join.parameters["squares"] == Collected(TaskOutput("square", "squared"))
    assert join.artifacts["counted"] == TaskOutput("count", "counted", True)
    assert graph.tasks["report"].parameters["status"] == FinalStatus("exit-handler-1")
    assert graph.tasks["echo"].args[1:3] == (Constant("no"), Constant("note"))
    assert graph.tasks["echo-2"].args[1:3] == (Constant("--note"), Constant("hear, hear"))


def test_outputs_of_exclusive_branches_and_names_that_stand_twice() -> None:
    graph = graph_of("oneof")
    yes, no = "chosen/condition-branches-1/condition-2/say", "chosen/condition-branches-1/condition-3/say-2"
    assert graph.tasks["say"].parameters["text"] == OneOf((TaskOutput(yes, "said"), TaskOutput(no, "said")))
    assert graph.tasks["for-loop-2/say-2"].parameters["text"] == LoopItem("for-loop-2", "a")
    assert graph.tasks[yes].name == "say"


def broken(change: str) -> set[str]:
    """The codes found in `branches` after a change, which is a statement about `tasks`, `components`, `executors`."""
    document = copy.deepcopy(yaml.safe_load((SPECS / "branches.yaml").read_text()))
    names = {
        "tasks": document["root"]["dag"]["tasks"],
        "components": document["components"],
        "executors": document["deploymentSpec"]["executors"],
    }
    exec(change, names)
    return {finding.code for finding in read_graph(loads(yaml.safe_dump(document))).findings}


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ("tasks['measure']['dependentTasks'] = ['say-5']", "SMX510"),
        ("tasks['measure']['dependentTasks'] = ['measure']", "SMX510"),
        ("tasks['measure']['dependentTasks'] = ['nobody']", "SMX511"),
        (
            "tasks['say-5']['inputs']['parameters']['text'] ="
            " {'taskOutputParameter': {'producerTask': 'x', 'outputParameterKey': 'y'}}",
            "SMX511",
        ),
        ("del components['comp-measure']", "SMX512"),
        ("del executors['exec-measure']", "SMX513"),
        ("del tasks['measure']['inputs']", "SMX514"),
        (
            "tasks['say-5']['inputs']['parameters']['text'] ="
            " {'taskOutputParameter': {'producerTask': 'measure', 'outputParameterKey': 'other'}}",
            "SMX515",
        ),
        ("tasks['say-5']['inputs']['parameters']['text'] = {'componentInputParameter': 'nothing'}", "SMX516"),
        (
            "components['comp-condition-branches-1']['dag']['tasks']['condition-3']['triggerPolicy']['condition'] ="
            " \"inputs.parameter_values['nothing'] == 1\"",
            "SMX516",
        ),
        (
            "components['comp-condition-branches-1']['dag']['tasks']['condition-3']['triggerPolicy']['condition'] ="
            " \"'it's' == 'x'\"",
            "SMX517",
        ),
        ("executors['exec-measure']['container']['args'] = [\"{{$.inputs.parameters['other']}}\"]", "SMX518"),
        ("executors['exec-measure']['container']['args'] = ['{{channel:task=;name=x;type=String;}}']", "SMX518"),
        (
            "components['comp-condition-3']['dag']['tasks']['say']['componentRef']['name'] = 'comp-condition-3'",
            "SMX519",
        ),
        ("tasks['say-5']['inputs']['parameters']['text'] = {'magic': 'x'}", "SMX521"),
        ("executors['exec-measure'] = {'resolver': {}}", "SMX522"),
    ],
)
def test_structural_faults_are_findings(change: str, code: str) -> None:
    assert code in broken(change)


def test_worker_pools_that_come_at_run_time_are_a_finding() -> None:
    document = yaml.safe_load((SPECS / "exemplar_vertex.yaml").read_text())
    inputs = document["root"]["dag"]["tasks"]["train"]["inputs"]["parameters"]
    inputs["worker_pool_specs"] = {"componentInputParameter": "InputData"}
    graph = read_graph(loads(yaml.safe_dump(document)))
    assert [finding.code for finding in graph.findings] == ["SMX520"]
    assert graph.tasks["train"].image is None


def test_components_that_multiply_are_bounded() -> None:
    group = "{dag: {tasks: {a: {componentRef: {name: c%d}}, b: {componentRef: {name: c%d}}}}}"
    components = "\n".join(f"  c{n}: {group % (n + 1, n + 1)}" for n in range(40))
    graph = read_graph(loads(f"components:\n{components}\nroot: {group % (0, 0)}\n"))
    assert "SMX519" in {finding.code for finding in graph.findings}
