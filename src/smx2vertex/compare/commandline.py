"""Reads what a task will do from the command line of the container contract, and keeps apart what cannot be read."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

from ..contract.grammar import VERBS, GrammarError, Option, Template, parse_command, parse_template

# Verbs whose words are command lines themselves, with `--` between, of another verb.
INNER = {"tuning": "trial"}
# Older generations of the contract had this verb too; its options are not known.
KNOWN_VERBS = frozenset({*VERBS, "package-model"})


@dataclass(frozen=True, slots=True)
class CommandLine:
    """What a task will do.

    Attributes:
        words: the entry point; None without `--`.
        unread: arguments that the grammar does not know.
        inner: the command lines of what it starts, such as the trials of a tuning job.
    """

    verb: str
    options: tuple[Option, ...]
    words: tuple[Template, ...] | None
    unread: tuple[str, ...]
    inner: tuple[CommandLine, ...] = ()

    def of(self, option: str) -> list[Option]:
        """All occurrences of an option."""
        return [found for found in self.options if found.name == option]

    def one(self, option: str) -> str | None:
        """The first field of an option that stands once."""
        found = self.of(option)
        return found[0].fields[0] if found else None


def read_command_line(verb: str, arguments: list[str]) -> CommandLine:
    """The options and words of a command line, argument by argument; never an exception."""
    end = arguments.index("--") if "--" in arguments else len(arguments)
    options: list[Option] = []
    unread: list[str] = []
    for argument in arguments[:end]:
        try:
            options += parse_command([verb, argument]).options
        except GrammarError:
            unread.append(argument)
    if verb in INNER:
        inner = tuple(read_command_line(INNER[verb], section) for section in _sections(arguments[end + 1 :]))
        return CommandLine(verb, tuple(options), None, tuple(unread), inner)
    words: list[Template] = []
    for word in arguments[end + 1 :]:
        try:
            words.append(parse_template(word))
        except GrammarError:
            unread.append(word)
            words.append((word,))
    return CommandLine(verb, tuple(options), tuple(words) if "--" in arguments else None, tuple(unread))


def _sections(words: list[str]) -> list[list[str]]:
    return [list(section) for is_end, section in groupby(words, "--".__eq__) if not is_end]
