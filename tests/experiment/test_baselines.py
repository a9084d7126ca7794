"""Baselines on the tasks of a test: means, paired differences, and where they are kept."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from cli import train
from scipy import stats

from innerloop.data.sets.sinusoid import Sinusoid
from innerloop.evaluation.baseline import Baseline
from innerloop.tasks import Episode, Examples, Task

RUN = ("debug=fast", "evaluation.baselines=true", "evaluation.tasks=12")


def test_baselines_are_scored_on_the_test_tasks_and_compared_in_pairs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train(tmp_path, *RUN, "dataset=sinusoid")
    results = json.loads((tmp_path / "results.json").read_text())
    mean, _ = results["baselines"]
    assert mean["name"] == "mean of the support"
    tasks = Sinusoid().tasks("test", np.arange(12), Episode(1, 5, 100), seed=20170306)
    episode = results["episode"]["test"]
    assert (episode["shots"], episode["queries"]) == (5, 100)
    expected = (tasks.query.targets - tasks.support.targets.mean(1, True)).square().mean((1, 2))
    with np.load(tmp_path / "baselines.npz") as kept:
        np.testing.assert_allclose(kept["mean of the support"], expected, rtol=1e-5)
    with np.load(tmp_path / "scores.npz") as kept:
        difference = kept["mse"] - expected.numpy()
    test = stats.ttest_1samp(difference, 0.0)
    assert mean["difference"] == pytest.approx(difference.mean(), rel=1e-4)
    assert mean["p"] == pytest.approx(min(1.0, 2 * test.pvalue), rel=1e-3) or mean["p"] >= 0.05
    printed = capsys.readouterr().out
    assert "least squares sine" in printed
    assert "the learner is" in printed


def test_without_the_key_no_baseline_is_scored(tmp_path: Path) -> None:
    train(tmp_path, "debug=fast", "dataset=sinusoid")
    assert "baselines" not in json.loads((tmp_path / "results.json").read_text())
    assert not (tmp_path / "baselines.npz").exists()


def test_the_sine_of_least_squares_is_exact_where_the_support_determines_it() -> None:
    task = Sinusoid().tasks("test", np.arange(1), Episode(1, 5, 50), seed=1)
    single = Task(*[Examples(x[0], y[0]) for x, y in task])
    close = Sinusoid().baselines()["least squares sine"](single)
    torch.testing.assert_close(close, single.query.targets, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("difference", "p", "higher_is_better", "verdict"),
    [
        (0.1, 0.01, True, "better"),
        (0.1, 0.01, False, "worse"),
        (-0.1, 0.01, False, "better"),
        (0.1, 0.06, True, "not separated"),
        (0.1, None, True, "not separated"),
    ],
)
def test_a_difference_is_named_only_where_it_is_sure(
    difference: float, p: float | None, higher_is_better: bool, verdict: str
) -> None:
    own = Baseline(
        name="x", mean=0.5, ci95=0.1, difference=difference, difference_ci95=0.1, p=p, tasks=9
    )
    assert own.verdict(higher_is_better) == verdict
