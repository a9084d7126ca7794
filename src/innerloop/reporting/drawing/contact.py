"""A contact sheet: a user's images, by the class that a learner predicted."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from torch import Tensor

from innerloop.reporting.drawing.images import pictures, sheet
from innerloop.reporting.drawing.style import ORANGE, WIDE, canvas, class_name, entitle

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ACROSS, CLASSES = 10, 20  #: most images of a class, and most classes
DOWN = 1.4  #: distance of rows in sides of an image, with room for the text above it


class Tile(NamedTuple):
    """An image on the sheet.

    Arguments:
        image: its number.
        row, column: its place.
        text: above it.
        truth: the name of its class, if another one was predicted; else empty.
    """

    image: int
    row: int
    column: int
    text: str
    truth: str


def tiles(
    predicted: Sequence[int], confidence: Sequence[float], truths: Sequence[str | None],
    classes: Sequence[str],
) -> list[Tile]:  # fmt: skip
    """A row for each class, the surest images first, at most `ACROSS` of them.

    Arguments:
        predicted: labels of the images.
        confidence: in 0..1.
        truths: names of the classes of the images; None where unknown.
        classes: names by label.
    """
    placed = []
    for row, label in enumerate(sorted(set(predicted))[:CLASSES]):
        own = [i for i, answer in enumerate(predicted) if answer == label]
        own.sort(key=lambda i: -confidence[i])
        for column, i in enumerate(own[:ACROSS]):
            truth = truths[i] if truths[i] != classes[label] else None
            placed.append(Tile(i, row, column, f"{100 * confidence[i]:.0f} %", truth or ""))
    return placed


def contact_sheet(
    inputs: Tensor,
    confidences: Tensor,
    truths: Sequence[str | None],
    classes: Sequence[str],
    title: str = "",
) -> "Figure":
    """The images, each with its confidence; wrong answers have a dashed frame and their class.

    Arguments:
        inputs: `(n, channels, height, width)` as the learner sees them.
        confidences: `(n, c)`, each row a distribution.
        truths, classes: as in `tiles`.
        title: a sentence above the images; may be empty.
    """
    from matplotlib.patches import Rectangle

    sure, predicted = confidences.max(-1)
    shown = tiles(predicted.tolist(), sure.tolist(), truths, classes)
    rows = 1 + max(tile.row for tile in shown)
    figure, (axis,) = canvas(1, WIDE, 0.3 + rows * DOWN * WIDE / (ACROSS + 2.5))
    places = np.array([(1.08 * tile.column, DOWN * tile.row + 0.35) for tile in shown])
    sheet(axis, pictures(inputs[[tile.image for tile in shown]]), places)
    for tile, (x, y) in zip(shown, places, strict=True):
        axis.text(x + 0.5, y - 0.06, tile.text, ha="center", fontsize=6)
        if tile.truth:
            name = class_name([tile.truth], 0, longest=12)
            axis.text(x + 0.5, y + 1.16, f"is {name}", ha="center", fontsize=5)
            axis.add_patch(
                Rectangle((x, y), 1, 1, fill=False, edgecolor=ORANGE, linestyle="--", linewidth=1.5)
            )
        if tile.column == 0:
            name = class_name(classes, int(predicted[tile.image]))
            axis.text(-0.15, y + 0.5, name, ha="right", va="center")
    axis.set(xlim=(-0.05, 1.08 * ACROSS), ylim=(DOWN * rows + 0.1, 0))
    axis.set_title(f"{len(shown)} of {len(inputs)} images by predicted class, with confidence")
    entitle(figure, title)
    return figure
