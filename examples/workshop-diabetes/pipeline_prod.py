"""The workshop's pipeline as it runs in production: larger machines, nothing cached, a stricter gate, people are asked.

A model that misses the gate does not only end the run: the team's queue gets the report, and the run waits for the
number of the ticket, which the message of the failure names.

`python pipeline_prod.py`, run in this folder, creates or updates the pipeline in the AWS account at hand and has it run
every night.
"""

from __future__ import annotations

from datetime import datetime, timezone

from pipeline_dev import Environment, workshop
from sagemaker import get_execution_role
from sagemaker.workflow.callback_step import CallbackOutput, CallbackOutputTypeEnum, CallbackStep
from sagemaker.workflow.condition_step import ConditionStep
from sagemaker.workflow.conditions import ConditionGreaterThanOrEqualTo
from sagemaker.workflow.fail_step import FailStep
from sagemaker.workflow.functions import Join
from sagemaker.workflow.parameters import ParameterFloat
from sagemaker.workflow.pipeline import Pipeline
from sagemaker.workflow.pipeline_context import PipelineSession
from sagemaker.workflow.triggers import PipelineSchedule

QUEUE = "https://sqs.us-east-1.amazonaws.com/111122223333/diabetes-rejected"


def build(session: PipelineSession, role: str) -> Pipeline:
    """The pipeline of production, not yet sent to AWS."""
    common = workshop(session, role, Environment("prod", "ml.m5.xlarge", cached=False, spot=False))
    min_recall = ParameterFloat(name="MinRecall", default_value=0.7)
    report_rejected = CallbackStep(
        name="ReportRejected",
        sqs_queue_url=QUEUE,
        inputs={
            "report": common.evaluate.properties.ProcessingOutputConfig.Outputs["evaluation"].S3Output.S3Uri,
            "min_accuracy": common.min_accuracy,
            "min_recall": min_recall,
        },
        outputs=[CallbackOutput(output_name="ticket", output_type=CallbackOutputTypeEnum.String)],
    )
    too_bad = FailStep(
        name="QualityTooLow",
        error_message=Join(
            on="",
            values=[
                "The model is not registered: accuracy ",
                common.accuracy,
                " (at least ",
                common.min_accuracy,
                "), recall ",
                common.recall,
                " (at least ",
                min_recall,
                "); see ticket ",
                report_rejected.properties.Outputs["ticket"],
            ],
        ),
    )
    check_quality = ConditionStep(
        name="CheckQuality",
        conditions=[
            ConditionGreaterThanOrEqualTo(left=common.accuracy, right=common.min_accuracy),
            ConditionGreaterThanOrEqualTo(left=common.recall, right=min_recall),
        ],
        if_steps=common.accepted,
        else_steps=[report_rejected, too_bad],
    )
    return Pipeline(
        name="workshop-diabetes-prod",
        parameters=[*common.parameters, min_recall],
        steps=[*common.steps, check_quality],
        sagemaker_session=session,
    )


def main() -> None:
    """Create or update the pipeline, and its schedule."""
    session = PipelineSession()
    role = get_execution_role(session)
    pipeline = build(session, role)
    pipeline.upsert(role_arn=role)
    nightly = PipelineSchedule(
        name="diabetes-nightly", cron="0 3 * * ? *", start_date=datetime(2026, 1, 1, tzinfo=timezone.utc)
    )
    pipeline.put_triggers([nightly], role_arn=role)


if __name__ == "__main__":
    main()
