"""The pipeline. `python compile_pipeline.py` compiles it; what is left to do stands in MIGRATION.md."""

from kfp import dsl

from .components import accuracy_too_low, evaluate_model, preprocess_data, register_model, train_model
from .compute import on_machine
from .settings import buckets, code, data


def lab_05_accuracy_gate(
    InputData: str = f"gs://{buckets.sagemaker_us_east_1_111122223333}/lab-05-accuracy-gate/data/",
    TrainingInstanceType: str = "n2-standard-4",
    ModelApprovalStatus: str = "PendingManualApproval",  # one of PendingManualApproval, Approved, Rejected
    MinAccuracy: float = 0.8,
) -> None:
    """Converted from the SageMaker pipeline `lab-05-accuracy-gate`."""
    preprocess_data_task = on_machine(preprocess_data, "n2-standard-4")(
        code=code("preprocess_data"),
        input=data(InputData),
    ).set_caching_options(False)

    train_model_task = on_machine(train_model, TrainingInstanceType, timeout_s=86400)(
        code=code("train_model"),
        train=preprocess_data_task.outputs["train"],
        validation=preprocess_data_task.outputs["validation"],
        objective="binary:logistic",
        eval_metric="error",
        num_round=60,
        max_depth=4,
        eta=0.2,
        subsample=0.8,
        seed=7,
        model_destination=f"gs://{buckets.sagemaker_us_east_1_111122223333}/lab-05-accuracy-gate/model",
    ).set_caching_options(False)

    evaluate_model_task = on_machine(evaluate_model, "n2-standard-4")(
        code=code("evaluate_model"),
        model=train_model_task.outputs["model"],
        test=preprocess_data_task.outputs["test"],
    ).set_caching_options(False)

    with dsl.If(evaluate_model_task.outputs["accuracy"] >= MinAccuracy, name="CheckAccuracy"):
        register_model(
            code=code("register_model"),
            model_name="lab-05-accuracy-gate",
            model=train_model_task.outputs["model"],
            model_approval_status=ModelApprovalStatus,
        ).set_caching_options(False)
    with dsl.Else():
        accuracy_too_low(
            code=code("accuracy_too_low"),
            min_accuracy=MinAccuracy,
        ).set_caching_options(False)
