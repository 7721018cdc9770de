"""Churn: two trainings side by side, caching, a container of one's own, and a gate before the registry."""

from sagemaker import get_execution_role, image_uris
from sagemaker.estimator import Estimator
from sagemaker.inputs import TrainingInput
from sagemaker.model import Model
from sagemaker.model_metrics import MetricsSource, ModelMetrics
from sagemaker.processing import ProcessingInput, ProcessingOutput, ScriptProcessor
from sagemaker.workflow.condition_step import ConditionStep
from sagemaker.workflow.conditions import ConditionGreaterThanOrEqualTo
from sagemaker.workflow.functions import Join, JsonGet
from sagemaker.workflow.model_step import ModelStep
from sagemaker.workflow.parameters import ParameterFloat, ParameterInteger, ParameterString
from sagemaker.workflow.pipeline import Pipeline
from sagemaker.workflow.pipeline_context import PipelineSession
from sagemaker.workflow.properties import PropertyFile
from sagemaker.workflow.steps import CacheConfig, ProcessingStep, TrainingStep
from sagemaker.xgboost.processing import XGBoostProcessor


def get_pipeline(name, owner: str, subsample: float = 0.5):
    session = PipelineSession()
    role = get_execution_role(session)
    bucket = session.default_bucket()
    processing_instance = ParameterString("ProcessingInstanceType", "ml.m5.large")
    training_instance = ParameterString(
        "TrainingInstanceType", "ml.m5.xlarge", enum_values=["ml.m5.xlarge", "ml.m5.2xlarge"]
    )
    count = ParameterInteger("InstanceCount", 1)
    raw = ParameterString("InputData", f"s3://{bucket}/churn/raw/churn.csv")
    split = ParameterFloat("TrainTestSplit", 0.3)
    depth = ParameterInteger("MaxDepth", 5)
    rounds = ParameterInteger("NumRound", 100)
    eta = ParameterFloat("Eta", 0.2)
    approval = ParameterString("ModelApprovalStatus", "PendingManualApproval")
    threshold = ParameterFloat("AccuracyThreshold", 0.8)
    cache = CacheConfig(enable_caching=True, expire_after="P30D")

    def processed(step, processor, code, source, outputs, **more):
        run = processor.run(
            code=code,
            inputs=[ProcessingInput(each, f"/opt/ml/processing/{key}") for key, each in source.items()],
            outputs=[ProcessingOutput(output_name=each, source=f"/opt/ml/processing/{each}") for each in outputs],
            **more.pop("run", {}),
        )
        return ProcessingStep(step, step_args=run, **more)

    xgboost = XGBoostProcessor(
        "1.7-1", role=role, instance_count=count, instance_type=processing_instance, sagemaker_session=session
    )
    own = ScriptProcessor(
        role=role,
        image_uri="111122223333.dkr.ecr.us-east-1.amazonaws.com/churn:1.0",
        command=["python3"],
        instance_count=1,
        instance_type=processing_instance,
        sagemaker_session=session,
    )
    arguments = {"source_dir": "src", "arguments": ["--train-test-split", split.to_string()]}
    splits = ("train", "validation", "test")
    process = processed("ProcessData", xgboost, "prepare.py", {"raw": raw}, splits, cache_config=cache, run=arguments)
    baseline = processed("BaselineStats", own, "src/check.py", {"raw": raw}, ["stats"])
    data = {each: process.properties.ProcessingOutputConfig.Outputs[each].S3Output.S3Uri for each in splits}

    def trained(step, **hyperparameters):
        estimator = Estimator(
            image_uris.retrieve("xgboost", session.boto_region_name, version="1.7-1"),
            role,
            instance_count=1,
            instance_type=training_instance,
            sagemaker_session=session,
            hyperparameters={"eta": eta, "subsample": subsample, "num_round": rounds, **hyperparameters},
        )
        channels = {each: TrainingInput(data[each], content_type="text/csv") for each in ("train", "validation")}
        return TrainingStep(step, step_args=estimator.fit(channels), cache_config=cache)

    train = trained("TrainModel", max_depth=depth)
    linear = trained("TrainLinear", booster="gblinear")
    artifact = train.properties.ModelArtifacts.S3ModelArtifacts
    report = PropertyFile("EvaluationReport", output_name="evaluation", path="evaluation.json")
    sources = {"model": artifact, "validation": data["validation"]}
    evaluate = processed("EvaluateModel", own, "src/check.py", sources, ["evaluation"], property_files=[report])
    check = processed("CheckTestSplit", own, "src/check.py", {"test": data["test"]}, ["check"], depends_on=[linear])

    model = Model(image_uri=own.image_uri, model_data=artifact, role=role, sagemaker_session=session)
    create = ModelStep("CreateModel", step_args=model.create("ml.m5.large"))
    evaluation = evaluate.properties.ProcessingOutputConfig.Outputs["evaluation"].S3Output.S3Uri
    statistics = MetricsSource(Join("/", [evaluation, "evaluation.json"]), "application/json")
    register = ModelStep(
        "RegisterModel",
        step_args=model.register(
            content_types=["text/csv"],
            response_types=["text/csv"],
            model_package_group_name="churn",
            approval_status=approval,
            model_metrics=ModelMetrics(model_statistics=statistics),
            customer_metadata_properties={"owner": owner},
        ),
    )
    accuracy = JsonGet("EvaluateModel", report, "binary_classification_metrics.accuracy.value")
    gate = ConditionStep(
        "AccuracyGate",
        conditions=[ConditionGreaterThanOrEqualTo(accuracy, threshold)],
        if_steps=[create, register],
        else_steps=[],
    )
    return Pipeline(
        name,
        parameters=[
            processing_instance,
            training_instance,
            count,
            raw,
            split,
            depth,
            rounds,
            eta,
            approval,
            threshold,
        ],
        steps=[process, baseline, train, linear, evaluate, check, gate],
        sagemaker_session=session,
    )
