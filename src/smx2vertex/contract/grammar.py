"""The command line of the container contract, for those who write it and those who check it (docs/contract.md)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, cast
from urllib.parse import unquote_to_bytes

from .one_file import verbs
from .parts.command_line import FORMS, PLACEHOLDER, read_form

VERBS = frozenset(verbs()) & FORMS.keys()

PlaceholderType = Literal["str", "int", "float", "bool", "json", "uri"]

# Kubernetes reads `$(NAME)` and `$$` in arguments: a dollar sign before another one or a bracket is escaped as well.
_SPECIAL = re.compile(r"[%{}\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]|\$(?=[$(])")
_SPECIAL_OR_COLON = re.compile(_SPECIAL.pattern + "|:")
_BROKEN_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")


class GrammarError(ValueError):
    """A command line that the container contract would not understand."""


@dataclass(frozen=True, slots=True)
class Placeholder:
    """`{name:type}`: stands for an input parameter, or for the address of an artifact where the type is `uri`."""

    name: str
    type: PlaceholderType


Template = tuple[str | Placeholder, ...]
"""Literal text (decoded) and placeholders in turn; no empty text."""


@dataclass(frozen=True, slots=True)
class Option:
    """One option of a command line.

    Attributes:
        name: without the dashes, such as `input`.
        fields: the decoded fields, those left out included as ""; a template is not among them.
        template: the field called TEMPLATE, None where the form has none or it was left out.
    """

    name: str
    fields: list[str]
    template: Template | None = None


@dataclass(frozen=True, slots=True)
class Command:
    """What a task will do.

    Attributes:
        verb: such as `processing`.
        options: in the order of the command line.
        words: the user's entry point and its arguments, each a template.
    """

    verb: str
    options: list[Option]
    words: list[Template]

    def all(self, name: str) -> list[Option]:
        """The occurrences of an option, in order."""
        return [option for option in self.options if option.name == name]

    def get(self, name: str) -> Option | None:
        """The only occurrence of an option, None if there is none; two are an error."""
        found = self.all(name)
        if len(found) > 1:
            raise GrammarError(f"--{name} stands more than once")
        return found[0] if found else None


def encode_field(text: str) -> str:
    """Text as a field that is not the last of its form."""
    return _SPECIAL_OR_COLON.sub(_escape, text)


def encode_last_field(text: str) -> str:
    """Text as the last field of its form, or as literal text of a template; colons stay as they are."""
    return _SPECIAL.sub(_escape, text)


def encode_word(text: str) -> str:
    """Text as a word after `--`, or a piece of one between placeholders."""
    return encode_last_field(text)


def encode_template(template: Template) -> str:
    """A template as a last field or a word."""
    return "".join(encode_word(part) if isinstance(part, str) else f"{{{part.name}:{part.type}}}" for part in template)


def decode(text: str) -> str:
    """The text behind an encoded field or word without placeholders.

    Raises:
        GrammarError: a percent sign without two hexadecimal digits, or bytes that are no UTF-8.
    """
    if _BROKEN_ESCAPE.search(text):
        raise GrammarError(f"broken escape in {text!r}")
    try:
        return unquote_to_bytes(text.encode("utf-8", "surrogatepass")).decode("utf-8", "surrogatepass")
    except UnicodeDecodeError as error:
        raise GrammarError(f"escapes that are no UTF-8 in {text!r}") from error


def parse_template(text: str) -> Template:
    """The parts of an encoded template.

    Raises:
        GrammarError: a brace that belongs to no placeholder, or a broken escape.
    """
    parts: list[str | Placeholder] = []
    position = 0
    for match in PLACEHOLDER.finditer(text):
        parts += _literal(text[position : match.start()])
        parts.append(Placeholder(match[1], cast(PlaceholderType, match[2])))
        position = match.end()
    return tuple(parts + _literal(text[position:]))


def parse_command(arguments: Sequence[str]) -> Command:
    """The command line of a task, from the verb on: what follows the code directory and the executor input.

    Raises:
        GrammarError: an unknown verb or option, a field too few, or an encoding that cannot be read.
    """
    if not arguments or arguments[0] not in FORMS:
        raise GrammarError(f"no verb of the container contract: {arguments[0] if arguments else 'nothing'!r}")
    verb, rest = arguments[0], list(arguments[1:])
    end = rest.index("--") if "--" in rest else len(rest)
    options = [_option(verb, argument) for argument in rest[:end]]
    return Command(verb, options, [parse_template(word) for word in rest[end + 1 :]])


def fields_of(verb: str, option: str) -> list[str]:
    """The names of the fields of an option, as its form writes them: `ARTIFACT`, `PATH`, `TEMPLATE`."""
    return read_form(FORMS[verb][option])[0]


def _escape(match: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in match[0].encode("utf-8", "surrogatepass"))


def _literal(text: str) -> list[str | Placeholder]:
    if "{" in text or "}" in text:
        raise GrammarError(f"a brace outside of a placeholder in {text!r}")
    return [decode(text)] if text else []


def _option(verb: str, argument: str) -> Option:
    name, equals, value = argument.removeprefix("--").partition("=")
    if not argument.startswith("--") or not equals or name not in FORMS[verb]:
        raise GrammarError(f"{verb} has no option {argument!r}")
    names, required = read_form(FORMS[verb][name])
    given = value.split(":", len(names) - 1)
    if len(given) < required:
        raise GrammarError(f"{argument!r} has too few fields for --{name}={FORMS[verb][name]}")
    template = None
    if names[-1] == "TEMPLATE":
        template = parse_template(given.pop()) if len(given) == len(names) else None
        names = names[:-1]
    return Option(name, [decode(field) for field in given] + [""] * (len(names) - len(given)), template)
