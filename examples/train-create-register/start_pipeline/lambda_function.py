"""The function between queue and pipeline in AWS: starts a run for each file that arrived, and tells the topic.

smx2vertex does not convert it: the project's own function in triggers/function/ does the same on Google Cloud.
"""

import json
import os
from urllib.parse import unquote_plus

import boto3


def lambda_handler(event, context):
    """Take the messages of the queue; each holds the notification of the bucket."""
    started = []
    for message in event["Records"]:
        for record in json.loads(message["body"]).get("Records", []):
            bucket, key = record["s3"]["bucket"]["name"], unquote_plus(record["s3"]["object"]["key"])
            answer = boto3.client("sagemaker").start_pipeline_execution(
                PipelineName=os.environ["PIPELINE"],
                PipelineParameters=[{"Name": "TrainData", "Value": f"s3://{bucket}/{key.rpartition('/')[0]}/"}],
            )
            started.append(answer["PipelineExecutionArn"])
            boto3.client("sns").publish(
                TopicArn=os.environ["TOPIC"], Subject="Bike forecast", Message=f"{key} arrived: {started[-1]}"
            )
    return {"started": started}
