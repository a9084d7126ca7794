"""The page of a leaderboard of equal budgets."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from innerloop.errors import visible
from innerloop.evaluation import stamps
from innerloop.evaluation.comparison import holm, paired
from innerloop.evaluation.schema import Results
from innerloop.reporting.finished import Finished
from innerloop.reporting.numbers import mean_and_half, number_or_nan


class Entry(NamedTuple):
    """A method with its trials.

    Arguments:
        trials, finished: how many trainings it was given, and how many have results.
        test: of the trial that validation chose; None if there is none.
        chosen: the results of that trial's training.
        setting: the values of the search space that it had.
        minutes: the median of the trainings.
        milliseconds: to adapt to a new task and to answer its queries.
    """

    method: str
    trials: int
    finished: int
    test: Finished | None
    chosen: Results | None
    setting: str
    minutes: float
    milliseconds: float


def page(
    entries: Sequence[Entry],
    settings: Sequence[str],
    minutes: float,
    trials: int,
    command: str = "",
) -> str:
    """The Markdown page: a row for each method, the best first.

    Arguments:
        entries: the methods.
        settings: overrides that all trainings share.
        minutes, trials: the budget of each method.
        command: that made it; may be empty.
    """
    tested = [entry for entry in entries if entry.test is not None]
    tested.sort(key=_rank)
    behind = _behind_the_best(tested)
    rows = [_row(entry, behind.get(entry.method, "-")) for entry in tested]
    failed = [entry.method for entry in entries if entry.test is None]
    parts = ["# Leaderboard of equal budgets", _budget(settings, minutes, trials)]
    parts += [f"Made by `{visible(command)}`."] if command else []
    parts += [_markdown(rows)] if rows else []
    parts += [f"Without a result, because they failed: {', '.join(failed)}."] if failed else []
    return "\n\n".join(parts) + "\n"


def _budget(settings: Sequence[str], minutes: float, trials: int) -> str:
    shared = f" with `{visible(' '.join(settings))}`" if settings else ""
    return (
        f"Each method had {trials} trainings of {minutes:g} minutes{shared}: the first with its "
        "default settings, the others drawn at random from its search space in `conf/search`. The "
        "outer steps fill the minutes at the speed that a short run of the same setting had, so "
        'that schedules reach their end. "Minutes" is the median of what the trainings took. The '
        "trial with the best validation score was tested, and no other. Intervals are 95% over "
        'test tasks. "Behind the best" is taken task by task, p by the paired t test, corrected by '
        'Holm. "Per new task" is the median time on the CPU to adapt to one task and to answer its '
        "queries. There is one seed, so the differences are about these checkpoints."
    )


def _rank(entry: Entry) -> float:
    assert entry.test is not None
    sign = -1 if entry.test.metric.higher_is_better else 1
    return sign * float(entry.test.scores.mean())


def _behind_the_best(tested: Sequence[Entry]) -> dict[str, str]:
    """The difference of each method to the first, by method."""
    if len(tested) < 2:
        return {}
    best, *others = [entry.test for entry in tested if entry.test is not None]
    differences = [paired(other.scores, best.scores) for other in others]
    corrected = holm([1.0 if d.p is None else d.p for d in differences])
    shown = [
        f"{mean_and_half(d.mean, d.ci95, best.metric, sign='+')}, p {p:.2g}"
        for d, p in zip(differences, corrected, strict=True)
    ]
    return {entry.method: text for entry, text in zip(tested[1:], shown, strict=True)}


def _row(entry: Entry, behind: str) -> Mapping[str, str]:
    assert entry.test is not None and entry.chosen is not None
    metric, results, chosen = entry.test.metric, entry.test.results, entry.chosen
    step, steps = chosen.checkpoint.step, chosen.outer.steps
    return {
        "method": f"{entry.method}, {results.model}",
        metric.label or metric.name: mean_and_half(
            results.headline.mean, results.headline.ci95, metric
        ),
        "behind the best": behind,
        "validation": number_or_nan(chosen.checkpoint.validation.get(metric.name), metric),
        "minutes": f"{entry.minutes:.1f}",
        "chosen step": f"{step:,} of {steps:,}" if step is not None and steps else "-",
        "per new task": f"{entry.milliseconds:.3g} ms",
        "trials": f"{entry.finished} of {entry.trials}",
        "setting": f"`{visible(entry.setting)}`",
        "batch norm": results.norm or "-",
        "audit": stamps.in_words([results.audited]) or "-",
    }


def _markdown(rows: Sequence[Mapping[str, str]]) -> str:
    lines = [list(rows[0]), ["---"] * len(rows[0]), *[list(row.values()) for row in rows]]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
