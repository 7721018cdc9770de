"""The documentation site, built strictly: all pages are to be reached, nothing comes from other hosts."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from support import REPOSITORY


class Quiet(SimpleHTTPRequestHandler):
    """Serves a folder and says nothing."""

    def log_message(self, *_: object) -> None:
        """Be quiet."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site; a warning, such as a page that no menu names or a link that leads nowhere, ends the build."""
    folder = tmp_path_factory.mktemp("documentation") / "site"
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    built = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    return folder


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    """Where the site is served."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(site)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("page", ["index.html", "findings.html#smx214", "examples/lab-05-accuracy-gate/index.html"])
def test_a_page_loads_without_other_hosts(browser: Any, address: str, page: str) -> None:
    opened = browser.new_page()
    asked: list[str] = []
    said: list[str] = []
    opened.on("request", lambda request: asked.append(request.url))
    opened.on("console", lambda message: said.append(message.text))
    opened.on("pageerror", lambda error: said.append(str(error)))
    opened.goto(address + page, wait_until="networkidle")
    assert [url for url in asked if not url.startswith(address)] == []
    assert said == []
    opened.close()


def test_a_finding_is_found_by_its_code(browser: Any, address: str) -> None:
    opened = browser.new_page(viewport={"width": 1300, "height": 900})
    opened.goto(address + "index.html", wait_until="networkidle")
    opened.keyboard.press("/")
    opened.keyboard.type("SMX214")
    opened.wait_for_selector(".md-search-result__link[href*=findings]")
    opened.close()


def test_links_to_files_that_are_no_pages_lead_into_the_repository(site: Path) -> None:
    text = (site / "examples" / "index.html").read_text(encoding="utf-8")
    assert 'href="https://github.com/smx2vertex/smx2vertex/blob/main/examples/projects.py"' in text
