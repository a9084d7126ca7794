"""The last lines of a run: the result, the paper's, the checkpoint, and what to do next."""

import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path

from innerloop.evaluation import schema
from innerloop.evaluation.schema import Results
from innerloop.evaluation.sizes import in_words, setting
from innerloop.machine.foreign import read_text
from innerloop.machine.screen import short
from innerloop.reporting.numbers import mean_and_half, number_or_nan
from innerloop.startup import places, published

DIFFERENCES = "config.diff"


def closing_lines(content: Mapping[str, object], folder: Path) -> list[str]:
    """Result, interval, the paper's figure, checkpoint and minutes.

    Arguments:
        content: the content of `results.json`.
        folder: of the run.
    """
    results = schema.read(content)
    return [result_in_words(results), *_paper(results, folder), _checkpoint(results)]


def next_commands(folder: Path) -> list[str]:
    """The two commands that one types next."""
    run = shlex.quote(short(folder))
    replay, report = (" ".join(places.program(name)) for name in ("replay", "report"))
    return [f"next: {replay} {run} task=test/0", f"      {report} {run}"]


def result_in_words(results: Results) -> str:
    """What was tested on what, the result, and its interval."""
    headline, steps = results.headline, results.protocol.scored_step
    shown = mean_and_half(headline.mean, headline.ci95, results.metric)
    after = f" after {steps} inner step{'s' * (steps != 1)}" if steps is not None else ""
    over = f"{results.protocol.tasks:,} tasks{', 95%' if headline.ci95 is not None else ''}"
    what = f"{results.algorithm} on {results.tested_on}, {in_words(results.episode.test.episode)}"
    return f"{what}: {results.metric.name} {shown}{after} ({over})"


def _paper(results: Results, folder: Path) -> Iterator[str]:
    """What a paper reports for this setting, and whether the run has all of its settings."""
    name = setting(results.dataset, results.algorithm, results.episode.test.episode)
    figure = published.figures().get(name, {}).get("paper")
    if figure is not None and results.training_set == results.dataset:
        file = folder / DIFFERENCES
        same = not file.is_file() or f"--- experiment={name}" not in read_text(file)
        differs = "" if same else f"; what differs from its setting: {DIFFERENCES}"
        yield f"the paper: {published.text(figure)}{differs}"


def _checkpoint(results: Results) -> str:
    checkpoint, metric = results.checkpoint, results.metric
    known = checkpoint.validation.get(metric.name)
    score = "" if known is None else f" ({number_or_nan(known, metric)})"
    step = "?" if checkpoint.step is None else f"{checkpoint.step:,}"
    steps = results.outer.steps
    return (
        f"checkpoint of outer step {step}{'' if steps is None else f' of {steps:,}'}, "
        f"chosen by {results.protocol.selected_by}{score}{_time(results.seconds)}"
    )


def _time(seconds: float | None) -> str:
    if seconds is None:
        return ""
    return f"; {seconds:.0f} seconds" if seconds < 100 else f"; {seconds / 60:.1f} minutes"
