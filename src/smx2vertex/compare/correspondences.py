"""Which value of the target stands for which of the source, inferred from aligned pairs and checked to be functions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..findings import Finding

# What is wrong when one source value has two target values; merging two buckets into one is a matter of its own.
SPLIT = {"bucket": "SMX469", "image": "SMX470", "serving image": "SMX470", "machine": "SMX470", "limits": "SMX470"}
MERGED = {"bucket": "SMX468"}


@dataclass(frozen=True, slots=True)
class Pair:
    """One source value and the target value in its place."""

    kind: str
    source: str
    target: str


class Correspondences:
    """Collects pairs on the way, each with the first place that needed it, and how many do."""

    def __init__(self, file: str | None = None, machines: Mapping[str, str] | None = None) -> None:
        """Begin with none; `file` is the definition's, `machines` are the types that the conversion chose."""
        self.file = file
        self.machines = machines or {}
        self._places: dict[Pair, str] = {}
        self._occurrences: dict[Pair, set[str]] = defaultdict(set)

    def add(self, kind: str, source: str, target: str, at: str) -> None:
        """Note that a target value stands for a source value."""
        pair = Pair(kind, source, target)
        self._places.setdefault(pair, at)
        self._occurrences[pair].add(at)

    def findings(self) -> Iterator[Finding]:
        """Where a correspondence is no function."""
        targets: dict[tuple[str, str], list[Pair]] = defaultdict(list)
        sources: dict[tuple[str, str], list[Pair]] = defaultdict(list)
        for pair in self._places:
            targets[pair.kind, pair.source].append(pair)
            sources[pair.kind, pair.target].append(pair)
        for (kind, source), pairs in targets.items():
            if len(pairs) > 1:
                named = " and ".join(pair.target for pair in pairs)
                at = self._places[pairs[1]]
                yield Finding(SPLIT.get(kind, "SMX471"), f"the {kind} {source} became {named}", at, file=self.file)
        for pair, at in self._places.items():
            chosen = self.machines.get(pair.source, pair.target)
            if pair.kind == "machine" and chosen != pair.target:
                yield Finding(
                    "SMX461", f"the machine {pair.source} became {pair.target}, not {chosen}", at, file=self.file
                )
        for (kind, target), pairs in sources.items():
            if len(pairs) > 1 and kind in MERGED:
                named = " and ".join(pair.source for pair in pairs)
                at = self._places[pairs[1]]
                yield Finding(MERGED[kind], f"the {kind}s {named} became one: {target}", at, file=self.file)

        for pair, at in self._places.items():
            if pair.kind == "still in S3":
                message = f"an address in {pair.source} was left as it is"
                yield Finding("SMX473", message, at, file=self.file)

    def to_list(self) -> list[dict[str, Any]]:
        """The pairs as `validate --format json` prints them, in order.

        `occurrences` counts the places of the definition: one that rests on a single place could be a slip, as nothing
        else shows that the target value is the right one.
        """
        pairs = sorted(self._places, key=lambda pair: (pair.kind, pair.source, pair.target))
        return [
            {"kind": p.kind, "source": p.source, "target": p.target, "occurrences": len(self._occurrences[p])}
            for p in pairs
        ]
