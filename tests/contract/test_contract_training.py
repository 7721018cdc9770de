"""Training in script mode and in a container of its own: what the script sees, what is published."""

import json
import tarfile
from pathlib import Path
from typing import Any

import pytest
from contract_run import Sandbox

# Recorded from sagemaker-training 5.1.4: Environment(...).to_cmd_args() and .to_env_vars() for these hyperparameters,
# the channels `train` and `my-test` and one host, with SAGEMAKER_BASE_DIR=BASE.
JUDGE: dict[str, Any] = json.loads((Path(__file__).parent / "sagemaker_training.json").read_text())

SHOW = """
import json, os, sys
wanted = lambda name: name.startswith("SM_") or name in ("CURRENT_HOST", "SAGEMAKER_JOB_NAME", "SAGEMAKER_REGION")
environment = {name: value for name, value in os.environ.items() if wanted(name)}
print(json.dumps({"arguments": sys.argv[1:], "cwd": os.getcwd(), "env": environment}))
"""

SAVE = """
import os, pathlib
pathlib.Path(os.environ["SM_MODEL_DIR"], "sub").mkdir()
pathlib.Path(os.environ["SM_MODEL_DIR"], "sub/weights.bin").write_text("w")
pathlib.Path(os.environ["SM_MODEL_DIR"], "a.json").write_text("{}")
pathlib.Path(os.environ["SM_OUTPUT_DATA_DIR"], "history.txt").write_text("h")
"""


def encoded(text: str) -> str:
    """Braces and percent signs as the grammar wants them."""
    return text.replace("%", "%25").replace("{", "%7B").replace("}", "%7D")


def hyperparameters(values: dict[str, str]) -> list[str]:
    """Options with literal values."""
    return [f"--hyperparameter={name}:{encoded(value)}" for name, value in values.items()]


SCRIPT = ["--code=/opt/ml/code", "--program=train.py"]


@pytest.fixture
def train(task: Sandbox) -> Sandbox:
    """A training task with a channel."""
    task.artifact("train", data__csv="1,2\n")
    task.outputs = ["model"]
    return task


def test_a_script_sees_what_sagemaker_training_gives_it(train: Sandbox) -> None:
    train.file("code/src/train.py", SHOW)
    train.file("code/src/files/a.txt", "a")
    train.environment["SAGEMAKER_TRAINING_MODULE"] = "sagemaker_sklearn_container.training:main"
    options = ["--step=Train", "--channel=train:text/csv", "--channel-code=my-test:files"]
    done = train.succeed("training", *options, *SCRIPT, *hyperparameters(JUDGE["hyperparameters"]))
    seen = json.loads(done.stdout)
    assert (seen["arguments"], seen["cwd"]) == (JUDGE["args"], str(train.ml / "code"))
    expected = json.loads(json.dumps({**JUDGE["env"], **JUDGE["also"]}).replace("BASE", str(train.ml)))
    environment = seen["env"]
    for values in (environment, expected):  # what differs from machine to machine and from run to run
        values["SM_TRAINING_ENV"] = json.loads(values["SM_TRAINING_ENV"])
        values["SM_TRAINING_ENV"].update(num_cpus=0, num_gpus=0, job_name="")
        values.update(SM_NUM_CPUS="0", SM_NUM_GPUS="0")
    assert environment == expected


def test_the_configuration_files_hold_text_values(train: Sandbox) -> None:
    train.file("code/src/train.py", "")
    train.parameters = {"depth": 5.0, "data": "gs://b/k", "objective": "binary:logistic"}
    options = ["--hyperparameter=max-depth:{depth:int}", "--hyperparameter=obj:{objective:json}"]
    train.succeed("training", *SCRIPT, "--channel=train:", *options, "--hyperparameter=a%3Ab:x:y")
    config = train.ml / "input/config"
    assert json.loads((config / "hyperparameters.json").read_text()) == {
        "max-depth": "5",
        "obj": '"binary:logistic"',
        "a:b": "x:y",
    }
    assert json.loads((config / "inputdataconfig.json").read_text())["train"] == {
        "TrainingInputMode": "File",
        "S3DistributionType": "FullyReplicated",
        "RecordWrapperType": "None",
    }


def test_the_model_is_published_packed_and_unpacked(train: Sandbox) -> None:
    train.file("code/src/train.py", SAVE)
    archives = []
    for _ in range(2):
        train.succeed("training", "--step=Train", *SCRIPT, "--model=model")
        archives.append((train.out("model") / "model.tar.gz").read_bytes())
    assert archives[0] == archives[1], "the archive depends on the content alone"
    with tarfile.open(train.out("model") / "model.tar.gz") as tar:
        assert [(member.name, member.mtime, member.uid) for member in tar] == [
            ("a.json", 0, 0),
            ("sub/weights.bin", 0, 0),
        ]
    with tarfile.open(train.out("model") / "output.tar.gz") as tar:
        assert tar.getnames() == ["history.txt"]
    assert (train.out("model") / "model/sub/weights.bin").read_text() == "w"


@pytest.mark.parametrize(
    ("compression", "files"),
    [
        ([], ["model.tar.gz", "output.tar.gz"]),
        (["--compression=none"], ["model/a.json", "model/sub/weights.bin", "output.tar.gz"]),
    ],
)
def test_a_fixed_destination_receives_copies_below_the_job(
    train: Sandbox, compression: list[str], files: list[str]
) -> None:
    train.file("code/src/train.py", SAVE)
    train.local_run({})
    train.succeed("training", "--step=Train", *SCRIPT, "--model=model:gs://b/models/", *compression)
    job = train.executor_output()["artifacts"]["model"]["artifacts"][0]["metadata"]["training_job_name"]
    folder = train.root / "written/b/models" / job / "output"
    assert sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()) == files


def test_metrics_are_read_from_the_log_of_both_streams(train: Sandbox) -> None:
    train.file(
        "code/src/train.py",
        r"""
import sys
for i, loss in enumerate(("0.5", "0.25")):
    print("[%d]\ttrain-rmse:1.0\tvalidation-rmse:%s" % (i, loss))
print("loss: 1e-3;", file=sys.stderr)
sys.stdout.write("no newline: 7")
""",
    )
    train.output_parameters = ["rmse", "loss", "last"]
    done = train.succeed(
        "training",
        *SCRIPT,
        r"--metric-definition=validation%3Armse:.*\[[0-9]+\].*#011validation-rmse:(\S+)",
        "--metric-definition=loss:loss: (.*?);",
        r"--metric-definition=last:newline: (\d)",
        "--metric=rmse:validation:rmse",
        "--metric=loss:loss",
        "--metric=last:last",
        "--model=model",
    )
    assert [train.published(name) for name in train.output_parameters] == ["0.25", "0.001", "7.0"]
    assert done.stdout.endswith("no newline: 7")
    assert done.stderr == "loss: 1e-3;\n"


def test_a_metric_that_never_shows_fails_the_step(train: Sandbox) -> None:
    train.file("code/src/train.py", "")
    train.output_parameters = ["auc"]
    message = train.refuse("training", *SCRIPT, "--metric-definition=auc:auc=(.*)", "--metric=auc:auc")
    assert "the log shows no value of the metric auc" in message


def test_a_failing_script_keeps_its_exit_code_and_its_reason_is_shown(train: Sandbox) -> None:
    failure = train.ml / "output/failure"
    train.file("code/src/train.py", f"open({str(failure)!r}, 'w').write('x' * 2000); raise SystemExit(3)")
    done = train.run("training", *SCRIPT, "--model=model")
    assert (done.returncode, done.stderr) == (3, "x" * 1024 + "\n")
    assert not train.out("model").exists()


@pytest.mark.parametrize(
    ("files", "program", "output"),
    [
        ({"train.sh": 'echo "$0" "$@"', "setup.py": ""}, "train.sh", "./train.sh --ab it's\n"),
        ({"bin/run": '#!/bin/sh\necho run "$@"'}, "bin/run", "run --ab it's\n"),
        ({"train.py": "import sys; print(sys.argv[1:])"}, "train.py", "['--ab', \"it's\"]\n"),
        ({"setup.py": "", "train.py": "print(__spec__.name)"}, "train.py", "train\n"),
    ],
    ids=["shell", "command", "program", "package"],
)
def test_the_kind_of_program_follows_its_name_and_setup_py(
    train: Sandbox, files: dict[str, str], program: str, output: str
) -> None:
    train.local_run({})  # no pip install
    for name, text in files.items():
        train.file(f"code/src/{name}", text)
    options = ["--code=/opt/ml/code", f"--program={program}", "--hyperparameter=ab:it's"]
    assert train.succeed("training", *options).stdout == output


def test_a_program_that_is_not_there_is_named(train: Sandbox) -> None:
    train.file("code/src/other.py", "")
    assert "there is no train.py in" in train.refuse("training", *SCRIPT)


def test_requirements_are_installed_unless_it_is_a_local_run(train: Sandbox) -> None:
    train.file("code/src/train.py", "print('ran')")
    train.file("code/src/requirements.txt", "--no-such-option")
    assert "pip install -r requirements.txt failed" in train.run("training", *SCRIPT).stderr
    train.local_run({})
    assert train.succeed("training", *SCRIPT).stdout == "ran\n"


def test_a_container_with_its_own_entry_point_gets_files_and_no_sm_variables(train: Sandbox) -> None:
    script = 'env | grep -c ^SM_; echo "$TRAINING_JOB_NAME"; ls input/data/train; pwd'
    train.environment["PWD_OF"] = "x"
    done = train.succeed(
        "training", "--step=Train", "--channel=train:text/csv", "--", "sh", "-c", f"cd {train.ml}; {script}"
    )
    count, job, listing, _ = done.stdout.splitlines()
    assert (count, listing) == ("0", "data.csv")
    assert job.startswith("Train-") and len(job) == len("Train-") + 12


def test_only_the_leader_of_a_cluster_publishes(train: Sandbox) -> None:
    train.file("code/src/train.py", "import os; print(os.environ['SM_HOSTS'], os.environ['SM_CURRENT_INSTANCE_TYPE'])")
    pool = {"machine_spec": {"machine_type": "n2-standard-4"}}
    for index in (0, 1):
        train.environment["CLUSTER_SPEC"] = json.dumps(
            {
                "cluster": {"workerpool0": ["host-0:2222"], "workerpool1": ["host-1:2222"]},
                "task": {"type": f"workerpool{index}", "index": 0},
                "job": json.dumps({"worker_pool_specs": [pool, pool]}),
            }
        )
        done = train.succeed("training", *SCRIPT, "--model=model")
        assert done.stdout == '["host-0","host-1"] n2-standard-4\n'
        assert train.out("model").exists() == (index == 0)
        if index == 0:
            train.out("model").rename(train.root / "of the leader")


def test_channels_are_divided_among_the_hosts(task: Sandbox) -> None:
    task.artifact("train", **{f"part-{number}__csv": "x" for number in range(3)})
    task.artifact("validation", all__csv="x")
    spec = {"cluster": {"workerpool0": ["a:1"], "workerpool1": ["b:1"]}, "task": {"type": "workerpool1", "index": 0}}
    task.environment["CLUSTER_SPEC"] = json.dumps(spec)
    options = ["--channel=train:", "--channel=validation:", "--shard=/opt/ml/input/data/train"]
    task.succeed("training", "--step=T", *options, "--", "true")
    found = sorted(path.relative_to(task.ml / "input/data").as_posix() for path in task.ml.glob("input/data/*/*"))
    assert found == ["train/part-1.csv", "validation/all.csv"]
    config = json.loads((task.ml / "input/config/inputdataconfig.json").read_text())
    kinds = {name: channel["S3DistributionType"] for name, channel in config.items()}
    assert kinds == {"train": "ShardedByS3Key", "validation": "FullyReplicated"}


CHECKPOINT = """
import os, sys
folder = os.environ["SM_MODEL_DIR"].replace("model", "checkpoints")
before = sorted(os.listdir(folder))
open(os.path.join(folder, "epoch-%d" % len(before)), "w").close()
print("found", before)
sys.exit(1 if not before else 0)
"""


def test_checkpoints_are_kept_as_they_are_written(train: Sandbox) -> None:
    train.file("code/src/train.py", CHECKPOINT)
    kept = train.root / "bucket" / "checkpoints"
    options = ["training", "--step=T", *SCRIPT, f"--checkpoints=/opt/ml/checkpoints:{kept}", "--model=model"]
    assert train.run(*options).returncode == 1
    assert [path.name for path in kept.iterdir()] == ["epoch-0"]
    assert "found ['epoch-0']" in train.succeed(*options).stdout
    assert sorted(path.name for path in kept.iterdir()) == ["epoch-0", "epoch-1"]


def test_checkpoints_of_a_local_run_stay_in_its_folder(train: Sandbox) -> None:
    train.file("code/src/train.py", CHECKPOINT)
    train.local_run({})
    assert train.run("training", "--step=T", *SCRIPT, "--checkpoints=/opt/ml/checkpoints:gs://b/c").returncode == 1
    assert (train.root / "written" / "b" / "c" / "epoch-0").exists()
