"""The features of one task in the plane of their first two principal components."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from innerloop import tasks as task_tools
from innerloop.algorithms.algorithm import Adapted, Algorithm
from innerloop.inspection.layers import trace
from innerloop.reporting.drawing.style import class_name, look
from innerloop.tasks import Task

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def principal(features: Tensor) -> tuple[Tensor, Tensor]:
    """The first two principal components `(n, 2)` of `(n, d)` features, and their shares of the
    variance `(2,)`.

    It uses the singular value decomposition because `torch.pca_lowrank` draws random numbers.
    """
    centred = features.double() - features.double().mean(0)
    left, sizes, _ = torch.linalg.svd(centred, full_matrices=False)
    return left[:, :2] * sizes[:2], sizes[:2] ** 2 / (sizes**2).sum()


def features_of(algorithm: Algorithm, task: Task, adapted: Adapted) -> Tensor | None:
    """Features `(n, d)` of the support, then of the queries; None if there are none.

    Arguments:
        task: one task, embedded if the algorithm embeds.
        adapted: what the algorithm adapted to it.
    """
    if algorithm.embeds:
        both = [task_tools.values(part.inputs) for part in task]
    else:
        of_body = [trace(algorithm, adapted, part.inputs).features.get("body") for part in task]
        both = [features.flatten(1) for features in of_body if features is not None]
    joined = torch.cat(both) if len(both) == 2 else None
    return None if joined is None or min(joined.shape) < 2 else joined


def embedding(
    axes: Sequence["Axes"],
    titles: Sequence[str],
    features: Sequence[Tensor],
    task: Task,
    names: Sequence[str] | None = None,
) -> None:
    """The features of support (large) and queries (small, hollow), in the same plane on all axes.

    Arguments:
        axes, titles: one for each set of features.
        features: `(n, d)` for each axis, see `features_of`.
        names: of the classes, by label; None for their numbers.
    """
    points, shares = principal(torch.cat(list(features)))
    for axis, own in zip(axes, points.chunk(len(features)), strict=True):
        _classes(axis, own, task, names)
        axis.set_xlabel(f"PC 1 ({100 * shares[0]:.0f} % of variance)")
    axes[0].set_ylabel(f"PC 2 ({100 * shares[1]:.0f} % of variance)")
    for axis, title in zip(axes, titles, strict=True):
        axis.set_title(title)
    _same_limits(axes, points)
    if len(task.support.targets.unique()) <= 10:
        title = "large: support\nhollow: queries"
        axes[-1].legend(loc="upper left", bbox_to_anchor=(1, 1), title=title)


def _same_limits(axes: Sequence["Axes"], points: Tensor) -> None:
    """Limits that hold the points of all axes, with a margin for the marks."""
    low, high = points.min(0).values, points.max(0).values
    margin = 0.07 * (high - low).clamp(min=1e-9)
    for axis in axes:
        axis.set(
            xlim=(float(low[0] - margin[0]), float(high[0] + margin[0])),
            ylim=(float(low[1] - margin[1]), float(high[1] + margin[1])),
        )


def _classes(axis: "Axes", points: Tensor, task: Task, names: Sequence[str] | None) -> None:
    """The points `(n, 2)` of support and queries in the colour and mark of their class."""
    shots = task_tools.count(task.support)
    for label in task.support.targets.unique().tolist():
        support = points[:shots][(task.support.targets == label).cpu()]
        query = points[shots:][(task.query.targets == label).cpu()]
        style = look(label)
        axis.scatter(
            query[:, 0], query[:, 1], s=12,
            facecolors="none", edgecolors=style["color"], marker=style["marker"],
        )  # fmt: skip
        axis.scatter(
            support[:, 0], support[:, 1], s=45,
            edgecolors="white", color=style["color"], marker=style["marker"],
            label=class_name(names, label),
        )  # fmt: skip
