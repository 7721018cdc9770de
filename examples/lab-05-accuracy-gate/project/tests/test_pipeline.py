"""What holds for every version of the pipeline. Put your own tests beside this file; `python -m pytest` runs them all."""

import ast
from pathlib import Path

import compile_pipeline

CODE = compile_pipeline.ROOT / "code"


def test_the_compiled_files_are_not_older_than_their_sources() -> None:
    written = (compile_pipeline.ROOT / "compiled" / "sources.sha256").read_text(encoding="ascii")
    assert written.strip() == compile_pipeline.sources_hash()


def test_no_script_is_missing() -> None:
    assert [str(path.relative_to(CODE)) for path in CODE.rglob("*.missing")] == []


def test_each_script_is_python() -> None:
    for script in Path(CODE).rglob("*.py"):
        ast.parse(script.read_bytes(), str(script))
