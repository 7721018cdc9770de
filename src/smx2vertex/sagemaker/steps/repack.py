"""Training steps by which the SDK puts an inference script into a model."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from ..definition import Step
from .disguise import disguise
from .fields import Field, unquoted
from .jobs import Training, training

CHANNEL = "training"
WHOLE_FOLDER = "."


@dataclass(frozen=True, slots=True)
class Repack:
    """What the script `_repack_model.py` of the SDK is asked for.

    Attributes:
        training: the job that runs it.
        model: the address of the model.
        script: the file name of the inference script.
        whole_folder: whether all of the uploaded code goes into `code/`, and not the script alone.
        dependencies: what goes into `code/lib/`: names of files, or WHOLE_FOLDER, which the script takes in the place
            of any folder, as the upload has flattened it.
    """

    training: Training
    model: Field
    script: str
    whole_folder: bool
    dependencies: tuple[str, ...]


def repack(step: Step, names: Collection[str]) -> Repack | None:
    """What a step repacks, if it is one that the SDK has inserted, and nothing was added to it."""
    if disguise(step) != "repack":
        return None
    job = training(step, names)
    texts = {
        name: unquoted(job.hyperparameters.get(name)) for name in ("inference_script", "source_dir", "dependencies")
    }
    script, source, wanted = (None if text == "null" else text for text in texts.values())
    model = job.channels[0].uri if [channel.name for channel in job.channels] == [CHANNEL] else None
    if model is None or not script or job.submit_directory is None or job.environment or job.compression == "NONE":
        return None
    dependencies = tuple(WHOLE_FOLDER if "/" in name else name for name in (wanted or "").split())
    return Repack(job, model, script, bool(source), dependencies)
