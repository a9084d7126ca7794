"""A run as the page lists it, read again only where its files have changed."""

import math
import os
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import TypedDict

from innerloop.errors import UserError, visible
from innerloop.evaluation.older import metric_of
from innerloop.evaluation.schema import RESULTS
from innerloop.live.health import troubles
from innerloop.live.log import Log, Point
from innerloop.objectives import Metric
from innerloop.reporting.finished import CONFIGURATION, Finished, configuration_of, read
from innerloop.startup.keys import Role, role
from innerloop.startup.run_folder import KEPT
from innerloop.sweeping import members

LOG = "metrics.csv"
WATCHED = (RESULTS, CONFIGURATION, KEPT, LOG, members.UNFINISHED)
FAILED = "checkpoints/before_step_*.ckpt"  #: the state before an outer step that was not finite
CERTAIN = 5.0  #: seconds for which a run that was at work counts as running
POINTS = 60  #: of a run's curve in the list


class Entry(TypedDict):
    """A run in the list; numbers in the metric's unit, times in seconds, None where unknown."""

    id: str
    name: str
    folder: str
    sweep: str
    algorithm: str
    dataset: str
    size: str
    seed: int | None
    state: str  #: running, finished, failed or stopped
    troubles: list[str]
    step: int
    steps: int | None
    tasks: int
    speed: float | None
    left: float | None
    metric: str
    heading: str
    log: bool
    higher: bool
    curve: list[list[float | None]]  #: outer step, minutes and value of each validation
    mean: float | None
    half: float | None
    changed: float
    choices: dict[str, str]


class Member:
    """A run's files.

    Arguments:
        folder: of the run.
        outputs: the folder that the page shows.
    """

    def __init__(self, folder: Path, outputs: Path) -> None:
        self.folder, self.outputs = folder, outputs
        self.id = sha256(os.fsencode(folder.relative_to(outputs))).hexdigest()[:12]
        self.log = Log(folder / LOG)
        self.finished: Finished | None = None
        self.configuration: dict[str, object] = {}
        self.following: set[str] = set()  #: keys whose values are computed from other keys
        self.changed = 0.0  #: when anything was written
        self.values: dict[str, object] = {}  #: what makes its setting, by dotted key
        self._asked = 0.0, False  # when it was last known whether a process is at work, and whether
        self._files = {name: os.path.join(folder, name) for name in WATCHED}
        self._stamps: dict[str, tuple[int, int]] = {}
        self._entry: Entry | None = None  #: of a finished run, which no longer changes

    def update(self) -> bool:
        """Reads what has changed; returns whether that was its configuration or its results."""
        if self.finished is not None and not self._changed((RESULTS, LOG)):
            return False
        stamps = {name: stamp for name, file in self._files.items() if (stamp := _stamp(file))}
        new = {name for name in WATCHED if stamps.get(name) != self._stamps.get(name)}
        self._stamps, self._entry = stamps, None if new else self._entry
        self.changed = max((time for time, _ in stamps.values()), default=0) / 1e9
        if LOG in new:
            self.log.update()
        if RESULTS in new:
            self.finished = self._results()
        if CONFIGURATION in new or KEPT in new:
            self.configuration, composed = self._configured(CONFIGURATION), self._configured(KEPT)
            self.following = {key for key, value in composed.items() if "${" in str(value)}
            self.values = {k: v for k, v in self.configuration.items() if _of_setting(k)}
        return bool(new - {LOG, members.UNFINISHED})

    def _changed(self, names: Sequence[str]) -> bool:
        return any(_stamp(self._files[name]) != self._stamps.get(name) for name in names)

    @property
    def metric(self) -> Metric:
        """The headline metric; of a run without results as far as its log tells."""
        if self.finished is not None:
            return self.finished.metric
        name = self.log.metric
        return metric_of(name, higher_is_better=None)

    @property
    def tasks(self) -> int:
        """Tasks of an outer step."""
        return whole(self.get("outer.tasks")) or 1

    def get(self, key: str) -> object:
        """A value of the configuration or, of a test without one, of the results."""
        if key in self.configuration:
            return self.configuration[key]
        name = key.removeprefix("names.")
        return None if self.finished is None else self.finished.values.get(name)

    def entry(self, now: float) -> Entry:
        """The run in the list, without its choices.

        Arguments:
            now: seconds since the epoch.
        """
        if self._entry is None or self.finished is None:
            self._entry = self._described(now)
        return self._entry

    def _described(self, now: float) -> Entry:
        metric, running = self.metric, self._is_running(now)
        speed, steps = self.log.last("train/tasks_per_second"), whole(self.get("outer.steps"))
        left = None if not speed or steps is None else (steps - self.log.step) * self.tasks / speed
        headline = None if self.finished is None else self.finished.headline
        parent = self.folder.parent.relative_to(self.outputs)
        return {
            "id": self.id, "name": visible(self.name), "folder": visible(self.folder),
            "sweep": visible(parent), "algorithm": visible(self.get("names.algorithm") or "?"),
            "dataset": visible(self.get("names.dataset") or "?"), "size": self._size(),
            "seed": whole(self.get("seed")), "state": self._state(running),
            "troubles": self._troubles(running, now), "step": self.log.step, "steps": steps,
            "tasks": self.tasks, "speed": finite(speed), "left": finite(left) if running else None,
            "metric": visible(metric.name), "heading": visible(metric.heading), "log": metric.log,
            "higher": metric.higher_is_better,
            "curve": curve(self.log.points(f"val/{metric.name}", self.tasks, POINTS), metric),
            "mean": None if headline is None else scaled(headline.mean, metric),
            "half": None if headline is None else scaled(headline.ci95, metric),
            "changed": self.changed, "choices": {},
        }  # fmt: skip

    @property
    def name(self) -> str:
        """The folder's name; a test on another data set is named with its run."""
        return self.finished.name if self.finished is not None else self.folder.name

    def _is_running(self, now: float) -> bool:
        """Whether a process is at work; asked again only after a while."""
        if self.finished is None and now - self._asked[0] > CERTAIN:
            self._asked = now, members.running(self.folder)
        return self.finished is None and self._asked[1]

    def _results(self) -> Finished | None:
        try:
            return read(self.folder) if RESULTS in self._stamps else None
        except UserError:  # damaged, which the list shows as a run without results
            return None

    def _configured(self, name: str) -> dict[str, object]:
        try:
            return configuration_of(self.folder, name)
        except UserError:
            return {}

    def _size(self) -> str:
        """Ways and shots of a test task: `5w1s`."""
        ways, shots = (_span(self.get(f"episode.test.{key}")) for key in ("ways", "shots"))
        return f"{ways}w{shots}s" if ways not in ("", "1") else f"{shots}s"

    def _state(self, running: bool) -> str:
        if running:
            return "running"
        if self.finished is not None:
            return "finished"
        return "failed" if self._why() else "stopped"

    def _troubles(self, running: bool, now: float) -> list[str]:
        pause = self.log.pause(self.tasks)
        found = troubles(self.log, running, now - self.changed, pause)
        return [visible(words, 300) for words in [*found, *filter(None, [self._why()])]]

    def _why(self) -> str:
        """Why the run failed; empty if it did not, or if nobody knows."""
        if self.finished is not None:
            return ""
        stopped = members.unfinished(self.folder)
        if stopped is not None and stopped.reason not in (members.RUNNING, members.SILENT_END):
            return stopped.reason
        return "NaN: the training stopped" if any(self.folder.glob(FAILED)) else ""


def curve(points: Sequence[Point], metric: Metric) -> list[list[float | None]]:
    """Points in the metric's unit."""
    return [[p.step, round(p.minutes, 3), scaled(p.value, metric)] for p in points]


def scaled(value: float | None, metric: Metric) -> float | None:
    """A value in the metric's unit, with six digits."""
    return None if value is None else finite(metric.scale * value)


def finite(value: float | None) -> float | None:
    """A number with six digits; None for what JSON cannot hold."""
    return None if value is None or not math.isfinite(value) else float(f"{value:.6g}")


def whole(value: object) -> int | None:
    """A whole number; None for anything else."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _of_setting(key: str) -> bool:
    """Whether a key makes a run's setting; the seed and the names do not."""
    return Role.RESULT in role(key)


def _span(value: object) -> str:
    """A size or a range of sizes in a few letters; empty for anything else."""
    if isinstance(value, list):
        return "-".join(_span(part) for part in value[:2])
    return "" if whole(value) is None else str(value)


def _stamp(file: str) -> tuple[int, int] | None:
    """When a file was written, and its size; None if there is none."""
    try:
        status = os.stat(file)
    except (OSError, ValueError):
        return None
    return status.st_mtime_ns, status.st_size
