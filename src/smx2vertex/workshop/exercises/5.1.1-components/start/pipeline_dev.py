"""The pipeline of the development account: prepare, train, evaluate, decide."""

from sagemaker.workflow.callback_step import CallbackStep
from sagemaker.workflow.condition_step import ConditionStep
from sagemaker.workflow.conditions import ConditionGreaterThanOrEqualTo
from sagemaker.workflow.fail_step import FailStep
from sagemaker.workflow.functions import JsonGet
from sagemaker.workflow.pipeline import Pipeline
from sagemaker.workflow.properties import PropertyFile
from sagemaker.workflow.steps import ProcessingStep, TrainingStep


def build(processor, estimator, evaluator):
    prepare = ProcessingStep(name="PrepareRides", step_args=processor.run(code="preprocess.py"))
    train = TrainingStep(name="FitModel", step_args=estimator.fit())
    report = PropertyFile(name="Report", output_name="report", path="report.json")
    evaluate = ProcessingStep(
        name="MeasureModel", step_args=evaluator.run(code="evaluate.py"), property_files=[report]
    )
    stop = FailStep(name="StopHere", error_message="the recall is too low")
    decide = ConditionStep(
        name="GoodEnough",
        conditions=[
            ConditionGreaterThanOrEqualTo(left=JsonGet("MeasureModel", report, "metrics.recall.value"), right=0.75)
        ],
        if_steps=[],
        else_steps=[stop],
    )
    return Pipeline(name="bike-service-dev", steps=[prepare, train, evaluate, decide])
