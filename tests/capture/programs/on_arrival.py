"""Trains, creates and registers; runs when a file arrives: bucket, queue, function, pipeline."""

import boto3
from sagemaker import image_uris
from sagemaker.estimator import Estimator
from sagemaker.inputs import TrainingInput
from sagemaker.model import Model
from sagemaker.workflow.model_step import ModelStep
from sagemaker.workflow.pipeline import Pipeline
from sagemaker.workflow.pipeline_context import PipelineSession
from sagemaker.workflow.step_collections import RegisterModel
from sagemaker.workflow.steps import TrainingStep

session = PipelineSession()
role = "arn:aws:iam::111122223333:role/OnArrival"
image = image_uris.retrieve("xgboost", "us-east-1", version="1.7-1")
estimator = Estimator(
    image,
    role,
    1,
    "ml.m5.xlarge",
    output_path="s3://acme-ml/models/",
    sagemaker_session=session,
    hyperparameters={"objective": "reg:squarederror", "num_round": 50},
)
train = TrainingStep("Train", estimator=estimator, inputs={"train": TrainingInput("s3://acme-ml/in/train.csv")})
artifact = train.properties.ModelArtifacts.S3ModelArtifacts
model = Model(image, model_data=artifact, role=role, sagemaker_session=session)
create = ModelStep("AbaloneCreateModel", step_args=model.create(instance_type="ml.m5.large"))
register = RegisterModel(
    "RegisterModel",
    estimator=estimator,
    model_data=artifact,
    content_types=["text/csv"],
    response_types=["application/json"],
    inference_instances=["ml.m5.xlarge"],
    transform_instances=["ml.m5.xlarge"],
    model_package_group_name="abalone",
    approval_status="Approved",
)
pipeline = Pipeline("on-arrival", steps=[train, create, register], sagemaker_session=session)
pipeline.upsert(role_arn=role)
execution = pipeline.start()
execution.wait()
print(execution.describe())

sqs = boto3.client("sqs")
queue = sqs.get_queue_attributes(
    QueueUrl=sqs.create_queue(QueueName="arrivals")["QueueUrl"], AttributeNames=["QueueArn"]
)["Attributes"]["QueueArn"]
function = boto3.client("lambda").create_function(
    FunctionName="start-pipeline",
    Role=role,
    Runtime="python3.12",
    Handler="start.handler",
    Code={"ZipFile": b"a zip file"},
    Environment={"Variables": {"PIPELINE": "on-arrival"}},
)["FunctionArn"]
boto3.client("lambda").create_event_source_mapping(EventSourceArn=queue, FunctionName=function)
boto3.client("s3").put_bucket_notification_configuration(
    Bucket="acme-ml",
    NotificationConfiguration={
        "QueueConfigurations": [
            {
                "QueueArn": queue,
                "Events": ["s3:ObjectCreated:*"],
                "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": "in/"}]}},
            }
        ]
    },
)
