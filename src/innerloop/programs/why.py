"""The program why.py: what differs between a run and a paper, and what that is known to change."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, NamedTuple

from omegaconf import DictConfig
from pydantic import Field

from innerloop.errors import UserError
from innerloop.evaluation.results import write_json
from innerloop.evaluation.schema import Results
from innerloop.experiment import restored
from innerloop.experiment.differences import Difference, differences
from innerloop.experiment.papers import Paper, paper_setting
from innerloop.reporting import finished
from innerloop.reporting.effects import Effect, measured
from innerloop.reporting.numbers import mean_and_half, unit
from innerloop.reporting.terminal import cell, narrow_table, terminal
from innerloop.startup import published
from innerloop.startup.arguments import Arguments, Flag, positional

USAGE = "why.py RUN paper=maml2017"
TASKS = ("dataset", "episode.test.ways", "episode.test.shots")  #: what makes tasks easier or harder


class WhyArguments(Arguments):
    """Arguments of why.py besides the run."""

    paper: Annotated[str | None, Field(description="a paper or an experiment of conf")] = None
    json_file: Annotated[Path | None, Field(alias="json", description="a file to write")] = None
    trust: Flag = False


class Ranked(NamedTuple):
    """A difference, and what it changes where that is measured."""

    difference: Difference
    effect: Effect | None


def why(words: list[str]) -> None:
    """Prints every difference between a run and a paper's setting, the largest effect first.

    Arguments:
        words: the command line: the run's folder, and values such as `paper=maml2017`.

    Raises:
        UserError: for a run or a paper that is not there.
    """
    paths, rest = positional(words)
    given = WhyArguments.parse(rest)
    if len(paths) != 1:
        raise UserError(f"Say which run: {USAGE}.")
    folder = Path(paths[0]).expanduser()
    config, results = restored.of_run(folder, given.trust), finished.read(folder).results
    paper = paper_setting(given.paper, config)
    rows = ranked(config, paper, results)
    _show(rows, results, paper)
    if given.json_file is not None:
        write_json(given.json_file, {"paper": paper.experiment, "differences": _plain(rows)})


def ranked(config: DictConfig, paper: Paper, results: Results) -> list[Ranked]:
    """The differences: those with a measured effect first, the largest before the others."""
    rows = [
        Ranked(d, measured(d.key, d.ours, d.theirs, results)) for d in differences(config, paper)
    ]
    return sorted(rows, key=lambda row: -abs(row.effect.difference) if row.effect else 0.0)


def _show(rows: Sequence[Ranked], results: Results, paper: Paper) -> None:
    console = terminal()
    for line in _verdict(rows, results, paper):
        console.print(cell(line))
    console.print()
    if rows:
        console.print(_table(rows, results))
    else:
        console.print(cell("The run has every setting of the paper that the configuration holds."))
    for number, row in enumerate(_measured(rows), 1):
        assert row.effect is not None
        console.print(cell(f"[{number}] {row.effect.on}: {row.effect.source}"))
    for line in _notes(rows, paper):
        console.print(cell(line))


def _table(rows: Sequence[Ranked], results: Results) -> object:
    numbers = {row.difference.key: n for n, row in enumerate(_measured(rows), 1)}
    cells = [
        {
            "about": row.difference.aspect,
            "key": row.difference.key,
            "this run": _value(row.difference.ours),
            "the paper": _value(row.difference.theirs),
            "effect": _effect(row.effect, numbers.get(row.difference.key), results),
        }
        for row in rows
    ]
    return narrow_table(cells, folds=("key", "this run", "the paper"))


def _measured(rows: Sequence[Ranked]) -> list[Ranked]:
    return [row for row in rows if row.effect is not None]


def _effect(effect: Effect | None, number: int | None, results: Results) -> str:
    if effect is None:
        return "not measured"
    return f"{effect.difference:+.4g}{unit(results.metric)} [{number}]"


def _value(value: object) -> str:
    return "null" if value is None else str(value)


def _verdict(rows: Sequence[Ranked], results: Results, paper: Paper) -> Iterator[str]:
    """The two scores, and how far the run is from the paper where both are of such tasks."""
    metric, headline = results.metric, results.headline
    ours = mean_and_half(headline.mean, headline.ci95, metric)
    yield f"{results.algorithm} on {results.dataset}: {metric.name} {ours}"
    figure = published.figures().get(paper.experiment, {}).get("paper", {})
    theirs = published.text(figure) if figure else paper.config.published
    yield f"experiment={paper.experiment}: {theirs}"
    if headline.mean is None or "value" not in figure or figure["metric"] != metric.name:
        return
    others = [row.difference.key for row in rows if row.difference.key in TASKS]
    if others:
        yield f"The two scores cannot be compared: they are of tasks with another {others[0]}."
        return
    gap = metric.scale * headline.mean - figure["value"]
    side = "above" if gap > 0 else "below"
    points = " points" if metric.unit == "%" else unit(metric)
    yield f"The run is {abs(gap):.4g}{points} {side} the paper."


def _notes(rows: Sequence[Ranked], paper: Paper) -> Iterator[str]:
    """What the table does not say."""
    if _measured(rows):
        yield (
            "An effect is the score with this run's value minus the score with the paper's, where "
            "it was measured. Effects of several differences do not add up."
        )
    if paper.config.deviates:
        text = " ".join(str(paper.config.deviates).split())
        yield f"The experiment itself deviates from the paper: {text}."


def _plain(rows: Sequence[Ranked]) -> list[dict[str, object]]:
    return [
        {
            **row.difference._asdict(),
            "about": row.difference.aspect,
            "effect": row.effect._asdict() if row.effect else None,
        }
        for row in rows
    ]
