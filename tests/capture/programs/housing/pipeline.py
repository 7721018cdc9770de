"""Housing: TensorFlow, a Fail step, and a Lambda function that tries the endpoint."""

import argparse

from sagemaker import get_execution_role
from sagemaker.inputs import TrainingInput
from sagemaker.lambda_helper import Lambda
from sagemaker.model_metrics import MetricsSource, ModelMetrics
from sagemaker.processing import ProcessingInput, ProcessingOutput, ScriptProcessor
from sagemaker.sklearn.processing import SKLearnProcessor
from sagemaker.tensorflow import TensorFlow
from sagemaker.workflow.condition_step import ConditionStep
from sagemaker.workflow.conditions import ConditionLessThanOrEqualTo
from sagemaker.workflow.fail_step import FailStep
from sagemaker.workflow.functions import Join, JsonGet
from sagemaker.workflow.lambda_step import LambdaOutput, LambdaOutputTypeEnum, LambdaStep
from sagemaker.workflow.parameters import ParameterFloat, ParameterInteger, ParameterString
from sagemaker.workflow.pipeline import Pipeline
from sagemaker.workflow.pipeline_context import PipelineSession
from sagemaker.workflow.properties import PropertyFile
from sagemaker.workflow.step_collections import RegisterModel
from sagemaker.workflow.steps import ProcessingStep, TrainingStep

parser = argparse.ArgumentParser()
parser.add_argument("--pipeline-name", required=True)
options = parser.parse_args()

session = PipelineSession()
role = get_execution_role(session)
bucket = session.default_bucket()
raw = ParameterString("InputData", f"s3://{bucket}/housing/raw")
epochs = ParameterInteger("TrainingEpochs", 10)
threshold = ParameterFloat("AccuracyMseThreshold", 0.75)
instance = ParameterString("TrainingInstanceType", "ml.c5.xlarge")
approval = ParameterString("ModelApprovalStatus", "Approved")

sklearn = SKLearnProcessor("0.23-1", role, instance_type="ml.m5.xlarge", instance_count=1, sagemaker_session=session)
prepare = ProcessingStep(
    "PreprocessHousing",
    step_args=sklearn.run(
        code="preprocess.py",
        inputs=[ProcessingInput(raw, "/opt/ml/processing/input", s3_data_distribution_type="ShardedByS3Key")],
        outputs=[
            ProcessingOutput(output_name="train", source="/opt/ml/processing/train"),
            ProcessingOutput(output_name="test", source="/opt/ml/processing/test"),
        ],
    ),
)
data = prepare.properties.ProcessingOutputConfig.Outputs

estimator = TensorFlow(
    entry_point="train.py",
    role=role,
    framework_version="2.11",
    py_version="py39",
    instance_count=1,
    instance_type=instance,
    sagemaker_session=session,
    hyperparameters={"epochs": epochs},
)
channels = {name: TrainingInput(data[name].S3Output.S3Uri) for name in ("train", "test")}
train = TrainingStep("TrainHousing", step_args=estimator.fit(channels))
artifact = train.properties.ModelArtifacts.S3ModelArtifacts

evaluator = ScriptProcessor(
    role=role,
    image_uri=estimator.training_image_uri(),
    command=["python3"],
    instance_count=1,
    instance_type="ml.m5.xlarge",
    sagemaker_session=session,
)
report = PropertyFile("EvaluationReport", output_name="evaluation", path="evaluation.json")
evaluate = ProcessingStep(
    "EvaluateHousing",
    step_args=evaluator.run(
        code="evaluate.py",
        inputs=[
            ProcessingInput(artifact, "/opt/ml/processing/model"),
            ProcessingInput(data["test"].S3Output.S3Uri, "/opt/ml/processing/test"),
        ],
        outputs=[ProcessingOutput(output_name="evaluation", source="/opt/ml/processing/evaluation")],
    ),
    property_files=[report],
)
# An idiom of public samples: reading the arguments early gives the report an address with the time in it.
address = evaluate.arguments["ProcessingOutputConfig"]["Outputs"][0]["S3Output"]["S3Uri"]
metrics = ModelMetrics(model_statistics=MetricsSource(f"{address}/evaluation.json", "application/json"))
register = RegisterModel(
    "RegisterHousing",
    estimator=estimator,
    model_data=artifact,
    content_types=["application/json"],
    response_types=["application/json"],
    inference_instances=["ml.m5.large"],
    transform_instances=["ml.m5.large"],
    model_package_group_name="housing",
    approval_status=approval,
    model_metrics=metrics,
)
try_endpoint = LambdaStep(
    "TestDevEndpoint",
    lambda_func=Lambda(function_arn="arn:aws:lambda:us-east-1:111122223333:function:try", session=session),
    inputs={"model": artifact},
    outputs=[LambdaOutput("status", LambdaOutputTypeEnum.String)],
    depends_on=[register],
)
mse = JsonGet("EvaluateHousing", report, "regression_metrics.mse.value")
fail = FailStep("MseTooHigh", error_message=Join(" ", ["MSE is", mse]))
check = ConditionStep(
    "CheckMse",
    conditions=[ConditionLessThanOrEqualTo(mse, threshold)],
    if_steps=[register, try_endpoint],
    else_steps=[fail],
)
pipeline = Pipeline(
    options.pipeline_name,
    parameters=[raw, epochs, threshold, instance, approval],
    steps=[prepare, train, evaluate, check],
    sagemaker_session=session,
)
