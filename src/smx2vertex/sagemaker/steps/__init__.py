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
    cleanup,
    fail_message,
    for_each,
    lineage,
)
from .disguise import Disguise, disguise
from .fields import Field, OutputParameter, Resources, unquoted
from .jobs import (
    Channel,
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
from .tuning import AutoML, Range, TunedJob, Tuning, automl, tuning

__all__ = [
    "EMR",
    "Association",
    "AutoML",
    "Callback",
    "Channel",
    "Check",
    "Cleanup",
    "Container",
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
    "inference_component",
    "job",
    "lambda_",
    "lineage",
    "model",
    "processing",
    "training",
    "transform",
    "tuning",
    "unquoted",
]
