"""What the page shows of one run when it is chosen."""

import contextlib
import shlex
from pathlib import Path
from typing import TypedDict

from innerloop.errors import UserError, visible
from innerloop.evaluation.answered import ANSWERS
from innerloop.evaluation.results import CURVE
from innerloop.live.member import LOG, Member, curve, scaled
from innerloop.machine.arrays import read_array
from innerloop.machine.foreign import read_bytes
from innerloop.machine.mappings import read_json
from innerloop.objectives import Metric
from innerloop.reporting.finished import SCORES
from innerloop.reporting.page.pictures import is_drawn, pictures_of, read_picture
from innerloop.startup import places
from innerloop.sweeping import members

TASKS, POINTS = 200, 400  #: most tasks and most points of a curve that are sent
QUERIES = 200  #: most queries of a task whose answers are sent
TAIL, LARGEST = 20_000, 2**26  #: letters of a log that are shown, and bytes that it may have
Curve = list[list[float | None]]


class AnswersOfTask(TypedDict):
    """Labels of one task's queries, and the answers after each inner step; -1 for no query."""

    truth: list[int]
    predicted: list[list[int]]


class Detail(TypedDict):
    """One run; numbers in the metric's unit."""

    training: Curve  #: outer step, minutes and value
    before: Curve  #: the same before the inner loop
    adapting: Curve  #: inner step, mean and half of the interval
    scored: int | None
    tasks: Curve  #: test tasks by inner steps
    answers: list[AnswersOfTask]  #: to the queries of the first tasks
    pictures: list[tuple[str, bool]]  #: names, and whether a dark page may invert them
    log: str
    command: str  #: that started it
    next: list[str]  #: commands to copy


def detail(member: Member) -> Detail:
    """What the page shows of a run."""
    metric = member.metric
    log, name = member.log, metric.name
    after, before = (
        curve(log.points(f"train/{name}{part}", member.tasks, POINTS), metric)
        for part in ("", "_before")
    )
    return {
        "training": after,
        "before": before,
        "adapting": _adapting(member, metric),
        "scored": _scored(member),
        "tasks": _tasks(member, metric),
        "answers": _answers(member.folder),
        "pictures": [(visible(f.stem), _is_drawn(f)) for f in pictures_of(member.folder)],
        "log": _log(member.folder),
        "command": visible(member.get("names.command") or member.get("command") or ""),
        "next": _next(member),
    }


def picture(member: Member, number: int) -> Path:
    """The file of a picture.

    Raises:
        UserError: if the run has no picture of that number.
    """
    files = pictures_of(member.folder)
    if number >= len(files):
        raise UserError(f"{visible(member.folder)} has {len(files)} pictures")
    return files[number]


def _is_drawn(file: Path) -> bool:
    try:
        return is_drawn(read_picture(file))
    except UserError:  # a link, or no picture
        return False


def _scored(member: Member) -> int | None:
    """The inner step of the main result; None for learners without inner steps."""
    return None if member.finished is None else member.finished.results.protocol.scored_step


def _adapting(member: Member, metric: Metric) -> Curve:
    """The mean of the test after each inner step."""
    test = {} if member.finished is None else member.finished.results.test
    steps: Curve = []
    while (entry := test.get(f"{metric.name}/step_{len(steps)}")) is not None:
        steps.append([len(steps), scaled(entry.mean, metric), scaled(entry.ci95, metric)])
    return steps


def _tasks(member: Member, metric: Metric) -> Curve:
    """The scores of single test tasks after each inner step."""
    try:
        scores = read_array(member.folder / SCORES, f"{CURVE}{metric.name}")
    except UserError:  # not finished
        return []
    if scores is None or scores.ndim != 2:
        return []
    return [[scaled(float(value), metric) for value in row] for row in scores[:TASKS]]


def _answers(folder: Path) -> list[AnswersOfTask]:
    """The answers to the first tasks' queries, where the run has stored them."""
    try:
        truth, predicted = (read_array(folder / ANSWERS, name) for name in ("truth", "predicted"))
    except UserError:
        return []
    if truth is None or predicted is None or truth.ndim != 2 or predicted.ndim != 3:
        return []
    return [
        {"truth": own.astype(int).tolist(), "predicted": answers.astype(int).tolist()}
        for own, answers in zip(
            truth[:TASKS, :QUERIES], predicted[:TASKS, :, :QUERIES], strict=False
        )
    ]


def _log(folder: Path) -> str:
    """The end of the program's log, the traceback of a failed run, and the last logged numbers."""
    parts = [_tail(file) for file in sorted(folder.glob("*.log"))]
    with contextlib.suppress(UserError):  # not a member that failed
        parts.append(str(read_json(folder / members.UNFINISHED).get("traceback") or ""))
    parts.append(_tail(folder / LOG, 2_000))
    return "\n".join(visible(line) for part in parts if part for line in part.splitlines())


def _tail(file: Path, most: int = TAIL) -> str:
    try:
        return read_bytes(file, LARGEST, links=False)[-most:].decode(errors="replace")
    except UserError:
        return ""


def _next(member: Member) -> list[str]:
    """Commands to copy: to resume a run, or to look into a finished one."""
    run = shlex.quote(visible(member.folder))
    start = "python src/{}.py" if places.checkout() else "innerloop {}"
    if member.finished is None:
        return [f"{start.format('train')} resume={run}"]
    return [
        f"{start.format('replay')} {run} task=test/0",
        f"{start.format('evaluate')} ckpt_path={run} evaluation.tasks=10000",
        f"{start.format('report')} {run}",
    ]
