"""Spark programs: what `spark-submit` gets on EMR, EMR Serverless, and in SageMaker's Spark containers."""

from __future__ import annotations

import posixpath
import shlex
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from ..definition import Step
from ..expressions import Join, Literal, Part, flatten, parse, pointer_token
from .calls import EMR, EMRServerless
from .disguise import SPARK_SUBMIT
from .fields import Field, arguments
from .jobs import Processing, ProcessingInput

Word: TypeAlias = list[Part]
"""A word as texts and references."""

FILES = {"--py-files": "python-file", "--jars": "jar", "--files": "file", "--archives": "archive"}
PROPERTIES = {
    "--packages": "spark.jars.packages",
    "--repositories": "spark.jars.repositories",
    "--exclude-packages": "spark.jars.excludes",
    "--name": "spark.app.name",
    "--driver-memory": "spark.driver.memory",
    "--driver-cores": "spark.driver.cores",
    "--driver-java-options": "spark.driver.extraJavaOptions",
    "--driver-class-path": "spark.driver.extraClassPath",
    "--driver-library-path": "spark.driver.extraLibraryPath",
    "--executor-memory": "spark.executor.memory",
    "--executor-cores": "spark.executor.cores",
    "--num-executors": "spark.executor.instances",
}
# What says how a cluster is used, or where SageMaker's container keeps its event log; each with its value.
OF_THE_CLUSTER = (
    *("--master", "--deploy-mode", "--queue", "--total-executor-cores", "--principal", "--keytab", "--proxy-user"),
    *("--local-spark-event-logs-dir", "--spark-event-logs-s3-uri"),
)
FLAGS = ("--verbose", "-v", "--supervise")
CLUSTER_PROPERTIES = ("spark.master", "spark.submit.deployMode", "spark.yarn.", "spark.shuffle.service.")
# The folder of SageMaker's Spark containers that holds configurations.
CONFIGURATION = "/opt/ml/processing/input/conf"


@dataclass(slots=True)
class SparkSubmit:
    """A call of spark-submit.

    Attributes:
        program: the Python file or jar.
        main_class: the class to run.
        arguments: those of the program.
        files: addresses of further files, by kind: `python-file`, `jar`, `file`, `archive`.
        properties: properties of Spark; where one stands twice, the last one counts.
        of_the_cluster: options and properties that mean something on a cluster only.
        unknown: options that spark-submit does not have, or that need a file of the machine.
    """

    program: Field | None = None
    main_class: Field | None = None
    arguments: tuple[Field, ...] = ()
    files: dict[str, list[Field]] = field(default_factory=dict)
    properties: dict[str, Field] = field(default_factory=dict)
    of_the_cluster: list[Field] = field(default_factory=list)
    unknown: list[Field] = field(default_factory=list)


def spark_of_emr(emr: EMR) -> SparkSubmit | None:
    """What a step on an EMR cluster runs; None if it does not call spark-submit by command-runner.jar."""
    jar = (emr.jar.text or "") if emr.jar else ""
    program = emr.arguments[0].text or "" if emr.arguments else ""
    if posixpath.basename(jar) != "command-runner.jar" or posixpath.basename(program) != "spark-submit":
        return None
    return spark_submit(emr.arguments[1:])


def spark_of_emr_serverless(emr: EMRServerless) -> SparkSubmit | None:
    """What a job of EMR Serverless runs; None for Hive."""
    if emr.entry_point is None:
        return None
    words = tuple(_split(emr.spark_parameters)) if emr.spark_parameters else ()
    found = spark_submit(words)
    found.unknown += [found.program, *found.arguments] if found.program else []
    found.program, found.arguments = emr.entry_point, emr.arguments
    return found


def spark_of_processing(processing: Processing) -> SparkSubmit | None:
    """What SageMaker's Spark container runs; None if another program runs."""
    program = processing.entrypoint[0].text or "" if processing.entrypoint else ""
    if posixpath.basename(program) != SPARK_SUBMIT:
        return None
    return spark_submit((*processing.entrypoint[1:], *processing.arguments))


def spark_defaults(
    configurations: Any, names: Collection[str], pointer: str
) -> tuple[dict[str, Field], list[tuple[str, str]]]:
    """The properties of `spark-defaults` in a list of configurations, and the other classifications with their places.

    Both ways of writing are read: `Classification` and `Properties` of EMR, `classification` and `properties` of EMR
    Serverless.
    """
    properties: dict[str, Field] = {}
    others: list[tuple[str, str]] = []
    for index, entry in enumerate(configurations if isinstance(configurations, list) else ()):
        keys = {str(key).lower(): key for key in entry} if isinstance(entry, dict) else {}
        name = entry[keys["classification"]] if "classification" in keys else None
        given = entry[keys["properties"]] if "properties" in keys else {}
        if name != "spark-defaults" or not isinstance(given, dict):
            others.append((str(name), f"{pointer}/{index}"))
            continue
        for key, value in given.items():
            at = f"{pointer}/{index}/{keys['properties']}/{pointer_token(key)}"
            if not str(key).startswith(CLUSTER_PROPERTIES):
                properties[str(key)] = Field(parse(value, names), at)
    return properties, others


def configurations_of_job(job: EMRServerless, step: Step) -> Iterator[tuple[Any, str]]:
    """The configurations of the application and of the job, which come before them, each with its place."""
    look = arguments(step)
    yield (job.application or {}).get("runtimeConfiguration"), look.at("ApplicationConfig.runtimeConfiguration").pointer
    found = look.at("JobConfig.configurationOverrides.applicationConfiguration")
    yield found.value, found.pointer


def tags_of_job(step: Step) -> dict[str, Field]:
    """The tags of an EMR Serverless job."""
    return arguments(step).mapping("JobConfig.tags")


def timeout_of_job(step: Step) -> int | None:
    """The time limit of an EMR Serverless job in seconds, where it is a plain number."""
    minutes = arguments(step).raw("JobConfig.executionTimeoutMinutes")
    return minutes * 60 if isinstance(minutes, int) and minutes > 0 else None


def local_file(processing: Processing, path: Field) -> tuple[str, ProcessingInput] | None:
    """The input that holds a file or folder of SageMaker's Spark container, and its name there; None for no input."""
    text = (path.text or "").rstrip("/")
    for item in processing.inputs:
        folder = (item.local_path or "").rstrip("/")
        if folder and item.uri is not None and (text == folder or text.startswith(f"{folder}/")):
            return posixpath.basename(text), item
    return None


def spark_submit(words: tuple[Field, ...]) -> SparkSubmit:
    """The words after `spark-submit`."""
    found = SparkSubmit()
    rest = list(words)
    while rest:
        word = rest.pop(0)
        text = word.text
        if text is None and not _first_text(word).startswith("--"):
            found.program, found.arguments = word, tuple(rest)
            break
        option, value = _option(word)
        if option in FLAGS:
            found.of_the_cluster.append(word)
        elif not option.startswith("-"):
            found.program, found.arguments = word, tuple(rest)
            break
        elif value is None and not rest:
            found.unknown.append(word)
        else:
            _take(found, option, word, rest.pop(0) if value is None else value)
    return found


def _take(found: SparkSubmit, option: str, word: Field, value: Field) -> None:
    if option == "--class":
        found.main_class = value
    elif option in FILES:
        found.files.setdefault(FILES[option], []).extend(_parted(value, ","))
    elif option in PROPERTIES:
        found.properties[PROPERTIES[option]] = value
    elif option == "--conf":
        _take_property(found, value)
    elif option in OF_THE_CLUSTER:
        found.of_the_cluster.append(word)
    else:
        found.unknown.append(word)


def _take_property(found: SparkSubmit, value: Field) -> None:
    name, parted = _partition(value, "=")
    if parted is None:
        found.unknown.append(value)
    elif name.startswith(CLUSTER_PROPERTIES):
        found.of_the_cluster.append(value)
    else:
        found.properties[name] = parted


def _option(word: Field) -> tuple[str, Field | None]:
    """An option and its value, if both stand in one word: `--conf=a=b`."""
    if not _first_text(word).startswith("--") or "=" not in _first_text(word):
        return word.text or "", None
    return _partition(word, "=")


# --- words that are made of texts and references ---


def _first_text(word: Field) -> str:
    first = next(iter(flatten(word.value)), "")
    return first if isinstance(first, str) else ""


def _made(word: Word, pointer: str) -> Field:
    """A word as a field again."""
    pieces = [Literal(piece) if isinstance(piece, str) else piece for piece in word]
    if len(pieces) == 1:
        return Field(pieces[0], pointer)
    if all(isinstance(piece, str) for piece in word):
        return Field(Literal("".join(map(str, word))), pointer)
    return Field(Join("", tuple(pieces)), pointer)


def _partition(word: Field, sign: str) -> tuple[str, Field | None]:
    """The text before the first sign, and what follows it."""
    pieces = flatten(word.value)
    first = pieces[0] if pieces and isinstance(pieces[0], str) else ""
    name, found, rest = first.partition(sign)
    if not found:
        return name, None
    return name, _made([rest, *pieces[1:]] if rest or len(pieces) == 1 else pieces[1:], word.pointer)


def _parted(word: Field, sign: str) -> Iterator[Field]:
    """The parts of a list with commas."""
    current: Word = []
    for piece in flatten(word.value):
        if not isinstance(piece, str):
            current.append(piece)
            continue
        first, *more = piece.split(sign)
        current += [first] if first else []
        for part in more:
            if current:
                yield _made(current, word.pointer)
            current = [part] if part else []
    if current:
        yield _made(current, word.pointer)


def _split(text: Field) -> Iterator[Field]:
    """The words of a text, as a shell reads it; references stand for themselves."""
    pieces = flatten(text.value)
    references = [piece for piece in pieces if not isinstance(piece, str)]
    numbers = iter(range(len(references)))
    written = "".join(piece if isinstance(piece, str) else chr(_PRIVATE + next(numbers)) for piece in pieces)
    try:
        words = shlex.split(written)
    except ValueError:
        words = [written]
    for word in words:
        current: Word = []
        for character in word:
            index = ord(character) - _PRIVATE
            if 0 <= index < len(references):
                current.append(references[index])
            elif current and isinstance(current[-1], str):
                current[-1] += character
            else:
                current.append(character)
        yield _made(current or [""], text.pointer)


_PRIVATE = 0xF0000  # the private plane of Unicode, whose characters no definition has reason to hold
