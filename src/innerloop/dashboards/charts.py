"""The charts of a project, from W&B's own package, by the names that every run logs."""

from typing import Any

import wandb_workspaces.reports.v2 as wr

from innerloop.objectives import Metric

STEP, INNER = "outer_step", "inner_step"
SETTINGS = (  # what a sweep may have changed, and whether it spans orders of magnitude
    ("algorithm_name", False), ("dataset_name", False), ("norm", False), ("episode.shots", False),
    ("inner.steps", False), ("inner.rate", True), ("outer.optimizer.lr", True),
)  # fmt: skip
SEEDS: dict[str, Any] = {"groupby_aggfunc": "mean", "groupby_rangefunc": "stderr"}


def learning(metric: Metric, groupby: str | None = None) -> wr.LinePlot:
    """Training before and after adaptation, and validation, over outer steps."""
    return wr.LinePlot(
        title=f"{metric.name} while meta-training",
        x=STEP,
        y=[f"train/{metric.name}_before", f"train/{metric.name}", f"val/{metric.name}"],
        title_x="outer step",
        log_y=metric.log,
        **_over_seeds(groupby),
    )


def speed() -> wr.LinePlot:
    """Tasks per second."""
    return wr.LinePlot(title="tasks per second", x=STEP, y=["train/tasks_per_second"])


def adaptation(metric: Metric, groupby: str | None = None) -> wr.LinePlot:
    """The test's metric after every inner step."""
    return wr.LinePlot(
        title=f"{metric.name} of test queries while adapting",
        x=INNER,
        y=[f"adaptation/{metric.name}"],
        title_x="inner step",
        log_y=metric.log,
        **_over_seeds(groupby),
    )


def comparison(metric: Metric, by: str) -> wr.BarPlot:
    """A bar of the test's metric for each value of a setting, with the spread over its runs."""
    return wr.BarPlot(
        title=f"test {metric.name}", metrics=[f"test/{metric.name}"], groupby=wr.Config(by), **SEEDS
    )


def sweep(metric: Metric) -> list[Any]:
    """What the settings of a sweep did to validation, which chooses, and to the test."""
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
    """The picture that every run leaves."""
    return wr.MediaBrowser(title="adaptation", media_keys=["figures/adaptation"])


def _over_seeds(groupby: str | None) -> dict[str, Any]:
    return {} if groupby is None else {"groupby": wr.Config(groupby), **SEEDS}
