"""Tasks from records over time: the first rows of a stretch to adapt to, later ones to predict."""

import hashlib
from abc import abstractmethod
from collections.abc import Mapping
from functools import cached_property
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from innerloop.data import sampling
from innerloop.data.own_table import OwnTask, Table
from innerloop.data.sketch import Curves, Line, Sketch
from innerloop.data.source import TaskSource
from innerloop.errors import UserError
from innerloop.tasks import Episode, Examples, Task

VERSION = 1  #: increase it whenever the same key would draw another task


class Record(NamedTuple):
    """What was measured of one flight, plant or patient, in the order of time.

    Arguments:
        name: for messages.
        inputs: `(n, d)` float32.
        targets: `(n, t)` float32.
    """

    name: str
    inputs: np.ndarray
    targets: np.ndarray


class Records(TaskSource):
    """A task is a stretch of one record: `episode.shots` consecutive rows, then later rows.

    A training task begins anywhere in a random record. Test tasks go through the records in turn,
    first from the beginning of each, then from random places. The queries are drawn from all rows
    after the support, and stand in the order of time.

    A subclass says how the records are read: `load`. Inputs are standardised by the mean and the
    deviation of the training records.
    """

    quantity = "target"  #: what the first target is, with its unit, for pictures

    @abstractmethod
    def load(self) -> Mapping[str, list[Record]]:
        """The records of each split.

        Raises:
            UserError: if files are missing or not what they should be.
        """

    @cached_property
    def _content(self) -> Mapping[str, list[Record]]:
        return self.load()

    @cached_property
    def records(self) -> Mapping[str, list[Record]]:
        """The records of each split, with standardised inputs."""
        return {
            split: [r._replace(inputs=self.standardised(r.inputs)) for r in own]
            for split, own in self._content.items()
        }

    def standardised(self, inputs: np.ndarray) -> np.ndarray:
        """Inputs `(n, d)` by the mean and the deviation of the training records."""
        mean, deviation = self._moments
        return ((inputs - mean) / deviation).astype(np.float32)

    @cached_property
    def _moments(self) -> tuple[np.ndarray, np.ndarray]:
        rows = np.concatenate([record.inputs for record in self._content["train"]])
        return rows.mean(0), np.maximum(rows.std(0), 1e-6)

    def own_task(self, table: Table) -> OwnTask:
        """A task of the column `target`, or `target 1`, `target 2` and so on, and of the inputs:
        all other columns, in the order in which the data set has them."""
        record = self._content["train"][0]
        width, number = record.targets.shape[1], record.inputs.shape[1]
        names = ["target"] if width == 1 else [f"target {i + 1}" for i in range(width)]
        columns = [heading for heading in table.headings if heading not in names]
        if len(columns) != number:
            raise UserError(
                f"{table.file} has {len(columns)} columns beside {', '.join(names)}: this learner "
                f"reads {number} inputs, in the order of {type(self).__name__}."
            )
        table.check_columns(names)
        known, asked = table.divided(names[0])
        targets = table.numbers(known, names).numpy()
        inputs, queries = (
            self.standardised(table.numbers(rows, columns).numpy()) for rows in (known, asked)
        )
        scaled = self.scaled(inputs, targets, len(targets))[1]
        support = Examples(torch.from_numpy(inputs), torch.from_numpy(scaled))
        zero = float(targets[-1, 0] - scaled[-1, 0])
        return OwnTask(support, asked, torch.from_numpy(queries), zero=zero)

    def prepare(self) -> None:
        assert self.records

    def check(self, split: str, episode: Episode) -> None:
        if episode.ways != 1:
            raise UserError(f"A record has no classes: episode.ways is 1, not {episode.ways}.")
        _, shots, queries = episode.numbers
        for record in self.records[split]:
            if len(record.inputs) < shots + queries:
                raise UserError(
                    f"{record.name} has {len(record.inputs)} rows, too few for {shots} shots and "
                    f"{queries} queries: make episode.shots or episode.queries smaller."
                )

    def tasks(self, split: str, indices: np.ndarray, episode: Episode, seed: int) -> Task:
        stream = sampling.split(sampling.keys(seed, f"records/{split}", indices), 3)
        drawn = [
            self._task(split, int(index), key, episode)
            for index, key in zip(indices, stream, strict=True)
        ]
        inputs, targets = (torch.from_numpy(np.stack(part)) for part in zip(*drawn, strict=True))
        shots = episode.numbers[1]
        return Task(
            Examples(inputs[:, :shots], targets[:, :shots]),
            Examples(inputs[:, shots:], targets[:, shots:]),
        )

    def _task(
        self, split: str, index: int, key: np.ndarray, episode: Episode
    ) -> tuple[np.ndarray, np.ndarray]:
        """Inputs and targets of one task, support first."""
        _, shots, queries = episode.numbers
        records = self.records[split]
        turn, number = divmod(index, len(records))
        if split == "train":
            number = int(sampling.integers(key[:1], len(records), 1)[0, 0])
        record = records[number]
        room = len(record.inputs) - shots - queries + 1
        anywhere = split == "train" or turn > 0
        start = int(sampling.integers(key[1:2], room, 1)[0, 0]) if anywhere else 0
        later = np.sort(sampling.choose(key[2], len(record.inputs) - start - shots, queries))
        rows = start + np.concatenate([np.arange(shots), shots + later])
        return self.scaled(record.inputs[rows], record.targets[rows], shots)

    def scaled(
        self, inputs: np.ndarray, targets: np.ndarray, shots: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """The rows of a task in its own units, which only its support may decide; by default the
        same."""
        return inputs, targets

    def sketch(self, task: Task, outputs: Tensor) -> Sketch:
        shots, queries = (examples.targets[:, 0].tolist() for examples in task)
        after = list(range(len(shots), len(shots) + len(queries)))
        return Curves(
            title="one test task: the support, then rows to predict",
            x_label="row",
            y_label=self.quantity,
            lines=[
                Line("support", list(range(len(shots))), shots, "points"),
                Line("truth", after, queries, "line"),
                Line("predicted", after, outputs[:, 0].tolist(), "dashed"),
            ],
        )

    def fingerprint(self, split: str) -> str:
        content = hashlib.sha256()
        for record in self.records[split]:
            content.update(record.inputs.tobytes() + record.targets.tobytes())
        return f"{type(self).__name__.lower()} {split} {content.hexdigest()[:16]} v{VERSION}"
