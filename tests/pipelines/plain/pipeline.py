"""Own images: two trainings at a time that write to the same hard-coded paths, and a step that merges their models."""

from sagemaker.estimator import Estimator
from sagemaker.inputs import TrainingInput
from sagemaker.processing import ProcessingInput, ProcessingOutput, Processor
from sagemaker.workflow.pipeline import Pipeline
from sagemaker.workflow.pipeline_context import PipelineSession
from sagemaker.workflow.steps import ProcessingStep, TrainingStep

session = PipelineSession(default_bucket="acme-ml")
IMAGE = "111122223333.dkr.ecr.us-east-1.amazonaws.com/counting:1.0"
ROLE = "arn:aws:iam::111122223333:role/SageMakerExecution"
common = {"instance_type": "ml.m5.large", "instance_count": 1, "role": ROLE, "sagemaker_session": session}


def counting(language: str) -> TrainingStep:
    """A step that counts the words of a language."""
    estimator = Estimator(
        image_uri=IMAGE,
        container_entry_point=["python3", "/opt/ml/input/data/program/count.py"],
        container_arguments=["--language", language],
        hyperparameters={"minimum": 2},
        environment={"COUNTING_SALT": f"{language}: 7"},
        input_mode="FastFile",
        output_path="s3://acme-ml/plain/models",
        **common,
    )
    return TrainingStep(
        name=f"Count-{language}",
        step_args=estimator.fit(
            {
                "program": TrainingInput("s3://acme-ml/plain/program/count.py", input_mode="File"),
                "texts": TrainingInput(f"s3://acme-ml/plain/texts/{language}/"),
            }
        ),
    )


steps = [counting("en"), counting("no")]
merger = Processor(
    image_uri=IMAGE, entrypoint=["python3", "/opt/ml/processing/input/program/merge.py", "--sorted"], **common
)
merge = ProcessingStep(
    name="Merge",
    step_args=merger.run(
        inputs=[
            ProcessingInput("s3://acme-ml/plain/program/merge.py", "/opt/ml/processing/input/program"),
            ProcessingInput("s3://acme-ml/plain/stop-words.txt", "/opt/ml/processing/stop"),
            *(
                ProcessingInput(
                    step.properties.ModelArtifacts.S3ModelArtifacts, f"/opt/ml/processing/models/{step.name[-2:]}"
                )
                for step in steps
            ),
        ],
        outputs=[ProcessingOutput("/opt/ml/processing/merged", output_name="merged")],
        arguments=["--most", "5"],
    ),
)

pipeline = Pipeline(name="plain", steps=[*steps, merge], sagemaker_session=session)
print(pipeline.definition())
