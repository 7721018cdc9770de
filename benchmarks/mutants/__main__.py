"""Puts faults into conversions of real definitions, and counts those that the comparison reports.

    python -m benchmarks.mutants [--seed N] [--sites N | --all] [--definitions N] [--operators NAME ...] [--write]

`--write` puts the table into docs/mutants.md.
"""

from __future__ import annotations

import argparse
import time

from .operator import CATALOGUE
from .page import page
from .pairs import CORPUS, ROOT, fixtures, pairs, sample
from .suite import run

PAGE = ROOT / "docs" / "mutants.md"


def main() -> None:
    """Apply, print, and write the page if asked to."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.mutants")
    parser.add_argument("--seed", type=int, default=0, help="which definitions and sites are taken")
    parser.add_argument("--sites", type=int, default=30, help="sites for each operator, at most")
    parser.add_argument("--all", action="store_true", help="every site")
    parser.add_argument(
        "--definitions", type=int, default=25, help="definitions of the corpus, besides those of the tests"
    )
    parser.add_argument("--operators", nargs="*", default=[], metavar="NAME", choices=list(CATALOGUE), help="not all")
    parser.add_argument("--write", action="store_true", help="write docs/mutants.md")
    given = parser.parse_args()
    files = [*fixtures(), *sample(CORPUS.glob("*.json"), given.definitions, given.seed)]
    start = time.monotonic()
    suite = run(pairs(files), None if given.all else given.sites, given.seed, given.operators)
    for outcome in suite.outcomes:
        print(f"{outcome.operator.severity:8} {outcome.caught:5} / {outcome.applied:<5} {outcome.operator.name}")
        for site in outcome.missed:
            print(f"             missed: {site}")
    print(f"{suite.summary}, {time.monotonic() - start:.0f} s")
    if given.write:
        PAGE.write_text(page(suite), encoding="utf-8")


if __name__ == "__main__":
    main()
