"""Batch transforms: the serving code over every object of a data set."""

import csv
import gzip
import io
import json
import os
import sys
import tempfile
import traceback
from typing import IO, Any, Dict, Iterator, List, Tuple, cast

from .command_line import ContractError
from .files import copy_files, empty, files_below, place, readable, replace, stage, warn, writable
from .json_path import JsonStep, parse_json_path, select
from .predictors import Predictor, script_predictor, xgboost_predictor
from .scripts import raw_bytes
from .task import Task, verb


@verb(
    "transform",
    {
        "environment": "NAME:TEMPLATE",
        "model": "ARTIFACT",
        "algorithm": "NAME",
        "program": "TEMPLATE",
        "input": "ARTIFACT[:FILE]",
        "data": "TEMPLATE",
        "content-type": "TEMPLATE",
        "accept": "TEMPLATE",
        "compression-type": "TEMPLATE",
        "split-type": "TEMPLATE",
        "assemble-with": "TEMPLATE",
        "batch-strategy": "TEMPLATE",
        "max-payload-mb": "TEMPLATE",
        "input-filter": "TEMPLATE",
        "output-filter": "TEMPLATE",
        "join-source": "TEMPLATE",
        "output": "ARTIFACT[:TEMPLATE]",
    },
)
def transform(task: Task) -> int:
    """A batch transform: the serving code over every object of a data set, one `<object>.out` each."""
    if task.rank:
        return 0
    request = TransformRequest(task)
    source = readable(task.text("data")) if task.options["data"] else task.input_path(*task.options["input"][0])
    if not os.path.exists(source):
        raise ContractError("there is nothing at {}".format(source))
    predict = _load_predictor(task, request)
    objects = [(os.path.basename(source), source)] if os.path.isfile(source) else files_below(source, True)
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        for name, path in objects:
            target = os.path.join(folder, name + ".out")
            try:
                os.makedirs(os.path.dirname(target), exist_ok=True)
                with request.opened(path) as data, open(target, "wb") as file:
                    for answer in request.answers(data, predict):
                        file.write(answer)
            except Exception as error:  # whatever the user's code raises fails this object, the others stay
                failed += 1
                os.remove(target)
                traceback.print_exc()
                warn("{}: {}".format(name, error))
        for artifact, template in task.options["output"]:
            replace(folder, task.output_path(artifact))
            if template:
                copy_files(folder, writable(task.render(template)))
    task.publish_metadata()
    return 1 if failed else 0


class TransformRequest:
    """How objects become records, payloads and answers: the data fields of a CreateTransformJob request."""

    def __init__(self, task: Task) -> None:
        """Read the fields, with SageMaker's defaults, and refuse what this adapter does not do."""
        self.content_type = task.text("content-type", "application/octet-stream")
        self.accept = task.text("accept")
        self.packed = self._choice(task, "compression-type", "None", ("None", "Gzip")) == "Gzip"
        self.by_line = self._choice(task, "split-type", "None", ("None", "Line")) == "Line"
        self.assemble = self._choice(task, "assemble-with", "None", ("None", "Line")) == "Line"
        self.strategy = self._choice(task, "batch-strategy", "MultiRecord", ("MultiRecord", "SingleRecord"))
        self.join = self._choice(task, "join-source", "None", ("None", "Input")) == "Input"
        self.megabytes = task.text("max-payload-mb", "6")
        self.input_filter = parse_json_path(task.text("input-filter", "$"))
        self.output_filter = parse_json_path(task.text("output-filter", "$"))
        self.kind = self.content_type.split(";")[0].strip().lower().split("/")[-1]
        self.shaped = bool(self.join or self.input_filter or self.output_filter)
        if self.shaped and self.kind not in ("csv", "json", "jsonlines"):
            raise ContractError("filters and joins need text/csv, application/json or application/jsonlines")
        if self.shaped:
            self.accept = self.accept or self.content_type
        if self.shaped and self.accept.split(";")[0].strip() != self.content_type.split(";")[0].strip():
            raise ContractError("filters and joins need the same ContentType and Accept")

    @staticmethod
    def _choice(task: Task, option: str, usual: str, known: Tuple[str, ...]) -> str:
        value = task.text(option, usual)
        if value not in known:
            raise ContractError("--{} {} is not part of this adapter; it knows {}".format(option, value, known))
        return value

    @property
    def environment(self) -> Dict[str, str]:
        """What SageMaker tells the serving container about a batch transform."""
        return {
            "SAGEMAKER_BATCH": "true",
            "SAGEMAKER_MAX_PAYLOAD_IN_MB": self.megabytes,
            "SAGEMAKER_BATCH_STRATEGY": "SINGLE_RECORD" if self.strategy == "SingleRecord" else "MULTI_RECORD",
            "SAGEMAKER_MAX_CONCURRENT_TRANSFORMS": "1",
        }

    def opened(self, path: str) -> IO[bytes]:
        """An object of the data set, unpacked if it is packed."""
        return cast(IO[bytes], gzip.open(path, "rb")) if self.packed else open(path, "rb")

    def answers(self, data: IO[bytes], predict: Predictor) -> Iterator[bytes]:
        """The content of the `.out` object of an object, piece by piece."""
        for records in self.payloads(data):
            sent = [self.filtered(record) for record in records]
            answer = predict(b"".join(sent), self.content_type, self.accept)
            if not (self.join or self.output_filter):
                yield answer.rstrip(b"\n") + b"\n" if self.assemble else answer
                continue
            for record, prediction in zip(records, self._per_record(answer, len(records))):  # noqa: B905
                shaped = self.joined(record, prediction).encode("utf-8")
                yield shaped + (b"\n" if self.assemble or self.kind != "json" else b"")

    def payloads(self, data: IO[bytes]) -> Iterator[List[bytes]]:
        """The records that go into one request each: all that fit, or one (BatchStrategy)."""
        limit = int(float(self.megabytes) * (1 << 20)) or sys.maxsize
        lines = self.by_line or (self.shaped and self.kind != "json")
        records, size = [], 0  # type: List[bytes], int
        for record in data if lines else [data.read()]:
            if not record.strip():
                continue
            full = self.strategy == "SingleRecord" or size + len(record) > limit
            if self.by_line and records and full:
                yield records
                records, size = [], 0
            records.append(record)
            size += len(record)
            if size > limit:
                raise ContractError("a record is bigger than MaxPayloadInMB = {}".format(self.megabytes))
        if records:
            yield records

    def filtered(self, record: bytes) -> bytes:
        """What InputFilter leaves of a record."""
        if not self.input_filter:
            return record
        end = b"\n" if record.endswith(b"\n") else b""
        return self._write(self._find(self._read(record.decode("utf-8")), self.input_filter)).encode("utf-8") + end

    def joined(self, record: bytes, prediction: str) -> str:
        """A prediction joined to its original record (JoinSource), and what OutputFilter leaves of both."""
        value = self._read(prediction)
        if self.join:
            given = self._read(record.decode("utf-8"))
            if self.kind == "csv":
                value = given + value
            elif isinstance(given, dict):
                value = dict(given, SageMakerOutput=value)
            else:
                value = {"SageMakerInput": given, "SageMakerOutput": value}
        return self._write(self._find(value, self.output_filter))

    def _per_record(self, answer: bytes, count: int) -> List[str]:
        text = answer.decode("utf-8").strip("\r\n")
        predictions = [text] if count == 1 else text.splitlines()
        if len(predictions) != count:
            message = "{} records got {} predictions; they cannot be joined or filtered"
            raise ContractError(message.format(count, len(predictions)))
        return predictions

    def _read(self, text: str) -> Any:
        return next(csv.reader([text.rstrip("\r\n")]), []) if self.kind == "csv" else json.loads(text)

    def _write(self, value: Any) -> str:
        if self.kind != "csv":
            return json.dumps(value, ensure_ascii=False)
        line = io.StringIO()
        csv.writer(line, lineterminator="").writerow(value if isinstance(value, list) else [value])
        return line.getvalue()

    @staticmethod
    def _find(value: Any, path: List[JsonStep]) -> Any:
        try:
            return select(value, path)
        except LookupError as error:
            raise ContractError("a filter finds nothing in a record: {!r}".format(error)) from error


def _load_predictor(task: Task, request: TransformRequest) -> Predictor:
    model = place("/opt/ml/model")
    empty(model)
    stage(task.input_path(task.only("model")), model)
    for name, value in dict(request.environment, **task.environment()).items():
        os.environb[raw_bytes(name)] = raw_bytes(value)
    if task.only("algorithm") == "xgboost":
        return xgboost_predictor(model)
    if not task.options["program"]:
        raise ContractError("there is neither a --program nor a known --algorithm")
    return script_predictor(model, task.text("program"))
