"""Which pipeline needs which: through places in S3, groups of models, and pipelines that start others."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from .record import Record

Kind: TypeAlias = Literal["location", "model group", "pipeline"]
Numbers: TypeAlias = "dict[int, None]"  # of pipelines, in their order


@dataclass(frozen=True, slots=True)
class Link:
    """Pipelines, by number, that others need: `users` need `sources`."""

    kind: Kind
    name: str
    sources: tuple[int, ...]
    users: tuple[int, ...]


@dataclass(slots=True)
class Links:
    """Collects what pipelines give and take; each list names a pipeline once."""

    writers: defaultdict[str, Numbers] = field(default_factory=lambda: defaultdict(dict))
    readers: defaultdict[str, Numbers] = field(default_factory=lambda: defaultdict(dict))
    registering: defaultdict[str, Numbers] = field(default_factory=lambda: defaultdict(dict))
    taking: defaultdict[str, Numbers] = field(default_factory=lambda: defaultdict(dict))
    named: defaultdict[str, Numbers] = field(default_factory=lambda: defaultdict(dict))
    starting: defaultdict[str, Numbers] = field(default_factory=lambda: defaultdict(dict))

    def add(self, number: int, record: Record) -> None:
        """Add a pipeline."""
        self.named[record.name.lower()][number] = None
        for names, numbers in (
            (record.writes, self.writers),
            (record.reads, self.readers),
            (record.registers, self.registering),
            (record.takes, self.taking),
            (tuple(name.lower() for name in record.starts), self.starting),
        ):
            for name in names:
                numbers[name][number] = None

    def found(self) -> list[Link]:
        """The links; what a pipeline gives to itself is none."""
        return [*self._places(), *self._model_groups(), *self._pipelines()]

    def _places(self) -> Iterator[Link]:
        reads = sorted(self.readers)
        for written in sorted(self.writers):
            found = (self.readers[read] for read in _read_from(written, reads, self.readers))
            yield from _links("location", written, self.writers[written], found)

    def _model_groups(self) -> Iterator[Link]:
        for group in sorted(self.registering):
            yield from _links("model group", group, self.registering[group], [self.taking.get(group, {})])

    def _pipelines(self) -> Iterator[Link]:
        for name in sorted(self.starting):
            yield from _links("pipeline", name, self.named.get(name, {}), [self.starting[name]])


def _read_from(written: str, reads: list[str], known: Mapping[str, Numbers]) -> Iterator[str]:
    """The addresses that read something of what lies below `written`.

    A prefix in S3 is text: reading `s3://b/train` takes what lies at `s3://b/train-2` too.
    """
    begin = written.index("/", len("s3://")) + 1
    yield from (written[:end] for end in range(begin + 1, len(written) + 1) if written[:end] in known)
    below = f"{written}/"
    index = bisect_left(reads, below)
    while index < len(reads) and reads[index].startswith(below):
        yield reads[index]
        index += 1


def _links(kind: Kind, name: str, sources: Numbers, users: Iterable[Numbers]) -> Iterator[Link]:
    needing = sorted({number for numbers in users for number in numbers if number not in sources})
    if sources and needing:
        yield Link(kind, name, tuple(sources), tuple(needing))
