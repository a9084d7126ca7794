"""What a difference between two settings is known to change, and who measured it."""

from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

from innerloop.evaluation import schema
from innerloop.evaluation.schema import Results
from innerloop.machine.mappings import PlainDict, read_json, read_yaml
from innerloop.reporting.field import PAIRED
from innerloop.startup import places, published

STEP = "evaluation.scored_step"


class Effect(NamedTuple):
    """The score with the run's value minus the score with the other value, in the shown unit."""

    difference: float
    on: str  #: where it was measured
    source: str


def measured(key: str, ours: object, theirs: object, run: Results) -> Effect | None:
    """The effect of a difference, measured as near to the run as is known; None if nobody did.

    Nearest is the run itself, whose scores after other numbers of inner steps are stored; then two
    figures of one paper for the run's setting, docs/effects.yaml, and two rows of a table.

    Arguments:
        key: of the configuration.
        ours, theirs: the values of the run and of the other setting.
        run: its results.
    """
    known = (_of_curve, _of_papers, _of_file, _of_tables)
    return next((e for look in known if (e := look(key, ours, theirs, run)) is not None), None)


def _of_curve(key: str, ours: object, theirs: object, run: Results) -> Effect | None:
    """The run's own score after as many inner steps as the other setting takes."""
    entry = run.test.get(f"{run.metric.name}/step_{theirs}") if key == STEP else None
    mean = run.headline.mean
    if entry is None or entry.mean is None or mean is None:
        return None
    over = f"{entry.tasks} of its tasks" if entry.tasks else "its tasks"
    return Effect(run.metric.scale * (mean - entry.mean), over, "this run, results.json")


def _of_file(key: str, ours: object, theirs: object, run: Results) -> Effect | None:
    fitting = [
        entry
        for entry in _entries()
        if entry["key"] == key and entry["unit"] == run.metric.unit
        if _score(entry, ours) is not None and _score(entry, theirs) is not None
    ]
    if not fitting:
        return None
    nearest = max(fitting, key=lambda entry: _nearness(entry, run))
    on = f"{nearest['algorithm']} on {nearest['dataset']}, "
    on += f"{nearest['ways']}-way {nearest['shots']}-shot"
    scores = [_score(nearest, value) or 0.0 for value in (ours, theirs)]
    return Effect(scores[0] - scores[1], on, nearest["source"])


@cache
def _entries() -> list[PlainDict]:
    entries: list[PlainDict] = read_yaml(places.measured_effects())["effects"]
    return entries


def _score(entry: PlainDict, value: object) -> float | None:
    """The entry's score of a value; `some` is that of any value that has no score of its own."""
    scores = {str(name): score for name, score in entry["scores"].items()}
    if value is None:
        return scores.get("null")
    return scores.get(str(value), scores.get("some"))


def _nearness(entry: PlainDict, run: Results) -> list[bool]:
    """Whether each of these is the run's, the most important first."""
    test = run.episode.test
    own = {"dataset": run.dataset, "shots": test.shots, "algorithm": run.algorithm}
    return [entry[name] == value for name, value in {**own, "ways": test.ways}.items()]


def _of_tables(key: str, ours: object, theirs: object, run: Results) -> Effect | None:
    """The difference of two algorithms in a table, each with its own settings on the same tasks."""
    if key != "algorithm":
        return None
    pairs = [pair for pair in _pairs(str(ours), str(theirs)) if pair[0].metric == run.metric]
    if not pairs:
        return None
    first, second, table = max(pairs, key=lambda pair: _same(pair[0], run))
    mean = (first.headline.mean or 0.0) - (second.headline.mean or 0.0)
    on = f"{first.dataset}, {first.episode.test.in_words}, each with its own settings"
    return Effect(first.metric.scale * mean, on, f"docs/tables/{table}.md")


def _pairs(ours: str, theirs: str) -> Iterator[tuple[Results, Results, str]]:
    """The rows of both algorithms that were tested on the same tasks, with their table."""
    for table, rows in _rows().items():
        for first in rows:
            for second in rows:
                names = (first.algorithm, second.algorithm)
                same = first.protocol.hash == second.protocol.hash
                if names == (ours, theirs) and same and first.model == second.model:
                    yield first, second, table


@cache
def _rows() -> dict[str, Sequence[Results]]:
    """The results that are kept of each table."""
    files = sorted(places.tables().glob("*/*.json"))
    kept: dict[str, list[Results]] = {}
    for file in files:
        if file.name != PAIRED:
            kept.setdefault(file.parent.name, []).append(_read(file))
    return dict(kept)


def _read(file: Path) -> Results:
    return schema.read(read_json(file), file)


def _same(result: Results, run: Results) -> list[bool]:
    return [result.dataset == run.dataset, result.episode.test == run.episode.test]


def _of_papers(key: str, ours: object, theirs: object, run: Results) -> Effect | None:
    """The difference of two algorithms' figures in one paper, for the same data set and sizes."""
    if key != "algorithm":
        return None
    sizes = f"{run.episode.test.ways}way_{run.episode.test.shots}shot"
    names = [f"{run.dataset}_{algorithm}_{sizes}" for algorithm in (ours, theirs)]
    first, second = (published.figures().get(name, {}).get("paper") for name in names)
    if first is None or second is None or first["source"] != second["source"]:
        return None
    if "value" not in first or "value" not in second or first.get("unit") != run.metric.unit:
        return None
    return Effect(first["value"] - second["value"], f"{run.dataset}, {sizes}", first["source"])
