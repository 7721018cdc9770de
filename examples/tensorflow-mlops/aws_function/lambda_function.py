"""The function heat-endpoint-check in AWS: asks the endpoint for two buildings and compares with what is known.

On Google Cloud code/heat-endpoint-check/ does the same: an endpoint there has another address and another format.
"""

import json

import boto3

# scaled features of two buildings, and the heat that they need
KNOWN = [([0.0] * 7, 24.0), ([1.0, 1.0, 0.0, 0.0, -1.0, 0.0, 0.0], 55.0)]


def lambda_handler(event, context):
    """Fail if the mean error is above `max_error`; else answer it."""
    answer = boto3.client("sagemaker-runtime").invoke_endpoint(
        EndpointName=event["endpoint"],
        ContentType="application/json",
        Body=json.dumps({"instances": [features for features, _ in KNOWN]}),
    )
    predicted = [row[0] for row in json.loads(answer["Body"].read())["predictions"]]
    error = sum(abs(predicted[place] - heat) for place, (_, heat) in enumerate(KNOWN)) / len(KNOWN)
    if error > event["max_error"]:
        raise ValueError(f"the endpoint is off by {error:.1f} MWh")
    return {"error": error}
