"""The same three components as they should be: nothing to report."""

from google_cloud_pipeline_components.types.artifact_types import UnmanagedContainerModel
from google_cloud_pipeline_components.v1.custom_job import CustomTrainingJobOp
from google_cloud_pipeline_components.v1.hyperparameter_tuning_job import HyperparameterTuningJobRunOp
from google_cloud_pipeline_components.v1.model import ModelUploadOp
from kfp import compiler, dsl

REGION = "europe-west3"
POOL = {
    "machine_spec": {"machine_type": "n1-standard-8", "accelerator_type": "NVIDIA_TESLA_T4", "accelerator_count": 2},
    "replica_count": 1,
    "disk_spec": {"boot_disk_type": "pd-ssd", "boot_disk_size_gb": 100},
    "container_spec": {"image_uri": "europe-docker.pkg.dev/acme/train/image:1", "args": ["--data=/gcs/acme-ml/churn"]},
}
SERVING = {"containerSpec": {"imageUri": "us-docker.pkg.dev/vertex-ai/prediction/sklearn-cpu.1-5:latest"}}


@dsl.pipeline(name="calm")
def calm(model_uri: str):
    CustomTrainingJobOp(display_name="train", labels={"team": "ml"}, worker_pool_specs=[POOL])
    HyperparameterTuningJobRunOp(
        display_name="tune",
        location=REGION,
        base_output_directory="gs://acme-ml/tuning",
        worker_pool_specs=[POOL],
        study_spec_metrics=[{"metric_id": "auc", "goal": 1}],
        study_spec_parameters=[{"parameter_id": "lr", "double_value_spec": {"min_value": 0.01, "max_value": 0.1}}],
        max_trial_count=4,
        parallel_trial_count=2,
    )
    model = dsl.importer(artifact_uri=model_uri, artifact_class=UnmanagedContainerModel, metadata=SERVING)
    upload = ModelUploadOp(display_name="churn", location=REGION, unmanaged_container_model=model.output)
    upload.set_caching_options(False)


if __name__ == "__main__":
    compiler.Compiler().compile(calm, __file__.replace(".py", ".yaml"))
