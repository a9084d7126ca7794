"""Training improves a learner over no training and over simple baselines."""

from pathlib import Path

import pytest
from cli import train

QUIET = ("logger=none", "evaluation.tasks=200", "evaluation.batch=50")


@pytest.mark.slow
def test_a_few_steps_of_protonet_improve_on_no_training(tmp_path: Path) -> None:
    more = (
        "algorithm=protonet",
        "dataset=glyphs",
        "model.body.filters=16",
        "outer.steps=40",
        "outer.tasks=8",
    )
    early = ("evaluation.validation.every=1", "evaluation.validation.tasks=20")
    untrained = train(tmp_path / "0", *more, *QUIET, *early, "outer.optimizer.lr=0.0")
    trained = train(tmp_path / "60", *more, *QUIET)
    before, after = (r["test"]["accuracy"] for r in (untrained, trained))
    assert after["mean"] - after["ci95"] > before["mean"] + before["ci95"]


@pytest.mark.slow
def test_maml_learns_sine_waves(tmp_path: Path) -> None:
    result = train(tmp_path, "outer.steps=3000", "evaluation.validation.every=1000", *QUIET)["test"]
    # A constant at the mean of the targets has half the mean square amplitude, about 4.25.
    assert result["mse/step_10"]["mean"] < 1.0 < 2.0 < result["mse/step_0"]["mean"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "least"),  # the nearest neighbour in pixels reaches 0.6
    [("protonet", 0.85), ("maml", 0.8), ("meta_sgd", 0.8), ("fomaml", 0.75), ("boil", 0.75)],
)
def test_an_algorithm_learns_glyphs(tmp_path: Path, name: str, least: float) -> None:
    steps = ("outer.steps=600", "evaluation.validation.every=200")
    result = train(tmp_path, f"algorithm={name}", "dataset=glyphs", *steps, *QUIET)
    entry = result["test"]["accuracy"]
    assert entry["mean"] - entry["ci95"] > least
