"""Intensive care: who dies in hospital (PhysioNet challenge of 2012, Silva et al.)."""

import functools
import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from innerloop.data import sampling
from innerloop.data.patients import answers, files
from innerloop.data.patients.summaries import ages, summaries, units
from innerloop.data.sketch import Listing, Sketch
from innerloop.data.source import TaskSource
from innerloop.errors import UserError
from innerloop.tasks import PADDING, Episode, Examples, Padded, Task, bounds

VERSION = 1  #: increase it whenever the same key would draw another task
OLD = 65.0  #: years, from which patients form groups of their own
BANDS = (12, 16)  #: SAPS-I scores at which the second and the third band of risk begin
UNITS = ("coronary", "cardiac surgery", "medical", "surgical")


class Group(NamedTuple):
    """Patients from among whom a task is drawn."""

    name: str
    rows: np.ndarray  #: numbers of the patients, from 0


class ICU(TaskSource):
    """A task is a group of patients: the outcome of a few is known, that of others is asked for.

    Groups of training and validation are bands of risk among the patients of the challenge's set a,
    by their score SAPS-I, those of training also by age; a fifth of the patients is for validation.
    Test groups are the four kinds of units of set c, each by age: other patients, and groups of
    another kind.

    `episode.shots` times two patients are known and `episode.queries` times two are asked for,
    drawn from the group without regard to their outcome, so that a support may have no death.

    Inputs are 160 numbers of the first two days, see `innerloop.data.patients.summaries`; neither
    the unit nor a score is among them. A target is 1 for a patient who died in hospital.

    Arguments:
        data_dir: folder of all data sets; it holds `physionet2012`.

    References:
        Silva, Moody, Scott, Celi and Mark, "Predicting in-hospital mortality of ICU patients: the
        PhysioNet/Computing in Cardiology challenge 2012", 2012.
    """

    unequal = True

    def __init__(self, data_dir: str) -> None:
        self.folder = Path(data_dir)

    @functools.cached_property
    def patients(self) -> tuple[np.ndarray, np.ndarray, dict[str, list[Group]]]:
        """Inputs `(n, 160)` and outcomes `(n,)` of all patients, and the groups of each split."""
        read = files.load(self.folder)
        training = (read.group == "a") & (read.number % 5 != 0)
        return summaries(read, training), read.died.astype(np.int64), _groups(read, training)

    def prepare(self) -> None:
        assert self.patients

    def check(self, split: str, episode: Episode) -> None:
        if episode.ways != 2:
            raise UserError(f"A patient dies or lives: episode.ways is 2, not {episode.ways}.")
        if isinstance(episode.queries, tuple):
            raise UserError(f"episode.queries={episode.queries}: give one number of queries.")
        needed = 2 * sum(bounds(part).high for part in episode[1:3])
        for group in self.patients[2][split]:
            if len(group.rows) < needed:
                raise UserError(
                    f"The group {group.name} has {len(group.rows)} patients, fewer than the "
                    f"{needed} of a task: make episode.shots or episode.queries smaller."
                )

    def tasks(self, split: str, indices: np.ndarray, episode: Episode, seed: int) -> Task:
        inputs, died, groups = self.patients
        key = sampling.split(sampling.keys(seed, f"icu/{split}", indices), 3)
        chosen = np.asarray(indices) % len(groups[split])
        if split == "train":
            chosen = sampling.integers(key[:, 0], len(groups[split]), 1)[:, 0]
        (fewest, most), queries = bounds(episode.shots), 2 * bounds(episode.queries).high
        sizes = 2 * fewest + sampling.integers(key[:, 1], 2 * (most - fewest) + 1, 1)
        population = np.array([len(groups[split][place].rows) for place in chosen])
        places = sampling.choose(key[:, 2], population, 2 * most + queries)
        rows = np.stack([groups[split][g].rows[own] for g, own in zip(chosen, places, strict=True)])
        real = np.arange(2 * most) < sizes
        support = _examples(inputs, died, rows[:, queries:], real)
        return Task(
            support, _examples(inputs, died, rows[:, :queries], np.full((1, queries), True))
        )

    def baselines(self) -> Mapping[str, Callable[[Task], Tensor]]:
        inputs, died, groups = self.patients
        rows = np.concatenate([group.rows for group in groups["train"]])
        pooled = Examples(torch.from_numpy(inputs[rows]), torch.from_numpy(died[rows]))
        return answers.baselines(pooled)

    def sketch(self, task: Task, outputs: Tensor) -> Sketch:
        risks = (outputs[:, 1] - outputs[:, 0]).sigmoid()
        order = risks.argsort(descending=True)
        rows = [
            [
                str(place + 1),
                f"{100 * float(risks[i]):.1f} %",
                "died" if task.query.targets[i] else "",
            ]
            for place, i in enumerate(order.tolist())
        ]
        known = f"{int(task.support.targets.sum())} of {len(task.support.targets)} known ones died"
        return Listing(f"patients by risk; {known}", ["rank", "risk", "outcome"], rows[:24])

    def fingerprint(self, split: str) -> str:
        inputs, died, groups = self.patients
        content = hashlib.sha256()
        for group in groups[split]:
            content.update(inputs[group.rows].tobytes() + died[group.rows].tobytes())
        return f"icu {split} {content.hexdigest()[:16]} v{VERSION}"


def _groups(patients: files.Patients, training: np.ndarray) -> dict[str, list[Group]]:
    """The groups of each split."""
    old, band, kind = ages(patients) >= OLD, np.digitize(patients.score, BANDS), units(patients)
    scored = (patients.group == "a") & (patients.score >= 0)
    by_risk = [(f"SAPS-I band {b + 1}", scored & (band == b)) for b in range(3)]
    by_unit = [(f"{name} unit", (patients.group == "c") & (kind == number))
               for number, name in enumerate(UNITS, 1)]  # fmt: skip
    return {
        "train": _by_age([(name, own & training) for name, own in by_risk], old),
        "val": [Group(name, np.flatnonzero(own & ~training)) for name, own in by_risk],
        "test": _by_age(by_unit, old),
    }


def _by_age(groups: list[tuple[str, np.ndarray]], old: np.ndarray) -> list[Group]:
    """Each group in two: below `OLD`, and from there."""
    return [
        Group(f"{name}, {words} {OLD:g}", np.flatnonzero(own & part))
        for name, own in groups
        for words, part in (("below", ~old), ("from", old))
    ]


def _examples(inputs: np.ndarray, died: np.ndarray, rows: np.ndarray, real: np.ndarray) -> Examples:
    """Patients `(T, n)` as padded examples.

    Arguments:
        real: `(T, n)` or `(1, n)` bool.
    """
    mask = torch.from_numpy(np.broadcast_to(real, rows.shape).copy())
    values = torch.where(mask[..., None], torch.from_numpy(inputs[rows]), 0)
    return Examples(Padded(values, mask), torch.where(mask, torch.from_numpy(died[rows]), PADDING))
