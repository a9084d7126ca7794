"""The picture of a replayed task: its support, its answered queries, and the loss by step."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from innerloop.inspection.trajectory import Step
from innerloop.objectives import Answers
from innerloop.reporting.drawing.style import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    canvas,
    entitle,
    logarithmic,
    printed,
    save,
)
from innerloop.tasks import Examples, Task

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST = 75  #: largest number of queries that are drawn


def picture(path: Path, task: Task, steps: list[Step], answers: Answers, title: str) -> Path:
    """Draws a task and how the learner adapted to it; returns the file.

    Arguments:
        path: the PNG file to write; PDF and SVG are written beside it.
        task: one task, with the inputs of the data set.
        steps: from `innerloop.inspection.trajectory`.
        answers: the kind of targets, see `innerloop.objectives.Objective`.
        title: a sentence above the panels, which says what was adapted to what.
    """
    panels = _panels(task, steps, answers)
    with printed():
        figure, axes = canvas(len(panels))
        for axis, draw in zip(axes, panels, strict=True):
            draw(axis)
        entitle(figure, title)
    return save(figure, path.with_suffix(""))


def _panels(task: Task, steps: list[Step], answers: Answers) -> list[Callable[["Axes"], None]]:
    """Images or a curve if the task has them, and the losses."""
    inputs, losses = task.support.inputs, partial(_losses, steps=steps)
    if answers == "classes" and isinstance(inputs, Tensor) and inputs.dim() == 4:
        labels = steps[-1].outputs.argmax(-1).tolist()
        query = partial(_sheet, examples=task.query, answers=labels, title="queries, answered")
        if len(task.support.targets) == 0:  # a plain batch
            return [query, losses]
        return [partial(_sheet, examples=task.support, title="support"), query, losses]
    if answers == "targets" and isinstance(inputs, Tensor) and inputs[0].numel() == 1:
        return [partial(_fit, task=task, steps=steps), losses]
    return [losses]


def _sheet(axis: "Axes", examples: Examples, title: str, answers: list[int] | None = None) -> None:
    """A row of images for each class; a wrong answer is framed, with its class."""
    targets = examples.targets.tolist()
    rows: list[list[int]] = [[i for i, t in enumerate(targets) if t == c] for c in set(targets)]
    each = MOST // len(rows) or 1
    size = examples.inputs.shape[-1] + 2
    axis.set(xticks=[], yticks=[], title=title, ylabel="class")
    axis.set(xlim=(0, size * min(each, max(map(len, rows)))), ylim=(size * len(rows), 0))
    axis.set_yticks([size * (r + 0.5) for r in range(len(rows))], sorted(set(targets)))
    for r, members in enumerate(rows):
        for c, i in enumerate(members[:each]):
            left, top = c * size + 1, r * size + 1
            place = (left, left + size - 2, top + size - 2, top)
            axis.imshow(_image(examples.inputs[i]), cmap="gray_r", extent=place, aspect="equal")
            if answers is not None and answers[i] != targets[i]:
                _mark_wrong(axis, (left, top), size - 2, answers[i])
                axis.set_xlabel("framed: wrong, with the class predicted")
    axis.set_aspect("equal")


def _mark_wrong(axis: "Axes", corner: tuple[float, float], side: float, answer: int) -> None:
    """Frames an image, with the wrongly predicted class in its upper left corner."""
    from matplotlib.patches import Rectangle

    axis.add_patch(Rectangle(corner, side, side, fill=False, edgecolor=ORANGE, linewidth=2))
    box = {"facecolor": ORANGE, "edgecolor": "none", "pad": 1}
    axis.text(*corner, str(answer), color="white", va="top", bbox=box, fontsize=6)


def _image(values: Tensor) -> np.ndarray:
    """`(channels, height, width)` of any range as `(height, width)` or `(height, width, channels)`
    in 0..1."""
    shown = values.detach().float().permute(1, 2, 0)
    low, high = shown.min(), shown.max()
    scaled: np.ndarray = ((shown - low) / (high - low).clamp(min=1e-9)).squeeze(-1).numpy()
    return scaled


def _fit(axis: "Axes", task: Task, steps: list[Step]) -> None:
    """The truth, the shots, and the answers before adapting, after one step and after the last."""
    x, y = task.query.inputs.flatten(), task.query.targets[:, 0]
    order = x.argsort()
    axis.plot(x[order], y[order], ".", color=GREEN, label="queries")
    shown = {0: (GREY, ":"), 1: (ORANGE, "-"), len(steps) - 1: (BLUE, "-")}
    for k, (colour, style) in shown.items():
        if k < len(steps):
            label = "before" if k == 0 and len(steps) > 1 else f"after step {steps[k].step}"
            axis.plot(x[order], steps[k].outputs[order, 0], style, color=colour, label=label)
    axis.plot(task.support.inputs.flatten(), task.support.targets[:, 0], "k^", label="support")
    axis.set(xlabel="x", ylabel="y", title="the task and its answers")
    axis.legend(loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=3)


def _losses(axis: "Axes", steps: list[Step]) -> None:
    at = [step.step for step in steps]
    axis.plot(at, [s.support_loss for s in steps], "o-", color=BLUE, label="support")
    axis.plot(at, [s.query_loss for s in steps], "s--", color=ORANGE, label="query")
    values = torch.tensor([[s.support_loss, s.query_loss] for s in steps])
    if bool((values > 0).all() and (values.max() > 100 * values.min())):
        logarithmic(axis, "y")
    axis.set(xlabel="inner step", ylabel="loss", title="loss by inner step")
    axis.legend()
