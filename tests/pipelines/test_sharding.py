"""Objects that SageMaker divides among the machines of a job are divided on Vertex AI too."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from support import Outcome

DIVIDED = Path(__file__).parent / "divided"
SHARDS = {
    "shorten": "--shard=/opt/ml/processing/texts",
    "count": "--shard=/opt/ml/input/data/short",
}


@pytest.fixture
def project(tmp_path: Path, smx2vertex: Callable[..., Outcome]) -> Path:
    """The converted pipeline."""
    out = tmp_path / "project"
    done = smx2vertex("convert", DIVIDED / "definition.json", "--code", DIVIDED / "code", "--out", out)
    assert (done.code, "equivalent in structure and parameters" in done.out) == (0, True), done.out + done.err
    return out


def test_inputs_are_divided_where_the_definition_says_so(project: Path, smx2vertex: Callable[..., Outcome]) -> None:
    for name, option in SHARDS.items():
        text = (project / f"divided/components/{name}.py").read_text()
        assert (text.count("--shard="), f'"{option}"' in text) == (1, True)
        assert f"on_machine({name}, " in (project / "divided/pipeline.py").read_text()
    assert "replicas=2" in (project / "divided/pipeline.py").read_text()
    compiled = project / "compiled/vertex.yaml"
    for option in SHARDS.values():
        changed = project / "changed.yaml"
        changed.write_text("".join(line for line in compiled.open() if option not in line))
        done = smx2vertex("validate", DIVIDED / "definition.json", changed, "--format", "json")
        found = {finding["code"] for check in json.loads(done.out)["checks"] for finding in check["findings"]}
        assert (done.code, "SMX451" in found) == (1, True)


def test_here_one_machine_gets_them_all(
    project: Path, tmp_path: Path, smx2vertex: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "texts").mkdir()
    for number in range(3):
        (tmp_path / f"texts/{number}.txt").write_text("first words")
    data = f"s3://acme-ml/divided/texts/={tmp_path / 'texts'}"
    done = smx2vertex("run", project, "--data", data, "--out", "run")
    assert (done.code, "several machines in the cloud; here the first one runs alone" in done.err) == (0, True)
    short = tmp_path / "run/artifacts/shorten/short"
    assert {path.name: path.read_text() for path in short.iterdir()} == {
        **{f"{number}.txt": "first" for number in range(3)},
        "from-algo-1": "3 of 3",
    }
    assert (tmp_path / "run/artifacts/count/model/model/count").read_text() == "4"


@pytest.mark.parametrize(("default", "shards"), [("ShardedByS3Key", 1), ("FullyReplicated", 0)])
def test_the_way_of_division_may_be_a_parameter(
    tmp_path: Path, smx2vertex: Callable[..., Outcome], default: str, shards: int
) -> None:
    document = json.loads((DIVIDED / "definition.json").read_text())
    parameter = {"Name": "Division", "Type": "String", "DefaultValue": default}
    document["Parameters"] = [*document.get("Parameters", []), parameter]
    inputs = document["Steps"][0]["Arguments"]["ProcessingInputs"]
    divided = next(item for item in inputs if item["S3Input"].get("S3DataDistributionType") == "ShardedByS3Key")
    divided["S3Input"]["S3DataDistributionType"] = {"Get": "Parameters.Division"}
    source = tmp_path / "divided.json"
    source.write_text(json.dumps(document))
    done = smx2vertex("convert", source, "--code", DIVIDED / "code", "--out", tmp_path / "out")
    assert (done.code, "SMX347" in done.out) == (0, True), done.out
    assert (tmp_path / "out/divided/components/shorten.py").read_text().count("--shard=") == shards
