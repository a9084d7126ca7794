"""One run of the page: its row among all runs, its command, its pictures and its facts."""

import base64
from pathlib import Path
from typing import Any

from innerloop.errors import UserError, visible
from innerloop.evaluation.schema import RESULTS
from innerloop.machine.foreign import BadFile, find, read_bytes, there
from innerloop.reporting.finished import Finished
from innerloop.reporting.page.numbers import half_width, minutes, shown
from innerloop.reporting.terminal import leave_out

PNG = b"\x89PNG\r\n\x1a\n"  #: how each such file begins
MOST, LARGEST = 100, 8 * 2**20  #: pictures of a run, and bytes of each
STEPS = {0, 1, 2, 3, 5, 10, 20, 50}  #: inner steps of a run's own table, with the scored one


def details(run: Finished, label: str, number: int) -> dict[str, Any]:
    """What the template shows of a run.

    Arguments:
        label: of its setting.
        number: of the run, which makes its anchor.
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
    """What the checkpoint scored in validation; nothing where that was not kept."""
    known = run.results.checkpoint.validation
    name = run.metric.name
    return shown(known[name], run.metric) if name in known else ""


def _facts(run: Finished) -> dict[str, Any]:
    """What is known of how a run was made and tested."""
    results, protocol = run.results, run.results.protocol
    facts = {
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
    """The headline metric after some inner steps, with its interval over tasks."""
    scored, rows = run.results.protocol.scored_step, []
    for step in sorted(STEPS | {scored or 0}):
        entry = run.results.test.get(f"{run.metric.name}/step_{step}")
        if entry is not None:
            words = f"{step} (scored)" if step == scored else str(step)
            rows.append((words, shown(entry.mean, run.metric), half_width(entry.ci95, run.metric)))
    return rows


def _pictures(folder: Path) -> list[tuple[str, str]]:
    """Names and data of a run's pictures; not of a run inside its folder, nor W&B's copies."""
    own = [
        file
        for file in find(folder, lambda name: name.endswith(".png"))
        if "wandb" not in file.relative_to(folder).parts and _owner(file, folder) == folder
    ]
    found = []
    for file in own[:MOST]:
        try:
            data = base64.b64encode(_picture(file)).decode()
            found.append((visible(file.stem.replace("_", " ")), data))
        except UserError as error:
            leave_out(f"a picture: {error}")
    if own[MOST:]:
        leave_out(f"{len(own) - MOST} of the {len(own)} pictures of {folder}")
    return found


def _picture(file: Path) -> bytes:
    """The content of a regular file that is a PNG; a link may lead to anything."""
    content = read_bytes(file, LARGEST, links=False)
    if not content.startswith(PNG):
        raise BadFile(file, "is no PNG picture")
    return content


def _owner(file: Path, folder: Path) -> Path:
    return next(p for p in file.parents if p == folder or there(p / RESULTS))
