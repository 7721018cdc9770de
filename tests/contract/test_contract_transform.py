"""Batch transform: records, payloads, filters, joins, and the hooks of inference scripts."""

import gzip
import json

import pytest
from contract_run import Sandbox

SUM = """
import json
def model_fn(model_dir):
    return {}
def transform_fn(model, body, content_type, accept):
    assert isinstance(body, str) == (content_type != "application/jsonlines")  # as the inference toolkit does
    if "json" in content_type:
        return "\\n".join(json.dumps({"n": len(json.loads(line))}) for line in body.splitlines()), accept
    return "".join("%g\\n" % sum(float(cell or 0) for cell in line.split(",")) for line in body.splitlines())
"""

LENGTH = """
def model_fn(model_dir): return None
def transform_fn(model, body, content_type, accept): return b"<%d>" % len(body)
"""


@pytest.fixture
def batch(task: Sandbox) -> Sandbox:
    """A task with an inference script and two objects."""
    task.artifact("model", weights="w")
    task.file("in/model/code/inference.py", SUM)
    task.artifact("data", a__csv="1,2,3\n4,5,6\n")
    task.file("in/data/sub/b.csv", "7,8,9")
    task.outputs = ["predictions"]
    return task


def options(**more: str) -> list[str]:
    """A transform of CSV by lines, with some fields changed."""
    fields = {"content-type": "text/csv", "accept": "text/csv", "split-type": "Line", "assemble-with": "Line"}
    fields.update((name.replace("_", "-"), value) for name, value in more.items())
    named = [f"--{name}={value}" for name, value in fields.items()]
    return ["transform", "--model=model", "--program=inference.py", "--input=data", "--output=predictions", *named]


def answer(task: Sandbox, name: str = "a.csv") -> str:
    """The content of an output object."""
    return (task.out("predictions") / f"{name}.out").read_text()


def test_each_object_gets_its_own_output_below_the_prefix(batch: Sandbox) -> None:
    batch.succeed(*options())
    assert (answer(batch), answer(batch, "sub/b.csv")) == ("6\n15\n", "24\n")


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"input_filter": "$[1:]"}, "5\n11\n"),
        ({"input_filter": "$[0]"}, "1\n4\n"),
        ({"input_filter": "$[0,-1]", "batch_strategy": "SingleRecord"}, "4\n10\n"),
        ({"join_source": "Input"}, "1,2,3,6\n4,5,6,15\n"),
        ({"join_source": "Input", "input_filter": "$[1:]", "output_filter": "$[0,-1]"}, "1,5\n4,11\n"),
        ({"output_filter": "$[0]"}, "6\n15\n"),
        ({"join_source": "Input", "split_type": "None", "assemble_with": "None"}, "1,2,3,6\n4,5,6,15\n"),
    ],
)
def test_filters_and_joins_of_csv(batch: Sandbox, fields: dict[str, str], expected: str) -> None:
    batch.succeed(*options(**fields))
    assert answer(batch) == expected


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"join_source": "Input"}, '{"id": 7, "x": [1, 2], "SageMakerOutput": {"n": 2}}\n'),
        ({"join_source": "Input", "input_filter": "$.x"}, '{"id": 7, "x": [1, 2], "SageMakerOutput": {"n": 2}}\n'),
        (
            {"join_source": "Input", "output_filter": "$['id','SageMakerOutput']"},
            '{"id": 7, "SageMakerOutput": {"n": 2}}\n',
        ),
        ({"join_source": "Input", "output_filter": "$.SageMakerOutput.n"}, "2\n"),
        ({"output_filter": "$.*"}, "[2]\n"),
    ],
)
def test_filters_and_joins_of_json(batch: Sandbox, fields: dict[str, str], expected: str) -> None:
    batch.artifact("lines", a__jsonl='{"id": 7, "x": [1, 2]}\n')
    batch.inputs["data"] = batch.inputs["lines"]
    batch.succeed(*options(content_type="application/json", accept="application/json", **fields))
    assert answer(batch, "a.jsonl") == expected


def test_joins_of_records_that_are_no_objects(batch: Sandbox) -> None:
    batch.artifact("lines", a__jsonl="[1]\n[1, 2]\n")
    batch.inputs["data"] = batch.inputs["lines"]
    kind = "application/jsonlines"
    batch.succeed(*options(content_type=kind, accept=kind, join_source="Input"))
    assert answer(batch, "a.jsonl").splitlines() == [
        '{"SageMakerInput": [1], "SageMakerOutput": {"n": 1}}',
        '{"SageMakerInput": [1, 2], "SageMakerOutput": {"n": 2}}',
    ]


def test_predictions_that_belong_to_no_record_are_not_joined(batch: Sandbox) -> None:
    batch.file("in/model/code/inference.py", LENGTH)
    done = batch.run(*options(join_source="Input"))
    assert "a.csv: 2 records got 1 predictions; they cannot be joined or filtered" in done.stderr


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"assemble_with": "None"}, "<12>"),
        ({"split_type": "None"}, "<12>\n"),
        ({"batch_strategy": "SingleRecord"}, "<6>\n<6>\n"),
        ({"batch_strategy": "SingleRecord", "assemble_with": "None"}, "<6><6>"),
        ({"max_payload_mb": "0.00001"}, "<6>\n<6>\n"),
        ({"max_payload_mb": "0"}, "<12>\n"),
    ],
)
def test_records_are_packed_into_payloads(batch: Sandbox, fields: dict[str, str], expected: str) -> None:
    batch.file("in/model/code/inference.py", LENGTH)
    batch.succeed(*options(**fields))
    assert answer(batch) == expected


def test_packed_objects_are_unpacked_before_they_are_split(batch: Sandbox) -> None:
    batch.artifact("packed")
    batch.inputs["data"] = batch.inputs["packed"]
    batch.file("in/packed/a.csv.gz", gzip.compress(b"1,2\n3,4\n") + gzip.compress(b"5,6\n"))
    batch.succeed(*options(compression_type="Gzip", batch_strategy="SingleRecord"))
    assert answer(batch, "a.csv.gz") == "3\n7\n11\n"


def test_an_object_that_is_not_packed_fails_where_gzip_is_promised(batch: Sandbox) -> None:
    batch.file("in/data/a.csv.gz", gzip.compress(b"1,2\n"))
    done = batch.run(*options(compression_type="Gzip"))
    assert (done.returncode, "a.csv: Not a gzipped file" in done.stderr) == (1, True)
    assert answer(batch, "a.csv.gz") == "3\n"


def test_a_failing_object_leaves_no_output_and_the_others_stay(batch: Sandbox) -> None:
    batch.file("in/data/0.csv", "1,x\n")
    done = batch.run(*options())
    assert done.returncode == 1
    assert "container contract: 0.csv: could not convert string to float" in done.stderr
    assert answer(batch) == "6\n15\n"
    assert not (batch.out("predictions") / "0.csv.out").exists()


def test_a_record_that_is_too_big_fails_its_object(batch: Sandbox) -> None:
    assert "a record is bigger than MaxPayloadInMB" in batch.run(*options(max_payload_mb="0.000001")).stderr


def test_hooks_and_the_defaults_of_the_scikit_learn_container(batch: Sandbox) -> None:
    pytest.importorskip("numpy")
    script = """
import os
class Model:
    def predict(self, array): return array.sum(axis=1)
def model_fn(model_dir, context): assert sorted(os.listdir(model_dir)) == ["code", "weights"]; return Model()
"""
    batch.file("in/model/code/inference.py", script)
    batch.succeed(*options())
    assert answer(batch) == "6.0\n15.0\n"
    batch.succeed(*options(accept=""))
    assert answer(batch) == "[6.0, 15.0]\n"
    more = "def input_fn(body, kind): return [len(body)]\ndef predict_fn(data, model): return data[0]\n"
    batch.file(
        "in/model/code/inference.py", script + more + "def output_fn(value, accept): return '%d!' % value, accept"
    )
    batch.succeed(*options())
    assert answer(batch) == "12!\n"


def test_the_environment_tells_of_a_batch_transform(batch: Sandbox) -> None:
    script = """
import json, os
def model_fn(model_dir): return None
def transform_fn(model, body, content_type, accept):
    return json.dumps({k: v for k, v in os.environ.items() if k.startswith(("SAGEMAKER_BATCH", "SAGEMAKER_MAX", "MY"))})
"""
    batch.file("in/model/code/inference.py", script)
    batch.succeed(*options(), "--environment=MY:own")
    assert json.loads(answer(batch)) == {
        "SAGEMAKER_BATCH": "true",
        "SAGEMAKER_BATCH_STRATEGY": "MULTI_RECORD",
        "SAGEMAKER_MAX_CONCURRENT_TRANSFORMS": "1",
        "SAGEMAKER_MAX_PAYLOAD_IN_MB": "6",
        "MY": "own",
    }


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"split_type": "RecordIO"}, "--split-type RecordIO is not part of this adapter"),
        ({"join_source": "Input", "accept": "application/json"}, "need the same ContentType and Accept"),
        ({"join_source": "Input", "content_type": "text/plain", "accept": ""}, "filters and joins need text/csv"),
        ({"input_filter": "$[?(@.x)]"}, "cannot read [?(@.x)] in the path"),
        ({"program": "other.py"}, "stands more than once"),
    ],
)
def test_what_the_adapter_does_not_do_is_refused(batch: Sandbox, fields: dict[str, str], reason: str) -> None:
    assert reason in batch.refuse(*options(**fields))
    assert not batch.out("predictions").exists()
