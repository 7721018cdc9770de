"""Compares what reaches a step on the two sides, fact by fact."""

from __future__ import annotations

import posixpath
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from ..findings import Finding
from .matching import Matcher
from .names import plain
from .neutral import Bucket, Fact, Key, Node, Param, Part, Product, Template, show
from .queries import same_query


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of fact: its name in messages, and the codes for what is missing, differs, or is new; None: no matter."""

    label: str
    missing: str | None
    differs: str
    extra: str | None


KINDS = {
    "input": Kind("input", "SMX452", "SMX452", "SMX452"),
    "channel": Kind("channel", "SMX452", "SMX452", "SMX452"),
    "data": Kind("data", "SMX452", "SMX452", "SMX452"),
    "model data": Kind("model", "SMX452", "SMX452", "SMX452"),
    "hyperparameter": Kind("hyperparameter", "SMX442", "SMX443", "SMX444"),
    "environment": Kind("environment variable", "SMX445", "SMX446", "SMX447"),
    "program": Kind("program", "SMX448", "SMX448", "SMX448"),
    "message": Kind("message", "SMX449", "SMX449", "SMX449"),
    "group": Kind("group", "SMX450", "SMX450", None),
    "approval": Kind("approval", "SMX450", "SMX450", "SMX450"),
    "description": Kind("description", "SMX450", "SMX450", "SMX450"),
    "label": Kind("metadata entry", "SMX450", "SMX450", "SMX450"),
    "metrics": Kind("model metrics", "SMX458", "SMX450", "SMX450"),
    "content types": Kind("content type", "SMX450", "SMX450", "SMX450"),
    "response types": Kind("response type", "SMX450", "SMX450", "SMX450"),
    "function": Kind("function", "SMX451", "SMX451", "SMX451"),
    "queue": Kind("queue", "SMX451", "SMX451", "SMX451"),
    "request": Kind("field of the request", "SMX451", "SMX451", "SMX451"),
    "serving machine": Kind("machine of the variant", "SMX451", "SMX451", "SMX451"),
    "destination": Kind("fixed destination", "SMX454", "SMX453", "SMX453"),
    "checkpoints": Kind("checkpoints in", "SMX452", "SMX452", "SMX452"),
    "metric definition": Kind("metric definition", "SMX455", "SMX455", "SMX455"),
    "code": Kind("code", "SMX456", "SMX456", None),
    "compression": Kind("compression of the model", "SMX453", "SMX453", "SMX453"),
    "query": Kind("query for", "SMX451", "SMX451", "SMX451"),
    "selector": Kind("choice among the copies", None, "SMX451", "SMX451"),
    "collected": Kind("what a loop collects of", None, "SMX452", None),
    "divided": Kind("division of", "SMX451", "SMX451", "SMX451"),
    "content type": Kind("content type of channel", "SMX457", "SMX457", "SMX457"),
}
# Where a value that another step makes does not arrive, an edge of the graph is wrong.
EDGE = Kind("", "SMX404", "SMX405", "SMX407")
SWAPPED_EDGES = "SMX406"
SWAPPED_VALUES = "SMX440"
# Where the SageMaker SDK, versions 2 and 3, puts code.
CODE_PLACES = ("code", "entrypoint", "sm_drivers")
# The words of approval that SageMaker knows; a translation may use aliases of its own instead.
# What lies outside the pipeline and goes by another name there: each has one counterpart, whatever its name.
OUTSIDE = ("function", "queue")
APPROVALS = ("Approved", "Rejected", "PendingManualApproval")


class FactComparison:
    """Compares the facts of one step with those of the tasks that stand for it."""

    def __init__(
        self, matcher: Matcher, source: Node, target: Node, excluded: Collection[str], file: str | None
    ) -> None:
        """Keep both sides; `excluded` are the steps that are not compared, `file` is the definition's."""
        self.excluded = excluded
        self.matcher = matcher
        self.source = source
        self.target = target
        self.file = file

    def finding(self, code: str, message: str, at: str) -> Finding:
        """A finding about this step that names the place in the target, too."""
        place = self.target.at
        return Finding(code, f"{message} ({place})", at, self.source.name, self.file, place)

    def findings(self) -> Iterator[Finding]:
        """All differences in what reaches the step; machines and the like apart."""
        pairs = self.differing()
        both_sides = [(key, wanted, found) for key, (wanted, found) in pairs.items() if wanted and found]
        for first, second in list(self.swapped(both_sides)):
            yield from self.swap(first, second)
            del pairs[first], pairs[second]
        for key, (wanted, found) in pairs.items():
            yield from self.difference(key, wanted, found)
        yield from self.outputs()
        yield from self.words()
        yield from self.refused()

    def refused(self) -> Iterator[Finding]:
        """What the contract, or the step whose code it is, would not run."""
        for key, fact in self.target.facts.items():
            if key[0] == "unread":
                message = f"the container contract cannot read {show(fact.value)}"
                yield self.finding("SMX422", message, self.source.at)
            elif key[0] == "other code":
                yield self.finding("SMX456", f"runs the code of another step: {show(fact.value)}", self.source.at)

    def differing(self) -> dict[Key, tuple[Fact | None, Fact | None]]:
        source, target = self.facts(self.source), self.facts(self.target)
        found: dict[Key, tuple[Fact | None, Fact | None]] = {}
        for key in dict.fromkeys((*source, *target)):
            wanted, got = source.get(key), target.get(key)
            if wanted is not None and got is not None:
                if not self.same(key, wanted, got):
                    found[key] = (wanted, got)
            elif not self.is_declared(key, wanted):
                found[key] = (wanted, got)
        return found

    def facts(self, node: Node) -> dict[Key, Fact]:
        return {key: fact for key, fact in node.facts.items() if key[0] in KINDS}

    def same(self, key: Key, wanted: Fact, found: Fact) -> bool:
        if key[0] == "code":
            return True
        if key[0] in OUTSIDE and _is_fixed(wanted.value) and _is_fixed(found.value):
            self.matcher.correspondences.add(key[0], show(wanted.value), show(found.value), wanted.at)
            return True
        if key[0] == "serving machine" and _is_machine_of_aws(found.value):
            return False
        if key[0] == "serving machine" and _is_machine_of_aws(wanted.value) and found.value and _is_fixed(found.value):
            self.matcher.correspondences.add("machine", show(wanted.value), show(found.value), wanted.at)
            accelerator = self.target.facts.get(("serving accelerator", key[1]))
            names = "none" if accelerator is None else show(accelerator.value)
            self.matcher.correspondences.add("accelerators", show(wanted.value), names, wanted.at)
            return True
        if key[0] == "query" and self.is_same_query(key, wanted, found):
            return True
        return self.matcher.same(wanted.value, found.value, wanted.at) or self.is_of_excluded(wanted, found)

    def is_of_excluded(self, wanted: Fact, found: Fact) -> bool:
        """Whether both values are made by the same steps, which are all left out: what they make is not known."""
        makers = [{part.owner for part in fact.value if isinstance(part, Product)} for fact in (wanted, found)]
        return bool(makers[0]) and makers[0] == makers[1] and makers[0] <= set(self.excluded)

    def is_same_query(self, key: Key, wanted: Fact, found: Fact) -> bool:
        """Whether two queries say the same in SQL of their own; tables of other names are noted."""
        references = [part for part in wanted.value if not isinstance(part, str)]

        def text(value: Template) -> str:
            return "".join(part if isinstance(part, str) else f"zq{number(part)}qz" for part in value)

        def number(part: Part) -> int:
            alike = (n for n, each in enumerate(references) if self.matcher.part(each, part) is not None)
            return next(alike, -1)

        place: Key = ("dialect", key[1])
        dialect = show(self.source.facts[place].value)
        tables = same_query(text(wanted.value), dialect, text(found.value))
        for first, second in tables or ():
            self.matcher.correspondences.add("table", first, second, wanted.at)
        return tables is not None

    def is_declared(self, key: Key, wanted: Fact | None) -> bool:
        """Whether a fact that stands on one side only is a rewrite that changes nothing."""
        kind = key[0]
        if kind in ("input", "channel") and wanted is not None:
            # User code comes from the code artifact instead of an address; what it holds is a check of its own.
            is_code = not references_in(wanted.value) and self.is_code_place(key[1])
            return is_code and ("code", key[1]) in self.target.facts
        if kind == "destination" and wanted is None:
            default = self.source.facts.get(("default destination", key[1]))
            return default is not None and self.matcher.same(default.value, self.target.facts[key].value, default.at)
        if kind == "metric definition" and wanted is None:
            # SageMaker knows the metrics of its own algorithms by itself
            return ("algorithm",) in self.target.facts
        if kind == "content type":
            return ("code", key[1]) in self.target.facts
        if kind == "collected":  # what is not collected cannot reach those who read it: that is found there
            return True
        if kind == "group":
            return wanted is None
        # SageMaker's serving containers look for this script where the model names none
        is_transform = kind == "program" and self.source.kind == "transform"
        return is_transform and wanted is None and self.target.facts[key].value == ("inference.py",)

    def is_code_place(self, place: str) -> bool:
        """Whether a folder or channel holds code: by its name, or because the entry point looks into it."""
        folder = place if place.startswith("/") else f"/opt/ml/input/data/{place}"
        words = " ".join(show(word.value) for word in self.source.words or ())
        return posixpath.basename(folder) in CODE_PLACES or f"{folder}/" in words

    def difference(self, key: Key, wanted: Fact | None, found: Fact | None) -> Iterator[Finding]:
        kind = KINDS[key[0]]
        codes = EDGE if self.is_edge(wanted, found) else kind
        label = f"{kind.label} {key[1]!r}" if len(key) > 1 else f"the {kind.label}"
        if wanted is None:
            if codes.extra is not None and found is not None:
                yield self.finding(
                    codes.extra, f"{label} gets {show(found.value)}, where the step has nothing", self.source.at
                )
        elif found is None:
            owners = {part.owner for part in wanted.value if isinstance(part, Product)}
            if owners and owners <= set(self.excluded):
                codes = kind
            if codes.missing is not None:
                what = f" ({show(wanted.value)})" if wanted.value else ""
                yield self.finding(codes.missing, f"{label}{what} is not there", wanted.at)
        else:
            message = f"{label} gets {show(found.value)} instead of {show(wanted.value)}"
            yield self.finding(codes.differs, message, wanted.at)

    def is_edge(self, wanted: Fact | None, found: Fact | None) -> bool:
        """Whether what other steps make differs, and not only the text around it."""
        made = [
            tuple(part for part in fact.value if isinstance(part, Product)) if fact else () for fact in (wanted, found)
        ]
        return not self.matcher.alike(*made)

    def swapped(self, pairs: list[tuple[Key, Fact, Fact]]) -> Iterator[tuple[Key, Key]]:
        done: set[Key] = set()
        for index, (key, wanted, found) in enumerate(pairs):
            for other, other_wanted, other_found in pairs[index + 1 :]:
                crossed = self.matcher.alike(wanted.value, other_found.value)
                if not done & {key, other} and crossed and self.matcher.alike(other_wanted.value, found.value):
                    done |= {key, other}
                    yield key, other

    def swap(self, first: Key, second: Key) -> Iterator[Finding]:
        wanted = self.source.facts[first]
        edge = any(isinstance(part, Product) for part in wanted.value)
        message = f"{' '.join(first)} and {' '.join(second)} got each other's values"
        yield self.finding(SWAPPED_EDGES if edge else SWAPPED_VALUES, message, wanted.at)

    def outputs(self) -> Iterator[Finding]:
        for key, fact in self.source.facts.items():
            if key[0] == "output" and key not in self.target.facts:
                yield self.finding("SMX421", f"nothing is published from {key[1]}", fact.at)

    def words(self) -> Iterator[Finding]:
        source, target = self.source.words, self.target.words
        if source is None:
            yield from self.own_program()
            return
        if target is None:
            if ("algorithm",) not in self.target.facts:
                yield self.finding("SMX448", "the entry point is not run", source[0].at)
            return
        differing = [
            (wanted, found)
            for wanted, found in zip(source, target, strict=False)
            if not self.matcher.same(wanted.value, found.value, wanted.at)
        ]
        if len(source) == len(target) and self.is_reordered(differing):
            named = " and ".join(show(wanted.value) for wanted, _ in differing)
            yield self.finding(SWAPPED_VALUES, f"the arguments {named} changed places", differing[0][0].at)
            return
        for wanted, found in differing:
            edge = self.is_edge(wanted, found)
            code = "SMX405" if edge else "SMX448" if wanted is source[0] else "SMX441"
            yield self.finding(code, f"the argument {show(wanted.value)} became {show(found.value)}", wanted.at)
        for wanted in source[len(target) :]:
            yield self.finding("SMX441", f"the argument {show(wanted.value)} is not there", wanted.at)
        for found in target[len(source) :]:
            yield self.finding("SMX441", f"the argument {show(found.value)} is too much", source[-1].at)

    def is_reordered(self, differing: list[tuple[Fact, Fact]]) -> bool:
        found = [fact for _, fact in differing]
        for wanted, _ in differing:
            other = next((fact for fact in found if self.matcher.alike(wanted.value, fact.value)), None)
            if other is None:
                return False
            found.remove(other)
        return bool(differing)

    def own_program(self) -> Iterator[Finding]:
        """The image's own program runs: SageMaker starts it with `train`; an adapter bears the image's name."""
        image = self.source.facts.get(("image",))
        algorithm = self.target.facts.get(("algorithm",))
        if algorithm is not None and image is not None and plain(show(algorithm.value)) not in plain(show(image.value)):
            message = f"{show(image.value)} became the algorithm {show(algorithm.value)}"
            yield self.finding("SMX448", message, image.at)
        words = self.target.words
        if words is not None and [fact.value for fact in words] != [("train",)]:
            message = f"the image's own program became {' '.join(show(word.value) for word in words)}"
            yield self.finding("SMX448", message, self.source.at)


def references_in(value: Template) -> list[Param | Product]:
    return [part for part in value if isinstance(part, Param | Product)]


def _is_fixed(value: Template) -> bool:
    """Whether nothing in a value is known at run time only."""
    return all(isinstance(part, str | Bucket) for part in value)


def _is_machine_of_aws(value: Template) -> bool:
    return len(value) == 1 and isinstance(value[0], str) and value[0].startswith("ml.")
