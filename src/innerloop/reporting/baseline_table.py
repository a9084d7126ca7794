"""A learner and the baselines of its data set on the same tasks."""

from collections.abc import Iterator, Mapping

from rich.table import Table

from innerloop.evaluation import schema
from innerloop.evaluation.schema import Results
from innerloop.reporting.numbers import mean_and_half
from innerloop.reporting.terminal import cell, narrow_table, terminal

HEADINGS = ("method", "mean and 95% over tasks", "learner minus it", "p by Holm", "the learner is")


def show_baselines(content: Mapping[str, object]) -> None:
    """Prints the table; nothing if no baselines were scored.

    Arguments:
        content: the content of `results.json`.
    """
    results = schema.read(content)
    if results.baselines:
        terminal().print(baseline_table(results))
        if results.baselines[0].others:
            terminal().print(other_metrics(results))
    if results.trials:
        terminal().print(trial_table(results))


def baseline_table(results: Results) -> Table:
    """The learner, then each baseline with the paired difference."""
    rows = [dict(zip(HEADINGS, row, strict=True)) for row in baseline_rows(results)]
    table = narrow_table(rows, folds=("method",))
    table.title = cell(f"{results.algorithm} and baselines on {results.tested_on}")
    table.caption = cell(f"{results.metric.heading}, {results.protocol.tasks} tasks, paired t test")
    return table


def trial_table(results: Results) -> Table:
    """What happened when the answers were acted on, such as the tracking error of a controller."""
    return narrow_table(trial_rows(results), folds=("trials",))


def trial_rows(results: Results) -> list[dict[str, str]]:
    """The cells of `trial_table` by heading."""
    return [
        {"trials": own.name, "mean": _plain(own.mean), "95% over tasks": f"± {_plain(own.ci95)}"}
        for own in results.trials
    ]


def other_metrics(results: Results) -> Table:
    """The means of the other metrics, of the learner and of each baseline."""
    return narrow_table(other_rows(results), folds=("method",))


def other_rows(results: Results) -> list[dict[str, str]]:
    """The cells of `other_metrics` by heading."""
    names = list(results.baselines[0].others) if results.baselines else []
    own = {name: results.test[name].mean for name in names if name in results.test}
    every = [(results.algorithm, own), *((b.name, b.others) for b in results.baselines)]
    return [
        {"method": method, **{name: _plain(means.get(name)) for name in names}}
        for method, means in every
        if names
    ]


def _plain(mean: float | None) -> str:
    return "-" if mean is None else f"{mean:.4f}"


def baseline_rows(results: Results) -> Iterator[list[str]]:
    """The cells below `HEADINGS`."""
    metric, headline = results.metric, results.headline
    yield [results.algorithm, mean_and_half(headline.mean, headline.ci95, metric), "", "", ""]
    for own in results.baselines:
        yield [
            own.name,
            mean_and_half(own.mean, own.ci95, metric),
            mean_and_half(own.difference, own.difference_ci95, metric, sign="+"),
            "-" if own.p is None else f"{own.p:.2g}",
            own.verdict(metric.higher_is_better),
        ]
