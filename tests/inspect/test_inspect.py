"""inspect: what flows where, in every form; names of any kind are safe; large pipelines stay quick.

The folder `gate` holds a definition and beside it all that `inspect definition.json --pipeline gate` says of it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from itertools import permutations
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import REPOSITORY, Outcome

from smx2vertex.report.diagram import Diagram, Edge, Group, Node, to_dot, to_mermaid
from smx2vertex.report.diagram_svg import to_svg
from smx2vertex.report.diagram_text import to_text
from smx2vertex.sagemaker.dataflow import dataflow
from smx2vertex.sagemaker.reader import loads, read

Command = Callable[..., Outcome]
GATE = Path(__file__).parent / "gate"
LAB_05 = REPOSITORY / "examples" / "lab-05-accuracy-gate"

FORMS = {
    "expected.txt": (),
    "expected.json": ("--format", "json"),
    "expected.md": ("--format", "md"),
    "expected.mmd": ("--diagram", "mermaid"),
    "expected.dot": ("--diagram", "dot"),
    "expected.svg": ("--diagram", "svg"),
    "expected.diagram.txt": ("--diagram", "ascii"),
}


@pytest.mark.parametrize("name", FORMS)
def test_every_form_of_a_definition(smx2vertex: Command, name: str) -> None:
    done = smx2vertex("inspect", GATE / "definition.json", "--pipeline", "gate", *FORMS[name])
    assert (done.code, done.err) == (0, "")
    assert done.out == (GATE / name).read_text(encoding="utf-8")


def inspected(smx2vertex: Command, path: Path) -> dict[str, Any]:
    done = smx2vertex("inspect", path, "--format", "json")
    assert done.code == 0, done.err
    found: dict[str, Any] = json.loads(done.out)
    return found


def test_producers_and_consumers_agree(smx2vertex: Command) -> None:
    steps = inspected(smx2vertex, LAB_05 / "definition.json")["steps"]
    taken = {(each["step"], each["path"], step["name"]) for step in steps for each in step["consumes"]}
    given_ = {(step["name"], each["path"], who) for step in steps for each in step["produces"] for who in each["for"]}
    assert taken == given_
    assert ("TrainModel", "ModelArtifacts.S3ModelArtifacts", "EvaluateModel") in taken


def test_a_compiled_pipeline_and_its_project(smx2vertex: Command) -> None:
    found = inspected(smx2vertex, LAB_05 / "project")
    assert found == inspected(smx2vertex, LAB_05 / "project" / "compiled" / "vertex.yaml")
    tasks = {task["name"]: task for task in found["tasks"]}
    assert tasks["train-model"]["category"] == "custom"
    assert tasks["importer"]["category"] == "importer"
    assert tasks["register-model"]["conditions"] == ["evaluate-model.accuracy is at least MinAccuracy"]
    assert {"task": "train-model", "path": "model", "field": "model", "artifact": True} in (
        tasks["evaluate-model"]["consumes"]
    )
    uses = {parameter["name"]: parameter["used_by"] for parameter in found["parameters"]}
    assert {"task": "train-model", "field": "machine_type"} in uses["TrainingInstanceType"]
    order = list(tasks)
    assert order.index("preprocess-data") < order.index("train-model") < order.index("evaluate-model")


def test_prebuilt_components_after_and_loops(smx2vertex: Command, tmp_path: Path) -> None:
    def container(image: str, *args: str) -> dict[str, Any]:
        return {"container": {"image": image, "args": list(args)}}

    image = "gcr.io/ml-pipeline/google-cloud-pipeline-components:2.22.0"
    table = {"artifacts": {"table": {"artifactType": {"schemaTitle": "google.BQTable"}}}}
    retry = {"maxRetryCount": 2, "backoffDuration": "30s"}
    spec = {
        "pipelineInfo": {"name": "p"},
        "deploymentSpec": {
            "executors": {
                "exec-query": container(image, "--type", "BigqueryQueryJob"),
                "exec-own": container("python:3.11"),
            }
        },
        "components": {
            "comp-query": {"executorLabel": "exec-query", "outputDefinitions": table},
            "comp-own": {"executorLabel": "exec-own"},
        },
        "root": {
            "dag": {
                "tasks": {
                    "query": {"componentRef": {"name": "comp-query"}, "cachingOptions": {"enableCache": True}},
                    "own": {"componentRef": {"name": "comp-own"}, "dependentTasks": ["query"], "retryPolicy": retry},
                }
            }
        },
    }
    path = tmp_path / "spec.json"
    path.write_text(json.dumps(spec))
    query, own = inspected(smx2vertex, path)["tasks"]
    assert (query["category"], query["type"], query["caching"]) == ("prebuilt", "bigquery_query_job", True)
    assert (own["category"], own["depends_on"], own["retry"]["max_attempts"]) == ("custom", ["query"], 2)
    assert "-.->" in smx2vertex("inspect", path, "--diagram", "mermaid").out


def test_a_broken_definition_is_shown_and_its_faults_are_named(smx2vertex: Command, tmp_path: Path) -> None:
    path = tmp_path / "cycle.json"
    steps = [{"Name": "A", "Type": "Fail", "DependsOn": ["B"]}, {"Name": "B", "Type": "Fail", "DependsOn": ["A", "C"]}]
    path.write_text(json.dumps({"Version": "2020-12-01", "Steps": steps}))
    for form in FORMS.values():
        done = smx2vertex("inspect", path, *form)
        assert done.code == 2
        assert "A" in done.out
        assert "SMX125" in done.err
        assert "SMX123" in done.err


def test_what_is_neither_kind_is_refused(smx2vertex: Command, tmp_path: Path) -> None:
    for name, text, code in (("a.json", "{}", "SMX105"), ("b.yaml", "a: [", "SMX102"), ("c.yaml", "root: 1", "SMX195")):
        (tmp_path / name).write_text(text)
        done = smx2vertex("inspect", tmp_path / name)
        assert (done.code, done.out) == (2, "")
        assert code in done.err
    assert smx2vertex("inspect", tmp_path / "absent.json").code == 2


NASTY = st.text(
    st.sampled_from("ab\"'`<>&#;%{}[]()|\\\n\r\t -.:@$*_~=!?/,→é漢\u202e\u2028\x00\x1b") | st.characters(codec="utf-8"),
    min_size=1,
    max_size=12,
)


@st.composite
def diagrams(draw: st.DrawFn) -> Diagram:
    names = draw(st.lists(NASTY, min_size=1, max_size=6, unique=True))
    groups = tuple(Group(str(index), draw(NASTY)) for index in range(draw(st.integers(0, 2))))
    kinds = st.sampled_from(("work", "decision", "end", "data"))
    place = st.sampled_from([None, *(group.id for group in groups)])
    nodes = tuple(Node(name, name, draw(NASTY), draw(kinds), draw(place), draw(NASTY)) for name in names)  # type: ignore[arg-type]
    pairs = draw(st.lists(st.tuples(st.sampled_from(names), st.sampled_from(names)), max_size=6))
    edges = tuple(Edge(a, b, draw(NASTY)) for a, b in pairs)
    return Diagram(draw(NASTY), nodes, edges, groups)


MERMAID_TEXT = r"(?:[\w \-.,:/()='…≥≤→·–]|[#]\d+;|</?b>|<br/>)*"
MERMAID_LINE = re.compile(
    rf"""flowchart\ TD|\s*acc(?:Title|Descr):{MERMAID_TEXT}|\s*end|\s*subgraph\ g\d+\["{MERMAID_TEXT}"\]
    |\s*n\d+(?:\["{MERMAID_TEXT}"\]|\{{\{{"{MERMAID_TEXT}"\}}\}}|\(\["{MERMAID_TEXT}"\]\)|\[\("{MERMAID_TEXT}"\)\])
    |\s*n\d+\ (?:-->|-\.->|==>)(?:\|"{MERMAID_TEXT}"\|)?\ n\d+""",
    re.VERBOSE,
)
DOT_STRING = r'"(?:[^"\\]|\\["\\n])*"'
DOT_LINE = re.compile(
    rf"""digraph\ {DOT_STRING}\ \{{|\s*(?:node|edge)\ \[fontname={DOT_STRING}\];|\s*\}}|\s*subgraph\ cluster_\d+\ \{{
    |\s*label={DOT_STRING};|\s*n\d+\ \[label={DOT_STRING},\ shape=\w+\];
    |\s*n\d+\ ->\ n\d+\ \[style=\w+(?:,\ label={DOT_STRING})?\];""",
    re.VERBOSE,
)


@settings(max_examples=60, deadline=None)
@given(diagrams())
def test_names_of_any_kind_are_safe_in_every_form(diagram: Diagram) -> None:
    for line in to_mermaid(diagram).splitlines():
        assert MERMAID_LINE.fullmatch(line), line
    for line in to_dot(diagram).split("\n")[:-1]:
        assert DOT_LINE.fullmatch(line), line
    picture = ElementTree.fromstring(to_svg(diagram))
    tags = {element.tag.rpartition("}")[2] for element in picture.iter()}
    assert tags <= {"svg", "title", "desc", "style", "defs", "marker", "path", "rect", "g", "text"}
    boxes = [
        tuple(float(box.attrib[key]) for key in ("x", "y", "width", "height"))
        for box in picture.findall(".//{*}rect[@class='box']")
    ]
    assert len(boxes) == len(diagram.nodes)
    for (x, y, width, height), (left, top, _, _) in permutations(boxes, 2):
        assert left >= x + width or top >= y + height or left < x or top < y
    drawn = to_text(diagram)
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f\u202e\u2028]", drawn)
    assert drawn.count("┌") >= len(diagram.nodes)


def test_plain_text_draws_with_ascii_alone() -> None:
    nodes = tuple(Node(name, name, "x" * 60, note="≥ 1") for name in "abc")
    diagram = Diagram("d", nodes, (Edge("a", "b"), Edge("a", "c"), Edge("b", "c", "data")))
    assert to_text(diagram, plain=True).isascii()


def wide(count: int) -> dict[str, Any]:
    """Steps of which each reads what two before it give."""

    def channel(before: int) -> dict[str, Any]:
        uri = {"Get": f"Steps.s{before}.ModelArtifacts.S3ModelArtifacts"}
        return {"ChannelName": f"c{before}", "DataSource": {"S3DataSource": {"S3Uri": uri}}}

    def step(index: int) -> dict[str, Any]:
        before = {max(0, index - 1 - index % 7), max(0, index - 3)} - {index}
        return {"Name": f"s{index}", "Type": "Training", "Arguments": {"InputDataConfig": [*map(channel, before)]}}

    return {"Version": "2020-12-01", "Steps": [step(index) for index in range(count)]}


@pytest.mark.parametrize("form", ["svg", "ascii"])
def test_two_hundred_steps_have_a_place_each(smx2vertex: Command, tmp_path: Path, form: str) -> None:
    path = tmp_path / "wide.json"
    path.write_text(json.dumps(wide(200)))
    done = smx2vertex("inspect", path, "--diagram", form)
    assert done.code == 0
    assert all(re.search(rf"\bs{index}\b", done.out) for index in range(200))


def test_a_diagram_too_large_for_a_picture_is_refused_with_another_way(smx2vertex: Command, tmp_path: Path) -> None:
    path = tmp_path / "wide.json"
    path.write_text(json.dumps(wide(900)))
    refused = smx2vertex("inspect", path, "--diagram", "svg")
    assert refused.code == 2
    assert "mermaid or dot" in " ".join(refused.err.split())
    assert smx2vertex("inspect", path, "--diagram", "dot").code == 0


def test_order_follows_data_dependencies_and_branches() -> None:
    found = dataflow(loads((GATE / "definition.json").read_text()))
    place = {flow.step.name: index for index, flow in enumerate(found.steps)}
    for flow in found.steps:
        assert all(place[name] < place[flow.step.name] for name in flow.waits_for)
    assert set(place) == {step.name for step in found.definition.all_steps(bodies=True)}


def test_every_definition_of_the_corpus_can_be_inspected(smx2vertex: Command, corpus: Path) -> None:
    for file in sorted(corpus.glob("seeds/*.json")):
        found = inspected(smx2vertex, file)
        names = {step["name"] for step in found["steps"]}
        assert all(each["step"] in names for step in found["steps"] for each in step["consumes"])
        assert smx2vertex("inspect", file, "--diagram", "ascii").code == 0


def test_every_definition_of_the_corpus_has_a_data_flow(corpus: Path) -> None:
    for file in sorted(corpus.glob("definitions/*")):
        definition = loads(file.read_text(encoding="utf-8"))
        flows = dataflow(definition).steps
        assert len(flows) == len(list(definition.all_steps(bodies=True)))


def test_a_step_that_refers_to_itself_or_to_nothing_has_a_data_flow() -> None:
    step = {"Name": "A", "Type": "Processing", "Arguments": {"x": [{"Get": "Steps.A.y"}, {"Get": "Steps.B.y"}]}}
    (flow,) = dataflow(read({"Version": "2020-12-01", "Steps": [step]})).steps
    assert [taken.step for taken in flow.consumes] == ["A"]
    assert flow.waits_for == ()
