"""Settings: finished runs that differ in their seed alone, and in what one setting differs from
another."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from innerloop.errors import UserError
from innerloop.evaluation.interval import over_seeds
from innerloop.reporting.contenders import SAME
from innerloop.reporting.finished import Finished, configuration_of
from innerloop.reporting.terminal import leave_out
from innerloop.startup.keys import Role, role
from innerloop.startup.run_folder import KEPT

NAMED = ("algorithm", "dataset", "model")  #: groups whose choice says more than its values
ABSENT = "not set"


class Mean(NamedTuple):
    """A mean, the half-width of its 95% interval (None: unknown), and over what that is."""

    mean: float | None
    half: float | None
    over: str


@dataclass(frozen=True)
class Setting:
    """The newest run of each seed of one setting."""

    runs: list[Finished]
    values: dict[str, Any]  #: the configuration by dotted key, seed and surroundings left out

    @cached_property
    def following(self) -> set[str]:
        """Keys whose values merely follow another's; none where that cannot be read."""
        try:
            composed = configuration_of(self.first.folder, KEPT)
        except UserError as error:
            leave_out(f"which settings follow others: {error}")
            composed = {}
        return {key for key, value in composed.items() if "${" in str(value)}

    @property
    def first(self) -> Finished:
        return self.runs[0]

    def mean(self, entry: str) -> Mean:
        """An entry of the test's results: over seeds by Student's t, of a single run over tasks."""
        found = [run.results.test.get(entry) for run in self.runs]
        means = [one.mean for one in found if one is not None and one.mean is not None]
        if len(means) < len(found):
            return Mean(None, None, "")
        if len(self.runs) == 1:
            only = self.first.results
            tasks = only.test[entry].tasks or only.protocol.tasks
            return Mean(means[0], only.test[entry].ci95, f"{tasks} tasks")
        return Mean(sum(means) / len(means), over_seeds(means), f"{len(means)} seeds")

    def curve(self) -> list[Mean]:
        """The headline metric after 0, 1, ... inner steps; empty without steps."""
        name = self.first.metric.name
        found: list[Mean] = []
        while f"{name}/step_{len(found)}" in self.first.results.test:
            found.append(self.mean(f"{name}/step_{len(found)}"))
        return found


def settings(runs: Iterable[Finished]) -> list[Setting]:
    """The runs by setting, in the order of each one's first run."""
    groups: dict[str, dict[int, Finished]] = {}
    kept: dict[str, dict[str, Any]] = {}
    for run in runs:
        values = _configured(run)
        key = repr(sorted(values.items(), key=lambda item: item[0])) + run.results.protocol.hash
        groups.setdefault(key, {})[run.results.seed] = run  # the newest of a seed stays
        kept[key] = values
    return [
        Setting([seeds[seed] for seed in sorted(seeds)], kept[key]) for key, seeds in groups.items()
    ]


def _configured(run: Finished) -> dict[str, Any]:
    """What makes a run's setting."""
    values = run.configuration
    if not values:  # a checkpoint tested again: its command names it, and with it the setting
        return {k: v for k, v in run.values.items() if k.split(".")[0] in (*SAME, "command")}
    return {k: v for k, v in values.items() if Role.RESULT in role(k)}


def differences(found: list[Setting]) -> dict[str, list[Any]]:
    """Keys whose values differ among settings, with each one's value.

    Keys that follow another wherever they are set are left out.
    """
    following = [setting.following for setting in found]
    rows = {}
    for key in dict.fromkeys(key for setting in found for key in setting.values):
        row = [setting.values.get(key, ABSENT) for setting in found]
        follows = [key in f for f, value in zip(following, row, strict=True) if value != ABSENT]
        if any(value != row[0] for value in row) and not all(follows):
            rows[key] = row
    return rows


def labels(found: list[Setting]) -> list[str]:
    """A short name for each setting: its algorithm, and as few differences as tell them apart."""
    names = {g: [str(getattr(s.first.results, g)) for s in found] for g in NAMED}
    names["trained_on"] = [f"trained on {s.first.results.training_set}" for s in found]
    rows = {group: row for group, row in names.items() if len(set(row)) > 1}
    rows |= {
        key: [f"{key}={value}" for value in row]
        for key, row in differences(found).items()
        if key.split(".")[0] not in rows
    }
    made = [(name,) for name in names["algorithm"]]
    for row in rows.values():
        longer = [(*label, text) for label, text in zip(made, row, strict=True)]
        made = longer if len(set(longer)) > len(set(made)) else made  # type: ignore[assignment]
    return [", ".join(label) for label in made]
