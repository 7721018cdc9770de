"""What the tests of pages notice, and what they let pass."""

from __future__ import annotations

from pathlib import Path

import pytest
from pages import Command, read
from session import follow


def faults(folder: Path, text: str) -> list[str]:
    """What is not as a page says."""
    file = folder / "page.md"
    file.write_text(text, encoding="utf-8")
    return [done.fault for done in follow(read(file, "page.md"), folder, folder, 60) if done.fault]


def test_commands_follow_each_other_in_one_shell(tmp_path: Path) -> None:
    page = """
```console
$ mkdir below && cd below
```

```text title="names.txt"
ana
ben
```

```console
$ who=ben
$ grep $who \\
    names.txt
ben
$ false
$ echo $?
1
```

```console needs-cloud
$ echo this is not executed > ../executed
```
"""
    assert faults(tmp_path, page) == []
    assert (tmp_path / "below" / "names.txt").read_text() == "ana\nben\n"
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize(
    ("shown", "fault"),
    [
        ("$ echo one two\none three", "one two"),
        ("$ printf 'one\\ntwo\\n'\none", "two"),
        ("$ printf 'one\\n'\none\ntwo", "two"),
        ("$ false", "ends with 1"),
        ("$ echo fine\nfailed: for some reason", "ends with 0"),
        ("$ echo to stderr >&2\nto stdout", "to stderr"),
    ],
)
def test_what_is_not_as_the_page_says_is_named(tmp_path: Path, shown: str, fault: str) -> None:
    found = faults(tmp_path, f"```console\n{shown}\n```\n")
    assert len(found) == 1
    assert fault in found[0]


@pytest.mark.parametrize(
    ("lines", "fits"),
    [
        (["…", "b", "…"], True),
        (["…", "d"], True),
        (["a", "…"], True),
        (["a", "d"], False),
        (["…", "c"], False),
        (["a", "b …", "c", "d"], True),
        (["…", "d", "b", "…"], False),
        ([], True),
    ],
)
def test_dots_stand_for_lines_or_for_text(lines: list[str], fits: bool) -> None:
    assert (Command("letters", tuple(lines)).difference("a\nb   \nc\nd\n") == "") == fits
