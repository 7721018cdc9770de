"""Two machines a job, among which the objects are divided."""

from sagemaker.estimator import Estimator
from sagemaker.inputs import TrainingInput
from sagemaker.processing import ProcessingInput, ProcessingOutput, ScriptProcessor
from sagemaker.workflow.pipeline import Pipeline
from sagemaker.workflow.pipeline_context import PipelineSession
from sagemaker.workflow.steps import ProcessingStep, TrainingStep

session = PipelineSession(default_bucket="acme-ml")
IMAGE = "111122223333.dkr.ecr.us-east-1.amazonaws.com/counting:1.0"
ROLE = "arn:aws:iam::111122223333:role/SageMakerExecution"
common = {"instance_type": "ml.m5.large", "instance_count": 2, "role": ROLE, "sagemaker_session": session}

processor = ScriptProcessor(image_uri=IMAGE, command=["python3"], **common)
shorten = ProcessingStep(
    name="Shorten",
    step_args=processor.run(
        code="code/shorten.py",
        inputs=[
            ProcessingInput(
                "s3://acme-ml/divided/texts/", "/opt/ml/processing/texts", s3_data_distribution_type="ShardedByS3Key"
            ),
            ProcessingInput("s3://acme-ml/divided/texts/", "/opt/ml/processing/all"),
        ],
        outputs=[ProcessingOutput(source="/opt/ml/processing/short", output_name="short")],
    ),
)
estimator = Estimator(
    image_uri=IMAGE, container_entry_point=["python3", "/opt/ml/input/data/program/count.py"], **common
)
count = TrainingStep(
    name="Count",
    step_args=estimator.fit(
        {
            "program": TrainingInput("s3://acme-ml/divided/program/count.py"),
            "short": TrainingInput(
                shorten.properties.ProcessingOutputConfig.Outputs["short"].S3Output.S3Uri,
                distribution="ShardedByS3Key",
            ),
        }
    ),
)
pipeline = Pipeline(name="divided", steps=[shorten, count], sagemaker_session=session)
print(pipeline.definition())
