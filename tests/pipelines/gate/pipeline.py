"""XGBoost in script mode: train, evaluate, and go on only if the error is small enough."""

from sagemaker.inputs import TrainingInput
from sagemaker.processing import ProcessingInput, ProcessingOutput, ScriptProcessor
from sagemaker.workflow.condition_step import ConditionStep
from sagemaker.workflow.conditions import ConditionLessThanOrEqualTo
from sagemaker.workflow.fail_step import FailStep
from sagemaker.workflow.functions import JsonGet
from sagemaker.workflow.parameters import ParameterFloat, ParameterInteger
from sagemaker.workflow.pipeline import Pipeline
from sagemaker.workflow.pipeline_context import PipelineSession
from sagemaker.workflow.properties import PropertyFile
from sagemaker.workflow.steps import ProcessingStep, TrainingStep
from sagemaker.xgboost.estimator import XGBoost

session = PipelineSession(default_bucket="acme-ml")
ROLE = "arn:aws:iam::111122223333:role/SageMakerExecution"
common = {"instance_type": "ml.m5.large", "instance_count": 1, "role": ROLE, "sagemaker_session": session}

rounds = ParameterInteger(name="Rounds", default_value=15)
most = ParameterFloat(name="MostError", default_value=30.0)

estimator = XGBoost(
    entry_point="train.py",
    source_dir="code/train",
    framework_version="1.7-1",
    hyperparameters={"num_round": rounds, "eta": 0.3, "objective": "reg:squarederror"},
    metric_definitions=[{"Name": "train:rmse", "Regex": r"train-rmse:([0-9.]+)"}],
    output_path="s3://acme-ml/gate/models",
    **common,
)
train = TrainingStep(
    name="Train",
    step_args=estimator.fit(
        {
            "train": TrainingInput("s3://acme-ml/gate/data/train/", content_type="text/csv"),
            "validation": TrainingInput("s3://acme-ml/gate/data/validation/", content_type="text/csv"),
        }
    ),
)

report = PropertyFile(name="Report", output_name="report", path="evaluation.json")
evaluator = ScriptProcessor(image_uri=estimator.training_image_uri(), command=["python3"], **common)
evaluate = ProcessingStep(
    name="Evaluate",
    step_args=evaluator.run(
        code="code/evaluate.py",
        inputs=[
            ProcessingInput(
                source=train.properties.ModelArtifacts.S3ModelArtifacts, destination="/opt/ml/processing/model"
            ),
            ProcessingInput(source="s3://acme-ml/gate/data/validation/", destination="/opt/ml/processing/test"),
        ],
        outputs=[ProcessingOutput(output_name="report", source="/opt/ml/processing/report")],
    ),
    property_files=[report],
)

announce = ProcessingStep(
    name="Announce",
    step_args=evaluator.run(
        code="code/announce.py",
        arguments=["--at-most", most.to_string()],
        inputs=[
            ProcessingInput(
                source=evaluate.properties.ProcessingOutputConfig.Outputs["report"].S3Output.S3Uri,
                destination="/opt/ml/processing/report",
            )
        ],
        outputs=[ProcessingOutput(output_name="announcement", source="/opt/ml/processing/announcement")],
    ),
)
gate = ConditionStep(
    name="Gate",
    conditions=[
        ConditionLessThanOrEqualTo(
            left=JsonGet(step_name=evaluate.name, property_file=report, json_path="regression_metrics.mse.value"),
            right=most,
        )
    ],
    if_steps=[announce],
    else_steps=[FailStep(name="TooBad", error_message="The error is too large")],
)

pipeline = Pipeline(name="gate", parameters=[rounds, most], steps=[train, evaluate, gate], sagemaker_session=session)
print(pipeline.definition())
