"""The charts of a project, of the metrics that every run logs."""

import wandb_workspaces.reports.v2 as wr
from wandb_workspaces.reports.v2.interface import PanelTypes

from innerloop.objectives import Metric

STEP, INNER = "outer_step", "inner_step"
SETTINGS = (  #: what a sweep may vary, and whether its axis is logarithmic
    ("algorithm_name", False), ("dataset_name", False), ("norm", False), ("episode.shots", False),
    ("inner.steps", False), ("inner.rate", True), ("outer.optimizer.lr", True),
)  # fmt: skip


def learning(metric: Metric, groupby: str | None = None) -> wr.LinePlot:
    """Training before and after adaptation, and validation, over outer steps.

    Arguments:
        groupby: the key of runs to average; None for a line for each run.
    """
    return wr.LinePlot(
        title=f"{metric.name} while meta-training",
        x=STEP,
        y=[f"train/{metric.name}_before", f"train/{metric.name}", f"val/{metric.name}"],
        title_x="outer step",
        log_y=metric.log,
        groupby=None if groupby is None else wr.Config(groupby),
        groupby_aggfunc=None if groupby is None else "mean",
        groupby_rangefunc=None if groupby is None else "stderr",
    )


def speed() -> wr.LinePlot:
    """Tasks per second."""
    return wr.LinePlot(title="tasks per second", x=STEP, y=["train/tasks_per_second"])


def adaptation(metric: Metric, groupby: str | None = None) -> wr.LinePlot:
    """The metric of the test after every inner step.

    Arguments:
        groupby: the key of runs to average; None for a line for each run.
    """
    return wr.LinePlot(
        title=f"{metric.name} of test queries while adapting",
        x=INNER,
        y=[f"adaptation/{metric.name}"],
        title_x="inner step",
        log_y=metric.log,
        groupby=None if groupby is None else wr.Config(groupby),
        groupby_aggfunc=None if groupby is None else "mean",
        groupby_rangefunc=None if groupby is None else "stderr",
    )


def comparison(metric: Metric, by: str) -> wr.BarPlot:
    """A bar of the mean test metric for each value of a setting, with its standard error."""
    return wr.BarPlot(
        title=f"test {metric.name}",
        metrics=[f"test/{metric.name}"],
        groupby=wr.Config(by),
        groupby_aggfunc="mean",
        groupby_rangefunc="stderr",
    )


def sweep(metric: Metric) -> list[PanelTypes]:
    """The settings of a sweep against the best validation metric and the test metric."""
    target = f"val/{metric.name}_best"
    columns = [wr.ParallelCoordinatesPlotColumn(wr.Config(n), log=log) for n, log in SETTINGS]
    columns += [
        wr.ParallelCoordinatesPlotColumn(wr.SummaryMetric(name), log=metric.log)
        for name in (target, f"test/{metric.name}")
    ]
    return [
        wr.ParallelCoordinatesPlot(title=f"settings and {metric.name}", columns=columns),
        wr.ParameterImportancePlot(with_respect_to=target),
    ]


def figures() -> wr.MediaBrowser:
    """The adaptation figure of every run."""
    return wr.MediaBrowser(title="adaptation", media_keys=["figures/adaptation"])
