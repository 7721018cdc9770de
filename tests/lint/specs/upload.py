"""A model upload that is cached, in the location that the component assumes."""

from google_cloud_pipeline_components.types.artifact_types import UnmanagedContainerModel
from google_cloud_pipeline_components.v1.model import ModelUploadOp
from kfp import compiler, dsl

SERVING = {"containerSpec": {"imageUri": "us-docker.pkg.dev/vertex-ai/prediction/sklearn-cpu.1-5:latest"}}


@dsl.pipeline(name="upload")
def upload(model_uri: str):
    model = dsl.importer(artifact_uri=model_uri, artifact_class=UnmanagedContainerModel, metadata=SERVING)
    ModelUploadOp(display_name="churn", unmanaged_container_model=model.output)


if __name__ == "__main__":
    compiler.Compiler().compile(upload, __file__.replace(".py", ".yaml"))
