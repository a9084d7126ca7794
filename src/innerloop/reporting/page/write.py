"""From folders of runs to the page."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from innerloop.errors import UserError, visible
from innerloop.evaluation.schema import RESULTS
from innerloop.machine.files import check_file_writable, write_whole
from innerloop.machine.foreign import find, there
from innerloop.reporting.finished import Finished, below, read
from innerloop.reporting.page import board, details
from innerloop.reporting.settings import differences, labels, settings
from innerloop.startup.run_folder import KEPT


def write(folders: Sequence[Path], out: Path) -> Path:
    """Writes the page of all finished runs in some folders, and returns its place.

    Raises:
        UserError: if there are none, if a run that was named is damaged, or if the page cannot be
            written.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    runs = _runs(folders)
    check_file_writable(out)
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    text = environment.get_template("page.html").render(_content(runs, _unfinished(folders)))
    write_whole(out, text, errors="replace")
    return out


def _runs(folders: Sequence[Path]) -> list[Finished]:
    for folder in folders:
        if there(folder / RESULTS):
            read(folder)  # named itself, it is not left out in silence
    found = {run.folder.resolve(): run for folder in folders for run in below(folder)}
    if not found:
        raise UserError(
            f"{', '.join(map(str, folders))}: no finished run there (results.json). Give a run, a "
            "sweep or a folder of runs, such as outputs/."
        )
    return list(found.values())


def _unfinished(folders: Sequence[Path]) -> list[str]:
    begun = {file.parent for folder in folders for file in find(folder, KEPT.__eq__)}
    return sorted(visible(folder) for folder in begun if not there(folder / RESULTS))


def _content(runs: list[Finished], unfinished: list[str]) -> dict[str, Any]:
    """What the template asks for."""
    found = settings(runs)
    names = labels(found)
    of_run = {
        run.folder: n for n, setting in zip(names, found, strict=True) for run in setting.runs
    }
    kept = [run for run in runs if run.folder in of_run]
    return {
        "title": _title(runs[0])
        if len(runs) == 1
        else f"{len(kept)} runs of {len(found)} settings",
        "boards": board.boards(found, names),
        "names": names,
        "differences": differences(found),
        "runs": [details.details(run, of_run[run.folder], i) for i, run in enumerate(kept)],
        "replaced": [visible(run.folder) for run in runs if run.folder not in of_run],
        "unfinished": unfinished,
    }


def _title(run: Finished) -> str:
    results = run.results
    return f"{results.algorithm} on {results.tested_on}, seed {results.seed}"
