"""The page of one pipeline, as `map --format html` writes it, in a browser: by mouse, by keyboard, and on paper."""

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
LAB = Path(__file__).parents[2] / "examples" / "lab-05-accuracy-gate" / "definition.json"
IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"
SECRET = "correct-horse-battery"  # of nothing


@pytest.fixture(scope="module")
def lab_page() -> str:
    command = [sys.executable, "-m", "smx2vertex", "map", str(LAB), "--format", "html"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.fixture
def lab(lab_page: str, opened: Open) -> Opened:
    return opened(lab_page)


def step(name: str, *before: str, **more: Any) -> dict[str, Any]:
    arguments = {
        "ProcessingResources": {"ClusterConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1}},
        "AppSpecification": {"ImageUri": IMAGE, "ContainerEntrypoint": ["python3", "/opt/ml/code/p.py"]},
        **more,
    }
    return {"Name": name, "Type": "Processing", "DependsOn": list(before), "Arguments": arguments}


@pytest.fixture
def page_of(smx2vertex: Run, opened: Open, tmp_path: Path) -> Callable[..., Opened]:
    """The page of a definition with these steps."""

    def open_page(*steps: dict[str, Any], **options: Any) -> Opened:
        file = tmp_path / "definition.json"
        file.write_text(json.dumps({"Version": "2020-12-01", "Steps": steps}))
        return opened(smx2vertex("map", file, "--format", "html").out, **options)

    return open_page


def node(side: str, title: str) -> str:
    return f"#{side} [data-node]:has(> text:text-is('{title}'))"


def nodes(shown: Opened, side: str, *classes: str) -> list[str]:
    """The titles of the nodes of all these classes."""
    selector = f"#{side} [data-node]{''.join(f'.{each}' for each in classes)} > .title"
    return [each.text_content() for each in shown.page.query_selector_all(selector)]


def test_a_click_shows_what_became_of_a_step(lab: Opened) -> None:
    lab.page.click(node("source", "TrainModel"))
    assert lab.text("#details-title") == "TrainModel"
    details = lab.text("#details-body")
    for words in ("≈ adapted", "train_model", "ml.m5.large: 2 vCPU", "SMX201", "Create a service account", "rule "):
        assert words in details
    fields = lab.names("#details .field .path code")
    assert "HyperParameters/max_depth" in fields and len(fields) == 31
    code = lab.text("#details pre")
    assert code.startswith("train_model_task = on_machine(")
    assert "@dsl.container_component" in str(lab.page.text_content("#details"))
    assert lab.names("#details a")[0].startswith("Amazon SageMaker")
    assert nodes(lab, "source", "is-chosen") == ["TrainModel"]
    assert nodes(lab, "target", "is-chosen") == ["train_model_task"]


def test_the_code_is_what_convert_writes(lab: Opened) -> None:
    lab.page.click(node("target", "evaluate_model_task"))
    shown = lab.page.text_content("#details details:last-child pre")
    written = LAB.parent / "project" / "lab_05_accuracy_gate" / "components" / "evaluate_model.py"
    assert shown == written.read_text()


def test_a_condition_shows_its_branches_in_the_code(lab: Opened) -> None:
    lab.page.click(node("target", "if CheckAccuracy"))
    assert lab.text("#details-title") == "CheckAccuracy"
    assert lab.text("#details pre").startswith("with dsl.If(")


def test_hovering_lights_up_the_match_and_the_flow(lab: Opened) -> None:
    lab.page.hover(node("source", "EvaluateModel"))
    assert nodes(lab, "target", "is-lit") == ["evaluate_model_task"]
    assert nodes(lab, "target", "is-near") == ["preprocess_data_task", "train_model_task", "if CheckAccuracy"]
    lit = lab.page.query_selector_all("#source g[data-edge].is-lit title")
    assert [each.text_content() for each in lit] == [
        "TrainModel → EvaluateModel: model",
        "PreprocessData → EvaluateModel: test",
        "EvaluateModel → CheckAccuracy: EvaluationReport",
    ]
    lab.page.mouse.move(5, 5)
    assert nodes(lab, "target", "is-lit") == []


def test_all_goes_by_keyboard(lab: Opened) -> None:
    keys = lab.page.keyboard
    keys.press("Tab")
    assert lab.page.evaluate("document.activeElement.textContent") == "Skip to the content"
    lab.page.focus("#source [data-node='0']")
    for key in ("ArrowDown", "ArrowRight", "ArrowUp"):
        keys.press(key)
    assert lab.page.evaluate("document.activeElement.getAttribute('aria-label')") == "TrainModel, adapted"
    assert lab.page.locator("#source [data-node][tabindex='0']").count() == 1
    keys.press("Enter")
    assert lab.page.evaluate("document.activeElement.id") == "details-title"
    assert lab.text("#status").startswith("TrainModel: adapted, 31 fields")
    keys.press("Escape")
    assert lab.page.evaluate("document.activeElement.getAttribute('aria-label')") == "TrainModel, adapted"
    assert lab.page.get_attribute(node("source", "TrainModel"), "aria-pressed") == "true"


def test_a_filter_leaves_the_steps_of_a_verdict(lab: Opened) -> None:
    lab.page.click("[data-verdict=exact]")
    assert lab.names("#main tbody tr[data-step] th[scope=row]")[0] == "CheckAccuracy"
    assert len(nodes(lab, "source", "is-off")) == 5
    assert lab.names(".finding, .severity, #all-machines") == []
    assert lab.text("#no-findings") == "None is about the steps that are shown."
    assert lab.text("#status") == "1 of 6 steps"
    lab.page.click("[data-verdict=exact]")
    assert nodes(lab, "source", "is-off") == []
    assert lab.page.is_disabled("[data-verdict=unsupported]")


def test_search_finds_steps_fields_and_findings(lab: Opened) -> None:
    lab.page.fill("#search", "max_depth")
    assert lab.names("#results button") == ["TrainModel: HyperParameters/max_depth = 4"]
    assert lab.names("#results .kind") == ["field"]
    lab.page.keyboard.press("ArrowDown")
    lab.page.keyboard.press("Enter")
    assert lab.text("#details-title") == "TrainModel"
    assert lab.text("#details .is-found code") == "HyperParameters/max_depth"
    lab.page.fill("#search", "smx201 evaluate")
    assert lab.names("#results .kind") == ["finding"]
    lab.page.fill("#search", "no such thing")
    assert lab.names("#results li") == ["Nothing was found."]
    lab.page.keyboard.press("Escape")
    assert not lab.page.is_visible("#results")


def test_findings_lead_to_their_steps(lab: Opened) -> None:
    if not lab.page.is_visible("#SMX201 li"):
        lab.page.click("#SMX201 summary")
    lab.page.click("#SMX201 li:has-text('EvaluateModel') button")
    assert lab.text("#details-title") == "EvaluateModel"


def test_the_picture_grows_and_fits(lab: Opened) -> None:
    def width() -> float:
        return float(lab.page.evaluate("document.querySelector('#source svg').getBoundingClientRect().width"))

    before = width()
    lab.page.click("[data-zoom=in]")
    assert width() == pytest.approx(before * 1.25, rel=0.01)
    lab.page.click("[data-zoom=fit]")
    room = lab.page.evaluate("document.querySelector('#source').clientWidth")
    assert width() <= room + 1


def test_light_and_dark(lab: Opened) -> None:
    def paper() -> str:
        return str(lab.page.evaluate("getComputedStyle(document.body).backgroundColor"))

    assert paper() == "rgb(255, 255, 255)"
    lab.page.emulate_media(color_scheme="dark")
    assert paper() == "rgb(13, 17, 23)"
    lab.page.click("#theme")
    assert paper() == "rgb(255, 255, 255)"
    assert lab.text("#theme") == "☾ Dark"
    lab.page.reload()
    assert paper() == "rgb(255, 255, 255)", "the choice is remembered"
    lab.asked.pop()  # reloading asks for the page again


CONTRAST = """() => {
  const parse = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((c) => c / 255)
    .map((c) => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (element) => {
    for (; element; element = element.parentElement) {
      const box = element.matches("[data-node]") ? element.querySelector(".box") : null;
      const colour = parse(box ? getComputedStyle(box).fill : getComputedStyle(element).backgroundColor);
      if (colour.length === 3 || colour[3] > 0) return colour;
    }
    return [255, 255, 255];
  };
  const low = [];
  for (const element of document.querySelectorAll("main *, header *")) {
    const own = [...element.childNodes].some((each) => each.nodeType === 3 && each.data.trim());
    if (!own || !element.getClientRects().length || element.closest("title, [disabled]")) continue;
    const style = getComputedStyle(element);
    const ink = light(parse(element.closest("svg") ? style.fill : style.color)), paper = light(behind(element));
    const ratio = (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05);
    if (ratio < 4.5) low.push(`${element.textContent.trim().slice(0, 30)}: ${ratio.toFixed(2)}`);
  }
  return low;
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out(lab_page: str, opened: Open, scheme: str) -> None:
    shown = opened(lab_page, fragment="#step=TrainModel", color_scheme=scheme)
    assert shown.text("#details-title") == "TrainModel", "the address names a step"
    assert shown.page.evaluate(CONTRAST) == []
    shown.page.evaluate("document.body.style.color = '#777'")
    assert shown.page.evaluate(CONTRAST) != [], "the test can fail"


def test_print_holds_every_step(lab: Opened) -> None:
    lab.page.emulate_media(media="print")
    lab.page.evaluate("dispatchEvent(new Event('beforeprint'))")
    headings = lab.names("#print h3")
    assert [heading.split()[0] for heading in headings[:-1]] == [
        *("PreprocessData", "TrainModel", "EvaluateModel", "CheckAccuracy"),
        *("RegisterModel-RegisterModel", "AccuracyTooLow"),
    ]
    assert "17 more fields mean exactly the same." in lab.text("#print article:nth-of-type(2)")
    assert "HyperParameters/max_depth" not in lab.text("#print"), "it is exact"
    assert lab.names("button:not(.plain)") == []
    lab.page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert lab.names("#print h3") == []
    assert len(lab.page.pdf(format="A4")) > 50_000


EVIL = "</script><script>alert(1)</script><img src=x onerror=alert(2)><!--"


def test_text_of_a_definition_is_text(page_of: Callable[..., Opened]) -> None:
    """What would speak up on the console, or in a dialog, fails at the end of the test."""
    long = "Name" * 60
    shown = page_of(
        step(EVIL, Environment={EVIL: EVIL + "\u2028\u202e"}),
        step(long, EVIL),
        {"Name": "Odd", "Type": EVIL, "Arguments": {EVIL: "<b>bold</b>"}},
    )
    for number, name in enumerate((EVIL, long, "Odd")):
        shown.page.click(f"#source [data-node='{number}']")
        assert shown.page.text_content("#details-title") == name
    assert "<b>bold</b>" in shown.text("#details")
    shown.page.fill("#search", "<script>")
    assert shown.names("#results .kind")[0] == "step"
    assert shown.page.locator("main img, main script, main b:has-text('bold')").count() == 0
    assert shown.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing sticks out"
    shown.page.click(f"#source [data-node='{0}']")
    assert "\\u2028\\u202e" in shown.text("#details")


def test_the_policy_stops_what_is_not_of_the_page(lab: Opened) -> None:
    ran = lab.page.evaluate("""() => {
      const script = document.createElement("script");
      script.textContent = "window.ran = true";
      document.body.append(script);
      document.body.insertAdjacentHTML("beforeend", "<img src='http://127.0.0.1:9/x.png'>");
      return window.ran === true;
    }""")
    assert not ran
    lab.page.wait_for_timeout(50)
    assert all("violates" in text for text in lab.said) and len(lab.said) == 2
    lab.said.clear()
    lab.asked[:] = [url for url in lab.asked if url.startswith("file:")]


def test_secrets_are_masked(smx2vertex: Run, opened: Open, tmp_path: Path) -> None:
    file = tmp_path / "definition.json"
    steps = [step("Load", Environment={"DB_PASSWORD": SECRET, "USER": "ann"})]
    parameters = [{"Name": "ApiKey", "Type": "String", "DefaultValue": SECRET[::-1]}]
    file.write_text(json.dumps({"Version": "2020-12-01", "Parameters": parameters, "Steps": steps}))
    shown = opened(smx2vertex("map", file, "--format", "html").out, fragment="#step=Load")
    fields = dict(zip(shown.names("#details .field .path code"), shown.names("#details .field .value"), strict=True))
    assert fields["Environment/DB_PASSWORD"] == "***"
    assert fields["Environment/USER"] == "ann"
    assert '"***"' in shown.text("#details pre")


def test_two_hundred_steps_stay_usable(page_of: Callable[..., Opened]) -> None:
    steps = []
    for layer in range(20):
        for place in range(10):
            before = [f"Step-{layer - 1}-{place}", f"Step-{layer - 1}-{(place + 1) % 10}"] if layer else []
            steps.append(step(f"Step-{layer}-{place}", *before))
    shown = page_of(*steps)
    assert shown.page.locator("#source [data-node]").count() == 200
    shown.page.click("#steps ~ .scrolls button:text-is('Step-19-9')")
    assert shown.text("#details-title") == "Step-19-9"
    assert nodes(shown, "target", "is-chosen") == ["step_19_9_task"]
    seen = """(id) => {
      const box = document.querySelector(`#${id} .is-chosen`).getBoundingClientRect();
      const room = document.getElementById(id).getBoundingClientRect();
      return box.top >= room.top && box.bottom <= room.bottom && box.left >= room.left && box.right <= room.right;
    }"""
    assert shown.page.evaluate(seen, "source") and shown.page.evaluate(seen, "target")
    shown.page.fill("#search", "Step-7-3")
    assert shown.text("#status").endswith("of 200 steps")


def test_a_definition_without_steps_says_so(page_of: Callable[..., Opened]) -> None:
    shown = page_of()
    assert shown.names(".canvas") == ["Nothing of this pipeline ever runs."] * 2
    assert "The definition has no steps." in shown.text("main")


def test_a_narrow_window_shows_one_below_the_other(lab_page: str, opened: Open) -> None:
    shown = opened(lab_page, viewport={"width": 420, "height": 800})
    tops = [shown.page.locator(each).bounding_box()["y"] for each in ("#source", "#target", "#details", "#findings")]
    assert tops == sorted(tops)
    assert shown.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
