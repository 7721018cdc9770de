"""The pipeline. `python compile_pipeline.py` compiles it; what is left to do stands in MIGRATION.md."""

from kfp import dsl

from .components import (
    check_quality,
    diabetes_model_create_model,
    diabetes_register_model,
    evaluate_model,
    preprocess_data,
    preprocess_data_rows,
    quality_too_low,
    report_rejected,
    score_batch,
    train_model,
)
from .compute import on_machine
from .settings import buckets, code


def workshop_diabetes_prod(
    TrainingInstanceType: str = "n2-standard-4",
    TestSize: float = 0.2,
    NEstimators: int = 60,
    MaxDepth: int = 6,
    ModelApprovalStatus: str = "PendingManualApproval",  # one of PendingManualApproval, Approved, Rejected
    MinAccuracy: float = 0.8,
    MinRecall: float = 0.7,
) -> None:
    """Converted from the SageMaker pipeline `workshop-diabetes-prod`."""
    preprocess_data_rows_task = preprocess_data_rows(
        code=code("preprocess_data_rows"),
        sql="SELECT\n  patient,\n  pregnancies,\n  glucose,\n  pressure,\n  insulin,\n  bmi,\n  age,\n  diabetic\nFROM `acme-warehouse`.`clinic`.`patients`\nWHERE\n  visited < CURRENT_TIMESTAMP()",
        destination=f"gs://{buckets.sagemaker_us_east_1_111122223333}/diabetes/prod/rows/",
    ).set_caching_options(False)

    preprocess_data_task = on_machine(preprocess_data, "n2-standard-4")(
        code=code("preprocess_data"),
        rows=preprocess_data_rows_task.outputs["rows"],
        test_size=TestSize,
    ).set_caching_options(False)

    train_model_task = on_machine(train_model, TrainingInstanceType, timeout_s=3600)(
        code=code("train_model"),
        train=preprocess_data_task.outputs["train"],
        n_estimators=NEstimators,
        max_depth=MaxDepth,
        model_destination=f"gs://{buckets.sagemaker_us_east_1_111122223333}/diabetes/prod/model",
    ).set_caching_options(False)

    evaluate_model_task = on_machine(evaluate_model, "n2-standard-4")(
        code=code("evaluate_model"),
        model=train_model_task.outputs["model"],
        test=preprocess_data_task.outputs["test"],
    ).set_caching_options(False)

    check_quality_task = check_quality(
        code=code("check_quality"),
        accuracy=evaluate_model_task.outputs["accuracy"],
        min_accuracy=MinAccuracy,
        recall=evaluate_model_task.outputs["recall"],
        min_recall=MinRecall,
    ).set_caching_options(False)

    with dsl.If(check_quality_task.outputs["result"] == "true", name="CheckQuality"):
        diabetes_model_create_model_task = diabetes_model_create_model(
            code=code("diabetes_model_create_model"),
            model_name="DiabetesModel-CreateModel",
            model=train_model_task.outputs["model"],
            sagemaker_program="train.py",
            sagemaker_container_log_level=20,
            sagemaker_region="us-east-1",
        ).set_caching_options(False)

        diabetes_register_model(
            code=code("diabetes_register_model"),
            model_name="diabetes-prod",
            model=train_model_task.outputs["model"],
            sagemaker_program="train.py",
            sagemaker_container_log_level=20,
            sagemaker_region="us-east-1",
            model_approval_status=ModelApprovalStatus,
            description="Who is diabetic: a forest on the clinic's patients",
        ).set_caching_options(False)

        on_machine(score_batch, "n2-standard-4")(
            code=code("score_batch"),
            model=diabetes_model_create_model_task.outputs["serving_model"],
            data=preprocess_data_task.outputs["batch"],
            content_type="text/csv",
            split_type="Line",
            accept="text/csv",
            assemble_with="Line",
            input_filter="$[1:]",
            output_filter="$[0,-1]",
            join_source="Input",
            predictions_destination=f"gs://{buckets.sagemaker_us_east_1_111122223333}/diabetes/prod/predictions",
        ).set_caching_options(False)
    with dsl.Else():
        report_rejected_task = report_rejected(
            code=code("report_rejected"),
            execution_name=dsl.PIPELINE_JOB_RESOURCE_NAME_PLACEHOLDER,
            evaluation=evaluate_model_task.outputs["evaluation"],
            min_accuracy=MinAccuracy,
            min_recall=MinRecall,
        ).set_caching_options(False)

        quality_too_low(
            code=code("quality_too_low"),
            accuracy=evaluate_model_task.outputs["accuracy"],
            min_accuracy=MinAccuracy,
            recall=evaluate_model_task.outputs["recall"],
            min_recall=MinRecall,
            ticket=report_rejected_task.outputs["ticket"],
        ).set_caching_options(False)
