"""Episodes over classes of anything that fits into memory: texts, signals, tables, dicts."""

import hashlib
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from functools import cache, partial
from typing import NamedTuple

import numpy as np
import torch
from torch.utils._pytree import tree_leaves, tree_map

from innerloop.data import checks, layout, sampling
from innerloop.data.own_table import OwnTask, Row, Table, class_task, inputs_like
from innerloop.data.packs import places
from innerloop.data.packs.resident import Places
from innerloop.data.padding import map_inputs
from innerloop.data.source import TaskSource
from innerloop.tasks import Episode, Inputs, Task, count

VERSION = 1  #: increase it whenever the same examples would give other tasks


class Split(NamedTuple):
    """The classes of a split, whose rows follow one another."""

    names: list[str]
    counts: np.ndarray  #: rows of each class
    rows: Inputs  #: all rows: a tensor `(n, ...)`, or a dict of such tensors


class InMemory(TaskSource):
    """N-way episodes over classes of rows; a subclass writes `examples`.

    Arguments:
        name: of the data set.
    """

    unequal = True

    def __init__(self, name: str) -> None:
        self.name = name
        self._split = cache(self._read)

    def __reduce__(self) -> tuple[object, ...]:
        state = {key: value for key, value in vars(self).items() if key != "_split"}
        return _copy, (type(self), state)  # a worker reads the examples again

    @abstractmethod
    def examples(self, split: str) -> Mapping[str, Inputs]:
        """The inputs of each class of a split: `(n, ...)` tensors, or dicts of such tensors.

        Raises:
            UserError: if they cannot be read.
        """

    def check(self, split: str, episode: Episode) -> None:
        names, counts, _ = self._split(split)
        checks.check_ways(self.name, split, episode, len(names))
        checks.check_images(
            name=self.name, split=split, episode=episode, classes=names, counts=counts
        )

    def classes(self, split: str, indices: np.ndarray, episode: Episode, seed: int) -> np.ndarray:
        available = len(self._split(split).names)
        if episode.varies:
            return layout.draw_classes(
                split=split, indices=indices, episode=episode, seed=seed, available=available
            )
        return sampling.choose(_keys(split, indices, seed)[:, 0], available, episode.most_ways)

    def class_names(self, split: str) -> Sequence[str]:
        return self._split(split).names

    def tasks(self, split: str, indices: np.ndarray, episode: Episode, seed: int) -> Task:
        counts = self._split(split).counts
        if episode.varies:
            drawn = layout.draw(
                split=split, indices=indices, episode=episode, seed=seed, supply=counts
            )
            chosen = places.unequal(drawn, counts, turns=1)
        else:
            chosen = places.equal(
                key=_keys(split, indices, seed),
                classes=self.classes(split, indices, episode, seed),
                episode=episode,
                counts=counts,
                turns=1,
            )
        return map_inputs(partial(self._look_up, split), chosen)

    def own_task(self, table: Table) -> OwnTask:
        """A task of the column `label` and of inputs: for tensors, all other columns in their
        order; for a dict, `NAME 1`, `NAME 2` and so on of each of its parts."""
        return class_task(table, lambda rows: self.transform(self._inputs(table, rows)))

    def _inputs(self, table: Table, rows: list[Row]) -> Inputs:
        stored = self._split("train").rows
        if isinstance(stored, torch.Tensor):
            others = [heading for heading in table.headings if heading != "label"]
            return inputs_like(stored, table, rows, others)
        columns = {name: _numbered(name, part) for name, part in stored.items()}
        table.check_columns([heading for own in columns.values() for heading in own])
        return {
            name: inputs_like(part, table, rows, columns[name]) for name, part in stored.items()
        }

    def classes_in(self, split: str) -> int:
        return len(self._split(split).names)

    def labels(self, split: str) -> np.ndarray:
        counts = self._split(split).counts
        return np.repeat(np.arange(len(counts)), counts)

    def rows(self, split: str, rows: np.ndarray) -> Inputs:
        return tree_map(lambda stored: stored[rows], self._split(split).rows)

    def batches(self, split: str, indices: np.ndarray, size: int, seed: int) -> Task:
        walk, counts = indices[:, None] * size + np.arange(size), self._split(split).counts
        chosen = places.plain(name=f"{split}/batches", walk=walk, seed=seed, counts=counts, turns=1)
        return map_inputs(partial(self._look_up, split), chosen)

    def fingerprint(self, split: str) -> str:
        names, counts, rows = self._split(split)
        digest = hashlib.sha256(repr((names, counts.tolist())).encode())
        for leaf in tree_leaves(rows):
            digest.update(leaf.contiguous().numpy().tobytes())
        return f"{self.name} {split} version={VERSION} {digest.hexdigest()[:16]}"

    def _read(self, split: str) -> Split:
        classes = dict(sorted(self.examples(split).items()))
        counts = np.array([count(rows) for rows in classes.values()])
        return Split(
            list(classes), counts, tree_map(lambda *parts: torch.cat(parts), *classes.values())
        )

    def _look_up(self, split: str, chosen: Places) -> Inputs:
        return tree_map(lambda rows: rows[chosen.rows], self._split(split).rows)


def _numbered(name: str, part: torch.Tensor) -> list[str]:
    return [f"{name} {i + 1}" for i in range(part[0].numel())]


def _keys(split: str, indices: np.ndarray, seed: int) -> np.ndarray:
    return sampling.split(sampling.keys(seed, split, indices), 5)


def _copy(kind: type[InMemory], state: dict[str, object]) -> InMemory:
    twin = kind.__new__(kind)
    vars(twin).update(state)
    twin._split = cache(twin._read)
    return twin
