"""Compiles the pipeline of a program: `python compile_program.py PROGRAM OUT`. Runs in a process of its own."""

from __future__ import annotations

import importlib
import runpy
import sys


def main() -> None:
    """Compile; end with a message if the program holds no pipeline, or several."""
    program, out = sys.argv[1:]
    names = runpy.run_path(program, run_name="pipeline")
    pipelines = [each for each in names.values() if type(each).__name__ == "GraphComponent"]
    if len(pipelines) != 1:
        sys.exit(f"there are {len(pipelines)} functions with @dsl.pipeline, and one is needed")
    importlib.import_module("kfp.compiler").Compiler().compile(pipelines[0], out)


if __name__ == "__main__":
    main()
