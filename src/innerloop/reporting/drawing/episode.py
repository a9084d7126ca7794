"""One task as images: the support, the queries, and the learner's answers."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from torch import Tensor

from innerloop.reporting.drawing.images import pictures, sheet
from innerloop.reporting.drawing.style import BLUE, ORANGE, WIDE, class_name
from innerloop.tasks import Examples

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WAYS, SHOTS, QUERIES = 10, 5, 8  #: most that are drawn
DOWN = 1.45  #: distance of rows in sides of an image, with room for the answer above it


def episode(
    axis: "Axes",
    support: Examples,
    query: Examples,
    outputs: Tensor,
    names: Sequence[str] | None = None,
) -> None:
    """A row for each class: its support, then its queries; wrong answers say what was predicted.

    Arguments:
        outputs: logits `(n, ways)` of the queries.
        names: of the classes, by label; None for their numbers.
    """
    first, left = _grid(support.targets.cpu().numpy(), SHOTS, DOWN)
    second, right = _grid(query.targets.cpu().numpy(), QUERIES, DOWN)
    gap = left[:, 0].max() + 1.6
    right[:, 0] += gap
    both = np.concatenate([left, right]) + np.array([0.6, 0.5])
    images = [pictures(support.inputs)[first], pictures(query.inputs)[second]]
    sheet(axis, np.concatenate(images), both)
    answers, truth = outputs.argmax(-1).cpu().numpy(), query.targets.cpu().numpy()
    for row, corner in zip(second, both[len(first) :], strict=True):
        _answer(axis, corner, answers[row], truth[row])
    for label in np.unique(truth[second]):
        name = class_name(names, int(label))
        axis.text(
            0.45, label * DOWN + 1, f"{label}: {name}" if names else name, ha="right", va="center"
        )
    for x, word in ((0.6, "support"), (gap + 0.6, "queries")):
        axis.text(x, 0.1, word)
    axis.set(xlim=(0, both[:, 0].max() + 1.05), ylim=(both[:, 1].max() + 1.05, -0.05))
    hits = int((answers == truth).sum())
    axis.set_title(
        f"one test task: {hits} of {len(truth)} queries right ({100 * hits / len(truth):.0f} %)",
    )


def _answer(axis: "Axes", corner: np.ndarray, answer: int, truth: int) -> None:
    """A solid frame for a right answer; a dashed one and the predicted class for a wrong one."""
    from matplotlib.patches import Rectangle

    colour, line = (BLUE, "-") if answer == truth else (ORANGE, "--")
    x, y = corner
    frame = Rectangle((x, y), 1, 1, fill=False, linewidth=1.8, edgecolor=colour, linestyle=line)
    axis.add_patch(frame)
    axis.text(x + 0.5, y - 0.06, mark(answer, truth), ha="center", fontsize=6)


def size(support: Examples, query: Examples) -> tuple[float, float]:
    """Width and height of an episode's picture, in inches."""
    _, shots = _grid(support.targets.cpu().numpy(), SHOTS, DOWN)
    _, queries = _grid(query.targets.cpu().numpy(), QUERIES, DOWN)
    across, down = shots[:, 0].max() + queries[:, 0].max() + 5.5, queries[:, 1].max() + 2
    return WIDE, min(down * WIDE / across, 8.0) + 0.3


def mark(answer: int, truth: int) -> str:
    """The answer, which can be read without colour: `✓`, or `predicted 1`."""
    return "\N{CHECK MARK}" if answer == truth else f"predicted {answer}"


def _grid(labels: np.ndarray, most: int, down: float) -> tuple[np.ndarray, np.ndarray]:
    """Indices of the examples to draw, and their places `(x, y)`: a row for each class.

    Arguments:
        most: examples of a class.
        down: distance of rows.
    """
    chosen = [np.flatnonzero(labels == c)[:most] for c in range(min(labels.max() + 1, WAYS))]
    places = [(1.08 * i, c * down) for c, own in enumerate(chosen) for i in range(len(own))]
    return np.concatenate(chosen), np.array(places)
