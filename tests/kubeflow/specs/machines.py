"""A private /opt/ml, a custom job with runtime values in its worker pool, a model upload, resource limits."""

import copy

from google_cloud_pipeline_components.types.artifact_types import UnmanagedContainerModel
from google_cloud_pipeline_components.v1.custom_job import create_custom_training_job_from_component
from google_cloud_pipeline_components.v1.model import ModelUploadOp
from kfp import compiler, dsl
from kfp.dsl import Output, OutputPath

IMAGE = "python:3.11-slim"
MEET = """
import os, pathlib, sys, time
mine, meeting, seen = sys.argv[1:]
ml = pathlib.Path("/opt/ml")
before = sorted(p.name for p in ml.iterdir())
(ml / "mark").write_text(mine)
meeting = pathlib.Path(meeting)
(meeting / mine).touch()
end = time.monotonic() + 10
while len(list(meeting.iterdir())) < 2 and time.monotonic() < end:
    time.sleep(0.02)
pathlib.Path(seen).write_text(f"{before} {(ml / 'mark').read_text()} {len(list(meeting.iterdir()))}")
"""
TRAIN = """
import json, os, pathlib, sys
given = json.loads(sys.argv[1])
model = pathlib.Path(given["outputs"]["artifacts"]["model"]["artifacts"][0]["uri"])
model.mkdir()
(model / "model.bst").write_text(os.environ["COLOUR"])
outputs = {"artifacts": {"model": {"artifacts": [{"metadata": {"containerSpec": {"imageUri": sys.argv[2]}}}]}}}
pathlib.Path(given["outputs"]["outputFile"]).write_text(json.dumps(outputs))
print("depth", given["inputs"]["parameterValues"]["depth"])
"""


@dsl.container_component
def meet(mine: str, meeting: str, seen: OutputPath(str)):
    return dsl.ContainerSpec(image=IMAGE, command=["python", "-c", MEET], args=[mine, meeting, seen])


@dsl.container_component
def train(depth: int, serving: str, model: Output[UnmanagedContainerModel]):
    return dsl.ContainerSpec(
        image=IMAGE, command=["python3", "-c", TRAIN], args=[dsl.PIPELINE_TASK_EXECUTOR_INPUT_PLACEHOLDER, serving]
    )


job = create_custom_training_job_from_component(
    train,
    replica_count=2,
    boot_disk_size_gb=200,
    timeout="600s",
    env=[{"name": "COLOUR", "value": "blue"}],
    service_account="runner@acme.iam.gserviceaccount.com",
)


@dsl.pipeline(name="machines")
def machines(meeting: str, machine: str = "n2-standard-4", depth: int = 6, alias: str = "candidate"):
    meet(mine="left", meeting=meeting).set_cpu_limit("2").set_memory_limit("4Gi").set_env_variable("A", "b")
    meet(mine="right", meeting=meeting)
    pools = copy.deepcopy(job.component_spec.inputs["worker_pool_specs"].default)
    for pool in pools:
        pool["machine_spec"]["machine_type"] = machine
    trained = job(worker_pool_specs=pools, depth=depth, serving="serve:1")
    ModelUploadOp(
        display_name="churn",
        unmanaged_container_model=trained.outputs["model"],
        version_aliases=[alias],
        project="acme",
        location="europe-west4",
    )


if __name__ == "__main__":
    compiler.Compiler().compile(machines, __file__.replace(".py", ".yaml"))
