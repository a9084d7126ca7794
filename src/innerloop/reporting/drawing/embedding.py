"""The features of one task in the plane of their first two principal components."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from innerloop import tasks as task_tools
from innerloop.algorithms.algorithm import Adapted, Algorithm
from innerloop.inspection.layers import trace
from innerloop.reporting.drawing.style import look
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
    axes: Sequence["Axes"], titles: Sequence[str], features: Sequence[Tensor], task: Task
) -> None:
    """The features of support (large) and queries (small, hollow), in the same plane on all axes.

    Arguments:
        axes, titles: one for each set of features.
        features: `(n, d)` for each axis, see `features_of`.
    """
    points, shares = principal(torch.cat(list(features)))
    for axis, title, own in zip(axes, titles, points.chunk(len(features)), strict=True):
        _classes(axis, own, task)
        axis.set(
            xlabel=f"component 1 ({100 * shares[0]:.0f} % of the variance)",
            ylabel=f"component 2 ({100 * shares[1]:.0f} % of the variance)",
        )
        axis.set_title(title, fontsize=10)
    for axis in axes[1:]:
        axis.sharex(axes[0])
        axis.sharey(axes[0])
    if len(task.support.targets.unique()) <= 10:
        title = "large: support\nhollow: queries"
        axes[-1].legend(loc="upper left", bbox_to_anchor=(1, 1), fontsize=7, title=title,
                        title_fontsize=7)  # fmt: skip


def _classes(axis: "Axes", points: Tensor, task: Task) -> None:
    """The points `(n, 2)` of support and queries in the colour and mark of their class."""
    shots = task_tools.count(task.support)
    for label in task.support.targets.unique().tolist():
        support = points[:shots][(task.support.targets == label).cpu()]
        query = points[shots:][(task.query.targets == label).cpu()]
        style = look(label)
        axis.scatter(
            query[:, 0], query[:, 1], s=22,
            facecolors="none", edgecolors=style["color"], marker=style["marker"],
        )  # fmt: skip
        axis.scatter(
            support[:, 0], support[:, 1], s=90,
            edgecolors="white", color=style["color"], marker=style["marker"],
            label=f"class {label}",
        )  # fmt: skip
