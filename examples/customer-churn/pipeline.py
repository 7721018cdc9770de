"""Which customers will leave? The SageMaker Python SDK, version 2, trains two algorithms and keeps the better one.

`python pipeline.py`, run in this folder, creates or updates the pipeline in the AWS account at hand and starts it
twice: with the defaults, and with other values for some parameters.
"""

from __future__ import annotations

from sagemaker import get_execution_role, image_uris
from sagemaker.estimator import Estimator
from sagemaker.inputs import TrainingInput
from sagemaker.model import Model
from sagemaker.model_metrics import MetricsSource, ModelMetrics
from sagemaker.processing import ProcessingInput, ProcessingOutput, ScriptProcessor
from sagemaker.sklearn import SKLearn, SKLearnModel
from sagemaker.workflow.condition_step import ConditionStep
from sagemaker.workflow.conditions import ConditionGreaterThanOrEqualTo, ConditionOr
from sagemaker.workflow.execution_variables import ExecutionVariables
from sagemaker.workflow.fail_step import FailStep
from sagemaker.workflow.functions import Join, JsonGet
from sagemaker.workflow.model_step import ModelStep
from sagemaker.workflow.parameters import ParameterBoolean, ParameterFloat, ParameterInteger, ParameterString
from sagemaker.workflow.pipeline import Pipeline
from sagemaker.workflow.pipeline_context import PipelineSession
from sagemaker.workflow.properties import PropertyFile
from sagemaker.workflow.steps import CacheConfig, ProcessingStep, TrainingStep
from sagemaker.xgboost.processing import XGBoostProcessor

NAME = "customer-churn"
XGBOOST_VERSION = "1.7-1"
SKLEARN_VERSION = "1.2-1"
CACHE = CacheConfig(enable_caching=True, expire_after="P30D")


class Churn:
    """The parameters and steps of the pipeline."""

    def __init__(self, session: PipelineSession, role: str) -> None:
        """Steps for a session, which gives region and bucket; `role` is what the jobs run as."""
        self.session, self.role = session, role
        self.bucket = session.default_bucket()
        self.own_image = f"{session.account_id()}.dkr.ecr.{session.boto_region_name}.amazonaws.com/churn-statistics:1.0"
        self.xgboost_image = image_uris.retrieve("xgboost", session.boto_region_name, version=XGBOOST_VERSION)
        self.sklearn_image = image_uris.retrieve("sklearn", session.boto_region_name, version=SKLEARN_VERSION)

        self.input_data = ParameterString("InputData", default_value=f"s3://{self.bucket}/churn/raw/customers.csv")
        self.processing_machine = ParameterString("ProcessingInstanceType", default_value="ml.m5.large")
        self.training_machine = ParameterString(
            "TrainingInstanceType",
            default_value="ml.m5.large",
            enum_values=["ml.m5.large", "ml.m5.xlarge", "ml.m5.2xlarge"],
        )
        self.held_out = ParameterFloat("HeldOut", default_value=0.4)
        self.balance = ParameterBoolean("BalanceClasses", default_value=False)
        self.max_depth = ParameterInteger("MaxDepth", default_value=4)
        self.rounds = ParameterInteger("NumRound", default_value=25)
        self.eta = ParameterFloat("Eta", default_value=0.15)
        self.trees = ParameterInteger("NEstimators", default_value=60)
        self.approval = ParameterString("ModelApprovalStatus", default_value="PendingManualApproval")
        self.min_auc = ParameterFloat("MinAuc", default_value=0.8)

    def pipeline(self) -> Pipeline:
        """The pipeline, not yet sent to AWS."""
        describe, prepare = self._describe(), self._prepare()
        boosted, forest = self._train_xgboost(prepare), self._train_forest(prepare)
        judged = self._evaluate("EvaluateXgboost", self.xgboost_image, "xgboost", boosted, prepare)
        compared = self._evaluate("EvaluateForest", self.sklearn_image, "forest", forest, prepare)
        better = ConditionStep(
            name="ChooseAlgorithm",
            conditions=[ConditionGreaterThanOrEqualTo(left=self._auc(judged), right=self._auc(compared))],
            if_steps=self._keep("Xgboost", self._xgboost_model(boosted), judged),
            else_steps=self._keep("Forest", self._forest_model(forest), compared),
        )
        too_weak = FailStep(
            name="QualityTooLow",
            error_message=Join(
                on="",
                values=[
                    "No model is registered: AUC of XGBoost ",
                    self._auc(judged),
                    ", of the forest ",
                    self._auc(compared),
                    "; one of them must reach ",
                    self.min_auc,
                ],
            ),
        )
        good_enough = ConditionOr(
            conditions=[
                ConditionGreaterThanOrEqualTo(left=self._auc(judged), right=self.min_auc),
                ConditionGreaterThanOrEqualTo(left=self._auc(compared), right=self.min_auc),
            ]
        )
        gate = ConditionStep(name="CheckQuality", conditions=[good_enough], if_steps=[better], else_steps=[too_weak])
        return Pipeline(
            name=NAME,
            parameters=[
                self.input_data,
                self.processing_machine,
                self.training_machine,
                self.held_out,
                self.balance,
                self.max_depth,
                self.rounds,
                self.eta,
                self.trees,
                self.approval,
                self.min_auc,
            ],
            steps=[describe, prepare, boosted, forest, judged, compared, gate],
            sagemaker_session=self.session,
        )

    def _script_processor(self, image: str) -> ScriptProcessor:
        return ScriptProcessor(
            image_uri=image,
            command=["python3"],
            instance_type=self.processing_machine,
            instance_count=1,
            role=self.role,
            sagemaker_session=self.session,
        )

    def _describe(self) -> ProcessingStep:
        """Statistics of the raw data, in a container of our own; each execution has an address for them."""
        destination = Join(
            on="/", values=["s3:/", self.bucket, "churn", ExecutionVariables.PIPELINE_EXECUTION_ID, "statistics"]
        )
        return ProcessingStep(
            name="DescribeData",
            step_args=self._script_processor(self.own_image).run(
                code="describe.py",
                inputs=[ProcessingInput(source=self.input_data, destination="/opt/ml/processing/input")],
                outputs=[
                    ProcessingOutput(
                        output_name="statistics", source="/opt/ml/processing/statistics", destination=destination
                    )
                ],
            ),
        )

    def _prepare(self) -> ProcessingStep:
        """The split, by a framework processor: it takes a folder of modules and not only one script."""
        processor = XGBoostProcessor(
            framework_version=XGBOOST_VERSION,
            instance_type=self.processing_machine,
            instance_count=1,
            role=self.role,
            sagemaker_session=self.session,
        )
        return ProcessingStep(
            name="PrepareData",
            step_args=processor.run(
                code="prepare.py",
                source_dir="src",
                arguments=["--held-out", self.held_out.to_string(), "--balance", self.balance.to_string()],
                inputs=[ProcessingInput(source=self.input_data, destination="/opt/ml/processing/input")],
                outputs=[
                    ProcessingOutput(output_name=name, source=f"/opt/ml/processing/output/{name}")
                    for name in ("train", "validation", "test")
                ],
            ),
            cache_config=CACHE,
        )

    def _channel(self, prepare: ProcessingStep, name: str) -> TrainingInput:
        data = prepare.properties.ProcessingOutputConfig.Outputs[name].S3Output.S3Uri
        return TrainingInput(s3_data=data, content_type="text/csv")

    def _train_xgboost(self, prepare: ProcessingStep) -> TrainingStep:
        """The built-in algorithm: an image and hyperparameters, three of them from parameters of the pipeline."""
        estimator = Estimator(
            image_uri=self.xgboost_image,
            instance_type=self.training_machine,
            instance_count=1,
            output_path=f"s3://{self.bucket}/churn/models",
            role=self.role,
            sagemaker_session=self.session,
            hyperparameters={
                "objective": "binary:logistic",
                "eval_metric": "auc",
                "max_depth": self.max_depth,
                "num_round": self.rounds,
                "eta": self.eta,
                "subsample": 0.8,
                "seed": 7,
            },
        )
        channels = {name: self._channel(prepare, name) for name in ("train", "validation")}
        return TrainingStep(name="TrainXgboost", step_args=estimator.fit(channels), cache_config=CACHE)

    def _train_forest(self, prepare: ProcessingStep) -> TrainingStep:
        """Another algorithm, at the same time: a script of our own in the scikit-learn container."""
        estimator = SKLearn(
            entry_point="train.py",
            source_dir="forest",
            framework_version=SKLEARN_VERSION,
            instance_type=self.training_machine,
            instance_count=1,
            output_path=f"s3://{self.bucket}/churn/models",
            role=self.role,
            sagemaker_session=self.session,
            hyperparameters={"n-estimators": self.trees, "max-depth": self.max_depth},
        )
        channels = {"train": self._channel(prepare, "train")}
        return TrainingStep(name="TrainForest", step_args=estimator.fit(channels), cache_config=CACHE)

    def _evaluate(
        self, name: str, image: str, algorithm: str, train: TrainingStep, prepare: ProcessingStep
    ) -> ProcessingStep:
        test = prepare.properties.ProcessingOutputConfig.Outputs["test"].S3Output.S3Uri
        artifact = train.properties.ModelArtifacts.S3ModelArtifacts
        return ProcessingStep(
            name=name,
            step_args=self._script_processor(image).run(
                code="evaluate.py",
                arguments=["--algorithm", algorithm],
                inputs=[
                    ProcessingInput(source=artifact, destination="/opt/ml/processing/model"),
                    ProcessingInput(source=test, destination="/opt/ml/processing/test"),
                ],
                outputs=[ProcessingOutput(output_name="evaluation", source="/opt/ml/processing/evaluation")],
            ),
            property_files=[PropertyFile(f"{name}Report", output_name="evaluation", path="evaluation.json")],
            cache_config=CACHE,
        )

    def _auc(self, evaluate: ProcessingStep) -> JsonGet:
        return JsonGet(
            step_name=evaluate.name,
            property_file=f"{evaluate.name}Report",
            json_path="binary_classification_metrics.auc.value",
        )

    def _xgboost_model(self, train: TrainingStep) -> Model:
        return Model(
            image_uri=self.xgboost_image,
            model_data=train.properties.ModelArtifacts.S3ModelArtifacts,
            role=self.role,
            sagemaker_session=self.session,
        )

    def _forest_model(self, train: TrainingStep) -> Model:
        return SKLearnModel(
            model_data=train.properties.ModelArtifacts.S3ModelArtifacts,
            entry_point="train.py",
            source_dir="forest",
            framework_version=SKLEARN_VERSION,
            role=self.role,
            sagemaker_session=self.session,
        )

    def _keep(self, algorithm: str, model: Model, evaluate: ProcessingStep) -> list[ModelStep]:
        """Create a model, and register it as a version of the group, with its metrics. Never cached."""
        report = evaluate.properties.ProcessingOutputConfig.Outputs["evaluation"].S3Output.S3Uri
        statistics = MetricsSource(
            s3_uri=Join(on="/", values=[report, "evaluation.json"]), content_type="application/json"
        )
        create = ModelStep(f"Create{algorithm}", step_args=model.create(instance_type="ml.m5.large"))
        register = ModelStep(
            f"Register{algorithm}",
            step_args=model.register(
                content_types=["text/csv"],
                response_types=["text/csv"],
                inference_instances=["ml.m5.large"],
                transform_instances=["ml.m5.large"],
                model_package_group_name=NAME,
                approval_status=self.approval,
                model_metrics=ModelMetrics(model_statistics=statistics),
                customer_metadata_properties={"algorithm": algorithm.lower()},
            ),
        )
        return [create, register]


def main() -> None:
    """Create or update the pipeline, and start it: with the defaults, and with some values overridden."""
    session = PipelineSession()
    role = get_execution_role(session)
    pipeline = Churn(session, role).pipeline()
    pipeline.upsert(role_arn=role)
    pipeline.start()
    pipeline.start(
        parameters={"TrainingInstanceType": "ml.m5.xlarge", "BalanceClasses": True, "MaxDepth": 6, "NumRound": 60}
    )


if __name__ == "__main__":
    main()
