"""What the steps of each type say, read from their raw arguments: every value an expression, every place a pointer.

Definitions in the wild leave fields out or give them another type, so nothing here raises: a field that is not there
is None, or empty.
"""

from .calls import EMR, Callback, EMRServerless, Job, Lambda, callback, emr, emr_serverless, job, lambda_
from .checks import Check, check
from .control import (
    Association,
    Cleanup,
    ForEach,
    Lineage,
    Repeated,
    cleanup,
    fail_message,
    for_each,
    lineage,
    repeated,
    selected_by,
)
from .disguise import Disguise, disguise, function_options
from .fields import Field, OutputParameter, Resources, unquoted
from .jobs import (
    Channel,
    DatasetQuery,
    Processing,
    ProcessingInput,
    ProcessingOutput,
    Training,
    Transform,
    processing,
    training,
    transform,
)
from .models import (
    Container,
    Endpoint,
    EndpointConfig,
    InferenceComponent,
    Metrics,
    Model,
    Variant,
    endpoint,
    endpoint_config,
    inference_component,
    model,
)
from .repack import CHANNEL as REPACKED_CHANNEL
from .repack import Repack, repack
from .tuning import AutoML, Range, TunedJob, Tuning, automl, tuning

__all__ = [
    "EMR",
    "REPACKED_CHANNEL",
    "Association",
    "AutoML",
    "Callback",
    "Channel",
    "Check",
    "Cleanup",
    "Container",
    "DatasetQuery",
    "Disguise",
    "EMRServerless",
    "Endpoint",
    "EndpointConfig",
    "Field",
    "ForEach",
    "InferenceComponent",
    "Job",
    "Lambda",
    "Lineage",
    "Metrics",
    "Model",
    "OutputParameter",
    "Processing",
    "ProcessingInput",
    "ProcessingOutput",
    "Range",
    "Repack",
    "Repeated",
    "Resources",
    "Training",
    "Transform",
    "TunedJob",
    "Tuning",
    "Variant",
    "automl",
    "callback",
    "check",
    "cleanup",
    "disguise",
    "emr",
    "emr_serverless",
    "endpoint",
    "endpoint_config",
    "fail_message",
    "for_each",
    "function_options",
    "inference_component",
    "job",
    "lambda_",
    "lineage",
    "model",
    "processing",
    "repack",
    "repeated",
    "selected_by",
    "training",
    "transform",
    "tuning",
    "unquoted",
]
