"""Which value of Google Cloud stands for which of AWS: buckets, images, machines, the region."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace

from ..sagemaker.definition import Definition
from .images import ImageChoice, counterpart, identifier_of
from .machines import MachineChoice, choose, named
from .regions import region_of, target_region


@dataclass(frozen=True, slots=True)
class Correspondences:
    """The tables' choices, and the user's own, which come first.

    Attributes:
        buckets: bucket in Cloud Storage by bucket in S3; a bucket that is not named keeps its name.
        images: image address by image address in ECR.
        machines: machine type by instance type.
        regions: region of Vertex AI by region of AWS.
        functions: address of a Cloud Run function by ARN or name of a Lambda function.
        topics: Pub/Sub topic by address or name of a queue.
        tables: table of BigQuery by the name of a table of Redshift or Athena, as queries write it.
        chosen_region: a region of Vertex AI; None to follow the definition.
    """

    buckets: dict[str, str] = field(default_factory=dict)
    images: dict[str, str] = field(default_factory=dict)
    machines: dict[str, str] = field(default_factory=dict)
    regions: dict[str, str] = field(default_factory=dict)
    functions: dict[str, str] = field(default_factory=dict)
    topics: dict[str, str] = field(default_factory=dict)
    tables: dict[str, str] = field(default_factory=dict)
    chosen_region: str | None = None

    def bucket(self, name: str) -> str:
        """The bucket that stands for a bucket in S3."""
        return self.buckets.get(name, name)

    def image(self, uri: str, serving: bool = False) -> ImageChoice:
        """The image that stands for an image; `serving` asks for the one that serves models."""
        choice = counterpart(uri)
        own = self.images.get(uri)
        if own is not None:
            choice = replace(choice, target=own, dockerfile=None, identifier=choice.identifier or identifier_of(uri))
        return choice.for_serving() if serving else choice

    def machine(self, instance_type: str) -> MachineChoice | None:
        """The machine that stands for an instance type; None if none does."""
        own = self.machines.get(instance_type)
        return choose(instance_type) if own is None else named(instance_type, own)

    def region(self, definition: Definition) -> str | None:
        """The region: chosen, or the nearest to the one that most texts of the definition name; None if none is."""
        if self.chosen_region is not None:
            return self.chosen_region
        regions = Counter(filter(None, map(region_of, _texts(definition))))
        if not regions:
            return None
        most = regions.most_common(1)[0][0]
        return self.regions.get(most) or target_region(most)


def _texts(definition: Definition) -> list[str]:
    """All plain text of a definition."""
    found: list[str] = []
    stack: list[object] = [definition.raw]
    while stack:
        value = stack.pop()
        if isinstance(value, dict):
            stack.extend(value.values())
        elif isinstance(value, list):
            stack.extend(value)
        elif isinstance(value, str):
            found.append(value)
    return found
