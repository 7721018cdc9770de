"""Pages tell the truth: commands do what a page shows, options exist, links lead somewhere."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
import typer
from pages import Block, Page, pages
from session import checkout, follow
from support import REPOSITORY

from smx2vertex.cli import app

ALL = pages(REPOSITORY)
GROUP = typer.main.get_command(app)
# Pages that capture, convert and run many times; the others take a minute and a half together.
SLOW = {
    "docs/commands.md",
    "docs/guides/engineer.md",
    "examples/customer-churn/README.md",
    "examples/tensorflow-mlops/README.md",
    "examples/train-create-register/README.md",
    "examples/workshop-diabetes/README.md",
}
NEEDS = {
    "examples/customer-churn/README.md": "sagemaker",
    "examples/tensorflow-mlops/README.md": "tensorflow",
    "examples/train-create-register/README.md": "sagemaker",
    "examples/workshop-diabetes/README.md": "sagemaker",
}


def executed() -> list[Any]:
    """The pages with commands that a test can execute."""
    found = [page for page in ALL if any(each.language == "console" and not each.left_out for each in page.blocks)]
    marks = {page.path: [pytest.mark.slow] if page.path in SLOW else [] for page in found}
    return [pytest.param(page, id=page.path, marks=marks[page.path]) for page in found]


def left_out() -> list[Any]:
    """The blocks whose commands nobody executes here."""
    blocks = [(page, each) for page in ALL for each in page.blocks if each.language == "console" and each.left_out]
    return [pytest.param(each, id=f"{page.path}:{each.line}") for page, each in blocks]


@pytest.mark.parametrize("page", executed())
def test_commands_do_what_the_page_shows(page: Page, tmp_path: Path) -> None:
    """In order, in one shell, in a copy of the checkout; in the page's own folder if it is an example's."""
    if page.path in NEEDS:
        pytest.importorskip(NEEDS[page.path])
    folder = checkout(tmp_path / "checkout")
    if page.path.startswith("examples/"):
        folder = (folder / page.path).parent
    faults = [done.fault for done in follow(page, folder, tmp_path, 1800) if done.fault]
    assert not faults, "\n\n".join(faults)


@pytest.mark.parametrize("block", left_out())
def test_commands_that_are_left_out_could_run(block: Block) -> None:
    """The shell understands them; of our commands all options and arguments are right; what `make` makes is there."""
    for command in block.commands():
        assert subprocess.run(["bash", "-n"], input=command.text, text=True, check=False).returncode == 0
        for words in simple_commands(command.text):
            if words[0] == "smx2vertex":
                parse(words[1:])
            elif words[0] == "make":
                made = subprocess.run(["make", "-n", *words[1:]], cwd=REPOSITORY, capture_output=True, check=False)
                assert made.returncode == 0, made.stderr.decode()


@pytest.mark.parametrize("page", ALL, ids=lambda page: page.path)
def test_every_block_says_what_it_is(page: Page) -> None:
    """So that no command escapes the tests above."""
    form = re.compile(r"[a-z]+( needs-cloud| setup| title=.*)?")
    unknown = [each.line for each in page.blocks if not form.fullmatch(each.info)]
    assert unknown == []
    hidden = [each.line for each in page.blocks if each.language in ("sh", "bash", "shell")]
    hidden += [each.line for each in page.blocks if each.language == "console" and not list(each.commands())]
    assert hidden == []


@pytest.mark.parametrize("page", ALL, ids=lambda page: page.path)
def test_commands_and_options_exist_that_pages_name(page: Page) -> None:
    usage = [each.text for each in page.blocks if each.language == "usage"]
    named = [text for text in [*usage, *page.spans] if text.startswith("smx2vertex ")]
    assert [option for text in named for option in unknown_options(text.split()[1:])] == []


def test_the_readme_and_the_page_of_commands_name_all_commands() -> None:
    by_path = {page.path: page for page in ALL}
    commands = set(GROUP.list_commands(typer.Context(GROUP)))
    table = [span.split() for span in by_path["README.md"].spans if span.split()[0] in commands]
    assert {words[0] for words in table} == commands
    assert [option for words in table for option in unknown_options(words)] == []
    text = (REPOSITORY / "docs" / "commands.md").read_text(encoding="utf-8")
    shown = set(re.findall(r"^<!-- options of ([a-z ]+) -->$", text, re.MULTILINE))
    assert shown == {" ".join(words) for words in leaves()}


@pytest.mark.parametrize("page", ALL, ids=lambda page: page.path)
def test_links_lead_to_files(page: Page) -> None:
    targets = [link.partition("#")[0] for link in page.links if not re.match(r"[a-z]+:|#", link)]
    assert [each for each in targets if not (REPOSITORY / page.path).parent.joinpath(each).exists()] == []


def leaves() -> list[list[str]]:
    """All commands that have no commands below them, such as `map` and `mappings show`."""
    context = typer.Context(GROUP)
    found = []
    for name in GROUP.list_commands(context):
        command = GROUP.get_command(context, name)
        below = command.list_commands(context) if hasattr(command, "list_commands") else []
        found += [[name, each] for each in below] or [[name]]
    return found


def leaf(words: list[str]) -> tuple[Any, list[str]]:
    """The command that words begin with, and the other words."""
    command: Any = GROUP
    for number, word in enumerate(words):
        if not hasattr(command, "list_commands"):
            return command, words[number:]
        below = command.get_command(typer.Context(command), word)
        assert below is not None, f"there is no command {word}"
        command = below
    return command, []


def parse(words: list[str]) -> None:
    """Read the words as the command line does; a wrong one is an error."""
    command, rest = leaf(words)
    command.make_context(words[0], rest)


def unknown_options(words: list[str]) -> list[str]:
    """Options that a command does not have, of words that may be a form such as `[--strict]`."""
    if not words[0].isalpha():
        return []
    known = {name for path in leaves() if path[0] == words[0] for name in options(path)} | {"--help"}
    assert len(known) > 1, f"there is no command {words[0]}"
    named = re.findall(r"(?<![\w-])--[a-z][a-z-]+", " ".join(words))
    return [f"{words[0]} {option}" for option in named if option not in known]


def options(path: list[str]) -> list[str]:
    """The options of a command, and none of its arguments."""
    parameters = leaf(path)[0].params
    return [name for each in parameters for name in (*each.opts, *each.secondary_opts) if name.startswith("-")]


def simple_commands(text: str) -> list[list[str]]:
    """The words of each command of a line of shell, without comments and what is redirected."""
    lexer = shlex.shlex(text.replace("\\\n", " "), posix=True, punctuation_chars=True)
    lexer.commenters = "#"
    lexer.whitespace_split = True
    found: list[list[str]] = [[]]
    for word in lexer:
        if word in ("&&", "||", "|", ";"):
            found.append([])
        elif word[0] in "<>":
            break
        else:
            found[-1].append(word)
    return [words for words in found if words]
