"""Regression with TensorFlow in the SageMaker Python SDK, version 2: train, gate, register, deploy, test the endpoint.

`python pipeline.py`, run in this folder, creates or updates the pipeline in the AWS account at hand.
`smx2vertex capture pipeline.py --out bundle` runs the same program without an account.
"""

from __future__ import annotations

from sagemaker import image_uris
from sagemaker.inputs import TrainingInput
from sagemaker.lambda_helper import Lambda
from sagemaker.model import Model
from sagemaker.processing import ProcessingInput, ProcessingOutput, ScriptProcessor
from sagemaker.sklearn.processing import SKLearnProcessor
from sagemaker.tensorflow import TensorFlow
from sagemaker.workflow.condition_step import ConditionStep
from sagemaker.workflow.conditions import ConditionEquals, ConditionLessThanOrEqualTo
from sagemaker.workflow.endpoint_step import EndpointConfigStep, EndpointStep
from sagemaker.workflow.execution_variables import ExecutionVariables
from sagemaker.workflow.fail_step import FailStep
from sagemaker.workflow.functions import Join, JsonGet
from sagemaker.workflow.lambda_step import LambdaOutput, LambdaOutputTypeEnum, LambdaStep
from sagemaker.workflow.model_step import ModelStep
from sagemaker.workflow.parameters import ParameterFloat, ParameterInteger, ParameterString
from sagemaker.workflow.pipeline import Pipeline
from sagemaker.workflow.pipeline_context import PipelineSession
from sagemaker.workflow.properties import PropertyFile
from sagemaker.workflow.steps import CacheConfig, ProcessingStep, TrainingStep

NAME = "heat-forecast"
BUCKET = "heat-forecast-ml"
ROLE = "arn:aws:iam::111122223333:role/HeatForecast"
VERSION = "2.11"
# A second start with the same data, to deploy what somebody approved, takes these steps from the cache.
CACHE = CacheConfig(enable_caching=True, expire_after="P7D")


def build(session: PipelineSession) -> Pipeline:
    """The pipeline, not yet sent to AWS."""
    input_data = ParameterString(name="InputData", default_value=f"s3://{BUCKET}/buildings/")
    epochs = ParameterInteger(name="Epochs", default_value=60)
    max_mse = ParameterFloat(name="MaxMse", default_value=8.0)
    instance_type = ParameterString(name="TrainingInstanceType", default_value="ml.c5.xlarge")
    approval = ParameterString(
        name="ModelApprovalStatus",
        default_value="PendingManualApproval",
        enum_values=["PendingManualApproval", "Approved"],
    )
    endpoint_name = ParameterString(name="EndpointName", default_value="heat-forecast-qa")
    region = session.boto_region_name
    training_image, serving_image = (
        image_uris.retrieve(
            "tensorflow",
            region=region,
            version=VERSION,
            py_version="py39" if scope == "training" else None,
            instance_type="ml.m5.large",
            image_scope=scope,
        )
        for scope in ("training", "inference")
    )

    prepare = ProcessingStep(
        name="PrepareBuildings",
        step_args=SKLearnProcessor(
            framework_version="1.2-1",
            instance_type="ml.m5.large",
            instance_count=1,
            role=ROLE,
            sagemaker_session=session,
        ).run(
            code="code/prepare.py",
            inputs=[ProcessingInput(source=input_data, destination="/opt/ml/processing/input")],
            outputs=[
                ProcessingOutput(output_name=name, source=f"/opt/ml/processing/{name}") for name in ("train", "test")
            ],
        ),
        cache_config=CACHE,
    )
    splits = prepare.properties.ProcessingOutputConfig.Outputs

    train = TrainingStep(
        name="TrainHeat",
        step_args=TensorFlow(
            entry_point="train.py",
            source_dir="code/train",
            image_uri=training_image,
            model_dir=False,
            instance_type=instance_type,
            instance_count=1,
            role=ROLE,
            output_path=f"s3://{BUCKET}/models/",
            hyperparameters={"epochs": epochs, "batch-size": 64, "learning-rate": 0.01},
            metric_definitions=[{"Name": "loss", "Regex": "loss: ([0-9.]+)"}],
            sagemaker_session=session,
        ).fit(inputs={"train": TrainingInput(s3_data=splits["train"].S3Output.S3Uri, content_type="text/csv")}),
        cache_config=CACHE,
    )
    model_data = train.properties.ModelArtifacts.S3ModelArtifacts

    report = PropertyFile(name="EvaluationReport", output_name="evaluation", path="evaluation.json")
    evaluate = ProcessingStep(
        name="EvaluateHeat",
        step_args=ScriptProcessor(
            image_uri=training_image,
            command=["python3"],
            instance_type="ml.m5.large",
            instance_count=1,
            role=ROLE,
            sagemaker_session=session,
        ).run(
            code="code/evaluate.py",
            inputs=[
                ProcessingInput(source=model_data, destination="/opt/ml/processing/model"),
                ProcessingInput(source=splits["test"].S3Output.S3Uri, destination="/opt/ml/processing/test"),
            ],
            outputs=[ProcessingOutput(output_name="evaluation", source="/opt/ml/processing/evaluation")],
        ),
        property_files=[report],
        cache_config=CACHE,
    )
    mse = JsonGet(step_name=evaluate.name, property_file=report, json_path="regression_metrics.mse.value")

    model = Model(image_uri=serving_image, model_data=model_data, role=ROLE, sagemaker_session=session)
    register = ModelStep(
        name="RegisterHeat",
        step_args=model.register(
            content_types=["application/json"],
            response_types=["application/json"],
            inference_instances=["ml.m5.large"],
            transform_instances=["ml.m5.large"],
            model_package_group_name=NAME,
            approval_status=approval,
        ),
    )
    create = ModelStep(name="Heat", step_args=model.create(instance_type="ml.m5.large"), depends_on=[register])
    config = EndpointConfigStep(
        name="ConfigureEndpoint",
        step_args=session.create_endpoint_config(
            name=Join(on="-", values=[NAME, ExecutionVariables.PIPELINE_EXECUTION_ID]),
            model_name=create.properties.ModelName,
            initial_instance_count=1,
            instance_type="ml.m5.large",
        ),
    )
    endpoint = EndpointStep(
        name="DeployEndpoint",
        step_args=session.create_endpoint(
            endpoint_name=endpoint_name, config_name=config.properties.EndpointConfigName, wait=False
        ),
    )
    check = LambdaStep(
        name="TestEndpoint",
        lambda_func=Lambda(
            function_arn=f"arn:aws:lambda:{region}:111122223333:function:heat-endpoint-check", session=session
        ),
        inputs={"endpoint": endpoint_name, "max_error": 15},
        outputs=[LambdaOutput(output_name="error", output_type=LambdaOutputTypeEnum.Float)],
        depends_on=[endpoint],
    )
    deploy = ConditionStep(
        name="CheckApproval",
        conditions=[ConditionEquals(left=approval, right="Approved")],
        if_steps=[create, config, endpoint, check],
        else_steps=[],
    )
    too_bad = FailStep(
        name="MseTooHigh",
        error_message=Join(on=" ", values=["The model is not registered: its MSE of", mse, "is above", max_mse]),
    )
    gate = ConditionStep(
        name="CheckMse",
        conditions=[ConditionLessThanOrEqualTo(left=mse, right=max_mse)],
        if_steps=[register, deploy],
        else_steps=[too_bad],
    )
    return Pipeline(
        name=NAME,
        parameters=[input_data, epochs, max_mse, instance_type, approval, endpoint_name],
        steps=[prepare, train, evaluate, gate],
        sagemaker_session=session,
    )


def main() -> None:
    """Create or update the pipeline."""
    build(PipelineSession()).upsert(role_arn=ROLE)


if __name__ == "__main__":
    main()
