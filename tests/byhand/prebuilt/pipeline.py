"""The beginning of the turnover pipeline in prebuilt components alone: a query, a custom job, an upload."""

from google_cloud_pipeline_components.types.artifact_types import UnmanagedContainerModel
from google_cloud_pipeline_components.v1.bigquery import BigqueryQueryJobOp
from google_cloud_pipeline_components.v1.custom_job import CustomTrainingJobOp
from google_cloud_pipeline_components.v1.model import ModelUploadOp
from kfp import compiler, dsl

WORKER_POOLS = [
    {
        "machine_spec": {"machine_type": "n1-standard-4"},
        "replica_count": 1,
        "container_spec": {
            "image_uri": "us-docker.pkg.dev/acme/turnover/train:1",
            "command": ["python3", "train.py"],
            "args": ["--n-estimators", "150", "--max-depth", "6", "--target", "left"],
        },
    }
]
SERVING = {"containerSpec": {"imageUri": "us-docker.pkg.dev/vertex-ai/prediction/sklearn-cpu.1-2:latest"}}


@dsl.pipeline(name="turnover-dev")
def turnover(project: str = "acme-people", region: str = "us-east1"):
    """Query, train, upload."""
    rows = BigqueryQueryJobOp(
        project=project,
        location=region,
        query="CREATE OR REPLACE TABLE people.rows AS SELECT * FROM people.employees",
    )
    fitted = CustomTrainingJobOp(
        display_name="train-forest",
        project=project,
        location=region,
        worker_pool_specs=WORKER_POOLS,
        base_output_directory="gs://acme-people/turnover-dev/model",
    ).after(rows)
    unmanaged = dsl.importer(
        artifact_uri="gs://acme-people/turnover-dev/model/model",
        artifact_class=UnmanagedContainerModel,
        metadata=SERVING,
    ).after(fitted)
    ModelUploadOp(
        project=project,
        location=region,
        display_name="turnover-forest",
        unmanaged_container_model=unmanaged.outputs["artifact"],
    )


if __name__ == "__main__":
    compiler.Compiler().compile(turnover, "pipeline.yaml")
