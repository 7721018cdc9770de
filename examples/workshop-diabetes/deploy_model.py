"""Puts the newest approved version of the model behind an endpoint: what people start once they approved it.

`python deploy_model.py diabetes-prod --role ARN`, with the name of the group, creates the endpoint `diabetes-prod` or
moves it to the new version. Running it again for the same version changes nothing.
"""

from __future__ import annotations

import argparse
from typing import Any

import boto3


def newest_approved(client: Any, group: str) -> str:
    """ARN of the newest version that was approved.

    Raises:
        LookupError: nobody has approved a version yet.
    """
    found = client.list_model_packages(
        ModelPackageGroupName=group,
        ModelApprovalStatus="Approved",
        SortBy="CreationTime",
        SortOrder="Descending",
        MaxResults=1,
    )["ModelPackageSummaryList"]
    if not found:
        raise LookupError(f"no version of {group} is approved")
    return str(found[0]["ModelPackageArn"])


def deploy(client: Any, group: str, role: str, machine: str) -> str:
    """Create the endpoint of a group or move it to the newest approved version; returns what was done."""
    package = newest_approved(client, group)
    name = f"{group}-{package.rsplit('/', 1)[-1]}"
    endpoints = client.list_endpoints(NameContains=group)["Endpoints"]
    exists = any(endpoint["EndpointName"] == group for endpoint in endpoints)
    if exists and client.describe_endpoint(EndpointName=group)["EndpointConfigName"] == name:
        return f"{group} serves {package} already"

    client.create_model(ModelName=name, PrimaryContainer={"ModelPackageName": package}, ExecutionRoleArn=role)
    variant = {"VariantName": "all", "ModelName": name, "InstanceType": machine, "InitialInstanceCount": 1}
    client.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
    change = client.update_endpoint if exists else client.create_endpoint
    change(EndpointName=group, EndpointConfigName=name)
    client.get_waiter("endpoint_in_service").wait(EndpointName=group)
    return f"{group} serves {package}"


def main() -> None:
    """Deploy in the AWS account at hand."""
    parser = argparse.ArgumentParser()
    parser.add_argument("group", help="the model package group: diabetes-dev or diabetes-prod")
    parser.add_argument("--role", required=True, help="ARN of the role that serves the model")
    parser.add_argument("--machine", default="ml.m5.large")
    arguments = parser.parse_args()
    print(deploy(boto3.client("sagemaker"), arguments.group, arguments.role, arguments.machine))


if __name__ == "__main__":
    main()
