"""Tables that checks read: CSV, JSON lines or Parquet, every cell as text."""

import json
import os
from typing import Any, Dict, List, Optional

from .command_line import ContractError
from .files import files_below, readable
from .task import Task

Table = Dict[str, List[Optional[str]]]  # by column; a cell is text, or None if it is empty


def data_files(task: Task) -> List[str]:
    """The files of --input or --data; those whose names begin with . or _ are no data."""
    paths = [task.input_path(artifact, file) for artifact, file in task.options["input"]]
    paths += [readable(task.render(fields[0])) for fields in task.options["data"]]
    found: List[str] = []
    for path in paths:
        found += [path] if os.path.isfile(path) else [file for _, file in files_below(path, follow_links=True)]
    found = [file for file in found if not os.path.basename(file).startswith((".", "_"))]
    if not found:
        raise ContractError("there is no data to check")
    return found


def read_table(files: List[str], form: str, header: bool) -> Table:
    """One table of all files; `form` is csv, json or parquet.

    Columns without header are called _c0, _c1, … as SageMaker Model Monitor calls them.
    """
    import pandas

    table = pandas.concat([_read_file(pandas, file, form, header) for file in files], ignore_index=True)
    named = header or form != "csv"
    return {
        str(name) if named else "_c{}".format(name): [_cell(value) for value in table[name].tolist()]
        for name in table.columns
    }


def row_count(table: Table) -> int:
    return max([len(column) for column in table.values()] or [0])


def _read_file(pandas: Any, file: str, form: str, header: bool) -> Any:
    if form == "csv":
        return pandas.read_csv(
            file, header=0 if header else None, dtype=str, keep_default_na=False, skipinitialspace=True
        )
    if form == "json":
        with open(file, encoding="utf-8") as lines:
            return pandas.DataFrame([json.loads(line) for line in lines if line.strip()], dtype=object)
    if form == "parquet":
        return pandas.read_parquet(file)
    raise ContractError("cannot read data in the format {}".format(form))


def _cell(value: Any) -> Optional[str]:
    if value is None or value != value or value == "":
        return None
    if isinstance(value, str):
        return value.strip() or None
    return json.dumps(value) if isinstance(value, (bool, dict, list)) else str(value)
