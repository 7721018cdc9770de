"""Capture: programs of all kinds, run offline through the command line."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from structure import structure
from support import REPOSITORY, Outcome

from smx2vertex.sagemaker.bundle import Bundle, open_bundle

Capture = Callable[..., tuple[Outcome, Bundle | None]]
PROGRAMS = Path(__file__).parent / "programs"

# The programs of the courses: how they are captured, the pipeline, and its definition in the corpus.
COURSES = {
    "workshop_dev": (["workshop/pipeline_dev.py"], "workshop-dev", "s0_dev"),
    "workshop_prod": (["workshop/pipeline_prod.py"], "workshop-prod", "s0_prod"),
    "churn": (["churn/pipeline.py:get_pipeline", "--kw", "name=churn", "--kw", "owner=42"], "churn", "s1"),
    "on_arrival": (["on_arrival.py"], "on-arrival", "s2"),
    "housing": (["housing/pipeline.py", "--", "--pipeline-name", "housing"], "housing", "s3"),
    "lab_05": (["lab_05.py", "--repair"], "lab-05", "s4"),
}


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def definition(bundle: Bundle, name: str) -> Any:
    return bundle.definition(name).raw


def entry(bundle: Bundle, name: str) -> dict[str, Any]:
    return next(entry for entry in bundle.pipelines if entry["name"] == name)


@pytest.fixture
def capture(smx2vertex: Callable[..., Outcome], tmp_path: Path) -> Capture:
    """Capture a program, given by its path or as text; gives what the command did, and the bundle if it is there."""

    def run(
        program: Path | str, *options: object, function: str = "", out: str = "bundle"
    ) -> tuple[Outcome, Bundle | None]:
        if isinstance(program, str) and "\n" in program:
            (tmp_path / "program.py").write_text(program)
            program = tmp_path / "program.py"
        source = f"{program}:{function}" if function else program
        outcome = smx2vertex("capture", source, "--out", tmp_path / out, *options)
        assert "Traceback" not in outcome.err + outcome.out
        return outcome, open_bundle(tmp_path / out) if (tmp_path / out).exists() else None

    return run


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """A server that nobody may connect to."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        yield server
        with pytest.raises(TimeoutError):
            server.accept()


@pytest.fixture(scope="session")
def sdk_v3() -> Path:
    """An interpreter with version 3 of the SDK, which shares no environment with version 2."""
    folder = REPOSITORY / ".venv" / "sagemaker-v3"
    if not (folder / ".installed").exists():
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        subprocess.run([folder / "bin" / "pip", "install", "--quiet", "sagemaker==3.27.0"], check=True)
        (folder / ".installed").touch()
    return folder / "bin" / "python"


# A pipeline without the SDK: the shortest program that gives one.
PLAIN = """
import boto3, json
def create(name, **metadata):
    text = json.dumps({"Version": "2020-12-01", "Metadata": metadata, "Parameters": [], "Steps": []})
    boto3.client("sagemaker").create_pipeline(
        PipelineName=name, PipelineDefinition=text, RoleArn="arn:aws:iam::1:role/r", ClientRequestToken="x" * 32
    )
"""


@pytest.mark.parametrize("course", COURSES)
def test_course_programs_give_their_pipelines(capture: Capture, tmp_path: Path, course: str) -> None:
    (program, *options), name, _ = COURSES[course]
    outcome, bundle = capture(PROGRAMS / program, *options)
    assert outcome.code == 0, outcome.err
    assert bundle is not None
    assert bundle.names() == [name]
    found = structure(tmp_path / "bundle" / entry(bundle, name)["definition"])
    assert found == json.loads((PROGRAMS / f"{course}.expected.json").read_text())


@pytest.mark.parametrize("course", COURSES)
def test_the_expected_structures_are_those_of_the_corpus(corpus: Path, course: str) -> None:
    expected = json.loads((PROGRAMS / f"{course}.expected.json").read_text())
    assert expected == structure(corpus / "seeds" / f"{COURSES[course][2]}.json")


def test_capturing_twice_gives_the_same_bytes(capture: Capture, tmp_path: Path) -> None:
    for out in ("first", "second"):
        capture(PROGRAMS / "housing" / "pipeline.py", "--", "--pipeline-name", "housing", out=out)
    assert files(tmp_path / "first") == files(tmp_path / "second")
    assert any(name.endswith("sourcedir.tar.gz") for name in files(tmp_path / "first"))


def test_scripts_schedules_and_tags_are_kept(capture: Capture, tmp_path: Path) -> None:
    outcome, bundle = capture(PROGRAMS / "workshop" / "pipeline_prod.py", "--format", "json")
    assert bundle is not None
    known = entry(bundle, "workshop-prod")
    assert known["description"] == "Every night"
    assert known["tags"] == [{"Key": "team", "Value": "churn"}]
    assert [each["expression"] for each in known["schedules"]] == ["cron(0 3 * * ? *)"]
    assert yaml.safe_load((tmp_path / "bundle" / "triggers.yaml").read_text()) == known["schedules"]
    steps = {step["Name"]: step["Arguments"] for step in definition(bundle, "workshop-prod")["Steps"]}
    code = steps["PreprocessData"]["ProcessingInputs"][-1]["S3Input"]["S3Uri"]
    assert bundle.files()[code].read_text() == 'print("prepare")\n'
    archive = json.loads(steps["TrainModel"]["HyperParameters"]["sagemaker_submit_directory"])
    assert archive in bundle.files()
    assert json.loads(outcome.out)["pipelines"] == bundle.pipelines


def test_arguments_of_a_function_are_read_as_the_function_wants_them(
    capture: Capture,
) -> None:
    values = ("name=7", "count=7", "ratio=1e-3", "label=7", "items=[1, 2]")
    outcome, bundle = capture(
        f"""{PLAIN}
def build(name, count: int, ratio=0.5, label: str = "", items=()):
    create(name, count=count, ratio=ratio, label=label, items=items)
""",
        *(part for value in values for part in ("--kw", value)),
        function="build",
    )
    assert outcome.code == 0, outcome.err
    assert bundle is not None
    assert definition(bundle, "7")["Metadata"] == {"count": 7, "ratio": 0.001, "label": "7", "items": [1, 2]}


def test_a_function_of_a_module(
    smx2vertex: Callable[..., Outcome], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pipelines").mkdir()
    (tmp_path / "pipelines" / "churn.py").write_text(f"{PLAIN}\nclass Churn:\n    build = lambda: create('churn')\n")
    monkeypatch.chdir(tmp_path)
    outcome = smx2vertex("capture", "pipelines.churn:Churn.build", "--out", "bundle")
    assert outcome.code == 0, outcome.err
    assert open_bundle(tmp_path / "bundle").names() == ["churn"]


def test_the_program_sees_no_credentials(capture: Capture, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_ENDPOINT_URL"):
        monkeypatch.setenv(name, "real-secret")
    home = tmp_path / "home"
    (home / ".aws").mkdir(parents=True)
    (home / ".aws" / "credentials").write_text("[default]\naws_secret_access_key = real-secret\n")
    monkeypatch.setenv("HOME", str(home))
    outcome, bundle = capture(
        f"""{PLAIN}
import os, pathlib
credentials = boto3.Session(profile_name="ours").get_credentials()
create(
    "seen",
    environment=dict(os.environ),
    home=[str(path) for path in pathlib.Path.home().rglob("*")],
    identity=boto3.client("sts").get_caller_identity()["Account"],
)
"""
    )
    assert outcome.code == 0, outcome.err
    assert bundle is not None
    seen = definition(bundle, "seen")["Metadata"]
    assert seen["home"] == []
    assert seen["identity"] == "111122223333"
    assert not any(b"real-secret" in content for content in files(tmp_path / "bundle").values())


@pytest.mark.parametrize("isolated", [True, False], ids=["namespace", "guard alone"])
def test_no_connection_leaves_the_machine(
    capture: Capture,
    monkeypatch: pytest.MonkeyPatch,
    listener: socket.socket,
    isolated: bool,
) -> None:
    if not isolated:
        monkeypatch.setattr("smx2vertex.sagemaker.capture.has_network_namespace", lambda: False)
    host, port = listener.getsockname()
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.setenv(name, f"http://{host}:{port}")  # the SDK's report of its use would come here
    outcome, bundle = capture(
        f"""{PLAIN}
import _socket, socket, urllib.request
from sagemaker.workflow.pipeline import Pipeline
address = ({host!r}, {port})
attempts = [
    lambda: socket.create_connection(address),
    lambda: socket.socket().connect_ex(address),
    lambda: _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM).connect(address),
    lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", address),
    lambda: urllib.request.urlopen("http://example.com"),
    lambda: socket.gethostbyname("example.com"),
]
refused = 0
for attempt in attempts:
    try:
        attempt()
    except OSError:
        refused += 1
create("refused", count=refused)
Pipeline("reported", steps=[]).upsert("arn:aws:iam::111122223333:role/r")
"""
    )
    assert outcome.code == 0, outcome.err
    assert bundle is not None
    assert bundle.names() == ["refused", "reported"]
    assert definition(bundle, "refused")["Metadata"]["count"] == 6
    assert f"SMX165 info    a connection to {host} was refused" in outcome.out
    assert "a connection to example.com was refused" in outcome.out


def test_a_notebook_runs_cell_by_cell(capture: Capture, tmp_path: Path) -> None:
    cells = [
        "%matplotlib inline\n!pip install sagemaker\nlisted = !ls\nfiles = %sx ls",
        "%%bash\nexit 1",
        "%%writefile written.py\nprint('written')\n",
        ["%%time\n", "import sagemaker, time\n", "text = '''\n", "!no command\n", "'''"],
        "import asyncio\nawait asyncio.sleep(0)\ndisplay(listed)\nsagemaker?",
        PLAIN + "create('first', listed=listed, text=text, here=__name__)",
        "import boto3\nboto3.client('s3').upload_file('written.py', 'bucket', 'key.py')",
        "results = 1\nresults / 0",
        "create('never')",
    ]
    notebook = {"cells": [{"cell_type": "markdown", "source": "# text"}]}
    notebook["cells"] += [{"cell_type": "code", "source": cell} for cell in cells]  # type: ignore[misc]
    (tmp_path / "lab.ipynb").write_text(json.dumps(notebook))
    outcome, bundle = capture(tmp_path / "lab.ipynb")
    assert outcome.code == 1
    assert bundle is not None
    assert bundle.names() == ["first"]
    assert definition(bundle, "first")["Metadata"] == {"listed": [], "text": "\n!no command\n", "here": "__main__"}
    assert bundle.files()["s3://bucket/key.py"].read_text() == "print('written')\n"
    assert (
        f"SMX163 warning ZeroDivisionError: division by zero\n         {tmp_path}/lab.ipynb cell 8, line 2"
        in outcome.out
    )
    assert "SMX168 info    left out: %%bash" in outcome.out
    assert "left out: !pip install sagemaker" in outcome.out


ENDINGS = [
    # what the program does, what it says, where, exit code
    ("create('a')\nraise SystemExit(0)", None, None, 0),
    ("create('a')\nimport sys\nsys.exit('no data')", "the program ended with 'no data'", "line 10", 1),
    ("create('a')\n[].pop()", "IndexError: pop from empty list", "line 9", 1),
    ("create('a')\nimport json\njson.loads('')", "JSONDecodeError", "line 10", 1),
    ("create('a')\nimport os\nos._exit(0)", "the program ended its own process", None, 1),
]


@pytest.mark.parametrize(("ending", "message", "place", "code"), ENDINGS)
def test_what_was_captured_before_the_end_is_kept(
    capture: Capture,
    ending: str,
    message: str | None,
    place: str | None,
    code: int,
) -> None:
    outcome, bundle = capture(PLAIN + ending)
    assert bundle is not None
    assert bundle.names() == ["a"]
    assert outcome.code == code
    assert ("SMX163" in outcome.out) == (message is not None)
    assert (message or "") in outcome.out
    assert (place or "") in outcome.out


FAILURES = [
    ("import missing_library\n", "SMX162 {path} line 1: ModuleNotFoundError: No module named 'missing_library'"),
    ("print('said')\nx = (\n", "SMX162 {path} line 2: SyntaxError: '(' was never closed"),
    ("\nprint('nothing')\n", "SMX164 {path}: it ran to its end and built no pipeline"),
    ("\ndef build():\n    return Pipeline('x')\n", "it has functions that build one: {path}:build"),
    (
        "import boto3\nopen(boto3.client('s3').download_file('b', 'k', 'f'))\n",
        "SMX162 {path} line 2: ClientError: An error occurred (404) when calling the HeadObject operation: Not Found",
    ),
]


@pytest.mark.parametrize(("text", "message"), FAILURES)
def test_a_program_without_a_pipeline_is_an_error(capture: Capture, tmp_path: Path, text: str, message: str) -> None:
    outcome, bundle = capture(text)
    assert outcome.code == 2
    assert bundle is None
    assert message.format(path=tmp_path / "program.py") in outcome.err


def test_what_the_program_says_about_its_arguments_is_shown(capture: Capture) -> None:
    outcome, _ = capture(
        "import argparse, logging\ntry:\n    1 / 0\nexcept ZeroDivisionError:\n    logging.exception('x')\n"
        "parser = argparse.ArgumentParser()\nparser.add_argument('--role', required=True)\nparser.parse_args()\n"
    )
    assert outcome.code == 2
    assert "the following arguments are required: --role" in outcome.err
    assert "line 8: the program ended with 2" in outcome.err


def test_jobs_and_endpoints_only_seem_to_run(capture: Capture) -> None:
    outcome, bundle = capture(
        """
import sagemaker
from sagemaker.estimator import Estimator
from sagemaker.workflow.pipeline import Pipeline
estimator = Estimator("image", sagemaker.get_execution_role(), 1, "ml.m5.large", sagemaker_session=sagemaker.Session())
estimator.fit({"train": "s3://bucket/train"})
estimator.deploy(1, "ml.m5.large")
Pipeline("after", steps=[])
"""
    )
    assert outcome.code == 0, outcome.err
    assert bundle is not None
    assert bundle.names() == ["after"]
    assert "SMX166 warning sagemaker.CreateTrainingJob was called; nothing happened" in outcome.out
    assert "line 6" in outcome.out


def test_what_is_no_definition_is_left_out(capture: Capture) -> None:
    outcome, bundle = capture(
        """
import boto3
texts = {"a/../../b": '{"Version": "2020-12-01", "Steps": []}', "bad": "{", "list": "[]", "half": '"\\ud800"'}
for name, text in texts.items():
    boto3.client("sagemaker").create_pipeline(PipelineName=name, PipelineDefinition=text)
"""
    )
    assert outcome.code == 0, outcome.err
    assert bundle is not None
    assert [entry["definition"] for entry in bundle.pipelines] == ["definitions/a_.._.._b.json"]
    assert outcome.out.count("SMX171") == 3


def test_usage(smx2vertex: Callable[..., Outcome], tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text("print()")
    full = tmp_path / "full"
    full.mkdir()
    (full / "file").touch()
    for arguments, message in (
        (("missing.py",), "SMX160 missing.py: there is no such file"),
        (("data.txt",), "'data.txt' is no Python file"),
        ((program, "--kw", "a=b"), "a function takes them"),
        ((f"{program}:main", "--kw", "a"), "'a' is not of the form NAME=VALUE"),
        ((program, "--out", full), "neither empty nor a bundle"),
        ((program, "--python", tmp_path / "python"), "SMX161 no SageMaker SDK was found"),
    ):
        outcome = smx2vertex("capture", "--out", tmp_path / "bundle", *arguments)
        assert outcome.code == 2
        assert message in outcome.err.replace("\n", " ")
    assert [path.name for path in full.iterdir()] == ["file"]


def test_large_definitions_and_uploads_in_parts(capture: Capture, tmp_path: Path) -> None:
    outcome, bundle = capture(
        """
import boto3, io
from sagemaker.workflow.parameters import ParameterString
from sagemaker.workflow.pipeline import Pipeline
parameters = [ParameterString(f"p{number}", "x" * 1000) for number in range(120)]
large = Pipeline("large", parameters=parameters)
large.upsert("arn:aws:iam::111122223333:role/r")
large.start({"p1": "y"})
Pipeline("built", parameters=parameters[:1])
boto3.client("s3").upload_fileobj(io.BytesIO(bytes(range(256)) * 40_000), "bucket", "key")
assert boto3.resource("s3").Object("bucket", "key").get()["Body"].read(3) == bytes(range(3))
boto3.client("sagemaker").create_model(ModelName="m", ExecutionRoleArn="arn:aws:iam::111122223333:role/r")
"""
    )
    assert outcome.code == 0, outcome.err
    assert bundle is not None
    assert bundle.names() == ["large", "built"]
    assert len(definition(bundle, "large")["Parameters"]) == 120
    assert entry(bundle, "large")["parameters"] == [{"p1": "y"}]
    assert {uri: path.read_bytes() for uri, path in bundle.files().items()} == {
        "s3://bucket/key": bytes(range(256)) * 40_000
    }
    assert "SMX166 warning sagemaker.CreateModel was called; nothing happened" in outcome.out


def test_repairs_are_findings_and_stand_in_the_manifest(
    capture: Capture,
) -> None:
    text = """
import sagemaker
from sagemaker.sklearn.processing import SKLearnProcessor
from sagemaker.workflow.steps import ProcessingStep
def build():
    processor = SKLearnProcessor("1.2-1", role, 1, "ml.m5.large", sagemaker_session=sagemaker.Session())
    step = ProcessingStep("Prepare", step_args=processor.run(code=__file__))
    return Pipeline("plain-session", steps=[step])
build()
"""
    outcome, bundle = capture(text)
    assert outcome.code == 2
    assert "line 6: NameError: name 'role' is not defined" in outcome.err
    outcome, bundle = capture(text, "--repair")
    assert outcome.code == 0, outcome.err
    assert bundle is not None
    assert entry(bundle, "plain-session")["repaired"] == [
        "role is not defined; it became 'arn:aws:iam::111122223333:role/SageMakerExecution'",
        "SKLearnProcessor had a plain Session at .run(); it became a PipelineSession",
        "Pipeline is not defined; it became sagemaker.workflow.pipeline.Pipeline",
    ]
    assert outcome.out.count("SMX167") == 3


def test_a_bundle_is_replaced(capture: Capture, tmp_path: Path) -> None:
    capture(PLAIN + "create('old')")
    _, bundle = capture(PLAIN + "create('new')")
    assert bundle is not None
    assert bundle.names() == ["new"]
    assert sorted(files(tmp_path / "bundle")) == ["definitions/new.json", "manifest.json"]


def test_a_program_is_a_source(smx2vertex: Callable[..., Outcome]) -> None:
    outcome = smx2vertex("map", PROGRAMS / "on_arrival.py", "--format", "json")
    assert outcome.code == 0, outcome.err
    assert [step["name"] for step in json.loads(outcome.out)["steps"]] == [
        "Train",
        "AbaloneCreateModel-CreateModel",
        "RegisterModel-RegisterModel",
    ]
    assert "on_arrival.py is executed, without AWS credentials" in outcome.err


def test_a_program_of_several_pipelines_needs_a_name(smx2vertex: Callable[..., Outcome], tmp_path: Path) -> None:
    program = tmp_path / "two.py"
    program.write_text(PLAIN + "create('one')\ncreate('two')")
    outcome = smx2vertex("map", program)
    assert outcome.code == 2
    assert "one" in outcome.err
    assert "two" in outcome.err
    assert smx2vertex("map", program, "--pipeline", "two").code == 0


@pytest.mark.slow
def test_a_program_is_converted_with_its_scripts(smx2vertex: Callable[..., Outcome], tmp_path: Path) -> None:
    outcome = smx2vertex("convert", PROGRAMS / "workshop" / "pipeline_dev.py", "--out", tmp_path / "project")
    assert outcome.code == 0, outcome.out + outcome.err
    assert (tmp_path / "project" / "code" / "train_model" / "train.py").read_text() == 'print("train")\n'


@pytest.mark.slow
def test_a_program_is_stopped_when_its_time_is_up(
    capture: Capture,
) -> None:
    text = """
from sagemaker.workflow.pipeline import Pipeline
Pipeline("built")
while True:
    pass
"""
    outcome, bundle = capture(text, "--timeout", 10)
    assert outcome.code == 1
    assert bundle is not None
    assert bundle.names() == ["built"]
    assert "SMX163 warning the program did not end within 10 s" in outcome.out


@pytest.mark.slow
def test_version_3_of_the_sdk(capture: Capture, sdk_v3: Path, tmp_path: Path) -> None:
    """Takes about three minutes the first time, ten seconds later: the SDK and what it needs are 400 MB."""
    for out in ("first", "second"):
        outcome, bundle = capture(PROGRAMS / "v3" / "pipeline.py", "--python", sdk_v3, out=out)
        assert outcome.code == 0, outcome.err
    assert bundle is not None
    found = structure(tmp_path / "first" / entry(bundle, "small-v3")["definition"])
    assert found == json.loads((PROGRAMS / "v3.expected.json").read_text())
    assert files(tmp_path / "first") == files(tmp_path / "second")
    assert {"train.py", "sm_train.sh", "prepare.py"} <= {path.name for path in bundle.files().values()}
