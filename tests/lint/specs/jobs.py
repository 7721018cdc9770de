"""A custom job and a tuning job whose place, machines and labels are as a person wrote them at first."""

from google_cloud_pipeline_components.v1.custom_job import CustomTrainingJobOp
from google_cloud_pipeline_components.v1.hyperparameter_tuning_job import HyperparameterTuningJobRunOp
from kfp import compiler, dsl

IMAGE = "us-docker.pkg.dev/acme/train/image:1"


def pool(machine: dict, **disk: object) -> list[dict]:
    return [
        {
            "machine_spec": machine,
            "replica_count": 1,
            "container_spec": {"image_uri": IMAGE, "args": ["--data=s3://acme-ml/churn"]},
            **({"disk_spec": disk} if disk else {}),
        }
    ]


@dsl.pipeline(name="jobs")
def jobs(gpus: int = 1):
    CustomTrainingJobOp(
        display_name='train "fast"',
        labels={"Team": "ml"},
        worker_pool_specs=pool({"machine_type": "ml.m5.xlarge"}, boot_disk_size_gb=30),
    )
    CustomTrainingJobOp(
        display_name="train on GPUs",
        worker_pool_specs=pool(
            {"machine_type": "n1-standard-8", "accelerator_type": "NVIDIA_TESLA_T4", "accelerator_count": gpus}
        ),
    )
    HyperparameterTuningJobRunOp(
        display_name="tune",
        base_output_directory="gs://acme-ml/tuning",
        worker_pool_specs=pool(
            {"machine_type": "g2-standard-24", "accelerator_type": "NVIDIA_L4", "accelerator_count": 1}
        ),
        study_spec_metrics=[{"metric_id": "auc", "goal": 1}],
        study_spec_parameters=[{"parameter_id": "lr", "double_value_spec": {"min_value": 0.01, "max_value": 0.1}}],
        max_trial_count=4,
        parallel_trial_count=2,
    )


if __name__ == "__main__":
    compiler.Compiler().compile(jobs, __file__.replace(".py", ".yaml"))
