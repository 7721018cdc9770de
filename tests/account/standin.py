"""A stand-in for AWS on this machine, and what it is filled with."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import Any

import boto3
from moto.sagemaker.models import sagemaker_backends

REGION = "eu-central-1"
ROLE = "arn:aws:iam::123456789012:role/Pipelines"
KEY_ID, SECRET_KEY, SESSION_TOKEN = "AKIAEXAMPLEEXAMPLE11", "not-so-secret-key", "the-session-token"


class Cloud:
    """The stand-in, and what it is filled with."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.clients: dict[str, Any] = {}

    def client(self, service: str) -> Any:
        if service not in self.clients:
            self.clients[service] = boto3.client(service, endpoint_url=self.url)
        return self.clients[service]

    def pipeline(self, name: str, definition: Any, **more: Any) -> str:
        text = definition if isinstance(definition, str) else json.dumps(definition)
        answer = self.client("sagemaker").create_pipeline(
            PipelineName=name, PipelineDefinition=text, ClientRequestToken="t" * 32, RoleArn=ROLE, **more
        )
        return str(answer["PipelineArn"])

    def touch(self, name: str) -> None:
        """Set the time of the last change, which the stand-in's update_pipeline forgets."""
        sagemaker_backends["123456789012"][REGION].pipelines[name].last_modified_time = datetime.now(timezone.utc)

    def put(self, bucket: str, **objects: bytes) -> None:
        """Put objects; the double underscore in a name stands for a slash, the last single one for a dot."""
        s3 = self.client("s3")
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
        for name, content in objects.items():
            stem, _, suffix = name.replace("__", "/").rpartition("_")
            s3.put_object(Bucket=bucket, Key=f"{stem}.{suffix}", Body=content)
