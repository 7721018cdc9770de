"""The container contract: gives a script what Amazon SageMaker promises it, and publishes what it leaves behind.

    python3 CODE EXECUTOR_INPUT VERB OPTION... [-- WORD...]

CODE is the directory that holds this file as `__main__.py` and the user's files below `src/`; EXECUTOR_INPUT is the
JSON text that Kubeflow puts in place of `{{$}}`. The grammar of the rest, and what each verb does, is written in
smx2vertex's docs/contract.md. Standard library only, Python 3.6 and later; the built-in XGBoost algorithm and the
default inference functions import xgboost, numpy, pandas, scipy, scikit-learn or torch where they need them.
"""

import os
import sys
import tarfile
from typing import List

from .command_line import ContractError
from .files import SOURCES, files_below, read_text
from .task import PROGRAMS, VERBS, Task
from .training import ALGORITHMS


def refuse_missing_scripts() -> None:
    """A file NAME.missing stands for a script that was not found when the pipeline was converted."""
    for name, path in files_below(SOURCES):
        if name.endswith(".missing"):
            raise ContractError(read_text(path))


def main(arguments: List[str]) -> int:
    """Run one task; returns the exit code of the process."""
    arguments = [os.fsencode(argument).decode("utf-8", "surrogateescape") for argument in arguments]
    programs = dict(ALGORITHMS, **PROGRAMS)
    if len(arguments) == 1 and arguments[0] in programs:
        return programs[arguments[0]]()
    if len(arguments) < 2:
        print(__doc__, file=sys.stderr)
        return 1
    step = ""
    try:
        task = Task(arguments[0], arguments[1], arguments[2:])
        step = task.step
        refuse_missing_scripts()
        return VERBS[arguments[1]](task)
    except (ContractError, OSError, tarfile.TarError) as error:
        print("step {}: {}".format(step, error), file=sys.stderr, flush=True)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
