"""The pipeline. `python compile_pipeline.py` compiles it; what is left to do stands in MIGRATION.md."""

from .components import forecast_create_model, register_register_model, train_forecast
from .compute import on_machine
from .settings import buckets, code, data


def train_create_register(
    TrainData: str = f"gs://{buckets.city_bikes_ml}/bikes/train/",
    ValidationData: str = f"gs://{buckets.city_bikes_ml}/bikes/validation/",
    Rounds: int = 60,
    ModelApprovalStatus: str = "PendingManualApproval",  # one of PendingManualApproval, Approved
) -> None:
    """Converted from the SageMaker pipeline `train-create-register`."""
    train_forecast_task = on_machine(train_forecast, "n2-standard-4", timeout_s=86400)(
        code=code("train_forecast"),
        train=data(TrainData),
        validation=data(ValidationData),
        objective="reg:squarederror",
        rounds=Rounds,
        max_depth=5,
        eta=0.2,
        subsample=0.7,
        seed=3,
        model_destination=f"gs://{buckets.city_bikes_ml}/bikes/models/",
    ).set_caching_options(False)

    forecast_create_model(
        code=code("forecast_create_model"),
        model_name="Forecast-CreateModel",
        model=train_forecast_task.outputs["model"],
    ).set_caching_options(False)

    register_register_model(
        code=code("register_register_model"),
        model_name="bike-forecast",
        model=train_forecast_task.outputs["model"],
        model_approval_status=ModelApprovalStatus,
    ).set_caching_options(False)
