"""Whole definitions that a person could have written, as hypothesis makes them."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, TypeVar

from differential.texts import (
    CHANNEL_NAMES,
    FILE_NAMES,
    FLOATS,
    INTEGERS,
    KEYS,
    LINES,
    NUMBERS,
    OUTPUT_NAMES,
    PARAMETER_NAMES,
    PATHS,
    STEP_NAMES,
    TEXTS,
    VARIABLES,
)
from hypothesis import strategies as st

T = TypeVar("T")
Json = dict[str, Any]

AWS = "dkr.ecr.us-east-1.amazonaws.com"
SKLEARN = f"683313688378.{AWS}/sagemaker-scikit-learn:1.2-1-cpu-py3"
XGBOOST = f"683313688378.{AWS}/sagemaker-xgboost:1.7-1"
PYTORCH = f"763104351884.{AWS}/pytorch-training:2.1-cpu-py310"
MONITOR = f"156813124566.{AWS}/sagemaker-model-monitor-analyzer"
OWN = f"111122223333.{AWS}/own:1"
ROLE = "arn:aws:iam::111122223333:role/pipeline"
MACHINES = ["ml.m5.large", "ml.m5.xlarge", "ml.c5.2xlarge", "ml.t3.medium", "ml.g4dn.xlarge"]
ADDRESSES = ["s3://acme-ml/raw/", "s3://acme-ml/raw", "s3://other.bucket/a b/c.csv", "s3://acme-ml"]
VARIABLES_OF_THE_RUN = ["PipelineName", "PipelineExecutionId", "PipelineExecutionArn", "StartDateTime"]
COMPARISONS = ["Equals", "GreaterThan", "GreaterThanOrEqualTo", "LessThan", "LessThanOrEqualTo"]
# A parameter is used again only where values of the same kind are wanted.
BOOLEANS = st.booleans()
MACHINE_NAMES = st.sampled_from(MACHINES)
LOCATIONS = st.sampled_from(ADDRESSES)
COUNTS = st.sampled_from([1, 2])
LIMITS = st.integers(1, 50)
APPROVALS = st.sampled_from(["Approved", "PendingManualApproval"])
GROUPS = st.sampled_from(["churn", "risk"])
MOST_STEPS = 12
DEEPEST = 3


def get(path: str) -> Json:
    return {"Get": path}


def join(on: str, *values: Any) -> Json:
    return {"Std:Join": {"On": on, "Values": list(values)}}


@dataclass
class Scope:
    """What a step may refer to: the steps before it, on its own path, and what they make."""

    steps: list[str] = field(default_factory=list)
    addresses: list[Any] = field(default_factory=list)
    models: list[Any] = field(default_factory=list)
    model_names: list[Any] = field(default_factory=list)
    numbers: list[Any] = field(default_factory=list)
    texts: list[Any] = field(default_factory=list)

    def inner(self) -> Scope:
        """That of a branch or a body."""
        made = Scope()
        made.take(self)
        return made

    def take(self, other: Scope) -> None:
        """Know what another scope knows."""
        for each in fields(self):
            mine = getattr(self, each.name)
            mine += [known for known in getattr(other, each.name) if known not in mine]


class Author:
    """Writes a definition; what is simplest comes first in every choice, so that failures shrink to it."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw
        self.parameters: dict[str, Json] = {}
        self.values_of: dict[str, st.SearchStrategy[Any]] = {}
        self.names: set[str] = set()
        self.left = MOST_STEPS

    # --- choices ---

    def pick(self, choices: Sequence[T]) -> T:
        return self.draw(st.sampled_from(choices))

    def chance(self, one_in: int) -> bool:
        return self.draw(st.integers(0, one_in - 1)) == one_in - 1

    def some(self, strategy: st.SearchStrategy[T], most: int = 3) -> list[T]:
        """Different ones of a strategy."""
        return self.draw(st.lists(strategy, max_size=most, unique=True))

    # --- parameters ---

    def parameter(self, type_: str, values: st.SearchStrategy[Any], required: bool = True) -> Json:
        """A reference to a parameter of such values, declared before or now; it may be a required one."""
        known = [name for name in self.parameters if self.values_of[name] is values]
        if known and self.chance(2):
            return get(f"Parameters.{self.pick(known)}")
        name = self.draw(PARAMETER_NAMES)
        while name in self.parameters:
            name = f"{name[:60]}{len(self.parameters)}"
        entry: Json = {"Name": name, "Type": type_}
        if not (required and self.chance(4)):
            entry["DefaultValue"] = self.draw(values)
        if self.chance(5) and type_ != "Boolean":
            allowed = self.draw(st.lists(values, min_size=1, max_size=3))
            entry["EnumValues"] = [*([entry["DefaultValue"]] if "DefaultValue" in entry else []), *allowed]
        self.parameters[name] = entry
        self.values_of[name] = values
        return get(f"Parameters.{name}")

    def any_parameter(self) -> Json:
        type_, values = self.pick([("String", LINES), ("Integer", INTEGERS), ("Float", FLOATS), ("Boolean", BOOLEANS)])
        return self.parameter(type_, values)

    # --- values ---

    def text(self, scope: Scope, literals: st.SearchStrategy[str] = LINES, depth: int = 0) -> Any:
        """Text, or what becomes text: SageMaker wants Std:Join around all that is no text."""
        kind = self.pick(["literal", "literal", "literal", "parameter", "number", "variable", "step", "join"])
        if kind == "parameter":
            return self.parameter("String", LINES)
        if kind == "number":
            return join("", self.any_parameter())
        if kind == "variable":
            return get(f"Execution.{self.pick(VARIABLES_OF_THE_RUN)}")
        if kind == "step" and scope.texts:
            return self.pick(scope.texts)
        if kind == "join" and depth < 2:
            values = [self.part(scope, depth + 1) for _ in range(self.draw(st.integers(1, 3)))]
            return join(self.pick(["", "/", "-", ", ", "{", "\\"]), *values)
        return self.draw(literals)

    def part(self, scope: Scope, depth: int) -> Any:
        """A part of a Join."""
        kind = self.pick(["text", "text", "parameter", "number", "value"])
        if kind == "parameter":
            return self.any_parameter()
        if kind == "number":
            return self.draw(NUMBERS)
        if kind == "value" and scope.numbers:
            return self.pick(scope.numbers)
        return self.text(scope, depth=depth)

    def texts(self, scope: Scope, keys: st.SearchStrategy[str], literals: st.SearchStrategy[str] = LINES) -> Json:
        return {key: self.text(scope, literals) for key in self.some(keys)}

    def address(self, scope: Scope) -> Any:
        """Where data lies that a step reads."""
        kind = self.pick(["literal", "step", "parameter", "step", "join"])
        if kind == "step" and scope.addresses:
            return self.pick(scope.addresses)
        if kind == "parameter":
            return self.parameter("String", LOCATIONS)
        if kind == "join":
            return join("/", "s3:/", "acme-ml", self.pick(["a", get("Execution.PipelineName")]), self.pick(["b", "c/"]))
        return self.pick(ADDRESSES)

    def destination(self, name: str, output: str) -> Any:
        """Where a step writes: a path of each execution, as the SDK makes it, or a fixed one."""
        kind = self.pick(["execution", "fixed", "parameter", "folder"])
        if kind == "execution":
            return join("/", "s3:/", "acme-ml", get("Execution.PipelineExecutionId"), name, "output", output)
        if kind == "parameter":
            return self.parameter("String", LOCATIONS)
        if kind == "folder":
            return join("/", self.parameter("String", LOCATIONS), "made")
        return f"s3://acme-ml/{name}/{output}"

    def machine(self) -> Any:
        if self.chance(4):
            return self.parameter("String", MACHINE_NAMES)
        return self.pick(MACHINES)

    def count(self) -> Any:
        return self.parameter("Integer", COUNTS) if self.chance(8) else self.pick([1, 1, 1, 2])

    # --- what all steps have ---

    def name(self) -> str:
        name = self.draw(STEP_NAMES)
        while name in self.names:
            name = f"{name[:60]}{len(self.names)}"
        self.names.add(name)
        return name

    def step(self, type_: str, name: str, arguments: Json, scope: Scope, **more: Any) -> Json:
        made: Json = {"Name": name, "Type": type_, "Arguments": arguments, **more}
        if scope.steps and self.chance(3):
            made["DependsOn"] = self.draw(st.lists(st.sampled_from(scope.steps), min_size=1, max_size=2, unique=True))
        if self.chance(6):
            made["DisplayName"] = self.draw(LINES)
        if self.chance(8):
            made["Description"] = self.draw(TEXTS)
        scope.steps.append(name)
        return made

    def job(self, type_: str, name: str, arguments: Json, scope: Scope, **more: Any) -> Json:
        """A step that may be cached and tried again."""
        made = self.step(type_, name, arguments, scope, **more)
        if self.chance(4):
            made["CacheConfig"] = {
                "Enabled": self.draw(st.booleans()),
                "ExpireAfter": self.pick(["P30D", "PT1H", "7d"]),
            }
        if self.chance(4):
            policy: Json = {"ExceptionType": ["Step.SERVICE_FAULT"], "IntervalSeconds": self.pick([1, 5, 60])}
            policy |= {"BackoffRate": self.pick([2.0, 1.5, 1]), "MaxAttempts": self.pick([3, 5, 20])}
            made["RetryPolicies"] = [policy]
        return made

    # --- the types ---

    def processing(self, scope: Scope) -> Json:
        name = self.name()
        image = self.pick([SKLEARN, XGBOOST, OWN])
        inputs = [
            self.processing_input(f"input-{index}", self.address(scope), f"/opt/ml/processing/in{index}")
            for index in range(self.draw(st.integers(0, 2)))
        ]
        entry = ["python3", "/opt/ml/processing/input/code/run.py"]
        if self.chance(5):
            entry = ["python3", "-m", "work"]
        else:
            inputs.append(self.processing_input("code", "s3://acme-ml/code/run.py", "/opt/ml/processing/input/code"))
        application: Json = {"ImageUri": image, "ContainerEntrypoint": entry}
        arguments = [self.text(scope) for _ in range(self.draw(st.integers(0, 3)))]
        if arguments:
            application["ContainerArguments"] = arguments
        outputs = self.some(OUTPUT_NAMES)
        request: Json = {
            "AppSpecification": application,
            "ProcessingResources": {"ClusterConfig": self.cluster()},
            "RoleArn": ROLE,
        }
        if inputs or self.chance(2):
            request["ProcessingInputs"] = inputs
        if outputs:
            made = [self.processing_output(name, output, index) for index, output in enumerate(outputs)]
            request["ProcessingOutputConfig"] = {"Outputs": made}
        if self.chance(2):
            request["Environment"] = self.texts(scope, VARIABLES, TEXTS)
        if self.chance(4):
            request["StoppingCondition"] = {"MaxRuntimeInSeconds": self.pick([3600, 60, 86400])}
        if self.chance(8):
            request["Tags"] = [{"Key": "Team", "Value": self.draw(LINES)}]
        files = [self.property_file(f"File{index}", output) for index, output in enumerate(outputs[:2])]
        more = {"PropertyFiles": files} if files and self.chance(2) else {}
        step = self.job("Processing", name, request, scope, **more)
        path = f"Steps.{name}.ProcessingOutputConfig.Outputs"
        scope.addresses += [get(f"{path}['{output}'].S3Output.S3Uri") for output in outputs if "'" not in output]
        if more:
            scope.numbers += [self.json_get(name, file["PropertyFileName"]) for file in files]
        return step

    def cluster(self) -> Json:
        return {
            "InstanceType": self.machine(),
            "InstanceCount": self.count(),
            "VolumeSizeInGB": self.pick([30, 1, 250]),
        }

    def processing_input(self, name: str, address: Any, path: str) -> Json:
        source: Json = {"S3Uri": address, "LocalPath": path, "S3DataType": "S3Prefix", "S3InputMode": "File"}
        if self.chance(3):
            source |= {"S3DataDistributionType": "FullyReplicated", "S3CompressionType": "None"}
        return {"InputName": name, "AppManaged": False, "S3Input": source}

    def processing_output(self, step: str, output: str, index: int) -> Json:
        address = self.destination(step, f"output-{index}")
        place = {"S3Uri": address, "LocalPath": f"/opt/ml/processing/out{index}", "S3UploadMode": "EndOfJob"}
        return {"OutputName": output, "AppManaged": False, "S3Output": place}

    def property_file(self, name: str, output: str) -> Json:
        return {"PropertyFileName": name, "OutputName": output, "FilePath": self.draw(FILE_NAMES)}

    def json_get(self, step: str, file: str) -> Json:
        return {"Std:JsonGet": {"PropertyFile": get(f"Steps.{step}.PropertyFiles.{file}"), "Path": self.draw(PATHS)}}

    def training(self, scope: Scope) -> Json:
        name = self.name()
        kind = self.pick(["script", "own", "xgboost"])
        parameters = self.texts(scope, KEYS)
        algorithm: Json = {"TrainingImage": {"script": self.pick([SKLEARN, PYTORCH]), "own": OWN}.get(kind, XGBOOST)}
        algorithm["TrainingInputMode"] = "File"
        metrics: list[str] = []
        if kind == "script":
            source = self.pick(["s3://acme-ml/code/sourcedir.tar.gz", "s3://acme-ml/a/sourcedir.tar.gz"])
            parameters |= {"sagemaker_program": '"train.py"', "sagemaker_submit_directory": json.dumps(source)}
        if kind == "xgboost":
            parameters = {"objective": self.pick(["reg:squarederror", "binary:logistic"]), "num_round": "10"}
            if self.chance(2):
                parameters["eta"] = join("", self.parameter("Float", FLOATS))
            metrics = ["train:rmse" if parameters["objective"].startswith("reg") else "train:logloss"]
        elif self.chance(2):
            metrics = self.some(st.sampled_from(["loss", "val:acc", "it's"]), 2)
            expressions = ["loss=([0-9.]+)", "a{b}: (\\S+);", '"x" = (.*)#011']
            algorithm["MetricDefinitions"] = [{"Name": each, "Regex": self.pick(expressions)} for each in metrics]
        channels = [self.channel(scope, channel) for channel in self.some(CHANNEL_NAMES)]
        request: Json = {
            "AlgorithmSpecification": algorithm,
            "OutputDataConfig": {"S3OutputPath": self.destination(name, "models")},
            "StoppingCondition": {"MaxRuntimeInSeconds": self.pick([3600, 86400, 60])},
            "ResourceConfig": self.cluster(),
            "RoleArn": ROLE,
        }
        if channels:
            request["InputDataConfig"] = channels
        if parameters:
            request["HyperParameters"] = parameters
        if self.chance(3):
            request["Environment"] = self.texts(scope, VARIABLES, TEXTS)
        if self.chance(6):
            request |= {"EnableManagedSpotTraining": True}
            request["StoppingCondition"]["MaxWaitTimeInSeconds"] = 90000
        step = self.job("Training", name, request, scope)
        scope.models.append(get(f"Steps.{name}.ModelArtifacts.S3ModelArtifacts"))
        scope.numbers += [get(f"Steps.{name}.FinalMetricDataList['{m}'].Value") for m in metrics if "'" not in m]
        return step

    def channel(self, scope: Scope, name: str) -> Json:
        source: Json = {"S3DataType": "S3Prefix", "S3Uri": self.address(scope)}
        if self.chance(2):
            source["S3DataDistributionType"] = self.pick(["FullyReplicated", "ShardedByS3Key"])
        made: Json = {"ChannelName": name, "DataSource": {"S3DataSource": source}}
        if self.chance(2):
            made["ContentType"] = self.pick(["text/csv", "libsvm", "application/x-parquet; v=1"])
        return made

    def tuning(self, scope: Scope) -> Json:
        name = self.name()
        ranges: Json = {
            "IntegerParameterRanges": [{"Name": "depth", "MinValue": "2", "MaxValue": "8", "ScalingType": "Linear"}],
            "ContinuousParameterRanges": [
                {"Name": "rate", "MinValue": "0.001", "MaxValue": "0.1", "ScalingType": "Auto"}
            ],
            "CategoricalParameterRanges": [{"Name": "kind", "Values": ['"gini"', "plain", "it's"]}],
        }
        for key in self.some(st.sampled_from(sorted(ranges)), 2):
            ranges[key] = []
        limits: Json = {"MaxNumberOfTrainingJobs": self.pick([4, 20]), "MaxParallelTrainingJobs": self.pick([2, 1])}
        if self.chance(3):
            limits["MaxNumberOfTrainingJobs"] = self.parameter("Integer", LIMITS)
        request = {
            "HyperParameterTuningJobConfig": {
                "Strategy": self.pick(["Bayesian", "Random"]),
                "ResourceLimits": limits,
                "HyperParameterTuningJobObjective": {
                    "Type": self.pick(["Maximize", "Minimize"]),
                    "MetricName": "score",
                },
                "ParameterRanges": ranges,
            },
            "TrainingJobDefinition": {
                "StaticHyperParameters": {
                    "sagemaker_program": '"train.py"',
                    "sagemaker_submit_directory": '"s3://acme-ml/code/sourcedir.tar.gz"',
                    **self.texts(scope, KEYS),
                },
                "RoleArn": ROLE,
                "OutputDataConfig": {"S3OutputPath": "s3://acme-ml/tuned"},
                "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
                "ResourceConfig": self.cluster(),
                "AlgorithmSpecification": {
                    "TrainingInputMode": "File",
                    "TrainingImage": SKLEARN,
                    "MetricDefinitions": [{"Name": "score", "Regex": "score=([0-9.]+)"}],
                },
                "InputDataConfig": [self.channel(scope, channel) for channel in self.some(CHANNEL_NAMES, 2)],
            },
        }
        step = self.job("Tuning", name, request, scope)
        job = get(f"Steps.{name}.TrainingJobSummaries[{self.pick([0, 1])}].TrainingJobName")
        scope.models.append(join("/", "s3:/", "acme-ml", "tuned", job, "output/model.tar.gz"))
        scope.texts.append(get(f"Steps.{name}.BestTrainingJob.TrainingJobName"))
        scope.numbers.append(get(f"Steps.{name}.BestTrainingJob.FinalHyperParameterTuningJobObjectiveMetric.Value"))
        return step

    def container(self, scope: Scope) -> Json:
        made: Json = {"Image": self.pick([XGBOOST, SKLEARN, OWN]), "ModelDataUrl": self.model(scope)}
        if self.chance(2):
            made["Environment"] = self.texts(scope, VARIABLES, TEXTS)
        return made

    def model(self, scope: Scope) -> Any:
        if scope.models and not self.chance(4):
            return self.pick(scope.models)
        return "s3://acme-ml/models/model.tar.gz"

    def create_model(self, scope: Scope) -> Json:
        name = self.name()
        step = self.step("Model", name, {"ExecutionRoleArn": ROLE, "PrimaryContainer": self.container(scope)}, scope)
        scope.model_names.append(get(f"Steps.{name}.ModelName"))
        return step

    def register(self, scope: Scope) -> Json:
        name = self.name()
        request: Json = {
            "InferenceSpecification": {
                "Containers": [self.container(scope)],
                "SupportedContentTypes": ["text/csv"],
                "SupportedResponseMIMETypes": ["text/csv"],
            }
        }
        if not self.chance(5):
            group = self.pick(["churn", "Group-1", None])
            request["ModelPackageGroupName"] = group or self.parameter("String", GROUPS)
        if self.chance(2):
            status = self.pick(["Approved", "PendingManualApproval", "Rejected", None])
            request["ModelApprovalStatus"] = status or self.parameter("String", APPROVALS)
        if scope.addresses and self.chance(2):
            address = self.pick([self.pick(scope.addresses), join("/", self.pick(scope.addresses), "evaluation.json")])
            metrics = {"ContentType": "application/json", "S3Uri": address}
            request["ModelMetrics"] = {"ModelQuality": {"Statistics": metrics}}
        if self.chance(5):
            request["ModelPackageDescription"] = self.draw(LINES)
        if self.chance(5):
            request["CustomerMetadataProperties"] = self.texts(scope, KEYS)
        return self.step("RegisterModel", name, request, scope)

    def transform(self, scope: Scope) -> Json:
        name = self.name()
        if not scope.model_names:
            return self.create_model(scope)
        source = {"S3DataType": "S3Prefix", "S3Uri": self.address(scope)}
        request: Json = {
            "ModelName": self.pick(scope.model_names),
            "TransformInput": {"DataSource": {"S3DataSource": source}, "ContentType": "text/csv", "SplitType": "Line"},
            "TransformOutput": {"S3OutputPath": self.destination(name, "predictions"), "AssembleWith": "Line"},
            "TransformResources": {"InstanceCount": 1, "InstanceType": self.machine()},
        }
        request["TransformOutput"]["Accept"] = "text/csv"
        if self.chance(3):
            request["DataProcessing"] = {"InputFilter": "$[1:]", "OutputFilter": "$[0,-1]", "JoinSource": "Input"}
        if self.chance(3):
            request |= {"MaxConcurrentTransforms": self.pick([1, 4]), "MaxPayloadInMB": self.pick([6, 20])}
            request["BatchStrategy"] = self.pick(["MultiRecord", "SingleRecord"])
        if self.chance(3):
            request["Environment"] = self.texts(scope, VARIABLES, TEXTS)
        step = self.job("Transform", name, request, scope)
        scope.addresses.append(get(f"Steps.{name}.TransformOutput.S3OutputPath"))
        return step

    def call(self, scope: Scope) -> Json:
        """A Lambda or Callback step: its arguments may be numbers, too."""
        name = self.name()
        type_, key, value = self.pick(
            [
                ("Lambda", "FunctionArn", "arn:aws:lambda:us-east-1:111122223333:function:look-up"),
                ("Callback", "SqsQueueUrl", "https://sqs.us-east-1.amazonaws.com/111122223333/queue"),
            ]
        )
        request = {each: self.call_value(scope) for each in self.some(KEYS)}
        outputs = [
            {"OutputName": each, "OutputType": self.pick(["String", "Integer", "Float", "Boolean"])}
            for each in self.some(st.sampled_from(["price", "status-code", "Price", "is ok"]))
        ]
        step = self.step(type_, name, request, scope, OutputParameters=outputs, **{key: value})
        for output in outputs:
            kind = scope.numbers if output["OutputType"] in ("Integer", "Float") else scope.texts
            kind.append(get(f"Steps.{name}.OutputParameters['{output['OutputName']}']"))
        return step

    def call_value(self, scope: Scope) -> Any:
        kind = self.pick(["text", "number", "parameter", "value"])
        if kind == "number":
            return self.draw(NUMBERS)
        if kind == "parameter":
            return self.any_parameter()
        if kind == "value" and scope.numbers:
            return self.pick(scope.numbers)
        return self.text(scope, TEXTS)

    def quality_check(self, scope: Scope) -> Json:
        name = self.name()
        path = "/opt/ml/processing/input/baseline_dataset_input"
        place = {"S3Uri": self.destination(name, "report"), "LocalPath": "/opt/ml/processing/output"}
        environment = {"output_path": "/opt/ml/processing/output", "dataset_source": path}
        environment |= {"dataset_format": '{"csv": {"header": true}}', "publish_cloudwatch_metrics": "Disabled"}
        request = {
            "AppSpecification": {"ImageUri": MONITOR},
            "ProcessingResources": {"ClusterConfig": {**self.cluster(), "InstanceCount": 1}},
            "StoppingCondition": {"MaxRuntimeInSeconds": 1800},
            "ProcessingInputs": [self.processing_input("baseline_dataset_input", self.address(scope), path)],
            "ProcessingOutputConfig": {"Outputs": [{"OutputName": "data_quality", "S3Output": place}]},
            "Environment": environment,
        }
        more: Json = {"CheckType": "DATA_QUALITY", "ModelPackageGroupName": self.pick(["churn", None])}
        for key in ("SkipCheck", "FailOnViolation", "RegisterNewBaseline"):
            more[key] = self.parameter("Boolean", BOOLEANS) if self.chance(4) else self.draw(st.booleans())
        if self.chance(2):
            more["SuppliedBaselineStatistics"] = "s3://acme-ml/baseline/statistics.json"
            more["SuppliedBaselineConstraints"] = self.parameter("String", st.just("s3://acme-ml/baseline/c.json"))
        return self.step("QualityCheck", name, request, scope, **more)

    def fail(self, scope: Scope) -> Json:
        step = self.step("Fail", self.name(), {"ErrorMessage": self.text(scope, TEXTS)}, scope)
        scope.steps.remove(step["Name"])  # SageMaker refuses steps that depend on it
        return step

    # --- conditions and loops ---

    def condition_step(self, scope: Scope, depth: int) -> Json:
        name = self.name()
        conditions = [self.condition(scope, 0) for _ in range(self.draw(st.integers(1, 2)))]
        yes, no = scope.inner(), scope.inner()
        branches = {
            "Conditions": conditions,
            "IfSteps": self.steps(yes, self.draw(st.integers(1, 3)), depth + 1),
            "ElseSteps": self.steps(no, self.draw(st.integers(0, 2)), depth + 1),
        }
        step = self.step("Condition", name, branches, scope)
        # Later steps may need what is made in a branch: they run if it is taken.
        for branch in (yes, no):
            if self.chance(6):
                scope.take(branch)
        return step

    def condition(self, scope: Scope, depth: int) -> Json:
        kind = self.pick(["comparison", "comparison", "comparison", "in", "not", "or"])
        if depth < DEEPEST and kind == "not":
            return {"Type": "Not", "Condition": self.condition(scope, depth + 1)}
        if depth < DEEPEST and kind == "or":
            inner = [self.condition(scope, depth + 1) for _ in range(self.draw(st.integers(1, 3)))]
            return {"Type": "Or", "Conditions": inner}
        left, literals = self.operand(scope)
        if kind == "in":
            return {"Type": "In", "QueryValue": left, "Values": self.draw(st.lists(literals, min_size=1, max_size=3))}
        type_ = "Equals" if literals in (LINES, BOOLEANS) else self.pick(COMPARISONS)
        return {"Type": type_, "LeftValue": left, "RightValue": self.draw(literals)}

    def operand(self, scope: Scope) -> tuple[Any, st.SearchStrategy[Any]]:
        """What is compared, and what with: nothing says how SageMaker compares values of different types."""
        kind = self.pick(["value", "Integer", "Float", "String", "Boolean", "value"])
        if kind == "value" and scope.numbers:
            return self.pick(scope.numbers), NUMBERS
        if kind == "String":
            return self.parameter("String", LINES), LINES
        if kind == "Boolean":
            return self.parameter("Boolean", BOOLEANS), BOOLEANS
        if kind == "Float":
            return self.parameter("Float", FLOATS), FLOATS
        return self.parameter("Integer", INTEGERS), INTEGERS

    def loop(self, scope: Scope, depth: int) -> Json:
        name = self.name()
        items = self.pick(['["a", "b"]', "[1, 2.5]", '[{"name": "x", "size": 1}, {"name": "it\'s", "size": 2}]'])
        request: Json = {"IterableItems": items, "MaxConcurrency": self.pick([1, 2])}
        if self.chance(2):
            # items that `validate` makes up where there is no default have no names
            request["IterableItems"] = self.parameter("String", st.just(items), required=False)
        inside = scope.inner()
        item = "ForEach.CurrentItem.name" if "name" in items else "ForEach.CurrentItem"
        inside.texts.append(get(item))
        write = self.pick([self.training, self.processing, self.call])
        request["ForEachBody"] = [write(inside)]
        self.left -= 1
        return self.step("ForEach", name, request, scope)

    # --- the whole ---

    def steps(self, scope: Scope, most: int, depth: int) -> list[Json]:
        simple = [self.processing, self.training, self.call, self.register, self.create_model, self.transform]
        simple += [self.fail, self.tuning, self.quality_check]
        nesting: list[Callable[[Scope, int], Json]] = [self.condition_step, self.condition_step, self.loop]
        made: list[Json] = []
        # A branch is never empty for want of steps: what decides about nothing can have any fault.
        while len(made) < most and (self.left > 0 or not made):
            self.left -= 1
            chosen = self.draw(st.integers(0, len(simple) + len(nesting) - 1))
            if chosen < len(simple) or depth >= DEEPEST or self.left <= 0:
                made.append(simple[chosen % len(simple)](scope))
            else:
                made.append(nesting[chosen - len(simple)](scope, depth))
        return made

    def definition(self) -> Json:
        steps = self.steps(Scope(), self.draw(st.integers(1, 6)), 0)
        made: Json = {"Version": "2020-12-01", "Metadata": {}, "Parameters": list(self.parameters.values())}
        if self.chance(2):
            trial = get("Execution.PipelineExecutionId")
            made["PipelineExperimentConfig"] = {"ExperimentName": get("Execution.PipelineName"), "TrialName": trial}
        if self.chance(4):
            steps.reverse()  # the order in which they stand means nothing
        return {**made, "Steps": steps}


@st.composite
def definitions(draw: st.DrawFn) -> Json:
    """Definitions of 1 to 12 steps."""
    return Author(draw).definition()
