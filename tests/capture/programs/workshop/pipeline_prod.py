"""Workshop: the same pipeline on a larger machine, every night."""

from datetime import datetime, timezone

from pipeline_dev import get_pipeline
from sagemaker import get_execution_role
from sagemaker.workflow.triggers import PipelineSchedule

pipeline = get_pipeline("prod", "ml.m5.2xlarge")
pipeline.upsert(get_execution_role(), description="Every night", tags=[{"Key": "team", "Value": "churn"}])
start = datetime(2026, 1, 1, tzinfo=timezone.utc)
pipeline.put_triggers([PipelineSchedule(name="nightly", cron="0 3 * * ? *", start_date=start)], get_execution_role())
