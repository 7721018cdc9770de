"""The kinds of steps, one module a family: how the steps and the tasks of each show their facts."""

from __future__ import annotations

from . import (
    automl,
    calls,
    checks,
    conditions,
    datasets,
    endpoints,
    failing,
    functions,
    housekeeping,
    loops,
    models,
    notebooks,
    processing,
    repack,
    spark,
    training,
    transform,
    tuning,
)
from .kind import Kind

KINDS: tuple[Kind, ...] = (
    processing.PROCESSING,
    datasets.ROWS,
    training.TRAINING,
    transform.TRANSFORM,
    tuning.TUNING,
    models.MODEL,
    models.REGISTER,
    endpoints.ENDPOINT_CONFIG,
    endpoints.ENDPOINT,
    endpoints.INFERENCE_COMPONENT,
    notebooks.NOTEBOOK,
    functions.FUNCTION,
    repack.REPACK,
    automl.AUTOML,
    housekeeping.CLEANUP,
    checks.QUALITY_CHECK,
    checks.BIAS_CHECK,
    calls.LAMBDA,
    calls.CALLBACK,
    spark.EMR,
    spark.EMR_SERVERLESS,
    conditions.CONDITION,
    failing.FAIL,
    loops.LOOP,
    loops.RESULTS,
)
BY_TYPE = {type_: kind for kind in KINDS for type_ in kind.types}
BY_VERB = {kind.verb: kind for kind in KINDS if kind.verb is not None}
