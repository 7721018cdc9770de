"""The bike service pipeline. The processors, the estimator and the model are ready; the wiring is yours."""

from sagemaker.inputs import TrainingInput
from sagemaker.model import Model
from sagemaker.processing import ProcessingInput, ProcessingOutput
from sagemaker.sklearn.estimator import SKLearn
from sagemaker.sklearn.processing import SKLearnProcessor
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
# TODO 1: the machine comes from the parameter TrainingMachine
estimator = SKLearn(
    entry_point="train.py",
    framework_version="1.2-1",
    instance_type="ml.m5.large",
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

# TODO 2: the channel train is the output of SplitRides that preprocess.py writes for the training
train = TrainingStep(
    name="FitModel",
    step_args=estimator.fit({"train": TrainingInput("s3://bike-service/old/train/", content_type="text/csv")}),
)

# TODO 3: a step that runs evaluate.py: the model goes to /opt/ml/processing/model, the test data to
#         /opt/ml/processing/test, and the report comes from /opt/ml/processing/report
report = PropertyFile(name="Report", output_name="report", path="report.json")

# TODO 4: a condition: is the recall of the report (see evaluate.py) at least LeastRecall?
# TODO 5: if so, register the model; else a FailStep whose message names the threshold. Type 0.75 nowhere again.

Pipeline(
    name="bike-service",
    parameters=[rides, training_machine, least_recall],
    steps=[prepare, train],
    sagemaker_session=session,
).upsert(role_arn=role)
