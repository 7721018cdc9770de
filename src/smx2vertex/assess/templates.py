"""Near-duplicates: pipelines with the same structure, whatever their names and values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from .record import shape_digest

# Two pipelines are of one template from here on: 1 is the same structure, 0 nothing in common.
SIMILAR = 0.85
# As many templates with the same types of steps are compared with a new pipeline.
_MOST_COMPARED = 64
_TYPE = "type "


@dataclass(slots=True)
class Group:
    """A template: the shape of the first pipeline, and the members, by number, with their similarity to it."""

    shape: Mapping[str, int]
    members: dict[int, float] = field(default_factory=dict)


@dataclass(slots=True)
class Templates:
    """Sorts pipelines into templates, one after the other, and keeps one shape for each."""

    groups: list[Group] = field(default_factory=list)
    _by_digest: dict[str, tuple[Group, float]] = field(default_factory=dict)
    _by_types: dict[tuple[str, ...], list[Group]] = field(default_factory=dict)

    def add(self, number: int, shape: Mapping[str, int]) -> None:
        """Add a pipeline."""
        digest = shape_digest(shape)
        if digest not in self._by_digest:
            self._by_digest[digest] = self._nearest(shape) or (self._new(shape), 1.0)
        group, similar = self._by_digest[digest]
        group.members[number] = similar

    def _nearest(self, shape: Mapping[str, int]) -> tuple[Group, float] | None:
        """The most similar template with the same types of steps, or with one step more or less."""
        candidates = {id(group): group for key in _keys(shape) for group in self._by_types.get(key, ())}
        found = [(similarity(group.shape, shape), -index) for index, group in enumerate(candidates.values())]
        best, index = max(found, default=(0.0, 0))
        return None if best < SIMILAR else (list(candidates.values())[-index], round(best, 3))

    def _new(self, shape: Mapping[str, int]) -> Group:
        group = Group(shape)
        self.groups.append(group)
        for key in _keys(shape):
            same = self._by_types.setdefault(key, [])
            if len(same) < _MOST_COMPARED:
                same.append(group)
        return group


def _keys(shape: Mapping[str, int]) -> Iterator[tuple[str, ...]]:
    """The types of the steps, with all steps and without one of each type; a template has them too."""
    types = {name: count for name, count in shape.items() if name.startswith(_TYPE)}
    yield _key(types)
    for name in types:
        yield _key({**types, name: types[name] - 1})


def _key(types: Mapping[str, int]) -> tuple[str, ...]:
    return tuple(f"{count} {name}" for name, count in sorted(types.items()) if count)


def similarity(one: Mapping[str, int], other: Mapping[str, int]) -> float:
    """What two shapes have in common of what they have together, from 0 to 1."""
    keys = one.keys() | other.keys()
    together = sum(max(one.get(key, 0), other.get(key, 0)) for key in keys)
    return sum(min(one.get(key, 0), other.get(key, 0)) for key in keys) / together if together else 1.0
