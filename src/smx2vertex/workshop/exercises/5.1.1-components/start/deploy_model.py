"""Asks the endpoint for one prediction after the deployment; no pipeline has a part in it."""

import boto3

client = boto3.client("sagemaker-runtime")
answer = client.invoke_endpoint(EndpointName="bike-service", ContentType="text/csv", Body="12,0.4,1")
print(answer["Body"].read().decode())
