"""The page of a table of methods, made from the results that are kept of their runs."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from innerloop.evaluation import schema, stamps
from innerloop.evaluation.schema import Results
from innerloop.machine.mappings import read_json, read_yaml
from innerloop.reporting.baseline_table import HEADINGS, baseline_rows, other_rows, trial_rows
from innerloop.reporting.numbers import mean_and_half
from innerloop.reporting.summary import STEPS

PAIRED = "paired.json"  #: the difference of each member to the best of the same test

Behind = Mapping[str, Mapping[str, float]]  #: by member, as `PAIRED` has them


def page(definition: Path, kept: Path) -> str:
    """The Markdown page: a table for each test, the best method first.

    Arguments:
        definition: a YAML file with `title`, `text`, `runs`, and `cross` if two fields of the
            results span a table of their own, such as `[model, algorithm]`.
        kept: the folder with a file of results for each member, and `PAIRED`.
    """
    about = read_yaml(definition)
    files = [file for file in sorted(kept.glob("*.json")) if file.name != PAIRED]
    results = {file.stem: schema.read(read_json(file), file) for file in files}
    behind: Behind = read_json(kept / PAIRED) if (kept / PAIRED).is_file() else {}
    parts = [f"# {about['title']}", about["text"].strip(), _origin(definition.stem)]
    tests: dict[str, dict[str, Results]] = {}
    for name, result in results.items():
        title = f"{result.dataset}, {result.episode.test.in_words}"
        tests.setdefault(title, {})[name] = result
    if "cross" in about and results:
        parts.append(_cross(results.values(), *about["cross"]))
    for title, same in tests.items():
        parts += [f"## {title}", _table(same, behind)]
        parts += [_baselines(result) for result in same.values() if result.baselines]
    return "\n\n".join(parts) + "\n"


def _origin(name: str) -> str:
    return (
        f"Made by `make table TABLE={name}` from the results in `docs/tables/{name}/`. Intervals "
        'are 95% over test tasks. "Behind the best" is the mean difference to the first row, taken '
        "task by task on the same tasks. Each run has one seed, so the differences are about these "
        "runs; `compare.py` compares methods over seeds."
    )


def _table(results: Mapping[str, Results], behind: Behind) -> str:
    """A row for each member, the best first."""
    metric = next(iter(results.values())).metric
    sign = -1 if metric.higher_is_better else 1
    names = sorted(results, key=lambda name: sign * (results[name].headline.mean or 0.0))
    rows = [_row(results[name], behind.get(name)) for name in names]
    used = [column for column in rows[0] if any(row[column] for row in rows)]
    return _markdown(used, [[row[column] or "-" for column in used] for row in rows])


def _baselines(result: Results) -> str:
    """What `evaluation.baselines=true` found, below a line that says about which run."""
    rows = [[cell or "-" for cell in row] for row in baseline_rows(result)]
    more = [_by_heading(rows) for rows in (other_rows(result), trial_rows(result)) if rows]
    tables = [_markdown(list(HEADINGS), rows), *more]
    return "\n\n".join([f"Baselines of `{result.command}`:", *tables])


def _by_heading(rows: Sequence[Mapping[str, str]]) -> str:
    return _markdown(list(rows[0]), [list(row.values()) for row in rows])


def _row(result: Results, behind: Mapping[str, float] | None) -> dict[str, str]:
    """The cells of a member by heading; a column without any cell is left out."""
    metric, headline = result.metric, result.headline
    test = mean_and_half(headline.mean, headline.ci95, metric)
    by_step = {f"after {step}": _after(result, step) for step in STEPS}
    return {
        "method": f"{result.algorithm}, {result.model}",
        metric.label or metric.name: test,
        **({} if metric.higher_is_better else by_step),
        "behind the best": _difference(result, behind),
        "batch norm": result.norm or "",
        "training": result.training_in_words,
        "audit": stamps.in_words([result.audited]),
        "minutes": f"{(result.seconds or 0.0) / 60:.1f}",
        "command": f"`{result.command}`",
    }


def _after(result: Results, step: int) -> str:
    entry = result.test.get(f"{result.metric.name}/step_{step}")
    return "" if entry is None else mean_and_half(entry.mean, entry.ci95, result.metric)


def _difference(result: Results, behind: Mapping[str, float] | None) -> str:
    if behind is None:
        return ""
    return mean_and_half(behind["mean"], behind["ci95"], result.metric, sign="+")


def _cross(results: Iterable[Results], rows: str, columns: str) -> str:
    """The headline of every member by two fields of its results."""
    cells = {(getattr(r, rows), getattr(r, columns)): r for r in results}
    across = list(dict.fromkeys(column for _, column in cells))
    lines = [
        [str(row), *[_cell(cells.get((row, column))) for column in across]]
        for row in dict.fromkeys(row for row, _ in cells)
    ]
    return _markdown([f"{rows} by {columns}", *map(str, across)], lines)


def _cell(result: Results | None) -> str:
    if result is None:
        return "-"
    return mean_and_half(result.headline.mean, result.headline.ci95, result.metric)


def _markdown(headings: list[str], rows: list[list[str]]) -> str:
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
