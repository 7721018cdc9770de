"""Each hazard in a small pipeline that has it, and the same pipeline without.

In `hazards/`, a comment names the code that is found at its line; `instead:` is what the line says without the hazard.
"""

from __future__ import annotations

import copy
import functools
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from support import REPOSITORY, Outcome

from smx2vertex.cli.lint import limits
from smx2vertex.findings import InputError
from smx2vertex.kubeflow.hazards import GRAPH_CODES, RULES, find_hazards
from smx2vertex.kubeflow.spec import loads

Smx2vertex = Callable[..., Outcome]
EXAMPLES = sorted((Path(__file__).parent / "hazards").glob("*.yaml"))
MARK = re.compile(r"^(?P<indent> *)(?P<line>.*?)  # ?(?P<code>SMX\d{3})? ?(?:instead: (?P<instead>.*))?$")
# Codes with a test of their own below, for they need large files, or in tests/kubeflow.
ELSEWHERE = {"SMX519", "SMX520", "SMX521", "SMX522", "SMX530", "SMX531", "SMX547"}


def found(smx2vertex: Smx2vertex, file: Path) -> tuple[int, set[tuple[int | None, str]]]:
    """The exit code, and the line and code of each hazard."""
    done = smx2vertex("lint", file, "--format", "json")
    findings = json.loads(done.out)["findings"]
    return done.code, {(finding["source"]["line"], finding["code"]) for finding in findings}


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_a_hazard_is_found_at_its_line_and_not_without_it(
    smx2vertex: Smx2vertex, tmp_path: Path, example: Path
) -> None:
    expected, without = set(), []
    for number, line in enumerate(example.read_text(encoding="utf-8").splitlines(), start=1):
        mark = MARK.match(line)
        if mark and mark["code"]:
            expected.add((number, mark["code"]))
        is_cured = mark is not None and mark["instead"] is not None
        without.append(f"{mark['indent']}{mark['instead']}" if mark and is_cured else line)
    cured = tmp_path / "cured.yaml"
    cured.write_text("\n".join(without), encoding="utf-8")

    _, hazards = found(smx2vertex, example)
    assert hazards == expected
    assert example.stem[:6] in {code for _, code in hazards}
    assert found(smx2vertex, cured) == (0, set())


def test_every_hazard_has_an_example() -> None:
    assert {example.stem[:6] for example in EXAMPLES} | ELSEWHERE == {*GRAPH_CODES, *RULES}


def spec(tasks: dict[str, Any], component: dict[str, Any], container: dict[str, Any]) -> str:
    return json.dumps(
        {
            "pipelineInfo": {"name": "large"},
            "root": {"dag": {"tasks": tasks}},
            "components": {"comp-a": {"executorLabel": "exec-a"} | component},
            "deploymentSpec": {"executors": {"exec-a": {"container": {"image": "python:3.11-slim"} | container}}},
        }
    )


A = {"a": {"componentRef": {"name": "comp-a"}}}


def artifacts(count: int) -> dict[str, Any]:
    made = {f"model{number}": {"artifactType": {"schemaTitle": "system.Model"}} for number in range(count)}
    return {"outputDefinitions": {"artifacts": made}}


def tasks(count: int) -> dict[str, Any]:
    return {f"a{number}": {"componentRef": {"name": "comp-a"}} for number in range(count)}


@pytest.mark.parametrize(
    ("code", "hazardous", "harmless"),
    [
        ("SMX519", spec(tasks(10_001), {}, {}), spec(tasks(10_000), {}, {})),
        ("SMX531", spec(A, {}, {"command": ["x" * 50_001]}), spec(A, {}, {"command": ["x" * 50_000]})),
        ("SMX547", spec(A, artifacts(101), {}), spec(A, artifacts(100), {})),
        ("SMX530", "# " + "x" * 10**6 + "\n" + spec(A, {}, {}), spec(A, {}, {})),
    ],
)
def test_what_is_too_large(smx2vertex: Smx2vertex, tmp_path: Path, code: str, hazardous: str, harmless: str) -> None:
    file = tmp_path / "pipeline.yaml"
    file.write_text(hazardous, encoding="utf-8")
    assert code in {each for _, each in found(smx2vertex, file)[1]}
    file.write_text(harmless, encoding="utf-8")
    assert found(smx2vertex, file) == (0, set())


def test_artifacts_that_are_collected_from_a_loop_count(smx2vertex: Smx2vertex, tmp_path: Path) -> None:
    artifact = {"artifactType": {"schemaTitle": "system.Model"}}
    out, item = {"artifacts": {"model": artifact}}, {"item": {"parameterType": "NUMBER_INTEGER"}}

    def document(count: int) -> str:
        loop = {
            "componentRef": {"name": "comp-loop"},
            "parameterIterator": {"itemInput": "item", "items": {"raw": json.dumps(list(range(count)))}},
        }
        taken = {"taskOutputArtifact": {"producerTask": "loop", "outputArtifactKey": "model"}}
        selected = {"artifactSelectors": [{"producerSubtask": "make", "outputArtifactKey": "model"}]}
        return json.dumps(
            {
                "pipelineInfo": {"name": "fan-in"},
                "root": {
                    "dag": {
                        "tasks": {
                            "loop": loop,
                            "take": {"componentRef": {"name": "comp-take"}, "inputs": {"artifacts": {"models": taken}}},
                        }
                    }
                },
                "components": {
                    "comp-loop": {
                        "inputDefinitions": {"parameters": item},
                        "outputDefinitions": out,
                        "dag": {
                            "tasks": {"make": {"componentRef": {"name": "comp-make"}}},
                            "outputs": {"artifacts": {"model": selected}},
                        },
                    },
                    "comp-make": {"executorLabel": "exec-a", "outputDefinitions": out},
                    "comp-take": {
                        "executorLabel": "exec-a",
                        "inputDefinitions": {"artifacts": {"models": artifact | {"isArtifactList": True}}},
                    },
                },
                "deploymentSpec": {"executors": {"exec-a": {"container": {"image": "python:3.11-slim"}}}},
            }
        )

    file = tmp_path / "pipeline.yaml"
    file.write_text(document(101), encoding="utf-8")
    assert {code for _, code in found(smx2vertex, file)[1]} == {"SMX547"}
    file.write_text(document(100), encoding="utf-8")
    assert found(smx2vertex, file) == (0, set())


def test_the_shape_of_executors_is_that_of_kfp() -> None:
    from importlib import resources

    from kfp.pipeline_spec.pipeline_spec_pb2 import PipelineDeploymentConfig

    def shape(descriptor: Any) -> dict[str, Any]:
        return {field.json_name: of_field(field) for field in descriptor.fields}

    def of_field(field: Any) -> Any:
        scalars = {field.TYPE_STRING: "text", field.TYPE_BOOL: "truth"}
        message = field.message_type
        free = message is not None and (message.GetOptions().map_entry or message.full_name in FREE)
        one = "any" if free else shape(message) if message is not None else scalars.get(field.type, "number")
        return [one] if field.is_repeated and not free else one

    ours = yaml.safe_load(resources.files("smx2vertex.kubeflow.hazards").joinpath("executors.yaml").read_text())
    assert ours == shape(PipelineDeploymentConfig.ExecutorSpec.DESCRIPTOR)


# Messages that are not looked into.
FREE = {
    "google.protobuf.Struct",
    "google.protobuf.Value",
    "ml_pipelines.Value",
    "ml_pipelines.PipelineDeploymentConfig.ResolverSpec",
    "ml_pipelines.PipelineDeploymentConfig.AIPlatformCustomJobSpec",
}


ODD: list[Any] = [None, [], {"a": None}, "x", True, 10**400, [None]]


@pytest.mark.parametrize("name", ["SMX525", "SMX536", "SMX539", "SMX543", "SMX544"])
def test_no_broken_spec_is_a_fault_of_ours(name: str) -> None:
    def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        return [path, *(place for key, each in inner for place in places(each, (*path, key)))]

    document = yaml.safe_load((Path(__file__).parent / "hazards" / f"{name}.yaml").read_text(encoding="utf-8"))
    refused = linted = 0
    for *path, last in filter(None, places(document)):
        for odd in ODD:
            broken = copy.deepcopy(document)
            functools.reduce(lambda value, key: value[key], path, broken)[last] = odd
            try:
                find_hazards(loads(json.dumps(broken)), limits(), 0)
                linted += 1
            except InputError:
                refused += 1
    assert refused > 10
    assert linted > 10


def test_the_page_names_every_code() -> None:
    page = (REPOSITORY / "docs" / "lint.md").read_text(encoding="utf-8")
    table = "".join(line for line in page.splitlines() if line.startswith("|"))
    assert set(re.findall(r"SMX\d{3}", table)) == {*GRAPH_CODES, *RULES}
