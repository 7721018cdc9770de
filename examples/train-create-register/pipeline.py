"""Train, create, register: a demand forecast in the SageMaker Python SDK, version 2, and what starts it.

`python pipeline.py`, run in this folder, creates or updates the pipeline and all that starts it in the AWS account at
hand: a file that arrives in the bucket goes through a queue to a function, which starts the pipeline and tells a topic.
`smx2vertex capture pipeline.py --out bundle` runs the same program without an account.
"""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import boto3
from sagemaker import image_uris
from sagemaker.estimator import Estimator
from sagemaker.inputs import TrainingInput
from sagemaker.model import Model
from sagemaker.workflow.model_step import ModelStep
from sagemaker.workflow.parameters import ParameterInteger, ParameterString
from sagemaker.workflow.pipeline import Pipeline
from sagemaker.workflow.pipeline_context import PipelineSession
from sagemaker.workflow.steps import TrainingStep

NAME = "train-create-register"
BUCKET = "city-bikes-ml"
ROLE = "arn:aws:iam::111122223333:role/BikeForecast"
MAIL = "forecast-team@example.com"
FUNCTION = Path(__file__).resolve().parent / "start_pipeline" / "lambda_function.py"


def build(session: PipelineSession) -> Pipeline:
    """The pipeline, not yet sent to AWS."""
    train_data = ParameterString(name="TrainData", default_value=f"s3://{BUCKET}/bikes/train/")
    validation_data = ParameterString(name="ValidationData", default_value=f"s3://{BUCKET}/bikes/validation/")
    rounds = ParameterInteger(name="Rounds", default_value=60)
    approval = ParameterString(
        name="ModelApprovalStatus",
        default_value="PendingManualApproval",
        enum_values=["PendingManualApproval", "Approved"],
    )
    image = image_uris.retrieve("xgboost", region=session.boto_region_name, version="1.7-1")
    estimator = Estimator(
        image_uri=image,
        role=ROLE,
        instance_type="ml.m5.xlarge",
        instance_count=1,
        output_path=f"s3://{BUCKET}/bikes/models/",
        sagemaker_session=session,
        hyperparameters={
            "objective": "reg:squarederror",
            "num_round": rounds,
            "max_depth": 5,
            "eta": 0.2,
            "subsample": 0.7,
            "seed": 3,
        },
    )
    channels = {"train": train_data, "validation": validation_data}
    train = TrainingStep(
        name="TrainForecast",
        step_args=estimator.fit(
            inputs={name: TrainingInput(s3_data=data, content_type="text/csv") for name, data in channels.items()}
        ),
    )
    model = Model(
        image_uri=image,
        model_data=train.properties.ModelArtifacts.S3ModelArtifacts,
        role=ROLE,
        sagemaker_session=session,
    )
    create = ModelStep(name="Forecast", step_args=model.create(instance_type="ml.m5.large"))
    register = ModelStep(
        name="Register",
        step_args=model.register(
            content_types=["text/csv"],
            response_types=["text/csv"],
            inference_instances=["ml.m5.xlarge"],
            transform_instances=["ml.m5.xlarge"],
            model_package_group_name="bike-forecast",
            approval_status=approval,
        ),
    )
    return Pipeline(
        name=NAME,
        parameters=[train_data, validation_data, rounds, approval],
        steps=[train, create, register],
        sagemaker_session=session,
    )


def start_on_arrival() -> None:
    """Have the pipeline start when training data arrives, and people told of it."""
    topic = boto3.client("sns").create_topic(Name="bike-forecast-news")["TopicArn"]
    boto3.client("sns").subscribe(TopicArn=topic, Protocol="email", Endpoint=MAIL)
    sqs = boto3.client("sqs")
    url = sqs.create_queue(QueueName="bike-arrivals")["QueueUrl"]
    queue = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.write(FUNCTION, FUNCTION.name)
    functions = boto3.client("lambda")
    functions.create_function(
        FunctionName="start-bike-forecast",
        Role=ROLE,
        Runtime="python3.12",
        Handler="lambda_function.lambda_handler",
        Code={"ZipFile": archive.getvalue()},
        Environment={"Variables": {"PIPELINE": NAME, "TOPIC": topic}},
    )
    functions.create_event_source_mapping(EventSourceArn=queue, FunctionName="start-bike-forecast")
    rules = [{"Name": "prefix", "Value": "bikes/train/"}, {"Name": "suffix", "Value": ".csv"}]
    arrivals = {
        "Id": "new-training-data",
        "QueueArn": queue,
        "Events": ["s3:ObjectCreated:*"],
        "Filter": {"Key": {"FilterRules": rules}},
    }
    boto3.client("s3").put_bucket_notification_configuration(
        Bucket=BUCKET, NotificationConfiguration={"QueueConfigurations": [arrivals]}
    )


def main() -> None:
    """Create or update the pipeline and what starts it."""
    build(PipelineSession()).upsert(role_arn=ROLE)
    start_on_arrival()


if __name__ == "__main__":
    main()
