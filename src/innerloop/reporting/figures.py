"""The picture of an adaptation that every run saves."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from innerloop import tasks as task_tools
from innerloop.algorithms.algorithm import Algorithm
from innerloop.tasks import Task

# Okabe and Ito's colours, which stay apart for the colour-blind.
BLUE, ORANGE, GREEN, PURPLE, GREY = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#777777"
FITTED = {0: (GREY, "before"), 1: (ORANGE, "after 1 step"), 10: (BLUE, "after 10 steps")}


def adaptation_figure(
    path: Path, algorithm: Algorithm, tasks: Task, scores: dict[str, Tensor], span: Any = None
) -> Path:
    """Draws the curve over inner steps, beside fitted curves (regression) or a spread (classes).

    Arguments:
        tasks: a few test tasks.
        scores: `(tasks, steps + 1)` per metric, of the whole test.
        span: range of x, for one-dimensional regression.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure  # no pyplot: no state, no display, safe anywhere

    figure = Figure(figsize=(11, 3.6), layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    axes = figure.subplots(1, 3)
    metric = algorithm.objective.metric
    if span is None:
        _histogram(axes[0], metric, scores[metric])
        _support(axes[1], tasks)
    else:
        for axis, index in zip(axes[:2], range(2), strict=True):
            _fit(axis, algorithm, task_tools.only(task_tools.part(tasks, index, index + 1)), span)
    _curve(axes[2], metric, scores[metric])
    figure.savefig(path, dpi=110)
    return path


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
    axis.hist(scores[:, -1].numpy(), bins=20, color=BLUE)
    axis.set(xlabel=f"{metric} of a test task", ylabel="tasks", title="spread over tasks")


def _support(axis: Any, tasks: Task) -> None:
    """The support images of the first task, a column for each class."""
    inputs, targets = tasks.support.inputs[0].float().cpu(), tasks.support.targets[0].cpu()
    order = targets.argsort(stable=True)
    columns = int(targets.max()) + 1
    rows = inputs[order].reshape(columns, -1, *inputs.shape[1:])[:, :5]  # (ways, shots, C, H, W)
    sheet = rows.permute(1, 4, 0, 5, 2, 3) if rows.dim() == 6 else rows.permute(1, 3, 0, 4, 2)
    sheet = sheet.reshape(rows.shape[1] * rows.shape[3], columns * rows.shape[4], -1)
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
