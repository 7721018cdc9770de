"""Pulling an account: the real boto3 client against a stand-in on this machine."""

from __future__ import annotations

import io
import json
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from standin import KEY_ID, REGION, ROLE, SECRET_KEY, SESSION_TOKEN, Cloud
from support import REPOSITORY, Outcome

from smx2vertex.sagemaker import account as account_module
from smx2vertex.sagemaker import pull as pull_module

HERE = Path(__file__).resolve().parent
CHURN = REPOSITORY / "tests" / "fixtures" / "churn_mini"
BUCKET = "churn-data"


def definition(*uris: str) -> dict[str, Any]:
    """A pipeline with one Processing step whose inputs are code at these addresses."""
    inputs = [
        {"InputName": f"input-{n}", "S3Input": {"S3Uri": uri, "LocalPath": f"/opt/ml/processing/input/{n}"}}
        for n, uri in enumerate(uris)
    ]
    words = ["bash", *(f"/opt/ml/processing/input/{n}/run" for n in range(len(uris)))]
    arguments = {"AppSpecification": {"ImageUri": "image", "ContainerEntrypoint": words}, "ProcessingInputs": inputs}
    return {"Version": "2020-12-01", "Steps": [{"Name": "A", "Type": "Processing", "Arguments": arguments}]}


@pytest.fixture
def pull(smx2vertex: Callable[..., Outcome], cloud: Cloud, tmp_path: Path) -> Callable[..., Outcome]:
    return lambda *more: smx2vertex("pull", "--out", tmp_path / "bundle", "--endpoint-url", cloud.url, *more)


def manifest(tmp_path: Path) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads((tmp_path / "bundle" / "manifest.json").read_text())
    return answer


def codes(outcome: Outcome) -> list[str]:
    return [finding["code"] for finding in json.loads(outcome.out)["findings"] if finding["code"] != "SMX189"]


def test_an_account_becomes_a_bundle_that_convert_takes(
    cloud: Cloud, pull: Callable[..., Outcome], smx2vertex: Callable[..., Outcome], tmp_path: Path
) -> None:
    document = json.loads((CHURN / "definition.json").read_text())
    texts = json.dumps(document).split('"')
    s3 = cloud.client("s3")
    cloud.put("acme-ml")
    for script in ("prepare.py", "evaluate.py"):
        uri = next(text for text in texts if text.startswith("s3://acme-ml/") and text.endswith(f"/{script}"))
        s3.put_object(Bucket="acme-ml", Key=uri.removeprefix("s3://acme-ml/"), Body=(CHURN / script).read_bytes())
    more = {"Tags": [{"Key": "team", "Value": "churn"}], "ParallelismConfiguration": {"MaxParallelExecutionSteps": 3}}
    arn = cloud.pipeline("churn-mini", document, PipelineDescription="who leaves", **more)
    name = document["Parameters"][0]["Name"]
    values = [{"Name": name, "Value": "5"}, {"Name": "DbPassword", "Value": "hunter2"}]
    cloud.client("sagemaker").start_pipeline_execution(PipelineName="churn-mini", PipelineParameters=values)
    cloud.client("sagemaker").create_model_package_group(ModelPackageGroupName="churn-models")

    done = pull()
    assert done.code == 0, done.out + done.err
    assert "1 pipeline fetched" in done.out and "2 files of code" in done.out, done.out
    [entry] = manifest(tmp_path)["pipelines"]
    assert entry["arn"] == arn
    assert entry["role"] == ROLE
    assert entry["description"] == "who leaves"
    assert entry["parallelism"] == 3
    assert entry["tags"] == [{"Key": "team", "Value": "churn"}]
    assert entry["parameters"] == [{name: "5", "DbPassword": "***"}]
    assert [execution["status"] for execution in entry["executions"]] == ["Succeeded"]
    groups = yaml.safe_load((tmp_path / "bundle" / "model_package_groups.yaml").read_text())
    assert [group["name"] for group in groups] == ["churn-models"]
    assert json.loads((tmp_path / "bundle" / entry["definition"]).read_text()) == document
    mapped = smx2vertex("map", tmp_path / "bundle", "--format", "json")
    assert mapped.code == 0, mapped.err
    assert json.loads(mapped.out)["pipeline"] == "churn-mini"


def test_nothing_of_the_credentials_is_written(cloud: Cloud, pull: Callable[..., Outcome], tmp_path: Path) -> None:
    cloud.pipeline("one", definition("s3://no-bucket/run.sh"))
    done = pull()
    written = b"".join(file.read_bytes() for file in (tmp_path / "bundle").rglob("*") if file.is_file())
    for secret in (KEY_ID, SECRET_KEY, SESSION_TOKEN):
        assert secret.encode() not in written
        assert secret not in done.out + done.err


def test_data_above_the_folder_of_the_code_is_left(cloud: Cloud, pull: Callable[..., Outcome], tmp_path: Path) -> None:
    document = definition(f"s3://{BUCKET}/run.sh")
    data = {"S3Uri": f"s3://{BUCKET}/rows.csv", "LocalPath": "/opt/ml/processing/input"}
    document["Steps"][0]["Arguments"]["ProcessingInputs"].append({"InputName": "data", "S3Input": data})
    cloud.pipeline("one", document)
    cloud.put(BUCKET, run_sh=b"run", rows_csv=b"1,2")
    assert pull().code == 0
    assert list(manifest(tmp_path)["code"]) == [f"s3://{BUCKET}/run.sh"]


def test_code_is_fetched_by_address_by_prefix_and_through_joins(
    cloud: Cloud, pull: Callable[..., Outcome], tmp_path: Path
) -> None:
    join = {"Std:Join": {"On": "/", "Values": ["s3:/", {"Get": "Parameters.Bucket"}, "train.py"]}}
    document = definition(f"s3://{BUCKET}/run.sh", f"s3://{BUCKET}/tools", f"s3://{BUCKET}/gone")
    document["Parameters"] = [{"Name": "Bucket", "Type": "String", "DefaultValue": BUCKET}]
    submitted = {"HyperParameters": {"sagemaker_submit_directory": f'"s3://{BUCKET}/a/sourcedir.tar.gz"'}}
    served = {"PrimaryContainer": {"Environment": {"SAGEMAKER_SUBMIT_DIRECTORY": f"s3://{BUCKET}/serving.tar.gz"}}}
    document["Steps"] += [
        {"Name": "B", "Type": "Training", "Arguments": submitted},
        {"Name": "C", "Type": "Model", "Arguments": served},
        {"Name": "D", "Type": "EMR", "Arguments": {"StepConfig": {"Args": [join, f"s3://{BUCKET}/rows.csv"]}}},
    ]
    cloud.pipeline("one", document)
    cloud.put(
        BUCKET, run_sh=b"run", tools__a_py=b"a", tools__deep__b_txt=b"b", toolsmith_py=b"no", train_py=b"train",
        a__sourcedir_tar_gz=b"", serving_tar_gz=b"", rows_csv=b"1,2",
    )  # fmt: skip
    s3 = cloud.client("s3")
    for key in ("a/sourcedir.tar.gz", "serving.tar.gz"):
        s3.put_object(Bucket=BUCKET, Key=key, Body=b"archive")

    left = pull("--no-code", "--format", "json")
    assert left.code == 0
    assert manifest(tmp_path)["code"] == {}
    done = pull("--format", "json")
    assert codes(done) == ["SMX185"]
    assert json.loads(done.out)["pipelines"]["unchanged"] == ["one"]
    found = manifest(tmp_path)["code"]
    assert sorted(uri.removeprefix(f"s3://{BUCKET}/") for uri in found) == [
        "a/sourcedir.tar.gz", "run.sh", "serving.tar.gz", "tools/a.py", "tools/deep/b.txt", "train.py",
    ]  # fmt: skip
    assert (tmp_path / "bundle" / found[f"s3://{BUCKET}/train.py"]).read_bytes() == b"train"


def test_what_is_too_large_is_left_out(
    cloud: Cloud, pull: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(account_module, "MAX_OBJECT_BYTES", 10)
    monkeypatch.setattr(pull_module, "MAX_OBJECTS", 2)
    monkeypatch.setattr(pull_module, "MAX_OBJECT_BYTES", 10)
    cloud.pipeline("one", definition(*(f"s3://{BUCKET}/{name}" for name in ("large.sh", "small.sh", "many", "heavy"))))
    cloud.put(
        BUCKET, large_sh=b"x" * 11, small_sh=b"x" * 10, heavy__a_py=b"x" * 6, heavy__b_py=b"x" * 6,
        many__a_py=b"", many__b_py=b"", many__c_py=b"",
    )  # fmt: skip
    done = pull("--format", "json")
    assert done.code == 0
    assert codes(done) == ["SMX186"] * 3
    assert list(manifest(tmp_path)["code"]) == [f"s3://{BUCKET}/small.sh"]


def test_pulling_again_fetches_what_is_new(cloud: Cloud, pull: Callable[..., Outcome], tmp_path: Path) -> None:
    for name in ("kept", "changed", "broken-file", "deleted"):
        cloud.pipeline(name, definition())
    assert pull().code == 0
    sagemaker = cloud.client("sagemaker")
    sagemaker.update_pipeline(PipelineName="changed", PipelineDefinition=json.dumps(definition("s3://b/new.sh")))
    cloud.touch("changed")
    sagemaker.delete_pipeline(PipelineName="deleted", ClientRequestToken="t" * 32)
    cloud.pipeline("new", definition())
    (tmp_path / "bundle" / "definitions" / "broken-file.json").write_text("{")

    again = pull("--format", "json")
    assert again.code == 0, again.err
    result = json.loads(again.out)
    assert sorted(result["pipelines"]["fetched"]) == ["broken-file", "changed", "new"]
    assert result["pipelines"]["unchanged"] == ["kept"]
    assert codes(again) == ["SMX187", "SMX185"]
    assert "new.sh" in (tmp_path / "bundle" / "definitions" / "changed.json").read_text()


def test_an_interrupted_pull_goes_on(
    cloud: Cloud, pull: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("one", "two", "three"):
        cloud.pipeline(name, definition())
    fetch = pull_module._Pull.fetch

    def interrupted(self: Any, summary: dict[str, Any]) -> Any:
        if self.pulled.fetched:
            raise KeyboardInterrupt
        return fetch(self, summary)

    with monkeypatch.context() as patched:
        patched.setattr(pull_module._Pull, "fetch", interrupted)
        assert pull().code != 0
    assert len(manifest(tmp_path)["pipelines"]) == 1
    result = json.loads(pull("--format", "json").out)["pipelines"]
    assert len(result["unchanged"]) == 1
    assert len(result["fetched"]) == 2


@pytest.mark.parametrize("broken", ["no JSON", "[1]", '{"Steps": 5}', "{1, 2}", "[" * 100_000, '{"Steps": [NaN]}'])
def test_one_broken_pipeline_does_not_stop_the_others(
    cloud: Cloud, pull: Callable[..., Outcome], broken: str, tmp_path: Path
) -> None:
    cloud.pipeline("good", definition())
    cloud.pipeline("bad", broken)
    cloud.pipeline("fine", definition())
    done = pull()
    assert done.code == 1
    assert "SMX182" in done.out
    assert "'bad'" in done.out
    assert sorted(entry["name"] for entry in manifest(tmp_path)["pipelines"]) == ["fine", "good"]


def test_names_are_never_paths(cloud: Cloud, pull: Callable[..., Outcome], tmp_path: Path) -> None:
    for name in ("../../outside", "/etc/passwd", "a\nb", "CON"):
        cloud.pipeline(name, definition())
    assert pull().code == 0
    assert {entry["name"] for entry in manifest(tmp_path)["pipelines"]} == {
        "../../outside",
        "/etc/passwd",
        "a\nb",
        "CON",
    }
    assert {path.name for path in tmp_path.iterdir()} == {"bundle"}
    assert len(list((tmp_path / "bundle" / "definitions").iterdir())) == 4


def test_a_definition_in_the_form_of_a_python_value_is_read(
    cloud: Cloud, pull: Callable[..., Outcome], tmp_path: Path
) -> None:
    cloud.put("definitions-here", a_json=json.dumps(definition()).encode())
    cloud.client("sagemaker").create_pipeline(
        PipelineName="in-s3", ClientRequestToken="t" * 32, RoleArn=ROLE,
        PipelineDefinitionS3Location={"Bucket": "definitions-here", "ObjectKey": "a.json"},
    )  # fmt: skip
    assert pull().code == 0
    assert json.loads((tmp_path / "bundle" / "definitions" / "in-s3.json").read_text()) == definition()


def test_only_the_pipelines_that_are_named(cloud: Cloud, pull: Callable[..., Outcome], tmp_path: Path) -> None:
    for name in ("one", "one-more", "two"):
        cloud.pipeline(name, definition())
    assert pull("--pipeline", "one").code == 0
    assert [entry["name"] for entry in manifest(tmp_path)["pipelines"]] == ["one"]
    absent = pull("--pipeline", "two", "--pipeline", "three")
    assert absent.code == 1
    assert "'three'" in absent.out
    assert [entry["name"] for entry in manifest(tmp_path)["pipelines"]] == ["one", "two"]


def test_one_bundle_holds_one_region(
    cloud: Cloud, pull: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud.pipeline("one", definition())
    assert pull().code == 0
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    Cloud(cloud.url).pipeline("one", definition())
    other = pull()
    assert other.code == 2
    assert "another folder" in other.err


def test_a_folder_with_other_content_is_left_alone(cloud: Cloud, pull: Callable[..., Outcome], tmp_path: Path) -> None:
    (tmp_path / "bundle").mkdir()
    (tmp_path / "bundle" / "notes.txt").write_text("mine")
    done = pull()
    assert done.code == 2
    assert "SMX188" in done.err
    assert [path.name for path in (tmp_path / "bundle").iterdir()] == ["notes.txt"]


@pytest.fixture
def function(cloud: Cloud) -> Callable[[str, dict[str, str]], str]:
    """Makes a function with an environment; answers its ARN."""
    iam = cloud.client("iam")
    role = iam.create_role(RoleName="Functions", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("start.py", "def handler(event, context): ...")

    def make(name: str, environment: dict[str, str]) -> str:
        answer = cloud.client("lambda").create_function(
            FunctionName=name, Runtime="python3.12", Role=role, Handler="start.handler",
            Code={"ZipFile": archive.getvalue()}, Environment={"Variables": environment},
        )  # fmt: skip
        return str(answer["FunctionArn"])

    return make


def test_what_starts_pipelines_is_found(
    cloud: Cloud, pull: Callable[..., Outcome], function: Callable[..., str], tmp_path: Path
) -> None:
    data = {"Name": "Data", "Type": "String", "DefaultValue": f"s3://{BUCKET}/raw/"}
    churn = cloud.pipeline("Churn", definition() | {"Parameters": [data]})
    sales = cloud.pipeline("Sales", definition())
    cloud.put(BUCKET)
    news = f"arn:aws:sns:{REGION}:123456789012:news"
    starter = function("start-churn", {"PIPELINE": "Churn", "NEWS": news, "API_TOKEN": "do-not-tell"})
    idle = function("idle", {"WHAT": "nothing"})

    parameters = {"PipelineParameterList": [{"Name": "Data", "Value": "s3://x/"}, {"Name": "ApiKey", "Value": "k"}]}
    schedule = {"FlexibleTimeWindow": {"Mode": "OFF"}, "ScheduleExpressionTimezone": "Europe/Berlin"}
    scheduler = cloud.client("scheduler")
    scheduler.create_schedule(
        Name="nightly", ScheduleExpression="cron(0 3 * * ? *)", **schedule,
        Target={"Arn": churn, "RoleArn": ROLE, "SageMakerPipelineParameters": parameters},
    )  # fmt: skip
    scheduler.create_schedule(
        Name="universal", ScheduleExpression="rate(1 day)", **schedule,
        Target={"Arn": "arn:aws:scheduler:::aws-sdk:sagemaker:startPipelineExecution", "RoleArn": ROLE,
                "Input": json.dumps({"PipelineName": "Sales", "PipelineParameters": [{"Name": "N", "Value": "1"}]})},
    )  # fmt: skip
    scheduler.create_schedule(
        Name="unrelated", ScheduleExpression="rate(1 day)", **schedule, Target={"Arn": idle, "RoleArn": ROLE}
    )

    events = cloud.client("events")
    events.put_rule(Name="approved", EventPattern=json.dumps({"source": ["aws.sagemaker"]}))
    events.put_targets(Rule="approved", Targets=[{"Id": "1", "Arn": churn, "RoleArn": ROLE}])
    events.put_rule(Name="hourly", ScheduleExpression="rate(1 hour)", State="DISABLED")
    events.put_targets(Rule="hourly", Targets=[{"Id": "1", "Arn": starter}, {"Id": "2", "Arn": idle}])

    queue = cloud.client("sqs").create_queue(QueueName="arrivals")["QueueUrl"]
    queue_arn = f"arn:aws:sqs:{REGION}:123456789012:{queue.rpartition('/')[2]}"
    cloud.client("lambda").create_event_source_mapping(FunctionName="start-churn", EventSourceArn=queue_arn)
    topic = cloud.client("sns").create_topic(Name="news")["TopicArn"]
    cloud.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue_arn)
    cloud.client("sns").subscribe(TopicArn=topic, Protocol="email", Endpoint="someone@example.com")
    ends = cloud.client("sns").create_topic(Name="ends")["TopicArn"]
    cloud.client("sns").subscribe(TopicArn=ends, Protocol="email", Endpoint="sales@example.com")
    ended = {"source": ["aws.sagemaker"], "detail": {"pipelineExecutionArn": [{"prefix": sales}]}}
    events.put_rule(Name="ended", EventPattern=json.dumps(ended))
    events.put_targets(Rule="ended", Targets=[{"Id": "1", "Arn": ends}])
    key = {"Key": {"FilterRules": [{"Name": "prefix", "Value": "raw/"}, {"Name": "suffix", "Value": ".csv"}]}}
    created = ["s3:ObjectCreated:*"]
    cloud.client("s3").put_bucket_notification_configuration(
        Bucket=BUCKET,
        NotificationConfiguration={
            "QueueConfigurations": [{"Id": "to-queue", "QueueArn": queue_arn, "Events": created, "Filter": key}],
            "TopicConfigurations": [{"Id": "to-topic", "TopicArn": topic, "Events": created}],
            "LambdaFunctionConfigurations": [{"Id": "to-idle", "LambdaFunctionArn": idle, "Events": created}],
        },
    )

    artifacts = {"type": "S3", "location": "artifacts"}

    def action(name: str, provider: str, **configuration: str) -> dict[str, Any]:
        kind = {"category": "Source", "owner": "AWS", "provider": provider, "version": "1"}
        return {"name": name, "actionTypeId": kind, "configuration": configuration}

    trust = {"Principal": {"Service": "codepipeline.amazonaws.com"}, "Effect": "Allow", "Action": "sts:AssumeRole"}
    policy = json.dumps({"Statement": [trust]})
    role = cloud.client("iam").create_role(RoleName="Builds", AssumeRolePolicyDocument=policy)["Role"]["Arn"]
    for name, runs in {
        "deploy-sales": action("Run", "CodeBuild", EnvironmentVariables='[{"name": "PIPELINE", "value": "Sales"}]'),
        "site": action("Publish", "CodeBuild", ProjectName="web"),
    }.items():
        stages = [
            {"name": "Source", "actions": [action("Code", "GitHub", Repo="models", OAuthToken="do-not-tell")]},
            {"name": "Run", "actions": [runs]},
        ]
        cloud.client("codepipeline").create_pipeline(
            pipeline={"name": name, "roleArn": role, "artifactStore": artifacts, "stages": stages, "version": 1}
        )

    done = pull("--format", "json")
    assert done.code == 0, done.err
    assert codes(done) == []
    text = (tmp_path / "bundle" / "triggers.yaml").read_text()
    assert text == (HERE / "triggers.yaml").read_text()
    assert "do-not-tell" not in text
    assert json.loads(done.out)["triggers"] == len(yaml.safe_load(text))


def test_without_boto3_the_extra_is_named(
    smx2vertex: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "boto3", None)
    done = smx2vertex("pull", "--out", tmp_path / "bundle")
    assert done.code == 2
    assert "smx2vertex[aws]" in done.err


@pytest.mark.parametrize(
    ("lacking", "options", "said"),
    [
        (["AWS_DEFAULT_REGION"], [], "region"),
        (["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"], [], "credentials"),
        (["AWS_SECRET_ACCESS_KEY"], [], "credentials"),
        ([], ["--profile", "nobody"], "nobody"),
        ([], ["--region", "not a region"], "region"),
        ([], ["--endpoint-url", "nonsense"], "nonsense"),
        ([], ["--endpoint-url", "http://127.0.0.1:9"], "127.0.0.1:9"),
    ],
)
def test_an_account_that_cannot_be_read(
    smx2vertex: Callable[..., Outcome],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    lacking: list[str],
    options: list[str],
    said: str,
) -> None:
    for name in lacking:
        monkeypatch.delenv(name)
    done = smx2vertex("pull", "--out", tmp_path / "bundle", *options)
    assert done.code == 2, done.out + done.err
    assert "SMX181" in done.err
    assert said in done.err
    assert not (tmp_path / "bundle").exists()
