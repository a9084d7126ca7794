"""The picture of a replayed task: its support, its queries as answered, and the loss by step."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from innerloop.inspection.trajectory import Step
from innerloop.machine.files import whole_file
from innerloop.objectives import Answers
from innerloop.tasks import Examples, Task

# Okabe and Ito's colours, which stay apart for the colour-blind.
BLUE, ORANGE, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "#777777"
SIDE = 1.1  #: inches of an image
MOST = 75  #: queries that are drawn


def picture(path: Path, task: Task, steps: list[Step], answers: Answers) -> Path:
    """Draws a task and what became of it.

    Arguments:
        task: one task, inputs as the data set gives them.
        steps: from `innerloop.inspection.trajectory`.
        answers: what targets are, see `innerloop.objectives.Objective`.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure  # no pyplot: no state, no display, safe anywhere

    inputs = task.support.inputs
    images = answers == "classes" and isinstance(inputs, Tensor) and inputs.dim() == 4
    numbers = answers == "targets" and isinstance(inputs, Tensor)
    curve = numbers and inputs[0].numel() == 1
    panels: list[Callable[[Any], None]] = [partial(_losses, steps=steps)]
    if images:
        labels = steps[-1].outputs.argmax(-1).tolist()
        query = partial(_sheet, examples=task.query, answers=labels, title="query, answered")
        support = [partial(_sheet, examples=task.support, title="support")]
        # A plain batch has no support.
        panels = [*(support if len(task.support.targets) else []), query, *panels]
    elif curve:
        panels = [partial(_fit, task=task, steps=steps), *panels]
    figure = Figure(figsize=(4.6 * len(panels), 4.6), layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    for axis, draw in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
        draw(axis)
    with whole_file(path) as file:
        figure.savefig(file, format="png", dpi=110)
    return path


def _sheet(axis: Any, examples: Examples, title: str, answers: list[int] | None = None) -> None:
    """A row of images for each class; a wrong answer is framed and says its class."""
    targets = examples.targets.tolist()
    rows: list[list[int]] = [[i for i, t in enumerate(targets) if t == c] for c in set(targets)]
    each = MOST // len(rows) or 1
    size = examples.inputs.shape[-1] + 2
    axis.set(xticks=[], yticks=[], title=title, ylabel="class")
    axis.set(xlim=(0, size * min(each, max(map(len, rows)))), ylim=(size * len(rows), 0))
    axis.set_yticks([size * (r + 0.5) for r in range(len(rows))], sorted(set(targets)))
    for r, members in enumerate(rows):
        for c, i in enumerate(members[:each]):
            place = (c * size + 1, (c + 1) * size - 1, (r + 1) * size - 1, r * size + 1)
            axis.imshow(_image(examples.inputs[i]), cmap="gray_r", extent=place, aspect="equal")
            if answers is not None and answers[i] != targets[i]:
                corner = (place[0], place[3])
                axis.add_patch(_frame(corner, size - 2))
                axis.text(*corner, str(answers[i]), color="white", fontsize=7, va="top",
                          bbox={"facecolor": ORANGE, "edgecolor": "none", "pad": 1})  # fmt: skip
    axis.set_aspect("equal")


def _frame(corner: tuple[float, float], side: float) -> Any:
    from matplotlib.patches import Rectangle

    return Rectangle(corner, side, side, fill=False, edgecolor=ORANGE, linewidth=2)


def _image(values: Tensor) -> Any:
    shown = values.detach().float().permute(1, 2, 0)
    low, high = shown.min(), shown.max()
    return ((shown - low) / (high - low).clamp(min=1e-9)).squeeze(-1).numpy()


def _fit(axis: Any, task: Task, steps: list[Step]) -> None:
    """The truth, the shots, and what was answered after the first steps and the last."""
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
    axis.legend(fontsize=7)


def _losses(axis: Any, steps: list[Step]) -> None:
    at = [step.step for step in steps]
    axis.plot(at, [s.support_loss for s in steps], "o-", color=BLUE, label="support")
    axis.plot(at, [s.query_loss for s in steps], "s--", color=ORANGE, label="query")
    values = torch.tensor([[s.support_loss, s.query_loss] for s in steps])
    if bool((values > 0).all() and (values.max() > 100 * values.min())):
        axis.set_yscale("log")
    axis.set(xlabel="inner step", ylabel="loss", title="loss by inner step")
    axis.legend(fontsize=7)
