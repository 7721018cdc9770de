"""SQL of Redshift and Athena as SQL of BigQuery."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


class SqlError(ValueError):
    """The text cannot be translated, for the reason in the message."""


@dataclass(frozen=True, slots=True)
class Translated:
    """A query for BigQuery.

    Attributes:
        tables: the tables that it reads and that nothing stands for, by the names that they keep.
        functions: functions that keep their names, since nobody knows what they are.
    """

    text: str
    tables: tuple[str, ...]
    functions: tuple[str, ...]


def to_bigquery(text: str, dialect: str, tables: Mapping[str, str]) -> Translated:
    """Translate one query.

    Args:
        text: one SELECT statement.
        dialect: `redshift` or `athena`.
        tables: the table of BigQuery by the name of the source's.

    Raises:
        SqlError: the text is no query that can be read, or says something that BigQuery cannot.
    """
    import sqlglot  # takes a third of a second, and few definitions hold SQL
    from sqlglot import exp

    logging.getLogger("sqlglot").setLevel(logging.ERROR)  # it warns of what is refused below
    try:
        statements = [each for each in sqlglot.parse(text, read=dialect) if each is not None]
    except sqlglot.errors.SqlglotError as error:
        raise SqlError(f"cannot be read: {_first_line(error)}") from error
    if len(statements) != 1 or not isinstance(statements[0], exp.Query):
        raise SqlError("is no single query")
    tree: Any = statements[0]
    named = {with_.alias for with_ in tree.find_all(exp.CTE)}
    unknown: list[str] = []
    for table in list(tree.find_all(exp.Table)):
        name = ".".join(part.name for part in table.parts)
        if name in named:
            continue
        if name in tables:
            project, _, rest = tables[name].rpartition(".")[0].rpartition(".")
            target = exp.table_(tables[name].rpartition(".")[2], rest or None, project or None, quoted=True)
            table.replace(exp.alias_(target, table.alias, table=True) if table.alias else target)
        else:
            unknown.append(name)
    try:
        sql = tree.sql(dialect="bigquery", unsupported_level=sqlglot.ErrorLevel.RAISE, pretty=len(text) > 100)
    except sqlglot.errors.SqlglotError as error:
        raise SqlError(f"has no counterpart in BigQuery: {_first_line(error)}") from error
    functions = (each.name for each in tree.find_all(exp.Anonymous))
    return Translated(sql, tuple(dict.fromkeys(unknown)), tuple(dict.fromkeys(functions)))


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0].rstrip(".")
