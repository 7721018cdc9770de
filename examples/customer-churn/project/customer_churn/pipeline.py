"""The pipeline. `python compile_pipeline.py` compiles it; what is left to do stands in MIGRATION.md."""

from kfp import dsl

from .components import (
    check_quality,
    create_forest_create_model,
    create_xgboost_create_model,
    describe_data,
    evaluate_forest,
    evaluate_xgboost,
    prepare_data,
    quality_too_low,
    register_forest_register_model,
    register_xgboost_register_model,
    train_forest,
    train_xgboost,
)
from .compute import on_machine
from .settings import buckets, code, data


def customer_churn(
    InputData: str = f"gs://{buckets.sagemaker_us_east_1_111122223333}/churn/raw/customers.csv",
    ProcessingInstanceType: str = "n2-standard-4",
    TrainingInstanceType: str = "n2-standard-4",  # one of n2-standard-4, n2-standard-8
    HeldOut: float = 0.4,
    BalanceClasses: bool = False,
    MaxDepth: int = 4,
    NumRound: int = 25,
    Eta: float = 0.15,
    NEstimators: int = 60,
    ModelApprovalStatus: str = "PendingManualApproval",
    MinAuc: float = 0.8,
) -> None:
    """Converted from the SageMaker pipeline `customer-churn`."""
    on_machine(describe_data, ProcessingInstanceType)(
        code=code("describe_data"),
        input=data(InputData),
        statistics_destination=f"gs://{buckets.sagemaker_us_east_1_111122223333}/churn/",
        execution_id=dsl.PIPELINE_JOB_ID_PLACEHOLDER,
    ).set_caching_options(False)

    prepare_data_task = on_machine(prepare_data, ProcessingInstanceType)(
        code=code("prepare_data"),
        input=data(InputData),
        held_out=HeldOut,
        balance_classes=BalanceClasses,
    ).set_caching_options(True)

    train_xgboost_task = on_machine(train_xgboost, TrainingInstanceType, timeout_s=86400)(
        code=code("train_xgboost"),
        train=prepare_data_task.outputs["train"],
        validation=prepare_data_task.outputs["validation"],
        objective="binary:logistic",
        eval_metric="auc",
        max_depth=MaxDepth,
        num_round=NumRound,
        eta=Eta,
        subsample=0.8,
        seed=7,
        model_destination=f"gs://{buckets.sagemaker_us_east_1_111122223333}/churn/models",
    ).set_caching_options(True)

    train_forest_task = on_machine(train_forest, TrainingInstanceType, timeout_s=86400)(
        code=code("train_forest"),
        train=prepare_data_task.outputs["train"],
        n_estimators=NEstimators,
        max_depth=MaxDepth,
        model_destination=f"gs://{buckets.sagemaker_us_east_1_111122223333}/churn/models",
    ).set_caching_options(True)

    evaluate_xgboost_task = on_machine(evaluate_xgboost, ProcessingInstanceType)(
        code=code("evaluate_xgboost"),
        model=train_xgboost_task.outputs["model"],
        test=prepare_data_task.outputs["test"],
        algorithm="xgboost",
    ).set_caching_options(True)

    evaluate_forest_task = on_machine(evaluate_forest, ProcessingInstanceType)(
        code=code("evaluate_forest"),
        model=train_forest_task.outputs["model"],
        test=prepare_data_task.outputs["test"],
        algorithm="forest",
    ).set_caching_options(True)

    check_quality_task = check_quality(
        code=code("check_quality"),
        auc=evaluate_xgboost_task.outputs["auc"],
        min_auc=MinAuc,
        auc_value=evaluate_forest_task.outputs["auc"],
    ).set_caching_options(False)

    with dsl.If(check_quality_task.outputs["result"] == "true", name="CheckQuality"):
        with dsl.If(
            evaluate_xgboost_task.outputs["auc"] >= evaluate_forest_task.outputs["auc"], name="ChooseAlgorithm"
        ):
            create_xgboost_create_model(
                code=code("create_xgboost_create_model"),
                model_name="CreateXgboost-CreateModel",
                model=train_xgboost_task.outputs["model"],
            ).set_caching_options(False)

            register_xgboost_register_model(
                code=code("register_xgboost_register_model"),
                model_name="customer-churn",
                model=train_xgboost_task.outputs["model"],
                model_approval_status=ModelApprovalStatus,
                algorithm="xgboost",
                model_quality_statistics=evaluate_xgboost_task.outputs["evaluation"],
            ).set_caching_options(False)
        with dsl.Else():
            create_forest_create_model(
                code=code("create_forest_create_model"),
                model_name="CreateForest-CreateModel",
                model=train_forest_task.outputs["model"],
                sagemaker_program="train.py",
                sagemaker_container_log_level=20,
                sagemaker_region="us-east-1",
            ).set_caching_options(False)

            register_forest_register_model(
                code=code("register_forest_register_model"),
                model_name="customer-churn",
                model=train_forest_task.outputs["model"],
                sagemaker_program="train.py",
                sagemaker_container_log_level=20,
                sagemaker_region="us-east-1",
                model_approval_status=ModelApprovalStatus,
                algorithm="forest",
                model_quality_statistics=evaluate_forest_task.outputs["evaluation"],
            ).set_caching_options(False)
    with dsl.Else():
        quality_too_low(
            code=code("quality_too_low"),
            auc=evaluate_xgboost_task.outputs["auc"],
            auc_value=evaluate_forest_task.outputs["auc"],
            min_auc=MinAuc,
        ).set_caching_options(False)
