"""The models of a tuning job's training jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..sagemaker import steps
from ..sagemaker.definition import Step
from ..sagemaker.expressions import Part, PropertyReference, flatten
from ..sagemaker.steps.tuning import ranked

if TYPE_CHECKING:
    from .builder import Product
    from .planner import Planner


def ranks_read(planner: Planner, step: Step) -> list[int]:
    """The ranks of the training jobs whose name, and so whose model, other steps may read."""
    found = (ranked(use) for use in planner.uses.of_properties(step.name))
    return sorted({each[0] for each in found if each is not None and each[1] == ("TrainingJobName",)})


def model_of_trial(planner: Planner, pieces: list[Part]) -> Product | None:
    """What stands for the address of a training job's model, as `get_top_model_s3_uri` of the SDK writes it.

    Args:
        planner: knows what the tuning job offers.
        pieces: the address: `S3OutputPath`, the name of the training job, `output/model.tar.gz`.
    """
    index = next((index for index, piece in enumerate(pieces) if isinstance(piece, PropertyReference)), None)
    if index is None or pieces[index + 1 :] != ["/output/model.tar.gz"]:
        return None
    reference = pieces[index]
    if not isinstance(reference, PropertyReference) or planner.steps[reference.step].type != "Tuning":
        return None
    found = ranked(reference)
    if found is None or found[1] != ("TrainingJobName",):
        return None
    jobs = steps.tuning(planner.steps[reference.step], planner.names).jobs
    folders = [_folder(flatten(job.output_path.value)) for job in jobs if job.output_path is not None]
    if _folder(pieces[:index]) not in folders:
        return None
    return planner.offered(reference.step, ("model of trial", found[0]))


def _folder(pieces: list[Part]) -> list[Part]:
    """An address without the slash at its end."""
    if not pieces or not isinstance(pieces[-1], str):
        return pieces
    last = pieces[-1].rstrip("/")
    return [*pieces[:-1], *([last] if last else [])]
