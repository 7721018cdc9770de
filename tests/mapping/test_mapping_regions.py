"""Regions of AWS and of Vertex AI."""

from __future__ import annotations

import pytest

from smx2vertex.mapping.data import load_yaml, mappings_dir
from smx2vertex.mapping.regions import default_region, region_of, target_region

# google.cloud.aiplatform 1.165.1, SUPPORTED_REGIONS
VERTEX = {
    *("africa-south1", "asia-east1", "asia-east2", "asia-northeast1", "asia-northeast2", "asia-northeast3"),
    *("asia-south1", "asia-south2", "asia-southeast1", "asia-southeast2", "australia-southeast1"),
    *("australia-southeast2", "europe-central2", "europe-north1", "europe-north2", "europe-southwest1"),
    *("europe-west1", "europe-west12", "europe-west2", "europe-west3", "europe-west4", "europe-west6"),
    *("europe-west8", "europe-west9", "me-central1", "me-central2", "me-west1", "northamerica-northeast1"),
    *("northamerica-northeast2", "southamerica-east1", "southamerica-west1", "us-central1", "us-east1", "us-east4"),
    *("us-east5", "us-east7", "us-south1", "us-west1", "us-west2", "us-west3", "us-west4", "us-west8"),
}


@pytest.mark.parametrize(
    ("aws", "vertex"),
    [("us-east-1", "us-east4"), ("eu-central-1", "europe-west3"), ("us-gov-west-1", "us-west1"), ("xx-east-1", None)],
)
def test_target_region(aws: str, vertex: str | None) -> None:
    assert target_region(aws) == vertex


def test_every_target_is_a_region_of_vertex() -> None:
    table = load_yaml(mappings_dir() / "regions.yaml")
    assert {default_region(), *table["regions"].values()} <= VERTEX


def test_every_region_of_sagemaker_has_a_target() -> None:
    session = pytest.importorskip("botocore.session").get_session()
    regions = [
        region
        for partition in ("aws", "aws-cn", "aws-us-gov")
        for region in session.get_available_regions("sagemaker", partition_name=partition)
    ]
    assert [region for region in regions if target_region(region) is None] == []


@pytest.mark.parametrize(
    ("text", "region"),
    [
        ("arn:aws:sagemaker:eu-west-1:111122223333:pipeline/p", "eu-west-1"),
        ("arn:aws-us-gov:kms:us-gov-west-1:111122223333:key/k", "us-gov-west-1"),
        ("683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1", "us-east-1"),
        ("s3://sagemaker-ap-southeast-2-111122223333/data", "ap-southeast-2"),
        ("arn:aws:iam::111122223333:role/SageMakerExecution", None),
        ("s3://us-east-100/data", None),
        ("", None),
    ],
)
def test_region_of(text: str, region: str | None) -> None:
    assert region_of(text) == region
