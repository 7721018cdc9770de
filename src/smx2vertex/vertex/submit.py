"""Submits a compiled pipeline to Vertex AI Pipelines, once or on a schedule, with Google's own client."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from ..findings import Finding, InputError
from .google_answers import asking


@dataclass(frozen=True, slots=True)
class Order:
    """What is to run, and how.

    Attributes:
        template: a compiled file, or the address of a version in Artifact Registry.
        values: values of parameters; the others have their defaults.
        caching: True or False for all tasks, None for what is compiled.
        cron: when it runs, again and again; None for once and now.
        max_runs, max_concurrent: limits of a schedule.
    """

    template: str
    name: str
    project: str
    region: str
    pipeline_root: str
    values: Mapping[str, Any]
    job_id: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    service_account: str | None = None
    network: str | None = None
    encryption_key: str | None = None
    caching: bool | None = None
    failure_policy: str = "fast"
    experiment: str | None = None
    cron: str | None = None
    max_runs: int | None = None
    max_concurrent: int = 1


# what a person writes, with or without a time zone: TZ=Europe/Berlin 0 6 * * 1
CRON = re.compile(r"((CRON_)?TZ=\S+ )?\S+( \S+){4}")
ENDS = frozenset({"succeeded", "failed", "cancelled", "paused"})


class Submission:
    """An order in the client's own form: what `send` sends is what `request` shows."""

    def __init__(self, order: Order, endpoint: str | None = None, offline: bool = False) -> None:
        """Compose the request; nothing is sent.

        Args:
            order: what is to run.
            endpoint: another place than Google Cloud.
            offline: only look at the request, without credentials.

        Raises:
            InputError: no credentials (SMX649), or values that the client refuses (SMX650).
        """
        self.order = order
        _check_labels(order.labels)
        with asking("the request"):
            self._connect(endpoint, offline)
            self._job = self._pipeline_job()
            self._schedule = self._pipeline_schedule() if order.cron else None

    def _connect(self, endpoint: str | None, offline: bool) -> None:
        from google.auth.credentials import AnonymousCredentials
        from google.cloud import aiplatform

        # a plain address is a server on this machine or behind a proxy of one's own, which asks for no token
        unsigned = offline or (endpoint or "").startswith("http://")
        aiplatform.init(
            project=self.order.project,
            location=self.order.region,
            credentials=AnonymousCredentials() if unsigned else None,
            api_endpoint=endpoint,
            api_transport="rest" if endpoint else None,
        )

    def _pipeline_job(self) -> Any:
        from google.cloud import aiplatform

        order = self.order
        return aiplatform.PipelineJob(
            display_name=order.name,
            template_path=order.template,
            job_id=order.job_id,
            pipeline_root=order.pipeline_root,
            parameter_values=dict(order.values),
            enable_caching=order.caching,
            encryption_spec_key_name=order.encryption_key,
            labels=dict(order.labels) or None,
            failure_policy=order.failure_policy,
        )

    def _pipeline_schedule(self) -> Any:
        from google.cloud import aiplatform

        if self.order.experiment:
            raise ValueError("a schedule has no experiment")
        if not CRON.fullmatch(self.order.cron or ""):
            raise ValueError(f"{self.order.cron!r} is no cron expression of five fields: TZ=Europe/Berlin 0 6 * * 1")
        return aiplatform.PipelineJobSchedule(pipeline_job=self._job, display_name=self.order.name)

    @property
    def name(self) -> str:
        """The identifier of the run; the name of a schedule, whose runs get theirs from the service."""
        return self.order.name if self._schedule else str(self._job.job_id)

    def request(self) -> dict[str, Any]:
        """The body of the request, as JSON."""
        from google.protobuf import json_format

        order = self.order
        message = (self._schedule or self._job)._gca_resource
        body: dict[str, Any] = json_format.MessageToDict(message._pb)
        job = body["createPipelineJobRequest"]["pipelineJob"] if self._schedule else body
        account = {"serviceAccount": order.service_account, "network": order.network}
        job |= {name: value for name, value in account.items() if value}
        if self._schedule:
            body |= {"cron": order.cron, "maxConcurrentRunCount": str(order.max_concurrent)}
            body |= {"maxRunCount": str(order.max_runs)} if order.max_runs else {}
        return body

    def send(self) -> str:
        """Send the request; returns the link to the console.

        Raises:
            RefusedError: the service says no (SMX645).
        """
        order = self.order
        account = {"service_account": order.service_account, "network": order.network}
        with asking("the request"), _no_bucket_is_made():
            if self._schedule:
                limits = {"max_run_count": order.max_runs, "max_concurrent_run_count": order.max_concurrent}
                self._schedule.create(cron=order.cron, **limits, **account)
                return str(self._schedule._dashboard_uri())
            self._job.submit(experiment=order.experiment, **account)
            return str(self._job._dashboard_uri())

    @property
    def resource(self) -> str:
        """The full name of the run or the schedule, once it is sent."""
        return str((self._schedule or self._job).resource_name)

    def follow(self, changed: Callable[[str, str, str], None], pause_s: float) -> tuple[str, str]:
        """Wait for the end of the run; tells each change of a task.

        Args:
            changed: gets the name of a task, its new state such as `running`, and its error.
            pause_s: seconds between two looks.

        Returns:
            The last state of the run, and its error.
        """
        known: dict[str, tuple[str, str]] = {}
        while True:
            with asking("the state of the run"):
                state = _lower(self._job.state)
                run = self._job.gca_resource
            for task in run.job_detail.task_details:
                new = _lower(task.state), str(task.error.message)
                if known.get(task.task_name) != new:
                    known[task.task_name] = new
                    changed(task.task_name, *new)
            if state in ENDS:
                return state, str(run.error.message)
            time.sleep(pause_s)


def _lower(state: Any) -> str:
    """PIPELINE_STATE_RUNNING as `running`; a task's RUNNING too."""
    return str(state.name).removeprefix("PIPELINE_STATE_").lower()


@contextmanager
def _no_bucket_is_made() -> Iterator[None]:
    """Keep the client from making a missing bucket, and from trying for minutes; `Bucket` has looked at it before."""
    from google.cloud.aiplatform.utils import gcs_utils

    name = "create_gcs_bucket_for_pipeline_artifacts_if_it_does_not_exist"
    real = getattr(gcs_utils, name)
    setattr(gcs_utils, name, lambda **_: None)
    try:
        yield
    finally:
        setattr(gcs_utils, name, real)


def elsewhere(order: Order, compiled_for: tuple[str, str]) -> list[Finding]:
    """A warning where the run goes to another project or region than its jobs, which the compiled file names.

    Args:
        order: what is to run.
        compiled_for: project and region of the environment.
    """
    if (order.project, order.region) == compiled_for:
        return []
    wanted, compiled = (f"{project} in {region}" for project, region in ((order.project, order.region), compiled_for))
    return [Finding("SMX644", f"the run goes to {wanted}, the pipeline is compiled for {compiled}")]


def _check_labels(labels: Mapping[str, str]) -> None:
    """Take only labels that the service takes.

    Raises:
        InputError: a label has capitals, other characters, or more than 64 of them (SMX650).
    """
    for text in (*labels.keys(), *labels.values()):
        if len(text) > 64 or text != text.lower() or not all(each.isalnum() or each in "_-" for each in text):
            raise InputError(Finding("SMX650", f"label {text!r}: 64 small letters, digits, - and _ at most"))
