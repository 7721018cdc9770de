"""The pipeline. `python compile_pipeline.py` compiles it; what is left to do stands in MIGRATION.md."""

from kfp import dsl

from .components import (
    configure_endpoint,
    deploy_endpoint,
    evaluate_heat,
    heat_create_model,
    mse_too_high,
    prepare_buildings,
    register_heat_register_model,
    test_endpoint,
    train_heat,
)
from .compute import on_machine
from .settings import buckets, code, data


def heat_forecast(
    InputData: str = f"gs://{buckets.heat_forecast_ml}/buildings/",
    Epochs: int = 60,
    MaxMse: float = 8.0,
    TrainingInstanceType: str = "n4-highcpu-4",
    ModelApprovalStatus: str = "PendingManualApproval",  # one of PendingManualApproval, Approved
    EndpointName: str = "heat-forecast-qa",
) -> None:
    """Converted from the SageMaker pipeline `heat-forecast`."""
    prepare_buildings_task = on_machine(prepare_buildings, "n2-standard-4")(
        code=code("prepare_buildings"),
        input=data(InputData),
    ).set_caching_options(True)

    train_heat_task = on_machine(
        train_heat, TrainingInstanceType, disk_type="hyperdisk-balanced", timeout_s=86400
    )(
        code=code("train_heat"),
        train=prepare_buildings_task.outputs["train"],
        epochs=Epochs,
        batch_size=64,
        learning_rate=0.01,
        model_destination=f"gs://{buckets.heat_forecast_ml}/models/",
    ).set_caching_options(True)

    evaluate_heat_task = on_machine(evaluate_heat, "n2-standard-4")(
        code=code("evaluate_heat"),
        model=train_heat_task.outputs["model"],
        test=prepare_buildings_task.outputs["test"],
    ).set_caching_options(True)

    with dsl.If(evaluate_heat_task.outputs["mse"] <= MaxMse, name="CheckMse"):
        register_heat_register_model_task = register_heat_register_model(
            code=code("register_heat_register_model"),
            model_name="heat-forecast",
            model=train_heat_task.outputs["model"],
            model_approval_status=ModelApprovalStatus,
        ).set_caching_options(False)

        with dsl.If(ModelApprovalStatus == "Approved", name="CheckApproval"):
            heat_create_model_task = (
                heat_create_model(
                    code=code("heat_create_model"),
                    model_name="Heat-CreateModel",
                    model=train_heat_task.outputs["model"],
                )
                .set_caching_options(False)
                .after(register_heat_register_model_task)
            )

            configure_endpoint_task = configure_endpoint(
                code=code("configure_endpoint"),
                execution_id=dsl.PIPELINE_JOB_ID_PLACEHOLDER,
                model=heat_create_model_task.outputs["serving_model"],
                machine_type="n2-standard-4",
                replicas=1,
                weight=1,
            ).set_caching_options(False)

            deploy_endpoint_task = deploy_endpoint(
                code=code("deploy_endpoint"),
                endpoint_name=EndpointName,
                request=configure_endpoint_task.outputs["request"],
            ).set_caching_options(False)

            test_endpoint(
                code=code("test_endpoint"),
                endpoint_name=EndpointName,
                max_error=15,
            ).set_caching_options(False).after(deploy_endpoint_task)
    with dsl.Else():
        mse_too_high(
            code=code("mse_too_high"),
            mse=evaluate_heat_task.outputs["mse"],
            max_mse=MaxMse,
        ).set_caching_options(False)
