"""The end of a sweep: its settings over their seeds, and what did not finish, and why."""

import shlex
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from innerloop.errors import UserError, visible
from innerloop.reporting.finished import Finished, read
from innerloop.reporting.page.numbers import interval, shown
from innerloop.reporting.settings import Setting, settings
from innerloop.reporting.terminal import add_row, cell, leave_out, new_table
from innerloop.sweeping import members


def close(sweep: Path, console: Console) -> str | None:
    """Prints what a sweep found; returns what to say of members that did not finish, if any."""
    started = members.folders(sweep)
    left = [found for folder in started if (found := members.unfinished(folder))]
    broken = {found.folder for found in left}
    done = _readable([folder for folder in started if folder not in broken])
    if done:
        console.print(table(done))
    for found in left:
        console.print(cell(f"{found.folder.relative_to(sweep)}: {found.reason}"))
        console.print(cell(f"  {found.command}"))
    failed = sum(found.reason != members.RUNNING for found in left)
    if not failed:
        return None
    return (
        f"{failed} of the {len(started)} members that started did not finish. The same command "
        f"with sweep.resume=true hydra.sweep.dir={visible(sweep)} goes on with what is left."
    )


def _readable(folders: list[Path]) -> list[Finished]:
    found = []
    for folder in folders:
        try:
            found.append(read(folder))
        except UserError as error:
            leave_out(error)
    return found


def table(done: Sequence[Finished]) -> Table:
    """A row for each setting: validation and test, as means over its seeds."""
    found = settings(done)
    made = new_table("setting", "seeds", "metric", "validation", "test", "interval of the test")
    made.caption = "Choose by validation; the test is for what was chosen. 95% intervals."
    for label, setting in zip(_varied(found), found, strict=True):
        metric, test = setting.first.metric, setting.mean(setting.first.metric.name)
        add_row(
            made, label, ", ".join(str(run.results.seed) for run in setting.runs), metric.name,
            shown(_validation(setting), metric), shown(test.mean, metric), interval(test, metric),
        )  # fmt: skip
    return made


def _varied(found: Sequence[Setting]) -> list[str]:
    """What the sweep set otherwise in one setting than in another."""
    lines = [_words(setting.first.results.command) for setting in found]
    common = set.intersection(*map(set, lines))
    told = [[w for w in line if w not in common and not w.startswith("seed=")] for line in lines]
    names = [setting.first.results.algorithm for setting in found]
    return [" ".join(map(_short, t)) or name for t, name in zip(told, names, strict=True)]


def _words(command: str) -> list[str]:
    try:
        return shlex.split(command)
    except ValueError:  # a quote that does not end
        return command.split()


def _short(word: str) -> str:
    """A setting with no more digits than a table needs."""
    key, _, value = word.partition("=")
    try:
        return f"{key}={float(value):.4g}"
    except ValueError:
        return word


def _validation(setting: Setting) -> float | None:
    found = [run.results.checkpoint.validation.get(run.metric.name) for run in setting.runs]
    known = [value for value in found if value is not None]
    return sum(known) / len(known) if len(known) == len(found) else None
