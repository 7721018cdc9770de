"""Which script of a framework processor's sources is started, where the SDK's own start script is not at hand."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from support import REPOSITORY, Outcome

from smx2vertex.vertex.start_script import script_to_start

FRAMEWORK = REPOSITORY / "tests" / "pipelines" / "framework"
MAIN = "if __name__ == '__main__':\n    print(1)\n"


@pytest.mark.parametrize(
    ("sources", "script"),
    [
        ({"train.py": "", "README.md": ""}, "train.py"),
        ({"train.py": "import tools", "tools.py": ""}, "train.py"),
        ({"train.py": "from tools import a", "tools.py": "", "setup.py": "", "data/x.py": ""}, "train.py"),
        ({"a.py": "", "b.py": MAIN}, "b.py"),
        ({"a.py": MAIN, "b.py": MAIN}, None),
        ({"a.py": "", "b.py": ""}, None),
        ({"run.sh": ""}, None),
        ({"a.py": "this is no Python"}, None),
        ({}, None),
    ],
)
def test_the_script_that_no_other_one_imports(sources: dict[str, str], script: str | None) -> None:
    assert script_to_start({path: text.encode() for path, text in sources.items()}) == script


def test_the_written_script_is_reported_and_stays_when_converted_again(
    smx2vertex: Callable[..., Outcome], tmp_path: Path
) -> None:
    words = ("convert", FRAMEWORK / "definition.json", "--code", FRAMEWORK / "code", "--out", tmp_path / "project")
    first = smx2vertex(*words)
    assert (
        "SMX618 warning Summarize: runproc.sh was not found: it is written here, and starts summarize.py" in first.out
    )
    script = tmp_path / "project/code/summarize/entrypoint/runproc.sh"
    text = script.read_text()
    assert (subprocess.run(["bash", "-n", script], check=False).returncode, 'python summarize.py "$@"' in text) == (
        0,
        True,
    )
    assert smx2vertex(*words, "--check").code == 0
    script.write_text(text.replace("exec python", "exec python3 -u"))
    assert smx2vertex(*words).code == 0
    assert "exec python3 -u summarize.py" in script.read_text()


def test_nothing_is_guessed_where_several_scripts_may_be_meant(
    smx2vertex: Callable[..., Outcome], tmp_path: Path
) -> None:
    for name in ("one.py", "two.py"):
        (tmp_path / "code/summarize").mkdir(parents=True, exist_ok=True)
        (tmp_path / "code/summarize" / name).write_text(MAIN)
    words = ("--code", tmp_path / "code", "--out", tmp_path / "project")
    done = smx2vertex("convert", FRAMEWORK / "definition.json", *words)
    assert ("SMX618" in done.out, "SMX360" in done.out) == (False, True)
    assert (tmp_path / "project/code/summarize/entrypoint/runproc.sh.missing").is_file()
