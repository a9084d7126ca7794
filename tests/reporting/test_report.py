"""The page of finished runs: its numbers, what it leaves out, and that it needs no other files."""

import json
import re
import shutil
import time
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml
from browser import Browser, needs_browser, open_page
from cli import FAST, call, mistake, train

from innerloop.reporting.page.charts import Line, chart
from innerloop.reporting.page.write import write

STUDENT = 4.302652729749464  # 97.5% quantile of t with 2 degrees of freedom, from tables


class Page(HTMLParser):
    """Tables as rows of texts by caption, and all elements with their attributes."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.tables: dict[str, list[list[str]]] = {}
        self.elements: list[tuple[str, dict[str, Any]]] = []
        self._rows: list[list[str]] = []
        self._texts: list[str] | None = None
        self.text = file.read_text()
        self.feed(self.text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag == "table":
            self._rows = []
        elif tag == "tr":
            self._rows.append([])
        elif tag in ("th", "td", "caption"):
            self._texts = []

    def handle_data(self, data: str) -> None:
        if self._texts is not None:
            self._texts.append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag not in ("th", "td", "caption") or self._texts is None:
            return
        text, self._texts = " ".join("".join(self._texts).split()), None
        if tag == "caption":
            self.tables[text] = self._rows
        else:
            self._rows[-1].append(text)

    def rows(self, caption: str) -> list[dict[str, str]]:
        """The rows of the only table whose caption has a word, by heading."""
        (table,) = [rows for text, rows in self.tables.items() if caption in text]
        return [dict(zip(table[0], row, strict=True)) for row in table[1:]]


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("real") / "0_glyphs_maml_seed0"
    train(folder, "dataset=glyphs", "inner.steps=2", FAST[0])
    return folder


def member(real: Path, folder: Path, mean: float | None = None, **more: Any) -> Path:
    """A copy of a run with another setting; `__` stands for the dots of keys."""
    shutil.copytree(real, folder)
    results = json.loads((folder / "results.json").read_text())
    files = {n: yaml.safe_load((folder / n).read_text()) for n in ("config.yaml", "composed.yaml")}
    for part in (results, *files.values()):
        for key, value in more.items():
            *path, last = key.split("__")
            inner = part
            for name in path:
                inner = inner.get(name, {})
            if last in inner:
                inner[last] = value
    results["test"]["accuracy"]["mean"] = results["test"]["accuracy/step_3"]["mean"] = mean
    (folder / "results.json").write_text(json.dumps(results))
    for name, content in files.items():
        (folder / name).write_text(yaml.safe_dump(content))
    return folder


@pytest.fixture(scope="module")
def sweep(real: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve runs: two inner rates, on two protocols, of three seeds."""
    folder = tmp_path_factory.mktemp("sweep")
    for number in range(12):
        rate, shots, seed = number // 6, number // 3 % 2, number % 3
        member(
            real, folder / f"{number}_glyphs", 0.4 + 0.2 * rate + 0.1 * seed, seed=seed,
            inner__rate=(0.1, 0.4)[rate], algorithm__rate=(0.1, "${inner.rate}")[rate],
            protocol__hash=("aaa", "bbb")[shots], episode__shots=(1, 5)[shots],
        )  # fmt: skip
    return folder


@pytest.fixture(scope="module")
def page(sweep: Path) -> Page:
    return Page(write([sweep], sweep / "report.html"))


def test_seeds_are_averaged_with_students_interval(page: Page) -> None:
    half = STUDENT * 0.1 / 3**0.5
    for protocol in ("aaa", "bbb"):
        high, low = page.rows(f"protocol {protocol}")  # best first
        assert low["accuracy"] == "50.00 %"
        assert high["accuracy"] == "70.00 %"
        assert low["95% interval"] == f"± {100 * half:.2f} % over 3 seeds"
        for trained in page.rows(f"settings ({protocol})"):
            assert trained["seeds"] == "0, 1, 2"
            assert trained["batch norm"] == "transductive"


def test_a_single_run_has_the_interval_over_its_tasks(real: Path, tmp_path: Path) -> None:
    result = json.loads((real / "results.json").read_text())
    entry = result["test"]["accuracy"]
    (row,) = Page(write([real], tmp_path / "r.html")).rows(f"protocol {result['protocol']['hash']}")
    assert row["accuracy"] == f"{100 * entry['mean']:.2f} %"
    assert row["95% interval"] == f"± {100 * entry['ci95']:.2f} % over {entry['tasks']} tasks"
    assert row["before adapting"] == f"{100 * result['test']['accuracy/step_0']['mean']:.2f} %"
    (trained,) = Page(tmp_path / "r.html").rows("Training and audit")
    assert "audit" not in trained or trained["audit"]


def test_only_differing_keys_are_listed(page: Page) -> None:
    rows = {row["key"]: list(row.values())[1:] for row in page.rows("Keys of the configuration")}
    assert set(rows) == {"inner.rate", "episode.shots", "algorithm.rate"}
    assert sorted(rows["inner.rate"]) == ["0.1", "0.1", "0.4", "0.4"]


def test_a_key_that_follows_another_is_not_listed(real: Path, tmp_path: Path) -> None:
    for seed, rate in enumerate((0.1, 0.4)):
        folder = member(real, tmp_path / "runs" / str(seed), 0.5, inner__rate=rate)
        composed = yaml.safe_load((folder / "composed.yaml").read_text())
        assert composed["algorithm"]["rate"] == "${inner.rate}"
        resolved = yaml.safe_load((folder / "config.yaml").read_text())
        resolved["algorithm"]["rate"] = rate
        (folder / "config.yaml").write_text(yaml.safe_dump(resolved))
    page = Page(write([tmp_path / "runs"], tmp_path / "r.html"))
    assert [row["key"] for row in page.rows("Keys of the configuration")] == ["inner.rate"]
    settings = [row["setting"] for row in page.rows("One checkpoint of each run")]
    assert settings == ["maml, inner.rate=0.1", "maml, inner.rate=0.4"]


def test_every_run_can_be_repeated(page: Page, sweep: Path) -> None:
    command = json.loads((sweep / "0_glyphs" / "results.json").read_text())["command"]
    assert page.text.count(f"<code>{command}</code>") == 12
    assert len(page.rows("One checkpoint of each run")) == 12


def test_stamps_of_an_audit_are_shown(real: Path, tmp_path: Path) -> None:
    folder = member(real, tmp_path / "run", 0.5)
    result = json.loads((folder / "results.json").read_text())
    result["audit"] = {"tasks": 50, "stamps": ["transductive", "ignores its support"]}
    (folder / "results.json").write_text(json.dumps(result))
    (row,) = Page(write([folder], tmp_path / "r.html")).rows("Training and audit")
    assert row["audit"] == "transductive, ignores its support"


def test_a_non_finite_mean_is_shown_as_such(real: Path, tmp_path: Path) -> None:
    folder = member(real, tmp_path / "run", None)
    (row,) = Page(write([folder], tmp_path / "r.html")).rows("protocol")
    assert row["accuracy"] == "not finite"
    assert row.get("95% interval", "") == ""


def test_runs_left_out_of_the_tables_are_named(real: Path, tmp_path: Path) -> None:
    older, newer = (member(real, tmp_path / "runs" / n, m) for n, m in (("a", 0.1), ("b", 0.9)))
    (tmp_path / "runs" / "begun").mkdir()
    shutil.copy(real / "composed.yaml", tmp_path / "runs" / "begun")
    page = Page(write([tmp_path / "runs", newer], tmp_path / "r.html"))
    (row,) = page.rows("protocol")
    assert row["accuracy"] == "90.00 %"
    left_out, begun = page.text.split("Left out")[1].split("Not finished")
    assert str(older) in left_out
    assert str(newer) not in left_out
    assert "runs/begun" in begun


def test_names_are_escaped(real: Path, tmp_path: Path) -> None:
    folder = member(real, tmp_path / "run", 0.5, command="<script>alert(1)</script> & more")
    text = write([folder], tmp_path / "r.html").read_text()
    assert "<script" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; more" in text


def test_a_straight_line_is_drawn_straight() -> None:
    svg = chart("t", "x", "y", [Line([0, 1, 2, 3], [1, 3, 5, 7], 2, "two")], False, "n")
    (path,) = re.findall(r'<path d="([^"]+)"[^>]*style="fill: none; stroke: var\(--line2\)', svg)[
        :1
    ]
    numbers = [float(n) for n in re.findall(r"-?\d+\.?\d*", path)]
    x, y = numbers[::2], numbers[1::2]
    assert len(x) == 4
    for values in (x, y):
        steps = [b - a for a, b in pairwise(values)]
        assert steps == pytest.approx([steps[0]] * 3, abs=1e-4)
    assert y[0] > y[3]  # upwards on the screen
    assert not re.findall("#0[1-4]0", svg), "a stand-in for a colour is left"


def test_the_page_is_accessible_to_screen_readers(page: Page) -> None:
    identifiers = [a["id"] for _, a in page.elements if "id" in a]
    assert len(identifiers) == len(set(identifiers))
    for tag, attributes in page.elements:
        if tag == "img":
            assert len(attributes["alt"]) > 10
        elif tag == "svg":
            assert attributes["role"] == "img"
            assert "against" in attributes["aria-label"]
        elif tag == "th":
            assert attributes["scope"] in ("row", "col")
        elif tag == "a":
            assert attributes["href"].lstrip("#") in identifiers
    tags = [tag for tag, _ in page.elements]
    assert tags.count("table") == tags.count("caption")
    assert tags.count("svg") == 6
    assert tags.count("img") >= 12


def test_twelve_runs_are_written_within_ten_seconds(sweep: Path, tmp_path: Path) -> None:
    began = time.process_time()
    call("report", str(sweep), "--out", str(tmp_path / "r.html"))
    assert time.process_time() - began < 10
    assert "<h1>maml on glyphs</h1>" in (tmp_path / "r.html").read_text()


def test_the_page_begins_with_what_was_found(page: Page) -> None:
    opening = page.text.split("</header>")[0]
    assert opening.count('class="finding"') == 2  # one for each protocol
    assert f"70.00 ± {100 * STUDENT * 0.1 / 3**0.5:.2f} %" in opening
    assert "3 seeds: not separated (p = 1)" in opening  # the copies share the scores of one run
    high, low = page.rows("protocol aaa")
    assert (high["p"], low["p"]) == ("", "1")


def test_bars_are_where_the_numbers_are(real: Path, tmp_path: Path) -> None:
    for seed, mean in enumerate((0.2, 0.4, 0.9)):
        member(real, tmp_path / "runs" / str(seed), mean, seed=seed)
    page = Page(write([tmp_path / "runs"], tmp_path / "r.html"))
    places = {a["class"]: [] for tag, a in page.elements if tag == "i"}  # type: dict[str, list[float]]
    for tag, attributes in page.elements:
        if tag == "i":
            places[attributes["class"]].append(float(attributes["style"].split()[1].rstrip("%;")))
    low, middle, high = places["seed"]
    (mean,) = places["mean"]
    assert 0 < low < middle < mean < high < 100
    assert (mean - low) / (high - low) == pytest.approx((0.5 - 0.2) / 0.7, abs=1e-3)
    assert places["half"][0] < low  # Student's interval of three seeds is wide


def test_a_papers_figure_is_a_tick(real: Path, tmp_path: Path) -> None:
    folder = member(real, tmp_path / "run", 0.5, dataset="omniglot", trained_on="omniglot")
    text = write([folder], tmp_path / "r.html").read_text()
    assert 'class="paper"' in text
    assert "98.70 ± 0.40 % (Finn et al. 2017, table 1)" in text
    assert 'class="paper"' not in write([real], tmp_path / "other.html").read_text()


def test_what_follows_from_a_choice_is_folded(real: Path, tmp_path: Path) -> None:
    for number, name in enumerate(("maml", "anil")):
        member(
            real, tmp_path / "runs" / name, 0.5 + 0.1 * number, algorithm=name, inner__rate=number,
            algorithm___target_=f"innerloop.{name}",
        )  # fmt: skip
        for file in ("config.yaml", "composed.yaml"):
            content = yaml.safe_load((tmp_path / "runs" / name / file).read_text())
            content["algorithm"] = {"_target_": f"innerloop.{name}"}
            (tmp_path / "runs" / name / file).write_text(yaml.safe_dump(content))
    page = Page(write([tmp_path / "runs"], tmp_path / "r.html"))
    chosen = [row["key"] for row in page.rows("Keys of the configuration")]
    assert chosen == ["algorithm", "inner.rate"]
    assert [row["key"] for row in page.rows("What follows")] == ["algorithm._target_"]


@needs_browser
@pytest.mark.parametrize("width", [400, 1400])
def test_the_page_fits_the_window(page: Page, tmp_path: Path, width: int) -> None:
    (tmp_path / "page.html").write_text(page.text)
    browser = Browser(tmp_path, (width, 900))
    browser.open((tmp_path / "page.html").as_uri())
    browser.until("document.querySelector('.board') !== null")
    assert browser.ask("document.documentElement.scrollWidth") <= width
    browser.close()


@needs_browser
def test_the_page_makes_no_network_request(sweep: Path, page: Page, tmp_path: Path) -> None:
    rule = re.compile(r'<meta http-equiv="Content-Security-Policy"[^>]*>')
    picture = '<img src="http://pictures.example/planted.png">'
    assert len(rule.findall(page.text)) == 1
    bare = rule.sub("", page.text)
    planted = [text.replace("<main>", f"<main>{picture}") for text in (bare, page.text)]
    for number, (text, requests, complains) in enumerate(
        [
            (page.text, [], False),
            (bare, [], False),
            (planted[0], ["http://pictures.example/planted.png"], False),  # the test can fail
            (planted[1], [], True),  # blocked by the page's own policy
        ]
    ):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "page.html").write_text(text)
        opened = open_page(folder / "page.html", folder)
        assert opened.requests == requests
        assert bool(opened.complaints) == complains
        assert opened.document.count("</table>") == page.text.count("</table>")


def test_a_folder_without_runs_is_refused(tmp_path: Path) -> None:
    assert "no finished run" in mistake("report", str(tmp_path))
    assert "no finished run" in mistake("report", str(tmp_path / "nowhere"))
