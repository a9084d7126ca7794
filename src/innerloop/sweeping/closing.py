"""The end of a sweep: a table of its settings, and the members that did not finish."""

import shlex
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from innerloop.errors import UserError, visible
from innerloop.machine.screen import short
from innerloop.reporting.finished import Finished, read
from innerloop.reporting.numbers import mean_and_half, number, number_or_nan
from innerloop.reporting.settings import Setting, settings
from innerloop.reporting.terminal import cell, leave_out, narrow_table
from innerloop.startup import places
from innerloop.sweeping import members


def close(sweep: Path, console: Console) -> str | None:
    """Prints the results of a sweep; returns a message if members failed, else None."""
    started = members.folders(sweep)
    states = {folder: members.unfinished(folder) for folder in started}
    left = [member for member in states.values() if member is not None]
    done = _readable([folder for folder, member in states.items() if member is None])
    if done:
        console.print(table(done))
        for program in ("compare", "report"):
            console.print(cell(shlex.join([*places.program(program), short(sweep)])))
    for member in left:
        console.print(cell(f"{member.folder.relative_to(sweep)}: {member.reason}"))
        console.print(cell(f"  {member.command}"))
    failed = sum(member.reason != members.RUNNING for member in left)
    if not failed:
        return None
    return (
        f"{failed} of the {len(started)} members that started did not finish. The same command "
        f"with sweep.resume=true hydra.sweep.dir={visible(sweep)} resumes the others."
    )


def _readable(folders: list[Path]) -> list[Finished]:
    """The results in these folders; a line says which ones cannot be read."""
    runs = []
    for folder in folders:
        try:
            runs.append(read(folder))
        except UserError as error:
            leave_out(error)
    return runs


def table(done: Sequence[Finished]) -> Table:
    """A row for each setting: validation and test scores, as means over its seeds."""
    groups = settings(done)
    rows = [_row(*pair) for pair in zip(_labels(groups), groups, strict=True)]
    summary = narrow_table(rows, folds=("setting",))
    summary.caption = "Choose a setting by validation, then report its test. 95% intervals."
    return summary


def _row(label: str, setting: Setting) -> dict[str, str]:
    """The cells of a setting by heading; two seeds are shown instead of their interval."""
    metric, test = setting.first.metric, setting.mean(setting.first.metric.name)
    two = [number(mean, metric) for mean in test.seeds] if len(test.seeds) == 2 else []
    return {
        "setting": label,
        "seeds": ", ".join(str(run.results.seed) for run in setting.runs),
        "validation": number_or_nan(_validation(setting), metric),
        f"test {metric.name}": mean_and_half(test.mean, None if two else test.half, metric),
        "over": " and ".join(two) or test.over,
    }


def _labels(rows: Sequence[Setting]) -> list[str]:
    """For each setting, the words of its command that others do not share, or its algorithm."""
    commands = [_words(setting.first.results.command) for setting in rows]
    common = set.intersection(*map(set, commands))
    labels = []
    for setting, words in zip(rows, commands, strict=True):
        own = [w for w in words if w not in common and not w.startswith("seed=")]
        labels.append(" ".join(map(_short, own)) or setting.first.results.algorithm)
    return labels


def _words(command: str) -> list[str]:
    """The words of a command line."""
    try:
        return shlex.split(command)
    except ValueError:  # a quote that does not end
        return command.split()


def _short(word: str) -> str:
    """A word such as `inner.rate=0.01`, with at most four digits."""
    key, _, value = word.partition("=")
    try:
        return f"{key}={float(value):.4g}"
    except ValueError:
        return word


def _validation(setting: Setting) -> float | None:
    """The mean validation score over the seeds; None if a seed has none."""
    scores = [run.results.checkpoint.validation.get(run.metric.name) for run in setting.runs]
    known = [score for score in scores if score is not None]
    return sum(known) / len(known) if len(known) == len(scores) else None
