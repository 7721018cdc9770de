"""What several commands print: findings, and definitions that cannot be used."""

from __future__ import annotations

import json
import re
import sys
from collections import defaultdict
from collections.abc import Iterable
from enum import Enum
from functools import cache
from typing import TYPE_CHECKING, Any

from ..findings import Finding, InputError, RefusedError, by_severity
from ..words import first_of, harmless, one_line

if TYPE_CHECKING:
    from rich.console import Console

    from ..sagemaker.definition import Definition
    from ..sagemaker.secrets import Secrets

STYLES = {
    "error": "bold red",
    "warning": "yellow",
    "info": "cyan",
    "exact": "green",
    "adapted": "cyan",
    "redesign": "yellow",
    "unsupported": "red",
}


class Format(str, Enum):
    """Forms of output."""

    text = "text"
    json = "json"


# JSON escapes the other control characters by itself.
_CONTROL = re.compile(r"[\x7f-\x9f]")


# Of the documents that the command is about.
_secrets: list[Secrets] = []


def hide_secrets(*documents: Any) -> None:
    """Print `***` from here on in the place of what is likely a secret in these documents."""
    from ..sagemaker.secrets import Secrets

    _secrets[:] = map(Secrets, documents)


def _shown(text: str) -> str:
    """A text without secrets, and without characters that steer a terminal."""
    return harmless(_told(text))


def _told(text: str) -> str:
    """A text without secrets."""
    for each in _secrets:
        text = each.hidden(text)
    return text


@cache
def console(to_stderr: bool = False) -> Console:
    """The console for data, or for messages; in a pipe its lines are not broken."""
    from rich.console import Console
    from rich.text import Text

    class Harmless(Console):
        def render_str(self, text: str, **options: Any) -> Text:
            return super().render_str(_shown(text), **options)

        def print(self, *objects: Any, **options: Any) -> None:
            for each in objects:
                if isinstance(each, Text):
                    each.plain = _shown(each.plain)  # mostly of the same length: its styles stay where they are
            super().print(*objects, **options)

    stream = sys.stderr if to_stderr else sys.stdout
    width = None if stream.isatty() else 10_000
    return Harmless(stderr=to_stderr, highlight=False, markup=False, emoji=False, soft_wrap=True, width=width)


def message(text: str) -> None:
    """A message for the person at the terminal."""
    console(to_stderr=True).print(text)


def print_json(document: Any) -> None:
    """Data as JSON on stdout."""
    text = json.dumps(hidden(document) if _secrets else document, indent=2, ensure_ascii=False)
    print(_CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", text))


def hidden(value: Any) -> Any:
    """A JSON value whose texts hold no secrets."""
    if isinstance(value, dict):
        return {_told(key): hidden(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [hidden(item) for item in value]
    return _told(value) if isinstance(value, str) else value


def print_text(text: str) -> None:
    """A whole report on stdout, which ends its last line itself."""
    sys.stdout.write(_shown(text))


def print_findings(findings: Iterable[Finding], shown: int = 1, to_stderr: bool = False) -> None:
    """Findings grouped by code, each group with its first places."""
    from rich.text import Text

    groups: dict[tuple[str, str], list[Finding]] = defaultdict(list)
    for finding in by_severity(findings):
        groups[finding.code, finding.message].append(finding)
    out = console(to_stderr)
    for (code, text), group in groups.items():
        first = group[0]
        steps = list(dict.fromkeys(each.step for each in group if each.step))
        said = one_line(f"{first_of(steps, 3, 'steps')}: {text}" if steps else text)
        out.print(Text.assemble(("  " + code, "bold"), " ", (f"{first.severity:<8}", STYLES[first.severity]), said))
        more = f" and {len(group) - shown} more" if len(group) > shown else ""
        places = ", ".join(_place(each) for each in group[:shown] if each.pointer)
        if places:
            out.print(Text(f"         {one_line(places)}{more}", style="dim"))


def _place(finding: Finding) -> str:
    """The pointer; a line of a program, which may be several files, with its file."""
    is_line = re.fullmatch(r"(cell \d+, )?line \d+", finding.pointer)
    return f"{finding.file} {finding.pointer}" if is_line and finding.file else finding.pointer


def print_input_error(error: InputError | RefusedError) -> None:
    """Why an input cannot be used, or a service refused."""
    finding = error.finding
    place = " ".join(part for part in (finding.file, finding.pointer) if part)
    said = f"{finding.code} {place}: {finding.message}" if place else f"{finding.code} {finding.message}"
    print(_shown(said), file=sys.stderr)
    print(f"  {finding.help}", file=sys.stderr)


def usable(definition: Definition) -> Definition:
    """The definition, if its structure holds.

    Raises:
        InputError: it is broken; all but the first fault are printed.
    """
    for fault in definition.faults[1:]:
        print_input_error(InputError(fault))
    if definition.faults:
        raise InputError(definition.faults[0])
    return definition
