"""What an account does not answer: permissions, throttling, operations that are not there."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.response import StreamingBody
from botocore.stub import Stubber
from hypothesis import given
from hypothesis import strategies as st
from standin import REGION, ROLE, Cloud
from support import Outcome

from smx2vertex.findings import InputError
from smx2vertex.sagemaker.account import Account
from smx2vertex.sagemaker.bundle import open_bundle
from smx2vertex.sagemaker.pull import Pulled, pull
from smx2vertex.sagemaker.secrets import masked

NOON = datetime(2026, 11, 21, 12, tzinfo=timezone.utc)
DEFINITION = json.dumps({"Version": "2020-12-01", "Steps": []})
REFUSED = f"User: {ROLE} is not authorized to perform: sagemaker:ListPipelineVersions on resource: x"


def arn(name: str) -> str:
    return f"arn:aws:sagemaker:{REGION}:123456789012:pipeline/{name}"


class Script:
    """What SageMaker answers, request by request; all else is asked of the stand-in."""

    def __init__(self, cloud: Cloud) -> None:
        self.account = Account(boto3.Session(), cloud.url, attempts=1)
        self.stubs: dict[str, Stubber] = {}

    def answers(self, operation: str, answer: dict[str, Any], service: str = "sagemaker") -> None:
        self.stub(service).add_response(operation, answer)

    def fails(self, operation: str, code: str, text: str = "", service: str = "sagemaker") -> None:
        self.stub(service).add_client_error(operation, code, text)

    def stub(self, service: str) -> Stubber:
        if service not in self.stubs:
            self.stubs[service] = Stubber(self.account.client(service))
            self.stubs[service].activate()
        return self.stubs[service]

    def lists(self, *names: str, **more: Any) -> None:
        summaries = [{"PipelineName": name, "PipelineArn": arn(name), "LastModifiedTime": NOON} for name in names]
        self.answers("list_pipelines", {"PipelineSummaries": summaries, **more})

    def describes(self, name: str, definition: str = DEFINITION) -> None:
        self.answers("describe_pipeline", {"PipelineName": name, "PipelineArn": arn(name), "RoleArn": ROLE,
                                           "PipelineDefinition": definition})  # fmt: skip

    def sends(self, content: bytes, announced: int) -> None:
        self.answers("get_object", {"Body": StreamingBody(io.BytesIO(content), announced)}, "s3")
        self.answers("get_bucket_notification_configuration", {}, "s3")

    def has_nothing_else(self, *, versions: bool = True) -> None:
        self.answers("list_tags", {"Tags": []})
        if versions:
            self.answers("list_pipeline_versions", {"PipelineVersionSummaries": []})
        self.answers("list_pipeline_executions", {"PipelineExecutionSummaries": []})

    def pull(self, folder: Path, *names: str) -> Pulled:
        self.answers("list_model_package_groups", {"ModelPackageGroupSummaryList": []})
        pulled = pull(self.account, folder, names)
        for stub in self.stubs.values():
            stub.assert_no_pending_responses()
        return pulled


@pytest.fixture
def script(cloud: Cloud) -> Script:
    return Script(cloud)


def codes(pulled: Pulled) -> list[str]:
    return [finding.code for finding in pulled.findings]


def test_pages_versions_and_a_definition_in_s3(script: Script, cloud: Cloud, tmp_path: Path) -> None:
    script.lists("one", NextToken="more")
    script.lists("two")
    script.describes("one")
    script.answers("list_tags", {"Tags": [], "NextToken": "more"})
    script.answers("list_tags", {"Tags": [{"Key": "a", "Value": "b"}]})
    versions = [{"PipelineArn": arn("one"), "PipelineVersionId": n, "CreationTime": NOON} for n in (2, 1)]
    script.answers("list_pipeline_versions", {"PipelineVersionSummaries": versions})
    script.answers("list_pipeline_executions", {"PipelineExecutionSummaries": []})
    script.describes("two", json.dumps({"Bucket": "definitions-here", "ObjectKey": "two.json"}))
    script.has_nothing_else()
    cloud.put("definitions-here", two_json=DEFINITION.encode())

    pulled = script.pull(tmp_path / "bundle")
    assert pulled.fetched == ["one", "two"]
    assert codes(pulled) == []
    one, two = open_bundle(tmp_path / "bundle").pipelines
    assert one["tags"] == [{"Key": "a", "Value": "b"}]
    assert one["versions"] == [{"id": n, "created": "2026-11-21T12:00:00+00:00"} for n in (2, 1)]
    assert json.loads((tmp_path / "bundle" / two["definition"]).read_text()) == json.loads(DEFINITION)


def test_a_permission_is_named_once_and_what_it_forbids_is_asked_again(script: Script, tmp_path: Path) -> None:
    for _ in range(2):
        script.lists("one", "two")
        for name in ("one", "two"):
            script.describes(name)
            script.answers("list_tags", {"Tags": []})
            script.fails("list_pipeline_versions", "AccessDeniedException", REFUSED)
            script.answers("list_pipeline_executions", {"PipelineExecutionSummaries": []})
        pulled = script.pull(tmp_path / "bundle")
        assert pulled.fetched == ["one", "two"]
        assert codes(pulled) == ["SMX183"]
        assert "sagemaker:ListPipelineVersions is not permitted" in pulled.findings[0].message
    script.lists("one")
    script.describes("one")
    script.has_nothing_else()
    assert script.pull(tmp_path / "bundle").fetched == ["one"]
    script.lists("one")
    assert script.pull(tmp_path / "bundle").unchanged == ["one"]


def test_definitions_that_nobody_may_read_are_one_finding(script: Script, tmp_path: Path) -> None:
    script.lists("one", "two", "three")
    for _ in range(3):
        script.fails("describe_pipeline", "AccessDeniedException", "no")
    pulled = script.pull(tmp_path / "bundle")
    assert pulled.failed == ["one", "two", "three"]
    assert codes(pulled) == ["SMX183"]
    assert "sagemaker:DescribePipeline" in pulled.findings[0].message


def test_a_throttled_pipeline_is_fetched_the_next_time(script: Script, tmp_path: Path) -> None:
    script.lists("one", "two")
    script.fails("describe_pipeline", "ThrottlingException", "Rate exceeded")
    script.describes("two")
    script.has_nothing_else()
    pulled = script.pull(tmp_path / "bundle")
    assert (pulled.fetched, pulled.failed, codes(pulled)) == (["two"], ["one"], ["SMX182"])
    assert "Rate exceeded" in pulled.findings[0].message
    script.lists("one", "two")
    script.describes("one")
    script.has_nothing_else()
    pulled = script.pull(tmp_path / "bundle")
    assert (pulled.fetched, pulled.unchanged) == (["one"], ["two"])


def test_an_operation_that_is_not_there_is_asked_for_once(script: Script, tmp_path: Path) -> None:
    script.lists("one", "two")
    script.describes("one")
    script.answers("list_tags", {"Tags": []})
    script.fails("list_pipeline_versions", "UnknownOperationException")
    script.answers("list_pipeline_executions", {"PipelineExecutionSummaries": []})
    script.describes("two")
    script.has_nothing_else(versions=False)
    pulled = script.pull(tmp_path / "bundle")
    assert codes(pulled) == ["SMX189"]
    script.lists("one", "two")
    assert script.pull(tmp_path / "bundle").unchanged == ["one", "two"]


def test_a_key_that_one_may_not_use_is_named(script: Script, tmp_path: Path) -> None:
    script.lists("one")
    step = {"Name": "A", "Type": "Lambda", "Arguments": {"script": "s3://code-here/run.py"}}
    script.describes("one", json.dumps({"Version": "2020-12-01", "Steps": [step]}))
    script.has_nothing_else()
    script.fails("get_object", "AccessDenied", f"User: {ROLE} is not authorized to perform: kms:Decrypt on x", "s3")
    script.answers("get_bucket_notification_configuration", {}, "s3")
    pulled = script.pull(tmp_path / "bundle")
    assert [finding.message.split()[0] for finding in pulled.findings] == ["kms:Decrypt"]


def test_an_object_that_breaks_off_is_fetched_the_next_time(script: Script, tmp_path: Path) -> None:
    step = {"Name": "A", "Type": "Lambda", "Arguments": {"script": "s3://code-here/run.py"}}
    script.lists("one")
    script.describes("one", json.dumps({"Version": "2020-12-01", "Steps": [step]}))
    script.has_nothing_else()
    script.sends(b"code", announced=100)
    assert codes(script.pull(tmp_path / "bundle")) == ["SMX184"]
    script.lists("one")
    script.sends(b"code", announced=4)
    again = script.pull(tmp_path / "bundle")
    assert (again.unchanged, again.files, codes(again)) == (["one"], 1, [])


@pytest.mark.parametrize("code", ["AccessDeniedException", "ThrottlingException", "UnknownOperationException"])
def test_pipelines_that_cannot_be_listed(script: Script, tmp_path: Path, code: str) -> None:
    script.fails("list_pipelines", code, "because")
    with pytest.raises(InputError, match="sagemaker:ListPipelines") as caught:
        pull(script.account, tmp_path / "bundle")
    assert caught.value.finding.code == "SMX181"


def test_pipelines_that_are_named_need_not_be_listed(script: Script, tmp_path: Path) -> None:
    script.fails("list_pipelines", "AccessDeniedException", "no")
    script.describes("one")
    script.has_nothing_else()
    pulled = script.pull(tmp_path / "bundle", "one")
    assert (pulled.fetched, codes(pulled)) == (["one"], ["SMX183"])


def test_credentials_that_expire_end_the_pull_and_the_next_goes_on(script: Script, tmp_path: Path) -> None:
    script.lists("one", "two")
    script.describes("one")
    script.has_nothing_else()
    script.fails("describe_pipeline", "ExpiredTokenException", "The security token is expired")
    with pytest.raises(InputError, match="expired") as caught:
        pull(script.account, tmp_path / "bundle")
    assert caught.value.finding.code == "SMX181"
    script.lists("one", "two")
    script.describes("two")
    script.has_nothing_else()
    pulled = script.pull(tmp_path / "bundle")
    assert (pulled.fetched, pulled.unchanged) == (["two"], ["one"])


@given(st.text(), st.sampled_from(["AKIA", "ASIA"]), st.from_regex(r"\A[0-9A-Z]{16}\Z"), st.text())
def test_an_access_key_is_masked_wherever_it_stands(before: str, kind: str, key: str, after: str) -> None:
    assert key not in masked("Anything", f"{before} {kind}{key} {after}")


@pytest.mark.parametrize("name", ["MaxDepth", "TokenizerName", "max_token", "InputData", "KeyColumn"])
def test_other_values_stay(name: str) -> None:
    assert masked(name, "value") == "value"


@pytest.mark.parametrize("name", ["DbPassword", "API_KEY", "github_token", "ClientSecret", "accessKey"])
def test_a_name_tells_a_secret(name: str) -> None:
    assert masked(name, "value") == "***"


def test_the_disk_refuses(cloud: Cloud, smx2vertex: Callable[..., Outcome], tmp_path: Path) -> None:
    cloud.pipeline("one", json.loads(DEFINITION))
    (tmp_path / "file").write_text("")
    done = smx2vertex("pull", "--out", tmp_path / "file" / "bundle", "--endpoint-url", cloud.url)
    assert done.code == 2, done.err
    assert "Traceback" not in done.err.partition("NotImplementedError")[0]
