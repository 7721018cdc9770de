"""What starts a project on Google Cloud, as data: one file in `triggers/` for each trigger of a bundle.

`deploy_triggers.py` of the project sets up what the files say: an Eventarc trigger and a function for objects that
arrive, a schedule of Vertex AI, a topic and e-mails for those who are told. docs/triggers.md describes the files.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from ..findings import Finding
from ..mapping.correspondences import Correspondences
from ..mapping.triggers import rule_advice, storage_event
from ..sagemaker.secrets import MASK
from ..sagemaker.trigger_file import TRIGGERS, Trigger
from .called import topic_name
from .cron import CronError, cron_of
from .names import Names, plain, reads_as_placeholder, snake_case
from .plan import Plan

# A Cloud Run service is named after pipeline and trigger, and has at most 49 characters.
LONGEST = 24
_FROM_EVENT = {"$.detail.bucket.name": "{bucket}", "$.detail.object.key": "{key}"}
_S3_ADDRESS = re.compile(r"s3://([^/{}]+)(.*)", re.DOTALL)


def plan_triggers(
    triggers: Iterable[Trigger], plan: Plan, correspondences: Correspondences, findings: list[Finding]
) -> dict[str, dict[str, Any]]:
    """What each file in `triggers/` says, by its name without `.yaml`.

    Args:
        triggers: those of the bundle; the ones of other pipelines are left alone.
        plan: the plan of the pipeline; it learns of the buckets in which objects arrive.
        correspondences: which bucket, machine and topic stands for which.
        findings: receives what is not carried.
    """
    planner = _TriggerPlanner(plan, correspondences, findings)
    for trigger in triggers:
        if trigger.pipeline == plan.source:
            planner.add(trigger)
        elif trigger.pipeline is None and trigger.text("to") != "EventBridge":
            planner.note("SMX324", trigger, "nothing says which pipeline it starts")
    return planner.files


def trigger_files(triggers: dict[str, dict[str, Any]], render: Callable[[str], str]) -> dict[str, str | bytes]:
    """What `plan_triggers` gives as files; the program that sets it up, and the function that an object calls.

    Args:
        triggers: what each file says.
        render: renders a template of the project.
    """
    head = "# docs/triggers.md of smx2vertex describes this file; `python deploy_triggers.py` sets up what it says.\n"
    files: dict[str, str | bytes] = {
        f"triggers/{name}.yaml": head + yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=1000)
        for name, content in triggers.items()
    }
    if triggers:
        files["deploy_triggers.py"] = render("deploy_triggers.py")
    if any(content["kind"] == "storage" for content in triggers.values()):
        files["triggers/function/main.py"] = render("trigger_function.py")
        files["triggers/function/requirements.txt"] = "functions-framework>=3\n"
    return files


@dataclass(slots=True)
class _TriggerPlanner:
    plan: Plan
    correspondences: Correspondences
    findings: list[Finding]
    files: dict[str, dict[str, Any]] = field(default_factory=dict)
    names: Names = field(default_factory=Names)

    def note(self, code: str, trigger: Trigger, message: str) -> None:
        text = f"{trigger.kind} {plain(trigger.name)!r}: {message}"
        self.findings.append(Finding(code, text, file=TRIGGERS))

    def add(self, trigger: Trigger) -> None:
        """Plan a trigger of this pipeline."""
        if trigger.kind == "codepipeline":
            actions = [str(each.get("name")) for each in _list(trigger.fields.get("actions")) if isinstance(each, dict)]
            self.note("SMX327", trigger, f"its actions were: {plain(', '.join(actions)) or 'none'}")
        elif trigger.kind == "topic":
            self.topic(trigger)
        elif trigger.text("expression"):
            self.schedule(trigger)
        elif trigger.kind == "notification":
            self.notification(trigger)
        else:
            self.rule(trigger)

    def write(self, trigger: Trigger, content: dict[str, Any]) -> None:
        """Keep what a file says; keys without a value are left out."""
        name = self.names.take(snake_case(trigger.name)[:LONGEST].strip("_"), "trigger").replace("_", "-")
        enabled = trigger.text("state") in ("", "ENABLED")
        if not enabled:
            self.note("SMX326", trigger, f"triggers/{name}.yaml says enabled: false")
        head = {"kind": content.pop("kind"), "enabled": enabled, "description": trigger.text("description")}
        self.files[name] = {key: value for key, value in {**head, **content}.items() if value not in ("", None, [])}

    # --- objects that arrive ---

    def notification(self, trigger: Trigger) -> None:
        filters = {key: trigger.text(key) for key in ("prefix", "suffix") if trigger.text(key)}
        self.storage(trigger, trigger.text("bucket"), trigger.texts("events"), [filters])

    def rule(self, trigger: Trigger) -> None:
        pattern = trigger.mapping("pattern")
        sources = [str(each) for each in _list(pattern.get("source"))]
        if sources != ["aws.s3"]:
            advice = next(filter(None, map(rule_advice, sources)), "publish the event to a topic of Pub/Sub yourself")
            self.note(
                "SMX323", trigger, f"it waits for events of {plain(', '.join(sources)) or 'any source'}; {advice}"
            )
            return
        buckets, keys = (_inside(pattern, "detail", *path) for path in (("bucket", "name"), ("object", "key")))
        objects = list(map(_object_filter, keys))
        if not buckets or None in objects or not all(isinstance(each, str) for each in buckets):
            self.note("SMX323", trigger, "its pattern asks for more than names, prefixes and suffixes")
            return
        detail = pattern.get("detail")
        for more in sorted(set(map(str, detail)) - {"bucket", "object"}) if isinstance(detail, dict) else ():
            self.note("SMX328", trigger, f"its pattern looks at {plain(more)!r}, which no event of Cloud Storage has")
        events = [str(each) for each in _list(pattern.get("detail-type")) or ["Object Created"]]
        for bucket in buckets:
            self.storage(trigger, str(bucket), events, [each for each in objects if each is not None])

    def storage(self, trigger: Trigger, bucket: str, names: list[str], objects: list[dict[str, str]]) -> None:
        events: list[str] = []
        for name in names:
            event = storage_event(name)
            if event is None:
                self.note("SMX323", trigger, f"Cloud Storage has no event {plain(name)!r}")
            elif event not in events:
                events.append(event)
        if not bucket or not names:
            self.note("SMX323", trigger, "it names no bucket, or no events")
        if not bucket or not events:
            return
        parameters = self.parameters(trigger)
        if not parameters:
            self.note("SMX325", trigger, "its runs take the defaults of all parameters")
        content = {"kind": "storage", "bucket": self.bucket(bucket), "events": events}
        self.write(trigger, {**content, "objects": list(filter(None, objects)), "parameters": parameters})

    def bucket(self, name: str) -> str:
        """The identifier of a bucket in config.yaml."""
        buckets = self.plan.buckets
        known = next((identifier for identifier, each in buckets.items() if each == name), None)
        if known is None:
            known = Names(buckets).take(snake_case(name), "bucket")
            buckets[known] = name
        return known

    # --- schedules, and those who are told ---

    def schedule(self, trigger: Trigger) -> None:
        try:
            cron = cron_of(trigger.text("expression"), trigger.text("timezone"))
        except CronError as error:
            self.note("SMX323", trigger, plain(str(error)))
            return
        if cron.shifted:
            self.note("SMX354", trigger, f"{plain(trigger.text('expression'))} is {cron.expression} here")
        times = {key: trigger.text(key) for key in ("start", "end")}
        content = {"kind": "schedule", "cron": cron.expression, **times, "max_runs": 1 if cron.once else None}
        self.write(trigger, {**content, "parameters": self.parameters(trigger)})

    def topic(self, trigger: Trigger) -> None:
        subscribers = [each for each in _list(trigger.fields.get("subscribers")) if isinstance(each, dict)]
        mails = [str(each.get("endpoint")) for each in subscribers if each.get("protocol") in ("email", "email-json")]
        others = sorted({str(each.get("protocol")) for each in subscribers} - {"email", "email-json"})
        if others:
            self.note("SMX355", trigger, f"it has subscribers by {plain(', '.join(others))}")
        own = self.correspondences.topics
        topic = own.get(trigger.text("arn")) or own.get(trigger.name) or topic_name(trigger.name)
        self.write(trigger, {"kind": "news", "topic": topic, "emails": mails})

    # --- values of parameters ---

    def parameters(self, trigger: Trigger) -> dict[str, str]:
        """The values for a run, by the names that the parameters have here."""
        names = {parameter.source: parameter.name for parameter in self.plan.parameters}
        values = {}
        for source, value in trigger.mapping("parameters").items():
            translated = self.value(str(value))
            if source not in names:
                self.note("SMX328", trigger, f"the pipeline has no parameter {plain(str(source))!r}")
            elif value == MASK or translated is None or reads_as_placeholder(translated):
                self.note("SMX328", trigger, f"the value of {plain(str(source))!r} is not carried")
            else:
                values[names[source]] = translated
        return values

    def value(self, text: str) -> str | None:
        """A value as it is here; None if it comes from a part of the event that Cloud Storage does not have."""
        for path, placeholder in _FROM_EVENT.items():
            text = text.replace(f"<{path}>", placeholder).replace(path, placeholder)
        if "$." in text:
            return None
        if text.startswith("ml.") and (choice := self.correspondences.machine(text)):
            return choice.target.name
        if match := _S3_ADDRESS.fullmatch(text):
            return f"gs://{self.correspondences.bucket(match[1])}{match[2]}"
        return text.replace("s3://{bucket}", "gs://{bucket}")


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _inside(value: Any, *path: str) -> list[Any]:
    """The list of what may stand at a place of a pattern; empty if it asks for nothing there."""
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return _list(value)


def _object_filter(matcher: Any) -> dict[str, str] | None:
    """Which names a matcher of EventBridge takes; None if prefix and suffix cannot say it."""
    if isinstance(matcher, str):
        return {"equals": matcher}
    if not isinstance(matcher, dict) or len(matcher) != 1:
        return None
    [(kind, text)] = matcher.items()
    if kind in ("prefix", "suffix") and isinstance(text, str):
        return {kind: text}
    if kind == "wildcard" and isinstance(text, str) and text.count("*") == 1 and "\\" not in text:
        prefix, _, suffix = text.partition("*")
        return {name: part for name, part in (("prefix", prefix), ("suffix", suffix)) if part}
    return None


def in_words(trigger: Mapping[str, Any]) -> str:
    """What a file in `triggers/` says, for a reader."""
    if trigger["kind"] == "schedule":
        return f"a run at the times of {trigger['cron']}"
    if trigger["kind"] == "news":
        told = f", and e-mails to {', '.join(trigger['emails'])}" if "emails" in trigger else ""
        return f"the topic {trigger['topic']} that is told of runs{told}"
    wanted = [" and ".join(f"{how} {text}" for how, text in each.items()) for each in trigger.get("objects", [])]
    return f"a run for each object in the bucket {trigger['bucket']}{' with ' if wanted else ''}{' or '.join(wanted)}"
