"""Lab 05 as it stands in a course: names come from nowhere, sessions are missing. It runs with --repair alone."""

from sagemaker.inputs import TrainingInput
from sagemaker.model import Model
from sagemaker.processing import ProcessingInput, ProcessingOutput
from sagemaker.workflow.condition_step import ConditionStep
from sagemaker.workflow.conditions import ConditionGreaterThanOrEqualTo
from sagemaker.workflow.functions import JsonGet
from sagemaker.workflow.model_step import ModelStep
from sagemaker.workflow.parameters import ParameterString
from sagemaker.workflow.pipeline import Pipeline
from sagemaker.workflow.properties import PropertyFile
from sagemaker.workflow.steps import ProcessingStep, TrainingStep

input_data = ParameterString(name="InputData", default_value=f"s3://{bucket}/{prefix}/data/")  # noqa: F821
instance_type = ParameterString(name="TrainingInstanceType", default_value="ml.m5.large")
approval = ParameterString(name="ModelApprovalStatus", default_value="PendingManualApproval")

processor = SKLearnProcessor(  # noqa: F821
    framework_version="1.0-1",
    instance_type="ml.m5.large",
    instance_count=1,
    role=role,  # noqa: F821
    sagemaker_session=sagemaker_session,  # noqa: F821
)
prepare = ProcessingStep(
    name="PreprocessData",
    processor=processor,
    inputs=[ProcessingInput(source=input_data, destination="/opt/ml/processing/input")],
    outputs=[
        ProcessingOutput(output_name=name, source=f"/opt/ml/processing/{name}")
        for name in ("train", "validation", "test")
    ],
    code="script.py",
)
data = prepare.properties.ProcessingOutputConfig.Outputs
train = TrainingStep(
    name="TrainModel",
    estimator=xgb_estimator,  # noqa: F821
    inputs={
        name: TrainingInput(data[name].S3Output.S3Uri, content_type="text/csv") for name in ("train", "validation")
    },
)
report = PropertyFile(name="EvaluationReport", output_name="evaluation", path="evaluation.json")
evaluate = ProcessingStep(
    name="EvaluateModel",
    processor=processor,
    inputs=[
        ProcessingInput(train.properties.ModelArtifacts.S3ModelArtifacts, "/opt/ml/processing/model"),
        ProcessingInput(data["test"].S3Output.S3Uri, "/opt/ml/processing/test"),
    ],
    outputs=[ProcessingOutput(output_name="evaluation", source="/opt/ml/processing/evaluation")],
    code="script.py",
    property_files=[report],
)
accuracy = JsonGet(step_name=evaluate.name, property_file=report, json_path="metrics.accuracy.value")

model = Model(
    image_uri=xgb_image,  # noqa: F821
    model_data=train.properties.ModelArtifacts.S3ModelArtifacts,
    role=role,  # noqa: F821
)
register = ModelStep(
    name="RegisterModel",
    step_args=model.register(
        content_types=["text/csv"],
        response_types=["text/csv"],
        inference_instances=["ml.m5.large"],
        transform_instances=["ml.m5.large"],
        model_package_group_name="lab",
        approval_status=approval,
    ),
)
pipeline = Pipeline(
    name="lab-05",
    parameters=[input_data, instance_type, approval],
    steps=[
        prepare,
        train,
        evaluate,
        ConditionStep(
            name="CheckAccuracy",
            conditions=[ConditionGreaterThanOrEqualTo(left=accuracy, right=0.8)],
            if_steps=[register],
            else_steps=[],
        ),
    ],
)
pipeline.upsert(role_arn=role)  # noqa: F821
execution = pipeline.start()
execution.wait()
pipeline.delete()
