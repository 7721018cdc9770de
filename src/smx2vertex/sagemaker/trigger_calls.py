"""What calls of AWS set up to start pipelines, in the form of `triggers.yaml` (see `docs/bundle.md`)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from .secrets import masked

# The calls that make something start a pipeline, or that lead from an event to what starts one.
OPERATIONS = frozenset(
    (
        *(("events", "PutRule"), ("events", "PutTargets"), ("scheduler", "CreateSchedule")),
        *(("scheduler", "UpdateSchedule"), ("s3", "PutBucketNotification"), ("sqs", "CreateQueue")),
        *(("s3", "PutBucketNotificationConfiguration"), ("sqs", "SetQueueAttributes"), ("sns", "CreateTopic")),
        *(("sns", "Subscribe"), ("lambda", "CreateFunction"), ("lambda", "AddPermission")),
        *(("lambda", "CreateEventSourceMapping"), ("sns", "SetTopicAttributes")),
    )
)
# Subscribers that lead on to something, and are told of in the triggers behind them.
AUTOMATIC = frozenset({"lambda", "sqs"})
_PIPELINE = re.compile(r"arn:[\w-]+:sagemaker:[\w-]*:\d*:pipeline/([\w-]+)", re.IGNORECASE)


class TriggerCalls:
    """Collects calls, and tells the triggers they set up."""

    def __init__(self) -> None:
        """No calls yet."""
        self._calls: dict[str, list[dict[str, Any]]] = {}

    def add(self, operation: str, request: dict[str, Any]) -> None:
        """Add a call whose service and operation stand in OPERATIONS."""
        self._calls.setdefault(operation, []).append(request)

    def triggers(self, names: list[str]) -> list[dict[str, Any]]:
        """The triggers by kind and name; `pipeline` is None where the calls do not say which one it starts.

        Args:
            names: the pipelines that are known.
        """
        found = [
            trigger | {"pipeline": pipeline}
            for trigger, text in (*self._schedules(), *self._rules(), *self._notifications(), *self._topics())
            for pipeline in self._started(text, trigger.get("via", []), names)
        ]
        return sorted(found, key=lambda trigger: (trigger["kind"], trigger["name"], trigger["pipeline"] or ""))

    def _all(self, *operations: str) -> Iterator[dict[str, Any]]:
        for operation in operations:
            yield from self._calls.get(operation, [])

    def _schedules(self) -> Iterator[tuple[dict[str, Any], str]]:
        schedules = {each["Name"]: each for each in self._all("CreateSchedule", "UpdateSchedule")}
        for name, each in schedules.items():
            target = each.get("Target", {})
            fields = present(
                state=each.get("State"),
                expression=each.get("ScheduleExpression"),
                timezone=each.get("ScheduleExpressionTimezone"),
                start=each.get("StartDate"),
                end=each.get("EndDate"),
                description=each.get("Description"),
                parameters=_parameters(target),
            )
            yield {"kind": "schedule", "name": name, "pipeline": None, **fields}, json.dumps(target)

    def _rules(self) -> Iterator[tuple[dict[str, Any], str]]:
        rules = {each["Name"]: each for each in self._all("PutRule")}
        for call in self._all("PutTargets"):
            rule = rules.get(call["Rule"], {})
            for target in call.get("Targets", []):
                fields = present(
                    state=rule.get("State"),
                    bus=call.get("EventBusName"),
                    expression=rule.get("ScheduleExpression"),
                    pattern=json_or_text(rule.get("EventPattern")),
                    description=rule.get("Description"),
                    via=self._follow(target.get("Arn", "")),
                    parameters=_parameters(target),
                )
                yield {"kind": "rule", "name": call["Rule"], "pipeline": None, **fields}, json.dumps(target)

    def _notifications(self) -> Iterator[tuple[dict[str, Any], str]]:
        for call in self._all("PutBucketNotificationConfiguration", "PutBucketNotification"):
            for entries in call.get("NotificationConfiguration", {}).values():
                for entry in entries if isinstance(entries, list) else []:
                    rules = entry.get("Filter", {}).get("Key", {}).get("FilterRules", [])
                    filters = {str(rule.get("Name")).lower(): rule.get("Value") for rule in rules}
                    arn = next((value for key, value in entry.items() if key.endswith("Arn")), "")
                    fields = present(
                        events=entry.get("Events"),
                        prefix=filters.get("prefix"),
                        suffix=filters.get("suffix"),
                        via=self._follow(arn),
                    )
                    name, bucket = entry.get("Id") or call["Bucket"], call["Bucket"]
                    yield {"kind": "notification", "name": name, "pipeline": None, "bucket": bucket, **fields}, ""

    def _topics(self) -> Iterator[tuple[dict[str, Any], str]]:
        """Topics with subscribers that are people, and what is known of who publishes there."""
        for topic in dict.fromkeys(call["TopicArn"] for call in self._all("Subscribe")):
            calls = [call for call in self._all("Subscribe") if call["TopicArn"] == topic]
            subscribers = [{"protocol": call["Protocol"], "endpoint": call.get("Endpoint", "")} for call in calls]
            if all(each["protocol"] in AUTOMATIC for each in subscribers):
                continue
            functions = (json.dumps(call.get("Environment", {})) for call in self._all("CreateFunction"))
            rules = {call["Rule"] for call in self._all("PutTargets") if topic in json.dumps(call)}
            patterns = (str(rule.get("EventPattern")) for rule in self._all("PutRule") if rule["Name"] in rules)
            text = "\n".join([*(each for each in functions if topic in each), *patterns])
            fields = {"arn": topic, "subscribers": subscribers}
            yield {"kind": "topic", "name": topic.rpartition(":")[2], "pipeline": None, **fields}, text

    def _follow(self, arn: str) -> list[str]:
        """The ARN and what receives from it: the functions that a queue feeds, the subscribers of a topic."""
        via, waiting = [], [arn]
        while waiting:
            each = waiting.pop(0)
            if not each or each in via or _PIPELINE.fullmatch(each):
                continue
            via.append(each)
            mappings = self._all("CreateEventSourceMapping")
            waiting += [call["FunctionName"] for call in mappings if call.get("EventSourceArn") == each]
            waiting += [call["Endpoint"] for call in self._all("Subscribe") if call.get("TopicArn") == each]
        return via

    def _started(self, text: str, via: list[str], names: list[str]) -> list[str | None]:
        """The pipelines that a text, or the environment of a function on the way, names."""
        functions = {each.rsplit(":", 1)[-1] for each in via}
        texts = [text] + [
            json.dumps(call.get("Environment", {}))
            for call in self._all("CreateFunction")
            if call["FunctionName"] in functions
        ]
        named = {name for each in texts for name in _PIPELINE.findall(each)}
        named |= {name for name in names for each in texts if name in re.findall(r"[\w-]+", each)}
        return [*sorted(named)] or [None]


def _parameters(target: dict[str, Any]) -> dict[str, str]:
    entries = target.get("SageMakerPipelineParameters", {}).get("PipelineParameterList", [])
    return {entry["Name"]: masked(entry["Name"], entry["Value"]) for entry in entries}


def json_or_text(text: str | None) -> Any:
    """The value of a JSON text; the text itself if it is no JSON."""
    try:
        return None if text is None else json.loads(text)
    except (ValueError, RecursionError):
        return text


def present(**fields: Any) -> dict[str, Any]:
    """The fields that have a value; dates as text."""
    return {
        key: value.isoformat() if hasattr(value, "isoformat") else value
        for key, value in fields.items()
        if value not in (None, "", [], {})
    }
