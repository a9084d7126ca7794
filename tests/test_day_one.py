"""Every override in docs/day_one.md runs; the page is the list."""

import re
import shlex
from pathlib import Path

import pytest
from cli import call, results, train
from helpers import ROOT, config, data_for

from innerloop.callbacks.early_stop import EarlyStop
from innerloop.experiment.problem import build_problem

PAGE = (ROOT / "docs" / "day_one.md").read_text()
ROWS = re.findall(r"^\| (?!you want|---)(.+?) \| `(.+)` \|$", PAGE, flags=re.M)


@pytest.mark.parametrize(("wish", "override"), ROWS)
def test_every_override_of_the_page_runs(tmp_path: Path, wish: str, override: str) -> None:
    if override == "logger=mlflow":
        pytest.importorskip("mlflow", reason="mlflow is an extra")
    words = [w.replace("FOLDER", str(tmp_path / "own")) for w in shlex.split(override)]
    given = [] if "hydra.run.dir" in override else [f"hydra.run.dir={tmp_path / 'own'}"]
    chosen = config("dataset=glyphs", *[w for w in words if not w.startswith("hydra.")])
    assert chosen.outer.steps > 0
    short = [] if override.startswith("debug=") else ["debug=fast"]
    short += ["outer.steps=4", "evaluation.validation.every=2"] if not short else []
    own = [f"paths.outputs={tmp_path}"]  # where MLflow has its store
    call("train", *short, *own, *data_for("maml", "glyphs"), *given, *words)
    assert results(tmp_path / "own")["outer"]["steps"] == 4


def test_overfitting_shows_the_same_training_batches_again() -> None:
    settings = config("dataset=glyphs", "outer.batches=2", "outer.tasks=3")
    settings.hydra = None
    data = build_problem(settings).data
    assert [data.training_indices(step) for step in range(3)] == [[0, 1, 2], [3, 4, 5], [0, 1, 2]]
    assert config("dataset=glyphs", "debug=overfit").outer.batches == 1
    assert config("dataset=glyphs").outer.batches is None


def test_training_stops_after_validations_without_a_better_score(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A rate of zero never improves: the first validation is the best, and two more end it."""
    result = train(
        tmp_path, "debug=fast", "outer.steps=40", "evaluation.validation.every=3",
        "outer.optimizer.lr=0", "callbacks.early.patience=2",
    )  # fmt: skip
    assert "stopped at outer step 9: 2 validations without a better val/mse" in "".join(
        capsys.readouterr()
    )
    assert result["checkpoint"]["step"] == 3


def test_without_patience_it_never_stops() -> None:
    assert EarlyStop(None, "val/mse", "min").patience > 10**9
