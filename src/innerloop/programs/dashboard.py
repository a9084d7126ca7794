"""What dashboard.py does: the project's workspace and report, at W&B or as a file."""

import json
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import yaml
from hydra.utils import get_class
from pydantic import Field

from innerloop.dashboards import access
from innerloop.errors import UserError, blamed_on, visible
from innerloop.machine.files import write_whole
from innerloop.objectives import Metric
from innerloop.startup.arguments import Arguments, Flag
from innerloop.startup.resolvers import repository

PATIENCE = 60.0  #: seconds that W&B may take; it would go on trying for longer


class DashboardArguments(Arguments):
    """What dashboard.py takes."""

    project: str = "innerloop"
    entity: Annotated[str, Field(description="a team")] = ""
    spec: Annotated[Path, Field(description="a file")] = Path("outputs/dashboard.json")
    dry: Flag = False


def dashboard(words: Sequence[str]) -> None:
    """Makes the dashboard, or writes its specification where W&B cannot be reached.

    Arguments:
        words: `project=`, `entity=` (a team), `spec=` (the file) and `dry=true` (only the file).

    Raises:
        UserError: for other words, or where W&B refuses.
    """
    given = DashboardArguments.parse(words)
    root, project, entity = Path(repository()), given.project, given.entity
    datasets = [file.stem for file in _choices("dataset")]
    why = "dry=true" if given.dry else access.obstacle()
    if why is None:
        for url in _within(PATIENCE, lambda: _save(entity, project, datasets)):
            print(visible(url))
        return
    file = root / given.spec.expanduser()
    write_whole(file, json.dumps(spec(entity, project, datasets), indent=1) + "\n")
    words = f"Wrote {file} and sent nothing ({why}); with a key (wandb login) W&B gets it."
    print(visible(words))


def spec(entity: str, project: str, datasets: Sequence[str]) -> dict[str, Any]:
    """What W&B would be sent, as plain values."""
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
        known = [getattr(get_class(part["_target_"]), "metric", None) for part in parts]
    return [metric for metric in dict.fromkeys(known) if isinstance(metric, Metric)]


def _choices(group: str) -> list[Path]:
    return sorted((Path(repository()) / "conf" / group).glob("*.yaml"))


def _save(entity: str, project: str, datasets: Sequence[str]) -> list[str]:
    import wandb

    from innerloop.dashboards import pages

    entity = entity or wandb.Api().default_entity or ""
    views: list[Any] = [
        pages.report(entity, project, datasets, metrics()),
        pages.workspace(entity, project, metrics()),
    ]
    return [str(view.save().url) for view in views]  # the report makes the project if need be


def _within(seconds: float, work: Callable[[], list[str]]) -> list[str]:
    """What `work` returns, if it does so in time."""
    answers: list[list[str] | Exception] = []

    def attempt() -> None:
        try:
            answers.append(work())
        except Exception as error:  # of W&B's many kinds
            answers.append(error)

    thread = threading.Thread(target=attempt, daemon=True)  # which an exit does not wait for
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
