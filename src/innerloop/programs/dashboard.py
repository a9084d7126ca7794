"""The program dashboard.py: a project's workspace and report, at W&B or as a file."""

import json
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import yaml
from hydra.utils import get_class
from pydantic import Field

from innerloop.dashboards import access
from innerloop.errors import UserError, blamed_on, visible
from innerloop.experiment.plain import PlainDict
from innerloop.machine.files import write_whole
from innerloop.objectives import Metric
from innerloop.startup import places
from innerloop.startup.arguments import Arguments, Flag
from innerloop.startup.resolvers import repository

if TYPE_CHECKING:
    import wandb_workspaces.reports.v2 as wr
    import wandb_workspaces.workspaces as ws

PATIENCE = 60.0  #: seconds to wait for W&B, which itself would try for longer


class DashboardArguments(Arguments):
    """Arguments of dashboard.py."""

    project: str = "innerloop"
    entity: Annotated[str, Field(description="a team")] = ""
    spec: Annotated[Path, Field(description="a file")] = Path("outputs/dashboard.json")
    dry: Flag = False


def dashboard(words: Sequence[str]) -> None:
    """Creates the dashboard, or writes its specification if W&B cannot be reached.

    Arguments:
        words: `project=`, `entity=` (a team), `spec=` (the file) and `dry=true` (only the file).

    Raises:
        UserError: for other words, or if W&B refuses.
    """
    given = DashboardArguments.parse(words)
    root, project, entity = Path(repository()), given.project, given.entity
    datasets = [file.stem for file in _choices("dataset")]
    obstacle = "dry=true" if given.dry else access.obstacle()
    if obstacle is None:
        for url in _within(PATIENCE, lambda: _save(entity, project, datasets)):
            print(visible(url))
        return
    file = root / given.spec.expanduser()
    write_whole(file, json.dumps(spec(entity, project, datasets), indent=1) + "\n")
    line = f"Wrote {file} and sent nothing ({obstacle}); with a key (wandb login) W&B gets it."
    print(visible(line))


def spec(entity: str, project: str, datasets: Sequence[str]) -> PlainDict:
    """The specification that W&B would receive, as plain values.

    Arguments:
        entity: a team, or empty.
        datasets: names of data sets.
    """
    from innerloop.dashboards import pages

    views = {
        "workspace": pages.workspace(entity, project, metrics())._to_model(),
        "report": pages.report(entity, project, datasets, metrics())._to_model(),
    }
    return {
        name: view.model_dump(mode="json", by_alias=True, exclude_none=True)
        for name, view in views.items()
    }


def metrics() -> list[Metric]:
    """The headline metrics of the objectives in `conf/objective`."""
    parts = [yaml.safe_load(file.read_text()) for file in _choices("objective")]
    with blamed_on("conf/objective"):
        metrics = [getattr(get_class(part["_target_"]), "metric", None) for part in parts]
    return [metric for metric in dict.fromkeys(metrics) if isinstance(metric, Metric)]


def _choices(group: str) -> list[Path]:
    """The yaml files of a config group."""
    return sorted((places.conf() / group).glob("*.yaml"))


def _save(entity: str, project: str, datasets: Sequence[str]) -> list[str]:
    """Saves report and workspace at W&B, and returns their addresses."""
    import wandb

    from innerloop.dashboards import pages

    entity = entity or wandb.Api().default_entity or ""
    views: list[wr.Report | ws.Workspace] = [
        pages.report(entity, project, datasets, metrics()),
        pages.workspace(entity, project, metrics()),
    ]
    return [str(view.save().url) for view in views]  # the report creates a new project


def _within(seconds: float, work: Callable[[], list[str]]) -> list[str]:
    """The result of `work`; raises `UserError` if it fails, or takes longer than this."""
    answers: list[list[str] | Exception] = []

    def attempt() -> None:
        try:
            answers.append(work())
        except Exception as error:  # W&B raises many kinds
            answers.append(error)

    thread = threading.Thread(target=attempt, daemon=True)  # the program may end before it
    thread.start()
    thread.join(seconds)
    result = answers[0] if answers else TimeoutError(f"no answer in {seconds:.0f} s")
    if isinstance(result, list):
        return result
    reason = " ".join(str(result).split())[:200].rstrip(".") or type(result).__name__
    raise UserError(
        f"W&B at {access.server()} did not take the dashboard: {reason}. Check the key, entity= "
        "and project=, or write it to a file with dry=true."
    ) from result
