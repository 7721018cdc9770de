"""The pipeline of the production account. Somebody wrote it without running it."""

from sagemaker.workflow.model_step import ModelStep
from sagemaker.workflow.pipeline import Pipeline
from sagemaker.workflow.steps import ProcessingStep, TrainingStep, TransformStep


def build(processor, estimator, transformer, model):
    prepare = ProcessingStep(name="PrepareRides", step_args=processor.run(code="preprocess.py"))
    train = TrainingStep(name="FitModel", step_args=estimator.fit())
    create = ModelStep(name="CreateModel", step_args=model.create())
    predict = TransformStep(name="PredictFleet", step_args=transformer.transform("s3://bike-service/fleet/"))
    evaluate = EvaluationStep(name="MeasureModel", code="evaluate.py")
    register = RegisterModelStep(name="PublishModel", model=model)
    return Pipeline(name="bike-service-prod", steps=[prepare, train, create, predict, evaluate, register])
