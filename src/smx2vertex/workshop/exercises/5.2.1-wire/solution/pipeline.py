"""The bike service pipeline."""

from sagemaker.inputs import TrainingInput
from sagemaker.model import Model
from sagemaker.processing import ProcessingInput, ProcessingOutput
from sagemaker.sklearn.estimator import SKLearn
from sagemaker.sklearn.processing import SKLearnProcessor
from sagemaker.workflow.condition_step import ConditionStep
from sagemaker.workflow.conditions import ConditionGreaterThanOrEqualTo
from sagemaker.workflow.fail_step import FailStep
from sagemaker.workflow.functions import Join, JsonGet
from sagemaker.workflow.model_step import ModelStep
from sagemaker.workflow.parameters import ParameterFloat, ParameterString
from sagemaker.workflow.pipeline import Pipeline
from sagemaker.workflow.pipeline_context import PipelineSession
from sagemaker.workflow.properties import PropertyFile
from sagemaker.workflow.steps import ProcessingStep, TrainingStep

session = PipelineSession()
role = "arn:aws:iam::111122223333:role/Workshop"

rides = ParameterString(name="RideData", default_value="s3://bike-service/rides/")
training_machine = ParameterString(name="TrainingMachine", default_value="ml.m5.xlarge")
least_recall = ParameterFloat(name="LeastRecall", default_value=0.75)

processor = SKLearnProcessor(
    framework_version="1.2-1", instance_type="ml.m5.large", instance_count=1, role=role, sagemaker_session=session
)
estimator = SKLearn(
    entry_point="train.py",
    framework_version="1.2-1",
    instance_type=training_machine,
    role=role,
    sagemaker_session=session,
)

prepare = ProcessingStep(
    name="SplitRides",
    step_args=processor.run(
        code="preprocess.py",
        inputs=[ProcessingInput(source=rides, destination="/opt/ml/processing/input")],
        outputs=[
            ProcessingOutput(output_name="train", source="/opt/ml/processing/train"),
            ProcessingOutput(output_name="test", source="/opt/ml/processing/test"),
        ],
    ),
)

splits = prepare.properties.ProcessingOutputConfig.Outputs
train = TrainingStep(
    name="FitModel",
    step_args=estimator.fit({"train": TrainingInput(splits["train"].S3Output.S3Uri, content_type="text/csv")}),
)
fitted = train.properties.ModelArtifacts.S3ModelArtifacts

report = PropertyFile(name="Report", output_name="report", path="report.json")
measure = ProcessingStep(
    name="MeasureModel",
    step_args=processor.run(
        code="evaluate.py",
        inputs=[
            ProcessingInput(source=fitted, destination="/opt/ml/processing/model"),
            ProcessingInput(source=splits["test"].S3Output.S3Uri, destination="/opt/ml/processing/test"),
        ],
        outputs=[ProcessingOutput(output_name="report", source="/opt/ml/processing/report")],
    ),
    property_files=[report],
)

model = Model(image_uri=estimator.training_image_uri(), model_data=fitted, role=role, sagemaker_session=session)
register = ModelStep(
    name="PublishModel",
    step_args=model.register(
        content_types=["text/csv"], response_types=["text/csv"], model_package_group_name="bike-service"
    ),
)
stop = FailStep(name="StopHere", error_message=Join(on=" ", values=["The recall is below", least_recall]))
decide = ConditionStep(
    name="GoodEnough",
    conditions=[
        ConditionGreaterThanOrEqualTo(
            left=JsonGet(step_name=measure.name, property_file=report, json_path="metrics.recall.value"),
            right=least_recall,
        )
    ],
    if_steps=[register],
    else_steps=[stop],
)

Pipeline(
    name="bike-service",
    parameters=[rides, training_machine, least_recall],
    steps=[prepare, train, measure, decide],
    sagemaker_session=session,
).upsert(role_arn=role)
