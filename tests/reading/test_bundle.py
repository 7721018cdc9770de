"""Bundles: what is added is found again; what leads out of one is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from support import REPOSITORY, Outcome

from smx2vertex.findings import InputError
from smx2vertex.sagemaker.bundle import Bundle, is_bundle, open_bundle

CHURN = REPOSITORY / "tests" / "fixtures" / "churn_mini"


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    made = Bundle(tmp_path / "bundle")
    document = json.loads((CHURN / "definition.json").read_text())
    made.add_definition("churn-mini", document, role="arn:aws:iam::111122223333:role/Pipelines")
    made.add_definition("../we\nird", document)
    made.add_definition(".._we\nird", document)
    for script in ("prepare.py", "evaluate.py"):
        uri = next(
            uri for uri in json.dumps(document).split('"') if uri.endswith(f"/{script}") and uri.startswith("s3")
        )
        made.add_file(uri, (CHURN / script).read_bytes())
    made.save()
    return made


def test_what_is_added_is_found_again(bundle: Bundle) -> None:
    found = open_bundle(bundle.folder)
    assert is_bundle(bundle.folder)
    assert found.names() == ["churn-mini", "../we\nird", ".._we\nird"]
    assert found.pipelines[0]["role"] == "arn:aws:iam::111122223333:role/Pipelines"
    assert found.definition("churn-mini").name == "churn-mini"
    assert len({entry["definition"] for entry in found.pipelines}) == 3
    assert [path.read_bytes() for path in found.files().values()] == [
        (CHURN / "prepare.py").read_bytes(),
        (CHURN / "evaluate.py").read_bytes(),
    ]


def test_convert_takes_its_scripts_from_the_bundle(
    smx2vertex: Callable[..., Outcome], bundle: Bundle, tmp_path: Path
) -> None:
    several = smx2vertex("convert", bundle.folder, "--out", tmp_path / "project")
    assert several.code == 2
    assert "churn-mini" in several.err
    done = smx2vertex("convert", bundle.folder, "--pipeline", "churn-mini", "--out", tmp_path / "project")
    assert done.code == 0, done.out + done.err
    assert (tmp_path / "project" / "code" / "prepare" / "prepare.py").read_text() == (CHURN / "prepare.py").read_text()


@pytest.mark.parametrize(
    "manifest",
    [
        "{",
        "[]",
        '{"pipelines": [{"name": "x"}]}',
        '{"pipelines": [], "code": {"s3://b/k": "../../etc/passwd"}}',
        '{"pipelines": [{"name": "x", "definition": "/etc/passwd"}]}',
    ],
)
def test_a_broken_manifest_is_refused(tmp_path: Path, manifest: str) -> None:
    (tmp_path / "manifest.json").write_text(manifest)
    with pytest.raises(InputError) as caught:
        open_bundle(tmp_path)
    assert caught.value.finding.code == "SMX130"
