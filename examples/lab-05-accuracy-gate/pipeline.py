"""Lab 05 in the SageMaker Python SDK, version 2: prepare, train, evaluate, and register if accurate enough.

`python pipeline.py`, run in this folder, creates or updates the pipeline in the AWS account at hand and starts it.
"""

from __future__ import annotations

from sagemaker import get_execution_role, image_uris
from sagemaker.estimator import Estimator
from sagemaker.inputs import TrainingInput
from sagemaker.model import Model
from sagemaker.processing import ProcessingInput, ProcessingOutput, ScriptProcessor
from sagemaker.sklearn.processing import SKLearnProcessor
from sagemaker.workflow.condition_step import ConditionStep
from sagemaker.workflow.conditions import ConditionGreaterThanOrEqualTo
from sagemaker.workflow.fail_step import FailStep
from sagemaker.workflow.functions import Join, JsonGet
from sagemaker.workflow.model_step import ModelStep
from sagemaker.workflow.parameters import ParameterFloat, ParameterString
from sagemaker.workflow.pipeline import Pipeline
from sagemaker.workflow.pipeline_context import PipelineSession
from sagemaker.workflow.properties import PropertyFile
from sagemaker.workflow.steps import ProcessingStep, TrainingStep

NAME = "lab-05-accuracy-gate"


def build(session: PipelineSession, role: str) -> Pipeline:
    """The pipeline, not yet sent to AWS.

    Args:
        session: gives region and bucket; its calls are the only ones that reach AWS.
        role: ARN of the role that the jobs run as.
    """
    bucket = session.default_bucket()

    input_data = ParameterString(name="InputData", default_value=f"s3://{bucket}/{NAME}/data/")
    training_instance_type = ParameterString(name="TrainingInstanceType", default_value="ml.m5.large")
    model_approval_status = ParameterString(
        name="ModelApprovalStatus",
        default_value="PendingManualApproval",
        enum_values=["PendingManualApproval", "Approved", "Rejected"],
    )
    min_accuracy = ParameterFloat(name="MinAccuracy", default_value=0.8)

    # The algorithm's image trains, evaluates (the scikit-learn image has no xgboost) and serves.
    xgboost_image = image_uris.retrieve("xgboost", region=session.boto_region_name, version="1.7-1")

    sklearn = SKLearnProcessor(
        framework_version="1.2-1",
        instance_type="ml.m5.large",
        instance_count=1,
        role=role,
        sagemaker_session=session,
    )
    preprocess = ProcessingStep(
        name="PreprocessData",
        step_args=sklearn.run(
            # A relative path: the SDK's address of a script is a hash of its content and of this path.
            code="code/preprocessing.py",
            inputs=[ProcessingInput(source=input_data, destination="/opt/ml/processing/input")],
            outputs=[
                ProcessingOutput(output_name="train", source="/opt/ml/processing/train"),
                ProcessingOutput(output_name="validation", source="/opt/ml/processing/validation"),
                ProcessingOutput(output_name="test", source="/opt/ml/processing/test"),
            ],
        ),
    )
    splits = preprocess.properties.ProcessingOutputConfig.Outputs

    estimator = Estimator(
        image_uri=xgboost_image,
        instance_type=training_instance_type,
        instance_count=1,
        output_path=f"s3://{bucket}/{NAME}/model",
        role=role,
        sagemaker_session=session,
        hyperparameters={
            "objective": "binary:logistic",
            "eval_metric": "error",
            "num_round": 60,
            "max_depth": 4,
            "eta": 0.2,
            "subsample": 0.8,
            "seed": 7,
        },
    )
    train = TrainingStep(
        name="TrainModel",
        step_args=estimator.fit(
            inputs={
                channel: TrainingInput(s3_data=splits[channel].S3Output.S3Uri, content_type="text/csv")
                for channel in ("train", "validation")
            }
        ),
    )
    model_data = train.properties.ModelArtifacts.S3ModelArtifacts

    evaluator = ScriptProcessor(
        image_uri=xgboost_image,
        command=["python3"],
        instance_type="ml.m5.large",
        instance_count=1,
        role=role,
        sagemaker_session=session,
    )
    evaluation_report = PropertyFile(name="EvaluationReport", output_name="evaluation", path="evaluation.json")
    evaluate = ProcessingStep(
        name="EvaluateModel",
        step_args=evaluator.run(
            code="code/evaluation.py",
            inputs=[
                ProcessingInput(source=model_data, destination="/opt/ml/processing/model"),
                ProcessingInput(source=splits["test"].S3Output.S3Uri, destination="/opt/ml/processing/test"),
            ],
            outputs=[ProcessingOutput(output_name="evaluation", source="/opt/ml/processing/evaluation")],
        ),
        property_files=[evaluation_report],
    )

    model = Model(image_uri=xgboost_image, model_data=model_data, role=role, sagemaker_session=session)
    register = ModelStep(
        name="RegisterModel",
        step_args=model.register(
            content_types=["text/csv"],
            response_types=["text/csv"],
            inference_instances=["ml.m5.large"],
            transform_instances=["ml.m5.large"],
            model_package_group_name=NAME,
            approval_status=model_approval_status,
        ),
    )
    too_inaccurate = FailStep(
        name="AccuracyTooLow",
        error_message=Join(on=" ", values=["The model is not registered: its accuracy is below", min_accuracy]),
    )
    accurate_enough = ConditionGreaterThanOrEqualTo(
        left=JsonGet(step_name=evaluate.name, property_file=evaluation_report, json_path="metrics.accuracy.value"),
        right=min_accuracy,
    )
    check_accuracy = ConditionStep(
        name="CheckAccuracy", conditions=[accurate_enough], if_steps=[register], else_steps=[too_inaccurate]
    )

    return Pipeline(
        name=NAME,
        parameters=[input_data, training_instance_type, model_approval_status, min_accuracy],
        steps=[preprocess, train, evaluate, check_accuracy],
        sagemaker_session=session,
    )


def main() -> None:
    """Create or update the pipeline, start it, and wait for its end."""
    session = PipelineSession()
    role = get_execution_role(session)
    pipeline = build(session, role)
    pipeline.upsert(role_arn=role)
    pipeline.start().wait()


if __name__ == "__main__":
    main()
