"""Reads a pipeline definition. Whatever the document holds is kept; what is odd becomes a finding with its place."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

from ..findings import Finding, InputError
from .definition import (
    MISSING,
    Branch,
    BranchName,
    Cache,
    Comparison,
    Condition,
    Definition,
    Dependency,
    Membership,
    Not,
    Or,
    Parameter,
    Place,
    PropertyFile,
    Retry,
    Step,
    UnknownCondition,
)
from .expressions import (
    Join,
    JsonGet,
    ParameterReference,
    PropertyReference,
    Trail,
    expressions_in,
    parse,
    parts,
    pointer_of,
    pointer_token,
)

# SageMaker allows 1 MiB; what is fifty times as large is something else.
MAX_BYTES = 50 * 1024 * 1024
MAX_DEPTH = 400
MAX_VALUES = 1_000_000
TYPES = ("String", "Integer", "Float", "Boolean")
_BRANCHES = ("IfSteps", "ElseSteps")
_BODY = "ForEachBody"
_PLACEHOLDER = re.compile(r"\$\{[A-Za-z_][\w.-]*\}")
_COMMANDS = frozenset({"ContainerEntrypoint", "ContainerArguments", "Args"})
COMPARISONS = ("Equals", "GreaterThan", "GreaterThanOrEqualTo", "LessThan", "LessThanOrEqualTo")


def load(path: str | Path, name: str | None = None) -> Definition:
    """Read a definition from a JSON or YAML file.

    Args:
        path: the file: a definition, or the answer of DescribePipeline that holds one.
        name: the name of the pipeline, where it is known better than from the document.

    Raises:
        InputError: the file cannot be read, is no JSON or YAML, or no definition.
    """
    file = Path(path)
    try:
        size = file.stat().st_size
        if size > MAX_BYTES:
            raise _error(
                "SMX103", f"{size / 2**20:.0f} MiB are too much for a definition ({MAX_BYTES >> 20} MiB)", file
            )
        text = file.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise _error("SMX101", f"cannot be read: {error.strerror}", file) from error
    except UnicodeDecodeError as error:
        raise _error("SMX102", f"is no UTF-8 text (byte {error.start})", file) from error
    return loads(text, name=name, file=str(path))


def loads(text: str, name: str | None = None, file: str | None = None) -> Definition:
    """Read a definition from text: YAML if the name of the file ends so, else JSON; the rest as for `load`."""
    duplicates: list[str] = []
    if file is not None and file.endswith((".yaml", ".yml")) and not text.lstrip().startswith("{"):
        document = _parse_yaml(text, file, duplicates)
    else:
        document = _parse_json(text, file, duplicates)
    if isinstance(document, dict) and isinstance(document.get("PipelineDefinition"), str):
        name = name or document.get("PipelineName")
        document = _parse_json(document["PipelineDefinition"], file, duplicates)
    findings = [
        Finding("SMX107", f"the key {key!r} stands twice in one object: the last value counts", file=file)
        for key in duplicates
    ]
    return read(document, name=name, file=file, findings=findings)


def read(
    document: Any, name: str | None = None, file: str | None = None, findings: list[Finding] | None = None
) -> Definition:
    """Read a definition from a JSON value; arguments and errors as for `load`."""
    _check_values(document, file)
    if not isinstance(document, dict) or not isinstance(document.get("Steps"), list):
        raise _error("SMX105", "is no pipeline definition: it has no list of Steps", file)
    reader = _Reader(document, file, findings if findings is not None else [])
    return reader.definition(name)


def _error(code: str, message: str, file: str | Path | None, pointer: str = "") -> InputError:
    return InputError(Finding(code, message, pointer, file=None if file is None else str(file)))


def _parse_json(text: str, file: str | None, duplicates: list[str]) -> Any:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(pairs)
        if len(made) != len(pairs):
            keys = [key for key, _ in pairs]
            duplicates.extend(key for key in made if keys.count(key) > 1)
        return made

    def no_constant(constant: str) -> Any:
        raise _error("SMX102", f"is no JSON: {constant} is no JSON number", file)

    try:
        return json.loads(text, object_pairs_hook=unique, parse_constant=no_constant)
    except RecursionError as error:
        raise _error("SMX104", f"is nested deeper than {MAX_DEPTH} levels", file) from error
    except ValueError as error:
        where = f"line {error.lineno}, column {error.colno}: " if isinstance(error, json.JSONDecodeError) else ""
        message = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
        if isinstance(error, json.JSONDecodeError) and text.startswith("${", error.pos):
            message = "a placeholder of a template stands here: fill the template in first"
        raise _error("SMX102", f"is no JSON: {where}{message}", file) from error


def _parse_yaml(text: str, file: str, duplicates: list[str]) -> Any:
    from .yaml_text import DepthError, YamlError, loads

    try:
        document, found = loads(text, MAX_DEPTH)
    except DepthError as error:
        raise _error("SMX104", f"is nested deeper than {MAX_DEPTH} levels", file) from error
    except YamlError as error:
        raise _error("SMX102", f"is no YAML: {error}", file) from error
    duplicates.extend(found)
    return document


def _check_values(document: Any, file: str | None) -> None:
    """Bound depth and size and refuse what no JSON file can hold, before anything walks the document recursively."""
    stack: list[tuple[Any, Trail | None, int]] = [(document, None, 0)]
    seen = 0
    while stack:
        value, trail, depth = stack.pop()
        seen += 1
        if seen > MAX_VALUES:  # the aliases of a YAML document can stand for any number
            raise _error("SMX103", f"more than {MAX_VALUES} values are too many for a definition", file)
        if depth > MAX_DEPTH:
            raise _error("SMX104", f"is nested deeper than {MAX_DEPTH} levels", file, pointer_of(trail)[:200])
        if isinstance(value, str):
            if not value.isascii() and any("\ud800" <= character <= "\udfff" for character in value):
                raise _error("SMX106", "holds half a surrogate pair, which is no text", file, pointer_of(trail))
        elif isinstance(value, float):
            if not math.isfinite(value):
                raise _error("SMX102", "is no JSON: a number is too large", file, pointer_of(trail))
        elif isinstance(value, dict):
            stack += [(key, trail, depth) for key in value if not str(key).isascii()]
            stack += [(item, (trail, key), depth + 1) for key, item in value.items()]
        elif isinstance(value, list):
            stack += [(item, (trail, index), depth + 1) for index, item in enumerate(value)]


class _Reader:
    """Reads one document; collects findings on the way."""

    def __init__(self, document: dict[str, Any], file: str | None, findings: list[Finding]) -> None:
        self.document = document
        self.file = file
        self.findings = findings
        self.names = frozenset(_step_names(document["Steps"]))
        self.expressions = tuple(expressions_in(document, self.names))

    def definition(self, name: str | None) -> Definition:
        if "Version" not in self.document:
            self.note("SMX110", "the definition names no Version: read as 2020-12-01")
        elif self.document["Version"] != "2020-12-01":
            self.note("SMX110", f"Version {self.document['Version']!r} is read as 2020-12-01", "/Version")
        parameters = self.parameters()
        steps = self.steps(self.document["Steps"], "/Steps", None)
        parameters |= self.undeclared(parameters)
        self.note_placeholders()
        found = name or _name_in_outputs(self.expressions) or (Path(self.file).stem if self.file else "pipeline")
        definition = Definition(found, parameters, steps, self.document, self.file, self.findings, self.expressions)
        self.check_structure(definition)
        return definition

    def note(self, code: str, message: str, pointer: str = "", step: str | None = None) -> None:
        self.findings.append(Finding(code, message, pointer, step, self.file))

    def parameters(self) -> dict[str, Parameter]:
        entries = self.document.get("Parameters")
        if entries is None:
            return {}
        if not isinstance(entries, list):
            self.note("SMX111", "Parameters is no list: it is kept, and not read", "/Parameters")
            return {}
        found: dict[str, Parameter] = {}
        for index, entry in enumerate(entries):
            parameter = self.parameter(entry, f"/Parameters/{index}")
            if parameter is None:
                continue
            if parameter.name in found:
                self.note("SMX124", f"two parameters have the name {parameter.name!r}", parameter.pointer)
            found[parameter.name] = parameter
        return found

    def parameter(self, entry: Any, pointer: str) -> Parameter | None:
        if not isinstance(entry, dict) or not isinstance(entry.get("Name"), str):
            self.note("SMX111", "this entry has no Name, so nothing can refer to it", pointer)
            return None
        name, type_ = entry["Name"], entry.get("Type", "String")
        if type_ not in TYPES:
            self.note("SMX112", f"parameter {name!r} has the type {type_!r}: read as String", f"{pointer}/Type")
            type_ = "String"
        elif "Type" not in entry:
            self.note("SMX112", f"parameter {name!r} has no type: read as String", pointer)
        allowed = entry.get("EnumValues")
        return Parameter(
            name=name,
            type=type_,
            default=entry.get("DefaultValue", MISSING),
            allowed=tuple(allowed) if isinstance(allowed, list) else None,
            pointer=pointer,
        )

    def undeclared(self, declared: dict[str, Parameter]) -> dict[str, Parameter]:
        found: dict[str, Parameter] = {}
        for pointer, outer in self.expressions:
            for part in parts(outer):
                if isinstance(part, ParameterReference) and part.name not in declared and part.name not in found:
                    self.note("SMX113", f"parameter {part.name!r} is used, but not declared: read as String", pointer)
                    found[part.name] = Parameter(part.name, "String", MISSING, None, pointer, declared=False)
        return found

    def note_placeholders(self) -> None:
        """What a template writes as `${NAME}` and nobody filled in; in commands it is the shell's."""
        found: dict[str, str] = {}
        stack: list[tuple[Any, Trail | None]] = [(self.document, None)]
        while stack:
            value, trail = stack.pop()
            if isinstance(value, str):
                for name in _PLACEHOLDER.findall(value):
                    found.setdefault(name, pointer_of(trail))
            elif isinstance(value, dict):
                items = [(item, (trail, key)) for key, item in value.items() if _may_hold(key, item)]
                stack.extend(reversed(items))
            else:
                stack.extend((value[i], (trail, i)) for i in range(len(value) - 1, -1, -1) if _may_hold("", value[i]))
        for name, pointer in found.items():
            self.note("SMX127", f"the placeholder {name} of a template is not filled in", pointer)

    def steps(self, entries: list[Any], pointer: str, branch: Branch | None) -> tuple[Step, ...]:
        read = (self.step(entry, f"{pointer}/{index}", branch) for index, entry in enumerate(entries))
        return tuple(step for step in read if step is not None)

    def step(self, entry: Any, pointer: str, branch: Branch | None) -> Step | None:
        if not isinstance(entry, dict) or not isinstance(entry.get("Name"), str) or not entry["Name"]:
            self.note("SMX120", "this step has no Name: nothing can refer to it, and it cannot be converted", pointer)
            return None
        name, type_ = entry["Name"], entry.get("Type")
        if not isinstance(type_, str):
            self.note("SMX121", f"step {name!r} has no Type", pointer, name)
            type_ = ""
        arguments = entry.get("Arguments")
        if not isinstance(arguments, dict):
            if arguments is not None:
                self.note("SMX121", f"the Arguments of step {name!r} are no object", f"{pointer}/Arguments", name)
            arguments = {}
        inner = f"{pointer}/Arguments"
        return Step(
            name=name,
            type=type_,
            arguments=arguments,
            raw=entry,
            pointer=pointer,
            dependencies=tuple(_dependencies(entry.get("DependsOn"), f"{pointer}/DependsOn")),
            branch=branch,
            property_files=tuple(self.property_files(entry, arguments, pointer, name)),
            cache=_cache(entry.get("CacheConfig")),
            retries=tuple(_retries(entry.get("RetryPolicies"), pointer)),
            conditions=self.conditions(arguments.get("Conditions"), f"{inner}/Conditions", name),
            if_steps=self.branch(arguments, "IfSteps", inner, name, "if"),
            else_steps=self.branch(arguments, "ElseSteps", inner, name, "else"),
            body=self.steps(arguments[_BODY], f"{inner}/{_BODY}", branch) if _has_body(entry) else (),
            expressions=tuple(self.expressions_of(entry, pointer)),
        )

    def expressions_of(self, entry: dict[str, Any], pointer: str) -> Iterator[Place]:
        for key, value in entry.items():
            fields = value
            if key == "Arguments" and isinstance(value, dict):
                fields = {name: item for name, item in value.items() if name not in _BRANCHES}
            yield from expressions_in(fields, self.names, f"{pointer}/{pointer_token(key)}")

    def property_files(
        self, entry: dict[str, Any], arguments: dict[str, Any], pointer: str, step: str
    ) -> Iterator[PropertyFile]:
        yield from _property_files(entry.get("PropertyFiles"), f"{pointer}/PropertyFiles")
        inside = f"{pointer}/Arguments/PropertyFiles"
        misplaced = list(_property_files(arguments.get("PropertyFiles"), inside))
        if misplaced and "PropertyFiles" not in entry:
            message = "PropertyFiles stand inside the Arguments: read as if they stood beside them"
            self.note("SMX128", message, inside, step)
            yield from misplaced

    def branch(
        self, arguments: dict[str, Any], key: str, pointer: str, condition: str, name: BranchName
    ) -> tuple[Step, ...]:
        entries = arguments.get(key)
        if not isinstance(entries, list):
            return ()
        return self.steps(entries, f"{pointer}/{key}", Branch(condition, name))

    def conditions(self, entries: Any, pointer: str, step: str) -> tuple[Condition, ...]:
        if not isinstance(entries, list):
            return ()
        return tuple(self.condition(entry, f"{pointer}/{index}", step) for index, entry in enumerate(entries))

    def condition(self, entry: Any, pointer: str, step: str) -> Condition:
        if not isinstance(entry, dict):
            return self.unknown_condition(entry, pointer, step)
        type_ = entry.get("Type", entry.get("ConditionType"))
        if type_ in COMPARISONS and "LeftValue" in entry and "RightValue" in entry:
            left, right = parse(entry["LeftValue"], self.names), parse(entry["RightValue"], self.names)
            return Comparison(type_, left, right, pointer)
        if type_ == "In":
            # The published schema writes Value and In where the SDKs write QueryValue and Values.
            query, values = entry.get("QueryValue", entry.get("Value")), entry.get("Values", entry.get("In"))
            if isinstance(values, list):
                return Membership(
                    parse(query, self.names), tuple(parse(value, self.names) for value in values), pointer
                )
        inner = entry.get("Condition", entry.get("Expression"))
        if type_ == "Not" and inner is not None:
            key = "Condition" if "Condition" in entry else "Expression"
            return Not(self.condition(inner, f"{pointer}/{key}", step), pointer)
        if type_ == "Or" and isinstance(entry.get("Conditions"), list):
            return Or(self.conditions(entry["Conditions"], f"{pointer}/Conditions", step), pointer)
        return self.unknown_condition(entry, pointer, step)

    def unknown_condition(self, entry: Any, pointer: str, step: str) -> UnknownCondition:
        type_ = entry.get("Type", entry.get("ConditionType")) if isinstance(entry, dict) else None
        self.note("SMX126", f"step {step!r} has a condition of type {type_!r}, which SageMaker lacks", pointer, step)
        return UnknownCondition(entry, pointer)

    def check_structure(self, definition: Definition) -> None:
        """Unique names, references that lead somewhere, no cycles."""
        seen: dict[str, Step] = {}
        steps = list(definition.all_steps(bodies=True))
        for step in steps:
            if step.name in seen:
                other = seen[step.name].pointer
                self.note("SMX122", f"two steps have the name {step.name!r} (the other at {other})", step.pointer)
            seen.setdefault(step.name, step)
        edges = {step.name: set(self.dependencies(step)) for step in steps}
        for step in steps:
            for child in (*step.children, *step.body):
                edges[child.name].add(step.name)
        try:
            TopologicalSorter(edges).prepare()
        except CycleError as error:
            cycle = error.args[1]
            self.note(
                "SMX125", f"these steps wait for each other: {' → '.join(cycle)}", seen[cycle[0]].pointer, cycle[0]
            )

    def dependencies(self, step: Step) -> Iterator[str]:
        for dependency in step.dependencies:
            name = dependency.step
            if name not in self.names:
                message = f"step {step.name!r} depends on {name!r}, which is no step"
                self.note("SMX123", message, dependency.pointer, step.name)
            else:
                yield name
        for pointer, reference in references(step):
            if reference not in self.names:
                self.note("SMX123", f"step {step.name!r} refers to {reference!r}, which is no step", pointer, step.name)
            else:
                yield reference


def own_expressions(step: Step, body: bool = True) -> Iterator[Place]:
    """The expressions in a step's own fields and all that they are made of, each with its JSON pointer.

    The steps inside a condition do not count: they have expressions of their own.

    Args:
        step: any step.
        body: whether what a ForEach repeats counts as its own.
    """
    repeated = f"{step.pointer}/Arguments/{_BODY}"
    for pointer, outer in step.expressions:
        if body or not pointer.startswith(repeated):
            for part in parts(outer):
                yield pointer, part


def references(step: Step) -> Iterator[tuple[str, str]]:
    """The steps that a step's own fields refer to, each with the JSON pointer of the expression.

    A ForEach refers to what its body needs from outside.
    """
    inside = set(_all_names(step.body))
    for pointer, part in own_expressions(step):
        if isinstance(part, PropertyReference | JsonGet) and part.step is not None and part.step not in inside:
            yield pointer, part.step


def _may_hold(key: str, value: Any) -> bool:
    """Whether a value may hold a placeholder of a template."""
    if isinstance(value, str):
        return "${" in value and key not in _COMMANDS
    return isinstance(value, dict | list) and key not in _COMMANDS


def _all_names(steps: Iterable[Step]) -> Iterator[str]:
    for step in steps:
        yield step.name
        yield from _all_names((*step.children, *step.body))


def _step_names(entries: list[Any]) -> Iterator[str]:
    for entry in entries:
        if not isinstance(entry, dict):
            continue
        if isinstance(entry.get("Name"), str):
            yield entry["Name"]
        arguments = entry.get("Arguments")
        if isinstance(arguments, dict):
            for key in _BRANCHES:
                if isinstance(arguments.get(key), list):
                    yield from _step_names(arguments[key])
            if _has_body(entry):
                yield from _step_names(arguments[_BODY])


def _has_body(entry: dict[str, Any]) -> bool:
    """Whether a step repeats others."""
    arguments = entry.get("Arguments")
    return entry.get("Type") == "ForEach" and isinstance(arguments, dict) and isinstance(arguments.get(_BODY), list)


def _dependencies(entries: Any, pointer: str) -> Iterator[Dependency]:
    for index, entry in enumerate(entries if isinstance(entries, list) else ()):
        name, trigger = (entry.get("Step"), entry.get("Trigger")) if isinstance(entry, dict) else (entry, None)
        if isinstance(name, str):
            yield Dependency(name, trigger if isinstance(trigger, str) else "Completed", f"{pointer}/{index}")


def _property_files(entries: Any, pointer: str) -> Iterator[PropertyFile]:
    for index, entry in enumerate(entries if isinstance(entries, list) else ()):
        if isinstance(entry, dict):
            name, output, path = (entry.get(key) for key in ("PropertyFileName", "OutputName", "FilePath"))
            if isinstance(name, str) and isinstance(output, str) and isinstance(path, str):
                yield PropertyFile(name, output, path, f"{pointer}/{index}")


def _cache(entry: Any) -> Cache | None:
    if not isinstance(entry, dict):
        return None
    expire_after = entry.get("ExpireAfter")
    return Cache(entry.get("Enabled") is True, expire_after if isinstance(expire_after, str) else None)


def _retries(entries: Any, pointer: str) -> Iterator[Retry]:
    for index, entry in enumerate(entries if isinstance(entries, list) else ()):
        if isinstance(entry, dict):
            exceptions = entry.get("ExceptionType")
            expire_after = entry.get("ExpireAfterMin")
            yield Retry(
                exceptions=tuple(text for text in _listed(exceptions) if isinstance(text, str)),
                interval=_number(entry.get("IntervalSeconds"), 1),
                backoff=_number(entry.get("BackoffRate"), 2),
                max_attempts=None if "MaxAttempts" not in entry else int(_number(entry["MaxAttempts"], 5)),
                pointer=f"{pointer}/RetryPolicies/{index}",
                expire_after=None if expire_after is None else _number(expire_after, 0),
            )


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _number(value: Any, default: float) -> float:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else default


def _name_in_outputs(expressions: Iterable[Place]) -> str | None:
    """The pipeline's name in a default output address: `s3://BUCKET/NAME/EXECUTION/STEP/output/…`."""
    for pointer, expression in expressions:
        if not isinstance(expression, Join) or not pointer.startswith("/Steps/"):
            continue
        values = [getattr(part, "value", getattr(part, "name", None)) for part in expression.values]
        if "PipelineExecutionId" in values and values[0] == "s3:/":
            at = values.index("PipelineExecutionId")
            if at == 3 and "output" in values[at:] and isinstance(values[2], str) and re.search(r"\w", values[2]):
                return values[2]
    return None
