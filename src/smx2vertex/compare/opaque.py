"""Compares what reaches a step with what reaches tasks whose program is not the container contract's.

What such a program does with its inputs cannot be seen. So each value of the step is looked for among the inputs of the
tasks: by its name, by the names under which a lightweight component hands the input on, and by the value itself.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from ..findings import Finding
from .facts import CODE_PLACES, EDGE, KINDS, SWAPPED_EDGES, SWAPPED_VALUES, FactComparison, references_in
from .kinds import KINDS as STEP_KINDS
from .names import likeness, plain
from .neutral import Bucket, Fact, Key, Node, Param, Product, show

# Names that are less alike than this don't make two values that differ one.
LEAST_LIKENESS = 0.6
# A value that is as short as this may stand anywhere by chance.
TELLING_LENGTH = 4
# What the SageMaker SDK adds for the containers of its frameworks.
INTERNAL = ("sagemaker_", "SAGEMAKER_")
NAMED = ("hyperparameter", "environment", "channel", "input", "label", "message", "approval", "group")
# What a lightweight component must hold somewhere, as its code can be read.
MUST_BE_THERE = {"hyperparameter": "SMX442", "argument": "SMX441", "group": "SMX450", "message": "SMX449"}
_KINDS_OF_STEPS = frozenset(kind.name for kind in STEP_KINDS)


def is_other_service(node: Node) -> bool:
    """Whether a prebuilt component of another service than Vertex AI's training and registry does the work."""
    return node.kind not in (*_KINDS_OF_STEPS, "container", "importer", "not translated") and not node.visible


@dataclass(frozen=True, slots=True)
class _Input:
    """An input of a task: its value, and all names that it goes by."""

    names: tuple[str, ...]
    fact: Fact

    def likeness(self, name: str) -> float:
        return max(likeness(name, own) for own in self.names)


class OpaqueComparison(FactComparison):
    """Compares by the names of the inputs where they tell, else by what reaches the tasks at all."""

    def findings(self) -> Iterator[Finding]:
        """All differences in what reaches the step."""
        self.wanted = self.named_facts()
        self.arriving = self.inputs()
        if is_other_service(self.target):
            yield from self.other_service()
            return
        message = "what the program does with its inputs cannot be seen: origins and values alone are compared"
        yield self.finding("SMX420", message, self.source.at)
        pairs = self.paired()
        differing = [(key, self.wanted[key], found) for key, found in pairs.items() if not self.is_same(key, found)]
        swapped = list(self.swapped(differing))
        for first, second in swapped:
            fact = self.wanted[first]
            code = SWAPPED_EDGES if any(isinstance(part, Product) for part in fact.value) else SWAPPED_VALUES
            yield self.finding(code, f"{first[-1]} and {second[-1]} got each other's values", fact.at)
        for key, wanted, found in differing:
            if not any(key in both for both in swapped):
                message = f"{key[-1]} gets {show(found.value)} instead of {show(wanted.value)}"
                yield self.finding(self.code_of(key, wanted, found), message, wanted.at)
        for key, fact in self.wanted.items():
            if key not in pairs:
                yield from self.nowhere(key, fact)
        yield from self.extra_edges()
        for key, fact in self.source.facts.items():
            if key[0] == "destination" and not self.is_there(fact):
                yield self.finding("SMX454", f"fixed destination ({show(fact.value)}) gets no copy", fact.at)

    def other_service(self) -> Iterator[Finding]:
        """One finding for all: a query has neither arguments nor an image."""
        words = [show(word.value) for word in self.source.words or ()]
        program = next((word.rpartition("/")[2] for word in words if word.endswith((".py", ".sh"))), "")
        own = f"{self.source.kind}{f' ({program})' if program else ''}"
        message = f"{own} became {self.target.kind}: what they do cannot be compared"
        yield self.finding("SMX426", message, self.source.at)
        for key, fact in self.wanted.items():
            if any(isinstance(part, Product) for part in fact.value):
                yield from self.nowhere(key, fact)
        yield from self.extra_edges()

    # --- what reaches both ---

    def named_facts(self) -> dict[Key, Fact]:
        """What reaches the step, by a name: of its option, its channel, its folder."""
        found: dict[Key, Fact] = {}
        for key, fact in self.source.facts.items():
            if key[0] in NAMED:
                found[(key[0], key[-1].rstrip("/").rpartition("/")[2])] = fact
            elif key[0] in ("model data", "data"):
                found[(key[0], key[0].removesuffix(" data"))] = fact
            elif key[0] == "reference" and not self.source.visible:
                found[(key[0], key[1].rpartition("/")[2])] = fact
        words = self.source.words or ()
        for flag, fact in pairwise(words):
            text = flag.value[0] if len(flag.value) == 1 else None
            if isinstance(text, str) and text.startswith("--"):
                found[("argument", text.lstrip("-"))] = fact
        return {key: fact for key, fact in found.items() if not self.is_of_sagemaker(key, fact)}

    def is_of_sagemaker(self, key: Key, fact: Fact) -> bool:
        """Whether it is the step's code, or something for SageMaker's own containers."""
        is_code = key[0] in ("input", "channel") and not references_in(fact.value) and key[1] in CODE_PLACES
        return is_code or key[-1].startswith(INTERNAL)

    def inputs(self) -> list[_Input]:
        """What reaches the tasks: their inputs, or all that the container contract is told."""
        if self.target.visible:
            facts = [_Input((key[-1],), fact) for key, fact in self.target.facts.items()]
            return facts + [_Input(("word",), fact) for fact in self.target.words or ()]
        found = []
        for key, fact in self.target.facts.items():
            if key[0] == "value":
                program = self.target.programs.get(key[1])
                is_source = program is not None and key[2].startswith("word ")
                aliases = program.aliases.get(key[2], frozenset()) if program is not None else ()
                found += [] if is_source else [_Input((key[2], *sorted(aliases)), fact)]
        return found

    def paired(self) -> dict[Key, Fact]:
        """The input for each value of the step that has one; the surest pair first."""
        ranked = []
        for key, fact in self.wanted.items():
            for index, found in enumerate(self.arriving):
                rank = self.rank(key, fact, found)
                if rank:
                    ranked.append((-rank, index, key))
        pairs: dict[Key, Fact] = {}
        taken: set[int] = set()
        for _, index, key in sorted(ranked, key=lambda entry: entry[0]):
            if key not in pairs and index not in taken:
                pairs[key] = self.arriving[index].fact
                taken.add(index)
        if self.source.kind == "fail" and not pairs and len(self.wanted) == len(self.arriving) == 1:
            pairs = dict.fromkeys(self.wanted, self.arriving[0].fact)  # what else should the text be?
        return pairs

    def rank(self, key: Key, wanted: Fact, found: _Input) -> float:
        """How sure it is that an input is the place of a value; 0 if it is none."""
        name = found.likeness(key[-1])
        if any(plain(own) == plain(key[-1]) for own in found.names):
            return 3.0 + self.is_same(key, found.fact)
        if self.is_same(key, found.fact):
            return 1.0 + name
        makers = [{part.owner for part in fact.value if isinstance(part, Product)} for fact in (wanted, found.fact)]
        if makers[0] and makers[0] == makers[1]:
            return max(name, LEAST_LIKENESS)
        return name if name >= LEAST_LIKENESS and bool(makers[0]) == bool(makers[1]) else 0.0

    def is_same(self, key: Key, found: Fact) -> bool:
        """Whether an input has the value of the step."""
        wanted = self.wanted[key]
        if self.matcher.same(wanted.value, found.value, wanted.at, lax=True):
            return True
        if references_in((*wanted.value, *found.value)):
            return False
        text, other = _unquoted(show(wanted.value)), show(found.value)
        if key[0] in ("approval", "label"):
            return plain(text) == plain(other)
        return text == other or (key[0] == "group" and other.endswith(f"/{text}"))

    def code_of(self, key: Key, wanted: Fact, found: Fact) -> str:
        if self.is_edge(wanted, found):
            return EDGE.differs
        if key[0] == "message":
            return KINDS["message"].differs
        is_fixed = not references_in(wanted.value) and not references_in(found.value)
        return "SMX450" if is_fixed and key[0] in KINDS and KINDS[key[0]].differs == "SMX450" else "SMX438"

    # --- what has no place ---

    def nowhere(self, key: Key, fact: Fact) -> Iterator[Finding]:
        """No input has this name: what the value is made of must reach the tasks somehow."""
        references = references_in(fact.value)
        for part in references:
            if isinstance(part, Param) and part.name not in self.matcher.parameters:
                continue  # the parameter itself is missing: that is told once
            alike = (self.matcher.part(part, got, lax=True) for value in self.arriving for got in value.fact.value)
            needed = next((pairs for pairs in alike if pairs is not None), None)
            if needed is None:
                code = EDGE.missing or "" if isinstance(part, Product) else "SMX438"
                yield self.finding(code, f"{show((part,))} does not arrive, for {key[0]} {key[1]!r}", fact.at)
            for kind, source, target in needed or ():
                self.matcher.correspondences.add(kind, source, target, fact.at)
        if not references and fact.value and not self.is_there(fact):
            named = f"{key[0]} {key[1]!r} ({show(fact.value)})"
            said = self.said(key[-1])
            if said:
                yield self.finding("SMX438", f"{named} is {' and '.join(sorted(said))} in the code", fact.at)
            elif self.is_readable and key[0] in MUST_BE_THERE:
                yield self.finding(
                    MUST_BE_THERE[key[0]], f"{named} is not there, neither as an input nor in the code", fact.at
                )
            else:
                yield self.finding("SMX439", f"{key[0]} {key[1]!r}: the value {show(fact.value)} is not found", fact.at)

    @property
    def is_readable(self) -> bool:
        """Whether the code of all that runs is in the document."""
        return bool(self.target.programs) and not self.target.visible

    def said(self, name: str) -> set[str]:
        """The constants that the code hands on under a name."""
        programs = self.target.programs.values()
        return {
            text for p in programs for own, texts in p.constants.items() if plain(own) == plain(name) for text in texts
        }

    def is_there(self, fact: Fact) -> bool:
        """Whether a fixed value is among the inputs, or in the code."""
        text = _unquoted(show(part for part in fact.value if not isinstance(part, Bucket)))
        arriving = [show(value.fact.value) for value in self.arriving]
        if any(text == each or (len(text) >= TELLING_LENGTH and text in each) for each in arriving):
            return True
        return any(program.holds(text) for program in self.target.programs.values())

    def extra_edges(self) -> Iterator[Finding]:
        wanted = {part.owner for part in self.source.parts() if isinstance(part, Product)} | {self.source.name}
        for value in self.arriving:
            for part in value.fact.value:
                if isinstance(part, Product) and part.owner not in wanted:
                    yield self.finding("SMX407", f"takes {show((part,))}, which the step does not", self.source.at)


def _unquoted(text: str) -> str:
    """A hyperparameter that the SDK wrote as JSON, as plain text."""
    if text.startswith('"'):
        try:
            return str(json.loads(text))
        except ValueError:
            pass
    return text
