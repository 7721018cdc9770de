"""Compiles the last pipeline of a program: `python compile_program.py PROGRAM OUT`. Runs in a process of its own."""

from __future__ import annotations

import importlib
import runpy
import sys


def main() -> None:
    """Compile; end with a message if the program holds no pipeline."""
    program, out = sys.argv[1:]
    names = runpy.run_path(program, run_name="pipeline")
    pipelines = [each for each in names.values() if type(each).__name__ == "GraphComponent"]
    if not pipelines:
        sys.exit("there is no function with @dsl.pipeline")
    importlib.import_module("kfp.compiler").Compiler().compile(pipelines[-1], out)


if __name__ == "__main__":
    main()
