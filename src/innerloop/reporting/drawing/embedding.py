"""Where the features of one task lie, in the plane that shows most of them."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from innerloop import tasks as task_tools
from innerloop.algorithms.algorithm import Algorithm
from innerloop.inspection.layers import trace
from innerloop.reporting.drawing.style import look
from innerloop.tasks import Task


def principal(features: Tensor) -> tuple[Tensor, Tensor]:
    """The first two principal components `(n, 2)` of `(n, d)` features, and their shares of the
    variance.

    By the singular value decomposition: `torch.pca_lowrank` would draw random numbers.
    """
    centred = features.double() - features.double().mean(0)
    left, sizes, _ = torch.linalg.svd(centred, full_matrices=False)
    return left[:, :2] * sizes[:2], sizes[:2] ** 2 / (sizes**2).sum()


def features_of(algorithm: Algorithm, task: Task, adapted: Any) -> Tensor | None:
    """What the head or the prototypes see of support and query, in this order; None if nothing.

    Arguments:
        task: one task, embedded if the algorithm does that.
    """
    if algorithm.embeds:
        both = [task_tools.values(part.inputs) for part in task]
    else:
        seen = [trace(algorithm, adapted, part.inputs).features.get("body") for part in task]
        both = [f.flatten(1) for f in seen if f is not None]
    joined = torch.cat(both) if len(both) == 2 else None
    return None if joined is None or min(joined.shape) < 2 else joined


def embedding(
    axes: Sequence[Any], titles: Sequence[str], found: Sequence[Tensor], task: Task
) -> None:
    """The features of support (large) and queries (small, hollow), in the same plane on all axes.

    Arguments:
        found: features on each axis, see `features_of`.
    """
    points, shares = principal(torch.cat(list(found)))
    shots = task_tools.count(task.support)
    for axis, title, part in zip(axes, titles, points.chunk(len(found)), strict=True):
        for label in task.support.targets.unique().tolist():
            mine = part[:shots][(task.support.targets == label).cpu()]
            asked = part[shots:][(task.query.targets == label).cpu()]
            style = look(label)
            axis.scatter(*asked.T, s=22, facecolors="none", edgecolors=style["color"],
                         marker=style["marker"])  # fmt: skip
            axis.scatter(*mine.T, s=90, edgecolors="white", label=f"class {label}", **style)
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
