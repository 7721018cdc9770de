"""Datasets of Processing steps: a query in Redshift or Athena becomes a task that runs it in BigQuery."""

from __future__ import annotations

from dataclasses import replace

from ...contract.grammar import encode_last_field
from ...contract.parts.query import EXPORTS
from ...sagemaker import steps
from ...sagemaker.expressions import Expression, Literal, ParameterReference, Part, flatten
from ..builder import Builder
from ..names import plain, reads_as_placeholder, snake_case
from ..plan import Output
from ..sql import SqlError, Translated, to_bigquery

_NAMES = {"redshift": "Redshift", "athena": "Athena"}


def plan_query(
    main: Builder, item: steps.ProcessingInput, query: steps.DatasetQuery, processing: steps.Processing
) -> str:
    """The task that exports the rows of a query; returns the input of the main task that brings them."""
    planner, step = main.planner, main.step
    export = EXPORTS.get(query.format)
    if export is None or query.compression not in ("None", *export["compressions"]):
        what = f"{query.format} {query.compression}".removesuffix(" None") or "files without a format"
        raise main.not_translated("SMX317", f"BigQuery does not export {plain(what)}", item.pointer)
    if planner.divides(query.distribution) and planner.count(processing.resources) > 1:
        raise main.not_translated("SMX334", f"input {item.name!r} is divided among several instances", item.pointer)
    part = snake_case(item.name) or "query"
    builder = Builder(planner, step, "python", "query", f"Processing: the rows of its input {item.name}", part)
    builder.option("step", step.name)
    builder.option("sql", last=_sql(builder, query))
    builder.option("path", item.local_path or "")
    builder.option("format", query.format)
    builder.option("compression", query.compression)
    output = builder.output("rows", "Output[Dataset]")
    builder.option("output", output)
    if query.destination is not None:
        builder.option("destination", last=builder.template(query.destination, "destination"))
    builder.setting("project", "project")
    builder.setting("location", "region")
    planner.helpers.append(builder.task)
    return main.artifact(part, "Dataset", Output(builder.task.variable, output))


def _sql(builder: Builder, query: steps.DatasetQuery) -> str:
    """The template of the query, in BigQuery's SQL."""
    planner, step, name = builder.planner, builder.step, _NAMES[query.dialect]
    pieces = flatten(query.sql.value)
    text = "".join(piece if isinstance(piece, str) else _token(index) for index, piece in enumerate(pieces))
    if len(pieces) == 1 and not isinstance(pieces[0], str):
        message = f"the query is known at run time only: it must be BigQuery's SQL, not that of {name}"
        planner.note("SMX318", message, query.sql.pointer, step)
        return builder.template(query.sql, "sql")
    try:
        found = to_bigquery(text, query.dialect, planner.correspondences.tables)
    except SqlError as error:
        message = f"the query {plain(str(error))}: {plain(_readable(text, pieces))}"
        raise builder.not_translated("SMX316", message, query.sql.pointer) from None
    _report(builder, query, _readable(text, pieces), replace(found, text=_readable(found.text, pieces)))
    if reads_as_placeholder(found.text) or not isinstance(query.sql.value, Literal):
        return _with_references(builder, query.sql.value, found.text)
    return builder.literal(found.text, "sql")


def _report(builder: Builder, query: steps.DatasetQuery, text: str, found: Translated) -> None:
    planner, step, name = builder.planner, builder.step, _NAMES[query.dialect]
    builder.component.notes.append(f"In {name}: {text}")
    message = f"{plain(text)} became {plain(found.text)}"
    if found.functions:
        message = f"{message}; BigQuery may not know {', '.join(map(plain, found.functions))}"
    planner.note("SMX314", message, query.sql.pointer, step)
    for table in found.tables:
        planner.note("SMX315", f"nothing stands for the table {plain(table)}", query.sql.pointer, step)


def _readable(text: str, pieces: list[Part]) -> str:
    """A query for people: with the names of parameters in braces."""
    for index, piece in enumerate(pieces):
        if not isinstance(piece, str):
            name = piece.name if isinstance(piece, ParameterReference) else "value"
            text = text.replace(_token(index), f"{{{name}}}")
    return text


def _token(index: int) -> str:
    """What stands for a reference while the query is translated: it may stand in a string, or as a name."""
    return f"zq{index}qz"


def _with_references(builder: Builder, value: Expression, text: str) -> str:
    """The query as a template, its references in place again."""
    template = encode_last_field(text)
    for index, piece in enumerate(flatten(value)):
        if not isinstance(piece, str):
            template = template.replace(_token(index), builder.template(piece, "sql"))
    return template
