"""leaderboard.py: equal budgets, the choice on validation, resuming, and the page."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cli import call, mistake
from finished_runs import finished_run, scores_of
from scipy import stats

from innerloop.programs import trials
from innerloop.programs.trials import Trial
from innerloop.reporting import finished
from innerloop.reporting.leaderboard import Entry, page
from innerloop.sweeping.draws import draw

SETTINGS = ("dataset=glyphs", "debug=fast", "logger=csv")


def test_draws_stay_within_the_search_space_and_cover_it() -> None:
    space = {
        "a": "tag(log, interval(0.001, 1.0))", "b": "range(1, 4)", "c": "choice(x, y)",
        "d": "0.1,0.2", "e": "int(interval(2, 5))", "f": "7",
    }  # fmt: skip
    random = np.random.default_rng(0)
    draws = [dict(word.split("=") for word in draw(space, random)) for _ in range(400)]
    logs = np.log10([float(values["a"]) for values in draws])
    assert stats.kstest(logs, stats.uniform(-3, 3).cdf).pvalue > 0.01
    assert {values["b"] for values in draws} == {"1", "2", "3"}
    assert {values["c"] for values in draws} == {"x", "y"}
    assert {values["d"] for values in draws} == {"0.1", "0.2"}
    assert {values["e"] for values in draws} == {"2", "3", "4", "5"}
    assert {values["f"] for values in draws} == {"7"}


def test_a_trial_is_the_same_in_every_process_and_the_first_has_the_defaults() -> None:
    first, second, third = (Trial("maml", n, SETTINGS, 1.0, Path("x")) for n in range(3))
    assert first.drawn == []
    assert second.drawn == Trial("maml", 1, (), 9.0, Path("y")).drawn
    assert second.drawn != third.drawn
    given = Trial("maml", 1, ("inner.rate=0.3",), 1.0, Path("x"))
    assert given.drawn == [word for word in second.drawn if not word.startswith("inner.rate")]
    assert [word.split("=")[0] for word in second.drawn] == [
        "inner.rate", "inner.steps", "outer.optimizer.lr",
    ]  # fmt: skip


def test_the_steps_of_a_trial_fill_its_minutes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a speed of 30 tasks a second and 2 tasks a step, two minutes are 1,800 steps."""
    given: dict[str, list[str]] = {}

    def train(folder: Path, words: list[str]) -> int:
        given[folder.name] = words
        finished_run(folder)
        (folder / "metrics.csv").write_text("step,train/tasks_per_second\n9,25.0\n39,30.0\n")
        return 0

    monkeypatch.setattr(trials, "train", train)
    trial = Trial("protonet", 0, SETTINGS, 2.0, tmp_path / "trial0")
    assert trial.run()
    assert "outer.steps=1800" in given["trial0"] and "dataset=glyphs" in given["trial0"]
    given.clear()
    assert trial.run() and given == {}


def entry(folder: Path, method: str, mean: float, validation: float) -> Entry:
    checkpoint = {"step": 7, "validation": {"accuracy": validation}}
    test = finished.read(finished_run(folder, method, mean=mean, checkpoint=checkpoint))
    return Entry(method, 3, 2, test, test.results, "inner.rate=0.1", 2.0, 12.3)


def test_the_page_ranks_by_the_test_with_paired_differences(tmp_path: Path) -> None:
    worse, better = (
        entry(tmp_path / "a", "maml", 0.5, 0.9),
        entry(tmp_path / "b", "reptile", 0.6, 0.1),
    )
    failed = Entry("anil", 3, 0, None, None, "", 0.0, 0.0)
    text = page([worse, failed, better], ["dataset=mine"], 2.0, 3)
    rows = [line.split(" | ") for line in text.splitlines() if line.startswith("|")]
    assert [row[0] for row in rows[2:]] == ["| reptile, conv4", "| maml, conv4"]
    p = stats.ttest_rel(scores_of(tmp_path / "a", 3), scores_of(tmp_path / "b", 3)).pvalue
    assert f"p {p:.2g}" in rows[3][rows[0].index("behind the best")]
    assert "12.3 ms" in rows[2] and "7 of 10" in rows[2] and "2 of 3" in rows[2]
    assert "they failed: anil" in text and "`dataset=mine`" in text


@pytest.mark.slow
def test_a_leaderboard_is_made_and_resumed(tmp_path: Path, capsys: Any) -> None:
    out = tmp_path / "board"
    words = ("minutes=0.02", "tasks=20", f"out={out}", "dataset=glyphs", "outer.tasks=2")
    call("leaderboard", "methods=protonet,maml", "trials=2", *words)
    text = (out / "leaderboard.md").read_text()
    assert "maml" in text and "protonet" in text and "2 of 2" in text
    assert "leaderboard.py methods=protonet,maml trials=2 minutes=0.02" in text
    scores = {}
    for method in ("maml", "protonet"):
        runs = [json.loads((out / method / f"trial{n}/results.json").read_text()) for n in (0, 1)]
        scores[method] = [run["checkpoint"]["validation"]["accuracy"] for run in runs]
        chosen = json.loads((out / method / "test/of.json").read_text())["trial"]
        assert scores[method][chosen] == max(scores[method])
        assert (
            json.loads((out / method / "test/results.json").read_text())["protocol"]["tasks"] == 20
        )
    times = {file: file.stat().st_mtime_ns for file in out.rglob("results.json")}
    call("leaderboard", "methods=protonet,maml", "trials=2", *words)
    assert {file: file.stat().st_mtime_ns for file in out.rglob("results.json")} == times
    assert (out / "leaderboard.md").read_text() == text
    assert "another budget" in mistake("leaderboard", "methods=maml", *words[1:], "minutes=3")


def test_a_method_without_a_search_space_is_refused(tmp_path: Path) -> None:
    words = ("minutes=1", f"out={tmp_path}", "dataset=glyphs")
    assert "conf/search/mamel.yaml" in mistake("leaderboard", "methods=mamel", *words)
    assert "methods= is missing" in mistake("leaderboard", *words)
