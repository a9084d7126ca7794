"""Settings: finished runs that differ only in their seed, and the differences between settings."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from innerloop.errors import UserError
from innerloop.evaluation.interval import over_seeds
from innerloop.reporting.comparable import SAME
from innerloop.reporting.finished import Finished, configuration_of
from innerloop.reporting.terminal import leave_out
from innerloop.startup.keys import Role, role
from innerloop.startup.run_folder import KEPT

NAMED = ("algorithm", "dataset", "model")  #: groups of which the choice is shown, not its values
ABSENT = "not set"


class Mean(NamedTuple):
    """A mean with its 95% interval; None where they are not known."""

    mean: float | None
    half: float | None  #: half-width of the interval
    over: str  #: such as `600 tasks` or `3 seeds`
    seeds: tuple[float, ...] = ()  #: the mean of each of several seeds


@dataclass(frozen=True)
class Setting:
    """The newest run of each seed of one setting."""

    runs: list[Finished]
    values: dict[str, object]  #: the configuration by dotted key, without what changes no result

    @cached_property
    def following(self) -> set[str]:
        """Keys with values that are computed from other keys; empty if that is not known."""
        try:
            composed = configuration_of(self.first.folder, KEPT)
        except UserError as error:
            leave_out(f"which settings follow others: {error}")
            composed = {}
        return {key for key, value in composed.items() if "${" in str(value)}

    @property
    def first(self) -> Finished:
        """The run of the lowest seed."""
        return self.runs[0]

    def mean(self, entry: str) -> Mean:
        """A metric of the test: over seeds by Student's t, for a single run over tasks."""
        entries = [run.results.test.get(entry) for run in self.runs]
        means = [e.mean for e in entries if e is not None and e.mean is not None]
        if len(means) < len(entries):
            return Mean(None, None, "")
        if len(self.runs) == 1:
            only = self.first.results
            tasks = only.test[entry].tasks or only.protocol.tasks
            return Mean(means[0], only.test[entry].ci95, f"{tasks} tasks")
        return Mean(sum(means) / len(means), over_seeds(means), f"{len(means)} seeds", tuple(means))

    def curve(self) -> list[Mean]:
        """The headline metric after 0, 1, ... inner steps; empty without steps."""
        name = self.first.metric.name
        means: list[Mean] = []
        while f"{name}/step_{len(means)}" in self.first.results.test:
            means.append(self.mean(f"{name}/step_{len(means)}"))
        return means


def settings(runs: Iterable[Finished]) -> list[Setting]:
    """The runs by setting, in the order of the first run of each."""
    groups: dict[str, dict[int, Finished]] = {}
    values_of: dict[str, dict[str, object]] = {}
    for run in runs:
        values = _configured(run)
        key = repr(sorted(values.items(), key=lambda item: item[0])) + run.results.protocol.hash
        groups.setdefault(key, {})[run.results.seed] = run  # keeps the newest of a seed
        values_of[key] = values
    return [
        Setting([seeds[seed] for seed in sorted(seeds)], values_of[key])
        for key, seeds in groups.items()
    ]


def _configured(run: Finished) -> dict[str, object]:
    """The values that define a run's setting, by dotted key."""
    values = run.configuration
    if not values:  # a checkpoint tested again: its command names the run of the checkpoint
        return {k: v for k, v in run.values.items() if k.split(".")[0] in (*SAME, "command")}
    return {k: v for k, v in values.items() if Role.RESULT in role(k)}


def differences(settings: list[Setting]) -> dict[str, list[object]]:
    """Keys with values that differ between settings, with the value of each setting.

    Keys that are computed from others wherever they are set are left out.
    """
    return differing([s.values for s in settings], [s.following for s in settings])


def differing(
    values: Sequence[Mapping[str, object]], following: Sequence[Collection[str]]
) -> dict[str, list[object]]:
    """Keys with values that differ between configurations, with the value of each.

    Arguments:
        values: of each configuration by dotted key.
        following: keys of each whose values are computed from other keys.
    """
    rows = {}
    for key in dict.fromkeys(key for own in values for key in own):
        row = [own.get(key, ABSENT) for own in values]
        follows = [key in f for f, value in zip(following, row, strict=True) if value != ABSENT]
        if any(value != row[0] for value in row) and not all(follows):
            rows[key] = row
    return rows


def labels(settings: list[Setting]) -> list[str]:
    """A short name for each setting: its algorithm, and only distinguishing differences."""
    names = {g: [str(getattr(s.first.results, g)) for s in settings] for g in NAMED}
    names["trained_on"] = [f"trained on {s.first.results.training_set}" for s in settings]
    rows = {group: row for group, row in names.items() if len(set(row)) > 1}
    rows |= {
        key: [f"{key}={value}" for value in row]
        for key, row in differences(settings).items()
        if key.split(".")[0] not in rows
    }
    labels: list[tuple[str, ...]] = [(name,) for name in names["algorithm"]]
    for row in rows.values():
        longer = [(*label, text) for label, text in zip(labels, row, strict=True)]
        labels = longer if len(set(longer)) > len(set(labels)) else labels
    return [", ".join(label) for label in labels]
