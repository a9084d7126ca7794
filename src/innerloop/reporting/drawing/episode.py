"""One task as its images: what was shown, what was asked, and what was answered."""

from typing import Any

import numpy as np
from torch import Tensor

from innerloop.reporting.drawing.images import pictures, sheet
from innerloop.reporting.drawing.style import BLUE, ORANGE
from innerloop.tasks import Examples

WAYS, SHOTS, QUERIES = 10, 5, 8  #: most that are drawn
DOWN = 1.45  #: from row to row, in sides of an image: room for the answer above it


def support(axis: Any, examples: Examples) -> None:
    """The support of a task, a column for each class, up to `WAYS` of them."""
    rows, places = _grid(examples.targets.cpu().numpy(), SHOTS, 1.08)
    sheet(axis, pictures(examples.inputs[rows]), places[:, ::-1])
    axis.set_title("support of one test task", fontsize=10)
    axis.set(xlabel="class", ylabel="shot")


def episode(axis: Any, support: Examples, query: Examples, outputs: Tensor) -> None:
    """A row for each class: its support, then its queries, each with the class it was taken for.

    A right answer has a tick and a solid frame, a wrong one a cross and a dashed frame.
    """
    from matplotlib.patches import Rectangle

    first, left = _grid(support.targets.cpu().numpy(), SHOTS, DOWN)
    second, right = _grid(query.targets.cpu().numpy(), QUERIES, DOWN)
    gap = left[:, 0].max() + 1.6
    right[:, 0] += gap
    both = np.concatenate([left, right]) + np.array([0.6, 0.5])
    images = [pictures(e.inputs)[r] for e, r in ((support, first), (query, second))]
    sheet(axis, np.concatenate(images), both)
    answers, truth = outputs.argmax(-1).cpu().numpy(), query.targets.cpu().numpy()
    for row, (x, y) in zip(second, both[len(first) :], strict=True):
        good = answers[row] == truth[row]
        style: dict[str, Any] = {
            "edgecolor": BLUE if good else ORANGE,
            "linestyle": "-" if good else "--",
        }
        axis.add_patch(Rectangle((x, y), 1, 1, fill=False, linewidth=1.8, **style))
        axis.text(x + 0.5, y - 0.06, mark(answers[row], truth[row]), ha="center", fontsize=7)
    for label in np.unique(truth[second]):
        axis.text(0.45, label * DOWN + 1, str(label), ha="right", va="center", fontsize=9)
    for x, word in ((0.05, "class"), (0.6, "support"), (gap + 0.6, "queries")):
        axis.text(x, 0.1, word, fontsize=8)
    axis.set(xlim=(0, both[:, 0].max() + 1.05), ylim=(both[:, 1].max() + 1.05, -0.05))
    hits = int((answers == truth).sum())
    axis.set_title(
        f"one test task: {hits} of {len(truth)} queries right ({100 * hits / len(truth):.0f} %)",
        fontsize=10,
    )


def size(support: Examples, query: Examples) -> tuple[float, float]:
    """Width and height in inches that an episode takes."""
    _, shots = _grid(support.targets.cpu().numpy(), SHOTS, DOWN)
    _, asked = _grid(query.targets.cpu().numpy(), QUERIES, DOWN)
    across, down = shots[:, 0].max() + asked[:, 0].max() + 3.5, asked[:, 1].max() + 2
    return 0.7 * across, 0.7 * down + 0.3


def mark(answer: int, truth: int) -> str:
    """An answer in words that need no colour."""
    return f"\N{CHECK MARK} {answer}" if answer == truth else f"\N{BALLOT X} {answer}"


def _grid(labels: np.ndarray, most: int, down: float) -> tuple[np.ndarray, np.ndarray]:
    """Rows of the examples to draw, and their places: a row for each class."""
    chosen = [np.flatnonzero(labels == c)[:most] for c in range(min(labels.max() + 1, WAYS))]
    places = [(1.08 * i, c * down) for c, own in enumerate(chosen) for i in range(len(own))]
    return np.concatenate(chosen), np.array(places)
