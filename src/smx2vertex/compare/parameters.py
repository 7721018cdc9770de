"""The second question: same parameters, reaching the same places; and what each step runs on."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable, Iterator, Mapping
from difflib import SequenceMatcher
from itertools import pairwise
from typing import Any

from ..findings import Finding
from .correspondences import Correspondences
from .facts import APPROVALS
from .matching import Matcher
from .names import likeness, plain
from .neutral import Bucket, Fact, Node, Param, Parameter, Pipeline, Template, show, template
from .opaque import is_other_service

SMALLEST_DISK_GB = 100
# Names that say the same are not enough, nor is it enough to reach the same steps.
LEAST_RESEMBLANCE = 0.45
# A machine type of Compute Engine, such as n2-standard-4 or ct5lp-hightpu-1t.
_MACHINE = re.compile(r"[a-z]{1,2}\d+[a-z]*-[a-z]+(-[a-z0-9]+)*")
# Families of instance types that have accelerators: GPUs, Trainium, Inferentia.
_ACCELERATED = re.compile(r"ml\.(p|g|trn|inf)\d.*")
# What is bound when the pipeline is compiled may be a parameter in the source alone.
BOUND = ("count", "disk", "timeout", "image", "serving image", "machine")
# Kinds of steps that change something beside the pipeline at each run.
CHANGING = ("register", "model", "endpoint configuration", "endpoint", "inference component", "cleanup")
RESOURCES = ("image", "serving image", "machine", "count", "disk", "timeout", "caching", "retry")
CODES = {
    "image": "SMX460", "serving image": "SMX460", "machine": "SMX461", "count": "SMX462", "disk": "SMX463",
    "timeout": "SMX464", "caching": "SMX465", "retry": "SMX466",
}  # fmt: skip


def parameter_names(source: Pipeline, target: Pipeline) -> dict[str, str]:
    """The target's name of each parameter that it has.

    Names that are equal but for case and signs count as one. A name that no pipeline function can have, and one that
    was cut or extended, stands for the free one of its type that is most like it: what the parameter reaches is
    checked by its own. In a translation by hand, names of other words and equal defaults count, too.
    """
    names = {name: name for name in source.parameters if name in target.parameters}
    free = set(target.parameters).difference(names.values())
    pairs = [
        (name, other)
        for name, parameter in source.parameters.items()
        if name not in names
        for other in target.parameters
        if other in free and (plain(other) == plain(name) or _may_stand_for(target.parameters[other], parameter))
    ]
    for name, other in sorted(pairs, key=lambda pair: _likeness(*pair), reverse=True):
        if name not in names and other in free:
            names[name] = other
            free.remove(other)
    # Where the container contract runs, a conversion has kept the names: another one there is somebody's mistake.
    by_hand = not any(node.visible for node in target.nodes.values())
    return names | (_resembling(source, target, names, sorted(free)) if by_hand else {})


def _may_stand_for(other: Parameter, parameter: Parameter) -> bool:
    """Whether a parameter of the target may be one of the definition whose name was cut or extended."""
    name, key = plain(parameter.name), plain(other.name)
    alike = not _can_be_kept(parameter.name) or key.startswith(name) or name.startswith(key)
    return other.type == parameter.type and alike


def _likeness(name: str, other: str) -> tuple[float, float]:
    """How much two names are alike: without case and signs, then with them."""
    return SequenceMatcher(None, plain(name), plain(other)).ratio(), SequenceMatcher(None, name, other).ratio()


def _resembling(source: Pipeline, target: Pipeline, names: Mapping[str, str], free: Iterable[str]) -> dict[str, str]:
    """Further parameters that stand for each other, by words of their names, default, and the steps they reach."""
    used = {part.name for node in target.nodes.values() for part in node.parts() if isinstance(part, Param)}
    scores = [
        (_resemblance(parameter, target.parameters[key], _reached(name, source), _reached(key, target)), name, key)
        for name, parameter in source.parameters.items()
        for key in free
        if name not in names
        and target.parameters[key].type == parameter.type
        and (key in used or target.parameters[key].default == parameter.default)
    ]
    found: dict[str, str] = {}
    for score, name, key in sorted(scores, key=lambda entry: -entry[0]):
        if score >= LEAST_RESEMBLANCE and name not in found and key not in found.values():
            found[name] = key
    return found


def _resemblance(parameter: Parameter, other: Parameter, steps: set[str], reached: set[str]) -> float:
    """From 0 to 1; a bucket in the place of a machine, or a name in that of an address, is none at all."""
    wanted, got = _neutral(parameter.default), _neutral(other.default)
    if _form(wanted) != _form(got):
        return 0.0
    alike = parameter.default is not None and wanted == got
    common = len(steps & reached) / len(steps | reached) if steps and reached else 0.0
    return 0.4 * likeness(parameter.name, other.name) + 0.3 * alike + 0.3 * common


def _reached(parameter: str, pipeline: Pipeline) -> set[str]:
    """The steps that a parameter reaches, conditions around them left out."""
    found = set()
    for node in pipeline.nodes.values():
        facts = (*node.facts.values(), *(node.words or ()))
        if any(isinstance(part, Param) and part.name == parameter for fact in facts for part in fact.value):
            found.add(node.name)
    return found


def _form(default: str) -> str:
    return next((form for form in ("bucket:", "machine") if default.startswith(form)), "")


def _neutral(default: Any) -> str:
    """A default without what differs between the two clouds: a bucket, a machine."""
    if isinstance(default, bool):
        return str(default)
    number = _number(default)
    text = re.sub(r"^(s3|gs)://[^/]*", "bucket:", str(default)) if number is None else repr(number)
    return "machine" if text.startswith("ml.") or _MACHINE.fullmatch(text) else text


def _can_be_kept(name: str) -> bool:
    """Whether a pipeline function can have a parameter of this name (kfp wants an ASCII letter first)."""
    is_letter = name[:1].isascii() and name[:1].isalpha()
    return name.isascii() and name.isidentifier() and is_letter and not keyword.iskeyword(name)


class Parameters:
    """Compares parameters and resources; `findings` gives what differs."""

    def __init__(
        self,
        source: Pipeline,
        target: Pipeline,
        matcher: Matcher,
        correspondences: Correspondences,
        excluded: Mapping[str, str],
    ) -> None:
        """Keep both sides; the target has a node for each step that has tasks."""
        self.source = source
        self.target = target
        self.matcher = matcher
        self.correspondences = correspondences
        self.excluded = excluded

    def finding(self, code: str, message: str, at: str, step: str | None = None, place: str = "") -> Finding:
        """A finding; its message ends with the place in the pipeline spec, where there is one."""
        return Finding(code, f"{message} ({place})" if place else message, at, step, self.source.file, place)

    def findings(self, facts: list[Finding]) -> Iterator[Finding]:
        """All findings; `facts` are the differences of values that reach the steps."""
        for parameter in self.source.parameters.values():
            yield from self.parameter(parameter)
        known = set(self.matcher.parameters.values())
        for extra in self.target.parameters.values():
            if extra.name not in known:
                code = "SMX431" if extra.required else "SMX437"
                yield self.finding(code, f"parameter {extra.name} is new", "/Parameters", place=extra.at)
        yield from facts
        yield from self.unused()
        for step in self.source.nodes.values():
            node = self.target.nodes.get(step.name)
            if node is not None and step.name not in self.excluded:
                yield from self.resources(step, node)
        yield from self.unsettable()
        yield from self.correspondences.findings()

    def parameter(self, parameter: Parameter) -> Iterator[Finding]:
        name = self.matcher.parameters.get(parameter.name)
        if name is None:
            reached = [node.name for node in self.source.nodes.values() if _reaches(parameter.name, node)]
            where = f"; in the definition it reaches {', '.join(reached)}" if reached else ""
            yield self.finding("SMX430", f"parameter {parameter.name} is not there{where}", parameter.at)
            return
        found = self.target.parameters[name]
        if name != parameter.name:
            self.correspondences.add("parameter", parameter.name, name, parameter.at)
            if parameter.name.isidentifier():
                message = f"parameter {parameter.name} is called {name}"
                yield self.finding("SMX432", message, parameter.at, place=found.at)
        if found.type != parameter.type:
            message = f"parameter {parameter.name} is of type {found.type} instead of {parameter.type}"
            yield self.finding("SMX433", message, parameter.at, place=found.at)
        elif not self.same_default(parameter, found):
            message = f"the default of {parameter.name} is {_word(found)} instead of {_word(parameter)}"
            yield self.finding("SMX434", message, f"{parameter.at}/DefaultValue", place=found.at)
        if parameter.allowed is not None:
            allowed = ", ".join(map(str, parameter.allowed))
            yield self.finding("SMX435", f"{parameter.name} takes any value, not only {allowed}", parameter.at)

    def same_default(self, parameter: Parameter, found: Parameter) -> bool:
        wanted, got = parameter.default, found.default
        if got is None and found.required and not _can_be_held(parameter):
            return True  # Kubeflow has no room for such a default: a run must give a value
        if wanted is None or got is None:
            return wanted is got and parameter.required == found.required
        if parameter.type in ("int", "float"):
            return _number(wanted) == _number(got)
        if parameter.type == "bool":
            return str(wanted).lower() == str(got).lower()
        if str(wanted).startswith("ml.") and _MACHINE.fullmatch(str(got)):
            self.correspondences.add("machine", str(wanted), str(got), parameter.at)
            return True
        if wanted in APPROVALS and got not in APPROVALS and got and not self.is_approval(found.name):
            self.correspondences.add("approval", str(wanted), str(got), parameter.at)
            return True
        if self.names_bucket(parameter.name):
            self.correspondences.add("bucket", f"s3://{wanted}", f"gs://{got}", parameter.at)
            return True
        return self.matcher.same(template([str(wanted)]), template([str(got)]), parameter.at)

    def names_bucket(self, parameter: str) -> bool:
        """Whether a parameter is the bucket of an address: `s3://{Bucket}/train`."""
        values = (fact.value for node in self.source.nodes.values() for fact in node.facts.values())
        pairs = (pair for value in values for pair in pairwise(value))
        return any(
            first == Bucket("s3", "") and isinstance(second, Param) and second.name == parameter
            for first, second in pairs
        )

    def is_approval(self, parameter: str) -> bool:
        """Whether a parameter of the target is a status that the contract reads, which knows SageMaker's words only."""
        statuses = (node.facts.get(("approval",)) for node in self.target.nodes.values() if node.visible)
        found = (part for fact in statuses if fact is not None for part in fact.value)
        return any(isinstance(part, Param) and part.name == parameter for part in found)

    def unused(self) -> Iterator[Finding]:
        """Parameters that reach no step any more, though they reached one that is compared."""
        used = {part.name for node in self.target.nodes.values() for part in node.parts() if isinstance(part, Param)}
        fed: dict[str, str] = {}
        for node in self.source.nodes.values():
            if node.name in self.excluded or node.name not in self.target.nodes:
                continue
            bound = {f.at for key, f in node.facts.items() if key[0] in BOUND}
            facts = [f for key, f in node.facts.items() if f.at not in bound and key[0] in self.seen_kinds(node)]
            for fact in (*facts, *(node.words or ())):
                fed.update({part.name: fact.at for part in fact.value if isinstance(part, Param)})
        for name, at in fed.items():
            target = self.matcher.parameters.get(name)
            if target is not None and target not in used:
                yield self.finding("SMX436", f"parameter {name} reaches no task any more", at)

    def seen_kinds(self, node: Node) -> set[str]:
        return {key[0] for key in node.facts} - ({"reference"} if node.visible else set())

    # --- what steps run on ---

    def resources(self, step: Node, node: Node) -> Iterator[Finding]:
        keys = [key for what in RESOURCES for key in step.facts if key[0] == what]
        for key in keys:
            what, wanted = key[0], step.facts[key]
            found = node.facts.get(key) if len(key) > 1 else self.resource(node, what)
            if found is None:
                yield from self.absent(step, node, what, wanted)
            elif not self.same_resource(what, wanted, found.value):
                yield from self.other_resource(step, node, what, wanted, found.value)
        yield from self.accelerator(step, node)
        if ("retry",) not in step.facts and (retry := node.facts.get(("retry",))) is not None and retry.value:
            message = f"is tried again {show(retry.value)} times, the step is not"
            yield self.finding(CODES["retry"], message, step.at, step.name, node.at)

    def accelerator(self, step: Node, node: Node) -> Iterator[Finding]:
        """An accelerator where the instance type has none, or where it has another one elsewhere."""
        machine, found = step.facts.get(("machine",)), node.facts.get(("accelerator",))
        if machine is None or found is None:
            return
        parameter = self.source.parameters.get(next(iter(_params(machine.value)), ""))
        instance = show(machine.value) if parameter is None else str(parameter.default)
        if _ACCELERATED.fullmatch(instance):
            self.correspondences.add("accelerator", instance, show(found.value), machine.at)
        elif instance.startswith("ml."):
            message = f"has the accelerator {show(found.value)}, {instance} has none ({node.at})"
            yield self.finding(CODES["machine"], message, machine.at, step.name)

    def unsettable(self) -> Iterator[Finding]:
        """One finding for all that plain containers have no setting for."""
        found: dict[str, list[str]] = {}
        for step in self.source.nodes.values():
            node = self.target.nodes.get(step.name)
            for what in ("machine", "disk", "timeout") if node is not None and step.name not in self.excluded else ():
                if node is None or is_other_service(node):
                    continue
                if (what,) in step.facts and self.resource(node, what) is None:
                    found.setdefault(what, []).append(step.name)
        for what, steps in found.items():
            message = f"plain containers have no setting for the {what} of {', '.join(steps)}"
            at = self.source.nodes[steps[0]].facts[(what,)].at
            yield self.finding("SMX472", message, at)

    def resource(self, node: Node, what: str) -> Fact | None:
        """A resource; limits of processors and memory stand for the machine where there is none."""
        cpu, memory = node.facts.get(("cpu",)), node.facts.get(("memory",))
        if what == "machine" and ("machine",) not in node.facts and cpu and memory:
            return Fact((f"{show(cpu.value)} CPU, {show(memory.value)}",), cpu.at)
        return node.facts.get((what,))

    def absent(self, step: Node, node: Node, what: str, wanted: Fact) -> Iterator[Finding]:
        custom_job = ("timeout",) in node.facts
        if what == "count" and wanted.value != ("1",) and not custom_job and not _params(wanted.value):
            message = f"runs on one machine instead of {show(wanted.value)}"
            yield self.finding(CODES[what], message, wanted.at, step.name, node.at)

    def same_resource(self, what: str, wanted: Fact, found: Template) -> bool:
        if self.matcher.same(wanted.value, found, wanted.at, lax=True):
            return True
        if _params(wanted.value) or _params(found):
            return False
        if what in ("image", "serving image", "machine"):
            kind = "limits" if what == "machine" and " CPU, " in show(found) else what
            self.correspondences.add(kind, show(wanted.value), show(found), wanted.at)
            return True
        if what == "retry" and not found:
            return False
        first, second = _number(show(wanted.value)), _number(re.sub(r"s$", "", show(found)))
        if what == "disk" and first is not None:
            return second == max(first, SMALLEST_DISK_GB)
        return first is not None and first == second

    def other_resource(self, step: Node, node: Node, what: str, wanted: Fact, found: Template) -> Iterator[Finding]:
        if what in BOUND and not _params(found) and self.is_default(wanted, found, what):
            message = f"the {what} is bound to the default of {show(wanted.value)} when the pipeline is compiled"
            yield self.finding("SMX467", message, wanted.at, step.name, node.at)
            return
        if what == "caching" and step.kind in CHANGING:
            message = "caching is on: with the same inputs, it is done once only"
            yield self.finding("SMX474", message, wanted.at, step.name, node.at)
            return
        message = f"the {what} is {show(found)} instead of {show(wanted.value)}"
        yield self.finding(CODES[what], message, wanted.at, step.name, node.at)

    def is_default(self, wanted: Fact, found: Template, what: str) -> bool:
        """Whether the target has the default of the parameter that the source gives."""
        names = _params(wanted.value)
        if len(names) != 1 or len(wanted.value) != 1:
            return False
        parameter = self.source.parameters.get(names[0])
        if parameter is None or parameter.default is None:
            return False
        return self.same_resource(what, Fact((str(parameter.default),), wanted.at), found)


def _reaches(parameter: str, node: Node) -> bool:
    return any(isinstance(part, Param) and part.name == parameter for part in node.parts())


def _can_be_held(parameter: Parameter) -> bool:
    """Whether a default is a value of its type, and no whole number beyond what a double holds."""
    if parameter.type == "bool":
        return str(parameter.default).lower() in ("true", "false")
    number = _number(parameter.default)
    if parameter.type == "int" and number is not None:
        return abs(number) < 2**53 or str(parameter.default).lstrip("-") == str(2**53)
    return parameter.type == "str" or number is not None


def _params(value: Template) -> list[str]:
    return [part.name for part in value if isinstance(part, Param)]


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _word(parameter: Parameter) -> str:
    return "missing" if parameter.default is None else repr(parameter.default)
