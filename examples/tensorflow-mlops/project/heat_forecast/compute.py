"""Binds components to machines for the target being compiled: Vertex custom jobs, or Kubeflow resource limits."""

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from google_cloud_pipeline_components.v1.custom_job import create_custom_training_job_from_component
from kfp.dsl import PipelineTask
from kfp.dsl.base_component import BaseComponent
from kfp.dsl.pipeline_channel import PipelineParameterChannel

from .settings import encryption_key, machines, network, project, region, service_account

TARGETS = ("vertex", "kubeflow")
_target: ContextVar[str] = ContextVar("target")


@contextmanager
def compiling_for(target: str) -> Iterator[None]:
    """Bind machines for `vertex` or `kubeflow` while the pipeline is traced."""
    token = _target.set(target)
    try:
        yield
    finally:
        _target.reset(token)


def on_machine(
    component: BaseComponent,
    machine_type: str | PipelineParameterChannel,
    *,
    accelerator: str | None = None,
    accelerator_count: int = 0,
    disk_type: str = "pd-ssd",
    disk_gb: int = 100,
    timeout_s: int = 86400,
    replicas: int = 1,
    spot: bool = False,
    labels: dict[str, str] | None = None,
) -> Callable[..., PipelineTask]:
    """Return the component bound to a machine; call the result like the component.

    Args:
        component: the component of a step.
        machine_type: a Compute Engine machine type, or the pipeline parameter that holds one.
        accelerator: a Vertex accelerator type, such as NVIDIA_L4.
        accelerator_count: how many of them.
        disk_type: boot disk type (Vertex only).
        disk_gb: boot disk in GB, at least 100 (Vertex only).
        timeout_s: longest run in seconds (Vertex only).
        replicas: number of machines (Vertex only).
        spot: run on spot machines (Vertex only).
        labels: labels of the job (Vertex only).
    """
    if _target.get() == "kubeflow":
        return _with_limits(component, machine_type, accelerator, accelerator_count)
    options: dict[str, Any] = {"accelerator_type": accelerator, "accelerator_count": accelerator_count}
    job = create_custom_training_job_from_component(
        component,
        replica_count=replicas,
        boot_disk_type=disk_type,
        boot_disk_size_gb=disk_gb,
        timeout=f"{timeout_s}s",
        strategy="SPOT" if spot else "STANDARD",
        labels=labels or {},
        **(options if accelerator else {}),
    )
    pools = copy.deepcopy(job.component_spec.inputs["worker_pool_specs"].default)
    for pool in pools:
        pool["machine_spec"]["machine_type"] = machine_type
    settings = {
        "service_account": service_account,
        "network": network,
        "encryption_spec_key_name": encryption_key,
    }
    given = {name: value for name, value in settings.items() if value}
    return lambda **inputs: job(worker_pool_specs=pools, project=project, location=region, **given, **inputs)


def _with_limits(
    component: BaseComponent,
    machine_type: str | PipelineParameterChannel,
    accelerator: str | None,
    accelerator_count: int,
) -> Callable[..., PipelineTask]:
    def task(**inputs: Any) -> PipelineTask:
        made = component(**inputs)
        # Kubeflow has no machine types: a machine that is named at run time leaves the cluster's defaults.
        if isinstance(machine_type, str):
            _limit(made, machine_type)
        if accelerator:
            made.set_accelerator_type("nvidia.com/gpu").set_accelerator_limit(accelerator_count)
        return made

    return task


def _limit(task: PipelineTask, machine_type: str) -> None:
    # A node keeps a part of its memory for itself: a task that asks for all of it is never scheduled.
    machine = machines[machine_type]
    task.set_cpu_request(f"{machine['vcpus'] * 3 / 4:g}").set_cpu_limit(f"{machine['vcpus']:g}")
    task.set_memory_request(_memory(machine["memory_gib"] * 3 / 4)).set_memory_limit(
        _memory(machine["memory_gib"])
    )


def _memory(gib: float) -> str:
    # kfp takes whole numbers only
    return f"{gib:.0f}Gi" if gib == int(gib) else f"{gib * 1024:.0f}Mi"
