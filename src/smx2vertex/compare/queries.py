"""Queries of Redshift and Athena beside those of BigQuery."""

from __future__ import annotations

import logging
from typing import Any


def same_query(source: str, dialect: str, target: str) -> list[tuple[str, str]] | None:
    """Whether a query of BigQuery says what a query of another warehouse says.

    Args:
        source: the query in its own dialect.
        dialect: `redshift` or `athena`.
        target: the query in BigQuery's SQL.

    Returns:
        The tables of both that stand in the same places under other names; None if the queries differ in anything else.
    """
    import sqlglot  # takes a third of a second, and few definitions hold SQL

    logging.getLogger("sqlglot").setLevel(logging.ERROR)
    try:
        wanted, wanted_tables = _canonical(source, dialect)
        found, found_tables = _canonical(target, "bigquery")
    except sqlglot.errors.SqlglotError:
        return None
    if wanted != found or len(wanted_tables) != len(found_tables):
        return None
    return [pair for pair in zip(wanted_tables, found_tables, strict=True) if pair[0] != pair[1]]


def _canonical(text: str, dialect: str) -> tuple[str, list[str]]:
    """A query as BigQuery writes it, numbers in the places of its tables, and the tables."""
    import sqlglot
    from sqlglot import exp

    tree: Any = sqlglot.parse_one(text, read=dialect)
    named = {with_.alias for with_ in tree.find_all(exp.CTE)}
    tables = [table for table in tree.find_all(exp.Table) if table.name not in named]
    names = []
    for number, table in enumerate(tables):
        names.append(".".join(part.name for part in table.parts))
        stand_in = exp.to_table(f"table_{number}")
        table.replace(exp.alias_(stand_in, table.alias, table=True) if table.alias else stand_in)
    written = tree.sql(dialect="bigquery")
    return sqlglot.parse_one(written, read="bigquery").sql(dialect="bigquery"), names
