"""The page of a portfolio, as `assess` writes it, in a browser: by mouse, by keyboard, and on paper."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from opened_page import Opened
from support import Outcome

Run = Callable[..., Outcome]
Open = Callable[..., Opened]
ASSESS = Path(__file__).parents[1] / "assess"
MARKUP = "</script><img src=x onerror=alert(1)>"
NAMES = "[data-table=pipelines] tbody td:first-child"


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of the portfolio of tests/assess, with the pages of its pipelines."""
    folder = tmp_path_factory.mktemp("assess") / "out"
    command = [sys.executable, "-m", "smx2vertex", "assess", "portfolio", "--out", str(folder)]
    assert subprocess.run(command, capture_output=True, cwd=ASSESS, check=False).returncode == 1
    return folder


@pytest.fixture
def index(out: Path, opened: Open) -> Opened:
    return opened((out / "index.html").read_text(encoding="utf-8"))


@pytest.fixture
def index_of(smx2vertex: Run, opened: Open, tmp_path: Path) -> Callable[..., Opened]:
    """The page of a bundle whose pipelines differ in their name alone."""

    def open_index(*names: str, **options: Any) -> Opened:
        bundle = tmp_path / "bundle"
        bundle.mkdir()
        definition = (ASSESS / "portfolio/scoring.json").read_text(encoding="utf-8")
        listed = []
        for number, name in enumerate(names):
            (bundle / f"{number}.json").write_text(definition, encoding="utf-8")
            listed.append({"name": name, "definition": f"{number}.json"})
        manifest = json.dumps({"pipelines": listed, "code": {}})
        (bundle / "manifest.json").write_text(manifest, encoding="utf-8")
        assert smx2vertex("assess", bundle, "--no-pages", "--out", tmp_path / "out").code == 0
        return opened((tmp_path / "out/index.html").read_text(encoding="utf-8"), **options)

    return open_index


def data(out: Path) -> dict[str, Any]:
    """What report.json says."""
    document: dict[str, Any] = json.loads((out / "report.json").read_text(encoding="utf-8"))
    return document


def heading(shown: Opened, table: str, text: str) -> Any:
    return shown.page.locator(f"[data-table={table}] thead button", has_text=text)


def test_the_first_screen_says_what_moves_first_what_it_costs_and_what_is_at_risk(index: Opened) -> None:
    assert index.names(".answers .answer") == [
        "3 pipelines, ready to convert",
        "About 24 person-days",
        "1 step to be rewritten, in 1 of 7 pipelines",
    ]
    assert index.page.locator(".answers").bounding_box()["y"] + 200 < 900
    cost = index.text(".answers article:nth-child(2)")
    assert "It may be 10, it may be 65" in cost
    assert "a starting point to be replaced by your own numbers, not a measurement" in cost
    assert len(index.names("aside li")) == 7


def test_the_numbers_are_those_of_report_json(index: Opened, out: Path) -> None:
    report = data(out)
    shown = json.loads(index.page.text_content("#data"))
    by_number = report["pipelines"]
    assert shown["names"] == [each["id"] for each in by_number]
    rows = shown["tables"]["pipelines"]["rows"]
    assert [by_number[row[0]]["id"] for row in rows] == [name for wave in report["waves"] for name in wave["pipelines"]]
    for number, wave, level, verdict, steps, excluded, days, template, why in rows:
        entry = by_number[number]
        assert [wave, level, verdict, template, why] == [
            entry[key] for key in ("wave", "level", "verdict", "template", "why")
        ]
        assert [steps, excluded, days[0]] == [len(entry["steps"]), len(entry["excluded"]), entry["days"]["likely"]]
    for of in ("pipelines", "steps", "fields"):
        cells = index.names(f".shares tr:has(th:text-is('{of}')) b")
        assert cells == [f"{count:,}" for count in report["coverage"][of].values()]
    waiting = {row[1]: len(row[2]) for row in shown["tables"]["preparations"]["rows"]}
    assert waiting == {each["name"]: len(each["pipelines"]) for each in report["blockers"] if not each["blocks"]}
    findings = {row[1]: row[3] for row in shown["tables"]["findings"]["rows"]}
    assert findings == {each["code"]: each["count"] for each in report["findings"]}
    drivers = [(row[0], row[1], row[2][0]) for row in shown["tables"]["drivers"]["rows"]]
    assert drivers == [(each["label"], each["count"], each["days"]["likely"]) for each in report["effort"]["drivers"]]


def test_bars_are_as_wide_as_their_share(index: Opened, out: Path) -> None:
    fields = data(out)["coverage"]["fields"]
    bars = index.page.query_selector_all(".shares tr:has(th:text-is('fields')) rect")
    widths = {each.get_attribute("class"): each.bounding_box()["width"] for each in bars}
    for verdict, count in fields.items():
        share = count / sum(fields.values())
        assert widths[verdict] / sum(widths.values()) == pytest.approx(share, abs=0.01)


def test_a_click_on_a_heading_sorts(index: Opened) -> None:
    assert index.names(NAMES)[0] == "churn-eu"
    button = heading(index, "pipelines", "person-days")
    button.click()
    assert index.names(NAMES)[:2] == ["forecast", "churn-eu"]
    assert index.page.locator("[data-table=pipelines] th[aria-sort=descending]").inner_text().startswith("person-days")
    button.click()
    assert index.names(NAMES)[-1] == "forecast"
    heading(index, "pipelines", "pipeline").click()
    assert index.names(NAMES) == sorted(index.names(NAMES)) and len(index.names(NAMES)) == 7


def test_pipelines_are_filtered_by_verdict_wave_level_type_and_words(index: Opened) -> None:
    index.page.click("[data-verdict=redesign]")
    assert index.names(NAMES) == ["forecast"]
    assert index.text("#status") == "1 of 7 pipelines"
    index.page.click("#clear")
    assert index.text("#status") == "7 of 7 pipelines"
    index.page.select_option("#wave", "2")
    assert index.names(NAMES) == ["scoring"]
    index.page.click("#clear")
    index.page.select_option("#level", "B-5")
    assert index.names(NAMES) == ["forecast"]
    index.page.click("#clear")
    index.page.select_option("#type", label="RegisterModel")
    assert index.names(NAMES) == ["churn-eu", "churn-us"]
    index.page.fill("#search", "CHURN us")
    assert index.names(NAMES) == ["churn-us"]
    index.page.fill("#search", "no such thing")
    assert index.names(NAMES) == []
    assert index.text("#status") == "0 of 7 pipelines"
    assert index.page.is_disabled("[data-verdict=unsupported]")


def test_a_blocker_leads_to_the_pipelines_that_wait(index: Opened) -> None:
    index.page.click("[data-table=preparations] tr:has-text('acme-raw') button")
    assert sorted(index.names(NAMES)) == ["churn-eu", "churn-us", "forecast", "hostile"]
    assert index.text("#chosen") == "bucket acme-raw ✕"
    assert index.page.evaluate("document.activeElement.id") == "pipelines"
    index.page.click("#chosen")
    assert index.text("#status") == "7 of 7 pipelines"


def test_a_wave_leads_to_its_pipelines(index: Opened) -> None:
    index.page.click("[data-wave='1']")
    assert index.names(NAMES) == ["churn-eu", "churn-us", "hostile"]


def test_links_lead_to_the_pages_of_pipelines_and_back(browser: Any, out: Path) -> None:
    pages = [each["page"] for each in data(out)["pipelines"]]
    assert len(set(pages)) == len(pages) and all((out / page).is_file() for page in pages)
    context = browser.new_context()
    page, asked = context.new_page(), []
    page.on("request", lambda request: asked.append(request.url))
    page.goto((out / "index.html").as_uri())
    page.click("[data-table=pipelines] a:text-is('churn-eu')")
    assert page.inner_text("h1") == "churn-eu"
    page.click("text=All pipelines")
    assert page.inner_text("h1") == "Assessment of 7 SageMaker pipelines"
    context.close()
    assert len(asked) == 3 and all(url.startswith(out.as_uri()) for url in asked)


def test_all_goes_by_keyboard(index_of: Callable[..., Opened]) -> None:
    shown = index_of(*(f"pipeline-{number}" for number in range(60)))
    keys = shown.page.keyboard
    keys.press("Tab")
    assert shown.page.evaluate("document.activeElement.textContent") == "Skip to the content"
    shown.page.focus("[data-table=pipelines] thead th:first-child button")
    keys.press("Enter")
    keys.press("Enter")
    assert shown.names(NAMES)[0] == "pipeline-59"
    shown.page.focus("[data-table=pipelines] .pager button:nth-child(2)")
    for _ in range(2):
        keys.press("Enter")
    assert shown.names(NAMES)[-1] == "pipeline-0"
    assert shown.text("[data-table=pipelines] .pager p") == "51 to 60 of 60"
    assert shown.page.evaluate("document.activeElement.textContent") == "← Back"
    unnamed = "[...document.querySelectorAll('button, select, input')].filter((each) => !each.labels?.length"
    unnamed += " && !each.textContent.trim() && !each.getAttribute('aria-label') && !each.hidden).length"
    assert shown.page.evaluate(unnamed) == 0


def test_names_are_text(index_of: Callable[..., Opened]) -> None:
    names = (MARKUP, f"{MARKUP}2", "a" * 5000, "\u202egpj.exe", '"><svg onload=alert(1)>', "{{ 7 * 7 }}", "`x`")
    shown = index_of(*names)
    assert shown.page.query_selector_all("img, iframe, object, [onload], [onerror]") == []
    found = shown.names(NAMES)
    assert MARKUP in found and "{{ 7 * 7 }}" in found and "gpj.exe" in found
    assert max(map(len, found)) < 80
    assert shown.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    shown.page.fill("#search", "onerror")
    assert len(shown.names(NAMES)) == 2


def test_everything_fits_a_narrow_window(out: Path, opened: Open) -> None:
    html = (out / "index.html").read_text(encoding="utf-8")
    shown = opened(html, viewport={"width": 380, "height": 800})
    assert shown.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_what_is_folded_or_on_later_pages_is_printed_and_buttons_are_not(index_of: Callable[..., Opened]) -> None:
    shown = index_of(*(f"pipeline-{number}" for number in range(60)))
    assert len(shown.names(NAMES)) == 25
    shown.page.evaluate("dispatchEvent(new Event('beforeprint'))")
    shown.page.emulate_media(media="print")
    assert len(shown.names(NAMES)) == 60
    assert shown.names("#search, .pager button, .sections a, #theme") == []
    assert shown.names("[data-table=pipelines] thead button")[0] == "pipeline"
    assert shown.page.locator("details:not([open])").count() == 0
    shown.page.emulate_media(media="screen")
    shown.page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert len(shown.names(NAMES)) == 25
    assert shown.page.locator("details[open]").count() == 0


def test_the_theme_is_that_of_the_system_until_it_is_chosen(out: Path, opened: Open) -> None:
    shown = opened((out / "index.html").read_text(encoding="utf-8"), color_scheme="dark")
    paper = "getComputedStyle(document.body).backgroundColor"
    assert shown.page.evaluate(paper) == "rgb(13, 17, 23)"
    shown.page.click("#theme")
    assert shown.page.evaluate(paper) == "rgb(255, 255, 255)"


def test_a_portfolio_of_which_nothing_can_be_read(smx2vertex: Run, opened: Open, tmp_path: Path) -> None:
    broken = ASSESS / "portfolio/broken.json"
    assert smx2vertex("assess", broken, "--no-pages", "--out", tmp_path / "out").code == 1
    shown = opened((tmp_path / "out/index.html").read_text(encoding="utf-8"))
    assert shown.names(".answers .answer")[0] == "Nothing"
    assert "SMX102" in shown.text("[data-table=unreadable]")
    assert shown.text("#status") == "0 of 0 pipelines"
