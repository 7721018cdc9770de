"""One Chromium for all tests of pages: Debian's, driven by Playwright. Without it they are skipped."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from opened_page import Opened

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = (
    "--headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking"
    " --disable-component-update --disable-sync"
)


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Chromium, started once."""
    if not CHROMIUM.exists():
        pytest.skip(f"there is no {CHROMIUM}: pages cannot be looked at")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS.split())
        yield started
        started.close()


@pytest.fixture
def opened(browser: Any, tmp_path: Path) -> Iterator[Callable[..., Opened]]:
    """Open a page from disk: `opened(html, fragment="")`. At the end: no error, and nothing was loaded."""
    contexts = []
    pages: list[Opened] = []

    def open_page(html: str, fragment: str = "", **options: Any) -> Opened:
        file = tmp_path / f"page-{len(pages)}.html"
        file.write_text(html, encoding="utf-8")
        context = browser.new_context(**{"viewport": {"width": 1400, "height": 900}, **options})
        contexts.append(context)
        shown = Opened(context.new_page())
        shown.page.on("console", lambda message: shown.said.append(message.text))
        shown.page.on("pageerror", lambda error: shown.said.append(str(error)))
        shown.page.on("dialog", lambda dialog: (shown.said.append(dialog.message), dialog.dismiss()))
        shown.page.on("request", lambda request: shown.asked.append(request.url.partition("#")[0]))
        shown.page.goto(f"{file.as_uri()}{fragment}")
        pages.append(shown)
        return shown

    yield open_page
    said = [text for page in pages for text in page.said]
    asked = [[*page.asked] for page in pages]
    for context in contexts:
        context.close()
    assert said == [], "the pages said something on the console"
    assert asked == [[(tmp_path / f"page-{number}.html").as_uri()] for number in range(len(pages))]
