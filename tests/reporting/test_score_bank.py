"""Score files: written by anyone, paired with runs, refused where the tasks differ."""

import json
import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cli import FAST, call, mistake, train
from finished_runs import CLASSES, TASKS, comparison_of, finished_run, scores_of
from helpers import ROOT
from scipy import stats

from innerloop.evaluation import schema, score_file
from innerloop.experiment.listed import hash_of, listed_tasks
from innerloop.machine.mappings import read_json
from innerloop.reporting import score_bank

ABOUT: dict[str, Any] = {
    "format": "innerloop scores 1", "algorithm": "theirs", "dataset": "mine", "seed": 0,
    "command": "python test.py at commit 0123abc",
    "episode": {"test": {"ways": 5, "shots": 1, "queries": 15}},
    "metric": {"name": "accuracy", "unit": "%", "scale": 100.0},
    "protocol": {"hash": "abc"},
}  # fmt: skip
SCORES = np.random.default_rng(7).uniform(0.3, 0.7, TASKS).astype(np.float32)


def guest(file: Path, **more: Any) -> Path:
    """A score file as another library writes it, with NumPy alone."""
    arrays = {key: more.pop(key) for key in ("scores", "classes") if key in more}
    text = json.dumps({k: v for k, v in (ABOUT | more).items() if v is not None}).encode()
    np.savez_compressed(file, about=np.frombuffer(text, np.uint8), **{"scores": SCORES} | arrays)
    return file


def test_a_run_is_compared_with_the_scores_of_another_library(tmp_path: Path) -> None:
    run, file = finished_run(tmp_path / "a"), guest(tmp_path / "theirs.npz")
    comparison = comparison_of(tmp_path, run, file)
    (difference,) = comparison["differences"]
    test = stats.ttest_rel(scores_of(run, 3), SCORES.astype(float))
    assert difference["p"] == pytest.approx(test.pvalue)
    interval = test.confidence_interval(0.95)
    assert difference["mean"] == pytest.approx((interval.low + interval.high) / 2)
    assert difference["ci95"] == pytest.approx((interval.high - interval.low) / 2)
    ours, theirs = comparison["runs"]
    assert theirs["algorithm"] == "theirs" and theirs["commands"] == [ABOUT["command"]]
    assert theirs["mean"] == pytest.approx(SCORES.mean(dtype=float))
    assert ours["scored_step"] == 3 and theirs["scored_step"] is None


def test_a_side_can_be_given_a_name(tmp_path: Path) -> None:
    run, file = finished_run(tmp_path / "a"), guest(tmp_path / "theirs.npz")
    assert comparison_of(tmp_path, run, f"other={file}")["runs"][1]["name"] == "other"


def test_the_exported_scores_of_a_run_are_those_of_the_run(tmp_path: Path) -> None:
    more = {"per_class": {f"letter {i}": {} for i in range(9)}, "norm": "transductive"}
    run, file = finished_run(tmp_path / "a", **more), tmp_path / "a.npz"
    call("scores", str(run), str(file))
    banked = score_bank.read(file)
    assert np.array_equal(banked.scores, scores_of(run, 3))
    assert banked.classes is not None and np.array_equal(banked.classes, CLASSES)
    assert banked.values["class_names.4"] == "letter 4"
    assert banked.results.norm == "transductive"
    (difference,) = comparison_of(tmp_path, run, file)["differences"]
    assert difference["mean"] == 0.0 and difference["p"] == 1.0


def test_two_score_files_are_compared_without_any_run(tmp_path: Path) -> None:
    other = SCORES + np.float32(0.1) * CLASSES[:, 0].astype(np.float32)
    files = guest(tmp_path / "a.npz"), guest(tmp_path / "b.npz", scores=other)
    (difference,) = comparison_of(tmp_path, *files)["differences"]
    assert difference["p"] == pytest.approx(stats.ttest_rel(SCORES, other).pvalue, rel=1e-3)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"protocol": {"hash": "fff"}}, "protocol.hash is abc and fff"),
        ({"metric": {"name": "mse"}}, "metric is accuracy and mse"),
        ({"dataset": "omniglot"}, "dataset is mine and omniglot"),
        ({"classes": CLASSES[::-1]}, "hold different classes"),
        ({"scores": SCORES[:-1]}, "protocol.tasks is 200 and 199"),
        ({"scores": np.where(SCORES > 0.5, np.nan, SCORES)}, "no finite accuracy"),
    ],
)
def test_scores_of_other_tasks_are_refused(
    tmp_path: Path, more: dict[str, Any], message: str
) -> None:
    run, file = finished_run(tmp_path / "a"), guest(tmp_path / "theirs.npz", **more)
    assert message in mistake("compare", str(run), str(file))


def test_a_run_can_be_tested_on_the_tasks_of_a_file(tmp_path: Path) -> None:
    protocol = {"hash": "fff", "seed": 9}
    run, file = finished_run(tmp_path / "a"), guest(tmp_path / "theirs.npz", protocol=protocol)
    for words in ((run, file), (file, run)):
        said = mistake("compare", *map(str, words))
        assert f"ckpt_path={run} evaluation.seed=9" in said


@pytest.mark.parametrize("key", [k for k in ABOUT if k != "format"])
def test_a_file_that_does_not_say_enough_is_refused(tmp_path: Path, key: str) -> None:
    file = guest(tmp_path / "theirs.npz", **{key: None})
    said = mistake("compare", str(finished_run(tmp_path / "a")), str(file))
    assert key in said and "score_bank.md" in said


class Harmful:
    """An object that leaves a trace if it is unpickled."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.trace),)


@pytest.mark.parametrize("wrong", ["text", "format", "pickle", "not an archive", "words"])
def test_a_file_that_is_no_score_file_is_refused(tmp_path: Path, wrong: str) -> None:
    file, run = tmp_path / "theirs.npz", finished_run(tmp_path / "a")
    trace = tmp_path / "trace"
    if wrong == "text":
        np.savez(file, about=np.frombuffer(b"\xff{", np.uint8), scores=SCORES)
    elif wrong == "format":
        guest(file, format="innerloop scores 99")
    elif wrong == "pickle":
        np.savez(file, about=np.array([Harmful(trace)], object), scores=SCORES)
    elif wrong == "words":
        guest(file, scores=np.array(["a"] * TASKS))
    else:
        file.write_bytes(b"PK nothing")
    assert str(file) in mistake("compare", str(run), str(file))
    assert not trace.exists()


def test_the_name_of_an_exported_file_must_say_what_it_is(tmp_path: Path) -> None:
    run = finished_run(tmp_path / "a")
    assert ".npz" in mistake("scores", str(run), str(tmp_path / "a.csv"))
    assert "no results" in mistake("scores", str(tmp_path / "b"), str(tmp_path / "b.npz"))


def test_the_example_of_the_documentation_writes_a_score_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (ROOT / "docs/score_bank.md").read_text()
    (example,) = [c for c in re.findall(r"```python\n(.*?)```", text, re.S) if "savez" in c]
    monkeypatch.chdir(tmp_path)
    exec(example, {})
    banked = score_bank.read(tmp_path / "theirs.npz")
    assert banked.scores.tolist() == pytest.approx([0.96, 0.88, 1.0])
    assert banked.results.protocol.tasks == 3


GUESTS = sorted((ROOT / "docs/score_bank").rglob("*.npz"))


def test_the_guests_of_the_bank_can_be_compared(tmp_path: Path) -> None:
    """Scores of one list of tasks rise and fall together, so the tasks are in the same order."""
    assert GUESTS
    tests: dict[str, list[np.ndarray]] = {}
    for file in GUESTS:
        banked = score_bank.read(file)
        assert (
            "http" in banked.results.command and ((banked.scores >= 0) & (banked.scores <= 1)).all()
        )
        tests.setdefault(banked.results.protocol.hash, []).append(banked.scores)
    for scores in tests.values():
        correlations = np.corrcoef(np.stack(scores))
        assert np.median(correlations[np.triu_indices(len(scores), 1)]) > 0.2
    comparison = comparison_of(tmp_path, *GUESTS[:2])
    assert comparison["differences"][0]["p"] is not None


def test_another_library_can_be_tested_on_the_tasks_of_a_run(tmp_path: Path) -> None:
    """Answering every query with the mean of the support scores as it did in the run."""
    results = train(tmp_path / "run", "evaluation.baselines=true", *FAST)
    tasks = list(listed_tasks(tmp_path / "run"))
    assert len(tasks) == results["protocol"]["tasks"]
    assert hash_of(tmp_path / "run") == results["protocol"]["hash"]
    means = [support.targets.mean() for support, _ in tasks]
    errors = [((q.targets - m) ** 2).mean() for m, (_, q) in zip(means, tasks, strict=True)]
    with np.load(tmp_path / "run/baselines.npz") as scores:
        assert np.stack(errors) == pytest.approx(scores["mean of the support"], rel=1e-5)


@pytest.mark.filterwarnings("error::UserWarning")
@pytest.mark.parametrize("shots", [1, [3, 90]])
def test_tasks_of_unequal_size_are_written_as_they_are_read(tmp_path: Path, shots: Any) -> None:
    run = finished_run(tmp_path / "a", episode={"test": {"ways": 5, "shots": shots, "queries": 1}})
    score_file.write(tmp_path / "a.npz", schema.read(read_json(run / "results.json")), SCORES)
    assert score_file.read_about(tmp_path / "a.npz")["episode"]["test"]["shots"] == shots
