"""Processing: inputs, code, outputs, property files, arguments and exit codes."""

import io
import json
import os
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import pytest
from contract_run import Sandbox

COPY = """
import json, os, pathlib, sys
root = pathlib.Path(os.environ["SAGEMAKER_BASE_DIR"]) / "processing"
(root / "train/sub").mkdir(parents=True, exist_ok=True)
(root / "train/sub/data.csv").write_text((root / "input/data.csv").read_text() * 2)
(root / "report/evaluation.json").write_text(json.dumps({"metrics": {"auc.roc": [0.5, 0.93]}, "ok": True, "name": "x"}))
print(json.dumps({"arguments": sys.argv[1:], "cwd": os.getcwd(), "LEVEL": os.environ.get("LEVEL")}))
"""


def entry_point(task: Sandbox) -> list[str]:
    """The words that run the staged script, as a definition would name it."""
    return ["--", task.python, str(task.ml / "processing/input/code/prepare.py")]


OPTIONS = [
    "--step=Prepare",
    "--code=/opt/ml/processing/input/code",
    "--input=raw:/opt/ml/processing/input",
    "--output=train:/opt/ml/processing/train",
    "--output=report:/opt/ml/processing/report",
]


@pytest.fixture
def prepare(task: Sandbox) -> Sandbox:
    """A task whose script reads data.csv and leaves a data set and a report."""
    task.file("code/src/prepare.py", COPY)
    task.artifact("raw", data__csv="1,2\n")
    task.outputs = ["train", "report"]
    return task


def test_a_script_finds_its_inputs_and_its_outputs_are_published(prepare: Sandbox) -> None:
    prepare.parameters = {"test_size": 0.2, "depth": 5.0, "flag": "true", "name": "it's {{x}}"}
    words = ["--test-size", "{test_size:float}", "{depth:int}", "{flag:bool}", "{name:str}", "a%7Bb%25"]
    done = prepare.succeed("processing", *OPTIONS, "--environment=LEVEL:{depth:int}-x", *entry_point(prepare), *words)
    assert json.loads(done.stdout) == {
        "arguments": ["--test-size", "0.2", "5", "True", "it's {{x}}", "a{b%"],
        "cwd": str(prepare.root),
        "LEVEL": "5-x",
    }
    assert (prepare.out("train") / "sub/data.csv").read_text() == "1,2\n1,2\n"


@pytest.mark.parametrize(
    ("path", "text"),
    [("metrics['auc.roc'][1]", "0.93"), ("ok", "true"), ("name", "x"), ("metrics", '{"auc.roc": [0.5, 0.93]}')],
)
def test_values_of_property_files_become_output_parameters(prepare: Sandbox, path: str, text: str) -> None:
    prepare.output_parameters = ["value"]
    option = f"--property=value:report/evaluation.json:{path}"
    prepare.succeed("processing", *OPTIONS, option, *entry_point(prepare))
    assert prepare.published("value") == text


@pytest.mark.parametrize("place", ["evaluation.json:metrics.f1", "evaluation.json:ok.deeper", "nowhere.json:ok"])
def test_a_missing_property_fails_the_step(prepare: Sandbox, place: str) -> None:
    prepare.output_parameters = ["value"]
    message = prepare.refuse("processing", *OPTIONS, f"--property=value:report/{place}", *entry_point(prepare))
    assert "step Prepare: cannot read" in message


def test_a_single_object_keeps_its_name_and_stays_packed(task: Sandbox) -> None:
    task.artifact("model", model__tar__gz=b"packed", other__txt="x")
    words = ["--", "ls", str(task.ml / "processing/model")]
    assert task.succeed("processing", "--input=model:/opt/ml/processing/model:model.tar.gz", *words).stdout == (
        "model.tar.gz\n"
    )


def test_an_input_that_is_not_there_is_named_before_anything_runs(task: Sandbox) -> None:
    task.inputs["raw"] = str(task.root / "nowhere")
    message = task.refuse("processing", "--step=S", "--input=raw:/opt/ml/processing/raw", "--", "touch", "ran")
    assert message == f"step S: there is nothing at {task.root}/nowhere\n"
    assert not (task.root / "ran").exists()


def test_a_script_that_was_not_found_at_conversion_says_so(task: Sandbox) -> None:
    task.file("code/src/evaluate.py.missing", "evaluate.py was not found beside the definition")
    message = task.refuse("processing", "--step=S", "--", "touch", "ran")
    assert message == "step S: evaluate.py was not found beside the definition\n"
    assert not (task.root / "ran").exists()


def test_the_exit_code_is_kept_and_the_message_shown(task: Sandbox) -> None:
    script = f"mkdir -p {task.ml}/output; echo because > {task.ml}/output/message; exit 7"
    done = task.run("processing", "--", "sh", "-c", script)
    assert (done.returncode, done.stderr) == (7, "because\n\n")
    assert task.run("processing", "--", "sh", "-c", "kill -9 $$").returncode == 137


def test_a_second_run_in_the_same_place_leaves_the_same(prepare: Sandbox) -> None:
    for _ in range(2):
        prepare.file("out/train/leftover", "of a machine that was restarted")
        prepare.file("ml/processing/input/leftover.csv", "of a previous task")
        prepare.succeed("processing", *OPTIONS, *entry_point(prepare))
    assert [path.name for path in prepare.out("train").rglob("*") if path.is_file()] == ["data.csv"]
    assert not (prepare.ml / "processing/input/leftover.csv").exists()


def test_links_in_outputs_are_not_followed(task: Sandbox) -> None:
    task.outputs = ["data"]
    task.file("secret", "x")
    folder = task.ml / "processing/out"
    task.succeed(
        "processing", "--output=data:/opt/ml/processing/out", "--", "ln", "-s", str(task.root / "secret"), str(folder)
    )
    assert list(task.out("data").iterdir()) == []


def test_code_can_travel_as_an_archive(task: Sandbox) -> None:
    task.file("code/src/source/run.sh", "echo hello")
    task.file("code/src/source/requirements.txt", "nothing")
    path = task.ml / "processing/input/code/sourcedir.tar.gz"
    option = "--code=/opt/ml/processing/input/code:source:sourcedir.tar.gz"
    assert task.succeed("processing", option, "--", "tar", "-tzf", str(path)).stdout == "requirements.txt\nrun.sh\n"
    first = path.read_bytes()
    os.utime(task.root / "code/src/source/run.sh", (1, 1))
    task.succeed("processing", option, "--", "true")
    assert path.read_bytes() == first
    task.local_run({})
    assert task.succeed("processing", option, "--", "tar", "-tzf", str(path)).stdout == "run.sh\n"


def test_addresses_that_are_known_at_run_time_are_read_and_written_in_a_local_run(task: Sandbox) -> None:
    task.parameters = {"input": "gs://acme/churn/raw/2024", "bucket": "acme"}
    task.file("data/2024/a.csv", "a")
    task.local_run({"gs://acme": task.root / "nowhere", "gs://acme/churn/raw": task.root / "data"})
    task.outputs = ["copy"]
    task.succeed(
        "processing",
        "--data=/opt/ml/processing/in:{input:str}",
        "--output=copy:/opt/ml/processing/out:gs://{bucket:str}/fixed/",
        "--",
        "cp",
        str(task.ml / "processing/in/a.csv"),
        str(task.ml / "processing/out"),
    )
    assert (task.root / "written/acme/fixed/a.csv").read_text() == "a"
    task.parameters = {"input": "gs://acme/fixed/a.csv"}
    words = ["--", "cat", str(task.ml / "processing/in/a.csv")]
    assert task.succeed("processing", "--data=/opt/ml/processing/in:{input:str}", *words).stdout == "a"
    task.parameters = {"input": "gs://acme/churn/raw-2"}
    message = task.refuse("processing", "--data=/opt/ml/processing/in:{input:str}", *words)
    assert "gs://acme/churn/raw-2 is not on this machine" in message


def test_python_is_the_interpreter_of_a_local_run(task: Sandbox) -> None:
    show = "import sys; print(sys.prefix)"
    task.local_run({})
    assert task.succeed("processing", "--", "python", "-c", show).stdout.strip() == sys.prefix
    assert task.succeed("processing", "--", "sh", "-c", f"python3 -c '{show}'").stdout.strip() == sys.prefix


def test_the_configuration_files_of_the_job_are_there(task: Sandbox) -> None:
    spec = {"cluster": {"workerpool0": ["a:1"], "workerpool1": ["b:1", "c:1"]}}
    task.environment["CLUSTER_SPEC"] = json.dumps({**spec, "task": {"type": "workerpool1", "index": 1}})
    task.outputs = ["data"]
    task.succeed("processing", "--step=S", "--output=data:/opt/ml/processing/out", "--", "true")
    resources = json.loads((task.ml / "config/resourceconfig.json").read_text())
    assert (resources["current_host"], resources["hosts"]) == ("c", ["a", "b", "c"])
    job = json.loads((task.ml / "config/processingjobconfig.json").read_text())
    assert job["AppSpecification"]["ContainerEntrypoint"] == ["true"]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["processing", "--inputs=a:/opt/ml/b", "--", "true"], "processing has no option --inputs"),
        (["processing", "--input=a", "--", "true"], "--input=a needs ARTIFACT:PATH[:FILE]"),
        (["processing", "--output=a:/etc", "--", "true"], "/etc is not below /opt/ml"),
        (["processing", "--output=a:/opt/ml/../x", "--", "true"], "/opt/ml/../x is not below /opt/ml"),
        (["processing", "--step=S"], "there is no entry point"),
        (["processing", "--", "no-such-program"], "cannot run no-such-program"),
        (["processing", "--", "echo", "{x:int}"], "there is no input parameter x"),
        (["processing", "--", "echo", "{x}"], "cannot read the template {x}"),
        (["processing", "--code=/opt/ml/code:../..", "--", "true"], "../.. leaves its folder"),
        (["travel"], "no such verb: travel"),
    ],
)
def test_a_wrong_command_line_is_refused_with_its_reason(task: Sandbox, arguments: list[str], reason: str) -> None:
    assert reason in task.refuse(*arguments)


@pytest.mark.parametrize("value", ["5.5", "five", None, "nan"])
def test_a_value_of_another_type_is_refused(task: Sandbox, value: object) -> None:
    task.parameters = {"x": value}
    assert "is no int" in task.refuse("processing", "--", "echo", "{x:int}")


def test_the_folders_of_two_inputs_may_lie_in_each_other(task: Sandbox) -> None:
    task.artifact("raw", a__csv="a")
    task.file("code/src/run.py", "")
    options = ["--code=/opt/ml/processing/input/code", "--input=raw:/opt/ml/processing/input"]
    listing = task.succeed("processing", *options, "--", "find", str(task.ml / "processing/input"), "-type", "f").stdout
    names = sorted(Path(line).relative_to(task.ml / "processing/input").as_posix() for line in listing.splitlines())
    assert names == ["a.csv", "code/run.py"]


def hostile(member: tarfile.TarInfo, content: bytes = b"") -> bytes:
    """A tar.gz with one member."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:gz") as tar:
        member.size = len(content)
        tar.addfile(member, io.BytesIO(content))
    return data.getvalue()


def member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    """A member of a tar archive."""
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return info


@pytest.mark.parametrize(
    "info",
    [
        member("../evil"),
        member("/tmp/evil"),
        member("a/../../evil"),
        member("device", tarfile.CHRTYPE),
        member("link", tarfile.SYMTYPE, "/etc/passwd"),
        member("link", tarfile.SYMTYPE, "link"),
        member("link", tarfile.LNKTYPE, "../evil"),
    ],
    ids=lambda info: f"{info.name} {info.linkname}",
)
def test_a_hostile_model_archive_is_refused(task: Sandbox, info: tarfile.TarInfo) -> None:
    task.artifact("model", model__tar__gz=hostile(info))
    task.outputs = ["serving"]
    task.local_run({})
    task.refuse("upload-model", "--step=S", "--model=model", "--serving-model=serving", "--serving-image=i")
    assert not task.out("serving").exists()


# --- several hosts ---

COUNT = """
import os, pathlib, sys
root = pathlib.Path(os.environ["SAGEMAKER_BASE_DIR"])
mine, everything = (sorted(path.name for path in (root / "processing" / name).iterdir()) for name in ("in", "all"))
host = sys.argv[1]
(root / "processing/out" / (host + ".txt")).write_text(" ".join(mine))
(root / "processing/out" / "all.txt").write_text(" ".join(everything))
if host == "b":
    (root / "processing/out" / "report.json").write_text('{"files": %d}' % len(mine))
sys.exit(int(sys.argv[2]) if host == "b" else 0)
"""
DIVIDED = [
    *("processing", "--step=S", "--input=data:/opt/ml/processing/in", "--input=data:/opt/ml/processing/all"),
    *("--shard=/opt/ml/processing/in/", "--output=out:/opt/ml/processing/out:gs://acme/fixed"),
    "--property=files:out/report.json:files",
]


def on_two_hosts(task: Sandbox, exit_code: int = 0) -> list[subprocess.CompletedProcess[str]]:
    """What the leader `a` and the worker `b` of one job do at the same time; the worker starts a little later."""
    task.file("count.py", COUNT)
    task.outputs, task.output_parameters = ["out"], ["files"]
    task.local_run({})
    spec = {"cluster": {"workerpool0": ["a:1"], "workerpool1": ["b:1"]}}
    processes = []
    for number, host in enumerate("ab"):
        time.sleep(number / 4)
        pool = {"type": f"workerpool{number}", "index": 0}
        task.environment |= {"CLUSTER_SPEC": json.dumps({**spec, "task": pool})}
        task.environment |= {"SAGEMAKER_BASE_DIR": str(task.root / f"ml-{host}")}
        words = ["--", task.python, str(task.root / "count.py"), host, str(exit_code)]
        processes.append(
            subprocess.Popen(
                task.command(*DIVIDED, *words),
                env=task.environment_of_process(),
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
    return [
        subprocess.CompletedProcess(process.args, process.returncode, out, err)
        for process in processes
        for out, err in [process.communicate(timeout=60)]
    ]


def test_objects_are_divided_among_the_hosts_and_all_publish(task: Sandbox) -> None:
    task.artifact("data", **{f"part-{number}__csv": "x" for number in range(5)})
    for _ in range(2):  # the second time as after a restart: what the first left is there
        leader, worker = on_two_hosts(task)
        assert (leader.returncode, worker.returncode) == (0, 0), leader.stderr + worker.stderr
        everything = " ".join(f"part-{number}.csv" for number in range(5))
        expected = {
            "a.txt": "part-0.csv part-2.csv part-4.csv",
            "b.txt": "part-1.csv part-3.csv",
            "all.txt": everything,
            "report.json": '{"files": 2}',
        }
        assert {path.name: path.read_text() for path in task.out("out").iterdir()} == expected
        assert {path.name: path.read_text() for path in (task.root / "written/acme/fixed").iterdir()} == expected
        assert task.published("files") == "2", "the leader reads what the worker published"
    config = json.loads((task.root / "ml-b/config/processingjobconfig.json").read_text())
    kinds = [entry["S3Input"].get("S3DataDistributionType") for entry in config["ProcessingInputs"]]
    assert kinds == ["ShardedByS3Key", None]


@pytest.mark.parametrize("exit_code", [0, 7])
def test_the_job_fails_if_any_host_fails(task: Sandbox, exit_code: int) -> None:
    task.artifact("data", one__csv="x")
    leader, worker = on_two_hosts(task, exit_code)
    assert (leader.returncode, worker.returncode) == (exit_code, exit_code)
    assert ("host b ended with exit code 7" in leader.stderr) == bool(exit_code)
    if exit_code:
        assert not (task.root / "parameters/files").exists()
    else:
        assert (task.out("out") / "b.txt").read_text() == "", "one object is all that there is: the leader has it"


def test_a_host_that_is_refused_fails_the_job(task: Sandbox) -> None:
    leader, worker = on_two_hosts(task)  # there is no input artifact
    assert (leader.returncode, worker.returncode) == (1, 1)
    assert "there is no artifact data" in worker.stderr


def test_files_of_one_name_from_several_hosts_are_reported(task: Sandbox) -> None:
    task.artifact("data", one__csv="x")
    task.file("out/out/b.txt", "of another host")
    _, worker = on_two_hosts(task)
    assert "b.txt was there already, from another host or an earlier attempt; the last one counts" in worker.stderr
