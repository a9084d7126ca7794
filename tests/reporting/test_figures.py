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
from innerloop.evaluation.answered import Answered
from innerloop.objectives import Classification, Metric, Regression
from innerloop.reporting import figures, send
from innerloop.reporting.drawing import (
    contact,
    curve,
    embedding,
    episode,
    images,
    learning,
    sketch,
    spread,
    style,
)
from innerloop.reporting.learning_log import Learning, Paper
from innerloop.reporting.page.pictures import is_drawn, read_picture
from innerloop.tasks import Examples, Task

pytestmark = pytest.mark.figures

COMMON = {"adaptation", "figures/learning"}
STEPS = {"figures/inside"}
IMAGES = {"figures/episode", "figures/reliability", "figures/classes"}
CLASSES = IMAGES | {"figures/embedding"}


def drawn(folder: Path, kind: str = "png") -> set[str]:
    return {str(p.relative_to(folder).with_suffix("")) for p in folder.rglob(f"*.{kind}")}


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        (("dataset=sinusoid",), COMMON | STEPS | {"figures/tasks"}),
        (("dataset=glyphs", "norm=support"), COMMON | STEPS | CLASSES | {"figures/curves"}),
        (("dataset=glyphs", "algorithm=protonet"), COMMON | CLASSES),
        (("dataset=glyphs", "algorithm=no_op"), COMMON | IMAGES),
    ],
)
def test_a_run_saves_the_figures_that_apply(
    tmp_path: Path, overrides: tuple[str, ...], expected: set[str]
) -> None:
    train(tmp_path, "debug=fast", "logger=[csv,tensorboard]", *overrides)
    assert drawn(tmp_path) == expected == drawn(tmp_path, "pdf") == drawn(tmp_path, "svg")
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


def test_panels_of_layers_share_one_axis_of_layers() -> None:
    """A layer has the same height in both panels, and is named once; the head has no CKA."""
    entry = {"mean": 0.5, "ci95": 0.1, "tasks": 2}
    names = ("cka/conv1", "cka/conv2", "update/conv1", "update/conv2", "update/head")
    entries = dict.fromkeys((*names, "support_loss/step_0", "query_loss/step_0"), entry)
    learner, batch = algorithm("maml", SmoothConv("support")), tasks(2, shape=(1, 4, 4))
    scores = scores_with_curve({"accuracy": torch.rand(5, 3)}, 2)
    figure = figures.Figures(learner.eval(), batch, scores, 2, NOW, entries=entries).inside()
    assert figure is not None
    _, cka, update = figure.axes
    assert [label.get_text() for label in cka.get_yticklabels()] == ["head", "conv2", "conv1"]
    assert [label.get_text() for label in update.get_yticklabels()] == ["", "", ""]
    assert cka.get_ylim() == update.get_ylim()
    heights = [axis.lines[0].get_ydata().tolist() for axis in (cka, update)]  # type: ignore[union-attr]
    assert heights == [[2, 1], [2, 1, 0]]


@pytest.mark.parametrize("images", [False, True])
def test_a_picture_without_images_says_so_for_dark_pages(tmp_path: Path, images: bool) -> None:
    figure, (axis,) = style.canvas(1)
    axis.plot([0, 1], [0, 1])
    if images:
        axis.imshow(np.eye(2))
    content = read_picture(style.save(figure, tmp_path / "x"))
    assert is_drawn(content) is not images


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
    assert episode.mark(2, 1) == "predicted 2"


def test_an_episode_is_laid_out_row_by_row() -> None:
    labels = np.array([1, 0, 1, 0, 2])
    rows, places = episode._grid(labels, 2, 1.5)
    assert rows.tolist() == [1, 3, 0, 2, 4]
    assert places[:, 1].tolist() == [0, 0, 1.5, 1.5, 3]
    inks = images.pictures(torch.tensor([[[[0.0, 5.0]]]]))
    assert inks.tolist() == [[[[1, 1, 1], [0, 0, 0]]]]


def test_a_curve_of_errors_shows_the_median_of_an_even_number_of_tasks() -> None:
    axis = mock.MagicMock()
    axis.yaxis.get_transform.return_value.transform.return_value = (0.0, 1.0)
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


def test_a_map_of_features_shows_all_points_of_all_axes() -> None:
    features = [torch.randn(20, 4, generator=torch.Generator().manual_seed(i)) for i in range(2)]
    features[1] *= 30  # adapting moved the points far away
    labels = torch.arange(5).repeat_interleave(2)
    task = Task(Examples(torch.zeros(10, 1), labels), Examples(torch.zeros(10, 1), labels))
    _, axes = style.canvas(2)
    names = [f"Greek alphabet/character{i:02}" for i in range(5)]
    embedding.embedding(axes, ["before", "after"], features, task, names)
    points = embedding.principal(torch.cat(features))[0]
    for axis in axes:
        (left, right), (low, high) = axis.get_xlim(), axis.get_ylim()
        assert left < points[:, 0].min() and points[:, 0].max() < right
        assert low < points[:, 1].min() and points[:, 1].max() < high
    legend = axes[1].get_legend()
    assert legend is not None and legend.get_texts()[1].get_text().endswith("acter01")


@pytest.mark.parametrize(("panels", "width"), [(1, 3.3), (2, 6.9), (3, 6.9), (4, 6.9)])
def test_figures_are_as_wide_as_a_column_or_a_page(
    tmp_path: Path, panels: int, width: float
) -> None:
    with style.printed():
        figure, axes = style.canvas(panels)
        for axis in axes:
            axis.set(xlabel="x", title="title")
    style.save(figure, tmp_path / "figure")
    assert len(axes) == panels and axes[0].xaxis.label.get_size() == 8
    with Image.open(tmp_path / "figure.png") as image:
        assert image.width == pytest.approx(width * style.DOTS, abs=1)
    svg = (tmp_path / "figure.svg").read_text()
    assert f'width="{width * 72:g}pt"' in svg
    assert (tmp_path / "figure.pdf").read_bytes().startswith(b"%PDF")


@pytest.mark.parametrize("width", [style.NARROW, style.WIDE])
def test_a_long_title_is_within_the_figure_and_above_its_panels(width: float) -> None:
    sentence = "maml on a data set with a long name, 5-way 1-shot: accuracy 43.1 ± 5.3 % " * 3
    with style.printed():
        figure, (axis,) = style.canvas(1, width)
        style.entitle(figure, sentence)
        figure.draw_without_rendering()
    title = figure.get_suptitle()
    assert title.split() == sentence.split()
    assert not any(line.endswith(("43.1", "±")) for line in title.splitlines())
    (text,) = figure.texts
    box, panel = text.get_window_extent(), axis.get_tightbbox()
    assert panel is not None and box.y0 >= panel.y1
    assert box.x0 >= 0 and box.x1 <= figure.bbox.width
    assert panel.height > 0.7 * style.HEIGHT * figure.dpi


@pytest.mark.parametrize("scale", ["linear", "log"])
def test_a_legend_has_room_above_the_lines(scale: str) -> None:
    _, (axis,) = style.canvas(1)
    axis.plot([0, 1], [0.01, 4])
    axis.set_yscale(scale)
    bottom = axis.get_ylim()[0]  # also scales the axis to the line
    before = axis.transAxes.inverted().transform(axis.transData.transform((1, 4)))[1]
    style.headroom(axis, 1.0)
    after = axis.transAxes.inverted().transform(axis.transData.transform((1, 4)))[1]
    assert after == pytest.approx(before / 2) and axis.get_ylim()[0] == bottom


def test_numbers_of_a_logarithmic_axis_are_plain() -> None:
    _, (axis,) = style.canvas(1)
    axis.plot([1, 2], [0.3, 4])
    style.logarithmic(axis, "y")
    axis.figure.draw_without_rendering()
    texts = [tick.get_text() for tick in axis.get_yticklabels(which="both")]
    assert "1" in texts and {"0.4", "0.6"} & set(texts)
    assert all(float(text) and "e" not in text for text in texts if text)


def test_confusion_counts_only_queries_whose_task_has_both_classes() -> None:
    answered = Answered(
        confidence=np.full(4, 0.5),
        predicted=np.array([7, 9, 9, 9]),
        truth=np.array([7, 7, 9, 7]),
        right=np.array([True, False, True, False]),
        offered=np.array([[7, 9], [7, 9], [9, 8], [7, 9]]),
        names=None,
    )
    numbers, shares = answered.confusion()
    assert numbers.tolist() == [7, 8, 9]
    np.testing.assert_allclose(
        shares, [[1 / 3, np.nan, 2 / 3], [np.nan, np.nan, np.nan], [np.nan, 0, 1]]
    )


def test_a_calibrated_learner_is_on_the_diagonal() -> None:
    random = np.random.default_rng(0)
    confidence = random.random(200_000)
    none = np.full(200_000, -1)
    right = random.random(200_000) < confidence
    answered = Answered(confidence, none, none, right, none[:, None], None)
    expected, share, sizes = answered.bins(10)
    np.testing.assert_allclose(expected, np.arange(0.05, 1, 0.1), atol=0.01)
    np.testing.assert_allclose(share, expected, atol=0.01)
    assert sizes.sum() == 200_000


def test_the_learning_curve_has_the_papers_figure_as_a_line() -> None:
    points = {"val": [(50, 0.6), (100, 0.7)], "train": []}
    curve = Learning(points, 100, 5.0, Paper(98.7, "Finn et al. 2017"))
    _, (axis,) = style.canvas(1)
    learning.learning(axis, curve, Classification.metric)
    validation, paper = axis.lines
    assert validation.get_ydata().tolist() == [60.0, 70.0]
    assert set(paper.get_ydata()) == {98.7} and paper.get_label() == "paper, Finn et al. 2017"
    minutes = axis.child_axes[0]
    axis.figure.draw_without_rendering()
    assert minutes.get_xlim()[1] == pytest.approx(5.0 * axis.get_xlim()[1] / 100)


def test_a_contact_sheet_has_a_row_for_each_predicted_class() -> None:
    truths = ["cat", None, "dog", "cat"]
    rows = contact.tiles([1, 0, 0, 1], [0.6, 0.7, 0.9, 0.8], truths, ["cat", "dog"])
    assert [(tile.image, tile.row, tile.column) for tile in rows] == [
        (2, 0, 0), (1, 0, 1), (3, 1, 0), (0, 1, 1),
    ]  # fmt: skip
    assert [tile.truth for tile in rows] == ["dog", "", "cat", "cat"]
    assert [tile.text for tile in rows[:2]] == ["90 %", "70 %"]
    figure = contact.contact_sheet(
        torch.rand(4, 1, 5, 5), torch.rand(4, 2).softmax(-1), truths, ["cat", "dog"]
    )
    assert len(figure.axes[0].texts) >= 5
