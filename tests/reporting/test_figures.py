"""Figures: which a run saves, what they show, and that loggers receive them."""

import io
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest
import torch
from cli import train
from helpers import NOW, SmoothConv, algorithm, close, scores_with_curve, tasks
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from innerloop.data.sketch import Curves, Line, Listing
from innerloop.objectives import Classification, Metric, Regression
from innerloop.reporting import figures, send
from innerloop.reporting.drawing import curve, embedding, episode, images, sketch, spread, style

pytestmark = pytest.mark.figures

COMMON = {"adaptation", "figures/tasks"}
STEPS = {"figures/curves", "figures/inside"}
CLASSES = {"figures/episode", "figures/embedding"}


def drawn(folder: Path) -> set[str]:
    return {str(p.relative_to(folder).with_suffix("")) for p in folder.rglob("*.png")}


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        (("dataset=sinusoid",), COMMON | STEPS | {"figures/fits"}),
        (("dataset=glyphs", "norm=support"), COMMON | STEPS | CLASSES),
        (("dataset=glyphs", "algorithm=protonet"), COMMON | CLASSES),
        (("dataset=glyphs", "algorithm=no_op"), COMMON | {"figures/episode"}),
    ],
)
def test_a_run_saves_the_figures_that_apply(
    tmp_path: Path, overrides: tuple[str, ...], expected: set[str]
) -> None:
    train(tmp_path, "debug=fast", "logger=tensorboard", *overrides)
    assert drawn(tmp_path) == expected
    for name in expected:
        with Image.open(tmp_path / f"{name}.png") as image:
            pixels = np.asarray(image.convert("RGBA"))
        assert (pixels[..., 3] == 255).all()  # readable on any page
        assert len(np.unique(pixels[::3, ::3].reshape(-1, 4), axis=0)) > 5
    sent: set[str] = set()
    for file in (tmp_path / "tensorboard").glob("events*"):
        events = EventAccumulator(str(file)).Reload()
        sent |= set(events.Tags()["images"])
    assert sent == {f"figures/{Path(name).name}" for name in expected}


class Logger:
    """Receives pictures as W&B's logger does."""

    experiment = None

    def __init__(self) -> None:
        self.seen: dict[str, Any] = {}

    def log_image(self, key: str, images: list[Any]) -> None:
        self.seen[key] = images


def test_loggers_with_log_image_get_the_files(tmp_path: Path) -> None:
    logger, plain = Logger(), type("Plain", (), {"experiment": None})()
    send.send([plain, logger], {"figures/episode": tmp_path / "x.png"}, 3)
    assert logger.seen == {"figures/episode": [str(tmp_path / "x.png")]}


def test_principal_components_are_eigenvectors_of_the_covariance() -> None:
    features = torch.randn(12, 5, dtype=torch.float64) @ torch.randn(5, 5, dtype=torch.float64)
    points, shares = embedding.principal(features)
    values, vectors = torch.linalg.eigh(torch.cov(features.T))
    expected = (features - features.mean(0)) @ vectors[:, [-1, -2]]
    close(points.abs(), expected.abs(), rtol=1e-8)
    close(shares, values[[-1, -2]] / values.sum())
    assert shares[0] > shares[1] > 0


def test_a_feature_map_shows_the_input_of_the_head() -> None:
    learner, batch = algorithm("maml", SmoothConv("support")), tasks(2, shape=(1, 4, 4))
    drawn = figures.Figures(
        learner.eval(), batch, scores_with_curve({"accuracy": torch.rand(5, 3)}, 2), 2, NOW
    )
    task, path = drawn.panels.followed()
    for adapted, _ in path:
        features = embedding.features_of(learner, task, adapted)
        assert features is not None
        head = [adapted.parameters[f"head.{k}"] for k in ("weight", "bias")]
        outputs = learner.predict(adapted, task.query.inputs)
        close((features[6:] @ head[0].T + head[1]).detach(), outputs.detach())


def test_right_and_wrong_are_marked_by_more_than_colour() -> None:
    assert episode.mark(2, 2) != episode.mark(2, 1)
    assert "2" in episode.mark(2, 2) and "2" in episode.mark(2, 1)


def test_an_episode_is_laid_out_row_by_row() -> None:
    labels = np.array([1, 0, 1, 0, 2])
    rows, places = episode._grid(labels, 2, 1.5)
    assert rows.tolist() == [1, 3, 0, 2, 4]
    assert places[:, 1].tolist() == [0, 0, 1.5, 1.5, 3]
    inks = images.pictures(torch.tensor([[[[0.0, 5.0]]]]))
    assert inks.tolist() == [[[[1, 1, 1], [0, 0, 0]]]]


def test_a_curve_of_errors_shows_the_median_of_an_even_number_of_tasks() -> None:
    axis = mock.MagicMock()
    scores = torch.tensor([[1.0, 8.0], [2.0, 6.0], [4.0, 2.0], [100.0, 1.0]])
    curve.curve(axis, Regression.metric, scores)
    (_, median, _), _ = axis.plot.call_args
    assert median.tolist() == [3.0, 4.0]


def test_histogram_bars_match_the_possible_values_of_a_score() -> None:
    values = np.array([0, 20, 40, 40, 100.0])
    counts, _ = np.histogram(values, spread.bars(values, Classification.metric))
    assert counts.tolist() == [1, 1, 2, 0, 0, 1]
    many = np.random.default_rng(0).random(1000) * 100
    for metric in (Classification.metric, Regression.metric, Metric("other")):
        counts, edges = np.histogram(many, spread.bars(many, metric))
        assert counts.sum() == 1000 and len(edges) < 50
    for metric in (Classification.metric, Regression.metric, Metric("other")):
        counts, _ = np.histogram([0.0, 0.0], spread.bars(np.zeros(2), metric))
        assert counts.sum() in (0, 2)


def test_classes_look_different_and_are_safe_for_the_colour_blind() -> None:
    looks = {tuple(style.look(i).values()) for i in range(56)}
    assert len(looks) == 56
    okabe_ito = {"#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7",
                 "#000000"}  # fmt: skip
    assert {*style.CLASSES, style.GREEN} <= okabe_ito


def test_a_data_set_sketches_its_tasks_as_curves_or_as_a_table() -> None:
    line = Line("position", [0, 1, 2], [0.0, 0.5, 0.4])
    curves = sketch.drawn(Curves("one flight", "seconds", "metres", [line]))
    x, y = curves.axes[0].lines[0].get_data()
    assert (list(x), list(y)) == ([0, 1, 2], [0.0, 0.5, 0.4])
    rows = [["[1, 2]", "$x$"]] * 40
    table = sketch.drawn(Listing("one program", ["input", "answer"], rows))
    texts = [text.get_text() for text in table.axes[0].texts]
    assert texts[:2] == ["input", "[1, 2]"]
    assert len(texts) == 2 * (sketch.ROWS + 1)
    table.savefig(io.BytesIO())  # a dollar sign is no formula
