"""Writes definition.json, the document that pipeline.py would send to SageMaker, without an AWS account.

Building a pipeline calls AWS: who am I, is the bucket there, take these scripts. Each such call is answered here
with an invented account, and the SDK's usage report, which goes past boto3, is not sent. Scripts are addressed by
their content, so the same sources give the same bytes.
Needs the SageMaker SDK, version 2: pip install 'smx2vertex[capture]'.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any
from unittest import mock

import boto3
import pipeline
from botocore.client import BaseClient
from sagemaker.workflow.pipeline_context import PipelineSession

ACCOUNT = "111122223333"
REGION = "us-east-1"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/SageMakerExecution"
BUCKET = f"sagemaker-{REGION}-{ACCOUNT}"
FOLDER = Path(__file__).resolve().parent

ANSWERS: dict[str, dict[str, Any]] = {
    "GetCallerIdentity": {"Account": ACCOUNT, "Arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/SageMakerExecution/s"},
    "ListBuckets": {"Buckets": [{"Name": BUCKET}]},
    "HeadBucket": {},
    "PutObject": {},
}


def answer(_client: BaseClient, operation: str, _request: dict[str, Any]) -> dict[str, Any]:
    """What AWS would say to `operation`; one that building does not need is a KeyError."""
    return ANSWERS[operation]


def definition() -> str:
    """The definition as indented JSON text; built in this folder, to which the scripts' paths are relative."""
    os.chdir(FOLDER)
    with mock.patch.object(BaseClient, "_make_api_call", answer), mock.patch("requests.get"):
        boto_session = boto3.Session(region_name=REGION, aws_access_key_id="none", aws_secret_access_key="none")
        session = PipelineSession(boto_session=boto_session, default_bucket=BUCKET)
        document = json.loads(pipeline.build(session, ROLE).definition())
    return json.dumps(document, indent=2) + "\n"


if __name__ == "__main__":
    target = Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else FOLDER / "definition.json"
    target.write_text(definition(), encoding="utf-8")
