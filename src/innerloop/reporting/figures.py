"""The picture of an adaptation that every run saves."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves

from innerloop import tasks as task_tools
from innerloop.algorithms.algorithm import Algorithm
from innerloop.tasks import Task

# Okabe and Ito's colours, which stay apart for the colour-blind.
BLUE, ORANGE, GREEN, PURPLE, GREY = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#777777"
FITTED = {0: (GREY, "before"), 1: (ORANGE, "after 1 step"), 10: (BLUE, "after 10 steps")}


def adaptation_figure(
    path: Path,
    algorithm: Algorithm,
    tasks: Task,
    scores: Tensor,
    scored_step: int,
    span: Any = None,
) -> Path:
    """Draws what adaptation did: fitted curves (regression) or a spread and a support (classes),
    and the curve over inner steps where there are any.

    Arguments:
        tasks: a few test tasks.
        scores: `(tasks, steps + 1)` of the headline metric, of the whole test.
        scored_step: inner step of the headline number.
        span: range of x, for one-dimensional regression.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure  # no pyplot: no state, no display, safe anywhere

    panels = _panels(algorithm, tasks, scores, scored_step, span)
    figure = Figure(figsize=(3.7 * len(panels), 3.6), layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    for axis, draw in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
        draw(axis)
    figure.savefig(path, dpi=110)
    return path


def _panels(
    algorithm: Algorithm, tasks: Task, scores: Tensor, scored_step: int, span: Any
) -> list[Callable[[Any], None]]:
    metric, inputs = algorithm.objective.metric, tree_leaves(tasks.support.inputs)[0]
    panels: list[Callable[[Any], None]] = []
    if span is not None and algorithm.adapts_by_steps:
        for index in range(min(2, task_tools.count(tasks))):
            task = task_tools.only(task_tools.part(tasks, index, index + 1))
            panels.append(partial(_fit, algorithm=algorithm, task=task, span=span))
    else:
        panels.append(partial(_histogram, metric=metric, scores=scores[:, scored_step]))
    if inputs.dim() == 5:  # tasks, examples, channels, height, width
        panels.append(partial(_support, inputs=inputs[0], targets=tasks.support.targets[0]))
    if scores.shape[1] > 1:
        panels.append(partial(_curve, metric=metric, scores=scores))
    return panels


def _fit(axis: Any, algorithm: Algorithm, task: Task, span: Any) -> None:
    """The shots, the truth at the queries, and the fitted function after k steps."""
    x = torch.linspace(span[0], span[1], 200, device=task.support.targets.device)[:, None]
    order = task.query.inputs[:, 0].argsort()
    axis.plot(*_xy(task.query.inputs[order], task.query.targets[order]), color=GREEN, label="truth")
    with torch.no_grad():
        path = algorithm.adapt(task.support, max(FITTED), torch.ones(()))
        for step, adapted in enumerate(path):
            if step in FITTED:
                colour, label = FITTED[step]
                style = ":" if step == 0 else "-"
                axis.plot(*_xy(x, algorithm.predict(adapted, x)), style, color=colour, label=label)
    axis.plot(*_xy(*task.support), "^", color="black", label="shots")
    axis.set(xlabel="x", ylabel="y", title="one test task")
    axis.legend(fontsize=7)


def _xy(x: Tensor, y: Tensor) -> tuple[Any, Any]:
    return x[:, 0].cpu().numpy(), y.detach()[:, 0].cpu().numpy()


def _histogram(axis: Any, metric: str, scores: Tensor) -> None:
    axis.hist(scores.numpy(), bins=20, color=BLUE)
    axis.set(xlabel=f"{metric} of a test task", ylabel="tasks", title="spread over tasks")


def _support(axis: Any, inputs: Tensor, targets: Tensor) -> None:
    """The support images of a task, a column for each class."""
    ways = int(targets.max()) + 1
    rows = inputs[targets.argsort(stable=True)].float().cpu().unflatten(0, (ways, -1))[:, :5]
    sheet = rows.permute(1, 3, 0, 4, 2).flatten(0, 1).flatten(1, 2)  # height, width, channels
    sheet = (sheet - sheet.min()) / (sheet.max() - sheet.min()).clamp(min=1e-9)
    axis.imshow(sheet.squeeze(-1).numpy(), cmap="gray_r")
    axis.set(xticks=[], yticks=[], title="support of one test task")


def _curve(axis: Any, metric: str, scores: Tensor) -> None:
    """Mean with its 95% interval at every inner step."""
    from innerloop.evaluation.interval import over_tasks

    found = [over_tasks(scores[:, step]) for step in range(scores.shape[1])]
    mean, half = [i.mean for i in found], [i.ci95 for i in found]
    axis.errorbar(range(len(found)), mean, half, fmt="o-", capsize=3, color=BLUE)
    if metric == "mse":
        axis.set_yscale("log")
    axis.set(xlabel="inner step", ylabel=f"query {metric}", title=f"{len(scores)} test tasks")
