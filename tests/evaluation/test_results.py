"""The content of results.json against arithmetic by hand."""

import json
import math
import statistics
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers import scores_with_curve
from scipy import stats

from innerloop.evaluation.interval import over_tasks
from innerloop.evaluation.measured import Measured, TestScores
from innerloop.evaluation.protocol import protocol
from innerloop.evaluation.results import metrics, write_json, write_scores
from innerloop.evaluation.sizes import setting
from innerloop.objectives import Classification, Regression
from innerloop.tasks import Episode


def test_interval_of_four_scores_by_hand() -> None:
    interval = over_tasks(torch.tensor([1.0, 2.0, 3.0, 6.0]))
    assert (interval.mean, interval.tasks) == (3.0, 4)
    # Squared distances to the mean: 4, 1, 0, 9; divided by three: 14 / 3.
    assert interval.ci95 == pytest.approx(1.959964 * math.sqrt(14 / 3) / 2)
    assert math.isnan(over_tasks(torch.tensor([1.0])).ci95)


def test_metrics_of_classification_by_hand() -> None:
    scores = {
        "accuracy": torch.tensor([[0.2, 0.6, 1.0], [0.0, 0.4, 0.6]]),
        "loss": torch.tensor([[3.0, 2.0, 1.0], [3.0, 2.0, 0.0]]),
    }
    entries = metrics(scores_with_curve(scores, 1), Classification(5, 5), 1)
    assert next(iter(entries)) == "accuracy"
    assert entries["accuracy"]["mean"] == pytest.approx(0.5)
    steps = [entries[f"accuracy/step_{k}"]["mean"] for k in range(3)]
    assert steps == pytest.approx([0.1, 0.5, 0.8])
    assert entries["loss"]["mean"] == 2.0
    assert "diverged" not in entries["accuracy/step_0"]


def test_metrics_of_a_learner_without_inner_steps() -> None:
    scores = scores_with_curve({"accuracy": torch.tensor([[0.2], [0.6]])}, 0)
    entries = metrics(scores, Classification(5, 5), None)
    assert list(entries) == ["accuracy"]


def test_errors_come_with_their_median_and_divergences() -> None:
    scores = torch.tensor([[1.0], [2.0], [3.0], [1e6], [math.nan]])
    entry = metrics(scores_with_curve({"mse": scores}, 0), Regression(), 0)["mse/step_0"]
    assert entry["diverged"] == 2
    scores = torch.tensor([[1.0], [2.0], [1e6]])
    assert (
        metrics(scores_with_curve({"mse": scores}, 0), Regression(), 0)["mse/step_0"]["median"]
        == 2.0
    )


@pytest.mark.parametrize(
    "values", [[1.0, 2.0, 4.0, 1e6], [5.0, 1.0], [3.0, math.inf, math.inf, 1.0]]
)
def test_the_median_of_an_even_number_is_between_the_middle_two(values: list[float]) -> None:
    scores = scores_with_curve({"mse": torch.tensor(values)[:, None]}, 0)
    entry = metrics(scores, Regression(), 0)["mse/step_0"]
    assert entry["median"] == statistics.median(values)


def test_non_finite_numbers_become_null(tmp_path: Path) -> None:
    write_json(tmp_path / "r.json", {"a": [math.nan, 1.0], "b": {"c": math.inf}})
    assert json.loads((tmp_path / "r.json").read_text()) == {"a": [None, 1.0], "b": {"c": None}}


def test_stored_scores_are_read_back(tmp_path: Path) -> None:
    curve, classes = torch.rand(3, 2), np.arange(6).reshape(3, 2)
    scores = scores_with_curve({"mse": curve}, 1)
    write_scores(tmp_path / "s.npz", scores, classes)
    with np.load(tmp_path / "s.npz") as stored:
        np.testing.assert_array_equal(stored["mse"], curve[:, 1].numpy())
        np.testing.assert_array_equal(stored["curve/mse"], curve.numpy())
        np.testing.assert_array_equal(stored["classes"], classes)
    write_scores(tmp_path / "s.npz", scores, None)
    with np.load(tmp_path / "s.npz") as stored:
        assert sorted(stored) == ["curve/mse", "mse"]


def test_a_curve_of_the_first_tasks_has_its_own_intervals() -> None:
    """The scored step is over all tasks; the other steps are over the tasks of the curve."""
    scored, curve = torch.rand(9), torch.rand(4, 3)
    scores = TestScores({"accuracy": Measured(scored)}, {"accuracy": Measured(curve)})
    entries = metrics(scores, Classification(5, 5), 1)
    assert [entries[f"accuracy/step_{k}"]["tasks"] for k in range(3)] == [4, 9, 4]
    assert entries["accuracy/step_1"]["mean"] == entries["accuracy"]["mean"]
    for step in (0, 2):
        expected = stats.sem(curve[:, step].double().numpy()) * 1.96
        assert entries[f"accuracy/step_{step}"]["ci95"] == pytest.approx(expected, rel=1e-4)


def test_the_hash_depends_only_on_the_test_tasks() -> None:
    given = ("data", "test", Episode(5, 1, 15), 600, 7)
    first = protocol(*given, 10, "val/accuracy")["hash"]
    assert protocol(*given, 3, "val/loss")["hash"] == first
    others = [
        ("other", *given[1:]), ("data", "val", *given[2:]), (*given[:2], Episode(5, 2, 15), 600, 7),
        (*given[:3], 601, 7), (*given[:4], 8),
    ]  # fmt: skip
    hashes = {protocol(*other, 10, "val/accuracy")["hash"] for other in others}
    assert len(hashes) == len(others) and first not in hashes


def test_settings_are_named_by_data_set_algorithm_ways_and_shots() -> None:
    assert setting("omniglot", "maml", Episode(20, 5, 1)) == "omniglot_maml_20way_5shot"
    assert setting("sinusoid", "maml", Episode(1, 10, 1)) == "sinusoid_maml_10shot"
