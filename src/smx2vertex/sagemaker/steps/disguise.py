"""Steps that are something else than their type says: functions, notebook jobs, repacking, Spark programs."""

from __future__ import annotations

import posixpath
from itertools import pairwise
from typing import Literal

from ..definition import Step
from .fields import Look, arguments, unquoted

Disguise = Literal["function", "notebook job", "repack", "spark program"]
# What SageMaker's Spark container starts.
SPARK_SUBMIT = "smspark-submit"


def disguise(step: Step) -> Disguise | None:
    """What a Training or Processing step is in truth; None if it is what its type says.

    A Spark program is started by `smspark-submit`, a function that was decorated with `@step` by the bootstrap script
    `job_driver.sh`, a notebook job by the program `amazon_sagemaker_scheduler`; a repack step starts the script
    `_repack_script_launcher.sh`, or `_repack_model.py` in older releases of the SDK. [SageMaker SDK 2.257.7]
    """
    look = arguments(step)
    if step.type == "Processing":
        first = [field.text or "" for field in look.fields("AppSpecification.ContainerEntrypoint")[:1]]
        return "spark program" if posixpath.basename("".join(first)) == SPARK_SUBMIT else None
    if step.type != "Training":
        return None
    words = " ".join(_words(look))
    if "/job_driver.sh" in words:
        return "function"
    if "amazon_sagemaker_scheduler" in words:
        return "notebook job"
    program = unquoted(look.field("HyperParameters.sagemaker_program"))
    return "repack" if program in ("_repack_script_launcher.sh", "_repack_model.py") else None


def _words(look: Look) -> list[str]:
    command = (
        *look.fields("AlgorithmSpecification.ContainerEntrypoint"),
        *look.fields("AlgorithmSpecification.ContainerArguments"),
    )
    return [field.text for field in command if field.text is not None]


def function_options(step: Step) -> dict[str, str]:
    """The plain options of the script that loads a pickled function, such as `func_step_s3_dir`."""
    fields = arguments(step).fields("AlgorithmSpecification.ContainerArguments")
    pairs = pairwise(field.text for field in fields)
    return {name.removeprefix("--"): value for name, value in pairs if name and value and name.startswith("--")}
