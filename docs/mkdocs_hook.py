"""What MkDocs has to be told of this repository, as a hook of `mkdocs.yml`.

Pages also stand outside of `docs/`, and pages link to files that are no pages. On a code host both work by themselves;
on the site the former become pages, and the links lead into the repository.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

REPOSITORY = Path(__file__).resolve().parent.parent
OUTSIDE = ("CONTRIBUTING.md", "CHANGELOG.md", "examples/README.md", "examples/*/README.md")
LINK = re.compile(r"(?<=\]\()([^)\s#:]+)(#[^)\s]*)?(?=\))")
# What stands behind the language of a fence is for the tests, but for a title.
FENCE = re.compile(r"^(```\w+)(?: (title=\"[^\"]+\"))?.*$", re.MULTILINE)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that stand outside of `docs/`, at the addresses that they have in the repository."""
    for file in sorted(found for pattern in OUTSIDE for found in REPOSITORY.glob(pattern)):
        name = file.relative_to(REPOSITORY).as_posix()
        files.append(File.generated(config, name, abs_src_path=str(file)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Make the links of a page those of the site, and leave of fences what the site understands."""
    source = Path(str(page.file.abs_src_path)).relative_to(REPOSITORY).as_posix()

    def link(match: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(source), match[1]))
        if not (REPOSITORY / target).exists():
            return match[0]  # MkDocs complains about it
        address = target.removeprefix("docs/")
        if files.get_file_from_path(address):
            return posixpath.relpath(address, posixpath.dirname(page.file.src_uri) or ".") + (match[2] or "")
        return f"{config.extra['repository']}/blob/main/{target}{match[2] or ''}"

    return FENCE.sub(_fence, LINK.sub(link, markdown))


def _fence(match: re.Match[str]) -> str:
    return " ".join(part for part in match.groups() if part)
