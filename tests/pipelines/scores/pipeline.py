"""scikit-learn: prepare, train in script mode, create a model with inference code, score a file of customers."""

from sagemaker.inputs import TrainingInput
from sagemaker.processing import ProcessingInput, ProcessingOutput
from sagemaker.sklearn.estimator import SKLearn
from sagemaker.sklearn.model import SKLearnModel
from sagemaker.sklearn.processing import SKLearnProcessor
from sagemaker.transformer import Transformer
from sagemaker.workflow.model_step import ModelStep
from sagemaker.workflow.parameters import ParameterString
from sagemaker.workflow.pipeline import Pipeline
from sagemaker.workflow.pipeline_context import PipelineSession
from sagemaker.workflow.steps import ProcessingStep, TrainingStep, TransformStep

session = PipelineSession(default_bucket="acme-ml")
ROLE = "arn:aws:iam::111122223333:role/SageMakerExecution"
common = {"instance_type": "ml.m5.large", "instance_count": 1, "role": ROLE, "sagemaker_session": session}

customers = ParameterString(name="Customers", default_value="s3://acme-ml/scores/customers/")

processor = SKLearnProcessor(framework_version="1.2-1", **common)
prepare = ProcessingStep(
    name="Prepare",
    step_args=processor.run(
        code="code/prepare/prepare.py",
        arguments=["--holdout", "0.25"],
        inputs=[ProcessingInput(source=customers, destination="/opt/ml/processing/input")],
        outputs=[
            ProcessingOutput(output_name="train", source="/opt/ml/processing/train"),
            ProcessingOutput(output_name="holdout", source="/opt/ml/processing/holdout"),
        ],
    ),
)
outputs = prepare.properties.ProcessingOutputConfig.Outputs

estimator = SKLearn(
    entry_point="train.py",
    source_dir="code/train",
    framework_version="1.2-1",
    hyperparameters={"trees": 12, "max-depth": 4, "criterion": "gini", "bootstrap": True},
    metric_definitions=[{"Name": "train:accuracy", "Regex": "accuracy=([0-9.]+)"}],
    output_path="s3://acme-ml/scores/models",
    **common,
)
train = TrainingStep(
    name="Train",
    step_args=estimator.fit({"train": TrainingInput(outputs["train"].S3Output.S3Uri, content_type="text/csv")}),
)

model = SKLearnModel(
    model_data=train.properties.ModelArtifacts.S3ModelArtifacts,
    role=ROLE,
    entry_point="inference.py",
    source_dir="code/serve",
    framework_version="1.2-1",
    sagemaker_session=session,
)
create = ModelStep(name="Create", step_args=model.create(instance_type="ml.m5.large"))

transformer = Transformer(
    model_name=create.properties.ModelName,
    instance_type="ml.m5.large",
    instance_count=1,
    strategy="MultiRecord",
    assemble_with="Line",
    accept="text/csv",
    output_path="s3://acme-ml/scores/predictions",
    sagemaker_session=session,
)
score = TransformStep(
    name="Score",
    step_args=transformer.transform(
        data=outputs["holdout"].S3Output.S3Uri,
        content_type="text/csv",
        split_type="Line",
        join_source="Input",
        input_filter="$[2:]",
        output_filter="$[0,1,-1]",
    ),
)

pipeline = Pipeline(
    name="scores", parameters=[customers], steps=[prepare, train, create, score], sagemaker_session=session
)
print(pipeline.definition())
