"""The workshop's pipeline in the SageMaker Python SDK, version 2, as one works on it: small machines, caching on.

Rows of Redshift are prepared, a forest is trained and evaluated. A model that is good enough is created, registered and
tried on a batch; any other one ends the run with a message that names the numbers.

`python pipeline_dev.py`, run in this folder, creates or updates the pipeline in the AWS account at hand and starts it.
"""

from __future__ import annotations

from dataclasses import dataclass

from sagemaker import get_execution_role
from sagemaker.dataset_definition.inputs import DatasetDefinition, RedshiftDatasetDefinition
from sagemaker.inputs import TrainingInput
from sagemaker.processing import ProcessingInput, ProcessingOutput
from sagemaker.sklearn import SKLearn, SKLearnModel
from sagemaker.sklearn.processing import SKLearnProcessor
from sagemaker.transformer import Transformer
from sagemaker.workflow.condition_step import ConditionStep
from sagemaker.workflow.conditions import ConditionGreaterThanOrEqualTo
from sagemaker.workflow.entities import RequestType
from sagemaker.workflow.fail_step import FailStep
from sagemaker.workflow.functions import Join, JsonGet
from sagemaker.workflow.model_step import ModelStep
from sagemaker.workflow.parameters import Parameter, ParameterFloat, ParameterInteger, ParameterString
from sagemaker.workflow.pipeline import Pipeline
from sagemaker.workflow.pipeline_context import PipelineSession
from sagemaker.workflow.properties import PropertyFile
from sagemaker.workflow.steps import CacheConfig, ProcessingStep, Step, TrainingStep, TransformStep

FRAMEWORK_VERSION = "1.2-1"
QUERY = (
    "SELECT patient, pregnancies, glucose, pressure, insulin, bmi, age, diabetic "
    "FROM clinic.patients WHERE visited < GETDATE()"
)


@dataclass(frozen=True)
class Environment:
    """What differs between the pipelines of the workshop."""

    name: str
    machine: str
    cached: bool
    spot: bool


@dataclass(frozen=True)
class Workshop:
    """What the pipelines of the workshop have in common: all but what decides, and what is done with a bad model."""

    parameters: list[Parameter]
    steps: list[Step]
    evaluate: ProcessingStep
    accuracy: JsonGet
    recall: JsonGet
    min_accuracy: ParameterFloat
    accepted: list[RequestType | Step]


def workshop(session: PipelineSession, role: str, environment: Environment) -> Workshop:
    """Parameters and steps for an environment.

    Args:
        session: gives region and bucket; its calls are the only ones that reach AWS.
        role: ARN of the role that the jobs run as.
        environment: the environment.
    """
    base = f"s3://{session.default_bucket()}/diabetes/{environment.name}"
    cache = CacheConfig(enable_caching=True, expire_after="P7D") if environment.cached else None

    training_instance_type = ParameterString(name="TrainingInstanceType", default_value=environment.machine)
    test_size = ParameterFloat(name="TestSize", default_value=0.2)
    estimators = ParameterInteger(name="NEstimators", default_value=60)
    max_depth = ParameterInteger(name="MaxDepth", default_value=6)
    approval_status = ParameterString(
        name="ModelApprovalStatus",
        default_value="PendingManualApproval",
        enum_values=["PendingManualApproval", "Approved", "Rejected"],
    )
    min_accuracy = ParameterFloat(name="MinAccuracy", default_value=0.8)

    processor = SKLearnProcessor(
        framework_version=FRAMEWORK_VERSION,
        instance_type=environment.machine,
        instance_count=1,
        role=role,
        sagemaker_session=session,
    )
    rows = DatasetDefinition(
        local_path="/opt/ml/processing/input/rows",
        data_distribution_type="FullyReplicated",
        input_mode="File",
        redshift_dataset_definition=RedshiftDatasetDefinition(
            cluster_id="clinic",
            database="warehouse",
            db_user="reader",
            query_string=QUERY,
            cluster_role_arn=role,
            output_s3_uri=f"{base}/rows/",
            output_format="CSV",
            output_compression="None",
        ),
    )
    preprocess = ProcessingStep(
        name="PreprocessData",
        step_args=processor.run(
            # A relative path: the SDK's address of a script is a hash of its content and of this path.
            code="preprocess.py",
            arguments=["--test-size", test_size.to_string()],
            inputs=[ProcessingInput(input_name="rows", app_managed=True, dataset_definition=rows)],
            outputs=[
                ProcessingOutput(output_name="train", source="/opt/ml/processing/train"),
                ProcessingOutput(output_name="test", source="/opt/ml/processing/test"),
                ProcessingOutput(output_name="batch", source="/opt/ml/processing/batch"),
            ],
        ),
        cache_config=cache,
    )
    tables = preprocess.properties.ProcessingOutputConfig.Outputs

    estimator = SKLearn(
        entry_point="train.py",
        framework_version=FRAMEWORK_VERSION,
        instance_type=training_instance_type,
        instance_count=1,
        output_path=f"{base}/model",
        hyperparameters={"n-estimators": estimators, "max-depth": max_depth},
        metric_definitions=[{"Name": "validation:accuracy", "Regex": "validation-accuracy=([0-9.]+);"}],
        use_spot_instances=environment.spot,
        max_run=3600,
        max_wait=7200 if environment.spot else None,
        role=role,
        sagemaker_session=session,
    )
    train = TrainingStep(
        name="TrainModel",
        step_args=estimator.fit(
            {"train": TrainingInput(s3_data=tables["train"].S3Output.S3Uri, content_type="text/csv")}
        ),
        cache_config=cache,
    )
    model_data = train.properties.ModelArtifacts.S3ModelArtifacts

    report = PropertyFile(name="EvaluationReport", output_name="evaluation", path="evaluation.json")
    evaluate = ProcessingStep(
        name="EvaluateModel",
        step_args=processor.run(
            code="evaluate.py",
            inputs=[
                ProcessingInput(source=model_data, destination="/opt/ml/processing/model"),
                ProcessingInput(source=tables["test"].S3Output.S3Uri, destination="/opt/ml/processing/test"),
            ],
            outputs=[ProcessingOutput(output_name="evaluation", source="/opt/ml/processing/evaluation")],
        ),
        property_files=[report],
        cache_config=cache,
    )

    model = SKLearnModel(
        model_data=model_data,
        role=role,
        entry_point="train.py",
        framework_version=FRAMEWORK_VERSION,
        sagemaker_session=session,
    )
    create = ModelStep(name="DiabetesModel", step_args=model.create(instance_type=environment.machine))
    register = ModelStep(
        name="Diabetes",
        step_args=model.register(
            content_types=["text/csv"],
            response_types=["text/csv"],
            inference_instances=["ml.m5.large"],
            transform_instances=["ml.m5.large"],
            model_package_group_name=f"diabetes-{environment.name}",
            approval_status=approval_status,
            description="Who is diabetic: a forest on the clinic's patients",
        ),
    )
    transformer = Transformer(
        model_name=create.properties.ModelName,
        instance_type=environment.machine,
        instance_count=1,
        output_path=f"{base}/predictions",
        accept="text/csv",
        assemble_with="Line",
        sagemaker_session=session,
    )
    # Of each row the model sees all but the patient's number; number and probability come out.
    score_batch = TransformStep(
        name="ScoreBatch",
        step_args=transformer.transform(
            data=tables["batch"].S3Output.S3Uri,
            content_type="text/csv",
            split_type="Line",
            input_filter="$[1:]",
            join_source="Input",
            output_filter="$[0,-1]",
        ),
    )

    return Workshop(
        parameters=[training_instance_type, test_size, estimators, max_depth, approval_status, min_accuracy],
        steps=[preprocess, train, evaluate],
        evaluate=evaluate,
        accuracy=JsonGet("EvaluateModel", report, "classification_metrics.accuracy.value"),
        recall=JsonGet("EvaluateModel", report, "classification_metrics.recall.value"),
        min_accuracy=min_accuracy,
        accepted=[create, register, score_batch],
    )


def build(session: PipelineSession, role: str) -> Pipeline:
    """The pipeline of development: one gate, and a failure that says what was measured."""
    common = workshop(session, role, Environment("dev", "ml.m5.large", cached=True, spot=True))
    too_inaccurate = FailStep(
        name="QualityTooLow",
        error_message=Join(
            on=" ",
            values=[
                "The model is not registered: its accuracy of",
                common.accuracy,
                "is below",
                common.min_accuracy,
            ],
        ),
    )
    check_quality = ConditionStep(
        name="CheckQuality",
        conditions=[ConditionGreaterThanOrEqualTo(left=common.accuracy, right=common.min_accuracy)],
        if_steps=common.accepted,
        else_steps=[too_inaccurate],
    )
    return Pipeline(
        name="workshop-diabetes-dev",
        parameters=common.parameters,
        steps=[*common.steps, check_quality],
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
