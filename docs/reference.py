"""Writes the generated pages of `docs/`: the findings and the mapping tables. `make docs` calls it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from smx2vertex.findings import catalogue
from smx2vertex.mapping.tables import Row, condition_rows, property_rows, step_tables, table

DOCS = Path(__file__).resolve().parent
RANGES = {
    "1": "Reading",
    "2": "Mapping",
    "3": "Converting",
    "4": "Comparing",
    "5": "Hazards in pipeline specs",
    "6": "Running",
}


def findings() -> Iterator[str]:
    """The page of findings."""
    yield "# Findings\n\nGenerated from the catalogue by `make docs`. `smx2vertex explain CODE` prints the same."
    for digit, title in RANGES.items():
        yield f"\n## {title}"
        for code in catalogue().values():
            if code.code[3] == digit:
                yield f"\n### {code.code}: {code.title}\n\n*{code.severity}.* {code.why}\n\n**What to do:** {code.help}"


def mapping() -> Iterator[str]:
    """The page of the mapping tables."""
    yield "# The mapping tables\n\nGenerated from `mappings/` by `make docs`."
    yield "A row covers all fields below it that have no row of their own."
    for type_, each in step_tables().items():
        yield f"\n## {type_}\n\nBecomes: {each.target} ({each.verdict}).\n"
        yield from _rows(each.rows)
        if each.step_rows:
            yield "\nBeside its Arguments:\n"
            yield from _rows(each.step_rows)
    titles = {"step": "Every step", "definition": "The definition", "expressions": "Expressions"}
    for name, title in titles.items():
        yield f"\n## {title}\n"
        yield from _rows(table(name).rows)
    yield "\n## Conditions\n"
    yield from _rows(tuple(condition_rows().values()))
    for type_, rows in property_rows().items():
        yield f"\n## Properties of {type_} steps\n"
        yield from _rows(tuple(rows.values()))


def _rows(rows: tuple[Row, ...]) -> Iterator[str]:
    yield "| field | becomes | verdict | because | finding |\n|---|---|---|---|---|"
    for row in rows:
        path, because = row.rule.partition(":")[2], row.because.replace("|", " ")
        yield f"| `{path}` | {row.to or 'nothing'} | {row.verdict} | {because} | {row.code or ''} |"


PAGES = {"findings.md": findings, "mapping.md": mapping}


def main() -> int:
    """Write the pages; with `--check`, only say which are not up to date."""
    stale = []
    for name, page in PAGES.items():
        text = "\n".join(page()) + "\n"
        file = DOCS / name
        if not file.is_file() or file.read_text(encoding="utf-8") != text:
            stale.append(name)
            if "--check" not in sys.argv:
                file.write_text(text, encoding="utf-8")
    if stale and "--check" in sys.argv:
        print(f"not up to date, call `make docs`: {', '.join(stale)}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
