"""Workshop: rows of Redshift are prepared; a good model is registered and tried on a batch, a bad one is reported."""

import sagemaker
from sagemaker.dataset_definition.inputs import DatasetDefinition, RedshiftDatasetDefinition
from sagemaker.inputs import TrainingInput
from sagemaker.processing import ProcessingInput, ProcessingOutput
from sagemaker.sklearn import SKLearn, SKLearnModel
from sagemaker.sklearn.processing import SKLearnProcessor
from sagemaker.transformer import Transformer
from sagemaker.workflow.callback_step import CallbackOutput, CallbackOutputTypeEnum, CallbackStep
from sagemaker.workflow.condition_step import ConditionStep
from sagemaker.workflow.conditions import ConditionGreaterThanOrEqualTo
from sagemaker.workflow.functions import JsonGet
from sagemaker.workflow.model_step import ModelStep
from sagemaker.workflow.parameters import ParameterFloat, ParameterInteger, ParameterString
from sagemaker.workflow.pipeline import Pipeline
from sagemaker.workflow.pipeline_context import PipelineSession
from sagemaker.workflow.properties import PropertyFile
from sagemaker.workflow.steps import ProcessingStep, TrainingStep, TransformStep


def get_pipeline(environment: str = "dev", machine: str = "ml.m5.large") -> Pipeline:
    session = PipelineSession()
    role = sagemaker.get_execution_role(session)
    base = f"s3://{session.default_bucket()}/workshop/{environment}"
    processors = ParameterInteger("ProcessingInstanceCount", 1)
    instance = ParameterString("TrainingInstanceType", machine)
    threshold = ParameterFloat("AccuracyThreshold", 0.75)
    estimators = ParameterInteger("NEstimators", 100)
    approval = ParameterString("ModelApprovalStatus", "PendingManualApproval")

    processor = SKLearnProcessor(
        "1.2-1", role, instance_type="ml.m5.large", instance_count=processors, sagemaker_session=session
    )
    rows = RedshiftDatasetDefinition(
        cluster_id="cluster",
        database="ml",
        db_user="reader",
        query_string="SELECT * FROM customers",
        cluster_role_arn=role,
        output_s3_uri=f"{base}/rows",
        output_format="CSV",
    )
    dataset = DatasetDefinition(local_path="/opt/ml/processing/input/rows", redshift_dataset_definition=rows)
    prepare = ProcessingStep(
        "PreprocessData",
        step_args=processor.run(
            code="preprocess.py",
            inputs=[ProcessingInput(input_name="rows", app_managed=True, dataset_definition=dataset)],
            outputs=[
                ProcessingOutput(output_name="train_data", source="/opt/ml/processing/train"),
                ProcessingOutput(output_name="test_data", source="/opt/ml/processing/test"),
                ProcessingOutput(output_name="batch_data", source="/opt/ml/processing/batch"),
            ],
        ),
    )
    data = prepare.properties.ProcessingOutputConfig.Outputs

    estimator = SKLearn(
        entry_point="train.py",
        framework_version="1.2-1",
        instance_type=instance,
        role=role,
        sagemaker_session=session,
        hyperparameters={"n-estimators": estimators},
    )
    train = TrainingStep(
        "TrainModel", step_args=estimator.fit({"train": TrainingInput(data["train_data"].S3Output.S3Uri)})
    )
    artifact = train.properties.ModelArtifacts.S3ModelArtifacts

    report = PropertyFile("EvaluationReport", output_name="evaluation", path="evaluation.json")
    evaluate = ProcessingStep(
        "EvaluateModel",
        step_args=processor.run(
            code="evaluate.py",
            inputs=[
                ProcessingInput(artifact, "/opt/ml/processing/model"),
                ProcessingInput(data["test_data"].S3Output.S3Uri, "/opt/ml/processing/test"),
            ],
            outputs=[ProcessingOutput(output_name="evaluation", source="/opt/ml/processing/evaluation")],
        ),
        property_files=[report],
    )

    model = SKLearnModel(
        model_data=artifact, role=role, entry_point="train.py", framework_version="1.2-1", sagemaker_session=session
    )
    create = ModelStep("ChurnModel", step_args=model.create("ml.m5.large"))
    register = ModelStep(
        "ChurnRegister",
        step_args=model.register(
            content_types=["text/csv"],
            response_types=["text/csv"],
            inference_instances=["ml.m5.large"],
            transform_instances=["ml.m5.large"],
            model_package_group_name="churn",
            approval_status=approval,
        ),
    )
    transformer = Transformer(
        create.properties.ModelName, 1, "ml.m5.large", output_path=f"{base}/scores", sagemaker_session=session
    )
    batch = TransformStep("BatchTransform", step_args=transformer.transform(data["batch_data"].S3Output.S3Uri))
    notify = CallbackStep(
        "NotifyRejected",
        sqs_queue_url="https://sqs.us-east-1.amazonaws.com/111122223333/rejected",
        inputs={"report": evaluate.properties.ProcessingOutputConfig.Outputs["evaluation"].S3Output.S3Uri},
        outputs=[CallbackOutput("decision", CallbackOutputTypeEnum.String)],
    )
    accuracy = JsonGet(
        step_name="EvaluateModel", property_file=report, json_path="classification_metrics.accuracy.value"
    )
    check = ConditionStep(
        "CheckAccuracy",
        conditions=[ConditionGreaterThanOrEqualTo(accuracy, threshold)],
        if_steps=[create, register, batch],
        else_steps=[notify],
    )
    return Pipeline(
        f"workshop-{environment}",
        parameters=[processors, instance, threshold, estimators, approval],
        steps=[prepare, train, evaluate, check],
        sagemaker_session=session,
    )


if __name__ == "__main__":
    get_pipeline().upsert(role_arn=sagemaker.get_execution_role())
