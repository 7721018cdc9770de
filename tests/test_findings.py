"""The catalogue of findings: each code is used, and each used code stands in it."""

from __future__ import annotations

import re
import subprocess
import sys

from support import REPOSITORY

from smx2vertex.findings import catalogue

CODE = re.compile(r"\bSMX\d{3}\b")


def test_each_code_is_used_and_each_used_code_is_known() -> None:
    files = [*(REPOSITORY / "src").rglob("*.py"), *(REPOSITORY / "mappings").rglob("*.yaml")]
    used = {code for file in files for code in CODE.findall(file.read_text(encoding="utf-8"))}
    assert used == set(catalogue())


def test_an_entry_says_why_and_what_to_do() -> None:
    for code in catalogue().values():
        assert code.severity in ("error", "warning", "info")
        assert code.title.strip()
        assert code.why.strip().endswith(".")
        assert code.help.strip().endswith(".")


def test_the_generated_pages_are_up_to_date() -> None:
    command = [sys.executable, REPOSITORY / "docs" / "reference.py", "--check"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
