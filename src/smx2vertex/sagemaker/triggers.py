"""What starts the pipelines of an account: schedules, event rules, notifications of buckets, CodePipelines.

The form of what is found is described in `docs/bundle.md`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from .account import Account
from .secrets import masked
from .trigger_calls import AUTOMATIC, json_or_text, present

# What a CodePipeline says about an action, as far as it holds no secrets.
_ACTION_FIELDS = (
    "Branch", "BranchName", "ConnectionArn", "FullRepositoryId", "FunctionName", "Owner", "ProjectName", "Repo",
    "RepositoryName", "S3Bucket", "S3ObjectKey", "StateMachineArn",
)  # fmt: skip


def find_triggers(account: Account, pipelines: Mapping[str, str], buckets: Iterable[str]) -> list[dict[str, Any]]:
    """Find what starts pipelines; what the account does not answer is noted there.

    Args:
        account: where to look.
        pipelines: the pipelines, ARN by name.
        buckets: buckets whose notifications may start one.

    Returns:
        The triggers, by kind and name. `pipeline` is None where something may start one, but nothing says which.
    """
    search = _Search(account, pipelines)
    found = [*search.schedules(), *search.rules(), *search.notifications(sorted(buckets)), *search.code_pipelines()]
    found += search.topics()
    return sorted(found, key=lambda trigger: (trigger["kind"], trigger["name"], trigger["pipeline"] or ""))


class _Search:
    def __init__(self, account: Account, pipelines: Mapping[str, str]) -> None:
        self.account = account
        self.names = set(pipelines)
        # SageMaker writes names in lower case into ARNs
        self.by_arn = {arn.lower(): name for name, arn in pipelines.items()}
        self.followed: dict[str, list[str]] = {}
        self.functions: dict[str, set[str]] = {}
        # the pipelines of which a topic is told, by its ARN
        self.told: dict[str, set[str]] = {}

    def schedules(self) -> Iterator[dict[str, Any]]:
        """Schedules of EventBridge Scheduler."""
        summaries: list[dict[str, Any]] = []
        with self.account.optional():
            summaries = self.account.all("scheduler", "list_schedules", "Schedules")
        for summary in summaries:
            arn = summary.get("Target", {}).get("Arn", "")
            if not self._may_start(arn):
                continue
            with self.account.optional():
                schedule = self.account.ask(
                    "scheduler", "get_schedule", Name=summary["Name"], GroupName=summary.get("GroupName", "default")
                )
                target = schedule.get("Target", {})
                for name, via in self._started(arn, target.get("Input", "")):
                    yield {
                        "kind": "schedule",
                        "name": summary["Name"],
                        "pipeline": name,
                        **present(
                            state=schedule.get("State"),
                            expression=schedule.get("ScheduleExpression"),
                            timezone=schedule.get("ScheduleExpressionTimezone"),
                            start=schedule.get("StartDate"),
                            end=schedule.get("EndDate"),
                            description=schedule.get("Description"),
                            via=via,
                            parameters=_parameters(target),
                        ),
                    }

    def rules(self) -> Iterator[dict[str, Any]]:
        """Rules of EventBridge, on all buses, by their targets."""
        buses = ["default"]
        with self.account.optional():
            answer = self.account.ask("events", "list_event_buses", Limit=100)  # an account may have 100
            buses = [bus["Name"] for bus in answer.get("EventBuses", [])] or buses
        for bus in buses:
            rules: list[dict[str, Any]] = []
            with self.account.optional():
                rules = self.account.all("events", "list_rules", "Rules", EventBusName=bus)
            for rule in rules:
                targets: list[dict[str, Any]] = []
                with self.account.optional():
                    targets = self.account.all(
                        "events", "list_targets_by_rule", "Targets", Rule=rule["Name"], EventBusName=bus
                    )
                for target in targets:
                    if ":sns:" in target["Arn"]:
                        self.told.setdefault(target["Arn"], set()).update(self._named(str(rule.get("EventPattern"))))
                    for name, via in self._started(target["Arn"], target.get("Input", "")):
                        yield {
                            "kind": "rule",
                            "name": rule["Name"],
                            "pipeline": name,
                            **present(
                                state=rule.get("State"),
                                bus=bus,
                                expression=rule.get("ScheduleExpression"),
                                pattern=json_or_text(rule.get("EventPattern")),
                                description=rule.get("Description"),
                                via=via,
                                parameters=_parameters(target),
                            ),
                        }

    def notifications(self, buckets: Iterable[str]) -> Iterator[dict[str, Any]]:
        """Notifications of buckets; they all count, since the data of pipelines lies there."""
        for bucket in buckets:
            answer: dict[str, Any] = {}
            with self.account.optional():
                answer = self.account.ask("s3", "get_bucket_notification_configuration", Bucket=bucket)
            for key, field in (
                ("QueueConfigurations", "QueueArn"),
                ("TopicConfigurations", "TopicArn"),
                ("LambdaFunctionConfigurations", "LambdaFunctionArn"),
            ):
                for entry in answer.get(key, []):
                    yield from self._notification(bucket, entry, entry[field])
            if "EventBridgeConfiguration" in answer:
                yield {"kind": "notification", "name": bucket, "pipeline": None, "bucket": bucket, "to": "EventBridge"}

    def _notification(self, bucket: str, entry: dict[str, Any], arn: str) -> Iterator[dict[str, Any]]:
        rules = entry.get("Filter", {}).get("Key", {}).get("FilterRules", [])
        filters = {str(rule.get("Name", "")).lower(): rule.get("Value") for rule in rules}
        started: list[tuple[str | None, list[str]]] = [*self._started(arn)]
        for name, via in started or [(None, self._follow(arn))]:
            yield {
                "kind": "notification",
                "name": entry.get("Id") or bucket,
                "pipeline": name,
                "bucket": bucket,
                "events": entry.get("Events", []),
                **present(prefix=filters.get("prefix"), suffix=filters.get("suffix"), via=via),
            }

    def topics(self) -> Iterator[dict[str, Any]]:
        """Topics that the functions and rules of pipelines tell, and on which people are subscribed."""
        for topic, names in sorted(self.told.items()):
            with self.account.optional():
                answer = self.account.all("sns", "list_subscriptions_by_topic", "Subscriptions", TopicArn=topic)
                subscribers = [{"protocol": each["Protocol"], "endpoint": each["Endpoint"]} for each in answer]
                if all(each["protocol"] in AUTOMATIC for each in subscribers):
                    continue
                for name in sorted(names):
                    about = {"arn": topic, "subscribers": subscribers}
                    yield {"kind": "topic", "name": topic.rpartition(":")[2], "pipeline": name, **about}

    def code_pipelines(self) -> Iterator[dict[str, Any]]:
        """CodePipelines that name a pipeline, or SageMaker."""
        summaries: list[dict[str, Any]] = []
        with self.account.optional():
            summaries = self.account.all("codepipeline", "list_pipelines", "pipelines")
        for summary in summaries:
            with self.account.optional():
                answer = self.account.ask("codepipeline", "get_pipeline", name=summary["name"])
                yield from self._code_pipeline(answer["pipeline"])

    def _code_pipeline(self, document: dict[str, Any]) -> Iterator[dict[str, Any]]:
        actions = [action for stage in document.get("stages", []) for action in stage.get("actions", [])]
        text = json.dumps(actions, default=str) + self._builds(actions)
        functions = {action.get("configuration", {}).get("FunctionName") for action in actions} - {None}
        names: set[str | None] = {*self._named(text), *(name for each in functions for name in self._function(each))}
        if not names and "sagemaker" in text.lower():
            names = {None}
        for name in names:
            yield {
                "kind": "codepipeline",
                "name": document["name"],
                "pipeline": name,
                "actions": [_action(action) for action in actions],
            }

    def _builds(self, actions: list[dict[str, Any]]) -> str:
        """What the CodeBuild projects of actions say."""
        projects = {action.get("configuration", {}).get("ProjectName") for action in actions} - {None}
        if projects:
            with self.account.optional():
                answer = self.account.ask("codebuild", "batch_get_projects", names=sorted(projects))
                return json.dumps(answer.get("projects", []), default=str)
        return ""

    def _may_start(self, arn: str) -> bool:
        return any(service in arn for service in (":sagemaker:", ":lambda:", ":sqs:", ":sns:"))

    def _started(self, arn: str, text: str = "") -> list[tuple[str, list[str]]]:
        """The pipelines that a target starts, each with the ARNs on the way to it.

        A function starts those that its environment names, a universal target the one that its input names.
        """
        if arn.lower() in self.by_arn:
            return [(self.by_arn[arn.lower()], [])]
        if ":aws-sdk:sagemaker:startPipelineExecution" in arn:
            return [(name, [arn]) for name in sorted(self._named(text))]
        via = self._follow(arn)
        names = {name for each in via if ":lambda:" in each for name in self._function(each)}
        return [(name, via) for name in sorted(names)]

    def _follow(self, arn: str) -> list[str]:
        """The ARN and what receives from it: the functions that a queue feeds, the subscribers of a topic."""
        if arn in self.followed:
            return self.followed[arn]
        self.followed[arn] = [arn]
        receivers: list[str] = []
        with self.account.optional():
            if ":sqs:" in arn:
                mappings = self.account.all(
                    "lambda", "list_event_source_mappings", "EventSourceMappings", EventSourceArn=arn
                )
                receivers = [mapping.get("FunctionArn", "") for mapping in mappings]
            elif ":sns:" in arn:
                subscriptions = self.account.all("sns", "list_subscriptions_by_topic", "Subscriptions", TopicArn=arn)
                receivers = [each["Endpoint"] for each in subscriptions if each.get("Protocol") in ("lambda", "sqs")]
        reached = [each for receiver in receivers for each in self._follow(receiver)]
        self.followed[arn] = list(dict.fromkeys([arn, *reached]))
        return self.followed[arn]

    def _function(self, name: str) -> set[str]:
        """The pipelines that the environment of a function names; its values themselves are kept nowhere."""
        if name not in self.functions:
            self.functions[name] = set()
            with self.account.optional():
                answer = self.account.ask("lambda", "get_function_configuration", FunctionName=name)
                values = answer.get("Environment", {}).get("Variables", {}).values()
                text = "\n".join(values)
                self.functions[name] = self._named(text)
                for topic in re.findall(r"arn:[\w-]+:sns:[\w-]+:\d+:[\w.-]+", text):
                    self.told.setdefault(topic, set()).update(self.functions[name])
        return self.functions[name]

    def _named(self, text: str) -> set[str]:
        """The pipelines that a text names, as a word or by ARN."""
        arns = re.findall(r"arn:[\w-]+:sagemaker:[\w-]+:\d+:pipeline/[\w-]+", text)
        by_arn = {self.by_arn[arn.lower()] for arn in arns if arn.lower() in self.by_arn}
        return by_arn | (self.names & set(re.findall(r"[\w-]+", text)))


def _action(action: dict[str, Any]) -> dict[str, Any]:
    kind, configuration = action.get("actionTypeId", {}), action.get("configuration", {})
    kept = {key: configuration[key] for key in _ACTION_FIELDS if key in configuration}
    return {"name": action.get("name"), "provider": kind.get("provider"), **present(configuration=kept)}


def _parameters(target: dict[str, Any]) -> dict[str, str]:
    """The values that a target gives to the parameters of the pipeline: in a list, or in the input of an API call."""
    given = json_or_text(target.get("Input"))
    entries = given.get("PipelineParameters") if isinstance(given, dict) else None
    if not isinstance(entries, list):
        entries = target.get("SageMakerPipelineParameters", {}).get("PipelineParameterList", [])
    pairs = [(str(entry.get("Name")), str(entry.get("Value"))) for entry in entries if isinstance(entry, dict)]
    return {name: masked(name, value) for name, value in pairs}
