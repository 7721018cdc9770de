"""SDK version 3: prepare, then train if there is enough data."""

from sagemaker.core import image_uris
from sagemaker.core.helper.session_helper import get_execution_role
from sagemaker.core.processing import ScriptProcessor
from sagemaker.core.shapes import ProcessingOutput, ProcessingS3Output
from sagemaker.core.workflow.conditions import ConditionGreaterThanOrEqualTo
from sagemaker.core.workflow.functions import JsonGet
from sagemaker.core.workflow.parameters import ParameterInteger
from sagemaker.core.workflow.pipeline_context import PipelineSession
from sagemaker.core.workflow.properties import PropertyFile
from sagemaker.mlops.workflow.condition_step import ConditionStep
from sagemaker.mlops.workflow.fail_step import FailStep
from sagemaker.mlops.workflow.pipeline import Pipeline
from sagemaker.mlops.workflow.steps import ProcessingStep, TrainingStep
from sagemaker.train import ModelTrainer
from sagemaker.train.configs import Compute, InputData, SourceCode

session = PipelineSession()
role = get_execution_role(session)
depth = ParameterInteger("Depth", 5)
image = image_uris.retrieve("xgboost", session.boto_region_name, version="1.7-1")
processor = ScriptProcessor(
    role=role,
    image_uri=image,
    command=["python3"],
    instance_count=1,
    instance_type="ml.m5.large",
    sagemaker_session=session,
)
report = PropertyFile("Report", output_name="data", path="report.json")
destination = ProcessingS3Output(
    s3_uri="s3://acme-ml/prepared", local_path="/opt/ml/processing/data", s3_upload_mode="EndOfJob"
)
prepare = ProcessingStep(
    "Prepare",
    step_args=processor.run(code="prepare.py", outputs=[ProcessingOutput(output_name="data", s3_output=destination)]),
    property_files=[report],
)
trainer = ModelTrainer(
    training_image=image,
    source_code=SourceCode(source_dir="src", entry_script="train.py"),
    compute=Compute(instance_type="ml.m5.large", instance_count=1),
    hyperparameters={"depth": depth},
    role=role,
    sagemaker_session=session,
)
data = prepare.properties.ProcessingOutputConfig.Outputs["data"].S3Output.S3Uri
train = TrainingStep(
    "Train", step_args=trainer.train(input_data_config=[InputData(channel_name="train", data_source=data)])
)
rows = JsonGet(step_name="Prepare", property_file=report, json_path="rows")
enough = ConditionStep(
    "Enough",
    conditions=[ConditionGreaterThanOrEqualTo(left=rows, right=100)],
    if_steps=[train],
    else_steps=[FailStep("TooLittle", error_message="too little data")],
)
pipeline = Pipeline("small-v3", parameters=[depth], steps=[prepare, enough], sagemaker_session=session)
pipeline.upsert(role_arn=role)
