"""The program leaderboard.py: methods that get the same minutes and the same number of trials."""

import shlex
import time
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Annotated

from hydra.errors import HydraException
from pydantic import Field

from innerloop.errors import UserError
from innerloop.evaluation.results import write_json
from innerloop.evaluation.schema import RESULTS
from innerloop.experiment.composed import searched
from innerloop.experiment.listed import listed_tasks
from innerloop.experiment.trained import load
from innerloop.machine.files import write_whole
from innerloop.machine.mappings import read_json
from innerloop.programs.prediction import predict
from innerloop.programs.trials import TIMED, Trial, call, validation
from innerloop.reporting import finished
from innerloop.reporting.leaderboard import Entry, page
from innerloop.startup import places
from innerloop.startup.arguments import Arguments

BUDGET, COST, PAGE = "budget.json", "cost.json", "leaderboard.md"


class LeaderboardArguments(Arguments):
    """Arguments of leaderboard.py; all others are settings of every training."""

    methods: Annotated[str, Field(description="names of conf/search such as maml,protonet")]
    minutes: Annotated[float, Field(description="minutes of each training", gt=0)]
    trials: Annotated[int, Field(description="a number of trainings of each method", ge=1)] = 4
    tasks: Annotated[int, Field(description="a number of test tasks", ge=2)] = 1000
    out: Annotated[Path | None, Field(description="a folder")] = None


def leaderboard(words: list[str]) -> None:
    """Trains what is missing, tests the trial that validation chose, and writes the page.

    Arguments:
        words: the command line.

    Raises:
        UserError: for a method that does not exist, or for the folder of another budget.
    """
    own = {word for word in words if word.partition("=")[0] in LeaderboardArguments.declared()}
    given = LeaderboardArguments.parse([word for word in words if word in own])
    settings = tuple(word for word in words if word not in own)
    methods = list(dict.fromkeys(given.methods.split(",")))
    for method in methods:
        _check_method(method)
    folder = given.out or places.root() / "outputs" / "leaderboards" / _name(settings, given)
    _claim(folder, settings, given)
    entries = [_entry(method, settings, given, folder / method) for method in methods]
    shown = shlex.join([*places.program("leaderboard"), *(w for w in words if "out=" not in w)])
    write_whole(folder / PAGE, page(entries, settings, given.minutes, given.trials, shown))
    print(f"page {folder / PAGE}")


def _check_method(method: str) -> None:
    try:
        searched(method)
    except HydraException:
        known = sorted(file.stem for file in (places.conf() / "search").glob("*.yaml"))
        raise UserError(
            f"methods={method}: there is no search space conf/search/{method}.yaml; choose from "
            f"{', '.join(known)}."
        ) from None


def _name(settings: Sequence[str], given: LeaderboardArguments) -> str:
    values = [word.partition("=")[2].replace("/", "-") for word in settings]
    return "_".join([*values, f"{given.minutes:g}min"])


def _claim(folder: Path, settings: Sequence[str], given: LeaderboardArguments) -> None:
    """Writes down the budget; raises `UserError` if the folder has runs of another one."""
    budget = {"settings": list(settings), "minutes": given.minutes, "tasks": given.tasks}
    file = folder / BUDGET
    if file.is_file() and read_json(file) != budget:
        raise UserError(
            f"{folder} has a leaderboard of another budget ({file}); choose another folder with "
            "out=FOLDER. Methods and trials may be added to it."
        )
    write_json(file, budget)


def _entry(
    method: str, settings: tuple[str, ...], given: LeaderboardArguments, folder: Path
) -> Entry:
    """A method's trials, and the test of the one with the best validation score."""
    trials = [
        Trial(method, number, settings, given.minutes, folder / f"trial{number}")
        for number in range(given.trials)
    ]
    for trial in trials:
        print(f"{method}, trial {trial.number}: {' '.join(trial.drawn) or 'defaults'}", flush=True)
        if not trial.run():
            print(f"  failed: see {trial.folder}*.log", flush=True)
    scored = [(trial, results) for trial in trials if (results := trial.results) is not None]
    if not scored:
        return Entry(method, len(trials), 0, None, None, "", 0.0, 0.0)
    chosen, results = max(scored, key=lambda pair: validation(pair[1]))
    minutes = [(each.seconds or 0.0) / 60 for _, each in scored]
    return Entry(
        method=method,
        trials=len(trials),
        finished=len(scored),
        test=_test(chosen, folder / "test", given.tasks),
        chosen=results,
        setting=" ".join(chosen.drawn) or "defaults",
        minutes=median(minutes),
        milliseconds=_cost(chosen, folder / COST),
    )


def _test(chosen: Trial, folder: Path, tasks: int) -> finished.Finished | None:
    """The test of a trial's best checkpoint; a test of another trial is replaced."""
    file = folder / RESULTS
    done = file.is_file() and read_json(folder / "of.json") == {"trial": chosen.number}
    if not done:
        words = [f"ckpt_path={chosen.folder}", f"evaluation.tasks={tasks}", "evaluation.audit=50"]
        file.unlink(missing_ok=True)
        call("evaluate", folder, [*words, f"hydra.run.dir={folder}"])
        write_json(folder / "of.json", {"trial": chosen.number})
    return finished.read(folder) if file.is_file() else None


def _cost(chosen: Trial, file: Path) -> float:
    """Milliseconds to adapt to a new task and to answer its queries, on the CPU, one at a time."""
    known = read_json(file) if file.is_file() else {}
    if known.get("trial") != chosen.number:
        known = {"trial": chosen.number, "milliseconds": _measure(chosen.folder)}
        write_json(file, known)
    return float(known["milliseconds"])


def _measure(run: Path) -> float:
    trained, times = load(run), []
    for support, query in islice(listed_tasks(run), 1 + TIMED):
        began = time.perf_counter()
        predict(trained, support, query.inputs, trained.steps)
        times.append(1e3 * (time.perf_counter() - began))
    return median(times[1:] or times)
