"""A FrameworkProcessor: sources in sourcedir.tar.gz, started by the SDK's runproc.sh."""

from sagemaker.processing import FrameworkProcessor, ProcessingInput, ProcessingOutput
from sagemaker.sklearn.estimator import SKLearn
from sagemaker.workflow.pipeline import Pipeline
from sagemaker.workflow.pipeline_context import PipelineSession
from sagemaker.workflow.steps import ProcessingStep

session = PipelineSession(default_bucket="acme-ml")
processor = FrameworkProcessor(
    estimator_cls=SKLearn,
    framework_version="1.2-1",
    instance_type="ml.m5.large",
    instance_count=1,
    role="arn:aws:iam::111122223333:role/SageMakerExecution",
    sagemaker_session=session,
)
summarize = ProcessingStep(
    name="Summarize",
    step_args=processor.run(
        code="summarize.py",
        source_dir="code/summarize",
        arguments=["--digits", "3", "--title", "two words"],
        inputs=[ProcessingInput("s3://acme-ml/framework/measurements/", "/opt/ml/processing/measurements")],
        outputs=[ProcessingOutput(source="/opt/ml/processing/summary", output_name="summary")],
    ),
)
pipeline = Pipeline(name="framework", steps=[summarize], sagemaker_session=session)
print(pipeline.definition())
