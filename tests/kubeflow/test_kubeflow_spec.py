"""Reading a pipeline spec: what is kept, and what is refused with which finding."""

from pathlib import Path

import pytest

from smx2vertex.findings import InputError
from smx2vertex.kubeflow import spec as spec_module
from smx2vertex.kubeflow.spec import load, loads

SPECS = Path(__file__).parent / "specs"
MINIMAL = "pipelineInfo: {name: p}\nroot: {dag: {tasks: {}}}\n"


def code_of(text: str) -> str:
    with pytest.raises(InputError) as caught:
        loads(text)
    return caught.value.finding.code


def test_keeps_the_raw_document_and_types_what_it_knows() -> None:
    spec = load(SPECS / "exemplar_vertex.yaml")
    train = spec.root.dag.nodes["train"]
    assert (spec.name, spec.sdk_version) == ("churn-mini", "kfp-2.17.0")
    assert spec.raw["root"]["dag"]["tasks"]["train"] is train.raw
    assert (train.retry.attempts, train.retry.backoff, train.retry.longest_backoff) == (3, 5.0, 3600.0)
    assert not train.caching
    assert spec.root.dag.nodes["prepare"].caching
    assert set(train.producers) == {"prepare", "importer-3"}


def test_integer_defaults_lose_their_point() -> None:
    default = load(SPECS / "exemplar_vertex.yaml").root.parameters["MaxDepth"].default
    assert default == 5
    assert isinstance(default, int)


def test_a_second_document_is_the_platform() -> None:
    assert loads(MINIMAL + "---\nplatforms: {kubernetes: {}}\n").platform == {"platforms": {"kubernetes": {}}}


def test_json_is_read_too() -> None:
    assert loads('{"pipelineInfo": {"name": "p"}, "root": {"dag": {"tasks": {}}}}').name == "p"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("a: [", "SMX191"),
        ("{", "SMX191"),
        ("a: !!python/object/apply:os.system [ls]", "SMX191"),
        ("", "SMX194"),
        ("a: 1", "SMX194"),
        ("[1]", "SMX194"),
        (MINIMAL + "---\na: 1\n---\nb: 1\n", "SMX194"),
        ("root: 3", "SMX195"),
        ("root: {executorLabel: x}", "SMX195"),
        ("root: {dag: {tasks: {a: {}}}}", "SMX195"),
        ("root: {dag: {tasks: {a: {componentRef: {name: c}, dependentTasks: b}}}}", "SMX195"),
        ("root: {dag: {tasks: {a: {componentRef: {name: c}, retryPolicy: {maxRetryCount: many}}}}}", "SMX195"),
        ("a: " + "[" * 300 + "]" * 300, "SMX193"),
        ("[" * 200_000 + "]" * 200_000, "SMX193"),
        ('{"a":' * 200_000, "SMX193"),
    ],
)
def test_what_is_no_pipeline_spec_is_refused(text: str, code: str) -> None:
    assert code_of(text) == code


def test_aliases_cannot_explode(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spec_module, "MAX_NODES", 10_000)
    lines = ["a0: &a0 [x, x]"] + [f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 30)]
    assert code_of("\n".join(lines)) == "SMX192"


def test_a_file_that_is_not_there_or_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError) as caught:
        load(tmp_path / "no.yaml")
    assert caught.value.finding.code == "SMX190"
    (tmp_path / "big.yaml").write_text(MINIMAL)
    monkeypatch.setattr(spec_module, "MAX_BYTES", 10)
    with pytest.raises(InputError) as caught:
        load(tmp_path / "big.yaml")
    assert caught.value.finding.code == "SMX192"
