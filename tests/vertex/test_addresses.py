"""Addresses of data in all forms that SageMaker takes."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from support import Outcome

from smx2vertex.vertex.values import as_s3


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("https://acme-ml.s3-us-east-1.amazonaws.com/a/b.tar.gz", "s3://acme-ml/a/b.tar.gz"),
        ("https://acme.ml.s3.eu-west-1.amazonaws.com/x", "s3://acme.ml/x"),
        ("https://acme-ml.s3.amazonaws.com/x", "s3://acme-ml/x"),
        ("https://s3.us-west-2.amazonaws.com/acme-ml/x/y", "s3://acme-ml/x/y"),
        ("https://example.org/x", "https://example.org/x"),
        ("s3://acme-ml/x", "s3://acme-ml/x"),
    ],
)
def test_addresses_over_https_are_addresses_in_s3(text: str, address: str) -> None:
    assert as_s3(text) == address


def test_model_data_over_https_is_brought_in(smx2vertex: Callable[..., Outcome], tmp_path: Path) -> None:
    image = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1"
    container = {"Image": image, "ModelDataUrl": "https://acme-ml.s3.us-east-1.amazonaws.com/m/model.tar.gz"}
    step = {"Name": "M", "Type": "Model", "Arguments": {"PrimaryContainer": {**container, "Environment": {}}}}
    definition = tmp_path / "definition.json"
    definition.write_text(json.dumps({"Version": "2020-12-01", "Parameters": [], "Steps": [step]}))
    done = smx2vertex("convert", definition, "--out", tmp_path / "project")
    assert done.code == 0, done.out
    assert (
        'data(f"gs://{buckets.acme_ml}/m/model.tar.gz")'
        in (tmp_path / "project" / "definition" / "pipeline.py").read_text()
    )
