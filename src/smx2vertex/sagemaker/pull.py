"""Fetches the pipelines of an account into a bundle. Pulling again goes on where the last pull stopped."""

from __future__ import annotations

import ast
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import yaml

from ..files import write_whole
from ..findings import Finding, InputError
from .account import MAX_OBJECT_BYTES, Account, Unanswered
from .bundle import Bundle, is_bundle, open_bundle
from .code_addresses import buckets, code_addresses
from .definition import Definition
from .reader import read
from .secrets import masked
from .triggers import find_triggers

TRIGGERS = "triggers.yaml"
MODEL_PACKAGE_GROUPS = "model_package_groups.yaml"
# The last executions of a pipeline whose parameters are kept.
EXECUTIONS = 5
# A prefix with more objects than this holds data.
MAX_OBJECTS = 200
# What a pull that is killed loses at most.
SECONDS_BETWEEN_SAVES = 2.0


@dataclass(slots=True)
class Pulled:
    """What a pull did.

    Attributes:
        folder: the bundle.
        fetched, unchanged, failed: names of pipelines; an unchanged one was not asked for again.
        files: how many S3 objects were added.
        triggers, model_package_groups: how many stand in the bundle.
        findings: what is missing, and why.
    """

    folder: Path
    fetched: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    files: int = 0
    triggers: int = 0
    model_package_groups: int = 0
    findings: list[Finding] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """The result as plain data."""
        return {
            "bundle": str(self.folder),
            "pipelines": {"fetched": self.fetched, "unchanged": self.unchanged, "failed": self.failed},
            "files": self.files,
            "triggers": self.triggers,
            "model_package_groups": self.model_package_groups,
            "findings": [finding.to_dict() for finding in self.findings],
        }


def pull(
    account: Account,
    folder: Path,
    names: Sequence[str] = (),
    code: bool = True,
    progress: Callable[[str], None] = lambda _: None,
) -> Pulled:
    """Fetch pipelines, their code and what starts them.

    Args:
        account: where from.
        folder: the bundle; a new or empty folder, or one that an earlier pull filled.
        names: the pipelines; all of the account if there are none.
        code: whether to fetch the files that definitions name in S3.
        progress: is told what is being fetched.

    Raises:
        InputError: the account cannot be read at all, or the folder holds something else.
        OSError: the bundle cannot be written.
    """
    if is_bundle(folder):
        bundle = open_bundle(folder)
    elif folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(Finding("SMX188", "the folder is neither empty nor a bundle", file=str(folder)))
    else:
        bundle = Bundle(folder)
    return _Pull(account, bundle, code, progress).run(names)


class _Pull:
    def __init__(self, account: Account, bundle: Bundle, code: bool, progress: Callable[[str], None]) -> None:
        self.account, self.bundle, self.code, self.progress = account, bundle, code, progress
        self.entries = {entry["name"]: entry for entry in bundle.pipelines}
        self.pulled = Pulled(bundle.folder)
        self.asked: set[str] = set()  # addresses in S3, in this pull
        self.buckets: set[str] = set()
        self.saved = 0.0

    def run(self, names: Sequence[str]) -> Pulled:
        summaries = self.summaries(names)
        self.check_account(summaries)
        if not names:
            self.check_deleted(summaries)
        try:
            for number, summary in enumerate(summaries, 1):
                self.save_now_and_then()
                self.progress(f"{number}/{len(summaries)} {summary['PipelineName']}")
                self.pipeline(summary)
        finally:
            self.bundle.save()
        self.progress("what starts the pipelines")
        self.triggers()
        self.model_package_groups()
        self.pulled.findings += self.account.findings()
        return self.pulled

    def summaries(self, names: Sequence[str]) -> list[dict[str, Any]]:
        """What the account lists; a name that it does not list is still asked for."""
        if not names:
            try:
                return self.account.all("sagemaker", "list_pipelines", "PipelineSummaries")
            except Unanswered as unanswered:
                raise InputError(Finding("SMX181", f"pipelines cannot be listed: {unanswered}")) from unanswered
        summaries = []
        for name in dict.fromkeys(names):
            listed: list[dict[str, Any]] = []
            with self.account.optional():
                listed = self.account.all(
                    "sagemaker", "list_pipelines", "PipelineSummaries", PipelineNamePrefix=name or "-"
                )
            summaries.append(next((each for each in listed if each["PipelineName"] == name), {"PipelineName": name}))
        return summaries

    def check_account(self, summaries: list[dict[str, Any]]) -> None:
        """One bundle, one account and region: names are unique there only."""
        arns = [str(each.get("arn", "")) for each in self.bundle.pipelines]
        arns += [str(each.get("PipelineArn", "")) for each in summaries]
        places = sorted({arn.rpartition(":pipeline/")[0] for arn in arns if arn})
        if len(places) > 1:
            message = f"a bundle holds one account and region, not {' and '.join(places)}: pull into another folder"
            raise InputError(Finding("SMX188", message, file=str(self.bundle.folder)))

    def check_deleted(self, summaries: list[dict[str, Any]]) -> None:
        listed = {summary["PipelineName"] for summary in summaries}
        for entry in self.bundle.pipelines:
            if "arn" in entry and entry["name"] not in listed:  # what was captured has no ARN
                message = f"pipeline {entry['name']!r} is no longer in the account"
                self.pulled.findings.append(Finding("SMX187", message))

    def save_now_and_then(self) -> None:
        if time.monotonic() - self.saved > SECONDS_BETWEEN_SAVES:
            self.bundle.save()
            self.saved = time.monotonic()

    def pipeline(self, summary: dict[str, Any]) -> None:
        name = summary["PipelineName"]
        definition = self.kept(summary)
        if definition is not None:
            self.pulled.unchanged.append(name)
        else:
            try:
                definition = self.fetch(summary)
                self.pulled.fetched.append(name)
            except Unanswered as unanswered:
                if unanswered.kind == "forbidden":
                    self.account.note(unanswered)  # one permission, whatever the number of pipelines
                else:
                    self.failed(name, unanswered.reason)
                self.pulled.failed.append(name)
                return
            except _BrokenError as broken:
                self.failed(name, str(broken))
                self.pulled.failed.append(name)
                return
        self.buckets |= buckets(definition)
        if self.code:
            for uri in code_addresses(definition):
                self.files(uri, name)

    def failed(self, name: str, reason: str) -> None:
        self.pulled.findings.append(Finding("SMX182", f"pipeline {name!r} is not in the bundle: {reason}"))

    def kept(self, summary: dict[str, Any]) -> Definition | None:
        """The definition in the bundle, if nothing of it is missing or older than in the account."""
        entry = self.entries.get(summary["PipelineName"])
        modified = _iso(summary.get("LastModifiedTime"))
        if entry is None or entry.get("missing") or modified is None:
            return None
        if (entry.get("modified"), entry.get("last_execution")) != (modified, _iso(summary.get("LastExecutionTime"))):
            return None
        try:
            return self.bundle.definition(entry["name"])
        except InputError:
            return None  # someone removed or broke the file

    def fetch(self, summary: dict[str, Any]) -> Definition:
        """Ask for all about one pipeline, and write it down."""
        name = summary["PipelineName"]
        answer = self.account.ask("sagemaker", "describe_pipeline", PipelineName=name)
        definition = self.definition(name, answer.get("PipelineDefinition", ""))
        arn = answer.get("PipelineArn", "")
        missing: list[str] = []
        found: dict[str, Any] = {}
        with self.account.optional(missing):
            found["tags"] = self.account.all("sagemaker", "list_tags", "Tags", ResourceArn=arn)
        with self.account.optional(missing):
            found["versions"] = self.versions(name)
        with self.account.optional(missing):
            found["executions"] = self.executions(name)
            found["parameters"] = [self.parameters(each["arn"]) for each in found["executions"]]
        facts = {
            "arn": arn,
            "role": answer.get("RoleArn"),
            "display_name": answer.get("PipelineDisplayName"),
            "description": answer.get("PipelineDescription"),
            "parallelism": answer.get("ParallelismConfiguration", {}).get("MaxParallelExecutionSteps"),
            # what the account lists, since the next pull compares with that
            "modified": _iso(summary.get("LastModifiedTime") or answer.get("LastModifiedTime")),
            "last_execution": _iso(summary.get("LastExecutionTime")),
            **found,
            "missing": missing,
        }
        self.bundle.add_definition(name, definition.raw, **{key: value for key, value in facts.items() if value})
        return definition

    def definition(self, name: str, text: str) -> Definition:
        """Read the text of a definition, which may name an S3 object that holds it."""
        value = _parsed(text)
        place = value.get("PipelineDefinitionS3Location", value)
        if isinstance(place, dict) and isinstance(place.get("Bucket"), str) and isinstance(place.get("ObjectKey"), str):
            content = self.account.read(place["Bucket"], place["ObjectKey"])
            value = _parsed(content.decode(errors="replace"))
        try:
            return read(value, name)
        except InputError as error:
            raise _BrokenError(f"its definition {error}") from error

    def versions(self, name: str) -> list[dict[str, Any]]:
        summaries = self.account.all(
            "sagemaker", "list_pipeline_versions", "PipelineVersionSummaries", PipelineName=name
        )
        return [
            _present(
                id=each.get("PipelineVersionId"),
                name=each.get("PipelineVersionDisplayName"),
                description=each.get("PipelineVersionDescription"),
                aliases=each.get("PipelineVersionAliases"),
                created=_iso(each.get("CreationTime")),
            )
            for each in summaries
        ]

    def executions(self, name: str) -> list[dict[str, Any]]:
        """The last executions, newest first."""
        summaries = self.account.all(
            "sagemaker",
            "list_pipeline_executions",
            "PipelineExecutionSummaries",
            limit=EXECUTIONS,
            PipelineName=name,
            SortBy="CreationTime",
            SortOrder="Descending",
        )
        return [
            _present(
                arn=each["PipelineExecutionArn"],
                started=_iso(each.get("StartTime")),
                status=each.get("PipelineExecutionStatus"),
            )
            for each in summaries
        ]

    def parameters(self, execution: str) -> dict[str, str]:
        """The values that an execution was given, by name."""
        entries = self.account.all(
            "sagemaker", "list_pipeline_parameters_for_execution", "PipelineParameters", PipelineExecutionArn=execution
        )
        return {entry["Name"]: masked(entry["Name"], entry["Value"]) for entry in entries}

    def files(self, uri: str, pipeline: str) -> None:
        """Add the object at an address, or those below it, unless the bundle has them."""
        if uri in self.asked or self.has(uri):
            return
        self.asked.add(uri)
        self.progress(uri)
        try:
            found = self.add_object(uri) or self.add_objects(uri)
        except Unanswered as unanswered:
            if unanswered.kind == "too large":
                self.pulled.findings.append(Finding("SMX186", f"{uri} {unanswered.reason}"))
            else:
                self.account.note(unanswered)
            found = unanswered.kind != "not found"
        if not found:
            self.pulled.findings.append(Finding("SMX185", f"pipeline {pipeline!r} names {uri}, which is not there"))

    def has(self, uri: str) -> bool:
        """Whether the bundle has the object at an address, or those below it."""
        code, below = self.bundle.code, uri.rstrip("/") + "/"
        paths = [code[uri]] if uri in code else [path for known, path in code.items() if known.startswith(below)]
        return bool(paths) and all((self.bundle.folder / path).is_file() for path in paths)

    def add_object(self, uri: str) -> bool:
        """Add one object; False if there is none."""
        bucket, key = _place(uri)
        if key.endswith("/"):
            return False
        try:
            content = self.account.read(bucket, key)
        except Unanswered as unanswered:
            if unanswered.kind == "not found":
                return False
            raise
        self.add_files({uri: content})
        return True

    def add_objects(self, uri: str) -> bool:
        """Add the objects below a prefix, all or none; False if there are none."""
        bucket, key = _place(uri)
        prefix = key.rstrip("/") + "/"
        objects = self.account.all(
            "s3", "list_objects_v2", "Contents", limit=MAX_OBJECTS + 1, Bucket=bucket, Prefix=prefix
        )
        if len(objects) > MAX_OBJECTS or sum(each["Size"] for each in objects) > MAX_OBJECT_BYTES:
            raise Unanswered(
                "s3:ListBucket", "too large", f"holds more than {MAX_OBJECTS} objects or {MAX_OBJECT_BYTES >> 20} MiB"
            )
        keys = [each["Key"] for each in objects if not each["Key"].endswith("/")]
        self.add_files({f"s3://{bucket}/{key}": self.account.read(bucket, key) for key in keys})
        return bool(keys)

    def add_files(self, contents: dict[str, bytes]) -> None:
        for uri, content in contents.items():
            self.bundle.add_file(uri, content)
        self.pulled.files += len(contents)

    def triggers(self) -> None:
        pipelines = {entry["name"]: str(entry.get("arn", "")) for entry in self.bundle.pipelines}
        found = find_triggers(self.account, pipelines, self.buckets) if pipelines else []
        self.pulled.triggers = len(found)
        _write_yaml(self.bundle.folder / TRIGGERS, found)

    def model_package_groups(self) -> None:
        with self.account.optional():
            groups = [
                _present(
                    name=each["ModelPackageGroupName"],
                    arn=each.get("ModelPackageGroupArn"),
                    description=each.get("ModelPackageGroupDescription"),
                    created=_iso(each.get("CreationTime")),
                )
                for each in self.account.all("sagemaker", "list_model_package_groups", "ModelPackageGroupSummaryList")
            ]
            self.pulled.model_package_groups = len(groups)
            _write_yaml(self.bundle.folder / MODEL_PACKAGE_GROUPS, groups)


class _BrokenError(Exception):
    """A definition that cannot be read."""


def _parsed(text: str) -> dict[str, Any]:
    """The object that a text holds: JSON, or the form of a Python value, as a stand-in for AWS answers."""
    try:
        try:
            value = json.loads(text)
        except ValueError:
            value = ast.literal_eval(text)
            json.dumps(value)  # sets and bytes are Python's alone
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError) as error:
        raise _BrokenError("its definition is no JSON") from error
    if not isinstance(value, dict):
        raise _BrokenError("its definition is no JSON object")
    return value


def _place(uri: str) -> tuple[str, str]:
    """Bucket and key of an S3 address."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return bucket, key


def _present(**fields: Any) -> dict[str, Any]:
    """The fields that have a value."""
    return {key: value for key, value in fields.items() if value}


def _iso(moment: datetime | None) -> str | None:
    return moment.astimezone(timezone.utc).isoformat() if moment else None


def _write_yaml(file: Path, value: list[dict[str, Any]]) -> None:
    write_whole(file, yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=110))
