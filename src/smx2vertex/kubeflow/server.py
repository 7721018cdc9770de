"""Submits a compiled pipeline to a Kubeflow Pipelines server, with kfp's own client."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..findings import Finding, RefusedError

ENDS = frozenset({"SUCCEEDED", "FAILED", "CANCELED", "SKIPPED"})


@dataclass(frozen=True, slots=True)
class Order:
    """What is to run on a cluster.

    Attributes:
        compiled: the compiled file for Kubeflow.
        pipeline_root: where its artifacts are kept; `gs://`, `s3://` or `minio://`.
        caching: True or False for all tasks, None for what is compiled.
        service_account: a service account of Kubernetes.
    """

    compiled: str
    name: str
    pipeline_root: str
    values: Mapping[str, Any]
    caching: bool | None = None
    service_account: str | None = None
    experiment: str | None = None
    namespace: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """What the client is given."""
        return {
            "pipeline_file": self.compiled,
            "arguments": dict(self.values),
            "run_name": self.name,
            "experiment_name": self.experiment,
            "namespace": self.namespace,
            "pipeline_root": self.pipeline_root,
            "enable_caching": self.caching,
            "service_account": self.service_account,
        }


class Server:
    """A Kubeflow Pipelines server; KFP_TOKEN may hold a token for it."""

    def __init__(self, host: str) -> None:
        """Connect.

        Raises:
            RefusedError: there is no answer (SMX645).
        """
        import kfp

        self.host = host.rstrip("/")
        with self._asking(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._client = kfp.Client(host=self.host, existing_token=os.environ.get("KFP_TOKEN"))

    def send(self, order: Order) -> str:
        """Start a run; returns its identifier.

        Raises:
            RefusedError: the server says no (SMX645).
        """
        # the client prints a link; data goes to stdout, and nothing else
        with self._asking(), contextlib.redirect_stdout(sys.stderr):
            return str(self._client.create_run_from_pipeline_package(**order.to_dict()).run_id)

    def link(self, run: str) -> str:
        """The page of a run."""
        return f"{self.host}/#/runs/details/{run}"

    def follow(self, run: str, changed: Callable[[str, str, str], None], pause_s: float) -> tuple[str, str]:
        """Wait for the end of a run; tells each change of a task as name, state and error.

        Returns:
            The last state, in lower case, and the error.
        """
        known: dict[str, tuple[str, str]] = {}
        while True:
            with self._asking():
                found = self._client.get_run(run)
            for task in (found.run_details and found.run_details.task_details) or []:
                state = str(task.state).lower(), _message(task.error)
                if task.state and known.get(task.display_name) != state:
                    known[task.display_name] = state
                    changed(task.display_name, *state)
            if found.state in ENDS:
                return str(found.state).lower(), _message(found.error)
            time.sleep(pause_s)

    @contextlib.contextmanager
    def _asking(self) -> Iterator[None]:
        from kfp_server_api.exceptions import ApiException
        from urllib3.exceptions import HTTPError

        before = logging.root.manager.disable
        logging.disable(logging.CRITICAL)  # the client logs whole tracebacks
        try:
            yield
        except ApiException as error:
            raise RefusedError(
                Finding("SMX645", f"{self.host}: {error.status} {error.reason} {error.body or ''}".strip())
            ) from error
        except (HTTPError, TimeoutError) as error:
            raise RefusedError(Finding("SMX645", f"{self.host}: {error}")) from error
        finally:
            logging.disable(before)


def _message(error: Any) -> str:
    return str(error.message or "") if error else ""
