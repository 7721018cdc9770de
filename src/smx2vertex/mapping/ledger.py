"""Maps a definition by the tables: every field gets a rule and a verdict, and the ledger shows that none is left."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ..findings import Finding
from ..sagemaker.definition import Definition, Step
from ..sagemaker.expressions import (
    ExecutionVariable,
    Expression,
    Join,
    JsonGet,
    LoopReference,
    ParameterReference,
    PropertyReference,
    Unknown,
    is_expression,
    parse,
    parts,
    pointer_token,
)
from .disguises import disguise
from .tables import VERDICTS, Node, Row, Table, Tables, Verdict, our_tables, upwards, worse

_UNKNOWN_FIELD = Row("unknown", "", None, "unsupported", "no table knows this field", "SMX251")
_UNKNOWN_STEP = Row("unknown step type", "", None, "unsupported", "steps of this type are not translated", None)
_LOOP = Row("expressions:loop", "", "item or output of dsl.ParallelFor", "adapted", "the loop gives it a value")
_NO_ARGUMENTS = Row("step:Arguments", "mappings/step.yaml", "component", "exact")
# Lists of steps of their own, by the type of the step that holds them.
_INNER = {"Condition": ("IfSteps", "ElseSteps"), "ForEach": ("ForEachBody",)}


@dataclass(frozen=True, slots=True)
class MappedField:
    """What becomes of one field.

    Attributes:
        source: its JSON pointer in the definition.
        target: what it becomes; None if it is dropped.
        rule: the row that says so.
        note: the caveat.
        file: the file that the row stands in; "" for what no table says.
    """

    source: str
    target: str | None
    rule: str
    verdict: Verdict
    note: str
    file: str = ""

    def to_dict(self) -> dict[str, Any]:
        """As `map --format json` prints it."""
        return {
            "source": self.source,
            "target": self.target,
            "rule": self.rule,
            "file": self.file,
            "verdict": self.verdict,
            "note": self.note,
        }


@dataclass(slots=True)
class MappedStep:
    """What becomes of one step.

    Attributes:
        blocker: the finding that keeps the step from being translated, or None.
    """

    name: str
    type: str
    target: str
    verdict: Verdict
    fields: list[MappedField] = field(default_factory=list)
    blocker: Finding | None = None


@dataclass(slots=True)
class MappedPipeline:
    """What becomes of a definition.

    Attributes:
        steps: by name, in the order of the document.
        fields: the fields outside steps.
        findings: what a person should know, in the order of the document.
        unaccounted: JSON pointers of fields that no rule was applied to; empty unless this module is wrong.
        total: the number of fields.
    """

    name: str
    steps: dict[str, MappedStep]
    fields: list[MappedField]
    findings: list[Finding]
    unaccounted: list[str]
    total: int

    def all_fields(self) -> Iterator[MappedField]:
        """All fields, those of steps too."""
        yield from self.fields
        for step in self.steps.values():
            yield from step.fields

    def by_verdict(self) -> dict[str, int]:
        """How many fields have which verdict."""
        counts: dict[str, int] = dict.fromkeys(VERDICTS, 0)
        for mapped in self.all_fields():
            counts[mapped.verdict] += 1
        return counts


def leaves(value: Any, pointer: str = "") -> Iterator[str]:
    """The JSON pointers of all fields: scalars, nulls, empty lists and objects, those inside expressions too."""
    stack = [(pointer, value)]
    while stack:
        at, found = stack.pop()
        if isinstance(found, dict) and found:
            stack += [(f"{at}/{pointer_token(key)}", item) for key, item in reversed(found.items())]
        elif isinstance(found, list) and found:
            stack += [(f"{at}/{index}", found[index]) for index in range(len(found) - 1, -1, -1)]
        else:
            yield at


def map_pipeline(definition: Definition, tables: Tables | None = None) -> MappedPipeline:
    """Map a definition by the tables.

    Args:
        definition: any definition that was read.
        tables: ours if not given.

    Returns:
        A verdict for every field, and a finding for every field that a person should know about.
    """
    mapper = _Mapper(definition, tables or our_tables())
    mapper.run()
    everything = list(leaves(definition.raw))
    accounted = {mapped.source for mapped in mapper.outside}
    accounted.update(mapped.source for step in mapper.steps.values() for mapped in step.fields)
    unaccounted = [pointer for pointer in everything if pointer not in accounted]
    return MappedPipeline(definition.name, mapper.steps, mapper.outside, mapper.findings, unaccounted, len(everything))


class _Mapper:
    """Walks a definition along the trees of the tables."""

    def __init__(self, definition: Definition, tables: Tables) -> None:
        self.definition = definition
        self.tables = tables
        self.names = definition.step_names()
        self.types = {step.name: step.type for step in definition.all_steps(bodies=True)}
        self.steps: dict[str, MappedStep] = {}
        self.outside: list[MappedField] = []
        self.findings: list[Finding] = []
        self.step: MappedStep | None = None
        self.raised: set[tuple[str, str]] = set()

    def run(self) -> None:
        outside = {key: value for key, value in self.definition.raw.items() if key != "Steps"}
        self.walk(outside, self.tables.common["definition"].root, None, "", "")
        if not self.definition.raw["Steps"]:
            self.add(_UNKNOWN_FIELD, "/Steps", "Steps")
        known = {step.pointer for step in self.definition.all_steps(bodies=True)}
        for step in self.definition.all_steps(bodies=True):
            self.map_step(step)
        self.step = None
        for pointer, entry in _nameless(self.definition, known):
            self.walk(entry, Node(), None, pointer, "")

    def map_step(self, step: Step) -> None:
        found = self.tables.disguises.get(disguise(step, self.names) or "") or self.tables.steps.get(step.type)
        target = found.target if found else "task that fails and says so"
        self.step = MappedStep(step.name, step.type, target, found.verdict if found else "unsupported")
        self.steps[step.name] = self.step
        for key, value in step.raw.items():
            pointer = f"{step.pointer}/{pointer_token(key)}"
            if key == "Arguments" and isinstance(value, dict) and value:
                self.arguments(step, value, found, pointer)
            elif found is not None and found.step_root.child(key) is not None:
                self.walk({key: value}, found.step_root, None, step.pointer, "")
            elif key == "Arguments" or (found is None and self.tables.common["step"].root.child(key) is None):
                self.walk(value, Node(), _NO_ARGUMENTS if found else _UNKNOWN_STEP, pointer, key)
            else:
                self.walk({key: value}, self.tables.common["step"].root, None, step.pointer, "")
        if self.step.blocker is not None:
            self.step.verdict = worse(self.step.verdict, "redesign")

    def arguments(self, step: Step, arguments: dict[str, Any], found: Table | None, pointer: str) -> None:
        if found is None:
            self.walk(arguments, Node(), _UNKNOWN_STEP, pointer, "")
            return
        for key, value in arguments.items():
            at = f"{pointer}/{pointer_token(key)}"
            if key in _INNER.get(step.type, ()) and isinstance(value, list) and value:
                continue  # steps of their own
            if key == "Conditions" and step.type == "Condition" and isinstance(value, list) and value:
                for index, condition in enumerate(value):
                    self.condition(condition, f"{at}/{index}")
            else:
                self.walk({key: value}, found.root, None, pointer, "")

    def condition(self, value: Any, pointer: str) -> None:
        """A condition: its type has a row of its own, and it may hold others."""
        if not isinstance(value, dict) or not value:
            self.walk(value, Node(), None, pointer, "Conditions")
            return
        root = self.tables.common["conditions"].root
        for key, item in value.items():
            at = f"{pointer}/{pointer_token(key)}"
            if key in ("Type", "ConditionType") and isinstance(item, str):
                self.add(self.tables.conditions.get(item, _UNKNOWN_FIELD), at, f"condition {item}")
            elif key in ("Condition", "Expression") and isinstance(item, dict):
                self.condition(item, at)
            elif key == "Conditions" and isinstance(item, list) and item:
                for index, inner in enumerate(item):
                    self.condition(inner, f"{at}/{index}")
            else:
                self.walk({key: item}, root, None, pointer, "")

    def walk(
        self, value: Any, node: Node | None, row: Row | None, pointer: str, path: str, anchor: str | None = None
    ) -> None:
        """Account for all fields of a value, by the deepest row along the path; `anchor` is where that row applies."""
        if node is not None and node.row is not None and (not node.row.empty or value in ([], {}, None)):
            row, anchor = node.row, pointer
        if row is not None and row.harmless and any(_same(value, harmless) for harmless in row.harmless):
            row = Row(row.rule, row.file, row.to, "exact", "this value is the default: nothing is lost")
        if is_expression(value):
            self.expression(value, row or _UNKNOWN_FIELD, pointer, path)
        elif isinstance(value, dict) and value:
            for key, item in value.items():
                inner = node.child(str(key)) if node is not None else None
                below = f"{path}.{key}" if path else str(key)
                self.walk(item, inner, row, f"{pointer}/{pointer_token(key)}", below, anchor)
        elif isinstance(value, list) and value:
            inner = node.child("[]") if node is not None else None
            for index, item in enumerate(value):
                self.walk(item, inner, row, f"{pointer}/{index}", f"{path}[]", anchor)
        else:
            self.add(row or _UNKNOWN_FIELD, pointer, path, anchor)

    def expression(self, value: Any, row: Row, pointer: str, path: str) -> None:
        """All leaves of an expression have the verdict of the field and of the expression, the worse of the two."""
        rows = [self.expression_row(part) for part in parts(parse(value, self.names))]
        found = max([row, *rows], key=lambda each: VERDICTS.index(each.verdict))
        for leaf in leaves(value, pointer):
            self.add(found, leaf, path, pointer)

    def expression_row(self, expression: Expression) -> Row:
        node: Node | None = self.tables.common["expressions"].root
        if isinstance(expression, PropertyReference):
            return self.property_row(expression)
        if isinstance(expression, ParameterReference):
            keys = ["Get", "Parameters", expression.name]
        elif isinstance(expression, ExecutionVariable):
            keys = ["Get", "Execution", expression.name]
        elif isinstance(expression, Join):
            keys = ["Std:Join", "Values", "[]"]
        elif isinstance(expression, JsonGet):
            keys = ["Std:JsonGet", "S3Uri" if expression.uri is not None else "PropertyFile"]
        elif isinstance(expression, LoopReference):
            return _LOOP
        elif isinstance(expression, Unknown):
            return _UNKNOWN_FIELD
        else:
            return Row("expressions:literal", "", "text", "exact")
        for key in keys:
            node = node.child(key) if node is not None else None
        return node.row if node is not None and node.row is not None else _UNKNOWN_FIELD

    def property_row(self, reference: PropertyReference) -> Row:
        rows = self.tables.properties.get(self.types.get(reference.step, ""), {})
        found = next((rows[path] for path in upwards(reference.pattern) if path in rows), rows.get("*"))
        if found is None and reference.path[:1] == ("PropertyFiles",):
            found = rows.get("PropertyFiles.*")
        if found is None:
            type_ = self.types.get(reference.step, "")
            known = type_ in self.tables.properties and not self.tables.steps[type_].is_redesign
            reason = "this property has no counterpart" if known else "the step it refers to is not translated"
            code = "SMX244" if known else None
            return Row("properties:none", "mappings/properties.yaml", None, "unsupported", reason, code)
        return found

    def add(self, row: Row, pointer: str, path: str, anchor: str | None = None) -> None:
        """Account for a field; a row with a code raises its finding, once for each place where it applies."""
        mapped = MappedField(pointer, row.to, row.rule, row.verdict, row.because, row.file)
        (self.outside if self.step is None else self.step.fields).append(mapped)
        if row.code is None or (row.rule, anchor or pointer) in self.raised:
            return
        self.raised.add((row.rule, anchor or pointer))
        name = None if self.step is None else self.step.name
        finding = Finding(
            row.code,
            f"{row.rule.partition(':')[2] or path}: {row.because}",
            anchor or pointer,
            name,
            self.definition.file,
        )
        self.findings.append(finding)
        if row.blocks and self.step is not None and self.step.blocker is None:
            self.step.blocker = finding


def _same(first: Any, second: Any) -> bool:
    """Equality that does not take 1 for true."""
    return bool(first == second) and isinstance(first, bool) == isinstance(second, bool)


def _nameless(definition: Definition, known: set[str]) -> Iterator[tuple[str, Any]]:
    """The entries in lists of steps that are no readable steps."""

    def entries(value: Any, pointer: str) -> Iterator[tuple[str, Any]]:
        for index, entry in enumerate(value):
            at = f"{pointer}/{index}"
            if at not in known:
                yield at, entry
            elif isinstance(entry.get("Arguments"), dict):
                for key in _INNER.get(str(entry.get("Type")), ()):
                    inner = entry["Arguments"].get(key)
                    if isinstance(inner, list):
                        yield from entries(inner, f"{at}/Arguments/{key}")

    yield from entries(definition.raw["Steps"], "/Steps")
