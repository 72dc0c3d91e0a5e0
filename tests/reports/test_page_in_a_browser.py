"""The HTML page in a real Chromium, driven through pipes by its DevTools protocol: no driver and no download."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from typing import Any

import pytest

from common.published import load
from reports.blocks import MISSING, Shown
from reports.collect import collect
from reports.effects import effects
from reports.renderers.html_page import page as html_page
from reports.study_page import chapter
from reports.verdicts import Verdicts

AXE = Path(os.environ.get("ENCORE_AXE", Path(__file__).parents[2] / "node_modules/axe-core/axe.min.js"))
"""`npm install --no-save axe-core` puts it there."""
PROGRAM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--remote-debugging-pipe")
FRONT = "document.getElementById('ser_parallel.experiments.table')"

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="no Chromium is installed")


class Page:
    """One tab; `send` calls any method of the protocol."""

    def __init__(self, to: int, back: BufferedReader) -> None:
        self._to, self._back = to, back
        self._number, self._rest = 0, b""
        self._session: dict[str, str] = {}
        self.requests: list[str] = []
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        self._session = {"sessionId": self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]}
        for domain in ("Page", "Network", "Runtime"):
            self.send(f"{domain}.enable")

    def send(self, method: str, **params: Any) -> dict[str, Any]:
        self._number += 1
        message = {"id": self._number, "method": method, "params": params, **self._session}
        os.write(self._to, json.dumps(message).encode() + b"\0")
        answer = self._until(lambda one: one.get("id") == self._number)
        assert "error" not in answer, answer
        return answer["result"]

    def _until(self, is_it: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        while True:
            while b"\0" not in self._rest:
                read = self._back.read1()
                assert read, "Chromium has ended"
                self._rest += read
            line, _, self._rest = self._rest.partition(b"\0")
            message = json.loads(line)
            if is_it(message):
                return message
            assert message.get("method") != "Runtime.exceptionThrown", message
            if message.get("method") == "Network.requestWillBeSent":
                self.requests.append(message["params"]["request"]["url"])

    def open(self, path: Path, *, width: int = 1280, scheme: str = "light", script: bool = True) -> None:
        metrics = {"width": width, "height": 844, "deviceScaleFactor": 1, "mobile": width < 600}
        self.send("Emulation.setDeviceMetricsOverride", **metrics)
        self.send("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        self.send("Emulation.setScriptExecutionDisabled", value=not script)
        self.send("Page.navigate", url=path.as_uri())
        self._until(lambda message: message.get("method") == "Page.loadEventFired")

    def ask(self, script: str) -> Any:
        """Return the value of a JavaScript expression."""
        answer = self.send("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def press(self, key: str, text: str = "") -> None:
        self.send("Input.dispatchKeyEvent", type="keyDown", key=key, code=key, text=text)
        self.send("Input.dispatchKeyEvent", type="keyUp", key=key, code=key)

    def column(self, heading: str) -> list[str]:
        """Return the cells of a column of the front table that are shown."""
        headings = f"[...{FRONT}.querySelectorAll('thead th')].map((cell) => cell.textContent.trim())"
        rows = f"[...{FRONT}.querySelectorAll('tbody tr')].filter((row) => row.checkVisibility())"
        return self.ask(f"{rows}.map((row) => row.cells[{headings}.indexOf('{heading}')].textContent.trim())")


@contextmanager
def browser(profile: Path) -> Iterator[Page]:
    """Start Chromium with a profile of its own; it reads commands from descriptor 3 and answers on 4."""
    assert PROGRAM is not None
    (theirs, to), (back, ours) = os.pipe(), os.pipe()

    def pipes() -> None:
        os.dup2(theirs, 30)
        os.dup2(ours, 31)
        os.dup2(30, 3)
        os.dup2(31, 4)

    command = [PROGRAM, *FLAGS, f"--user-data-dir={profile}"]
    with subprocess.Popen(command, preexec_fn=pipes, close_fds=False, stderr=subprocess.DEVNULL) as chromium:
        os.close(theirs)
        os.close(ours)
        with os.fdopen(back, "rb") as answers:
            try:
                yield Page(to, answers)
            finally:
                os.close(to)
                chromium.terminate()


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with browser(tmp_path_factory.mktemp("profile")) as page:
        yield page


@pytest.fixture
def page(write: Callable[..., Path], runs: Path, tmp_path: Path) -> Path:
    """Three experiments under several protocols and seeds, and a picture, as one page."""
    for seed in range(2):
        for protocol in ("published", "corrected", "independent"):
            write("single-cnn", protocol, seed=seed, accuracy=0.66)
    write("dual-cnn", accuracy=0.4)
    known, groups = load("ser_parallel"), collect([runs]).groups
    said = chapter(known, groups, effects(groups), [], [], {}, Verdicts(known, groups))
    (tmp_path / "wide.svg").write_text('<svg viewBox="0 0 1400 700" xmlns="http://www.w3.org/2000/svg"/>')
    path = tmp_path / "index.html"
    front = [Shown("wide", "A wide picture")]
    path.write_text(html_page("Numbers", front, [said], lambda study, name: tmp_path / f"{name}.svg"))
    return path


def test_a_table_is_sorted_by_the_keyboard(tab: Page, page: Path) -> None:
    tab.open(page)
    tab.ask(f"[...{FRONT}.querySelectorAll('thead button')].find((one) => one.textContent == 'Published').focus()")
    tab.press("Enter", "\r")
    printed = [float(cell) for cell in tab.column("Published") if cell != MISSING]
    assert printed == sorted(printed)
    assert tab.column("Published")[-1] == MISSING
    tab.press("Enter", "\r")
    assert float(tab.column("Published")[0]) == max(printed)
    assert tab.ask(f"{FRONT}.querySelector('[aria-sort]').ariaSort") == "descending"


def test_the_lines_that_sum_up_stay_below_when_a_table_is_sorted(tab: Page, page: Path) -> None:
    tab.open(page)
    table = "document.getElementById('ser_parallel.classes-single-cnn.table')"
    tab.ask(f"[...{table}.querySelectorAll('thead button')].forEach((button) => button.click())")
    assert tab.ask(f"[...{table}.querySelectorAll('tr')].at(-1).cells[0].textContent") == "Weighted AVG"


def test_rows_are_filtered_by_a_word_and_by_a_verdict(tab: Page, page: Path) -> None:
    tab.open(page)
    tab.ask(f"{FRONT}.querySelector('input').focus()")
    tab.send("Input.insertText", text="ONE CNN")
    assert set(tab.column("Protocol")) == {"published", "corrected", "independent", MISSING}
    tab.ask(f"{FRONT}.querySelector('select').focus()")
    tab.press("r", "r")
    assert tab.column("Verdict") == ["reproduced"]
    assert tab.ask(f"{FRONT}.querySelector('output').value").startswith("1 of ")


@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_is_never_wider_than_its_window(width: int, tab: Page, page: Path) -> None:
    tab.open(page, width=width)
    assert tab.ask("document.documentElement.scrollWidth <= innerWidth")
    assert tab.ask("[...document.querySelectorAll('.scroll')].some((one) => one.scrollWidth > one.clientWidth)")


def test_the_page_is_light_or_dark_as_its_reader_likes_and_pictures_with_it(tab: Page, page: Path) -> None:
    colour = "getComputedStyle(document.querySelector('{}')).backgroundColor"
    papers = {}
    for scheme in ("light", "dark"):
        tab.open(page, scheme=scheme)
        papers[scheme] = [tab.ask(colour.format(element)) for element in ("body", "main img")]
    assert papers == {"light": ["rgb(255, 255, 255)"] * 2, "dark": ["rgb(20, 24, 28)", "rgb(23, 23, 23)"]}


def test_without_a_script_the_tables_are_plain_and_whole(tab: Page, page: Path) -> None:
    tab.open(page, script=False)
    assert tab.ask("document.querySelectorAll('thead button, .controls').length") == 0
    assert tab.column("Verdict").count("not run") == 13


def test_the_page_asks_the_network_for_nothing(tab: Page, page: Path) -> None:
    tab.requests.clear()
    tab.open(page)
    assert {request.partition(":")[0] for request in tab.requests} <= {"file", "data"}
    assert sum(request.startswith("file:") for request in tab.requests) == 1


def test_what_is_folded_is_printed(tab: Page, page: Path) -> None:
    tab.open(page)
    count = "document.querySelectorAll('details{}').length"
    tab.ask(f"addEventListener('beforeprint', () => {{ window.opened = {count.format('[open]')}; }})")
    tab.send("Page.printToPDF")
    assert tab.ask("window.opened") == tab.ask(count.format("")) > 0
    assert tab.ask(count.format("[open]")) == 0


def found(tab: Page, words: str) -> list[str]:
    """Type words into the search and return where its places are."""
    tab.ask("document.querySelector('.search input').focus()")
    tab.send("Input.insertText", text=words)
    return tab.ask("[...document.querySelectorAll('.hits a')].map((link) => link.textContent)")


def test_the_search_finds_what_is_folded_and_a_click_opens_it_at_the_verdict(tab: Page, page: Path) -> None:
    tab.open(page)
    first, *_ = found(tab, "0.67")
    assert "(single-cnn, section 4.3.3)" in first
    tab.ask("document.querySelector('.hits a').click()")
    place = "document.getElementById('ser_parallel.single-cnn')"
    assert tab.ask(f"{place}.closest('details').open")
    assert tab.ask(f"{place}.getBoundingClientRect().top") < 844
    assert tab.ask("document.querySelectorAll('.hits a').length") == 0


def test_the_search_for_an_id_opens_its_experiment_at_the_verdict(tab: Page, page: Path) -> None:
    tab.open(page)
    first, *_ = found(tab, "dual-cnn")
    assert "published 0.70" in first
    tab.ask("document.querySelector('.hits a').click()")
    assert 0 < tab.ask("document.getElementById('ser_parallel.dual-cnn').getBoundingClientRect().top") < 844


def test_a_folded_section_leads_up_to_its_document(tab: Page, page: Path) -> None:
    tab.open(page)
    up = "document.getElementById('ser_parallel.dual-cnn').querySelector('.up a')"
    assert tab.ask(f"{up}.hash") == "#ser_parallel"


def test_the_search_finds_an_id(tab: Page, page: Path) -> None:
    tab.open(page)
    assert any("dual-cnn" in hit for hit in found(tab, "dual-cnn"))
    assert found(tab, " no such word") == []


def test_the_contents_stay_in_sight(tab: Page, page: Path) -> None:
    tab.open(page)
    tab.ask("scrollTo(0, document.body.scrollHeight)")
    assert tab.ask("document.querySelector('.contents').getBoundingClientRect().top") < 100


def test_a_table_that_is_cut_off_says_so(tab: Page, page: Path) -> None:
    tab.open(page, width=390)
    tab.ask("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    shown = "[...document.querySelectorAll('.scroll')].filter((one) => one.checkVisibility())"
    cut = f"{shown}.filter((one) => one.scrollWidth > one.clientWidth + 1)"
    assert tab.ask(f"{cut}.length") > 0
    assert tab.ask(f"{cut}.every((one) => one.parentElement.classList.contains('cut'))")


@pytest.mark.skipif(not AXE.is_file(), reason="axe-core is not installed: npm install --no-save axe-core")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_violates_no_rule_of_accessibility(scheme: str, tab: Page, page: Path) -> None:
    tab.open(page, scheme=scheme)
    tab.ask(f"{AXE.read_text(encoding='utf-8')};0")
    tab.ask("document.querySelectorAll('details').forEach((one) => (one.open = true))")
    assert tab.ask("axe.run(document).then((found) => found.violations.map((one) => one.id))") == []
