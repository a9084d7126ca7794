"""Writes the page of the runs in some folders."""

from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict

from innerloop.errors import UserError, visible
from innerloop.evaluation.schema import RESULTS
from innerloop.machine.files import write_whole
from innerloop.machine.foreign import find, there
from innerloop.machine.writable import check_file_writable
from innerloop.reporting.finished import Finished, below, read
from innerloop.reporting.page import board, details
from innerloop.reporting.page.differing import Rows, choices_and_rest
from innerloop.reporting.page.opening import cost, dated, title
from innerloop.reporting.settings import labels, settings
from innerloop.startup.run_folder import KEPT

PALETTE = Path(__file__).parent / "palette.css"  #: colours of light and dark pages


class Content(TypedDict):
    """The variables of the template."""

    title: str
    dated: str
    cost: str
    boards: list[board.Board]
    names: list[str]
    choices: Rows
    rest: Rows
    runs: list[details.Details]
    replaced: list[str]
    unfinished: list[str]


def write(folders: Sequence[Path], out: Path) -> Path:
    """Writes the page of all finished runs in some folders; returns the file.

    Arguments:
        folders: runs, sweeps or folders of runs.
        out: the HTML file.

    Raises:
        UserError: if there are no finished runs, if one of `folders` is a damaged run, or if the
            page cannot be written.
    """
    runs = _runs(folders)
    check_file_writable(out)
    write_whole(out, render(runs, _unfinished(folders)), errors="replace")
    return out


def render(runs: list[Finished], unfinished: list[str]) -> str:
    """The page of finished runs.

    Arguments:
        runs: at least one.
        unfinished: folders of runs that have not finished, as the page names them.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    return environment.get_template("page.html").render(_content(runs, unfinished))


def _runs(folders: Sequence[Path]) -> list[Finished]:
    for folder in folders:
        if there(folder / RESULTS):
            read(folder)  # raises if it is damaged, where `below` would leave it out
    runs = {run.folder.resolve(): run for folder in folders for run in below(folder)}
    if not runs:
        raise UserError(
            f"{', '.join(map(str, folders))}: no finished run there (results.json). Give a run, a "
            "sweep or a folder of runs, such as outputs/."
        )
    return list(runs.values())


def _unfinished(folders: Sequence[Path]) -> list[str]:
    begun = {file.parent for folder in folders for file in find(folder, KEPT.__eq__)}
    return sorted(visible(folder) for folder in begun if not there(folder / RESULTS))


def _content(runs: list[Finished], unfinished: list[str]) -> Content:
    """The variables of the template; older runs of a seed are `replaced`."""
    groups = settings(runs)
    names = labels(groups)
    label_of = {
        run.folder: name for name, group in zip(names, groups, strict=True) for run in group.runs
    }
    shown = [run for run in runs if run.folder in label_of]
    choices, rest = choices_and_rest(groups)
    return {
        "title": title(shown),
        "dated": dated(shown),
        "cost": cost(shown),
        "boards": board.boards(groups, names),
        "names": names,
        "choices": choices,
        "rest": rest,
        "runs": [details.details(run, label_of[run.folder], i) for i, run in enumerate(shown)],
        "replaced": [visible(run.folder) for run in runs if run.folder not in label_of],
        "unfinished": unfinished,
    }
