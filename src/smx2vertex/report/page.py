"""Pages for a browser: one file each, which loads nothing and runs nothing but what it brings along.

The look of all pages is `templates/page.css`, what all of them do `templates/page.js`. The policy of a page names the
hashes of its styles and scripts, so that a browser refuses everything else, should a text ever become markup.
"""

from __future__ import annotations

import base64
import hashlib
import json
from functools import cache
from importlib import resources
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from ..words import counted, harmless, one_line, shortened


def page(template: str, styles: tuple[str, ...] = (), scripts: tuple[str, ...] = (), **values: Any) -> str:
    """A page as HTML.

    Args:
        template: a file of `templates/` that extends `page.html.j2`.
        styles: CSS, after that of all pages: the names of files of `templates/`, or CSS itself.
        scripts: the same for JavaScript.
        values: what the template shows; all texts are escaped.
    """
    style = "\n".join(map(_text, ("page.css", *styles)))
    script = "\n".join(map(_text, ("page.js", *scripts)))
    policy = (
        f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; base-uri 'none';"
        " form-action 'none'"
    )
    made = _environment().get_template(template)
    return harmless(made.render(style=Markup(style), script=Markup(script), policy=policy, **values)) + "\n"


def json_block(data: Any) -> Markup:
    """Data for a script, as the content of an element of type `application/json`: nothing in it ends the element."""
    text = json.dumps(data, separators=(",", ":"))
    return Markup(text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e"))


def short(name: str) -> str:
    """A name for a list or a button."""
    return shortened(name, 80)


def arrows(text: str) -> str:
    """A text with real arrows: a browser breaks a line within `->`."""
    return text.replace(" -> ", " → ")


def ticked(text: str) -> Markup:
    """A text with what stands between backticks as code."""
    parts = (
        Markup("<code>{}</code>" if number % 2 else "{}").format(part) for number, part in enumerate(text.split("`"))
    )
    return Markup("").join(parts)


def shortened_path(pointer: str, ends: int = 60) -> str:
    """A JSON pointer without its middle, where it is long."""
    line = one_line(pointer)
    return line if len(line) <= 2 * ends else f"{line[:ends]} … {line[-ends:]}"


def _text(named: str) -> str:
    if named.endswith((".css", ".js")):
        return (resources.files("smx2vertex.report") / "templates" / named).read_text(encoding="utf-8")
    return named


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


@cache
def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("smx2vertex.report"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    made.filters["one_line"] = one_line
    made.filters["short"] = short
    made.filters["arrows"] = arrows
    made.filters["ticked"] = ticked
    made.filters["path"] = shortened_path
    made.globals["counted"] = counted
    return made
