"""One run of the page: its row in the table of runs, its command, its pictures and its facts."""

import base64
from pathlib import Path
from typing import TypedDict

from innerloop.errors import UserError, visible
from innerloop.reporting.finished import Finished
from innerloop.reporting.page.numbers import half_width, minutes, shown
from innerloop.reporting.page.pictures import is_drawn, pictures_of, read_picture
from innerloop.reporting.terminal import leave_out

MOST = 100  #: pictures of a run
STEPS = {0, 1, 2, 3, 5, 10, 20, 50}  #: inner steps in a run's table; the scored step is added


class Details(TypedDict):
    """What the template shows of a run."""

    id: str
    name: str
    setting: str
    seed: int
    metric: str
    validation: str
    mean: str
    tasks: str  #: half of the interval over tasks
    classes: str  #: half of the interval over classes
    command: str
    steps: list[tuple[str, str, str]]
    pictures: list[tuple[str, str, bool]]
    facts: dict[str, str]


def details(run: Finished, label: str, number: int) -> Details:
    """What the template shows of a run.

    Arguments:
        label: label of its setting.
        number: number of the run, for its anchor in the page.
    """
    headline, metric, results = run.headline, run.metric, run.results
    return {
        "id": f"run{number}",
        "name": visible(run.name),
        "setting": label,
        "seed": results.seed,
        "metric": metric.name,
        "validation": _validation(run),
        "mean": shown(headline.mean, metric),
        "tasks": half_width(headline.ci95, metric),
        "classes": half_width(headline.ci95_classes, metric),
        "command": results.command,
        "steps": _steps(run),
        "pictures": _pictures(run.folder),
        "facts": _facts(run),
    }


def _validation(run: Finished) -> str:
    """The checkpoint's validation score; empty if it is not stored."""
    known = run.results.checkpoint.validation
    name = run.metric.name
    return shown(known[name], run.metric) if name in known else ""


def _facts(run: Finished) -> dict[str, str]:
    """How a run was trained and tested, by heading."""
    results, protocol = run.results, run.results.protocol
    facts: dict[str, object] = {
        "folder": run.folder,
        "model": results.model,
        "batch norm": results.norm or "none",
        "training": f"{results.outer.steps} outer steps of {results.outer.tasks} tasks",
        "checkpoint": f"of outer step {results.checkpoint.step}, chosen by {protocol.selected_by}",
        "protocol": f"{protocol.hash}: {protocol.tasks} tasks of the {protocol.split} "
        f"split, seed {protocol.seed}",
        "engine": results.engine.name,
        "took": f"{minutes([run]) or '?'} minutes on {results.device}, {results.threads} threads",
        "versions": ", ".join(f"{name} {number}" for name, number in results.versions.items()),
        "commit": results.git,
    }
    return {name: visible(fact or "unknown") for name, fact in facts.items()}


def _steps(run: Finished) -> list[tuple[str, str, str]]:
    """Inner step, headline metric, and half of its interval over tasks."""
    scored, rows = run.results.protocol.scored_step, []
    for step in sorted(STEPS | {scored or 0}):
        entry = run.results.test.get(f"{run.metric.name}/step_{step}")
        if entry is not None:
            label = f"{step} (scored)" if step == scored else str(step)
            rows.append((label, shown(entry.mean, run.metric), half_width(entry.ci95, run.metric)))
    return rows


def _pictures(folder: Path) -> list[tuple[str, str, bool]]:
    """Names and data of a run's pictures, and whether they may be inverted."""
    own = pictures_of(folder)
    pictures = []
    for file in own[:MOST]:
        try:
            content = read_picture(file)
            name, data = visible(file.stem.replace("_", " ")), base64.b64encode(content).decode()
            pictures.append((name, data, is_drawn(content)))
        except UserError as error:
            leave_out(f"a picture: {error}")
    if own[MOST:]:
        leave_out(f"{len(own) - MOST} of the {len(own)} pictures of {folder}")
    return pictures
