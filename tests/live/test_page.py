"""The live page in a real browser."""

import json
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from browser import Browser, needs_browser
from live_outputs import at_work, begin, finish, many, row

from innerloop.live.server import Server
from innerloop.live.start import open_server
from innerloop.live.watch import Watch
from innerloop.objectives import Metric
from innerloop.reporting.drawing import style
from innerloop.reporting.numbers import mean_and_half

pytestmark = needs_browser
HOSTILE = '<img src=x onerror="document.title=1"> & <script>document.title=2<'
ROWS = "document.querySelectorAll('#runs tr').length"
PAINTED = "performance.getEntriesByName('first-contentful-paint')[0].startTime"

MOVE = """{
  const slider = document.querySelector('.slider');
  slider.value = 1;
  slider.dispatchEvent(new Event('input'));
}"""
REFRESH = """(async () => {
  const began = performance.now();
  await window.refresh();
  return performance.now() - began;
})()"""


@contextmanager
def served(outputs: Path) -> Iterator[Server]:
    server = open_server(outputs, port=0)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    browser = Browser(tmp_path_factory.mktemp("browser"))
    yield browser
    browser.close()


def test_hostile_names_are_texts(tmp_path: Path, browser: Browser) -> None:
    for seed, name in enumerate((HOSTILE.replace("/", ""), "javascript:alert(1)", "\x1b[31m")):
        finish(tmp_path / name, f"maml{HOSTILE}", seed, 0.1, 0.5)
    finish(tmp_path / "x", HOSTILE, 0, 0.2, 0.6)
    with served(tmp_path) as server:
        browser.open(server.address)
        browser.until(f"{ROWS} == 4 && document.querySelector('#boards tr') !== null")
        browser.ask("document.querySelector('#runs button').click()")
        browser.until("document.querySelector('#run h2') !== null")
        assert HOSTILE in browser.ask("document.querySelector('#runs').textContent")
        assert (
            browser.ask("document.querySelectorAll('img, #runs script, #boards script').length")
            == 0
        )
        assert browser.ask("document.title") == "innerloop live"
        assert browser.complaints == []
        requests = browser.ask("performance.getEntriesByType('resource').map(e => e.name)")
        assert all(name.startswith(server.address) for name in requests)


def test_a_run_is_looked_into(tmp_path: Path, browser: Browser) -> None:
    for seed in range(3):
        finish(tmp_path / f"{seed}_mine", "maml", seed, 0.1, 0.6)
    folder = begin(tmp_path / "now", "anil", 0, 0.4, 300, 0.8)
    with served(tmp_path) as server, at_work([folder], every=0.2):
        browser.open(server.address)
        browser.until(f"{ROWS} == 4")
        browser.until("document.querySelector('#states').textContent.includes('1 running')")
        filled = "document.querySelector('[data-run] progress').value"
        before = browser.ask(filled)
        browser.until(f"{filled} > {before}")  # it follows the training
        browser.ask("filter.value = 'maml'; filter.dispatchEvent(new Event('input'))")
        browser.until(f"{ROWS} == 3")
        browser.ask("document.querySelector('#runs button').click()")
        browser.until("document.querySelector('.slider') !== null")
        words = "document.querySelector('.words').textContent"
        assert "after 3 inner steps" in browser.ask(words)
        browser.ask(MOVE)
        assert "after 1 inner steps" in browser.ask(words)
        for axis, label in (("minutes", "minutes of training"), ("tasks", "training tasks")):
            browser.ask(f"document.querySelector('[value={axis}]').click()")
            assert label in browser.ask("document.querySelector('#curves').textContent")
        with (folder / "metrics.csv").open("a") as log:
            log.write(row(650, float("nan")) + "\n")
        browser.ask("filter.value = ''; filter.dispatchEvent(new Event('input'))")
        browser.until("document.querySelector('#runs').textContent.includes('NaN: train/accuracy')")
        assert browser.complaints == []


def test_the_page_has_the_rule_for_decimals_of_all_tables(tmp_path: Path, browser: Browser) -> None:
    percent, error = Metric("accuracy", unit="%", scale=100.0), Metric("mse")
    pairs = [(0.43123, 0.05321), (0.98712, 0.0004), (0.5, 0.1234), (0.5, 0.0996), (2.651, 0.89)]
    with served(tmp_path) as server:
        browser.open(server.address)
        browser.until("document.querySelector('#none:not([hidden])') !== null")
        for metric in (percent, error):
            for mean, half in pairs:
                given = (
                    f"{metric.scale * mean}, {metric.scale * half}, {json.dumps(metric is percent)}"
                )
                shown = browser.ask(f"import('/draw.js').then(m => m.meanAndHalf({given}))")
                expected = mean_and_half(mean, half, metric).removesuffix(" %")
                assert shown == expected


def test_the_slider_shows_what_each_query_was_answered(tmp_path: Path, browser: Browser) -> None:
    folder = finish(tmp_path / "mine", "maml", 0, 0.1, 0.6)
    predicted = np.array([[[1, 0, 2, -1], [0, 0, 2, -1], [0, 1, 2, -1], [0, 1, 2, -1]]])
    np.savez(folder / "answers.npz", truth=np.array([[0, 1, 2, -1]]), predicted=predicted)
    shown = "[...document.querySelectorAll('.answers span')].map(e => e.textContent)"
    with served(tmp_path) as server:
        browser.open(server.address)
        browser.until(f"{ROWS} == 1")
        browser.ask("document.querySelector('#runs button').click()")
        browser.until("document.querySelector('.answers') !== null")
        assert browser.ask(shown) == ["0", "1", "2"]
        browser.ask(MOVE)
        assert browser.ask(shown) == ["0", "0 ✗", "2"]
        assert browser.complaints == []


@pytest.mark.parametrize("dark", [False, True])
def test_pictures_are_inverted_in_the_dark_alone(
    tmp_path: Path, browser: Browser, dark: bool
) -> None:
    folder = finish(tmp_path / "mine", "maml", 0, 0.1, 0.6)
    figure, _ = style.canvas(1)
    style.save(figure, folder / "adaptation")
    browser.look((1000, 900), dark)
    with served(tmp_path) as server:
        browser.open(server.address)
        browser.until(f"{ROWS} == 1")
        browser.ask("document.querySelector('#runs button').click()")
        browser.until("document.querySelector('figure img') !== null")
        filters = browser.ask("getComputedStyle(document.querySelector('figure img')).filter")
    assert ("invert" in filters) is dark


@pytest.mark.parametrize("width", [400, 1400])
def test_the_page_fits_the_window(tmp_path: Path, browser: Browser, width: int) -> None:
    finish(tmp_path / ("long" * 30), "maml", 0, 0.1, 0.6)
    browser.look((width, 900))
    with served(tmp_path) as server:
        browser.open(server.address)
        browser.until(f"{ROWS} == 1 && document.querySelector('#boards tr') !== null")
        browser.ask("document.querySelector('#runs button').click()")
        browser.until("document.querySelector('.slider') !== null")
        assert browser.ask("document.documentElement.scrollWidth") <= width


@pytest.mark.slow
def test_two_hundred_finished_and_thirty_running_trainings(
    tmp_path: Path, browser: Browser
) -> None:
    """The bars: first paint under 1 s, a refresh under 0.3 s, less than 1% of a core."""
    running = many(tmp_path, finished=200, running=30)
    with served(tmp_path) as server, at_work(running, every=1.0):
        server.watch.boards()
        browser.open(server.address)
        browser.until(f"{ROWS} == 230")
        assert browser.ask(PAINTED) < 1000
        assert browser.ask("performance.getEntriesByName('drawn')[0].startTime") < 1000
        assert statistics.median(browser.ask(REFRESH) for _ in range(5)) < 300
    watch, seconds = Watch(tmp_path), []
    watch.entries()
    watch.boards()
    with at_work(running, every=0.5):
        for _ in range(10):
            time.sleep(1.0)
            began = time.thread_time()
            watch.entries()
            watch.boards()
            seconds.append(time.thread_time() - began)
    assert statistics.mean(seconds) / 3.0 < 0.01  # the page asks every three seconds
