"""The workspace and the report of a project."""

from collections.abc import Sequence

import wandb_workspaces.reports.v2 as wr
import wandb_workspaces.workspaces as ws
from wandb_workspaces.reports.v2.interface import BlockTypes, PanelTypes

from innerloop.dashboards import charts
from innerloop.objectives import Metric

NAME = "innerloop"
READING = (
    "Learning curves are over outer steps, adaptation curves over inner steps of the test. "
    "Bars are means over runs with their standard error; compare.py has the paired intervals."
)


def workspace(entity: str, project: str, metrics: Sequence[Metric]) -> ws.Workspace:
    """The workspace of all runs: curves, algorithms by data set, sweeps, figures.

    Arguments:
        entity: the team or user.
        project: its project.
        metrics: the headline metrics of the runs.
    """
    sections: dict[str, list[PanelTypes]] = {
        "Learning": [*[charts.learning(m) for m in metrics], charts.speed()],
        "Adaptation": [*[charts.adaptation(m) for m in metrics], charts.figures()],
        "Algorithm against data set": [charts.comparison(m, "setting") for m in metrics],
        "Sweeps": [panel for m in metrics for panel in charts.sweep(m)],
    }
    return ws.Workspace(
        entity=entity,
        project=project,
        name=NAME,
        sections=[ws.Section(name, panels=p, is_open=True) for name, p in sections.items()],
        settings=ws.WorkspaceSettings(x_axis=charts.STEP),
        runset_settings=ws.RunsetSettings(pinned_columns=_columns(metrics)),
    )


def _columns(metrics: Sequence[Metric]) -> list[str]:
    tested = [f"summary:test/{m.name}{part}" for m in metrics for part in ("", "_ci95")]
    return ["config:setting", *tested]


def report(
    entity: str, project: str, datasets: Sequence[str], metrics: Sequence[Metric]
) -> wr.Report:
    """A chapter for each data set, with all algorithms, and one for sweeps.

    Its sets of runs name no project: W&B then takes the project of the report.

    Arguments:
        entity: the team or user.
        project: its project.
        datasets: names of the data sets.
        metrics: the headline metrics of the runs.
    """
    blocks: list[BlockTypes] = [wr.P(READING), wr.TableOfContents()]
    for name in datasets:
        runs = wr.Runset(name=name, filters=f"Config('dataset_name') = '{name}'")
        panels: list[PanelTypes] = [
            chart(metric, "algorithm_name")
            for metric in metrics
            for chart in (charts.comparison, charts.adaptation, charts.learning)
        ]
        blocks += [wr.H2(name), wr.PanelGrid(runsets=[runs], panels=panels)]
    runs = wr.Runset(name="all runs")
    panels = [panel for metric in metrics for panel in charts.sweep(metric)]
    blocks += [wr.H2("Sweeps"), wr.PanelGrid(runsets=[runs], panels=panels)]
    return wr.Report(project, entity, title=NAME, blocks=blocks, width="fluid")
